"""The losses that models share, against their formulas."""

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
