"""The collections that all visitors share: read, embedded, calibrated and mapped once."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import networks
import numpy as np
import torch
from album import Album, album_of, neighbours
from networks import told_in_a_line

from betwixt.collection import read_collection
from betwixt.hub import HubError, locate, resolve
from betwixt.images import ImageError
from betwixt.maps import TSNEMap
from betwixt.once import once
from betwixt.recognition import Calibration, calibrate
from betwixt.search import EmbeddingIndex

DATASET = "landmarks"
OWN_COLLECTION = "BETWIXT_COLLECTION"  # variable: a folder or dataset of photos that the owner may show
COLLECTIONS = {"rendered": "Rendered landmarks", "photos": "Photos"}
MOST_ON_MAP = 1500
TRIED = 4  # pictures that are embedded again, to see whether a stored index is of this very encoder
SAME = 0.98  # cosine from which on they are: indexes are stored in 8 bits
PERPLEXITY = 20

_shares: dict[tuple[str, str], float] = {}  # collection, encoder -> how far its embedding has come
_workers = ThreadPoolExecutor(2, "embedding")
_waiting = threading.Lock()
_started: dict[tuple[str, str], Future] = {}


def names() -> list[str]:
    """The keys of COLLECTIONS that there are: photos only where the owner of the Space names some."""
    return ["rendered", "photos"] if os.environ.get(OWN_COLLECTION) else ["rendered"]


def check(collection: str) -> None:
    """Raises ValueError where there is no such collection; in one line."""
    if not isinstance(collection, str) or collection not in names():
        raise ValueError(f"collection must be one of {', '.join(names())}, not {collection!r}")


@once
def folder_of(collection: str) -> Path:
    """Where it lies on the disk. Raises gr.Error."""
    with told_in_a_line("pictures", OSError, ValueError):
        return (
            locate(DATASET, "dataset") if collection == "rendered" else resolve(os.environ[OWN_COLLECTION], "dataset")
        )


@once
def album(collection: str) -> Album:
    """The pictures of a collection. Raises gr.Error where they cannot be read."""
    folder = folder_of(collection)
    with told_in_a_line("pictures", OSError, ValueError):
        return album_of(collection, read_collection(folder))


@once
def index(collection: str, encoder: str) -> EmbeddingIndex:
    """The embeddings of a collection: those stored beside it, if they are of this encoder, else made anew.

    Row i is that of picture i. Raises gr.Error where pictures or encoder cannot be loaded.
    """
    shown = album(collection)
    embeddings = _stored(shown, encoder, folder_of(collection) / "index" / encoder)
    if embeddings is None:
        key = (collection, encoder)
        embeddings = networks.embed(
            encoder,
            len(shown),
            (shown.open_or_blank(row, networks.KEPT) for row in range(len(shown))),
            lambda share: _shares.__setitem__(key, share),
        )
    return EmbeddingIndex(embeddings, shown.ids, encoder)


def _stored(shown: Album, encoder: str, folder: Path) -> torch.Tensor | None:
    """The stored embeddings in the order of the album; None, and a line in the log, where they are not to be used."""
    try:
        stored = EmbeddingIndex.from_pretrained(folder)
        stored.check_encoder(encoder)
        rows = [stored.row_of(identity) for identity in shown.ids]
        embeddings = stored.embeddings[rows]
        tried = [*range(0, len(shown), max(1, len(shown) // TRIED))][:TRIED]
        again = networks.embed(encoder, len(tried), (shown.open(row, networks.KEPT) for row in tried))
        if again.shape[1] != stored.dimensions or (again * embeddings[tried]).sum(1).min() < SAME:
            raise ValueError("the index was made with another version of the encoder")
        return embeddings
    except KeyError as error:
        fault = f"the index lacks the picture {error.args[0]}"
    except (HubError, ImageError, ValueError) as error:
        fault = str(error)
    print(f"landmark-search: {shown.key} is embedded anew with {encoder}: {fault}", file=sys.stderr, flush=True)
    return None


@once
def calibration(collection: str, encoder: str) -> Calibration | None:
    """From which similarity on a picture shows a known place; None where the collection cannot tell. Raises as `index`.

    Asked, where there are such, about places alone that the encoder was not trained on.
    """
    shown, known = album(collection), set(networks.load(encoder).class_names)
    asked, kinds = [place not in known for place in shown.places], shown.truth.get("structure")
    kinds = kinds if kinds and all(kinds) else None
    for rows in (asked, None) if any(asked) else (None,):
        try:
            return calibrate(index(collection, encoder).embeddings, shown.places, rows, kinds=kinds)
        except ValueError:
            continue
    return None


def until_ready(collection: str, *names_of: str) -> Iterator[tuple[str, float]]:
    """Have a collection embedded with these encoders; yields what is being done and its share, often, while it is.

    Raises gr.Error as `calibration`.
    """
    for encoder in names_of:
        with _waiting:
            key = (collection, encoder)
            future = _started.get(key)
            if future is None or (future.done() and future.exception()):
                future = _started[key] = _workers.submit(calibration, collection, encoder)
        while wait([future], 0.4).not_done:
            yield f"Looking at all pictures with {networks.ENCODERS[encoder].title}", _shares.get(key, 0.0)
        future.result()


# The map


@once
def shown_on_map(collection: str) -> list[int]:
    """Rows of the pictures on the map: as many of each place, MOST_ON_MAP at most."""
    shown, by_place = album(collection), {}
    for row, place in enumerate(shown.places):
        by_place.setdefault(place, []).append(row)
    most = max(1, MOST_ON_MAP // len(by_place))
    return sorted(row for rows in by_place.values() for row in rows[:most])[:MOST_ON_MAP]


_maps: dict[tuple[str, str], TSNEMap] = {}
_turns: dict[tuple[str, str], threading.Lock] = {}


def fitted_map(
    collection: str, encoder: str, on_progress: Callable[[float, np.ndarray], None] | None = None
) -> TSNEMap:
    """The map of a collection as an encoder sees it; made when first asked for. Raises as `index`, and ValueError."""
    key = (collection, encoder)
    with _turns.setdefault(key, threading.Lock()):
        if key not in _maps:
            features = index(collection, encoder).embeddings[shown_on_map(collection)]
            _maps[key] = TSNEMap.fit(features, PERPLEXITY, on_progress=on_progress)
        return _maps[key]


@once
def nearest_on_map(collection: str, encoder: str, count: int) -> torch.Tensor:
    """(N, count): of each picture on the map the nearest others there. Raises as `index`."""
    return neighbours(index(collection, encoder).embeddings[shown_on_map(collection)], count)[1]
