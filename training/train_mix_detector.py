"""Train a classifier to tell plain pictures from those that are put together of several, for evaluate_hybrids.py.

    python training/train_mix_detector.py --name mix-detector --dataset clocks-crocodiles

It learns from the test split, as the generators to be measured learn from the training split. The same command again
resumes a run that was stopped.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from augmentation import random_affine, random_blur, random_colour, random_noise, random_warp
from blends import ALL_BLENDS
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from tables import ImageTable, Pictures, read_splits
from torch import nn

from betwixt import metrics
from betwixt.classifier import ImageClassifier
from betwixt.images import BATCH, from_bytes

CLASSES = ["plain", "mixed"]


@dataclass
class Recipe:
    """The defaults; options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    image_size: int = option(32, "side that pictures are fitted to", range=(16, 256))
    base_channels: int = option(16, range=(1, 1024))
    dropout: float = option(0.2, range=(0.0, 0.95))
    spoilt: float = option(0.0, "share that are bent, and many made noisy, whether mixed or not", range=(0.0, 1.0))
    steps: int = option(3000, range=(1, 10_000_000))
    batch_size: int = option(64, range=(4, 65_536))
    learning_rate: float = option(3e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.05, range=(0.0, 1.0))
    ema: float = option(0.99, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))


def main() -> None:
    run(train_mix_detector, parse(Recipe, {}, __doc__.splitlines()[0]))


def train_mix_detector(recipe: Recipe) -> None:
    """Load, build, train."""
    held_out, training = read_splits(recipe.dataset, recipe.image_size)
    torch.manual_seed(recipe.seed)
    model = ImageClassifier(
        architecture="resnet9", class_names=CLASSES, image_size=recipe.image_size,
        base_channels=recipe.base_channels, dropout=recipe.dropout,
    )  # fmt: skip
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        partial(loss, recipe),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: {"area under curve": area_under_curve(average, held_out)},
    )


def loss(recipe: Recipe, model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
    """Half of the batch as it is, half put together; then both spoilt alike, as what is drawn is never quite right."""
    x = random_colour(random_affine(from_bytes(pixels.cpu())))
    x, mixed = put_together(x, torch.default_generator)
    if recipe.spoilt:
        x = random_noise(random_warp(x, recipe.spoilt), 0.6 * recipe.spoilt)
    x = random_blur(x, 0.3).to(labels.device, memory_format=torch.channels_last)
    logits, targets = model(x).float(), mixed.long().to(labels.device)
    return F.cross_entropy(logits, targets), {"correct": (logits.argmax(1) == targets).float().mean()}


def put_together(x: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (B, 3, H, W) -> half of them, at random, with others put into them, and (B,) whether."""
    kind = torch.randint(2 * len(ALL_BLENDS), (len(x),), generator=generator)
    other = x[torch.randperm(len(x), generator=generator)]
    for number, blend in enumerate(ALL_BLENDS.values()):
        rows = (kind == number).nonzero().flatten()
        if len(rows):
            x = x.index_copy(0, rows, blend(x[rows], other[rows], generator))
    return x, kind < len(ALL_BLENDS)


@torch.inference_mode()
def area_under_curve(model: ImageClassifier, table: ImageTable) -> float:
    """How well mixed pictures are told from plain ones, on the pictures of a table."""
    generator = torch.Generator().manual_seed(0)
    device, scores, truth = model.mean.device, [], []
    for pixels in table.pixels[torch.randperm(len(table), generator=generator)[:1024]].split(BATCH):
        x, mixed = put_together(from_bytes(pixels), generator)
        scores.append(model(x.to(device)).softmax(1)[:, 1].cpu())
        truth.append(mixed.long())
    return metrics.area_under_curve(torch.cat(scores), torch.cat(truth))


if __name__ == "__main__":
    main()
