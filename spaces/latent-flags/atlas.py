"""The flags and how they are compared: features, maps and neighbours, made once for all visitors."""

import contextlib
import functools
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
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
from betwixt.once import once

FLAGS, MASH_UPS = "flags", "flag-mashups"
PLAIN, FORM = "flags-autoencoder", "flags-form-autoencoder"
SIDE = 64  # of the squares that flags are squashed to
NEAREST = 5
BATCH = 256  # pictures whose features are computed at once
PERPLEXITIES = (5, 80)
FAR = 0.9  # of the flags have another one nearer: what has none is far from all
MOST_MAPS = 48  # kept; the one that was looked at longest ago goes first
COLLECTIONS = {
    "flags": 0,
    "flags and 760 mash-ups": 760,
    "flags and 1,200 mash-ups": 1200,
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
    """Where a picture lies in one space.

    Args:
        position: on the map, (2,).
        neighbours: its nearest flags.
        likeness: to the nearest of them, at most 1.
        usual: how alike FAR of the flags are to another one, at least.
    """

    position: np.ndarray
    neighbours: torch.Tensor
    likeness: float
    usual: float

    @property
    def is_far(self) -> bool:
        return self.likeness < self.usual


@contextlib.contextmanager
def _told_in_a_line() -> Iterator[None]:
    """What cannot be loaded is said to the visitor in a line, and in the log in full: that names folders."""
    try:
        yield
    except (HubError, OSError, ValueError, KeyError) as error:
        print(f"latent-flags: {error}", file=sys.stderr, flush=True)
        raise gr.Error("The flags could not be loaded; please come back later.", print_exception=False) from None


def check(collection: str, *spaces: str) -> None:
    """Raises ValueError where there is no such collection or space; in one line."""
    if not isinstance(collection, str) or collection not in COLLECTIONS:
        raise ValueError(f"collection must be one of {', '.join(COLLECTIONS)}, not {collection!r}")
    for space in spaces:
        if not isinstance(space, str) or space not in SPACES:
            raise ValueError(f"flags can be compared by {', '.join(SPACES)}, not {space!r}")


@once
def flags(collection: str) -> tuple[Flag, ...]:
    """The world's flags, and as many mash-ups as the collection has. Raises gr.Error where they cannot be loaded."""
    found = _read(FLAGS)
    return found + _read(MASH_UPS)[: COLLECTIONS[collection]] if COLLECTIONS[collection] else found


@once
def _read(dataset: str) -> tuple[Flag, ...]:
    with _told_in_a_line():
        stored = read_collection(locate(dataset, "dataset"))
        codes, names, palettes = (stored.columns[name] for name in ("code", "name", "palette"))
        return tuple(
            Flag(codes[row], names[row], stored.class_names[label], palettes[row], stored.open(row))
            for row, label in enumerate(stored.labels)
        )


@once
def autoencoder(name: str) -> ConvAutoencoder:
    """A published one. Raises gr.Error where it cannot be loaded."""
    torch.set_num_threads(1)  # flags of several visitors run side by side
    with _told_in_a_line():
        return ConvAutoencoder.from_pretrained(locate(name, "model"))


def embed(pictures: Sequence[Image.Image], space: str) -> torch.Tensor:
    """Pictures -> features (N, D) by one of SPACES, rows of length 1. Raises gr.Error: a network cannot be loaded."""
    plain = {
        "pixels": plain_features.pixels,
        "grey": plain_features.grey,
        "edges": plain_features.edges,
        "histogram": plain_features.color_histogram,
    }
    learned = {"latents": (PLAIN, "all"), "form": (FORM, "form"), "colors": (FORM, "color"), "all": (FORM, "all")}
    if space in learned:
        name, part = learned[space]
        return autoencoder(name).embed(pictures, part=part)
    return torch.cat([
        plain[space](to_tensor(pictures[first : first + BATCH], SIDE, "squash"))
        for first in range(0, len(pictures), BATCH)
    ])  # fmt: skip


@once
def features(collection: str, space: str) -> torch.Tensor:
    """Those of the flags of a collection, (N, D). Raises as `flags` and `embed`."""
    return embed([flag.picture for flag in flags(collection)], space)


@once
def neighbours(collection: str, space: str) -> torch.Tensor:
    """(N, NEAREST): of each flag the nearest others, the nearest first."""
    own = features(collection, space)
    return torch.cat([
        (part @ own.T).scatter(1, rows[:, None], -2.0).topk(NEAREST).indices
        for part, rows in zip(own.split(512), torch.arange(len(own)).split(512), strict=True)
    ])  # fmt: skip


@once
def usual(collection: str, space: str) -> float:
    """How alike FAR of the flags are to another one, at least."""
    own, near = features(collection, space), neighbours(collection, space)[:, 0]
    return float((own * own[near]).sum(1).quantile(1 - FAR))


_maps: OrderedDict[tuple, TSNEMap] = OrderedDict()
_turns: dict[tuple, threading.Lock] = {}


def flag_map(
    collection: str,
    space: str,
    perplexity: float = 30,
    on_progress: Callable[[float, np.ndarray], None] | None = None,
) -> TSNEMap:
    """The map of a collection by one kind of feature; made when first asked for.

    Args:
        on_progress: as of `TSNEMap.fit`; not called where the map is there already, or another makes it.

    Raises:
        ValueError: no such collection or space, or a perplexity out of PERPLEXITIES; in one line.
        gr.Error: what it needs cannot be loaded.
    """
    check(collection, space)
    least, most = PERPLEXITIES
    if isinstance(perplexity, bool) or not isinstance(perplexity, int | float) or not least <= perplexity <= most:
        raise ValueError(f"perplexity must be from {least} to {most}, not {perplexity!r}")
    key = (collection, space, round(perplexity))
    with _turns.setdefault(key, threading.Lock()):
        found = _maps.get(key) or TSNEMap.fit(features(collection, space), key[2], on_progress=on_progress)
        _maps.pop(key, None)
        _maps[key] = found
    while len(_maps) > MOST_MAPS:
        _maps.popitem(last=False)
    return found


def place(picture: Image.Image, collection: str, space: str, perplexity: float = 30) -> Placed:
    """Where a picture of any kind lies among the flags of a collection. Raises as `flag_map`."""
    own_map, own = flag_map(collection, space, perplexity), embed([picture], space)
    nearest = (own @ features(collection, space).T)[0].topk(NEAREST)
    return Placed(own_map.transform(own)[0], nearest.indices, float(nearest.values[0]), usual(collection, space))


def nearest(picture: Image.Image, space: str, count: int = 8) -> tuple[list[tuple[Flag, float]], bool]:
    """The world's flags that are most like a picture, with how alike, at most 1; and whether all are far from it."""
    check("flags", space)
    likeness = (embed([picture], space) @ features("flags", space).T)[0].topk(count)
    known = flags("flags")
    found = [(known[row], value) for value, row in zip(*(part.tolist() for part in likeness), strict=True)]
    return found, found[0][1] < usual("flags", space)


def flag_of(code: str) -> Flag:
    """The flag of a country, by its code ("fr", "gb-sct") or its name; of those with one design the first.

    Raises:
        ValueError: there is none; in one line.
    """
    wanted = codes().get(str(code).strip().lower())
    for flag in flags("flags"):
        if flag.code == wanted:
            return flag
    raise ValueError(f"There is no flag with the code {str(code)[:20]!r}: codes are like fr, jp or gb-sct")


@functools.cache
def codes() -> dict[str, str]:
    """Code or name of every flag, in small letters -> the code of its design."""
    return {name: one.same_as or one.code for one in read() for name in (one.code, one.name.lower())}
