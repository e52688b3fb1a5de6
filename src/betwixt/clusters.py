"""Groups of pictures that are alike, found without being told what they show; and how well they fit what is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

METHODS = ("kmeans", "hdbscan")
NOISE = -1
MOST_NUMBERS = 50  # of features for HDBSCAN: in many dimensions all densities are alike
STARTS = 10  # of k-means, of which the best is kept


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which cluster each picture is in, and how typical it is of it.

    Args:
        labels: (N,) integers from 0, the largest cluster first; NOISE: in none.
        distances: (N,) from the middle of its cluster, in units of that cluster's mean; from the nearest middle for
            what is in none.
    """

    labels: np.ndarray
    distances: np.ndarray

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=NOISE)) + 1

    def members(self, cluster: int) -> list[int]:
        """Rows of a cluster (or of NOISE), the most typical first, the odd ones last."""
        rows = np.flatnonzero(self.labels == cluster)
        return rows[np.argsort(self.distances[rows], kind="stable")].tolist()


def find(features: torch.Tensor, method: str = "kmeans", count: int = 8, seed: int = 0) -> Clusters:
    """Group features (N, D), rows of length 1.

    Args:
        method: "kmeans" (Lloyd 1982; Arthur and Vassilvitskii 2007), which gives `count` clusters and leaves nothing
            out; or "hdbscan" (Campello et al. 2013), which finds out itself how many there are, of `count` pictures at
            least, and leaves out what lies between them.
        count: clusters; or pictures in the smallest cluster.
        seed: same features, same seed, same clusters.

    Raises:
        ValueError: an unknown method, features that are not finite, a count under 2, or more of it than features; in
            one line.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if count < 2 or len(features) < count:
        what = "clusters" if method == "kmeans" else "pictures in a cluster"
        raise ValueError(f"there are {len(features)} pictures: {count} {what} cannot be made of them, nor fewer than 2")
    if not features.isfinite().all():
        raise ValueError("the features are not all finite")
    points = features.double().cpu().numpy()
    labels = _kmeans(points, count, seed) if method == "kmeans" else _hdbscan(points, count, seed)
    labels = _largest_first(labels)
    return Clusters(labels, _distances(points, labels))


def _kmeans(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans  # slow to import

    return KMeans(count, n_init=STARTS, random_state=seed).fit_predict(points)


def _hdbscan(points: np.ndarray, smallest: int, seed: int) -> np.ndarray:
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    if min(points.shape) > MOST_NUMBERS:
        points = PCA(MOST_NUMBERS, random_state=seed).fit_transform(points)
    return HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(points)


def _largest_first(labels: np.ndarray) -> np.ndarray:
    """The same clusters with numbers by size; what is in none stays so."""
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    numbers = {int(name): number for number, name in enumerate(order)}
    return np.array([numbers.get(int(label), NOISE) for label in labels])


def _distances(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    count = int(labels.max(initial=NOISE)) + 1
    if count == 0:
        return np.linalg.norm(points - points.mean(0), axis=1)
    middles = np.stack([points[labels == cluster].mean(0) for cluster in range(count)])
    away = np.sqrt(np.maximum(((points[:, None] - middles) ** 2).sum(2), 0))
    scale = np.array([away[labels == cluster, cluster].mean() for cluster in range(count)])
    away = away / np.maximum(scale, 1e-12)
    return np.where(labels >= 0, away[np.arange(len(points)), labels], away.min(1))


def purity(labels: Sequence[int], truth: Sequence) -> float:
    """Share of pictures that are of the most frequent kind in their cluster; those in none count as wrong.

    Raises:
        ValueError: not as many labels as pictures, or none.
    """
    clusters, kinds = _paired(labels, truth)
    right = 0
    for cluster in np.unique(clusters[clusters >= 0]):
        right += int(np.unique(kinds[clusters == cluster], return_counts=True)[1].max())
    return right / len(kinds)


def adjusted_mutual_information(labels: Sequence[int], truth: Sequence) -> float:
    """How much clusters and kinds tell of each other, 0 for chance and 1 for all (Vinh, Epps and Bailey 2010).

    What is in no cluster counts as one of its own. Raises as `purity`.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    clusters, kinds = _paired(labels, truth)
    return float(adjusted_mutual_info_score(kinds, clusters))


def _paired(labels: Sequence[int], truth: Sequence) -> tuple[np.ndarray, np.ndarray]:
    clusters, kinds = np.asarray(labels), np.asarray([str(kind) for kind in truth])
    if len(clusters) != len(kinds) or not len(kinds):
        raise ValueError(f"{len(clusters)} pictures in clusters, and {len(kinds)} of which it is known what they show")
    return clusters, kinds
