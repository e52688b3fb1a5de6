"""Figures with their uncertainty: pure functions on predictions and features."""

import contextlib
from collections.abc import Callable

import torch
import torch.nn.functional as F

from betwixt.latents import between

BOOTSTRAPS = 2000
COPY_RATIO = 1 / 3  # of distances, under which a picture is called a copy
_BOUNDS = torch.tensor([0.025, 0.975], dtype=torch.float64)


def with_interval(values: torch.Tensor, groups: torch.Tensor | None = None, seed: int = 0) -> dict[str, float]:
    """The mean of (N,) values with its 95 % bootstrap interval; pictures of one group are drawn together.

    Returns:
        {"value", "low", "high"}. Where all values are equal the bootstrap says nothing, and the interval is Wilson's.
    """
    if len(values) == 0:
        raise ValueError("there is nothing to take a mean of")
    if len(values.unique()) == 1 and float(values[0]) in (0.0, 1.0):
        num_groups = len(values) if groups is None else len(groups.unique())
        low, high = _wilson(float(values[0]), num_groups)
        return {"value": float(values[0]), "low": low, "high": high}
    draws = _resampled_means(values.double(), groups, seed)
    low, high = torch.quantile(draws, _BOUNDS).tolist()
    return {"value": float(values.double().mean()), "low": low, "high": high}


def mean_over_classes(
    values: torch.Tensor, labels: torch.Tensor, groups: torch.Tensor | None = None, seed: int = 0
) -> dict[str, float]:
    """The mean over classes of the mean of (N,) values in each, with its 95 % interval over bootstraps of each class.

    Returns:
        {"value", "low", "high"}; of values that say what is right, this is the balanced accuracy.
    """
    rows = [labels == label for label in labels.unique()]
    draws = [
        _resampled_means(values[r].double(), None if groups is None else groups[r], seed + i)
        for i, r in enumerate(rows)
    ]
    low, high = torch.quantile(torch.stack(draws).mean(0), _BOUNDS).tolist()
    return {"value": float(torch.stack([values[r].double().mean() for r in rows]).mean()), "low": low, "high": high}


def area_under_curve(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Probability that a picture of class 1 scores above one of class 0; ties count half. (N,), (N,) in {0, 1}.

    Raises:
        ValueError: only one class is there.
    """
    positives, negatives = scores[labels == 1].double(), scores[labels == 0].double()
    if len(positives) == 0 or len(negatives) == 0:
        raise ValueError("the area under the curve needs both classes")
    order = negatives.sort().values
    below, up_to = torch.searchsorted(order, positives), torch.searchsorted(order, positives, right=True)
    return float((below + up_to).double().mean() / 2 / len(negatives))


def average_precision(
    scores: torch.Tensor, positive: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean precision at the rank of each positive, best score first; equal scores share a rank. (N,), (N,) bool.

    Args:
        weights: (draws, N) how often each picture was drawn, for bootstraps; default: once.

    Returns:
        (draws,), or without weights a scalar tensor; NaN for a draw without positives.
    """
    counts = torch.ones(1, len(scores)) if weights is None else weights
    order = scores.argsort(descending=True, stable=True)
    counts, positive = counts[:, order].double(), positive[order]
    _, sizes = scores[order].unique_consecutive(return_counts=True)
    last = sizes.cumsum(0) - 1
    found, seen = (counts * positive).cumsum(1)[:, last], counts.cumsum(1)[:, last]
    gained = found.diff(dim=1, prepend=torch.zeros(len(counts), 1, dtype=torch.float64))
    values = (gained * found / seen.clamp_min(1e-12)).sum(1) / found[:, -1]
    return values[0] if weights is None else values


def with_bootstrap(
    statistic: Callable[[torch.Tensor], float], count: int, groups: torch.Tensor | None = None, seed: int = 0
) -> dict[str, float]:
    """A figure of `count` pictures with its 95 % bootstrap interval; pictures of one group are drawn together.

    Args:
        statistic: called with the row numbers of the pictures drawn; draws for which it raises ValueError (as
            `area_under_curve` does of one class) are left out.

    Returns:
        {"value", "low", "high"}.
    """
    rows_of = _rows_by_group(count, groups)
    generator = torch.Generator().manual_seed(seed)
    draws = []
    for _ in range(500):
        drawn = torch.randint(len(rows_of), (len(rows_of),), generator=generator).tolist()
        with contextlib.suppress(ValueError):
            draws.append(statistic(torch.cat([rows_of[i] for i in drawn])))
    low, high = torch.quantile(torch.tensor(draws, dtype=torch.float64), _BOUNDS).tolist()
    return {"value": statistic(torch.arange(count)), "low": low, "high": high}


def with_half_samples(
    statistic: Callable[[torch.Tensor], float], count: int, groups: torch.Tensor | None = None, seed: int = 0
) -> dict[str, float]:
    """As `with_bootstrap`, for a figure of what pictures have in common, for which none may be drawn twice.

    A picture that is drawn twice is like itself: bootstraps of such a figure lie above it. A half of the pictures
    differs from all of them as much as those differ from others like them (Shao and Wu 1989, the delete-half
    jackknife). A figure may be higher of fewer pictures: the differences are from the mean of the halves.

    Raises:
        ValueError: there are not two groups.
    """
    rows_of = _rows_by_group(count, groups)
    if len(rows_of) < 2:
        raise ValueError("pictures of at least two groups are needed for an interval")
    generator = torch.Generator().manual_seed(seed)
    draws = []
    for _ in range(500):
        half = torch.randperm(len(rows_of), generator=generator)[: len(rows_of) // 2].tolist()
        draws.append(statistic(torch.cat([rows_of[i] for i in half])))
    differences, value = torch.tensor(draws, dtype=torch.float64), statistic(torch.arange(count))
    low, high = (value + torch.quantile(differences - differences.mean(), _BOUNDS)).tolist()
    return {"value": value, "low": low, "high": high}


def ratio_with_bootstrap(
    statistic: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, references: torch.Tensor, seed: int = 0
) -> dict[str, float]:
    """A figure of values x (M,) as a share of that of references (N,), with its 95 % bootstrap interval of both.

    Returns:
        {"value", "low", "high"}.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(values: torch.Tensor) -> torch.Tensor:
        return values[torch.randint(len(values), (len(values),), generator=generator)]

    draws = torch.stack([statistic(drawn(x)) / statistic(drawn(references)) for _ in range(500)])
    low, high = torch.quantile(draws.double(), _BOUNDS).tolist()
    return {"value": float(statistic(x) / statistic(references)), "low": low, "high": high}


def middle_range(values: torch.Tensor) -> torch.Tensor:
    """How far apart the 5th and the 95th percentile of (N,) values are; a scalar tensor."""
    low, high = torch.quantile(values, torch.tensor([0.05, 0.95], dtype=values.dtype))
    return high - low


def expected_calibration_error(probabilities: torch.Tensor, labels: torch.Tensor, bins: int = 15) -> float:
    """Mean distance of confidence and accuracy over equal bins of confidence (Guo et al. 2017). (N, K), (N,)."""
    confidence, answer = probabilities.double().max(1)
    right = (answer == labels).double()
    index = (confidence * bins).long().clamp_max(bins - 1)
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, index, right - confidence)
    return float(gaps.abs().sum() / len(labels))


def structural_similarity(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean SSIM of pictures (B, C, H, W) in [-1, 1], sides of 11 or more -> (B,), 1 where they are equal.

    Wang et al. 2004: Gaussian windows of 1.5 pixels, those alone that lie within the picture; mean over channels.
    """
    luminance, contrast = similarity_maps(x, y)
    return (luminance * contrast).mean((1, 2, 3))


def similarity_maps(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two factors of SSIM, equations 6 and 9 (with 10) of Wang et al. 2004: likeness of the means of both pictures
    in each window, and of how they vary in it, (B, C, H - 10, W - 10) each; see `structural_similarity`."""
    offsets = torch.arange(-5, 6, device=x.device, dtype=x.dtype)
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    channels = x.shape[1]
    window = (line[:, None] * line / line.sum() ** 2).expand(channels, 1, 11, 11)

    def smooth(values: torch.Tensor) -> torch.Tensor:
        return F.conv2d(values, window, groups=channels)

    mean_x, mean_y = smooth(x), smooth(y)
    variances = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # 2: the range of values
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def paired_sign_flip_test(differences: torch.Tensor, groups: torch.Tensor | None = None, seed: int = 0) -> float:
    """Two-sided p that (N,) paired differences have mean 0: their signs are flipped at random, a group's together."""
    sums, _ = _sums_by_group(differences.double(), groups)
    generator = torch.Generator().manual_seed(seed)
    draws = 10_000
    signs = torch.randint(0, 2, (draws, len(sums)), generator=generator, dtype=torch.int8).double() * 2 - 1
    extreme = ((signs @ sums).abs() >= sums.sum().abs() - 1e-9).sum().item()
    return (extreme + 1) / (draws + 1)


# Of generated pictures


def manifold_distance(x: torch.Tensor, references: torch.Tensor, k: int = 3) -> torch.Tensor:
    """How far features (M, D) lie outside the manifold of references (N, D): (M,), at most 1 inside.

    Each reference has a ball that reaches to its k-th nearest other one; the distance to it counts in that radius, and
    the least counts (Kynkaanniemi et al. 2019, equation 1, where at most 1 is "precision").

    Raises:
        ValueError: there are not more than k references.
    """
    if len(references) <= k:
        raise ValueError(f"more than {k} references are needed, there are {len(references)}")
    own = torch.cat(
        [torch.cdist(rows, references).topk(k + 1, largest=False).values for rows in references.split(1024)]
    )
    radii = own[:, k].clamp_min(1e-12)  # the first is the reference itself
    return torch.cat([(torch.cdist(rows, references) / radii).min(1).values for rows in x.split(1024)])


def precision_and_recall(x: torch.Tensor, references: torch.Tensor, k: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (M, D) of generated pictures and (N, D) of real ones -> (M,) and (N,) bool, each whether it lies in the
    manifold of the others (Kynkaanniemi et al. 2019, equation 2); the first's mean is precision, the second's recall.

    Both depend on how many there are on the other side: compare figures of equal numbers.

    Raises:
        ValueError: a side has not more than k.
    """
    return manifold_distance(x, references, k) <= 1, manifold_distance(references, x, k) <= 1


def left_out_distance(references: torch.Tensor, k: int = 3) -> torch.Tensor:
    """(N, D) -> (N,) the `manifold_distance` of each reference to the others, as though it had not been one.

    Raises:
        ValueError: there are not more than k + 1 references.
    """
    if len(references) <= k + 1:
        raise ValueError(f"more than {k + 1} references are needed, there are {len(references)}")
    distances = torch.cdist(references, references).fill_diagonal_(torch.inf)
    nearest = distances.topk(k + 1, largest=False).values
    # A ball that reaches to its k-th nearest one reaches to the next, where one of the k is the one left out.
    outer, inner = nearest[:, k], nearest[:, k - 1]
    radii = torch.where(distances > inner, inner, outer)
    return (distances / radii.clamp_min(1e-12)).min(1).values


def kernel_distance(
    x: torch.Tensor, y: torch.Tensor, subsets: int = 100, subset_size: int = 500, seed: int = 0
) -> dict[str, float]:
    """Unbiased squared maximum mean discrepancy between features (M, D) and (N, D) under the kernel (x.y / D + 1)^3.

    It is the KID of Binkowski et al. (2018, equation 4) in whatever features are given: of random subsets, each of at
    most half of a side, the mean, with the 2.5th and 97.5th percentiles.

    Raises:
        ValueError: fewer than two rows on a side.
    """
    size = min(subset_size, max(2, len(x) // 2), max(2, len(y) // 2))
    if min(len(x), len(y)) < 2:
        raise ValueError("at least two pictures are needed on each side")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        a, b = (side[torch.randperm(len(side), generator=generator)[:size]].double() for side in (x, y))
        within = [
            (_cubic(side, side).sum() - _cubic(side, side).diagonal().sum()) / (size * (size - 1)) for side in (a, b)
        ]
        values.append(sum(within) - 2 * _cubic(a, b).mean())
    low, high = torch.stack(values).quantile(_BOUNDS).tolist()
    return {"value": float(torch.stack(values).mean()), "low": low, "high": high}


def kernel_distance_of_classes(
    features: torch.Tensor, labels: torch.Tensor, subsets: int = 100, subset_size: int = 50, seed: int = 0
) -> dict[str, float]:
    """The mean over all pairs of classes of what `kernel_distance` estimates of the two; (N, D), (N,).

    It says what size a kernel distance has in these features. Of random subsets, each of at most half of each class,
    the mean, with the 2.5th and 97.5th percentiles; classes of fewer than four pictures are left out.

    Raises:
        ValueError: fewer than two classes are left.
    """
    rows_of = [rows for rows in _rows_by_group(len(labels), labels) if len(rows) >= 4]
    if len(rows_of) < 2:
        raise ValueError("at least two classes of four pictures or more are needed")
    generator = torch.Generator().manual_seed(seed)
    counts = torch.tensor([min(subset_size, len(rows) // 2) for rows in rows_of])
    kernel = _cubic(features.double(), features.double())
    values = []
    for _ in range(subsets):
        drawn = [r[torch.randperm(len(r), generator=generator)[:n]] for r, n in zip(rows_of, counts, strict=True)]
        among, label = (
            kernel[torch.cat(drawn)][:, torch.cat(drawn)],
            torch.arange(len(counts)).repeat_interleave(counts),
        )
        members = F.one_hot(label).double()
        sums = members.T @ among @ members
        within = (sums.diagonal() - among.diagonal() @ members) / (counts * (counts - 1))
        between_two = (sums / torch.outer(counts, counts)).fill_diagonal_(0).sum() / (len(counts) * (len(counts) - 1))
        values.append(2 * within.mean() - 2 * between_two)
    low, high = torch.stack(values).quantile(_BOUNDS).tolist()
    return {"value": float(torch.stack(values).mean()), "low": low, "high": high}


def _cubic(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def copy_ratio(distances: torch.Tensor, groups: torch.Tensor | None = None) -> torch.Tensor:
    """Distances (M, N) to training pictures -> (M,) nearest by second nearest; under 1/3 it is called a copy.

    After Yoon et al. (2023). Near-duplicates share a group of `groups` (N,): the second is of another one than the
    first, or else a copy of a picture that is there twice would look like none.

    Raises:
        ValueError: all training pictures are of one group.
    """
    groups = torch.arange(distances.shape[1]) if groups is None else groups.unique(return_inverse=True)[1]
    if len(groups.unique()) < 2:
        raise ValueError("pictures of at least two groups are needed to compare with")
    nearest, row = distances.min(1)
    others = distances.masked_fill(groups == groups[row][:, None], torch.inf)
    return nearest / others.min(1).values.clamp_min(1e-12)


def shifted_distances(x: torch.Tensor, references: torch.Tensor, shift: int = 2) -> torch.Tensor:
    """Pictures (M, 3, H, W), (N, 3, H, W) -> (M, N) root mean square differences of what overlaps.

    The least over mirror images and shifts of up to `shift` pixels.
    """
    height, width = x.shape[-2:]
    inner = references[..., shift : height - shift, shift : width - shift].flatten(1)
    best = torch.full((len(x), len(references)), torch.inf)
    for side in (x, x.flip(-1)):
        for dy in range(2 * shift + 1):
            for dx in range(2 * shift + 1):
                seen = side[..., dy : height - 2 * shift + dy, dx : width - 2 * shift + dx].flatten(1)
                best = torch.minimum(best, torch.cdist(seen, inner))
    return best / inner.shape[1] ** 0.5


def perceptual_path_length(
    draw: Callable[[torch.Tensor], torch.Tensor],
    distance: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    first: torch.Tensor,
    second: torch.Tensor,
    way: str = "linear",
    epsilon: float = 1e-3,
    seed: int = 0,
) -> torch.Tensor:
    """How fast pictures change along ways from latents `first` to `second`, (N, ...) each -> (N,).

    At one random place t of each way, the distance of the pictures at t and at t + epsilon, by epsilon squared (Karras
    et al. 2019, equations 2 and 3). Their epsilon of 1e-4 leaves three digits of a latent's change in float32; 1e-2 is
    so long that lengths come out too short.

    Args:
        draw: latents (B, ...) -> pictures.
        distance: pictures, pictures -> (B,), which grows with the square of a small difference.
        way: "linear" or "spherical" (of `betwixt.latents.between`).
    """
    t = torch.rand(len(first), generator=torch.Generator().manual_seed(seed)) * (1 - epsilon)
    pairs = zip(first.flatten(1), second.flatten(1), t, strict=True)
    points = torch.stack([between(a, b, torch.stack([at, at + epsilon]), way) for a, b, at in pairs])
    here, there = (draw(side.view_as(first)) for side in points.unbind(1))
    return distance(here, there) / epsilon**2


def two_picture_residual(x: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Pictures (M, 3, H, W), (A, 3, H, W), (B, 3, H, W) -> (M,) what is not a double exposure of two known ones.

    The share of a picture's variance that remains beside the best linear fit of one of `first` and one of `second`.
    """

    def unit(pictures: torch.Tensor) -> torch.Tensor:
        flat = pictures.flatten(1)
        return F.normalize(flat - flat.mean(1, keepdim=True), dim=1)

    x, first, second = unit(x), unit(first), unit(second)
    between = first @ second.T
    apart = (1 - between.square()).clamp_min(1e-4)
    residuals = []
    for to_first, to_second in zip(x @ first.T, x @ second.T, strict=True):
        a, b = to_first[:, None], to_second[None]
        explained = (a.square() + b.square() - 2 * a * b * between) / apart  # of a regression on two vectors
        residuals.append((1 - explained.max()).clamp_min(0))
    return torch.stack(residuals)


def vendi_score(features: torch.Tensor) -> float:
    """How many different pictures features (N, D) are worth, 1 to N (Friedman and Dieng 2023, cosine kernel).

    Raises:
        ValueError: there are none.
    """
    if len(features) == 0:
        raise ValueError("there is nothing to count")
    rows = F.normalize(features.double(), dim=1)
    shares = torch.linalg.svdvals(rows).square() / len(rows)
    return float(torch.exp(-torch.special.xlogy(shares, shares).sum()))


def neighbour_purity(features: torch.Tensor, labels: torch.Tensor, k: int = 5) -> torch.Tensor:
    """(N, D), (N,) -> (N,) the share of the k nearest others that have the same label, of as many as there could be.

    Nan for a label that no other has.
    """
    distances = torch.cdist(features, features).fill_diagonal_(torch.inf)
    nearest = distances.topk(min(k, len(features) - 1), largest=False).indices
    same = (labels[nearest] == labels[:, None]).double().sum(1)
    others = (labels[:, None] == labels).double().sum(1) - 1
    return same / others.clamp_max(nearest.shape[1])


def retrieval_ranks(queries: torch.Tensor, references: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Queries (M, D), references (N, D), (M,) rows wanted -> (M,) how many references are nearer, or as near."""
    distances = torch.cdist(queries, references)
    own = distances.gather(1, wanted[:, None])
    return (distances <= own).sum(1) - 1


def search_figures(
    scores: torch.Tensor, relevant: torch.Tensor, own: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """How well each query's (Q, N) scores put the relevant ones first; (Q, N) bool.

    Args:
        own: (Q,) the place of each query itself among the N, which is left out.

    Returns:
        (Q,) each: "recall at 1" (whether the first is relevant), "mAP" (average precision over all), "MAP at R" (over
        the first R, of R relevant ones; Musgrave et al. 2020, equation 4). NaN where nothing is relevant.
    """
    scores, relevant = scores.clone(), relevant.clone()
    if own is not None:
        rows = torch.arange(len(own))
        scores[rows, own], relevant[rows, own] = -torch.inf, False
    order = scores.argsort(dim=1, descending=True, stable=True)
    hits = relevant.gather(1, order).double()
    precision = hits.cumsum(1) / torch.arange(1, hits.shape[1] + 1)
    counts = hits.sum(1)
    first = torch.arange(hits.shape[1]) < counts[:, None]
    nothing = torch.where(counts > 0, 0.0, torch.nan)
    return {
        "recall at 1": hits[:, 0] + nothing,
        "mAP": (precision * hits).sum(1) / counts,
        "MAP at R": (precision * hits * first).sum(1) / counts,
    }


def _rows_by_group(count: int, groups: torch.Tensor | None) -> list[torch.Tensor]:
    index = torch.arange(count) if groups is None else groups.unique(return_inverse=True)[1]
    return [rows.flatten() for rows in index.argsort(stable=True).split(index.bincount().tolist())]


def _sums_by_group(values: torch.Tensor, groups: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    if groups is None:
        return values, torch.ones_like(values)
    _, index = groups.unique(return_inverse=True)
    size = int(index.max()) + 1
    zeros = torch.zeros(size, dtype=torch.float64)
    return zeros.index_add(0, index, values), zeros.index_add(0, index, torch.ones_like(values))


def _resampled_means(values: torch.Tensor, groups: torch.Tensor | None, seed: int) -> torch.Tensor:
    sums, counts = _sums_by_group(values, groups)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(sums), (BOOTSTRAPS, len(sums)), generator=generator)
    return sums[drawn].sum(1) / counts[drawn].sum(1)


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return (0.0 if share == 0 else centre - half), (1.0 if share == 1 else centre + half)
