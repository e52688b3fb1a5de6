"""Train StyleGAN2 on pictures, told of their classes or not.

    python training/train_stylegan2.py --name cats --dataset my-cats --no-conditional --preset cpu-64
    python training/train_stylegan2.py --name mammals --dataset mammals --preset gpu-128
    python training/train_stylegan2.py --name few --dataset my-photos --no-conditional --preset cpu-64 --start mammals

Pictures of half the side teach in 60 % of the time: begin with `--name half --image-size 32`, then use `--start half`.

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from adversarial import R1_EVERY, non_saturating, steepness
from augmentation import adaptive, differentiable
from loop import PRECISIONS, RUNS, LoopSettings, last_checkpoint, recipe_of, train
from options import option, parse, run
from samples import ROW, Rows, Watch, load
from tables import ImageTable, Pictures
from torch import nn

from betwixt.generation import shares_of
from betwixt.images import from_bytes
from betwixt.layers import GROUP
from betwixt.losses import path_length
from betwixt.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

PATH_EVERY = 4  # steps; as `R1_EVERY`
W_AVERAGE = 0.995  # decay a step of the mean w
PATH_DECAY = 0.99  # of the mean path length


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["mammals"], "names or folders; several are joined")
    classes: list[str] | None = option(None, 'default: all of the dataset but "neither"')
    conditional: bool = option(True, "tell both networks the class")
    start: str | None = option(None, "a run whose weights it begins with, where they are of the same shape")
    image_size: int = option(64, "side that pictures are fitted to, a power of 2", range=(8, 1024))
    z_dim: int = option(64, range=(1, 1024))
    w_dim: int = option(64, range=(1, 1024))
    mapping_layers: int = option(2, range=(1, 16))
    channel_base: int = option(2048, "channels times sides at each layer of both networks", range=(64, 1_000_000))
    channel_max: int = option(128, range=(4, 4096))
    steps: int = option(6000, range=(1, 10_000_000))
    batch_size: int = option(32, range=(4, 65_536))
    learning_rate: float = option(2.5e-3, range=(1e-7, 1.0))
    r1: float = option(0.05, "weight of the penalty on the discriminator's gradient", range=(0.0, 1000.0))
    style_mixing: float = option(0.9, "share of pictures with two styles", range=(0.0, 1.0))
    noise: bool = option(True, "let noise decide what no style does; without it styles decide everything")
    path_length: float = option(0.0, "weight of the penalty on uneven paths through w", range=(0.0, 100.0))
    augment: str = option("ada", "what the discriminator sees changed", choices=["none", "diffaugment", "ada"])
    ada_target: float = option(0.6, "mean sign of the discriminator's answers on real pictures", range=(0.0, 1.0))
    ada_over: int = option(100_000, "pictures in which changes could go from never to always", range=(100, 100_000_000))
    mirror: bool = option(True, "train on mirror images too")
    ema: float = option(0.998, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"steps": 200, "channel_base": 512, "channel_max": 32, "checkpoint_every": 100},
    "cpu-64": {},
    "gpu-64": {"channel_base": 4096, "channel_max": 256, "steps": 15_000, "batch_size": 64, "ema": 0.999},
    "gpu-128": {
        "image_size": 128, "channel_base": 4096, "channel_max": 256, "steps": 15_000, "batch_size": 64, "ema": 0.999,
        "r1": 0.2,
    },
}  # fmt: skip


def main() -> None:
    run(train_stylegan2, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_stylegan2(recipe: Recipe) -> None:
    """Load, build, train."""
    training, _ = load(recipe)
    torch.manual_seed(recipe.seed)
    game = Game(recipe, training.class_names if recipe.conditional else [])
    known = {**dataclasses.asdict(recipe), "training_pictures": training.digest()}
    resumed = last_checkpoint(RUNS / recipe.name)
    if resumed:
        known |= {"started_from": recipe_of(resumed).get("started_from")}
    elif recipe.start:
        known |= {"started_from": begin_with(game, RUNS / recipe.start)}
        if not recipe.noise:
            silence(game.generator)
    watch = Watch(RUNS / recipe.name, training, rows_of)
    train(
        RUNS / recipe.name,
        known,
        game,
        lambda game, pixels, labels: game(from_bytes(pixels), labels),
        OfOneClass(training) if recipe.conditional else Pictures(training),
        dataclasses.replace(LoopSettings.of(recipe, len(training)), betas=(0.0, 0.99), weight_decay=0.0, warmup=0.02),
        evaluate=lambda average: {**watch(average.generator), "augmented": float(average.augmented)},
    )


def rows_of(generator: StyleGAN2Generator) -> Rows:
    """A row of each class, or two rows of a network that is told of none."""
    seeds = range(ROW)
    if generator.class_names:
        return [generator.generate(seeds, 1.0, {name: 1.0}) for name in generator.class_names]
    return [generator.generate(seeds, 1.0), generator.generate(range(ROW, 2 * ROW), 1.0)]


def begin_with(game: nn.Module, run: Path) -> dict:
    """Take over the averaged weights of another run, all that have the same name and shape; returns its recipe
    and how far it had come.

    Of a run on smaller pictures these are all but the last layers; what the new ones add to a picture begins at nothing
    (Karras et al. 2018, "Progressive Growing of GANs").

    Raises:
        ValueError: there is no such run, or nothing fits.
    """
    checkpoint = last_checkpoint(run)
    if checkpoint is None:
        raise ValueError(f"{run}: there is no checkpoint to start from")
    state = torch.load(checkpoint / "training_state.pt", map_location="cpu", weights_only=True)["average"]
    own = dict(game.named_parameters())
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    if not fitting:
        raise ValueError(f"{run}: none of its weights has the name and shape of one that is to be trained")
    game.load_state_dict(fitting, strict=False)
    for name, weight in own.items():
        if name.endswith("torgb.weight") and name not in fitting:
            nn.init.zeros_(weight)
    print(f"began with {len(fitting)} of {len(own)} tensors of {run}")
    return {**recipe_of(checkpoint), "steps_done": int(checkpoint.name)}


def silence(generator: nn.Module) -> None:
    """Noise that a generator learned counts no more, whoever draws with it."""
    for name, strength in generator.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.zeros_(strength)


class OfOneClass(Pictures):
    """Batches in which those pictures have one class whose deviation a discriminator sees (`batch_deviation`).

    Among pictures of several classes it would not notice that those of each are all alike.
    """

    def __init__(self, table: ImageTable):
        super().__init__(table)
        self.rows_of = {label: (table.labels == label).nonzero()[:, 0] for label in table.labels.unique().tolist()}

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        size = math.gcd(len(indices), GROUP)
        leaders = indices[: len(indices) // size]
        rows = [self.rows_of[label] for label in self.table.labels[leaders].tolist()]
        others = [torch.stack([of[torch.randint(len(of), ())] for of in rows]) for _ in range(size - 1)]
        return super().batch(torch.cat([leaders, *others]))


class Game(nn.Module):
    """Generator and discriminator, and what each is trained on in a step; both learn from the same networks at once."""

    def __init__(self, recipe: Recipe, class_names: list[str]):
        super().__init__()
        self.recipe, self.num_classes = recipe, len(class_names)
        self.noise_mode = "random" if recipe.noise else "none"
        widths = {"channel_base": recipe.channel_base, "channel_max": recipe.channel_max}
        self.generator = StyleGAN2Generator(
            z_dim=recipe.z_dim,
            c_dim=len(class_names),
            w_dim=recipe.w_dim,
            img_resolution=recipe.image_size,
            mapping_layers=recipe.mapping_layers,
            class_names=class_names or None,
            **widths,
        )
        self.discriminator = StyleGAN2Discriminator(len(class_names), recipe.image_size, **widths)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("augmented", torch.zeros(()))  # probability of each change
        self.register_buffer("mean_path", torch.zeros(()))

    def forward(self, real: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Pictures (B, 3, S, S) in [-1, 1], labels (B,) -> the sum of both losses (non-saturating; equation 2 of Karras
        et al. 2020, "Analyzing and Improving")."""
        recipe, step = self.recipe, int(self.step)
        self.step += 1
        c = shares_of(labels, self.num_classes) if self.num_classes else None
        if recipe.mirror:
            real = torch.where(torch.rand(len(real), 1, 1, 1, device=real.device) < 0.5, real.flip(-1), real)
        w = self.styles(c, len(real))
        fake = self.generator.synthesis(w, self.noise_mode)
        loss, of_real, of_fake = non_saturating(self.discriminator, real, fake, c, self.seen)
        if recipe.r1 and step % R1_EVERY == 0:
            loss = loss + R1_EVERY * recipe.r1 / 2 * steepness(self.discriminator, self.seen(real), c)
        if recipe.path_length and step % PATH_EVERY == 0:
            loss = loss + PATH_EVERY * recipe.path_length * self.uneven_paths(c)
        self.adapt(of_real)
        return loss, {"real": of_real.mean(), "fake": of_fake.mean(), "augmented": self.augmented}

    def styles(self, c: torch.Tensor | None, count: int) -> torch.Tensor:
        """New w (B, num_ws, w_dim): in a share of the pictures the later layers have another one than the first."""
        mapping, device = self.generator.mapping, self.augmented.device
        z = torch.randn(2 * count, self.recipe.z_dim, device=device)
        first, second = mapping(z, None if c is None else c.repeat(2, 1)).chunk(2)
        mapping.w_avg.lerp_(first[:, 0].detach().float().mean(0), 1 - W_AVERAGE)
        cut = torch.randint(1, first.shape[1], (count, 1), device=device)
        mixed = torch.rand(count, 1, device=device) < self.recipe.style_mixing
        later = mixed & (torch.arange(first.shape[1], device=device) >= cut)
        return torch.where(later[..., None], second, first)

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures as the discriminator is shown them."""
        x = x.float()
        if self.recipe.augment == "diffaugment":
            x = differentiable(x)
        elif self.recipe.augment == "ada":
            x = adaptive(x, self.augmented)
        return x.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def adapt(self, of_real: torch.Tensor) -> None:
        """More changes where the discriminator knows real pictures too well (equation 1 of ADA, r_t).

        Of several devices the first one's pictures decide.
        """
        if self.recipe.augment == "ada":
            towards = (of_real.sign().mean() - self.recipe.ada_target).sign()
            self.augmented.add_(towards * self.recipe.batch_size / self.recipe.ada_over).clamp_(0, 1)

    def uneven_paths(self, c: torch.Tensor | None) -> torch.Tensor:
        """The penalty on path lengths unlike their running mean, on half of a batch (StyleGAN2, equation 4)."""
        count = max(1, self.recipe.batch_size // 2)
        with torch.autocast(self.augmented.device.type, enabled=False):
            w = self.styles(None if c is None else c[:count], count if c is None else min(count, len(c)))
            lengths = path_length(self.generator.synthesis(w, self.noise_mode), w)
        self.mean_path.lerp_(lengths.detach().mean(), 1 - PATH_DECAY)
        return (lengths - self.mean_path).square().mean()

    def save_pretrained(self, folder: Path) -> None:
        """What is published is the generator."""
        self.generator.save_pretrained(folder)


if __name__ == "__main__":
    main()
