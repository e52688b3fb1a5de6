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


def test_cosine_distance_by_hand():
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[3.0, 0.0], [-1.0, 0.0], [1.0, -1.0]])
    torch.testing.assert_close(losses.cosine_distance(x, y), torch.tensor([0.0, 2.0, 1.0]))


def naive_similarity(x, y):
    """SSIM of one channel, window by window: its second factor, and both."""
    offsets = torch.arange(-5, 6).double()
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = line[:, None] * line / line.sum() ** 2
    contrasts, both = [], []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (picture[top : top + 11, left : left + 11] for picture in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            spread = (window * (a - mean_a) ** 2).sum() + (window * (b - mean_b) ** 2).sum()
            together = (window * (a - mean_a) * (b - mean_b)).sum()
            contrasts.append((2 * together + 0.06**2) / (spread + 0.06**2))
            both.append((2 * mean_a * mean_b + 0.02**2) / (mean_a**2 + mean_b**2 + 0.02**2) * contrasts[-1])
    return torch.stack(contrasts).mean(), torch.stack(both).mean()


def test_multiscale_similarity_is_what_its_equation_says():
    torch.manual_seed(0)
    x = torch.rand(2, 1, 24, 26, dtype=torch.float64) * 2 - 1
    y = (x + 0.4 * torch.randn_like(x)).clamp(-1, 1)
    weights = torch.tensor(losses.SCALES[:2]) / sum(losses.SCALES[:2])
    expected = []
    for a, b in zip(x[:, 0], y[:, 0], strict=True):
        contrast, _ = naive_similarity(a, b)
        halves = [torch.nn.functional.avg_pool2d(picture[None], 2)[0] for picture in (a, b)]
        expected.append(contrast ** weights[0] * naive_similarity(*halves)[1] ** weights[1])
    torch.testing.assert_close(losses.multiscale_similarity(x, y), torch.stack(expected), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(losses.multiscale_similarity(x, x), torch.ones(2).double(), check_dtype=False)


def test_reconstruction_is_nothing_of_equal_pictures_and_has_gradients_everywhere():
    torch.manual_seed(0)
    x = torch.rand(3, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(losses.reconstruction(x, x), torch.zeros(3), atol=1e-6, rtol=0)
    y = (-x).requires_grad_()  # as unlike as can be
    found = losses.reconstruction(y, x)
    assert (found > 0.5).all()
    found.sum().backward()
    assert y.grad.isfinite().all()
    shares = [losses.reconstruction(-x, x, share=share) for share in (0.0, 1.0)]
    torch.testing.assert_close(shares[0], 2 * x.abs().mean((1, 2, 3)))
    torch.testing.assert_close(found.detach(), 0.84 * shares[1] + 0.16 * shares[0])


def test_what_stands_before_a_reversed_gradient_learns_the_opposite():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    y = (losses.reversed_gradient(x) * weight).sum()
    assert y.item() == -5
    y.backward()
    assert x.grad.tolist() == [-3, -4]
    assert weight.grad.tolist() == [1, -2]
