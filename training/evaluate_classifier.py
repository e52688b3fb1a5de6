"""Measure image classifiers: a checkpoint on its test split, or a recipe by cross-validation.

    python training/evaluate_classifier.py checkpoint --model clocks-crocodiles-resnet9 --dataset clocks-crocodiles
    python training/evaluate_classifier.py compare --models MODEL MODEL ... --dataset clocks-crocodiles-photos
    python training/evaluate_classifier.py cross-validate --dataset clocks-crocodiles-photos --output runs/cv.json

Cross-validation trains every recipe of RECIPES on 5 folds by 3 seeds (a finished fold is not trained again) and
compares them in pairs on the same pictures; it describes recipes. A card describes its checkpoint, on pictures that
no published model was trained on.
"""

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from loop import RUNS, last_checkpoint
from options import option, run_command
from tables import NEITHER, ImageTable, concatenate, folds, read_dataset
from trainings import train_classifiers

from betwixt import metrics
from betwixt.classifier import ImageClassifier
from betwixt.explain import CUES, without
from betwixt.images import ImageError, fit, from_bytes, open_image

CLASSES = ["clock", "crocodile"]  # that cross-validation tells apart
RECIPES = {
    "shallow": ["--architecture", "shallow", "--epochs", "40", "--learning-rate", "1e-3"],
    "cnn-3": ["--architecture", "cnn", "--num-convolutions", "3", "--base-channels", "32", "--epochs", "30"],
    "cnn-5": ["--architecture", "cnn", "--base-channels", "32", "--epochs", "30"],
    "resnet9": ["--architecture", "resnet9", "--epochs", "60"],
}
BACKBONE = [
    "--architecture",
    "torchvision/squeezenet1_0",
    "--network-size",
    "128",
    "--classes",
    *CLASSES,
    "--freeze",
]
BACKBONE += ["--epochs", "12", "--dropout", "0.5", "--cutout", "0", "--learning-rate", "3e-3"]


@dataclass
class Checkpoint:
    """Measure one checkpoint."""

    model: str = option(help="a folder, or a name on the Hub")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    others: list[str] = option([], "folders of neither class, from other collections")
    output: str | None = option(None, "write the table here as JSON; default: print it")


@dataclass
class Comparison:
    """Compare checkpoints on the same held-out pictures."""

    models: list[str] = option(help="folders or names, each measured against the best of them")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    others: list[str] = option([], "folders of neither class, from other collections")
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class CrossValidation:
    """Measure recipes."""

    dataset: list[str] = option(help="trained and measured on, training and test split together")
    recipes: list[str] | None = option(None, f"of {', '.join(RECIPES)}, squeezenet; default: all")
    weights: str | None = option(None, "ImageNet weights of SqueezeNet; without, that recipe is left out")
    num_folds: int = option(5, range=(2, 20))
    seeds: int = option(3, range=(1, 20))
    jobs: int = option(2, "trainings at a time, each with its share of the cores", range=(1, 64))
    output: str = option("runs/cross_validation.json", "the table, as JSON")


def main() -> None:
    commands = {
        "checkpoint": (Checkpoint, evaluate_checkpoint),
        "compare": (Comparison, compare),
        "cross-validate": (CrossValidation, cross_validate),
    }
    run_command(commands, __doc__)


def evaluate_checkpoint(options: Checkpoint) -> dict:
    """{"model", "results": {dataset: {metric: {"value", "low", "high"}}}, ...} on held-out pictures."""
    model = ImageClassifier.from_pretrained(options.model)
    results = {}
    for name in options.dataset:
        table = read_dataset(name, "test", model.image_size)
        results[Path(name).name] = measure(model, table, predict(model, table))
    for folder in options.others:
        results[f"others/{Path(folder).name}"] = rejected(model, Path(folder))
    return {
        "task": "image-classification",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": results,
    }


def compare(options: Comparison) -> dict:
    """{dataset: {model: what `measure` says, and its distance from the best with a paired test}}."""
    models = {Path(name).name: ImageClassifier.from_pretrained(name) for name in options.models}
    tables: dict = {}
    for name in options.dataset:
        table = read_dataset(name, "test", 32)
        groups = torch.tensor(table.columns["group"])
        probabilities = {key: predict(model, table) for key, model in models.items()}
        right = {key: found.argmax(1).eq(table.labels).double() for key, found in probabilities.items()}
        differences = against_best(right, groups)
        tables[Path(name).name] = {
            key: measure(model, table, probabilities[key]) | differences.get(key, {}) for key, model in models.items()
        }
    for folder in options.others:
        tables[f"others/{Path(folder).name}"] = {key: rejected(model, Path(folder)) for key, model in models.items()}
    return tables


def against_best(right: dict[str, torch.Tensor], groups: torch.Tensor) -> dict[str, dict]:
    """How much less often each is right than the best, (N,) each, with an interval and a paired test's p."""
    best = max(right, key=lambda name: right[name].mean())
    return {
        name: {
            f"less than {best}": metrics.with_interval(right[best] - values, groups),
            f"p against {best}": metrics.paired_sign_flip_test(right[best] - values, groups),
        }
        for name, values in right.items()
        if name != best
    }


def rejected(model: ImageClassifier, folder: Path) -> dict:
    """The share of a folder's pictures that are called neither."""
    called = predict_files(model, folder).argmax(1) == model.class_names.index(NEITHER)
    return {"called neither": metrics.with_interval(called.double())}


def measure(model: ImageClassifier, table: ImageTable, probabilities: torch.Tensor) -> dict:
    """Accuracy and calibration; the same among the classes without "neither", also with each cue taken away."""
    if table.class_names != model.class_names:
        raise ValueError(f"the model knows {model.class_names}, the dataset {table.class_names}")
    groups = torch.tensor(table.columns["group"])
    right = (probabilities.argmax(1) == table.labels).double()
    most_frequent = (table.labels == table.labels.mode().values).double()
    result = {
        "pictures": len(table),
        "accuracy of always saying the most frequent class": metrics.with_interval(most_frequent, groups),
        "accuracy": metrics.with_interval(right, groups),
        "accuracy, every class counting the same": metrics.mean_over_classes(right, table.labels, groups),
        "calibration error": metrics.with_bootstrap(
            lambda rows: metrics.expected_calibration_error(probabilities[rows], table.labels[rows]), len(table), groups
        ),
    }
    is_other = torch.zeros(len(table), dtype=torch.bool)
    if NEITHER in model.class_names:
        is_other = table.labels == model.class_names.index(NEITHER)
    if is_other.any():
        result["called neither"] = metrics.with_interval(right[is_other], groups[is_other])
    known = [name for name in model.class_names if name != NEITHER]
    columns = [model.class_names.index(name) for name in known]
    pictures, group = table.of_classes(known), groups[~is_other]

    def right_among_known(found: torch.Tensor) -> dict:
        return metrics.with_interval((found[:, columns].argmax(1) == pictures.labels).double(), group)

    result[" or ".join(known)] = right_among_known(probabilities[~is_other])
    if len(known) == len(pictures.labels.unique()) == 2:
        odds = two_way(probabilities[~is_other][:, columns])
        result["AUC"] = metrics.with_bootstrap(
            lambda rows: metrics.area_under_curve(odds[rows], pictures.labels[rows]), len(pictures), group
        )
    for cue, how in CUES.items():
        changed = [model.probabilities(without(from_bytes(pixels), cue)) for pixels in pictures.pixels.split(128)]
        result[f"{cue} ({how})"] = right_among_known(torch.cat(changed))
    return result


def predict(model: ImageClassifier, table: ImageTable) -> torch.Tensor:
    """(N, num_classes)."""
    return torch.cat([model.probabilities(from_bytes(pixels)) for pixels in table.pixels.split(128)])


def predict_files(model: ImageClassifier, folder: Path) -> torch.Tensor:
    """(N, num_classes) of the readable pictures below a folder."""
    pictures = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            pictures.append(fit(open_image(path), model.image_size))
        except ImageError as error:
            print(f"skipped {path}: {error}", file=sys.stderr)
    if not pictures:
        raise FileNotFoundError(f"{folder}: no pictures")
    return model.predict(pictures)


def two_way(probabilities: torch.Tensor) -> torch.Tensor:
    """(N, 2) of the two classes -> (N,) log-odds of the second."""
    return (probabilities[:, 1].clamp_min(1e-12) / probabilities[:, 0].clamp_min(1e-12)).log()


def cross_validate(options: CrossValidation) -> dict:
    """{recipe: {metric: {"value", "low", "high"}}}, and paired comparisons of each with the best."""
    recipes = dict(RECIPES)
    if options.weights:
        recipes["squeezenet"] = [*BACKBONE, "--weights", options.weights]
    chosen = options.recipes or list(recipes)
    if unknown := [name for name in chosen if name not in recipes]:
        raise ValueError(f"no recipe {', '.join(unknown)}: choose of {', '.join(recipes)}")
    train_folds({name: recipes[name] for name in chosen}, options)
    predictions = {name: out_of_fold(name, options) for name in chosen}
    odds = {name: values for name, (values, _) in predictions.items()}
    pair = predictions[chosen[0]][1]
    labels, groups = pair.labels, torch.tensor(pair.columns["group"])
    table: dict = {
        "dataset": options.dataset,
        "folds": options.num_folds,
        "seeds": options.seeds,
        "recipes": {},
    }
    right = {name: (values > 0).long().eq(labels).double() for name, values in odds.items()}  # (seeds, N)
    differences = against_best({name: values.mean(0) for name, values in right.items()}, groups)
    for name in chosen:
        of_seeds = odds[name]
        table["recipes"][name] = {
            "pictures": len(labels),
            "accuracy": metrics.with_interval(right[name].mean(0), groups),
            "accuracy by seed": [round(float(value), 4) for value in right[name].mean(1)],
            "AUC": metrics.with_bootstrap(
                lambda rows, of_seeds=of_seeds: mean_of(metrics.area_under_curve, of_seeds[:, rows], labels[rows]),
                len(labels),
                groups,
            ),
            "calibration error": metrics.with_bootstrap(
                lambda rows, of_seeds=of_seeds: mean_of(calibration_error, of_seeds[:, rows], labels[rows]),
                len(labels),
                groups,
            ),
            **differences.get(name, {}),
        }
    return table


def mean_of(figure, of_seeds: torch.Tensor, labels: torch.Tensor) -> float:
    """The mean over seeds of a figure of one network, from log-odds (seeds, N)."""
    return sum(figure(odds, labels) for odds in of_seeds) / len(of_seeds)


def calibration_error(odds: torch.Tensor, labels: torch.Tensor) -> float:
    """Of the second class's log-odds (N,)."""
    return metrics.expected_calibration_error(torch.stack([torch.sigmoid(-odds), torch.sigmoid(odds)], 1), labels)


def train_folds(recipes: dict[str, list[str]], options: CrossValidation) -> None:
    """Train what is not trained yet: every recipe, seed and fold."""

    def settings(name: str, seed: int, fold: int) -> list[str]:
        run = ["--name", run_name(options.dataset, name, seed, fold), "--dataset", *options.dataset, *recipes[name]]
        run += ["--fold", str(fold), "--num-folds", str(options.num_folds), "--seed", str(seed)]
        return [*run, "--checkpoint-every", "1000000"]

    todo = product(recipes, range(options.seeds), range(options.num_folds))
    train_classifiers([settings(*run) for run in todo], options.jobs)


def run_name(datasets: list[str], name: str, seed: int, fold: int) -> str:
    """Where a fold's run is kept."""
    return f"cross_validation/{'+'.join(Path(d).name for d in datasets)}/{name}-seed{seed}-fold{fold}"


def out_of_fold(name: str, options: CrossValidation) -> tuple[torch.Tensor, ImageTable]:
    """What the networks say of the fold that each did not see: log-odds (seeds, N), and the pictures."""
    whole = concatenate([read_dataset(d, split, 32) for split in ("train", "test") for d in options.dataset])
    pair = whole.of_classes(CLASSES)
    odds = torch.zeros(options.seeds, len(pair))
    for seed, fold in product(range(options.seeds), range(options.num_folds)):
        model = ImageClassifier.from_pretrained(
            last_checkpoint(RUNS / run_name(options.dataset, name, seed, fold)) / "model"
        )
        rows = [model.class_names.index(class_name) for class_name in CLASSES]
        here = folds(pair, options.num_folds, seed) == fold
        odds[seed, here] = two_way(predict(model, pair.select(here))[:, rows])
    return odds, pair


if __name__ == "__main__":
    main()
