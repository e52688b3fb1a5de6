"""Pictures between clusters: most of their nearest are of other places; and why, as far as the truth tells."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from album import Album, neighbours

NEAREST = 10  # neighbours that are asked; fewer where places have fewer pictures
SHOWN = 24
OBSTACLES = {
    "tree": "a tree stands before it",
    "people": "people stand before it",
    "lamps": "street lamps stand before it",
    "fence": "a fence runs before it",
}
REASONS: dict[str, Callable[[Mapping[str, Any]], bool]] = {  # in words -> whether it holds for a rendered picture
    "seen from behind": lambda truth: 120 <= truth["azimuth"] <= 240,
    "seen from far above": lambda truth: truth["elevation"] >= 20,
    "small in the picture": lambda truth: truth["distance"] >= 1.45,
    "seen only in part": lambda truth: truth["distance"] <= 0.85,
    "partly hidden": lambda truth: truth["occluder"] != "none",
    "at night": lambda truth: truth["sky"] == "night",
    "at sunset": lambda truth: truth["sky"] == "sunset",
    "in the snow": lambda truth: truth["season"] == "winter",
}
NEEDED = ("azimuth", "elevation", "distance", "occluder", "sky", "season")


@dataclass(frozen=True)
class Between:
    """A picture whose nearest are mostly of other places.

    Args:
        row: of the picture in its album.
        foreign: of its nearest, how many are of other places.
        asked: how many were asked.
        like: the place that most of them are of, by a picture of it, and how many are of that place.
        reasons: what may have led to it, in words; empty where nothing is known.
    """

    row: int
    foreign: int
    asked: int
    like: tuple[int, int]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """All of them, the clearest first.

    Args:
        shares: reason -> how often it holds for these pictures, and for all.
        total: how many pictures there are.
    """

    pictures: Sequence[Between]
    shares: Mapping[str, tuple[float, float]]
    total: int


def find(album: Album, embeddings: torch.Tensor) -> Findings:
    """Those of an album, whose embeddings are (N, D), rows of length 1."""
    counts = Counter(album.places)
    scores, nearest = neighbours(embeddings, NEAREST)
    found = []
    for row, (near, likeness) in enumerate(zip(nearest.tolist(), scores.tolist(), strict=True)):
        own = album.places[row]
        asked = min(len(near), counts[own] - 1)
        others = [other for other in near[:asked] if album.places[other] != own]
        if 2 * len(others) <= asked:
            continue
        place, times = Counter(album.places[other] for other in others).most_common(1)[0]
        like = next(other for other in others if album.places[other] == place)
        clear = (len(others) / asked, times / asked, likeness[0])
        found.append((clear, Between(row, len(others), asked, (like, times), reasons_of(album, row))))
    found.sort(key=lambda pair: pair[0], reverse=True)
    pictures = [between for _, between in found]
    return Findings(pictures, _shares(album, [between.row for between in pictures]), len(album))


def reasons_of(album: Album, row: int) -> tuple[str, ...]:
    """What is unusual about a rendered picture; nothing of one of which nothing is known."""
    truth = {name: album.truth[name][row] for name in NEEDED if name in album.truth}
    if len(truth) < len(NEEDED) or None in truth.values():
        return ()
    words = {"partly hidden": OBSTACLES.get(truth["occluder"], "partly hidden")}
    return tuple(words.get(reason, reason) for reason, holds in REASONS.items() if holds(truth))


def _shares(album: Album, rows: Sequence[int]) -> dict[str, tuple[float, float]]:
    if not rows or any(name not in album.truth for name in NEEDED):
        return {}
    columns = [album.truth[name] for name in NEEDED]
    truths = [dict(zip(NEEDED, values, strict=True)) for values in zip(*columns, strict=True)]
    if any(None in truth.values() for truth in truths):
        return {}
    holds = {reason: [test(truth) for truth in truths] for reason, test in REASONS.items()}
    return {
        reason: (sum(true[row] for row in rows) / len(rows), sum(true) / len(true)) for reason, true in holds.items()
    }
