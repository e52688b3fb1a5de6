"""What lies between latents: affine combinations of several, ways from one to another, straight or along a sphere."""

from collections.abc import Sequence
from itertools import pairwise

import torch

WAYS = ("linear", "spherical")
PARALLEL = 1e-3  # radians from 0 or half a turn, within which latents have no arc of their own


def combine(latents: torch.Tensor, weights: Sequence[float], way: str = "linear") -> torch.Tensor:
    """An affine combination of latents; weights count by their ratio, and may be negative as long as their sum is not.

    What has no weight does not count; of two, it is a point of the way `between` them.

    Args:
        latents: (N, D), N from 1.
        weights: N numbers; they are scaled to sum 1.
        way: "linear", or "spherical": then the length is the combination of the lengths, as Gaussian latents of many
            numbers all have nearly one length, and their mean a shorter one.

    Returns:
        (D,)

    Raises:
        ValueError: no latents, not as many weights, weights that are not finite or whose sum is not positive, or an
            unknown way.
    """
    _check(way)
    shares = torch.tensor([float(weight) for weight in weights], dtype=latents.dtype, device=latents.device)
    if latents.ndim != 2 or len(latents) == 0 or len(shares) != len(latents):
        raise ValueError(f"{len(shares)} weights do not suit latents of shape {tuple(latents.shape)}")
    if not shares.isfinite().all() or shares.sum() <= 1e-6 * shares.abs().sum():
        raise ValueError(f"weights must be numbers of positive sum, not {[*weights]}")
    latents, shares = latents[shares != 0], shares[shares != 0] / shares.sum()
    if len(latents) == 2:
        return between(latents[0], latents[1], shares[1:], way)[0]
    mean = shares @ latents
    if way == "linear" or len(latents) == 1:
        return mean
    return mean * ((shares @ latents.norm(dim=1)) / mean.norm().clamp_min(1e-12)).abs()


def between(a: torch.Tensor, b: torch.Tensor, t: torch.Tensor, way: str = "linear") -> torch.Tensor:
    """Latents on the way from a (D,), at t = 0, to b (D,), at t = 1, and beyond: t (T,) -> (T, D).

    "spherical" turns by equal angles from one direction to the other, and lets the length change evenly (Shoemake 1985;
    White 2016, "Sampling Generative Networks"). Where one has no direction, or both the same or opposite ones, there is
    no arc, and the way is straight. At 0 and 1 it gives a and b to the bit.

    Raises:
        ValueError: an unknown way.
    """
    _check(way)
    t = t.to(a)[:, None]
    points = a + (b - a) * t
    if way == "spherical":
        lengths = a.norm(), b.norm()
        cosine = (a @ b / (lengths[0] * lengths[1]).clamp_min(1e-12)).clamp(-1, 1)
        angle = cosine.acos()
        if min(lengths) > 1e-6 and PARALLEL < angle < torch.pi - PARALLEL:
            direction = ((1 - t) * angle).sin() * (a / lengths[0]) + (t * angle).sin() * (b / lengths[1])
            points = direction / angle.sin() * (lengths[0] + (lengths[1] - lengths[0]) * t)
    return torch.where(t == 0, a, torch.where(t == 1, b, points))


def path(latents: torch.Tensor, steps: int, way: str = "linear", closed: bool = False) -> torch.Tensor:
    """From the first of latents (N, D) to the last, `steps` from each to the next; `closed`: and back to the first.

    Returns:
        (steps * (N - 1) + 1, D), or (steps * N, D) if closed, so that the end joins the beginning.

    Raises:
        ValueError: fewer than two latents, fewer than one step, or an unknown way.
    """
    if len(latents) < 2 or steps < 1:
        raise ValueError(f"a path needs two latents or more and a step or more, not {len(latents)} and {steps}")
    stops = [*latents, latents[0]] if closed else [*latents]
    t = torch.arange(steps) / steps
    parts = [between(a, b, t, way) for a, b in pairwise(stops)]
    return torch.cat(parts if closed else [*parts, latents[-1:]])


def _check(way: str) -> None:
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
