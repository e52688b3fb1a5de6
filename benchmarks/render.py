"""Speed of a rendered world, one JSON line per kind of picture, and where the time goes.

    python benchmarks/render.py --world mammals --count 64 --image-size 64

`images_per_second` is wall time and suffers from whatever else runs; `cpu_ms_per_image`, summed over
threads, does not.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import json
import pstats
import sys
import time
from pathlib import Path

import torch

KINDS = {  # of each world
    "clocks_crocodiles": ("clock", "crocodile", "morph", "neither"),
    "landmarks": (None,),
    "mammals": ("dog", "cat"),
}
STAGES = {  # function: what it does
    "_scene": "scenes",
    "surfaces": "backdrop",
    "march": "sphere tracing",
    "_surface": "normals and colours",
    "paint": "paint",
    "occlusion": "occlusion and shadow",
    "_lit": "light",
}


def measure(world, kind: str | None, count: int, image_size: int, device: str) -> dict:
    """Time one render of `count` pictures in this process, on one core."""
    factors = world.sample_factors(count, 0, kind)
    world.render(factors[:4], image_size, device)  # first calls allocate and start threads
    wall, cpu = time.perf_counter(), time.process_time()
    world.render(factors, image_size, device)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "kind": kind,
        "image_size": image_size,
        "count": count,
        "device": device,
        "images_per_second": round(count / wall, 1),
        "cpu_ms_per_image": round(1000 * cpu / count, 1),
    }


def measure_processes(world, kinds: tuple, count: int, image_size: int, processes: int) -> dict:
    """Images per second of several processes, one core each; two runs, so that their start cancels out."""
    seconds = []
    for factor in (1, 3):
        factors = world.sample_factors(factor * count, 0, kinds[0]) + world.sample_factors(factor * count, 1, kinds[-1])
        start = time.perf_counter()
        world.render(factors, image_size, processes=processes)
        seconds.append(time.perf_counter() - start)
    return {"processes": processes, "images_per_second": round(4 * count / (seconds[1] - seconds[0]), 1)}


def profile(world, kinds: tuple, image_size: int, device: str) -> dict:
    """Share of each stage in one batch on one thread."""
    factors = world.sample_factors(8, 0, kinds[0]) + world.sample_factors(8, 1, kinds[-1])
    profiler = cProfile.Profile()
    scenes = profiler.runcall(lambda: [world._scene(row) for row in factors.rows])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as `render` does it, in a thread that a profiler does not see
    backdrop = getattr(world, "backdrops", None) or world.landscape
    settings = (world.paint, backdrop.surfaces, image_size, device)
    profiler.runcall(world.raymarch.render_batch, scenes, *settings)
    torch.set_num_threads(threads)
    stats = pstats.Stats(profiler)
    cumulative = {name: numbers[3] for (_, _, name), numbers in stats.stats.items() if name in STAGES}
    shares = {what: round(cumulative.get(name, 0.0) / stats.total_tt, 3) for name, what in STAGES.items()}
    return {"shares_of_time": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default="clocks_crocodiles", choices=KINDS)
    parser.add_argument("--count", type=int, default=64, help="pictures of each kind")
    parser.add_argument("--image-size", type=int, default=64, help="side in pixels, a multiple of 8")
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--processes", type=int, default=2, help="also measure this many processes together")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
    world, kinds = importlib.import_module(f"worlds.{options.world}"), KINDS[options.world]
    for kind in kinds:
        print(json.dumps(measure(world, kind, options.count, options.image_size, options.device)), flush=True)
    if options.processes > 1 and options.device == "cpu":
        print(
            json.dumps(measure_processes(world, kinds, options.count, options.image_size, options.processes)),
            flush=True,
        )
    print(json.dumps(profile(world, kinds, options.image_size, options.device)))


if __name__ == "__main__":
    main()
