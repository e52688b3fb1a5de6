"""Train an autoencoder whose latent tells the form of a picture from its colours, on twins: one form, two palettes.

    python training/train_form_autoencoder.py --name flags-form --dataset flag-mashups-many --preset small

Every picture is taken apart into regions of one colour, and painted twice: in its own palette or one at random, and in
that of another picture of the batch. The form of the second twin must draw the first with the first's colours, the form
of the first must draw the second with the other picture's colours: so forms know no colours, and colours no form. A
form must be more like its twin's than like that of any other picture of the batch (van den Oord et al. 2018, equation
4). It sees no labels.

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from augmentation import moved
from encoders import encoded
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from recoloring import REGIONS, Regions
from tables import ImageTable, concatenate, read_dataset
from torch import nn
from tqdm import tqdm

from betwixt import metrics, plain_features
from betwixt.autoencoder import ConvAutoencoder
from betwixt.images import FITS, from_bytes, to_images

OWN_PALETTE = 0.5  # of the first twins keep the colours of the picture


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["flag-mashups"], "names or folders; several are joined")
    image_size: int = option(64, "side that pictures are fitted to", range=(16, 1024))
    fit: str = option("squash", "all of a picture, or its middle", choices=list(FITS))
    base_channels: int = option(24, "width after the first halving of the sides", range=(2, 1024))
    latent_dim: int = option(96, "length of the latent", range=(2, 65_536))
    form_dim: int = option(64, "how much of it is for the form", range=(1, 65_535))
    blocks: int = option(1, "residual blocks at each resolution, in encoder and decoder", range=(0, 100))
    downsamplings: int = option(4, "how often the sides are halved", range=(1, 8))
    steps: int = option(4000, "optimizer steps", range=(1, 10_000_000))
    batch_size: int = option(64, range=(2, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    contrast: float = option(0.05, "weight of telling the twin from all others by the form", range=(0.0, 100.0))
    temperature: float = option(0.1, "of that", range=(0.01, 10.0))
    edges: float = option(0.0, "weight of a likeness of forms that is that of edges", range=(0.0, 100.0))
    augmentation: float = option(0.2, "strength of the random changes of position", range=(0.0, 2.0))
    ema: float = option(0.99, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {"small": {"steps": 300, "base_channels": 12}, "full": {}}


def main() -> None:
    run(train_form_autoencoder, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_form_autoencoder(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = (load(recipe, split) for split in ("train", "test"))
    torch.manual_seed(recipe.seed)
    model = ConvAutoencoder(
        image_size=recipe.image_size,
        base_channels=recipe.base_channels,
        latent_dim=recipe.latent_dim,
        form_dim=recipe.form_dim,
        blocks=recipe.blocks,
        downsamplings=recipe.downsamplings,
        fit=recipe.fit,
    )
    of_held_out = twins_of(held_out.pixels, recipe.seed)
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        make_loss(recipe),
        Twins(training.pixels),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: {"twins_found": twins_found(average, *of_held_out)},
        finish=lambda average: average.whiten(encoded(average, training.pixels)),
    )


def load(recipe: Recipe, split: str) -> ImageTable:
    """A split of all the datasets."""
    return concatenate([read_dataset(name, split, recipe.image_size, recipe.fit) for name in recipe.dataset])


class Twins:
    """Pictures as the training loop wants them.

    A batch is pictures and their twins of the same form, (B, 3, S, S) uint8 each, and (B,) which of the pictures wears
    the twin's palette.
    """

    def __init__(self, pixels: torch.Tensor):
        pictures = to_images(from_bytes(pixels))
        taken_apart = [Regions.of(picture) for picture in tqdm(pictures, desc="regions", disable=None)]
        self.first, self.second, self.share = (
            torch.from_numpy(np.stack([getattr(regions, name) for regions in taken_apart])).to(kind)
            for name, kind in (("first", torch.uint8), ("second", torch.uint8), ("share", torch.float16))
        )
        self.colors = torch.stack([
            F.pad(torch.from_numpy(regions.colors).float(), (0, 0, 0, REGIONS - len(regions.colors)))
            for regions in taken_apart
        ])  # fmt: skip
        self.counts = torch.tensor([len(regions.colors) for regions in taken_apart])

    def __len__(self) -> int:
        return len(self.first)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        own = torch.rand(len(indices), 1, 1) < OWN_PALETTE
        colors = torch.where(own, self.colors[indices], palettes(len(indices)))
        # Each twin takes the palette of a picture with as many regions or one more: all its colours are seen there.
        order = (self.counts[indices] + torch.rand(len(indices))).argsort(descending=True)
        wearer = torch.arange(len(indices))
        wearer[order[1:]] = order[:-1]
        return self.painted(indices, colors), self.painted(indices, colors[wearer]), wearer

    def painted(self, indices: torch.Tensor, colors: torch.Tensor) -> torch.Tensor:
        """Pictures in the colours (B, REGIONS, 3) of 255 -> (B, 3, S, S) uint8."""
        rows = torch.arange(len(indices))[:, None, None]
        share = self.share[indices].float()[..., None]
        first, second = (colors[rows, which[indices].long()] for which in (self.first, self.second))
        return torch.lerp(first, second, share).round().to(torch.uint8).permute(0, 3, 1, 2)


def palettes(count: int, tries: int = 8) -> torch.Tensor:
    """(count, REGIONS, 3) of 255: of so many tries at random, those whose colours are furthest from each other."""
    colors = (torch.rand(count, tries, REGIONS, 3) * 1.5 - 0.25).clamp(0, 1) * 255
    apart = torch.cdist(colors, colors) + 1e3 * torch.eye(REGIONS)
    best = apart.amin((2, 3)).argmax(1)
    return colors[torch.arange(count), best]


def make_loss(recipe: Recipe):
    """How far twins are from what is drawn of form and colours of other pictures, and how far their forms are."""

    def loss(model: nn.Module, one: torch.Tensor, other: torch.Tensor, wearer: torch.Tensor):
        x = moved(from_bytes(torch.cat([one, other], 1)), recipe.augmentation)  # both alike
        x = torch.cat(x.chunk(2, 1)).contiguous(memory_format=torch.channels_last)
        z = model.encode(x)
        form, colors = z[:, : recipe.form_dim], z[:, recipe.form_dim :]
        of_one = colors[: len(one)]
        swapped = torch.cat([torch.cat([*reversed(form.chunk(2))]), torch.cat([of_one, of_one[wearer]])], 1)
        drawn = model.decode(swapped).float()
        error = F.mse_loss(drawn, x)
        forms = F.normalize(form.float(), dim=1)
        ones, others = forms.chunk(2)
        logits, own = ones @ others.T / recipe.temperature, torch.arange(len(ones), device=x.device)
        contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        value = error + 0.6 * F.l1_loss(drawn, x) + recipe.contrast * contrast
        if recipe.edges:
            edges = plain_features.edges(x)
            alike = forms @ forms.T
            value = value + recipe.edges * F.mse_loss(alike, edges @ edges.T)
        found = (logits.argmax(1) == own).float().mean()
        return value, {"training_error": error.detach().sqrt() * 127.5, "twins": found}

    return loss


def twins_of(pixels: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Held-out pictures twice, in two palettes each: (N, 3, S, S) uint8."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        one, other, _ = Twins(pixels).batch(torch.arange(len(pixels)))
    return one, other


@torch.inference_mode()
def twins_found(model: ConvAutoencoder, one: torch.Tensor, other: torch.Tensor) -> float:
    """The share of pictures whose twin has the nearest form of all."""
    forms = [F.normalize(encoded(model, pixels)[:, : model.form_dim], dim=1) for pixels in (one, other)]
    own = torch.arange(len(one), device=forms[0].device)
    return (metrics.retrieval_ranks(*forms, own) == 0).double().mean().item()


if __name__ == "__main__":
    main()
