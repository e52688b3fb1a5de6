"""Measure autoencoders on the test split: what is lost of a picture, and what its latent says of the class.

    python training/evaluate_autoencoder.py checkpoint --model clocks-crocodiles-autoencoder --dataset clocks-crocodiles
    python training/evaluate_autoencoder.py compare --models MODEL MODEL ... --dataset clocks-crocodiles-photos

Beside each stand what it must beat: PCA with as many numbers, fitted on the training splits of all the datasets and
their mirror images; their mean picture; and the raw pixels. Two readers that see the training split's labels say how
useful the numbers are: a linear probe, whose regularisation is chosen by cross-validation, and the nearest neighbours.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from baselines import NEIGHBOURS, Coder, baselines, nearest, probe
from options import option, run_command
from tables import NEITHER, ImageTable, read_dataset

from betwixt import metrics
from betwixt.autoencoder import ConvAutoencoder
from betwixt.images import from_bytes

ERROR, SIMILARITY = "reconstruction error", "structural similarity"
PROBE, NEAREST = "class by a linear probe", "class by the nearest neighbours"
UNITS = {ERROR: " (root mean square, of 255 grey levels)", NEAREST: f" ({NEIGHBOURS}, by cosine)"}


@dataclass
class Checkpoint:
    """Measure one checkpoint, beside the baselines."""

    model: str = option(help="a folder, or a name on the Hub")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class Comparison:
    """Compare checkpoints and baselines on the same held-out pictures."""

    models: list[str] = option(help="folders or names, each measured against the best of them")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    commands = {"checkpoint": (Checkpoint, evaluate_checkpoint), "compare": (Comparison, compare)}
    run_command(commands, __doc__)


def evaluate_checkpoint(options: Checkpoint) -> dict:
    """{"results": {dataset: {figure: {"value", "low", "high"}}}, "beaten by": [...], ...} on held-out pictures."""
    model = ConvAutoencoder.from_pretrained(options.model)
    results: dict = {}
    beaten_by = []
    for name, found in measure({options.model: model}, options.dataset).items():
        own = found.pop(options.model)
        results[name] = {"pictures": len(own[ERROR][0])}
        for figure, (values, groups) in own.items():
            results[name][titled(figure)] = summary(figure, values, groups)
            for baseline, of_baseline in found.items():
                if figure in of_baseline:
                    results[name][titled(figure, baseline)] = summary(figure, *of_baseline[figure])
                    if goodness(figure, of_baseline[figure][0]) > goodness(figure, values):
                        beaten_by.append(f"{baseline} on {name} in {figure}")
    return {
        "task": "image-feature-extraction",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": results,
        "beaten by": beaten_by,
    }


def compare(options: Comparison) -> dict:
    """{dataset: {model or baseline: {figure: ..., "p of FIGURE against BEST": a paired test with the best model}}}."""
    models = {run_of(name): ConvAutoencoder.from_pretrained(name) for name in options.models}
    tables: dict = {}
    for dataset, found in measure(models, options.dataset).items():
        rows: dict = {name: {} for name in found}
        for name, model in models.items():
            rows[name]["parameters"] = sum(p.numel() for p in model.parameters())
        for figure in found[next(iter(models))]:
            best = max(models, key=lambda name: goodness(figure, found[name][figure][0]))
            for name in [name for name in found if figure in found[name]]:
                values, groups = found[name][figure]
                rows[name][titled(figure)] = summary(figure, values, groups)
                if name != best:
                    differences = values - found[best][figure][0]
                    rows[name][f"p of {figure} against {best}"] = metrics.paired_sign_flip_test(differences, groups)
        tables[dataset] = rows
    return tables


def run_of(name: str) -> str:
    """`runs/deep/003000/model` -> `deep`; else the last part of the name."""
    parts = Path(name).parts
    return parts[-3] if parts[-1] == "model" and len(parts) > 2 else parts[-1]


def measure(models: dict[str, ConvAutoencoder], datasets: list[str]) -> dict[str, dict[str, dict]]:
    """{dataset: {model or baseline: {figure: (a value for each picture, the pictures' groups)}}}."""
    sizes = {(model.image_size, model.latent_dim, model.fit) for model in models.values()}
    if len(sizes) > 1:
        raise ValueError(f"the models differ in image_size, latent_dim or fit, so no baseline suits them all: {sizes}")
    image_size, latent_dim, fit = sizes.pop()
    splits = {name: [read_dataset(name, split, image_size, fit) for split in ("train", "test")] for name in datasets}
    coders = {name: Coder(model.encode, model) for name, model in models.items()}
    x = torch.cat([from_bytes(training.pixels) for training, _ in splits.values()])
    coders |= baselines(torch.cat([x, x.flip(-1)]), latent_dim)
    return {
        Path(dataset).name: {name: measure_coder(coder, *pair) for name, coder in coders.items()}
        for dataset, pair in splits.items()
    }


@torch.inference_mode()
def measure_coder(coder: Coder, training: ImageTable, test: ImageTable) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """{figure: (a value for each picture, the pictures' groups)}; the error's values are mean squares."""
    found = {}
    if coder.reconstruct:
        x, groups = from_bytes(test.pixels), torch.tensor(test.columns["group"])
        x_hat = torch.cat([coder.reconstruct(batch) for batch in x.split(256)])
        found[ERROR] = ((x_hat - x).mul(127.5).square().flatten(1).mean(1).double(), groups)
        found[SIMILARITY] = (metrics.structural_similarity(x_hat, x).double(), groups)
    known = [name for name in test.class_names if name != NEITHER]
    tables = [table.of_classes(known) for table in (training, test)]
    if coder.features and len(known) > 1 and all(len(table.labels.unique()) == len(known) for table in tables):
        features = [torch.cat([coder.features(x) for x in from_bytes(t.pixels).split(256)]) for t in tables]
        groups = [torch.tensor(table.columns["group"]) for table in tables]
        for figure, answers in (
            (PROBE, probe(features[0], tables[0].labels, groups[0], features[1])),
            (NEAREST, nearest(features[0], tables[0].labels, features[1])),
        ):
            found[figure] = ((answers == tables[1].labels).double(), groups[1])
    return found


def summary(figure: str, values: torch.Tensor, groups: torch.Tensor) -> dict[str, float]:
    """{"value", "low", "high"} of a figure's values."""
    if figure == ERROR:
        return metrics.with_bootstrap(lambda rows: float(values[rows].mean().sqrt()), len(values), groups)
    return metrics.with_interval(values, groups)


def goodness(figure: str, values: torch.Tensor) -> float:
    """More is better."""
    return float(-values.mean() if figure == ERROR else values.mean())


def titled(figure: str, baseline: str | None = None) -> str:
    """The figure's name in the table, with its unit, and with whose it is."""
    return figure + (f" of {baseline}" if baseline else "") + UNITS.get(figure, "")


if __name__ == "__main__":
    main()
