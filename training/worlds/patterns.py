"""Patterns for surfaces and backdrops: masks in [0, 1] over two coordinates, softened to the size of a
pixel, and the rooms and landscapes behind a rendered object.

Only additions, products, square roots and table look-ups: the result does not depend on how a batch is cut.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache
def _noise_table(device: str) -> Tensor:
    return torch.rand(64 * 64, generator=torch.Generator().manual_seed(20)).to(device)


def noise(u: Tensor, v: Tensor) -> Tensor:
    """Value noise in [0, 1], one bump per unit of u and v."""
    table = _noise_table(str(u.device))
    iu, iv = torch.floor(u), torch.floor(v)
    fu, fv = u - iu, v - iv
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    column, row = iu.long() % 64, iv.long() % 64
    right, below = (column + 1) % 64, (row + 1) % 64 * 64
    row = row * 64
    top = table[row + column] + (table[row + right] - table[row + column]) * fu
    bottom = table[below + column] + (table[below + right] - table[below + column]) * fu
    return top + (bottom - top) * fv


def wave(x: Tensor) -> Tensor:
    """A smooth wave of period 1 between 0 (at whole x) and 1."""
    x = (x - torch.floor(x + 0.5)).abs() * 2
    return x * x * (3 - 2 * x)


def below(x: Tensor, limit: float | Tensor, soft: Tensor) -> Tensor:
    """1 where x < limit, 0 where it is larger, with an edge `soft` wide (same units as x)."""
    return ((limit - x) / soft + 0.5).clamp(min=0, max=1)


def stripes(u: Tensor, soft: Tensor, share: float = 0.5) -> Tensor:
    """Bands across u of period 1, `share` of it filled; they fade to their mean where a pixel covers a
    period."""
    across = (u - torch.floor(u + 0.5)).abs()
    sharp = below(across, share / 2, soft.clamp(min=1e-4))
    return sharp + (share - sharp) * (soft * 1.3).clamp(max=1)


def checks(u: Tensor, v: Tensor, soft: Tensor) -> Tensor:
    """Chess board of unit period."""
    a, b = stripes(u, soft), stripes(v, soft)
    return a + b - 2 * a * b


def dots(u: Tensor, v: Tensor, soft: Tensor, radius: float = 0.28) -> Tensor:
    """Dots on a staggered grid of unit period."""
    row = torch.floor(v + 0.5)
    u = u + 0.5 * (row - 2 * torch.floor(row / 2))
    du, dv = u - torch.floor(u + 0.5), v - row
    sharp = below((du * du + dv * dv).sqrt(), radius, soft.clamp(min=1e-4))
    return sharp + (3.14 * radius * radius - sharp) * (soft * 1.2).clamp(max=1)


def bricks(u: Tensor, v: Tensor, soft: Tensor) -> Tensor:
    """Joints between bricks, two units long and one high."""
    row = torch.floor(v)
    shifted = u / 2 + 0.5 * (row - 2 * torch.floor(row / 2))
    return torch.maximum(stripes(shifted, soft / 2, 0.1), stripes(v, soft, 0.2))


def scales(u: Tensor, v: Tensor) -> Tensor:
    """Rounded scales in staggered rows of unit height: 1 in the middle of a scale, 0 at its rim."""
    row = torch.floor(v + 0.5)
    u = u + 0.5 * (row - 2 * torch.floor(row / 2))
    du, dv = u - torch.floor(u + 0.5), v - row
    return (1.15 - 3.2 * (du * du + dv * dv)).clamp(min=0, max=1)


def mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Colours a and b (T, 3, R), share (T, R) of b."""
    return a + (b - a) * share[:, None]


def turns(x: Tensor, z: Tensor) -> Tensor:
    """Angle of (x, z) around the origin in turns, [0, 1], right to 0.0006; a polynomial, since the library's arc
    tangent rounds differently in different places of a batch."""
    a, b = x.abs(), z.abs()
    low = torch.minimum(a, b) / torch.maximum(a, b).clamp(min=1e-9)
    eighth = low * (0.125 + 0.04345 * (1 - low))
    quarter = torch.where(a > b, eighth, 0.25 - eighth)
    half = torch.where(x < 0, 0.5 - quarter, quarter)
    return torch.where(z < 0, 1 - half, half)


def windows(u: Tensor, v: Tensor, soft: Tensor, width: float, height: float, arched: bool = False) -> Tensor:
    """A window `width` by `height` in the middle of each cell of a unit grid; `arched` ones have a round top.
    They fade to their mean where a pixel covers a cell."""
    du, dv = (u - torch.floor(u) - 0.5).abs(), v - torch.floor(v) - 0.5
    if arched:
        above = (dv - (height - width) / 2).clamp(min=0)
        distance = torch.maximum((du * du + above * above).sqrt() - width / 2, -dv - height / 2)
    else:
        distance = torch.maximum(du - width / 2, dv.abs() - height / 2)
    sharp = below(distance, 0.0, soft.clamp(min=1e-4))
    return sharp + (width * height - sharp) * (soft * 1.3 - 0.3).clamp(min=0, max=1)
