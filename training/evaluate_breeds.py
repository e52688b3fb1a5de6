"""Measure classifiers of breeds: a checkpoint on held-out pictures, or recipes for photos by cross-validation.

    python training/evaluate_breeds.py checkpoint --model mammals-breeds --dataset mammals-many pets-heads \\
        --others FOLDER --output benchmarks/results/breeds.json
    python training/evaluate_breeds.py folds --dataset pets-heads --weights SQUEEZENET.pth \\
        --output benchmarks/results/breeds_folds.json

Rendered pictures that are held out show animals that were never seen, in any pose. With more than a few pictures are
the classes that have FREQUENT or more; among them alone each picture has few answers to choose from.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from loop import RUNS, folder_of, last_checkpoint
from options import option, run_command
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sources import pictures_below
from tables import NEITHER, ImageTable, concatenate, folds, read_dataset
from trainings import train_classifiers

from betwixt import metrics
from betwixt.breeds import species_of
from betwixt.classifier import ImageClassifier
from betwixt.images import from_bytes, resized

FREQUENT = 50  # pictures, training and held out together
SMALL = 64  # pixels: what a small generator draws
FAR = 30.0  # degrees from which a head is turned away
BATCH = 64
LINEAR = "linear probe"
NETWORK, SIZE = "torchvision/squeezenet1_0", 160  # pixels that photos are fitted to
BACKBONE = ["--architecture", NETWORK, "--image-size", str(SIZE), "--embedding-dim", "384"]
RECIPES = {
    "whitened": [*BACKBONE, "--freeze", "--steps", "1"],
    "fine-tuned": [*BACKBONE, "--steps", "600", "--batch-size", "64", "--learning-rate", "1e-3", "--balance", "0.5"],
}
RECIPES["fine-tuned"] += ["--backbone-rate", "0.3", "--mixup", "0", "--margin", "0.2"]


@dataclass
class Checkpoint:
    """Measure one checkpoint."""

    model: str = option(help="a run, a published name or a folder")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    others: list[str] = option([], "folders of pictures that show no animal")
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class Folds:
    """Measure recipes."""

    dataset: list[str] = option(help="trained and measured on, training and test split together")
    weights: str = option(help="ImageNet weights of SqueezeNet, the backbone")
    recipes: list[str] = option(["whitened"], f"of {', '.join(RECIPES)}, beside a linear probe on the backbone")
    num_folds: int = option(5, range=(2, 20))
    seeds: int = option(3, "other folds for each", range=(1, 20))
    jobs: int = option(2, "trainings at a time, each with its share of the cores", range=(1, 64))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run_command({"checkpoint": (Checkpoint, checkpoint), "folds": (Folds, measure_folds)}, __doc__)


def checkpoint(options: Checkpoint) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    model = ImageClassifier.from_pretrained(folder_of(options.model))
    results = {}
    for name in options.dataset:
        table = read_dataset(name, "test", model.image_size).among(model.class_names)
        labels = torch.cat([table.labels, read_dataset(name, "train", 32).among(model.class_names).labels])
        sizes = labels.bincount(minlength=len(model.class_names))
        results[Path(name).name] = figures(model, table, sizes)
    for folder in options.others:
        found = model.predict([picture for _, picture in pictures_below(Path(folder))])
        no = found.argmax(1) == model.class_names.index(NEITHER)
        results[f"others/{Path(folder).name}"] = {"called neither": metrics.with_interval(no.double())}
    return {
        "task": "image-classification",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": results,
    }


def figures(model: ImageClassifier, table: ImageTable, sizes: torch.Tensor) -> dict:
    """Of pictures of breeds: how often breed and species are right, also small, turned away, and of frequent breeds."""
    groups = torch.tensor(table.columns["group"])
    probabilities = predicted(model, table.pixels)
    right = (probabilities.argmax(1) == table.labels).double()
    most_frequent = (table.labels == table.labels.mode().values).double()
    result = {
        "pictures": len(table),
        "accuracy of always saying the most frequent class": metrics.with_interval(most_frequent, groups),
        "accuracy": metrics.with_interval(right, groups),
        "accuracy, every class counting the same": metrics.mean_over_classes(right, table.labels, groups),
        "accuracy of the species": metrics.with_interval(_species_right(model, probabilities, table), groups),
        "calibration error": metrics.with_bootstrap(
            lambda rows: metrics.expected_calibration_error(probabilities[rows], table.labels[rows]), len(table), groups
        ),
    }
    if "yaw" in table.columns:
        yaw, pitch = (torch.tensor(table.columns[name]).abs() for name in ("yaw", "pitch"))
        away = (yaw > FAR) | (pitch > FAR)
        result[f"accuracy, turned by over {FAR:.0f} degrees"] = metrics.with_interval(right[away], groups[away])
    small = resized(from_bytes(table.pixels), SMALL)
    small = torch.cat([model.probabilities(resized(x, model.image_size)) for x in small.split(BATCH)])
    of_small = (small.argmax(1) == table.labels).double()
    result[f"accuracy at {SMALL} pixels"] = metrics.with_interval(of_small, groups)
    if among := among_frequent(probabilities, table.labels, sizes):
        rows, hits = among
        result[f"accuracy among the {int((sizes >= FREQUENT).sum())} most frequent"] = metrics.with_interval(
            hits, groups[rows]
        )
    return result


def among_frequent(
    scores: torch.Tensor, labels: torch.Tensor, sizes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The rows of frequent classes, and whether scores (N, K) are right when they choose among these alone; None where
    all classes of the labels are, or not two."""
    frequent = sizes >= FREQUENT
    if not 2 <= frequent.sum() < len(labels.unique()):
        return None
    rows = frequent[labels].nonzero().flatten()
    best = scores[rows].masked_fill(~frequent, -torch.inf).argmax(1)
    return rows, (best == labels[rows]).double()


def _species_right(model: ImageClassifier, probabilities: torch.Tensor, table: ImageTable) -> torch.Tensor:
    kinds = ["cat", "dog"]
    of_class = [species_of(name) for name in model.class_names]
    shares = torch.stack(
        [probabilities[:, [kind == other for other in of_class]].sum(1) for kind in kinds], 1
    )  # (N, 2)
    truth = torch.tensor([kinds.index(of_class[label]) for label in table.labels])
    return (shares.argmax(1) == truth).double()


def predicted(model: ImageClassifier, pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 3, S, S) -> (N, num_classes)."""
    return torch.cat([model.probabilities(from_bytes(part)) for part in pixels.split(BATCH)])


def measure_folds(options: Folds) -> dict:
    """{recipe: {figure: {"value", "low", "high"}}}, and how much each gains on the linear probe, in pairs."""
    if unknown := [name for name in options.recipes if name not in RECIPES]:
        raise ValueError(f"no recipe {', '.join(unknown)}: choose of {', '.join(RECIPES)}")
    train_folds(options)
    table = concatenate([read_dataset(name, split, SIZE) for name in options.dataset for split in ("train", "test")])
    groups, sizes = torch.tensor(table.columns["group"]), table.labels.bincount()
    scores = {LINEAR: linear_probe(table, options)}
    for name in options.recipes:
        scores[name] = torch.zeros(options.seeds, len(table), len(table.class_names))
        for seed, fold in product(range(options.seeds), range(options.num_folds)):
            here = folds(table, options.num_folds, seed) == fold
            run = last_checkpoint(RUNS / run_name(options, name, seed, fold))
            scores[name][seed, here] = predicted(ImageClassifier.from_pretrained(run / "model"), table.pixels[here])
    right = {name: (found.argmax(2) == table.labels).double().mean(0) for name, found in scores.items()}
    recipes = {}
    for name, found in scores.items():
        recipes[name] = {"accuracy": metrics.with_interval(right[name], groups)}
        among = [among_frequent(of_seed, table.labels, sizes) for of_seed in found]
        if among[0]:
            rows, hits = among[0][0], torch.stack([hits for _, hits in among]).mean(0)
            key = f"accuracy among the {int((sizes >= FREQUENT).sum())} most frequent"
            recipes[name][key] = metrics.with_interval(hits, groups[rows])
        if name != LINEAR:
            recipes[name][f"gain on {LINEAR}"] = metrics.with_interval(right[name] - right[LINEAR], groups)
    return {
        "dataset": options.dataset,
        "pictures": len(table),
        "classes": len(table.class_names),
        "folds": options.num_folds,
        "seeds": options.seeds,
        "recipes": recipes,
    }


def linear_probe(table: ImageTable, options: Folds) -> torch.Tensor:
    """Logistic regression on the backbone's features, out of fold: (seeds, N, K)."""
    backbone = ImageClassifier(architecture=NETWORK, class_names=table.class_names, image_size=SIZE).eval()
    backbone.load_backbone(options.weights)
    with torch.inference_mode():
        sides = [
            torch.cat([backbone.pooled(side(from_bytes(x))) for x in table.pixels.split(BATCH)]).numpy()
            for side in (lambda x: x, lambda x: x.flip(-1))
        ]
    labels, found = table.labels.numpy(), torch.zeros(options.seeds, len(table), len(table.class_names))
    for seed, fold in product(range(options.seeds), range(options.num_folds)):
        here = (folds(table, options.num_folds, seed) == fold).numpy()
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        probe.fit(np.concatenate([side[~here] for side in sides]), np.concatenate([labels[~here]] * 2))
        known = probe.predict_proba(np.concatenate([side[here] for side in sides])).reshape(2, here.sum(), -1).mean(0)
        rows = torch.from_numpy(here.nonzero()[0])[:, None]
        found[seed][rows, torch.from_numpy(probe.classes_)] = torch.from_numpy(known).float()
    return found


def train_folds(options: Folds) -> None:
    """Train what is not trained yet: every recipe, seed and fold."""

    def settings(name: str, seed: int, fold: int) -> list[str]:
        run = ["--name", run_name(options, name, seed, fold), "--dataset", *options.dataset]
        run += ["--weights", options.weights, *RECIPES[name]]
        return [*run, "--fold", str(fold), "--num-folds", str(options.num_folds), "--seed", str(seed)]

    todo = product(options.recipes, range(options.seeds), range(options.num_folds))
    train_classifiers([settings(*run) for run in todo], options.jobs)


def run_name(options: Folds, name: str, seed: int, fold: int) -> str:
    """Where a fold's run is kept."""
    return f"breeds-folds/{'+'.join(Path(d).name for d in options.dataset)}/{name}-seed{seed}-fold{fold}"


if __name__ == "__main__":
    main()
