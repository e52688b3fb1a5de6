"""Which place a picture shows, by what is nearest to it; or that none of the known ones is near enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

FALSE_CLAIMS = 0.05  # of pictures of unknown places may be called one of the known
BLOCK = 2048  # pictures compared at once


@dataclass(frozen=True)
class Calibration:
    """From which similarity on a picture is said to show a known place.

    Args:
        threshold: the similarity to the nearest picture.
        found: of pictures of a known place, the share whose nearest one of that place is so near.
        claimed: of pictures of an unknown place, the share that are near enough to a picture of another one.
        likened: the same where others of its kind are known, as another pagoda is; None where kinds are not known.
        places: how many places it was measured on.
    """

    threshold: float
    found: float
    claimed: float
    places: int
    likened: float | None = None


def calibrate(
    embeddings: torch.Tensor,
    places: Sequence[str],
    asked: Sequence[bool] | None = None,
    claims: float = FALSE_CLAIMS,
    kinds: Sequence[str] | None = None,
) -> Calibration:
    """The threshold at which so few pictures of unknown places are taken for known ones.

    Each picture asked about is looked for once among the pictures of other places (kinds) alone, as though its own
    were unknown, and once among the others of its own place.

    Args:
        embeddings: (N, D), rows of length 1.
        places: of each picture.
        asked: which pictures to ask about: best those of places that the encoder was not trained on, which are no
            nearer to each other than a visitor's. Default: all of them.
        kinds: what kind of place each picture shows. A picture then counts as of an unknown place among those of other
            kinds: one of an unknown pagoda among pagodas is told by hardly anything.

    Raises:
        ValueError: fewer than two places (kinds), or none asked about that has two pictures; in one line.
    """
    names = sorted(set(places))
    labels = torch.tensor([names.index(place) for place in places])
    rows = torch.arange(len(places)) if asked is None else torch.tensor(list(asked)).nonzero().flatten()
    counts = labels.bincount(minlength=len(names))
    if min(len(names), len(set(kinds or places))) < 2 or not (counts[labels[rows]] > 1).any():
        raise ValueError("at least two places are needed, and two pictures of one of them")
    kind_names = sorted(set(kinds)) if kinds else []
    kind = torch.tensor([kind_names.index(name) for name in kinds]) if kinds else labels
    foreign, alike, own = [], [], []
    for part in rows.split(BLOCK):
        scores = embeddings[part] @ embeddings.T
        same, same_kind = labels[part][:, None] == labels, kind[part][:, None] == kind
        foreign.append(scores.masked_fill(same_kind, -1.0).amax(1))
        has_alike = (same_kind & ~same).any(1)
        alike.append(scores.masked_fill(same, -1.0).amax(1)[has_alike])
        scores[torch.arange(len(part)), part] = -1.0
        own.append(scores.masked_fill(~same, -1.0).amax(1)[counts[labels[part]] > 1])
    foreign, alike, own = torch.cat(foreign), torch.cat(alike), torch.cat(own)
    threshold = float(foreign.quantile(1 - claims))
    return Calibration(
        threshold,
        float((own >= threshold).float().mean()),
        float((foreign > threshold).float().mean()),
        len(labels[rows].unique()),
        float((alike > threshold).float().mean()) if len(alike) else None,
    )


def vote(scores: Sequence[float], places: Sequence[str], threshold: float) -> tuple[str | None, float]:
    """What the nearest pictures say, each as loudly as it is nearer than the threshold.

    Args:
        scores: similarities, the best first.
        places: of the same pictures.

    Returns:
        the place with most of the votes and its share of them, or (None, 0.0) where nothing is near enough.
    """
    votes: dict[str, float] = {}
    for score, place in zip(scores, places, strict=True):
        if score >= threshold:
            votes[place] = votes.get(place, 0.0) + score - threshold + 1e-6
    if not votes:
        return None, 0.0
    best = max(votes, key=votes.__getitem__)
    return best, votes[best] / sum(votes.values())
