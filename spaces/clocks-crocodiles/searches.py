"""What the tab *Find hybrids* searches: the collections that all visitors share, theirs, and their own two classes."""

import dataclasses
import os
import threading
from collections.abc import Collection, Sequence

from finder import CLASSES, Eye, Picture, Search, learn, pictures_of
from networks import FEATURES, classifiers, eye, told_in_a_line

from betwixt.between import METHODS
from betwixt.collection import read_collection
from betwixt.few_shot import MIN_PICTURES
from betwixt.hub import locate, resolve
from betwixt.once import once

DATASET = "clocks-crocodiles"
OWN_COLLECTION = "BETWIXT_COLLECTION"  # variable: a folder or dataset of photos that the owner may show
EXAMPLE_PAIR = ("tower", "house")  # shapes of rendered pictures
DEFAULT_FEATURES = next(iter(FEATURES))


@once
def pictures_in(collection: str) -> list[Picture]:
    """The pictures of "rendered" or "photos", which all visitors share; read by the first call.

    Raises:
        gr.Error: they cannot be read. The reason goes into the log, for it names folders.
    """
    with told_in_a_line("pictures", OSError, ValueError):
        rendered = collection == "rendered"
        return pictures_of(
            read_collection(locate(DATASET, "dataset") if rendered else resolve(os.environ[OWN_COLLECTION], "dataset"))
        )


def shared_collections() -> list[str]:
    """Photos only where the owner of the Space names some."""
    return ["rendered", "photos"] if os.environ.get(OWN_COLLECTION) else ["rendered"]


def search(
    collection: str, method: str = "default", features: str = DEFAULT_FEATURES, pictures: Sequence[Picture] = ()
) -> Search:
    """A search for what lies between clock and crocodile: in a collection, or ("yours") in a visitor's pictures.

    Raises:
        ValueError: an unknown collection, method or features; in one line.
        gr.Error: networks or pictures cannot be loaded.
    """
    shared = shared_collections()
    _check("collection", collection, [*shared, "yours"])
    _check("method", method, METHODS)
    known = [picture for name in ([collection] if collection in shared else shared) for picture in pictures_in(name)]
    references = [picture for picture in known if picture.kind in CLASSES]
    members = classifiers()
    among = {"rendered": "rendered pictures", "photos": "photos", "yours": "pictures of yours"}[collection]
    candidates = pictures if collection == "yours" else known
    return Search(candidates, references, CLASSES, method, eye(features), members[0], members, among)


def learn_pair(names: Sequence[str], sets: Sequence[list[Picture]], features: str, key: str) -> Eye:
    """A classifier of a visitor's own two classes, on the features of the named network.

    Raises:
        ValueError: that is no classifier; and as `betwixt.few_shot.learn_classes`; in one line.
    """
    chosen = eye(features)
    if not chosen.can_classify:
        raise ValueError(f"classes are learned on a classifier's features: choose another than {chosen.label}")
    return learn(chosen, names, sets, key)


def search_pair(learned: Eye, sets: Sequence[list[Picture]], method: str, pictures: list[Picture]) -> Search:
    """A search for what lies between a visitor's own two classes: in further pictures, or else in those."""
    _check("method", method, METHODS)
    both = [picture for of_class in sets for picture in of_class]
    first, second = learned.model.class_names
    return Search(pictures or both, both, (first, second), method, learned, learned, among="pictures of yours")


def example_pair() -> dict[str, list[Picture]]:
    """Two classes for visitors without pictures of their own; empty where the collection lacks them."""
    pair = {
        name: [
            dataclasses.replace(p, turn=threading.Lock(), seen={}, heats={})
            for p in pictures_in("rendered")
            if p.shape == name
        ]
        for name in EXAMPLE_PAIR
    }
    return pair if all(len(pictures) >= MIN_PICTURES for pictures in pair.values()) else {}


def _check(what: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, not {value!r}")
