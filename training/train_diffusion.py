"""Train a class-conditional diffusion model on plain pictures of its classes.

    python training/train_diffusion.py --name diffusion --dataset clocks-crocodiles --preset small
    python training/train_diffusion.py --name photos --dataset my-photos --preset full

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from augmentation import mixup, moved
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from samples import Watch, load
from tables import Pictures
from torch import nn

from betwixt.diffusion import DiffusionModel
from betwixt.images import from_bytes

NOISE_MEAN, NOISE_DEVIATION = -0.3, 1.3  # of log(sigma / sigma_data) in training (Karras et al. 2022: -0.5, 1.2)


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    classes: list[str] | None = option(None, 'default: all of the dataset but "neither"')
    image_size: int = option(32, "side that pictures are fitted to", range=(8, 256))
    patch_size: int = option(2, "side of the squares that the network takes as one place", range=(1, 16))
    base_channels: int = option(48, "width at the full side", range=(8, 512))
    channel_multipliers: list[int] = option([1, 2], "width at each halving of the side, in base channels")
    blocks: int = option(1, "residual blocks at each side", range=(1, 8))
    dropout: float = option(0.1, range=(0.0, 0.9))
    steps: int = option(5000, range=(1, 10_000_000))
    batch_size: int = option(64, range=(1, 65_536))
    learning_rate: float = option(1e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    unlabelled: float = option(0.15, "share of pictures that are shown without their class", range=(0.0, 1.0))
    augmentation: float = option(0.4, "strength of the random changes of position", range=(0.0, 2.0))
    mixed_labels: float = option(0.0, "alpha of pictures and labels mixed in pairs; 0: none", range=(0.0, 10.0))
    ema: float = option(0.999, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"steps": 300, "base_channels": 32},
    "full": {"steps": 8000},
    "full-64": {"steps": 20_000, "image_size": 64, "channel_multipliers": [1, 2, 2]},  # for a GPU
}


def main() -> None:
    run(train_diffusion, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_diffusion(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = load(recipe)
    torch.manual_seed(recipe.seed)
    model = DiffusionModel(
        class_names=training.class_names,
        image_size=recipe.image_size,
        patch_size=recipe.patch_size,
        base_channels=recipe.base_channels,
        channel_multipliers=recipe.channel_multipliers,
        blocks=recipe.blocks,
        dropout=recipe.dropout,
        sigma_data=round(float(from_bytes(training.pixels).std()), 3),
    )
    watch = Watch(RUNS / recipe.name, training)
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        make_loss(recipe, model),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: {"held_out_loss": held_out_loss(average, held_out), **watch(average)},
    )


def make_loss(recipe: Recipe, model: DiffusionModel):
    """The denoising loss on pictures moved about, some of them without their label."""
    sigma_data, num_classes = model.sigma_data, len(model.class_names)

    def loss(model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
        x, targets = from_bytes(pixels), F.one_hot(labels, num_classes).float()
        x = moved(x, recipe.augmentation)
        x, targets = mixup(x, targets, recipe.mixed_labels)
        targets = targets * (torch.rand(len(x), 1, device=x.device) >= recipe.unlabelled)
        sigma = sigma_data * (NOISE_MEAN + NOISE_DEVIATION * torch.randn(len(x), device=x.device)).exp()
        value = DiffusionModel.loss(model, x.contiguous(memory_format=torch.channels_last), targets, sigma).mean()
        return value, {}

    return loss


@torch.inference_mode()
def held_out_loss(model: DiffusionModel, table) -> float:
    """The denoising loss on pictures held out, at the same noise each time; it rises once pictures are memorised."""
    device = next(model.parameters()).device
    with torch.random.fork_rng():
        torch.manual_seed(0)
        values = []
        for pixels, labels in zip(table.pixels.split(64), table.labels.split(64), strict=True):
            sigma = model.sigma_data * (NOISE_MEAN + NOISE_DEVIATION * torch.randn(len(pixels))).exp().to(device)
            targets = F.one_hot(labels, len(model.class_names)).float().to(device)
            values.append(model.loss(from_bytes(pixels).to(device), targets, sigma))
    return torch.cat(values).mean().item()


if __name__ == "__main__":
    main()
