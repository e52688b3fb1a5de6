"""Pictures that are put into clusters, with what is known of them, and what networks make of them, computed once."""

import functools
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import networks
import torch
from networks import told_in_a_line
from PIL import Image
from words import breed_name

from betwixt.breeds import species_of
from betwixt.collection import Collection, read_collection
from betwixt.hub import locate, resolve
from betwixt.images import ImageError, fit, open_image
from betwixt.linked_maps import sheet_of
from betwixt.maps import TSNEMap
from betwixt.once import once
from betwixt.page import data_uri

DATASET = "mammals"
OWN_COLLECTION = "BETWIXT_COLLECTION"  # variable: a folder with one for each breed, or a dataset, of the Space's owner
KEPT, THUMBNAIL = 192, 112  # sides in pixels
TILE = (32, 32)  # of a picture on the maps
MOST = 1000  # pictures of a collection
PERPLEXITY = 20.0
FACING = 15.0  # degrees from which a head is turned to a side


@dataclass(eq=False)
class Album:
    """Pictures, and per question what is known of each; all lists are of the same length."""

    key: str
    pictures: list[Image.Image]
    names: list[str]  # for people, in both languages at once
    truth: dict[str, list[str]]  # question -> of each picture the answer
    left_out: list[tuple[str, str]] = field(default_factory=list)  # files that could not be used, and why

    def __post_init__(self) -> None:
        self._features: dict[str, torch.Tensor] = {}
        self._maps: dict[str, TSNEMap] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._thumbnails: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.pictures)

    def features(self, name: str) -> torch.Tensor:
        """(N, D) by one of `networks.FEATURES`. Raises gr.Error: the network cannot be loaded."""
        with self._turns.setdefault(name, threading.Lock()):
            if name not in self._features:
                self._features[name] = networks.embed(name, self.pictures)
            return self._features[name]

    def map(self, name: str) -> TSNEMap:
        """Where each lies by these features. Raises as `features`, and ValueError: too few pictures."""
        features = self.features(name)
        with self._turns.setdefault(f"map of {name}", threading.Lock()):
            if name not in self._maps:
                self._maps[name] = TSNEMap.fit(features, PERPLEXITY)
            return self._maps[name]

    @functools.cached_property
    def sheet(self) -> str:
        """All pictures on one, as the maps cut them from it."""
        return sheet_of(self.pictures, TILE)

    def thumbnail(self, row: int) -> str:
        """A small picture for the page."""
        if row not in self._thumbnails:
            self._thumbnails[row] = data_uri(fit(self.pictures[row], THUMBNAIL))
        return self._thumbnails[row]


def names() -> list[str]:
    """Keys of the collections that all visitors share, the default first."""
    return ["rendered", *(["photos"] if os.environ.get(OWN_COLLECTION) else [])]


@once
def shared(key: str) -> Album:
    """A collection that all visitors share.

    Raises:
        ValueError: there is no such collection; in one line.
        gr.Error: it cannot be read.
    """
    if key not in names():
        raise ValueError(f"collection must be one of {', '.join(names())}, not {key!r}")
    with told_in_a_line("pictures", OSError, ValueError):
        folder = locate(DATASET, "dataset") if key == "rendered" else resolve(os.environ[OWN_COLLECTION], "dataset")
        return _opened(key, read_collection(folder))


def _opened(key: str, collection: Collection) -> Album:
    step = max(1, -(-len(collection) // MOST))
    pictures, rows = [], []
    for row in range(0, len(collection), step):
        try:
            pictures.append(fit(open_image(collection.sources[row], min_side=KEPT), KEPT))
            rows.append(row)
        except ImageError:  # a damaged one spoils no other
            continue
    breeds = [collection.class_names[collection.labels[row]] for row in rows]
    columns = {name: [values[row] for row in rows] for name, values in collection.columns.items()}
    return Album(key, pictures, [title_of(breed) for breed in breeds], truth_of(breeds, columns))


def truth_of(breeds: Sequence[str], columns: dict[str, list]) -> dict[str, list[str]]:
    """What can be asked of pictures of these breeds, with the factors of rendered ones."""
    species = [species_of(breed) for breed in breeds]
    truth = {"species": species} if all(species) else {}
    truth["breed"] = [*breeds]
    if "yaw" in columns:
        truth["pose"] = [_side(yaw) for yaw in columns["yaw"]]
        truth["background"] = columns["background"]
    return truth


def _side(yaw: float) -> str:
    return "left" if yaw < -FACING else "right" if yaw > FACING else "ahead"


def title_of(breed: str) -> str:
    """A breed in both languages at once."""
    english, french = breed_name(breed)
    return english if english.lower() == french.lower() else f"{english} · {french}"
