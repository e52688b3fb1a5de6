"""Train a network that reads the pose of a head, on rendered heads whose pose is known.

    python training/train_pose.py --name pose --dataset mammals-many
    python training/train_pose.py --name pose-again --dataset mammals-many --architecture resnet9 --seed 1

One such network may steer what is trained; another, of another seed and architecture, then judges it. The same command
again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from augmentation import random_affine, random_blur, random_colour, random_noise
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from poses import Poses, load, predicted
from torch import nn

from betwixt.images import from_bytes
from betwixt.pose import ARCHITECTURES, PoseRegressor

MIRRORED = torch.tensor([-1.0, 1.0, -1.0, 1.0])  # what a mirror makes of each factor
BEND = 0.1  # of the largest: errors over it count in proportion, those under it by their squares


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["mammals"], "names or folders; several are joined")
    architecture: str = option("conv", choices=list(ARCHITECTURES))
    image_size: int = option(64, "side that pictures are fitted to", range=(32, 256))
    base_channels: int = option(20, "width at the first side", range=(2, 512))
    epochs: int = option(80, "passes over the pictures", range=(1, 100_000))
    steps: int | None = option(None, "optimizer steps instead of epochs", range=(1, 10_000_000))
    batch_size: int = option(64, range=(1, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.05, range=(0.0, 1.0))
    zoom: float = option(0.1, "by which pictures are enlarged or made smaller at random", range=(0.0, 0.5))
    shift: float = option(0.06, "of the side, by which they are moved", range=(0.0, 0.5))
    colour: float = option(0.3, "strength of the random changes of colour", range=(0.0, 1.0))
    blur: float = option(0.3, "share of pictures that are blurred", range=(0.0, 1.0))
    noise: float = option(0.3, "share of pictures that get noise", range=(0.0, 1.0))
    ema: float = option(0.998, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"epochs": 10, "base_channels": 8},
    "full": {},
}


def main() -> None:
    run(train_pose, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_pose(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = (load(recipe.dataset, split, recipe.image_size) for split in ("train", "test"))
    torch.manual_seed(recipe.seed)
    model = PoseRegressor(
        architecture=recipe.architecture, image_size=recipe.image_size, base_channels=recipe.base_channels
    )
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.table.digest()},
        model,
        make_loss(recipe),
        training,
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: errors(average, held_out),
    )


def make_loss(recipe: Recipe):
    """How far what is read of changed pictures is from their pose, each factor counting in its largest value."""
    largest = torch.tensor(PoseRegressor.LARGEST)

    def loss(model: nn.Module, pixels: torch.Tensor, poses: torch.Tensor):
        x, poses = mirrored(from_bytes(pixels), poses)
        x = random_affine(x, 0, recipe.zoom, recipe.shift, mirror=False)  # turned, they would have another tilt
        x = random_colour(x, recipe.colour)
        x = random_noise(random_blur(x, recipe.blur, (0.2, 0.8)), recipe.noise)
        away = (model(x.contiguous(memory_format=torch.channels_last)) - poses) / largest.to(x.device)
        return F.smooth_l1_loss(away, torch.zeros_like(away), beta=BEND), {"away": away.detach().abs().mean()}

    return loss


def mirrored(x: torch.Tensor, poses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Half of the pictures (B, 3, H, W) mirrored at random, and what that makes of their poses (B, 4)."""
    chosen = torch.rand(len(x), device=x.device) < 0.5
    x = torch.where(chosen[:, None, None, None], x.flip(-1), x)
    return x, torch.where(chosen[:, None], poses * MIRRORED.to(x.device), poses)


def errors(model: PoseRegressor, held_out: Poses) -> dict[str, float]:
    """{factor: mean absolute error on pictures held out}, in degrees, or of the mouth in its range."""
    away = (predicted(model, from_bytes(held_out.table.pixels)) - held_out.poses).abs().mean(0)
    return dict(zip(model.FACTORS, away.tolist(), strict=True))


if __name__ == "__main__":
    main()
