"""Train the first stage of a generator: pictures to small maps of features and back. It sees no labels.

    python training/train_picture_coder.py --name coder --dataset clocks-crocodiles
    python training/train_diffusion.py --name diffusion --dataset clocks-crocodiles --image-size 64 --coder coder

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from augmentation import moved
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from perceptual import Layers, layers_of
from tables import ImageTable, Pictures, read_splits
from torch import nn

from betwixt.images import BATCH, from_bytes
from betwixt.losses import feature_distance
from betwixt.metrics import structural_similarity
from betwixt.picture_coder import PictureCoder


@dataclass
class Recipe:
    """The defaults; options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    image_size: int = option(64, "side that pictures are fitted to", range=(16, 256))
    latent_channels: int = option(16, "numbers at each place of the map", range=(1, 64))
    base_channels: int = option(40, "width at half of the side", range=(4, 256))
    blocks: int = option(2, "residual blocks at each side", range=(0, 8))
    noise: float = option(0.15, "deviation of noise on the map, for the decoder to forgive", range=(0.0, 2.0))
    similarity: float = option(0.2, "weight of 1 - structural similarity beside the mean error", range=(0.0, 100.0))
    perceptual: float = option(0.5, "weight of the distance in the layers of a network", range=(0.0, 100.0))
    perceptual_model: str = option("clocks-crocodiles-resnet9", "that network: a ResNet-9 of ours")
    augmentation: float = option(0.2, "strength of the random changes of position", range=(0.0, 2.0))
    steps: int = option(4000, range=(1, 10_000_000))
    batch_size: int = option(32, range=(2, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    ema: float = option(0.99, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))


def main() -> None:
    run(train_picture_coder, parse(Recipe, {}, __doc__.splitlines()[0]))


def train_picture_coder(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = read_splits(recipe.dataset, recipe.image_size)
    torch.manual_seed(recipe.seed)
    model = PictureCoder(
        latent_channels=recipe.latent_channels, base_channels=recipe.base_channels, blocks=recipe.blocks
    )
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        make_loss(recipe, layers_of(recipe.perceptual_model) if recipe.perceptual else None),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: {"error": error(average, held_out)},
    )


def make_loss(recipe: Recipe, layers: Layers | None = None):
    """How far what is drawn of a noisy map is from the picture."""

    def loss(model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
        x = moved(from_bytes(pixels), recipe.augmentation).contiguous(memory_format=torch.channels_last)
        z = model.encode(x)
        x_hat = model.decode(z + recipe.noise * torch.randn_like(z)).float()
        value = F.l1_loss(x_hat, x) + recipe.similarity * (1 - structural_similarity(x_hat, x).mean())
        if layers:
            value = value + recipe.perceptual * feature_distance(layers(x_hat), layers(x)).mean()
        return value, {"training_error": (x_hat - x).square().mean().sqrt().detach() * 127.5}

    return loss


@torch.inference_mode()
def error(model: PictureCoder, table: ImageTable) -> float:
    """Root mean square of the reconstruction's error, in grey levels of 255."""
    device, squares = next(model.parameters()).device, 0.0
    for pixels in table.pixels.split(BATCH):
        x = from_bytes(pixels.to(device))
        squares += (model.decode(model.encode(x)) - x).square().sum().item()
    return (squares / table.pixels.numel()) ** 0.5 * 127.5


if __name__ == "__main__":
    main()
