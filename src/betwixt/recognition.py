"""Which place a picture shows, by what is nearest to it; or that none of the known ones is near enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

FALSE_CLAIMS = 0.05  # of pictures of unknown places may be called one of the known
BLOCK = 2048  # pictures compared at once
VOTERS = 12  # nearest pictures, of which those that are near enough vote


@dataclass(frozen=True)
class Calibration:
    """From which similarity on a picture is said to show a known place, and how often that is right.

    Args:
        threshold: the similarity to the nearest picture.
        found: of pictures of a known place, the share that is named rightly, by the vote of the nearest.
        mistaken: of the same, the share that is named as another place.
        claimed: of pictures of an unknown place, the share that is named all the same, by a threshold from others.
        places: how many places it was measured on.
        likened: of pictures of an unknown place of which others of its kind are known, as another pagoda is, the share
            that is named; None where kinds are not known.
    """

    threshold: float
    found: float
    mistaken: float
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
    were unknown, and once among all others.

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
    foreign, alike, nearest = [], [], []
    for part in rows.split(BLOCK):
        scores = embeddings[part] @ embeddings.T
        same, same_kind = labels[part][:, None] == labels, kind[part][:, None] == kind
        foreign.append(scores.masked_fill(same_kind, -1.0).amax(1))
        has_alike = (same_kind & ~same).any(1)
        alike.append(scores.masked_fill(same, -1.0).amax(1)[has_alike])
        scores[torch.arange(len(part)), part] = -1.0
        nearest += zip(*(found.tolist() for found in scores.topk(min(VOTERS, len(places) - 1))), strict=True)
    foreign, alike = torch.cat(foreign), torch.cat(alike)
    threshold = float(foreign.quantile(1 - claims))
    of_rows = labels[rows]
    claimed = torch.zeros(len(rows))
    for place in of_rows.unique():
        here = of_rows == place
        others = foreign if here.all() else foreign[~here]
        claimed[here] = (foreign[here] > others.quantile(1 - claims)).float()
    outcomes = []
    for row, (scores, neighbours) in zip(rows.tolist(), nearest, strict=True):
        if counts[labels[row]] > 1:
            named, _ = vote(scores, [places[other] for other in neighbours], threshold)
            outcomes.append(None if named is None else named == places[row])
    return Calibration(
        threshold,
        outcomes.count(True) / len(outcomes),
        outcomes.count(False) / len(outcomes),
        float(claimed.mean()),
        len(of_rows.unique()),
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
