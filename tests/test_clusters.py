"""Clusters of planted groups, and how well they fit what is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from betwixt import clusters
from betwixt.clusters import NOISE, adjusted_mutual_information, find, purity


def planted(sizes: tuple[int, ...], noise: int = 0, dims: int = 80, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Groups of directions around middles of their own, and directions all over the place; labels, NOISE for those."""
    random = torch.Generator().manual_seed(seed)
    middles = F.normalize(torch.randn(len(sizes), dims, generator=random), dim=1)
    near = [m + 0.03 * torch.randn(n, dims, generator=random) for m, n in zip(middles, sizes, strict=True)]
    far = torch.randn(noise, dims, generator=random)
    labels = np.repeat([*range(len(sizes)), NOISE], [*sizes, noise])
    order = torch.randperm(len(labels), generator=random)
    return F.normalize(torch.cat([*near, far]), dim=1)[order], labels[order.numpy()]


@pytest.mark.parametrize(("method", "count"), [("kmeans", 4), ("hdbscan", 10)])
def test_planted_groups_are_found_the_largest_first(method, count):
    features, truth = planted((40, 30, 20, 12))
    found = find(features, method, count)
    assert found.count == 4
    assert np.array_equal(found.labels, truth)
    assert purity(found.labels, truth) == 1.0
    assert adjusted_mutual_information(found.labels, truth) == pytest.approx(1.0)


def test_hdbscan_leaves_out_what_is_between():
    features, truth = planted((40, 30), noise=15)
    found = find(features, "hdbscan", 10)
    assert found.count == 2
    planted_ones, left_out = truth != NOISE, found.labels == NOISE
    assert np.array_equal(found.labels[planted_ones], truth[planted_ones])
    assert left_out.sum() >= 8
    assert sorted(found.members(NOISE)) == np.flatnonzero(left_out).tolist()


def test_the_typical_come_first_and_the_odd_last():
    features, truth = planted((30, 30))
    odd = int(np.flatnonzero(truth == 0)[7])
    features[odd] = F.normalize(features[odd] + 0.4 * F.normalize(torch.randn(80), dim=0), dim=0)
    found = find(features, "kmeans", 2)
    members = found.members(int(found.labels[odd]))
    assert members[-1] == odd
    assert len(members) == 30
    middle = features[members].mean(0)
    away = (features[members] - middle).norm(dim=1)
    assert torch.equal(away.argsort(), torch.arange(30))
    assert found.distances[members].mean() == pytest.approx(1.0)


def test_same_seed_same_clusters():
    features = F.normalize(torch.randn(200, 20), dim=1)
    first, second = (find(features, "kmeans", 7, seed=3) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.distances, second.distances)
    sizes = np.bincount(first.labels)
    assert (np.diff(sizes) <= 0).all()


def test_nothing_in_common_makes_no_cluster():
    features = F.normalize(torch.randn(30, 200, generator=torch.Generator().manual_seed(0)), dim=1)
    found = find(features, "hdbscan", 8)
    assert found.count == 0
    assert len(found.members(NOISE)) == 30
    assert np.isfinite(found.distances).all()


def test_figures_by_hand():
    labels, truth = [0, 0, 0, 1, 1, NOISE], ["a", "a", "b", "b", "b", "a"]
    assert purity(labels, truth) == pytest.approx(4 / 6)
    assert purity([0] * 6, truth) == pytest.approx(3 / 6)
    assert adjusted_mutual_information([0] * 6, truth) == pytest.approx(0.0, abs=1e-9)
    random = np.random.default_rng(0)
    chance = [adjusted_mutual_information(random.integers(0, 8, 300), random.integers(0, 8, 300)) for _ in range(20)]
    assert abs(np.mean(chance)) < 0.01
    with pytest.raises(ValueError, match="2 pictures in clusters, and 3"):
        purity([0, 1], "abc")


def test_what_cannot_be_grouped_is_refused_in_a_line():
    features = planted((5, 4))[0]
    with pytest.raises(ValueError, match="there are 9 pictures: 12 clusters cannot be made"):
        find(features, "kmeans", 12)
    with pytest.raises(ValueError, match="there are 9 pictures: 10 pictures in a cluster"):
        find(features, "hdbscan", 10)
    with pytest.raises(ValueError, match="fewer than 2"):
        find(features, "kmeans", 1)
    with pytest.raises(ValueError, match="not 'dbscan'"):
        find(features, "dbscan", 3)
    with pytest.raises(ValueError, match="not all finite"):
        find(features / 0 * 0, "kmeans", 2)
    assert clusters.METHODS == ("kmeans", "hdbscan")
