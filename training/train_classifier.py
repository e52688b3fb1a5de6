"""Train an image classifier, from scratch or from a pretrained backbone.

    python training/train_classifier.py --name resnet9 --dataset clocks-crocodiles --preset small
    python training/train_classifier.py --name mine --dataset my-photos --architecture resnet18 --pretrained
    python training/train_classifier.py --name places --dataset landmarks --embedding-dim 256      (to search with)

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from collections import Counter
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from augmentation import cutout, mixup, moved, random_colour
from loop import PRECISIONS, RUNS, LoopSettings, last_checkpoint, train
from options import option, parse, run
from tables import NEITHER, ImageTable, Pictures, concatenate, counterexample_weights, folds, joined, read_dataset
from torch import nn
from tqdm import tqdm

from betwixt.classifier import CosineHead, ImageClassifier
from betwixt.images import BATCH, from_bytes


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    join: bool = option(False, "the datasets may name different classes: all of them are learned")
    classes: list[str] | None = option(None, "train on these classes alone; default: all of the dataset")
    neither: list[str] = option([], 'datasets of pictures of none of the classes, which are learned as "neither"')
    without: list[str] | None = option(None, "leave these classes out, to ask about later")
    architecture: str = option("resnet9", "shallow, cnn, resnet9, a timm name, or torchvision/NAME")
    base_channels: int = option(16, "width of cnn and resnet9", range=(1, 1024))
    num_convolutions: int = option(5, "depth of cnn", range=(1, 8))
    image_size: int = option(32, "side that pictures are fitted to", range=(8, 1024))
    network_size: int | None = option(None, "side to which they are enlarged for the network", range=(8, 1024))
    embedding_dim: int | None = option(None, "learn an embedding for search, of so many numbers", range=(2, 65_536))
    pooling: str | None = option(None, "gem: generalised means; default: the architecture's own", choices=["gem"])
    margin: float = option(0.0, "by which a picture must be nearer its own class, in cosine", range=(0.0, 1.0))
    flip_at_test: bool = option(True, "average over the mirror image when predicting")
    pretrained: bool = option(False, "start from the backbone's published weights (downloads them)")
    weights: str | None = option(None, "start from the backbone's weights in this local file")
    freeze: bool = option(False, "train the last layer alone")
    dropout: float = option(0.2, range=(0.0, 0.95))
    epochs: int = option(100, "passes over the pictures", range=(1, 100_000))
    steps: int | None = option(None, "optimizer steps instead of epochs", range=(1, 10_000_000))
    batch_size: int = option(64, range=(1, 65_536))
    learning_rate: float = option(3e-3, range=(1e-7, 1.0))
    backbone_rate: float = option(1.0, "share of the learning rate for all but the last layer", range=(0.0, 1.0))
    weight_decay: float = option(0.05, range=(0.0, 1.0))
    balance: float = option(0.0, "0: a class counts by its pictures; 1: every class counts the same", range=(0.0, 1.0))
    other_classes: float | None = option(
        None,
        "learn a yes or no for each class alone, the other classes counting so much beside neither",
        range=(0.0, 1.0),
    )
    label_smoothing: float = option(0.05, range=(0.0, 0.5))
    augmentation: float = option(1.0, "strength of the random changes of position and colour", range=(0.0, 2.0))
    cutout: float = option(0.25, "side of the hidden square", range=(0.0, 0.9))
    mixup: float = option(0.2, "alpha of the Beta distribution; 0: none", range=(0.0, 10.0))
    ema: float = option(0.99, "decay of the weights' moving average", range=(0.0, 0.99999))
    fold: int | None = option(
        None, "leave this fold of --num-folds out, of training and test split together", range=(0, 99)
    )
    num_folds: int = option(5, range=(2, 100))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(200, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"epochs": 10, "base_channels": 8},
    "full": {"epochs": 150},
}


def main() -> None:
    run(train_classifier, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_classifier(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = load(recipe)
    model = build(recipe, training.class_names)
    fitted = model.embedding is not None and bool(recipe.pretrained or recipe.weights)
    if fitted and last_checkpoint(RUNS / recipe.name) is None:
        fit_embedding(model, training)
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        make_loss(recipe, class_weights(training, recipe.balance), training.class_names),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        finish=(lambda average: fit_embedding(average, training)) if fitted else None,
        evaluate=lambda average: {"accuracy": accuracy(average, held_out)} if len(held_out) else {},
        rate_of=lambda name: recipe.backbone_rate if name.startswith("network.") else 1.0,
    )


def load(recipe: Recipe) -> tuple[ImageTable, ImageTable]:
    """What to train on, and what is held out: the test split, or with --fold one fold of everything."""
    splits = {}
    for split in ("train", "test"):
        tables = [read_dataset(name, split, recipe.image_size) for name in recipe.dataset]
        tables += [read_dataset(name, split, recipe.image_size).as_class(NEITHER) for name in recipe.neither]
        splits[split] = concatenate(joined(tables) if recipe.join or recipe.neither else tables)
    known, hidden = splits["train"].class_names, {*(recipe.without or [])}
    if unknown := hidden - {*known}:
        raise ValueError(f"--without {' '.join(sorted(unknown))}: there are no such classes")
    if recipe.classes or hidden:
        kept = [name for name in recipe.classes or known if name not in hidden]
        splits = {split: table.of_classes(kept) for split, table in splits.items()}
    if recipe.fold is None:
        return splits["train"], splits["test"]
    if recipe.fold >= recipe.num_folds:
        raise ValueError(f"--fold must be under --num-folds {recipe.num_folds}, not {recipe.fold}")
    table = concatenate(list(splits.values()))
    held_out = folds(table, recipe.num_folds, recipe.seed) == recipe.fold
    return table.select(~held_out), table.select(held_out)


def build(recipe: Recipe, class_names: list[str]) -> ImageClassifier:
    """The network before training."""
    torch.manual_seed(recipe.seed)
    model = ImageClassifier(
        architecture=recipe.architecture,
        pooling=recipe.pooling,
        embedding_dim=recipe.embedding_dim,
        class_names=class_names,
        image_size=recipe.image_size,
        network_size=recipe.network_size,
        base_channels=recipe.base_channels,
        num_convolutions=recipe.num_convolutions,
        dropout=recipe.dropout,
        flip_at_test=recipe.flip_at_test,
    )
    if recipe.pretrained or recipe.weights:
        model.load_backbone(recipe.weights)
    if recipe.freeze:
        model.network.requires_grad_(False)
        last = model.network.get_classifier() if model.is_timm else model.head
        if model.embedding is not None:
            model.embedding.requires_grad_(True)
        last.requires_grad_(True)
    return model


@torch.inference_mode()
def fit_embedding(model: ImageClassifier, table: ImageTable) -> None:
    """Whiten what features vary in within a class, and let each class's direction be the mean of its pictures.

    Every source counts the same, however many pictures it has; what varies in "neither" is no more than that it is
    none, and does not count. After training it takes back what the embedding learned of these classes alone, at the
    cost of others; what the backbone learned stays.
    """
    model.eval()
    device, parts = next(model.parameters()).device, table.pixels.split(BATCH)
    bar = tqdm(parts, desc="features", disable=None)
    sides = [[model.pooled(side).float() for side in (x, x.flip(-1))] for x in (from_bytes(p).to(device) for p in bar)]
    features = torch.cat([side for both in zip(*sides, strict=True) for side in both])  # all, then all mirrored
    names = [table.class_names[label] for label in table.labels] * 2
    sources = table.columns.get("source", [""] * len(table)) * 2
    counts = Counter(source for source, name in zip(sources, names, strict=True) if name != NEITHER)
    shares = [0.0 if name == NEITHER else 1 / counts[source] for source, name in zip(sources, names, strict=True)]
    labels, weights = table.labels.repeat(2).to(device), torch.tensor(shares)
    model.embedding.whiten(features, labels, weights)
    embeddings = F.normalize(model.embedding(features), dim=1)
    sums = torch.zeros_like(model.head.weight).index_add_(0, labels, embeddings)
    model.head.weight.copy_(torch.where(sums.any(1, keepdim=True), F.normalize(sums, dim=1), model.head.weight))


def class_weights(table: ImageTable, balance: float) -> torch.Tensor:
    """(num_classes,) weights of the classes' pictures, by their number to the power of -balance; 1 on average."""
    counts = torch.bincount(table.labels, minlength=len(table.class_names)).clamp_min(1)
    weights = counts.float() ** -balance
    return weights * len(table) / (weights * counts).sum()


def make_loss(recipe: Recipe, weights: torch.Tensor, class_names: list[str]):
    """Cross-entropy on changed and mixed pictures, of the choice or of each class's yes or no; `weights` (K,)."""

    def loss(model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
        x, targets = from_bytes(pixels), F.one_hot(labels, len(weights)).float()
        if recipe.augmentation:
            x = moved(x, recipe.augmentation)
            x = random_colour(x, 0.3 * recipe.augmentation)
        if recipe.cutout:
            x = cutout(x, recipe.cutout)
        x, targets = mixup(x, targets, recipe.mixup)
        logits = model(x.contiguous(memory_format=torch.channels_last))
        if recipe.margin:
            logits = logits - CosineHead.SCALE * recipe.margin * targets
        if recipe.other_classes is None:
            value = F.cross_entropy(logits, targets, weights.to(x.device), label_smoothing=recipe.label_smoothing)
        else:
            counts = (
                counterexample_weights(targets, class_names, recipe.other_classes) * weights.to(x.device)[labels, None]
            )
            smooth = torch.lerp(targets, torch.full_like(targets, 0.5), recipe.label_smoothing)
            value = F.binary_cross_entropy_with_logits(logits.float(), smooth, counts)
        return value, {"correct": (logits.argmax(1) == labels).float().mean()}

    return loss


@torch.inference_mode()
def accuracy(model: ImageClassifier, table: ImageTable) -> float:
    """Share of right answers."""
    device = next(model.parameters()).device
    batches = zip(table.pixels.split(256), table.labels.split(256), strict=True)
    right = [(model.probabilities(from_bytes(x).to(device)).argmax(1) == y).sum().item() for x, y in batches]
    return sum(right) / len(table)


if __name__ == "__main__":
    main()
