"""Measure searches: published encoders on held-out pictures, or recipes on places that they were not trained on.

    python training/evaluate_search.py published --encoders landmarks-scratch landmarks-pretrained landmarks-transfer \\
        --dataset landmarks landmarks-photos --output benchmarks/results/search.json
    python training/evaluate_search.py unseen --dataset landmarks landmarks-photos --weights SQUEEZENET.pth \\
        --output benchmarks/results/search_unseen.json

Each picture asked about is looked for among all others of its dataset; right is what shows the same place. `published`
asks about the test splits, and about all pictures of places that none of the encoders was trained on. For `unseen` the
places are dealt into folds; the pictures of a fold are looked for with an encoder that was trained on the other places
alone, among the same pictures whatever the encoder; and once more among those of the fold alone, for what was trained
on the others may put these out of the way.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from encoders import embed, load
from loop import RUNS, folder_of, last_checkpoint
from options import option, run_command
from tables import ImageTable, concatenate, joined, read_dataset
from trainings import train_classifiers

from betwixt import metrics, plain_features
from betwixt.classifier import Embedding, GeneralisedMean, ImageClassifier
from betwixt.images import BATCH, from_bytes, resized

PIXELS = "raw pixels"
AMONG_UNSEEN = "mAP among these places alone"
BACKBONE = "backbone"
SIDE = 32  # at which raw pixels are compared
RECIPES = {  # that are trained on the places of the other folds
    "scratch": [
        *("--architecture", "resnet9", "--base-channels", "16", "--network-size", "96"),
        *("--embedding-dim", "128", "--margin", "0.1", "--epochs", "30"),
    ],
    "transfer": ["--epochs", "8", "--learning-rate", "1e-3", "--backbone-rate", "0.3"],
}


@dataclass
class Published:
    """Measure encoders as they are published."""

    encoders: list[str] = option(help="runs, published names or folders")
    dataset: list[str] = option(help="held-out pictures are looked for, each among all of its dataset")
    against: str = option("landmarks-pretrained", "the encoder that the others are compared with in pairs")
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class Unseen:
    """Measure recipes on places that they were not trained on."""

    dataset: list[str] = option(help="trained on together, both splits of each, and each reported alone")
    weights: str = option(help="ImageNet weights of SqueezeNet, the backbone")
    recipes: list[str] | None = option(None, f"of {', '.join(RECIPES)}; default: all")
    image_size: int = option(192, "side that pictures are fitted to", range=(32, 512))
    num_folds: int = option(4, "of places", range=(2, 20))
    jobs: int = option(2, "trainings at a time, each with its share of the cores", range=(1, 64))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run_command({"published": (Published, published), "unseen": (Unseen, unseen)}, __doc__)


def published(options: Published) -> dict:
    """{dataset: {"pictures", "places": {"seen": {"asked", "places", "encoders": {name: figures}}, "unseen": ...}}}.

    Seen places are those that any of the encoders was trained on: in other pictures than those that are asked about.
    """
    models = {encoder: load(str(folder_of(encoder)))[0] for encoder in options.encoders}
    trained_on = {place for model in models.values() for place in model.class_names}
    table = {}
    for name in options.dataset:
        spaces = {}
        for encoder, model in {PIXELS: None, **models}.items():
            pictures = whole(name, model.image_size if model else SIDE)
            x = from_bytes(pictures.pixels)
            spaces[encoder] = embed(model, None, x) if model else plain_features.pixels(x)
        is_test = torch.tensor([split == "test" for split in pictures.columns["split"]])
        is_seen = torch.tensor([place in trained_on for place in pictures.class_names])[pictures.labels]
        groups = torch.tensor(pictures.columns["group"])
        table[Path(name).name] = {"pictures": len(pictures), "places": {}}
        for kind, chosen in {"seen": is_test & is_seen, "unseen": ~is_seen}.items():
            asked = chosen.nonzero().flatten()
            if len(asked):
                found = {key: figures(features, pictures.labels, asked) for key, features in spaces.items()}
                table[Path(name).name]["places"][kind] = {
                    "asked": len(asked),
                    "places": len(pictures.labels[asked].unique()),
                    "encoders": summary(found, options.against, groups[asked]),
                }
    return table


def unseen(options: Unseen) -> dict:
    """{"folds", dataset: {"pictures", "places", "encoders": {name: figures}}}, each by what did not see its place."""
    chosen = options.recipes or list(RECIPES)
    if unknown := [name for name in chosen if name not in RECIPES]:
        raise ValueError(f"no recipe {', '.join(unknown)}: choose of {', '.join(RECIPES)}")
    tables = joined([whole(name, options.image_size) for name in options.dataset])
    # Each dataset's places are dealt out in turn, so that every fold lacks as many of each.
    fold_of = {name: i % options.num_folds for table in tables for i, name in enumerate(places_of(table))}
    train_folds(chosen, fold_of, options)
    pictures = concatenate(tables)
    folds = torch.tensor([fold_of[name] for name in pictures.class_names])[pictures.labels]
    dataset = torch.cat([torch.full((len(table),), number) for number, table in enumerate(tables)])
    weights = 1 / dataset.bincount()[dataset].float()
    x = from_bytes(pictures.pixels)
    backbone = ImageClassifier(
        architecture="torchvision/squeezenet1_0", class_names=["any"], image_size=options.image_size
    ).eval()
    backbone.load_backbone(options.weights)
    plain = pooled(backbone, x)
    mirrored = F.normalize(plain + pooled(backbone, x.flip(-1)), dim=1)
    means = pooled(backbone, x, GeneralisedMean().eval())
    raw = plain_features.pixels(resized(x, SIDE))
    found: list[dict[str, list[dict]]] = [{} for _ in tables]
    for fold in range(options.num_folds):
        known = folds != fold

        def within_places(features: torch.Tensor, known: torch.Tensor = known) -> torch.Tensor:
            return whitened(features, pictures.labels, known, weights)

        spaces = {
            PIXELS: raw,
            BACKBONE: plain,
            "backbone, mirror images too": mirrored,
            "backbone, generalised means": means,
            "backbone, whitened": whitened(plain, None, known, weights),
            "backbone, whitened within places": within_places(plain),
            "backbone, whitened within places, mirror images too": within_places(mirrored),
            "backbone, whitened within places, generalised means": within_places(means),
        }
        for name in chosen:
            model, _ = load(str(last_checkpoint(RUNS / run_name(options, name, fold)) / "model"))
            spaces[name] = embed(model, None, x)
        for number in range(len(tables)):
            rows = (dataset == number).nonzero().flatten()
            asked = (~known[rows]).nonzero().flatten()
            labels = pictures.labels[rows]
            for name, features in spaces.items():
                here = figures(features[rows], labels, asked) | {"asked": asked}
                alone = figures(features[rows][asked], labels[asked], torch.arange(len(asked)))
                found[number].setdefault(name, []).append(here | {AMONG_UNSEEN: alone["mAP"]})
    report: dict = {"folds": options.num_folds}
    for name, table, of_table in zip(options.dataset, tables, found, strict=True):
        order = torch.cat([part["asked"] for part in of_table[PIXELS]])
        merged = {
            space: {key: torch.cat([part[key] for part in parts]) for key in parts[0] if key != "asked"}
            for space, parts in of_table.items()
        }
        report[Path(name).name] = {
            "pictures": len(table),
            "places": len(places_of(table)),
            "encoders": summary(merged, BACKBONE, torch.tensor(table.columns["group"])[order]),
        }
    return report


def places_of(table: ImageTable) -> list[str]:
    """The places that a table has pictures of, in the order of its classes."""
    return [table.class_names[label] for label in sorted({*table.labels.tolist()})]


def whole(name: str, image_size: int) -> ImageTable:
    """Both splits of a dataset; the column `split` says which."""
    tables = {split: read_dataset(name, split, image_size) for split in ("train", "test")}
    for split, table in tables.items():
        table.columns["split"] = [split] * len(table)
    return concatenate(list(tables.values()))


def figures(features: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor) -> dict[str, torch.Tensor]:
    """Of each picture asked about, looked for among all others."""
    parts = [
        metrics.search_figures(features[rows] @ features.T, labels[rows][:, None] == labels, rows)
        for rows in asked.split(500)
    ]
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


def summary(found: dict[str, dict[str, torch.Tensor]], against: str, groups: torch.Tensor) -> dict:
    """Means with intervals, and how much more mAP each has than `against`, on the same pictures."""
    table = {}
    for name, of_queries in found.items():
        table[name] = {key: metrics.with_interval(values, groups) for key, values in of_queries.items()}
        if against in found and name != against:
            for figure in ("mAP", AMONG_UNSEEN):
                if figure in of_queries:
                    more = of_queries[figure] - found[against][figure]
                    table[name][f"{figure} more than {against}"] = metrics.with_interval(more, groups)
    return table


@torch.inference_mode()
def pooled(model: ImageClassifier, x: torch.Tensor, pooling: torch.nn.Module | None = None) -> torch.Tensor:
    """(N, 3, S, S) -> (N, D), rows of length 1: the backbone's features, with another pooling where one is given."""
    if pooling is not None:
        model.network.classifier[0] = pooling
    return torch.cat([F.normalize(model.pooled(part).float(), dim=1) for part in x.split(BATCH)])


@torch.inference_mode()
def whitened(
    features: torch.Tensor, labels: torch.Tensor | None, known: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """(N, D) -> the same whitened by the rows that are known, (N,) bool; within places where labels are given."""
    layer = Embedding(features.shape[1], features.shape[1])
    layer.whiten(features[known], None if labels is None else labels[known], weights[known])
    return F.normalize(layer(features), dim=1)


def train_folds(recipes: list[str], fold_of: dict[str, int], options: Unseen) -> None:
    """Train what is not trained yet: every recipe on the places of all folds but one."""

    def settings(name: str, fold: int) -> list[str]:
        hidden = [place for place, of in fold_of.items() if of == fold]
        shared = ["--mixup", "0", "--cutout", "0", "--batch-size", "32", "--checkpoint-every", "1000000"]
        if "scratch" not in name:
            shared += ["--architecture", "torchvision/squeezenet1_0", "--weights", options.weights]
            shared += ["--embedding-dim", "512"]
        run = ["--name", run_name(options, name, fold), "--dataset", *options.dataset]
        run += ["--join", "--image-size", str(options.image_size), "--without", *hidden]
        return [*run, *shared, *RECIPES[name]]

    train_classifiers([settings(*run) for run in product(recipes, range(options.num_folds))], options.jobs)


def run_name(options: Unseen, name: str, fold: int) -> str:
    """Where a fold's run is kept."""
    return f"unseen_places/{'+'.join(Path(dataset).name for dataset in options.dataset)}/{name}-fold{fold}"


if __name__ == "__main__":
    main()
