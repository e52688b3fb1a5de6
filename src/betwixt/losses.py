"""Losses that several models share: pure functions of tensors."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F


def feature_distance(maps: Iterable[torch.Tensor], targets: Iterable[torch.Tensor]) -> torch.Tensor:
    """How unlike pictures are in the layers of a network (Zhang et al. 2018, equation 1, with equal weights).

    Args:
        maps, targets: for each layer (B, C, H, W), C, H and W of its own.

    Returns:
        (B,) from 0: the squared distance of vectors of length 1, its mean over places, summed over layers.
    """
    return sum(
        (F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)).square().sum(1).mean((1, 2))
        for x, y in zip(maps, targets, strict=True)
    )
