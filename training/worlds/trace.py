"""Sphere tracing of many rays at once, ambient occlusion and soft shadows."""

from __future__ import annotations

import torch
from torch import Tensor
from worlds.sdf import FAR_AWAY, Chunk

AO_REACH = 0.28  # how far a neighbour still darkens a crevice
SHADOW_SOFTNESS = 7.0  # higher is harder
SHADOW_STEPS = (0.05, 0.12, 0.22, 0.36, 0.56, 0.85, 1.25, 1.8)  # distances along the ray to the light
MAX_STEPS = 48
STEPS_BETWEEN_SIFTS = 5
FEWEST_RAYS = 16  # with fewer rays, matrix products take another code path with another rounding


def march(chunk: Chunk, origin: Tensor, rays: Tensor, pixel: Tensor, behind: Tensor) -> tuple[Tensor, Tensor]:
    """Sphere tracing: whether the rays (T, 3, R) meet the chunk's parts before `behind` (T, R), and where
    (T, R)."""
    near, far = _interval(torch.cat([chunk.round.spheres, chunk.solid.spheres], 1), origin, rays)
    far = torch.minimum(far, behind)
    t, gap = near, torch.full_like(behind, FAR_AWAY)
    _advance(chunk, origin, rays, pixel * 0.2, far, t, gap, MAX_STEPS)
    # A ray that grazes a surface may run out of steps: within a pixel of it, it counts as a hit.
    return (gap < pixel * t) & (t < far), t


def _interval(spheres: Tensor, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """Where each ray (T, 3, R) enters the first of the spheres (T, P, 4) and leaves the last, (T, R) both."""
    to, size = spheres[:, :, :3] - origin[:, None, :, 0], spheres[:, :, 3] + 0.03
    x, y, z = ((to[:, :, i, None] * rays[:, None, i]) for i in range(3))
    along = x.add_(y).add_(z)
    outside = (to * to).sum(2) - size * size
    half = (along * along).sub_(outside[:, :, None])
    met = (half > 0) & (spheres[:, :, 3] >= 0)[:, :, None]
    half = half.clamp_(min=0).sqrt_()
    near = torch.where(met, along - half, FAR_AWAY).amin(1).clamp(min=0.01)
    return near, torch.where(met, along + half, 0.0).amax(1)


def _advance(
    chunk: Chunk, origin: Tensor, rays: Tensor, fine: Tensor, far: Tensor, t: Tensor, gap: Tensor, steps: int
) -> None:
    """Move rays on in place, t and gap (T, R), until the gap is finer than `fine` times t or t passes `far`.
    After every few steps only tiles with moving rays go on, and of tiles with few of them only those rays."""
    moving = (gap > fine * t) & (t < far)
    for _ in range(min(STEPS_BETWEEN_SIFTS, steps)):
        distance = chunk.distance(origin + rays * t[:, None])
        torch.where(moving, distance, gap, out=gap)
        moving &= gap > fine * t
        torch.where(moving, t + 0.92 * gap, t, out=t)
        moving &= t < far
    count = moving.sum(1)
    few = (count > 0) & (count <= FEWEST_RAYS) & (rays.shape[2] > FEWEST_RAYS)
    for keep in (few, (count > 0) & ~few):
        tiles = keep.nonzero()[:, 0]
        if steps <= STEPS_BETWEEN_SIFTS or len(tiles) == 0:
            continue
        width = FEWEST_RAYS if keep is few else rays.shape[2]
        slot = torch.argsort((~moving[tiles]).to(torch.uint8), dim=1, stable=True)[:, :width]
        at = (tiles[:, None], slot)
        ray = rays[tiles].gather(2, slot[:, None].expand(-1, 3, -1))
        t_on, gap_on = t[at], gap[at]
        rest = steps - STEPS_BETWEEN_SIFTS
        _advance(chunk.rows(tiles), origin[tiles], ray, fine[tiles], far[at], t_on, gap_on, rest)
        t[at], gap[at] = t_on, gap_on


def occlusion(chunk: Chunk, position: Tensor, normal: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """Ambient light from distances along the normal, soft shadow from distances along the light (T, 3); (T,
    R) both."""
    ambient, shadow = torch.ones_like(position[:, 0]), torch.ones_like(position[:, 0])
    for height, weight in ((0.05, 0.3), (0.14, 0.3), (AO_REACH, 0.3)):
        free = chunk.distance(position + normal * height)
        ambient -= weight * (1 - free / height).clamp(min=0, max=1)
    start = position + normal * 0.025
    for distance in SHADOW_STEPS:
        free = chunk.distance(start + light[:, :, None] * distance)
        shadow = torch.minimum(shadow, free * (SHADOW_SOFTNESS / distance) + 0.15)
    shadow = shadow.clamp(min=0, max=1)
    return ambient, shadow * shadow * (3 - 2 * shadow)


def near_cone(
    spheres: Tensor,
    start: Tensor,
    axis: Tensor,
    radius: Tensor,
    slope: Tensor,
    margin: float,
    hulls: Tensor | None = None,
) -> Tensor:
    """Which spheres (T, P, 4), and boxes with half axes `hulls` (T, P, 3, 3), come nearer than `margin` to a
    cone: (T, P)."""
    to = spheres[:, :, :3] - start[:, None]
    along = (to * axis[:, None]).sum(2).clamp(min=0)
    if hulls is not None and margin == AO_REACH:  # nothing farther along the light than its last step matters
        along = along.clamp(max=SHADOW_STEPS[-1])
    across = to - along[:, :, None] * axis[:, None]
    size = spheres[:, :, 3]
    # A sphere pokes into a cone earlier than its centre's depth tells: slope * size covers that.
    reach = size * (1 + slope[:, None]) + margin + radius[:, None] + slope[:, None] * along
    touched = ((across * across).sum(2) < reach * reach) & (size >= 0) & (reach > 0)
    if hulls is None:
        return touched
    # Seen from the cone's axis towards the sphere's middle, how far the box comes back towards the axis.
    length = (across * across).sum(2).clamp(min=1e-12).sqrt()
    outwards = across / length[:, :, None]
    back = (hulls * outwards[:, :, None]).sum(3).abs().sum(2)
    return touched & (length - back < reach - size)
