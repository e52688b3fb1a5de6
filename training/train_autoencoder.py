"""Train a convolutional autoencoder: pictures to latents and back. It sees no labels.

    python training/train_autoencoder.py --name autoencoder --dataset clocks-crocodiles --preset small
    python training/train_autoencoder.py --name deep --dataset my-photos --blocks 4 --base-channels 20

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from augmentation import cutout, moved
from encoders import encoded
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from tables import ImageTable, Pictures, concatenate, read_dataset
from torch import nn

from betwixt.autoencoder import ConvAutoencoder
from betwixt.images import FITS, from_bytes
from betwixt.metrics import structural_similarity


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    classes: list[str] | None = option(None, 'train on these classes alone; default: on all, "neither" too')
    image_size: int = option(32, "side that pictures are fitted to", range=(16, 1024))
    fit: str = option("crop", "the middle of a picture, or all of it", choices=list(FITS))
    base_channels: int = option(24, "width after the first halving of the sides", range=(2, 1024))
    latent_dim: int = option(64, "length of the latent", range=(1, 65_536))
    blocks: int = option(1, "residual blocks at each resolution, in encoder and decoder", range=(0, 100))
    downsamplings: int = option(3, "how often the sides are halved", range=(1, 8))
    epochs: int = option(60, "passes over the pictures", range=(1, 100_000))
    steps: int | None = option(None, "optimizer steps instead of epochs", range=(1, 10_000_000))
    batch_size: int = option(32, range=(1, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    l1: float = option(0.6, "weight of the mean absolute error beside the squared one", range=(0.0, 100.0))
    similarity: float = option(0.2, "weight of 1 - structural similarity beside it", range=(0.0, 100.0))
    augmentation: float = option(0.5, "strength of the random changes of position", range=(0.0, 2.0))
    noise: float = option(0.0, "standard deviation of noise on the input alone", range=(0.0, 2.0))
    cutout: float = option(0.0, "side of the square hidden in the input alone", range=(0.0, 0.9))
    ema: float = option(0.99, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"epochs": 10, "base_channels": 12},
    "full": {"epochs": 200},
}


def main() -> None:
    run(train_autoencoder, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_autoencoder(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = (load(recipe, split) for split in ("train", "test"))
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        build(recipe),
        make_loss(recipe),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda model: {"error": error(model, held_out)},
        finish=lambda model: model.whiten(encoded(model, training.pixels)),
    )


def load(recipe: Recipe, split: str) -> ImageTable:
    """The chosen classes of a split of all the datasets."""
    table = concatenate([read_dataset(name, split, recipe.image_size, recipe.fit) for name in recipe.dataset])
    return table.of_classes(recipe.classes) if recipe.classes else table


def build(recipe: Recipe) -> ConvAutoencoder:
    """The network before training."""
    torch.manual_seed(recipe.seed)
    return ConvAutoencoder(
        image_size=recipe.image_size,
        base_channels=recipe.base_channels,
        latent_dim=recipe.latent_dim,
        blocks=recipe.blocks,
        downsamplings=recipe.downsamplings,
        fit=recipe.fit,
    )


def make_loss(recipe: Recipe):
    """How far what is drawn from a picture, or from what noise and hiding left of it, is from the picture."""

    def loss(model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
        x = from_bytes(pixels)
        if recipe.augmentation:
            x = moved(x, recipe.augmentation)
        seen = x + recipe.noise * torch.randn_like(x) if recipe.noise else x
        if recipe.cutout:
            seen = cutout(seen, recipe.cutout)
        x_hat = model(seen.contiguous(memory_format=torch.channels_last)).float()
        squared = F.mse_loss(x_hat, x)
        value = squared + recipe.l1 * F.l1_loss(x_hat, x)
        if recipe.similarity:
            value = value + recipe.similarity * (1 - structural_similarity(x_hat, x).mean())
        return value, {"training_error": squared.detach().sqrt() * 127.5}

    return loss


@torch.inference_mode()
def error(model: ConvAutoencoder, table: ImageTable) -> float:
    """Root mean square of the reconstruction's error, in grey levels of 255."""
    device = next(model.parameters()).device
    squares = 0.0
    for pixels in table.pixels.split(256):
        x = from_bytes(pixels).to(device)
        squares += F.mse_loss(model(x), x, reduction="sum").item()
    return (squares / table.pixels.numel()) ** 0.5 * 127.5


if __name__ == "__main__":
    main()
