"""Measure a variational autoencoder on test splits: what is lost of a picture, at how many nats, and what z says of it.

    python training/evaluate_vae.py --model digits-vae --dataset digits

Beside it stand what it must beat: PCA with as many numbers as the latent has, fitted on the training split; the mean
picture; and the raw pixels. A linear probe that sees the training split's labels, its regularisation chosen by
cross-validation, reads the class from the latents' means. A network that was told of classes draws each picture with
its own, which PCA is not told, and has no need to keep the class in the latent.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from baselines import baselines, probe
from encoders import squared_errors
from loop import folder_of
from options import option, parse, report, run
from tables import NEITHER, ImageTable, read_dataset

from betwixt import metrics
from betwixt.generation import shares_of
from betwixt.images import from_bytes
from betwixt.losses import gaussian_divergence
from betwixt.vae import VAE

ERROR, NATS, PROBE = "held-out error (mean square, of -1 to 1)", "nats of the latent", "class by a linear probe"


@dataclass
class Recipe:
    """What to measure."""

    model: str = option(help="a run, a folder, or a name on the Hub")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    model = VAE.from_pretrained(folder_of(recipe.model))
    return {
        "task": "unconditional-image-generation",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": {
            Path(name).name: measure(model, *(load(model, name, split) for split in ("train", "test")))
            for name in recipe.dataset
        },
    }


def load(model: VAE, name: str, split: str) -> ImageTable:
    """The pictures of the network's classes, or else of all but "neither"."""
    table = read_dataset(name, split, model.image_size)
    return table.of_classes(model.class_names or [name for name in table.class_names if name != NEITHER])


def measure(model: VAE, training: ImageTable, test: ImageTable) -> dict:
    """{figure: {"value", "low", "high"}}, and those of the baselines."""
    groups = groups_of(test)
    seen, x = from_bytes(training.pixels), from_bytes(test.pixels)
    known = baselines(seen, model.latent_dim)
    errors = {ERROR: squared_errors(model, test)} | {
        f"{ERROR} of {name}": (coder.reconstruct(x) - x).square().mean((1, 2, 3))
        for name, coder in known.items()
        if coder.reconstruct
    }
    mu, nats = latents(model, test)
    figures = {figure: metrics.with_interval(values, groups) for figure, values in {**errors, NATS: nats}.items()}
    if len(training.labels.unique()) > 1:
        features = {PROBE: (latents(model, training)[0], mu)} | {
            f"{PROBE} of {name}": (coder.features(seen), coder.features(x))
            for name, coder in known.items()
            if coder.features
        }
        for figure, (of_seen, of_held_out) in features.items():
            answers = probe(of_seen, training.labels, groups_of(training), of_held_out)
            figures[figure] = metrics.with_interval((answers == test.labels).double(), groups)
    return {"pictures": len(test), **figures}


@torch.inference_mode()
def latents(model: VAE, table: ImageTable) -> tuple[torch.Tensor, torch.Tensor]:
    """The means (N, latent_dim), and the divergence (N,) of each picture's latent from that of its class, in nats."""
    means, nats = [], []
    for pixels, labels in zip(table.pixels.split(256), table.labels.split(256), strict=True):
        mu, log_variance = model.encode(from_bytes(pixels))
        centre = model.centre(shares_of(labels, len(model.class_names)))
        means.append(mu)
        nats.append(gaussian_divergence(mu - centre, log_variance).sum(1))
    return torch.cat(means), torch.cat(nats)


def groups_of(table: ImageTable) -> torch.Tensor:
    """(N,) which pictures are near-duplicates; where a dataset knows none, each is alone."""
    return torch.tensor(table.columns.get("group", [*range(len(table))]))


if __name__ == "__main__":
    main()
