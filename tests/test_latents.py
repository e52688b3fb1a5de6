"""Affine combinations of latents, and ways between them."""

import math

import pytest
import torch

from betwixt.latents import between, combine, path


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(3, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_the_ends_of_a_way_are_the_latents_to_the_bit(latents, way):
    a, b = latents[0], latents[1] * 1.7
    ends = between(a, b, torch.tensor([0.0, 1.0]), way)
    assert torch.equal(ends, torch.stack([a, b]))
    assert torch.equal(combine(torch.stack([a, b]), [1, 0], way), a)
    assert torch.equal(combine(torch.stack([a, b]), [0, 3], way), b)


def test_linear_goes_straight_on_beyond_both_ends():
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 4.0])
    points = between(a, b, torch.tensor([-0.5, 0.25, 1.5]))
    assert torch.allclose(points, torch.tensor([[0.0, -2.0], [1.5, 1.0], [4.0, 6.0]]))


def test_spherical_turns_by_equal_angles_and_keeps_the_length():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    t = torch.tensor([-1 / 3, 1 / 3, 0.5, 4 / 3])
    points = between(a, b, t, "spherical")
    angles = torch.atan2(points[:, 1], points[:, 0])
    assert torch.allclose(angles, t * math.pi / 2, atol=1e-6)
    assert torch.allclose(points.norm(dim=1), 2 + 2 * t)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_where_there_is_no_arc_the_way_is_straight(latents, factor):
    a = latents[0]
    points = between(a, factor * a, torch.tensor([0.25, 0.5]), "spherical")
    assert torch.allclose(points, torch.stack([a * (0.75 + 0.25 * factor), a * (0.5 + 0.5 * factor)]), atol=1e-5)


def test_weights_count_by_their_ratio_and_may_be_negative(latents):
    assert torch.allclose(combine(latents, [1, 2, 1]), (latents[0] + 2 * latents[1] + latents[2]) / 4)
    assert torch.allclose(combine(latents, [2, -1, 0]), 2 * latents[0] - latents[1], atol=1e-6)
    assert torch.allclose(combine(latents[:2], [2, -1]), 2 * latents[0] - latents[1], atol=1e-6)
    assert torch.equal(combine(latents[:1], [5.0]), latents[0])


def test_a_spherical_combination_of_several_is_as_long_as_they_are(latents):
    middle = combine(latents, [1, 1, 1], "spherical")
    assert torch.allclose(middle.norm(), latents.norm(dim=1).mean())
    assert torch.allclose(middle / middle.norm(), latents.mean(0) / latents.mean(0).norm())
    assert combine(latents, [1, 1, 1]).norm() < 0.75 * middle.norm()


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_what_has_no_weight_does_not_count(latents, way):
    two = combine(latents[:2], [-0.5, 1.5], way)
    assert torch.equal(combine(latents, [-0.5, 1.5, 0.0], way), two)
    assert torch.equal(two, between(latents[0], latents[1], torch.tensor([1.5]), way)[0])


def test_a_path_stops_at_every_latent(latents):
    points = path(latents, 4)
    assert points.shape == (9, 64)
    assert torch.equal(points[::4], latents)
    closed = path(latents, 4, "spherical", closed=True)
    assert closed.shape == (12, 64)
    assert torch.equal(closed[::4], latents)
    assert torch.equal(closed[9], between(latents[2], latents[0], torch.tensor([0.25]), "spherical")[0])


@pytest.mark.parametrize(
    ("weights", "fault"),
    [([1], "do not suit"), ([1, -1, 0], "positive sum"), ([0, 0, 0], "positive sum"), ([1, math.nan, 0], "numbers")],
)
def test_weights_that_are_no_combination_are_refused(latents, weights, fault):
    with pytest.raises(ValueError, match=fault):
        combine(latents, weights)


def test_wrong_ways_and_lone_latents_are_refused(latents):
    with pytest.raises(ValueError, match="way must be one of linear, spherical, not 'cubic'"):
        between(latents[0], latents[1], torch.tensor([0.5]), "cubic")
    with pytest.raises(ValueError, match="two latents or more"):
        path(latents[:1], 3)
    with pytest.raises(ValueError, match="do not suit"):
        combine(latents[:0], [])
