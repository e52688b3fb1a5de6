"""Maps: same seed same map, what is alike lies together, and new points land beside what they are like."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from recoloring import recolored

from betwixt import flags, plain_features
from betwixt.images import to_tensor
from betwixt.maps import TSNEMap


def clusters(count: int = 40, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Three clouds of `count` points."""
    generator = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(3, 20, generator=generator), dim=1)
    kinds = torch.arange(3).repeat_interleave(count)
    return F.normalize(centres[kinds] + 0.1 * torch.randn(3 * count, 20, generator=generator), dim=1), kinds.numpy()


def test_what_is_alike_lies_together_and_comes_again():
    features, kinds = clusters()
    found = TSNEMap.fit(features, seed=1)
    assert found.positions.shape == (120, 2)
    assert found.positions.dtype == np.float32
    centres = np.stack([found.positions[kinds == kind].mean(0) for kind in range(3)])
    nearest = np.linalg.norm(found.positions[:, None] - centres, axis=2).argmin(1)
    assert (nearest == kinds).all()
    assert (TSNEMap.fit(features, seed=1).positions == found.positions).all()


def test_new_points_land_among_their_like_and_the_others_stay():
    features, kinds = clusters()
    new, new_kinds = clusters(4, seed=0)
    found = TSNEMap.fit(features)
    before = found.positions.copy()
    placed = found.transform(new)
    assert (found.positions == before).all()
    assert (found.transform(new) == placed).all()
    nearest = np.linalg.norm(placed[:, None] - found.positions, axis=2).argmin(1)
    assert (kinds[nearest] == new_kinds).mean() > 0.9
    own = found.transform(features[:5])
    spread = np.linalg.norm(found.positions.std(0))
    assert (np.linalg.norm(own - found.positions[:5], axis=1) < 0.1 * spread).all()


def test_long_features_are_turned_and_visitors_place_theirs_at_once():
    features, kinds = clusters()
    basis = torch.linalg.qr(torch.randn(300, 20, generator=torch.Generator().manual_seed(0)))[0]
    noise = 0.01 * torch.randn(120, 300, generator=torch.Generator().manual_seed(1))
    long = features @ basis.T + noise
    found = TSNEMap.fit(long)
    assert (TSNEMap.fit(long).positions == found.positions).all()
    nearest = [np.linalg.norm(found.positions - position, axis=1).argsort()[1] for position in found.positions]
    assert (kinds[nearest] == kinds).mean() > 0.95
    alone = [found.transform(long[i : i + 1]) for i in range(8)]
    again = TSNEMap.fit(long)
    with ThreadPoolExecutor(4) as pool:
        at_once = [*pool.map(lambda i: again.transform(long[i : i + 1]), range(8))]
    spread = np.linalg.norm(found.positions.std(0))
    assert np.abs(np.array(at_once) - np.array(alone)).max() < 0.01 * spread
    assert np.abs(np.concatenate(alone) - found.positions[:8]).max() < 0.2 * spread


def test_progress_and_the_positions_so_far():
    features, _ = clusters(10)
    seen = []
    found = TSNEMap.fit(features, on_progress=lambda share, positions: seen.append((share, positions)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(positions.shape == (30, 2) for _, positions in seen)
    assert (TSNEMap.fit(features).positions == found.positions).all()


def test_a_twin_lands_beside_its_original_by_form_and_not_by_colour():
    designs = [flag for flag in flags.read() if not flag.same_as]
    pictures = [flags.draw(flag) for flag in designs]
    chosen = list(range(0, len(designs), 24))
    random = np.random.default_rng(0)
    twins = [recolored(flags.draw(designs[i], (192, 128)), random) for i in chosen]
    away = {}
    for features in (plain_features.edges, plain_features.color_histogram):
        found = TSNEMap.fit(features(to_tensor(pictures, 64, "squash")))
        placed = found.transform(features(to_tensor(twins, 64, "squash")))
        spread = np.linalg.norm(found.positions.std(0))
        away[features] = np.median(np.linalg.norm(placed - found.positions[chosen], axis=1)) / spread
    assert away[plain_features.edges] < 0.1
    assert away[plain_features.color_histogram] > 5 * away[plain_features.edges]


@pytest.mark.parametrize(
    ("features", "perplexity", "message"),
    [
        (torch.rand(4, 3), 15, "at least 5 points"),
        (torch.rand(10), 15, "at least 5 points"),
        (torch.full((10, 3), torch.nan), 15, "not all finite"),
        (torch.rand(10, 3), 0.5, "perplexity must be at least 1"),
    ],
)
def test_what_cannot_be_laid_out(features, perplexity, message):
    with pytest.raises(ValueError, match=message):
        TSNEMap.fit(features, perplexity)


def test_few_points_lower_the_perplexity():
    assert np.isfinite(TSNEMap.fit(torch.rand(5, 3), 50).positions).all()
