"""Score how far pictures lie between two classes: pure functions on features, whatever network gave them.

    scores = score(candidates, references, labels)          # (N,), higher: more between
    where = position(candidates, references, labels)        # (N,), 0 where class 0 is, 1 where class 1 is

Candidates may be references as well: what is said of a picture never rests on that picture itself, nor on its label.
Nothing depends on the order of the references, nor on the scale or the origin of the features.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

METHODS = {
    "default": "heads taught with pictures put together of two say yes to both; a network without gets fitted ones",
    "heads": "heads fitted on features of the known pictures, and on midpoints between them, say yes to both",
    "original": "the first version's rule: as far from the mean of one class as from that of the other",
    "original_first_edge": "the first version's rule, from the edge of the first class",
    "original_second_edge": "the first version's rule, from the edge of the second class",
    "entropy": "a classifier cannot decide",
    "ensemble": "each of several classifiers cannot decide; where they contradict each other does not count",
    "nearness": "near the mean of one class and of the other, measured in the spread of each",
    "density": "likely as a picture of the one and of the other, by a Gaussian each",
    "neighbours": "among the most similar pictures are as many of the one as of the other",
}
NUM_NEIGHBOURS = 15
NUM_FOLDS = 5
MAX_ANCHORS = 192  # rows of each kind that the heads compare with; more cost time and bring nothing measurable
HEAD_WIDTH, HEAD_RIDGE = 0.5, 3e-4  # of the heads' kernel, in typical squared distances, and of its penalty


def score(
    candidates: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor | Sequence[int],
    method: str = "default",
    *,
    probabilities: torch.Tensor | None = None,
) -> torch.Tensor:
    """How far each candidate lies between two classes.

    Args:
        candidates: features (N, D).
        references: features (M, D) of pictures whose class is known.
        labels: (M,) of the references, 0 or 1.
        method: a key of METHODS.
        probabilities: (members, N, 2) of the candidates, from a network or several. For "default" of heads that say
            yes or no to each class (`ImageClassifier.predict_multilabel`), for "entropy" and "ensemble" of
            classifiers; other methods take no notice. Without, "default" is "heads", and the other two fit
            discriminants on the references.

    Returns:
        (N,) float32, higher: more between. Only their order is comparable between methods.

    Raises:
        ValueError: shapes that do not match, values that are not finite, labels other than 0 and 1, a class with
            fewer than two references, references that are all equal, or an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    given = _Given.check(candidates, references, labels)
    if probabilities is not None:
        _check_probabilities(probabilities, len(candidates))
    if method == "default" and probabilities is not None:
        return torch.logit(probabilities.double().mean(0), eps=1e-12).min(1).values.float()
    method = "heads" if method == "default" else method
    if method in ("entropy", "ensemble"):
        members = _discriminant_members(given) if probabilities is None else _logarithms(probabilities)
        mean = torch.logsumexp(members, 0) - math.log(len(members))
        return (_log_entropy(mean) if method == "entropy" else _log_entropy(members).logsumexp(0)).float()
    return _SCORES[method](given).float()


def position(candidates: torch.Tensor, references: torch.Tensor, labels: torch.Tensor | Sequence[int]) -> torch.Tensor:
    """Where each candidate (N, D) lies on the axis of the two classes: (N,), 0 at the mean of class 0, 1 at that of 1.

    The axis is Fisher's linear discriminant with the covariance shrunk after Ledoit and Wolf (2004). Values beyond
    0 and 1 are usual. Raises ValueError as `score`.
    """
    return _cross_fitted(_Given.check(candidates, references, labels), _fit_position).float()


def nearest(candidates: torch.Tensor, references: torch.Tensor, labels: torch.Tensor | Sequence[int]) -> torch.Tensor:
    """The nearest reference of each class, never the candidate itself: (N, D), (M, D), (M,) -> row numbers (N, 2).

    Raises ValueError as `score`.
    """
    given = _Given.check(candidates, references, labels)
    distance = torch.cdist(given.candidates, given.references).masked_fill(given.own, torch.inf)
    columns = []
    for label in (0, 1):
        rows = (given.labels == label).nonzero().flatten()
        columns.append(rows[distance[:, rows].argmin(1)])
    return torch.stack(columns, 1)


# What is given


@dataclass(frozen=True)
class _Given:
    """Checked features, centred on the references and scaled to a mean square of 1, and who is who."""

    candidates: torch.Tensor  # (N, D)
    references: torch.Tensor  # (M, D)
    labels: torch.Tensor  # (M,)
    own: torch.Tensor  # (N, M): which references are the candidate itself

    @classmethod
    def check(
        cls, candidates: torch.Tensor, references: torch.Tensor, labels: torch.Tensor | Sequence[int]
    ) -> "_Given":
        candidates, references, labels = candidates.cpu(), references.cpu(), torch.as_tensor(labels).cpu()
        labels = labels.long() if labels.dtype == torch.bool else labels
        for name, features in (("candidates", candidates), ("references", references)):
            if features.ndim != 2:
                raise ValueError(f"{name} must be features (rows, D), not of shape {tuple(features.shape)}")
            bad = torch.empty(0) if features.sum().isfinite() else (~features.isfinite()).any(1).nonzero().flatten()
            if len(bad):
                raise ValueError(f"{len(bad)} {name} have features that are not finite, first row {int(bad[0])}")
        if candidates.shape[1] != references.shape[1]:
            raise ValueError(f"candidates have {candidates.shape[1]} features, references {references.shape[1]}")
        if labels.shape != references.shape[:1]:
            raise ValueError(f"there are {len(references)} references, but {labels.numel()} labels")
        if not torch.isin(labels, torch.tensor([0, 1])).all():
            raise ValueError("labels must be 0 or 1")
        for label in (0, 1):
            count = int((labels == label).sum())
            if count < 2:
                raise ValueError(f"class {label} has {count} references: at least 2 are needed of each class")
        references, candidates = references.float(), candidates.float()
        centre = references.mean(0)  # of all, since labels must not move it
        references, candidates = references - centre, candidates - centre
        size = references.square().sum(1).mean().sqrt()
        if size <= 1e-6 * centre.norm():
            raise ValueError("all references are equal: there is nothing to tell the classes apart by")
        references, candidates = references / size, candidates / size
        return cls(candidates, references, labels.long(), _spare_last(_same(candidates, references), labels.long()))


def _same(candidates: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """(N, M) which are one picture: half a percent of the usual distance apart, as when it was computed in another
    batch. No two features are farther apart than in a projection, which is quicker to search."""
    bound = 5e-3
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(references.shape[1], 16, generator=generator)).Q
    same = torch.cdist(candidates @ axes, references @ axes) < bound
    row, column = same.nonzero(as_tuple=True)
    same[row, column] = (candidates[row] - references[column]).norm(dim=1) < bound
    return same


def _spare_last(own: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Where taking a candidate's copies away would leave no reference of a class, they stay."""
    rows = own.any(1).nonzero().flatten()
    for label in (0, 1):
        of_class = labels == label
        all_gone = rows[own[rows][:, of_class].all(1)]
        own[all_gone] = own[all_gone] & ~of_class
    return own


def _check_probabilities(probabilities: torch.Tensor, count: int) -> None:
    if probabilities.ndim != 3 or probabilities.shape[1:] != (count, 2):
        raise ValueError(f"probabilities must be (members, {count}, 2), not {tuple(probabilities.shape)}")
    if not probabilities.isfinite().all() or probabilities.min() < 0 or probabilities.max() > 1 + 1e-5:
        raise ValueError("probabilities must lie in [0, 1]")


# Fitted on the references, but never on the candidate itself

_Rule = Callable[[torch.Tensor], torch.Tensor]  # features (N, D) -> (N,)
_Fit = Callable[[torch.Tensor, torch.Tensor], _Rule]  # (references, labels) -> rule


def _cross_fitted(given: _Given, fit: _Fit) -> torch.Tensor:
    """(N,) of a rule fitted on all references; a candidate that is one gets a rule fitted without its fold."""
    values = fit(given.references, given.labels)(given.candidates)
    fold_of = _fold_of_candidates(given)
    for fold, rule in _rules_without_folds(given, fit, fold_of.unique().tolist()):
        values[fold_of == fold] = rule(given.candidates[fold_of == fold])
    return values


def _folds(references: torch.Tensor) -> torch.Tensor:
    """(M,) by content, so that neither order nor labels matter; copies of a picture share a fold."""
    direction = torch.randn(references.shape[1], generator=torch.Generator().manual_seed(0))
    along, order = (references @ direction).sort(stable=True)
    is_new = along.diff(prepend=along[:1]) > 1e-4  # of deviation 1; a copy from another batch differs less
    return torch.empty_like(order).scatter_(0, order, is_new.long().cumsum(0)) % NUM_FOLDS


def _fold_of_candidates(given: _Given) -> torch.Tensor:
    """(N,) the fold of the reference that the candidate is, -1 where it is none."""
    is_reference, row = given.own.max(1)
    return torch.where(is_reference, _folds(given.references)[row], -1)


def _rules_without_folds(given: _Given, fit: _Fit, folds: Sequence[int]):
    """Pairs of a fold and the rule of all references but its; copies of a fold's pictures go with it."""
    fold_of_reference = _folds(given.references)
    for fold in folds:
        if fold < 0:
            continue
        kept = fold_of_reference != fold
        labels = given.labels[kept]
        if len(labels.unique()) < 2:
            raise ValueError("one class has too few references to judge its own pictures by the others")
        yield fold, fit(given.references[kept], labels)


def _class_means(references: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return torch.stack([references[labels == label].mean(0) for label in (0, 1)])


def _within_class_covariance(references: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(D, D), pooled over the classes and shrunk towards a multiple of the identity (Ledoit and Wolf 2004)."""
    z = references - _class_means(references, labels)[labels]
    n, d = z.shape
    covariance = z.T @ z / n
    mean_variance = covariance.diagonal().mean()
    squares = z.square()
    spread = (squares.T @ squares / n).sum() - covariance.square().sum()  # of z z', summed over all entries
    distance = covariance.square().sum() - d * mean_variance**2
    shrinkage = float((spread / n / distance.clamp_min(1e-12)).clamp(1e-3, 1))
    return (1 - shrinkage) * covariance + shrinkage * mean_variance * torch.eye(d)


def _discriminant(references: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fisher's discriminant: its direction (D,), the means of the classes (2, D), and the covariance (D, D)."""
    means = _class_means(references, labels)
    covariance = _within_class_covariance(references, labels)
    return torch.linalg.solve(covariance, means[1] - means[0]), means, covariance


def _fit_position(references: torch.Tensor, labels: torch.Tensor) -> _Rule:
    direction, means, _ = _discriminant(references, labels)
    low, high = means @ direction
    return lambda x: (x @ direction - low) / (high - low).clamp_min(1e-9)


def _fit_log_odds(references: torch.Tensor, labels: torch.Tensor) -> _Rule:
    direction, means, _ = _discriminant(references, labels)
    return lambda x: (x - means.mean(0)) @ direction


def _discriminant_members(given: _Given) -> torch.Tensor:
    """Log-probabilities (members, N, 2) of discriminants that each leave a fold out; of a reference its own only."""
    fold_of = _fold_of_candidates(given)
    odds = torch.stack(
        [rule(given.candidates) for _, rule in _rules_without_folds(given, _fit_log_odds, range(NUM_FOLDS))]
    )
    rows = (fold_of >= 0).nonzero().flatten()
    odds[:, rows] = odds[fold_of[rows], rows]
    return F.logsigmoid(torch.stack([-odds, odds], 2).double())


def _logarithms(probabilities: torch.Tensor) -> torch.Tensor:
    """Of pairs that are made to sum to 1 first."""
    p = probabilities.double().clamp_min(1e-300)
    return (p / p.sum(-1, keepdim=True)).log()


def _log_entropy(log_p: torch.Tensor) -> torch.Tensor:
    """Of (..., 2) log-probabilities: in this form also sure answers keep an order among themselves."""
    rare, usual = log_p.min(-1).values, log_p.max(-1).values
    # H = -p log p - q log q, as p * (-log p - q log q / p); the last term goes to 1 where p goes to 0.
    rest = torch.where(rare < -30, 1.0, -usual * torch.exp((usual - rare).clamp_max(60)))
    return rare + torch.log(-rare + rest)


# The methods


def _distances_to_means(given: _Given) -> torch.Tensor:
    """(N, 2) distances to the mean of each class without the candidate itself."""
    distances = torch.cdist(given.candidates, _class_means(given.references, given.labels))
    rows = given.own.any(1).nonzero().flatten()
    for label in (0, 1):
        others = ((given.labels == label) & ~given.own[rows]).float()
        means = others @ given.references / others.sum(1, keepdim=True)
        distances[rows, label] = (given.candidates[rows] - means).norm(dim=1)
    return distances


def _original(given: _Given) -> torch.Tensor:
    return -(_distances_to_means(given) @ torch.tensor([1.0, -1.0])).abs()


def _first_edge(given: _Given) -> torch.Tensor:
    return _distances_to_means(given) @ torch.tensor([-1.0, 1.0])


def _fit_nearness(references: torch.Tensor, labels: torch.Tensor) -> _Rule:
    means = _class_means(references, labels)
    away = (references - means[labels]).norm(dim=1)
    radius = torch.stack([away[labels == label].mean() for label in (0, 1)]).clamp_min(1e-6)
    return lambda x: -(torch.cdist(x, means) / radius).max(1).values


def _fit_density(references: torch.Tensor, labels: torch.Tensor) -> _Rule:
    _, means, covariance = _discriminant(references, labels)
    precision = torch.linalg.inv(covariance)

    def log_densities(x: torch.Tensor) -> torch.Tensor:
        away = [x - mean for mean in means]
        return -sum(((a @ precision) * a).sum(1) for a in away)

    return log_densities


def _neighbours(given: _Given) -> torch.Tensor:
    distance = torch.cdist(given.candidates, given.references).masked_fill(given.own, torch.inf)
    near, rows = distance.topk(min(NUM_NEIGHBOURS, len(given.references)), largest=False)
    # Nearer ones count more: shares of 15 alone would leave most candidates equal.
    weights = torch.where(near.isfinite(), torch.exp(-near), 0.0)
    counts = (~given.own).float() @ F.one_hot(given.labels, 2).float()
    of_second = given.labels[rows].float()
    shares = torch.stack([(weights * (1 - of_second)).sum(1), (weights * of_second).sum(1)], 1) / counts
    return shares.min(1).values / shares.sum(1).clamp_min(1e-12)


def _fit_heads(references: torch.Tensor, labels: torch.Tensor) -> _Rule:
    """Two kernel ridge regressions, "shows the first class" and "shows the second": the lower of the two.

    They are fitted on references and on midpoints: of two classes, which both heads are told to accept, and of one
    class, so that a blend as such is no sign. The mean over a picture's places being what most networks end in, a
    midpoint of features is close to the features of half the one and half the other picture.
    """
    first, second = (_evenly(references[labels == label]) for label in (0, 1))
    both = torch.lerp(*_paired(first, second), 0.5)
    inside = [torch.lerp(rows, rows.roll(1, 0), 0.5) for rows in (first, second)]
    anchors = torch.cat([first, second, both, *inside])
    yes, no = (1.0, -1.0)
    targets = torch.cat(
        [
            torch.tensor([answer]).expand(len(rows), 2)
            for rows, answer in (
                (first, (yes, no)),
                (second, (no, yes)),
                (both, (yes, yes)),
                (inside[0], (yes, no)),
                (inside[1], (no, yes)),
            )
        ]
    )
    kernel = _kernel(anchors, anchors)
    penalty = HEAD_RIDGE * len(anchors) * torch.eye(len(anchors))
    weights = torch.linalg.solve(kernel + penalty, targets)
    return lambda x: torch.cat([(_kernel(rows, anchors) @ weights).min(1).values for rows in x.split(4096)])


def _kernel(x: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Gaussian, (N, D), (A, D) -> (N, A)."""
    return torch.exp(-torch.cdist(x, anchors).square_() / (2 * HEAD_WIDTH))


def _evenly(rows: torch.Tensor) -> torch.Tensor:
    """At most MAX_ANCHORS of the rows, in an order that only their content decides."""
    direction = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(1))
    order = (rows @ direction).argsort(stable=True)
    count = min(len(rows), MAX_ANCHORS)
    return rows[order[torch.linspace(0, len(rows) - 1, count).round().long()]]


def _paired(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every row of the longer with one of the shorter."""
    count = max(len(first), len(second))
    return first[torch.arange(count) % len(first)], second[torch.arange(count) % len(second)]


_SCORES: dict[str, Callable[[_Given], torch.Tensor]] = {
    "heads": lambda given: _cross_fitted(given, _fit_heads),
    "original": _original,
    "original_first_edge": _first_edge,
    "original_second_edge": lambda given: -_first_edge(given),
    "nearness": lambda given: _cross_fitted(given, _fit_nearness),
    "density": lambda given: _cross_fitted(given, _fit_density),
    "neighbours": _neighbours,
}
