"""Measure an ensemble of classifiers on held-out pictures: whose class it sees, and how often it sees two.

python training/evaluate_ensemble.py checkpoint --model runs/judges/000001/model --dataset clocks-crocodiles
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from options import option, run_command
from tables import NEITHER, read_dataset

from betwixt import metrics
from betwixt.ensemble import ClassifierEnsemble
from betwixt.images import BATCH, from_bytes


@dataclass
class Checkpoint:
    """Measure one ensemble."""

    model: str = option(help="a checkpoint's folder, or a published name")
    dataset: list[str] = option(help="datasets, each reported alone on its test split")
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run_command({"checkpoint": (Checkpoint, evaluate)}, __doc__)


def evaluate(recipe: Checkpoint) -> dict:
    """{"model", "task", "num_parameters", "results": {dataset: {figure: ...}}}."""
    model = ClassifierEnsemble.from_pretrained(recipe.model)
    return {
        "model": type(model).__name__,
        "task": "image-classification",
        "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "results": {Path(name).name: measure(model, name) for name in recipe.dataset},
    }


def measure(model: ClassifierEnsemble, dataset: str) -> dict[str, dict]:
    """How often pictures pass the thresholds of their own class, of two classes, and where they show neither."""
    table = read_dataset(dataset, "test", model.image_size)
    yes = torch.cat([model.multilabel_probabilities(from_bytes(pixels)) for pixels in table.pixels.split(BATCH)])
    groups = torch.tensor(table.columns["group"])
    key = Path(dataset).name
    known = [name for name in model.class_names if name in model.thresholds.get(key, {}) and name != NEITHER]
    passes = torch.stack([model.says_yes(yes, [name], key) for name in known], 1)
    figures = {}
    for column, name in enumerate(known):
        rows = table.labels == table.class_names.index(name)
        figures[f"yes to {name}, of its pictures"] = metrics.with_interval(passes[rows, column].double(), groups[rows])
    plain = torch.tensor([table.class_names[label] in known for label in table.labels])
    figures["yes to two, of pictures of one"] = metrics.with_interval(
        (passes[plain].sum(1) > 1).double(), groups[plain]
    )
    if NEITHER in table.class_names:
        rows = table.labels == table.class_names.index(NEITHER)
        others = passes[rows] & ~model.says_yes(yes[rows], [NEITHER], key)[:, None]
        figures["yes to any and not to neither, of its pictures"] = metrics.with_interval(
            others.any(1).double(), groups[rows]
        )
    return figures


if __name__ == "__main__":
    main()
