"""How fast mammals are rendered, breeds named, latents blended and pictures put into clusters; all in one run.

    python benchmarks/mammals.py --output benchmarks/results/mammals_speed.json

Breeds and blends are timed in one thread, as a Space computes them for each of several visitors.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from timing import seconds

from betwixt import VAE, ImageClassifier
from betwixt.clusters import METHODS, find
from betwixt.hub import locate
from betwixt.images import to_images
from betwixt.latents import path
from betwixt.maps import TSNEMap

ROUNDS = 15
SIZES = (64, 128)
PICTURES = 1000  # that are put into clusters
COUNT = {"kmeans": 16, "hdbscan": 6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2, help="that render at a time")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
    from worlds import mammals as world

    torch.set_num_threads(1)
    table = {"processes": options.processes, **rendering(world, options.processes)}
    table |= networks(world) | clusters(world)
    text = json.dumps({name: round(value, 4) for name, value in table.items()}, indent=2)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def rendering(world, processes: int) -> dict[str, float]:
    """Pictures a second; two runs of each size, so that the start of the processes cancels out."""
    table = {}
    for size in SIZES:
        times = []
        for count in (128, 512):
            factors, started = world.sample_factors(count, 0), time.perf_counter()
            world.render(factors, size, processes=processes)
            times.append(time.perf_counter() - started)
        table[f"rendered a second, {size} pixels"] = 384 / (times[1] - times[0])
    return table


def networks(world) -> dict[str, float]:
    """Seconds for one picture's breed, decoded and square already; for one blend; and for a film's pictures."""
    classifier = ImageClassifier.from_pretrained(locate("mammals-breeds", "model")).to(
        memory_format=torch.channels_last
    )
    coder = VAE.from_pretrained(locate("mammals-vae", "model")).to(memory_format=torch.channels_last)
    pictures = to_images(world.render(world.sample_factors(2, 0), 128) / 127.5 - 1)

    @torch.inference_mode()
    def film(steps: int) -> None:
        to_images(coder.decode(path(latents, steps)))

    with torch.inference_mode():
        latents = torch.cat([coder.encode(torch.randn(1, 3, 64, 64))[0] for _ in range(2)])
    for _ in range(3):
        classifier.predict(pictures[:1])
        film(1)
    return {
        "seconds for a breed": seconds(lambda: classifier.predict(pictures[:1]), ROUNDS),
        "seconds for a blend": seconds(lambda: film(1), ROUNDS),
        "seconds for a film of 17": seconds(lambda: film(16), ROUNDS),
    }


def clusters(world) -> dict[str, float]:
    """Seconds for clusters, and a map, of as many embedded pictures."""
    classifier = ImageClassifier.from_pretrained(locate("mammals-breeds", "model"))
    pictures = to_images(world.render(world.sample_factors(PICTURES, 1), 64, processes=2) / 127.5 - 1)
    features = classifier.embed(pictures)
    table = {}
    for name in METHODS:
        table[f"seconds for {name} of {PICTURES}"] = seconds(lambda: find(features, name, COUNT[name]), 3)  # noqa: B023
    return table | {f"seconds for a map of {PICTURES}": seconds(lambda: TSNEMap.fit(features, 20.0), 2)}


if __name__ == "__main__":
    main()
