"""Measure a network that reads the pose of heads, on test splits whose poses are known.

    python training/evaluate_pose.py --model mammals-pose --dataset mammals-many

Beside it stands what always says the training split's mean. It is to judge pictures that a generator drew, so it is
asked about blurred and noisy ones as well.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from augmentation import random_blur, random_noise
from loop import folder_of
from options import option, parse, report, run
from poses import Poses, load, predicted

from betwixt import metrics
from betwixt.images import from_bytes
from betwixt.pose import PoseRegressor

BLUR = 0.5  # deviation, in pixels of the side's 32nd part
NOISE = 0.12  # largest deviation


@dataclass
class Recipe:
    """What to measure."""

    model: str = option(help="a run, a published name or a folder")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    model = PoseRegressor.from_pretrained(folder_of(recipe.model))
    results = {}
    for name in recipe.dataset:
        training, test = (load([name], split, model.image_size) for split in ("train", "test"))
        results[Path(name).name] = figures(model, training.poses.mean(0), test)
    return {
        "task": "image-feature-extraction",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": results,
    }


def figures(model: PoseRegressor, mean: torch.Tensor, test: Poses) -> dict:
    """Of each factor the mean absolute error, also of spoilt pictures and of always saying the mean; correlations."""
    groups = torch.tensor(test.table.columns["group"])
    x = from_bytes(test.table.pixels)
    read = {"": predicted(model, x)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        read[", blurred"] = predicted(model, random_blur(x, 1.0, (BLUR, BLUR)))
        read[", with noise"] = predicted(model, random_noise(x, 1.0, NOISE))
    read[" (always the mean)"] = mean.expand_as(test.poses)
    result: dict = {"pictures": len(test)}
    for number, factor in enumerate(model.FACTORS):
        truth, unit = test.poses[:, number], " of 0 to 1" if factor == "mouth" else " in degrees"
        for how, poses in read.items():
            away = (poses[:, number] - truth).abs()
            result[f"error of {factor}{unit}{how}"] = metrics.with_interval(away, groups)
        pair = torch.stack([read[""][:, number], truth])
        result[f"correlation of {factor}"] = metrics.with_bootstrap(
            lambda rows, pair=pair: float(torch.corrcoef(pair[:, rows])[0, 1]), len(test), groups
        )
    return result


if __name__ == "__main__":
    main()
