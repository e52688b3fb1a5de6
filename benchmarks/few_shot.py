"""How well and how fast two classes are learned from a few pictures, beside the same regression on raw pixels.

python benchmarks/few_shot.py PHOTOS/pets/full PHOTOS/landmarks --pictures 8 20 100

Each folder holds one folder of pictures per class; pairs of them are learned, and all other pictures of both judged.
"""

import argparse
import json
import random
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

from betwixt import ImageClassifier, metrics
from betwixt.collection import SUFFIXES
from betwixt.few_shot import learn_classes
from betwixt.images import ImageError, open_image, to_tensor

PIXELS = 16  # side of the pictures whose raw pixels are compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", default="clocks-crocodiles-classifier", help="on whose features classes are learned")
    parser.add_argument("--pictures", nargs="+", type=int, default=[20], help="of each class to learn from")
    parser.add_argument("--pairs", type=int, default=12, help="of classes with twice as many pictures, drawn at random")
    parser.add_argument("--output", type=Path, help="write the table here as well")
    parser.add_argument("--most", type=int, default=200, help="pictures of a class that are read")
    options = parser.parse_args()
    backbone = ImageClassifier.from_pretrained(options.model).to(memory_format=torch.channels_last)
    results: dict[str, dict] = {}
    for folder in options.folders:
        pictures = {path: read(path, options.most) for path in sorted(folder.iterdir()) if path.is_dir()}
        for count in options.pictures:
            enough = [path for path, of_class in pictures.items() if len(of_class) >= 2 * count]
            usable = list(combinations(enough, 2))
            usable = random.Random(0).sample(usable, min(options.pairs, len(usable)))
            if not usable:
                continue
            found = [judge(backbone, *(pictures[path] for path in pair), count) for pair in usable]
            names = ("accuracy", "accuracy of raw pixels", "seconds to learn", "seconds for each picture judged")
            results[f"{folder.parent.name}/{folder.name}, {count} of each, {len(usable)} pairs"] = {
                name: metrics.with_interval(torch.tensor(values)) if name.startswith("accuracy") else np.median(values)
                for name, values in zip(names, zip(*found, strict=True), strict=True)
            }
    text = json.dumps(results, indent=2)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def read(folder: Path, most: int) -> list[Image.Image]:
    """Pictures of a folder, in an order of their own; files that are none are left out."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    random.Random(0).shuffle(files)
    pictures = []
    for file in files[:most]:
        try:
            pictures.append(open_image(file, min_side=128))
        except ImageError:
            continue
    return pictures


def judge(
    backbone: ImageClassifier, first: list[Image.Image], second: list[Image.Image], count: int
) -> tuple[float, float, float, float]:
    """Accuracy, that of raw pixels, and the times; both classes count the same."""
    begun = time.perf_counter()
    model = learn_classes(backbone, {"first": first[:count], "second": second[:count]})
    learned = time.perf_counter()
    right = [model.predict(side[count:]).argmax(1) == label for label, side in enumerate((first, second))]
    judged = time.perf_counter()
    x = [to_tensor(side, PIXELS).flatten(1).numpy() for side in (first, second)]
    raw = LogisticRegression(C=0.01, max_iter=2000).fit(
        np.concatenate([side[:count] for side in x]), np.repeat([0, 1], count)
    )
    share = np.mean([(raw.predict(side[count:]) == label).mean() for label, side in enumerate(x)])
    accuracy = float(torch.stack([side.double().mean() for side in right]).mean())
    return accuracy, float(share), learned - begun, (judged - learned) / sum(map(len, right))


if __name__ == "__main__":
    main()
