"""Train a conditional GAN on plain pictures of its classes.

    python training/train_gan.py --name gan --dataset clocks-crocodiles --preset small
    python training/train_gan.py --name photos --dataset my-photos --image-size 32 --preset full

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from adversarial import R1_EVERY, non_saturating, steepness
from augmentation import differentiable, mixup
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from samples import Watch, load
from tables import Pictures
from torch import nn

from betwixt.conditional_gan import ARCHITECTURES, ConditionalGAN, Discriminator, PlainDiscriminator
from betwixt.images import from_bytes

WITHOUT_CUTOUT = 0.1  # of the steps: a discriminator that begins with hidden squares learns to look for those


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    classes: list[str] | None = option(None, 'default: all of the dataset but "neither"')
    architecture: str = option("stylegan2", choices=list(ARCHITECTURES))
    image_size: int = option(64, "side that pictures are fitted to", range=(8, 256))
    z_dim: int = option(64, range=(1, 1024))
    w_dim: int = option(64, range=(1, 1024))
    base_channels: int = option(32, "width at the full side, of both networks", range=(4, 512))
    max_channels: int = option(128, range=(4, 1024))
    steps: int = option(8000, range=(1, 10_000_000))
    batch_size: int = option(32, range=(4, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    momentum: float = option(0.0, "Adam's first decay", range=(0.0, 0.999))
    r1: float = option(0.1, "weight of the penalty on the discriminator's gradient", range=(0.0, 1000.0))
    cutout: float = option(0.5, "side of the square that is hidden from the discriminator", range=(0.0, 0.9))
    augment: bool = option(True, "show the discriminator real and drawn pictures changed at random (DiffAugment)")
    mixed_labels: float = option(0.0, "alpha of pictures and labels mixed in pairs; 0: none", range=(0.0, 10.0))
    ema: float = option(0.998, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"steps": 300, "base_channels": 16, "max_channels": 32},
    "full": {"steps": 10_000},
    # As in Radford et al. 2016: no style, no augmentation, no penalty.
    "dcgan": {
        "steps": 10_000, "architecture": "dcgan", "learning_rate": 2e-4, "momentum": 0.5, "r1": 0.0, "augment": False
    },
}  # fmt: skip


def main() -> None:
    run(train_gan, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_gan(recipe: Recipe) -> None:
    """Load, build, train."""
    training, _ = load(recipe)
    torch.manual_seed(recipe.seed)
    settings = LoopSettings.of(recipe, len(training))
    watch = Watch(RUNS / recipe.name, training)
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        Game(recipe, training.class_names),
        lambda game, pixels, labels: game(from_bytes(pixels), F.one_hot(labels, len(training.class_names)).float()),
        Pictures(training),
        dataclasses.replace(settings, betas=(recipe.momentum, 0.99), weight_decay=0.0, warmup=0.02),
        evaluate=lambda game: watch(game.generator),
    )


class Game(nn.Module):
    """Generator and discriminator, and what each is trained on in a step; both learn from the same networks at once."""

    def __init__(self, recipe: Recipe, class_names: list[str]):
        super().__init__()
        self.recipe = recipe
        self.generator = ConditionalGAN(
            class_names=class_names,
            architecture=recipe.architecture,
            image_size=recipe.image_size,
            z_dim=recipe.z_dim,
            w_dim=recipe.w_dim,
            base_channels=recipe.base_channels,
            max_channels=recipe.max_channels,
        )
        of_architecture = Discriminator if recipe.architecture == "stylegan2" else PlainDiscriminator
        self.discriminator = of_architecture(
            len(class_names), recipe.image_size, recipe.base_channels, recipe.max_channels
        )
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, real: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Pictures (B, 3, S, S) in [-1, 1], labels (B, num_classes) -> the sum of both losses."""
        recipe, step = self.recipe, int(self.step)
        self.step += 1
        cutout = recipe.cutout if step >= WITHOUT_CUTOUT * recipe.steps else 0.0

        def seen(x: torch.Tensor) -> torch.Tensor:
            return (differentiable(x, cutout) if recipe.augment else x).contiguous(memory_format=torch.channels_last)

        real, labels = mixup(real, labels, recipe.mixed_labels)
        fake = self.generator(torch.randn(len(real), recipe.z_dim, device=real.device), labels).float()
        loss, of_real, of_fake = non_saturating(self.discriminator, real, fake, labels, seen)
        if recipe.r1 and step % R1_EVERY == 0:
            loss = loss + R1_EVERY * recipe.r1 / 2 * steepness(self.discriminator, seen(real), labels)
        return loss, {"real": of_real.mean(), "fake": of_fake.mean()}

    def save_pretrained(self, folder: Path) -> None:
        """What is published is the generator."""
        self.generator.save_pretrained(folder)


if __name__ == "__main__":
    main()
