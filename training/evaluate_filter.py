"""Measure the filter of prepare_photos.py on web pictures that were labelled by eye.

    python training/evaluate_filter.py --pictures PHOTOS/cats --weights FILE --output benchmarks/results/filter.json

Wanted are photos in which one or more real cats, small wild ones too, can be seen well. Lions, tigers and lynxes alone,
drawings, collages, comics, products, and photos under large lettering are not. Of the labelled pictures, which were
drawn at random, a half is measured on; the filter learns from the other one, on which all choices were made as well.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from near_duplicates import SIDE, near_duplicate_groups
from options import option, parse, report, run
from photo_filter import learn_filter, seen, wanted
from PIL import Image
from torchvision.models import squeezenet1_0

from betwixt import metrics
from betwixt.classifier import IMAGENET_MEAN, IMAGENET_STD, ImageClassifier
from betwixt.images import batches, fit, open_image

LABELS = Path(__file__).with_name("labels") / "cats.csv"
CATS = range(281, 286)  # of ImageNet's classes
FEW = (10, 20)  # of examples, and of counterexamples


@dataclass
class Options:
    """What to measure on."""

    pictures: str = option(help="the folder of the labelled pictures")
    weights: str = option(help="ImageNet weights of SqueezeNet, a local file")
    labels: str = option(str(LABELS), "a CSV with the columns file, part (develop or measure), and wanted (0 or 1)")
    threshold: float = option(0.5, "probability of being wanted from which a picture is kept", range=(0.0, 1.0))
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class Labelled:
    """Pictures as the filter sees them, whether each is wanted (N,) bool, and near-duplicates in groups (N,)."""

    pictures: list[Image.Image]
    is_wanted: torch.Tensor
    groups: torch.Tensor

    def select(self, rows: torch.Tensor) -> "Labelled":
        """The rows of a boolean mask."""
        kept = [self.pictures[row] for row in rows.nonzero().flatten().tolist()]
        return Labelled(kept, self.is_wanted[rows], self.groups[rows])


def main() -> None:
    run(report, evaluate, parse(Options, {}, __doc__.splitlines()[0]))


def evaluate(options: Options) -> dict:
    """{"results": {way of choosing: {figure: {"value", "low", "high"}}}, ...} on the half that is measured on."""
    develop, measured = halves(options)
    everything = torch.ones(len(measured.pictures))
    results = {"all kept": figures(everything, 0.5, measured)}
    at_best = best_threshold(imagenet_cats(develop.pictures, options.weights), develop.is_wanted)
    of_imagenet = imagenet_cats(measured.pictures, options.weights)
    results["ImageNet's probability of cats"] = figures(of_imagenet, at_best, measured) | {"threshold": at_best}
    for count in (*FEW, None):
        judge = learned(develop, options.weights, count)
        name = "filter" if count is None else f"filter, learned from {count} of each"
        results[name] = figures(wanted(judge, measured.pictures), options.threshold, measured)
    return {
        "task": "image-classification",
        "num_parameters": sum(parameter.numel() for parameter in judge.parameters()),
        "examples": int(develop.is_wanted.sum()),
        "counterexamples": int((~develop.is_wanted).sum()),
        "measured on": len(measured.pictures),
        "results": results,
    }


def halves(options: Options) -> tuple[Labelled, Labelled]:
    """What is learned from and what is measured on; near-duplicates of the latter are left out of the former."""
    with open(options.labels, newline="") as lines:
        rows = list(csv.DictReader(lines))
    pictures = [seen(open_image(Path(options.pictures) / row["file"])) for row in rows]
    small = torch.from_numpy(np.stack([np.asarray(fit(picture, SIDE, "squash")) for picture in pictures]))
    groups = torch.from_numpy(near_duplicate_groups(small.permute(0, 3, 1, 2)))
    every = Labelled(pictures, torch.tensor([row["wanted"] == "1" for row in rows]), groups)
    is_measured = torch.tensor([row["part"] == "measure" for row in rows])
    is_apart = ~torch.isin(groups, groups[is_measured])
    return every.select(is_apart), every.select(is_measured)


def learned(develop: Labelled, weights: str, count: int | None) -> ImageClassifier:
    """The filter, from the first `count` examples and counterexamples; None: from all."""
    sides = [develop.select(side).pictures[:count] for side in (develop.is_wanted, ~develop.is_wanted)]
    return learn_filter(*sides, weights)


@torch.inference_mode()
def imagenet_cats(pictures: list[Image.Image], weights: str) -> torch.Tensor:
    """(N,) the probability of ImageNet's five classes of cats."""
    network = squeezenet1_0()
    network.load_state_dict(torch.load(weights, weights_only=True))
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    scaled = (((x + 1) / 2 - mean) / std for x in batches(pictures, pictures[0].width))
    return torch.cat([network.eval()(x).softmax(1)[:, list(CATS)].sum(1) for x in scaled])


def best_threshold(scores: torch.Tensor, is_wanted: torch.Tensor) -> float:
    """The score from which to keep pictures for the highest F1: (N,), (N,) bool."""

    def f1(threshold: float) -> float:
        kept = scores >= threshold
        return float(2 * (kept & is_wanted).sum() / (kept.sum() + is_wanted.sum()))

    return max(scores.tolist(), key=f1)


def figures(scores: torch.Tensor, threshold: float, measured: Labelled) -> dict:
    """Precision and recall of what is kept, with intervals, and how well the scores rank where they differ."""
    kept = scores >= threshold
    found = {
        "kept": int(kept.sum()),
        "precision": metrics.with_interval(measured.is_wanted[kept].double(), measured.groups[kept]),
        "recall": metrics.with_interval(kept[measured.is_wanted].double(), measured.groups[measured.is_wanted]),
    }
    if len(scores.unique()) > 1:
        found["AUC"] = metrics.with_bootstrap(
            lambda rows: metrics.area_under_curve(scores[rows], measured.is_wanted[rows]), len(scores), measured.groups
        )
    return found


if __name__ == "__main__":
    main()
