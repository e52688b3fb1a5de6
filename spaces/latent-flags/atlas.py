"""The flags and how they are compared: features, maps and neighbours, made once for all visitors."""

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
import numpy as np
import torch
from PIL import Image

from betwixt import ConvAutoencoder, plain_features
from betwixt.collection import read_collection
from betwixt.flags import read
from betwixt.hub import HubError, locate
from betwixt.images import to_tensor
from betwixt.maps import TSNEMap

FLAGS, MASH_UPS = "flags", "flag-mashups"
PLAIN, FORM = "flags-autoencoder", "flags-form-autoencoder"
SIDE = 64  # of the squares that flags are squashed to
NEAREST = 5
PERPLEXITIES = (5, 80)
FAR = 0.98  # of the flags have another one nearer: what has none is far from all
COLLECTIONS = {
    "flags": 0,
    "flags and 760 mash-ups": 760,
    "flags and 3,000 mash-ups": 3000,
}  # -> mash-ups; default first
SPACES = {  # what flags are compared by -> for people
    "pixels": "raw pixels",
    "form": "form, learned",
    "colors": "colours, learned",
    "latents": "an autoencoder's latents",
    "all": "form and colours, learned",
    "grey": "grey pixels",
    "edges": "edges",
    "histogram": "how much of each colour",
}

_loading = threading.RLock()


@dataclass(frozen=True)
class Flag:
    """A flag that visitors see; a mash-up's code is that of its parents."""

    code: str
    name: str
    layout: str
    palette: str
    picture: Image.Image


@dataclass(frozen=True)
class Placed:
    """Where a picture lies in one space: on its map, (2,), its nearest flags, and whether all of them are far."""

    position: np.ndarray
    neighbours: torch.Tensor
    is_far: bool


def _once(function: Callable) -> Callable:
    """Computed by the first who asks, while others wait; what cannot be loaded is said in a line."""
    cached = functools.lru_cache(maxsize=64)(function)

    @functools.wraps(function)
    def ask(*arguments):
        with _loading:
            try:
                return cached(*arguments)
            except (HubError, OSError) as error:
                print(f"latent-flags: {error}", file=sys.stderr, flush=True)  # it names folders
                raise gr.Error(
                    "The flags could not be loaded; please come back later.", print_exception=False
                ) from None

    return ask


@_once
def flags(collection: str = "flags") -> tuple[Flag, ...]:
    """The world's flags, and as many mash-ups as the collection has.

    Raises:
        ValueError: no such collection.
        gr.Error: they cannot be loaded.
    """
    if collection not in COLLECTIONS:
        raise ValueError(f"collection must be one of {', '.join(COLLECTIONS)}, not {collection!r}")
    found = _read(FLAGS)
    return found + _read(MASH_UPS)[: COLLECTIONS[collection]] if COLLECTIONS[collection] else found


@_once
def _read(dataset: str) -> tuple[Flag, ...]:
    stored = read_collection(locate(dataset, "dataset"))
    columns = stored.columns
    return tuple(
        Flag(
            columns["code"][row],
            columns["name"][row],
            stored.class_names[stored.labels[row]],
            columns["palette"][row],
            stored.open(row),
        )
        for row in range(len(stored))
    )


@_once
def autoencoder(name: str) -> ConvAutoencoder:
    """A published one. Raises gr.Error where it cannot be loaded."""
    torch.set_num_threads(1)  # flags of several visitors run side by side
    return ConvAutoencoder.from_pretrained(locate(name, "model"))


def embed(pictures: Sequence[Image.Image], space: str) -> torch.Tensor:
    """Pictures -> features (N, D), rows of length 1.

    Raises:
        ValueError: no such space.
        gr.Error: a network cannot be loaded.
    """
    plain = {
        "pixels": plain_features.pixels,
        "grey": plain_features.grey,
        "edges": plain_features.edges,
        "histogram": plain_features.color_histogram,
    }
    learned = {"latents": (PLAIN, "all"), "form": (FORM, "form"), "colors": (FORM, "color"), "all": (FORM, "all")}
    if space in plain:
        return plain[space](to_tensor(pictures, SIDE, "squash"))
    if space in learned:
        name, part = learned[space]
        return autoencoder(name).embed(pictures, part=part)
    raise ValueError(f"flags can be compared by {', '.join(SPACES)}, not {space!r}")


@_once
def features(collection: str, space: str) -> torch.Tensor:
    """Those of the flags of a collection, (N, D). Raises as `flags` and `embed`."""
    return embed([flag.picture for flag in flags(collection)], space)


@_once
def neighbours(collection: str, space: str) -> torch.Tensor:
    """(N, NEAREST): of each flag the nearest others, the nearest first."""
    own = features(collection, space)
    return torch.cat([
        (part @ own.T).scatter(1, rows[:, None], -2.0).topk(NEAREST).indices
        for part, rows in zip(own.split(512), torch.arange(len(own)).split(512), strict=True)
    ])  # fmt: skip


@_once
def far(collection: str, space: str) -> float:
    """Likeness under which a picture's nearest flag is farther than other flags have theirs."""
    own, near = features(collection, space), neighbours(collection, space)[:, 0]
    return float((own * own[near]).sum(1).quantile(1 - FAR))


@functools.lru_cache(maxsize=48)
def _lock_of(collection: str, space: str, perplexity: int) -> threading.Lock:
    return threading.Lock()


_maps: dict[tuple, TSNEMap] = {}
MOST_MAPS = 48


def flag_map(
    collection: str,
    space: str,
    perplexity: float = 30,
    on_progress: Callable[[float, np.ndarray], None] | None = None,
) -> TSNEMap:
    """The map of a collection by one kind of feature; made when first asked for.

    Raises:
        ValueError: a perplexity out of PERPLEXITIES; as `features`.
    """
    least, most = PERPLEXITIES
    if isinstance(perplexity, bool) or not isinstance(perplexity, int | float) or not least <= perplexity <= most:
        raise ValueError(f"perplexity must be from {least} to {most}, not {perplexity!r}")
    key = (collection, space, round(perplexity))
    own = features(collection, space)
    with _lock_of(*key):
        if key not in _maps:
            made = TSNEMap.fit(own, key[2], on_progress=on_progress)
            while len(_maps) >= MOST_MAPS:
                _maps.pop(next(iter(_maps)), None)
            _maps[key] = made
        return _maps[key]


def place(picture: Image.Image, collection: str, space: str, perplexity: float = 30) -> Placed:
    """Where a picture of any kind lies among the flags of a collection. Raises as `flag_map`."""
    own = embed([picture], space)
    likeness = (own @ features(collection, space).T)[0]
    position = flag_map(collection, space, perplexity).transform(own)[0]
    nearest = likeness.topk(NEAREST)
    return Placed(position, nearest.indices, bool(nearest.values[0] < far(collection, space)))


def nearest(picture: Image.Image, space: str, count: int = 8) -> tuple[list[tuple[Flag, float]], bool]:
    """The world's flags that are most like a picture, with how alike, at most 1; and whether all are far from it."""
    likeness = (embed([picture], space) @ features("flags", space).T)[0].topk(count)
    found = [
        (flags()[row], value) for row, value in zip(likeness.indices.tolist(), likeness.values.tolist(), strict=True)
    ]
    return found, found[0][1] < far("flags", space)


def flag_of(code: str) -> Flag:
    """The flag of a country, by its code ("fr", "gb-sct") or its name; of those with one design the first.

    Raises:
        ValueError: there is none; in one line.
    """
    wanted = str(code).strip().lower()
    codes = {name: one.same_as or one.code for one in read() for name in (one.code, one.name.lower())}
    for flag in flags():
        if flag.code == codes.get(wanted):
            return flag
    raise ValueError(f"There is no flag with the code {str(code)[:20]!r}: codes are like fr, jp or gb-sct")
