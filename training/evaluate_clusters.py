"""Which features separate what? Clusters of held-out pictures beside what is known of them.

    python training/evaluate_clusters.py --dataset mammals-many pets-heads \\
        --features breeds mammals-vae landmarks-pretrained:features --output benchmarks/results/clusters.json

Asked about are species, breed, pose (each angle in three parts) and, which should not matter, the background. k-means
is told how many kinds there are, HDBSCAN is told nothing. Where kinds have few pictures, as 34 breeds among 126, purity
is high whatever the clusters are: so numbers drawn at random stand beside the networks, and mutual information is
adjusted for chance. The purity of neighbours needs no clusters. Clusters are held fixed where intervals are made.

Of the pictures that a network was trained on it knows more than of others: `--splits all` counts those too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from loop import folder_of
from options import option, parse, report, run
from PIL import Image
from tables import dataset_folder

import betwixt
from betwixt import metrics, plain_features
from betwixt.breeds import species_of
from betwixt.clusters import NOISE, adjusted_mutual_information, find, purity
from betwixt.collection import Collection, read_collection
from betwixt.hub import read_json
from betwixt.images import to_tensor

Embed = Callable[[list[Image.Image]], torch.Tensor]  # pictures -> features (N, D), rows of length 1
TURNS = {"yaw": ("left", "ahead", "right"), "pitch": ("down", "ahead", "up")}
AHEAD = 15.0  # degrees to either side that count as such
SIDE = 32  # of the raw pixels
NUMBERS = 64  # drawn at random for each picture


@dataclass
class Recipe:
    """What to measure."""

    dataset: list[str] = option(help="datasets, each reported alone")
    features: list[str] = option(help="networks that embed: runs, published names or folders; NAME:LAYER for a layer")
    splits: str = option("test", "what of the datasets is measured", choices=["test", "all"])
    smallest: int = option(5, "pictures in a cluster of HDBSCAN, at least", range=(2, 10_000))
    seeds: int = option(3, "of k-means, whose figures are averaged", range=(1, 100))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{dataset: {"pictures", "splits", "kinds": {question: number}, "features": {name: as of `measure`}}}."""
    embeds: dict[str, Embed] = {
        **{name: embedding(name) for name in recipe.features},
        "raw pixels": lambda pictures: plain_features.pixels(to_tensor(pictures, SIDE)),
        "random numbers": drawn,
    }
    tables = {}
    for name in recipe.dataset:
        collection = read_collection(dataset_folder(name), None if recipe.splits == "all" else recipe.splits)
        pictures, known = [collection.open(row) for row in range(len(collection))], questions(collection)
        groups = torch.tensor(collection.columns.get("group", [*range(len(collection))]))
        tables[Path(name).name] = {
            "pictures": len(pictures),
            "splits": recipe.splits,
            "kinds": {question: len({*kinds}) for question, kinds in known.items()},
            "features": {of: measure(embed(pictures), known, groups, recipe) for of, embed in embeds.items()},
        }
    return tables


def embedding(name: str) -> Embed:
    """What a network, or `NAME:LAYER` of one, makes of pictures.

    Raises:
        ValueError: it has no features, or no layers to choose from.
    """
    name, _, layer = name.partition(":")
    folder = folder_of(name)
    model_class = read_json(folder / "config.json").get("model_class")
    if model_class not in ("ImageClassifier", "ConvAutoencoder", "VAE"):
        raise ValueError(f"{name} is a {model_class}, which has no features to compare")
    if layer and model_class != "ImageClassifier":
        raise ValueError(f"{name} is a {model_class}: only of an ImageClassifier can a layer be chosen")
    model = getattr(betwixt, model_class).from_pretrained(folder)
    return partial(model.embed, layer=layer) if layer else model.embed


def drawn(pictures: list[Image.Image]) -> torch.Tensor:
    """Features that know nothing of the pictures."""
    return F.normalize(torch.randn(len(pictures), NUMBERS, generator=torch.Generator().manual_seed(0)), dim=1)


def questions(collection: Collection) -> dict[str, np.ndarray]:
    """Question -> the kind of each picture, where it is known of all and not the same for all."""
    breeds, columns = [collection.class_names[label] for label in collection.labels], collection.columns
    known = {
        "species": [species_of(breed) for breed in breeds],
        "breed": breeds,
        **{angle: [turned(value, names) for value in columns.get(angle, [None])] for angle, names in TURNS.items()},
        "background": columns.get("background", [None]),
    }
    return {question: np.array(kinds) for question, kinds in known.items() if None not in kinds and len({*kinds}) > 1}


def turned(degrees: float | None, names: tuple[str, str, str]) -> str | None:
    """-30 -> the first of the names."""
    return None if degrees is None else names[1 + int(degrees > AHEAD) - int(degrees < -AHEAD)]


def measure(features: torch.Tensor, known: dict[str, np.ndarray], groups: torch.Tensor, recipe: Recipe) -> dict:
    """{"hdbscan": {"clusters", "in none"}, "questions": {question: figures; "hdbscan": figures of its clusters}}."""
    dense = find(features, "hdbscan", recipe.smallest)
    table = {}
    for question, kinds in known.items():
        names, numbers = np.unique(kinds, return_inverse=True)
        found = [find(features, "kmeans", len(names), seed).labels for seed in range(recipe.seeds)]
        neighbours = metrics.neighbour_purity(features, torch.from_numpy(numbers))
        asked = ~neighbours.isnan()
        table[question] = {
            **agreement(found, kinds, groups),
            "neighbour purity": metrics.with_interval(neighbours[asked], groups[asked]),
            "hdbscan": agreement([dense.labels], kinds, groups),
        }
    in_none = float((dense.labels == NOISE).mean())
    return {"hdbscan": {"clusters": dense.count, "in none": in_none}, "questions": table}


def agreement(found: list[np.ndarray], kinds: np.ndarray, groups: torch.Tensor) -> dict:
    """How well clusters (N,) fit the kinds (N,), the mean over several clusterings of the same pictures."""

    def mean(figure: Callable, rows: torch.Tensor) -> float:
        return float(np.mean([figure(labels[rows], kinds[rows]) for labels in found]))

    figures = {"purity": purity, "adjusted mutual information": adjusted_mutual_information}
    return {name: metrics.with_half_samples(partial(mean, of), len(kinds), groups) for name, of in figures.items()}


if __name__ == "__main__":
    main()
