"""The losses that models share, against their formulas."""

import math

import pytest
import torch

from betwixt import losses


def test_feature_distance_is_of_directions_and_counts_every_layer():
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(3, channels, side, side, generator=generator) for channels, side in ((4, 8), (6, 2))]
    others = [torch.randn(x.shape, generator=generator) for x in maps]
    found = losses.feature_distance(maps, others)
    expected = sum(
        (2 - 2 * torch.nn.functional.cosine_similarity(x, y, dim=1)).mean((1, 2))
        for x, y in zip(maps, others, strict=True)
    )
    torch.testing.assert_close(found, expected)
    assert found.shape == (3,)
    torch.testing.assert_close(losses.feature_distance(maps, [3 * x for x in maps]), torch.zeros(3), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="zip"):
        losses.feature_distance(maps, others[:1])


def test_feature_distance_has_gradients_where_a_feature_is_zero():
    x = torch.zeros(2, 3, 4, 4, requires_grad=True)
    losses.feature_distance([x], [torch.ones(2, 3, 4, 4)]).sum().backward()
    assert x.grad.isfinite().all()


@pytest.fixture(scope="module")
def gaussians() -> tuple[torch.Tensor, torch.Tensor]:
    """Means and log variances (5, 3), small and large."""
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(5, 3, generator=generator), 1.5 * torch.randn(5, 3, generator=generator)


def test_gaussian_divergence_is_that_of_torch(gaussians):
    mean, log_variance = gaussians
    normal = torch.distributions.Normal(mean, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(losses.gaussian_divergence(mean, log_variance), expected)


def test_gaussian_divergence_is_the_mean_difference_of_log_densities(gaussians):
    mean, log_variance = gaussians
    normal, standard = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    torch.manual_seed(0)
    drawn = normal.sample((200_000,))
    estimate = (normal.log_prob(drawn) - standard.log_prob(drawn)).mean(0)
    torch.testing.assert_close(losses.gaussian_divergence(mean, log_variance), estimate, atol=0.02, rtol=0.02)


def test_gaussian_divergence_by_hand():
    mean, log_variance = torch.tensor([[0.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    torch.testing.assert_close(losses.gaussian_divergence(mean, log_variance), torch.tensor([[0, 2, (math.e - 2) / 2]]))


def test_free_bits_by_hand():
    divergence = torch.tensor([[0.0, 1.0, 4.0], [0.2, 0.0, 2.0]], requires_grad=True)  # means 0.1, 0.5 and 3
    assert losses.free_bits(divergence, 0.0).item() == pytest.approx(3.6)
    value = losses.free_bits(divergence, 0.4)
    assert value.item() == pytest.approx(0.4 + 0.5 + 3)
    value.backward()
    assert divergence.grad.tolist() == [[0, 0.5, 0.5]] * 2  # nothing presses on what is free
