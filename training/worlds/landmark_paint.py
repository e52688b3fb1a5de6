"""The paint of the world of landmarks: masonry, windows, arcades, bands, roofs, leaves; snow on what looks
upwards, and lit windows at night.

A pattern repeats with `pattern_scale`, over the faces of a box or, as `pattern + AROUND * count`, `count` times
around a part's own y axis. A scene's `extra` is (snow, night), both 0 to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from worlds.patterns import below, bricks, checks, mix, noise, stripes, turns, windows
from worlds.scene import Surface

PLAIN, BLOCKS, WINDOWS, ARCADE, BANDS, SPIRAL, ROOF, LATTICE, RIBS, GLASS, LEAVES, LAMP, DIM, CHECKED, SAIL = range(15)
AROUND = 16  # pattern + AROUND * count: `count` repeats around the part's y axis
SNOW = (0.93, 0.95, 1.0)
GLOW = (1.35, 1.1, 0.62)  # of a lit window, brighter than white: at night little light falls on it
LAMP_GLOW = (2.6, 2.2, 1.3)
PANES = {WINDOWS: (0.5, 0.56, 0.5), ARCADE: (0.58, 0.78, 0.7), GLASS: (0.84, 0.84, 0.5)}  # width, height, share lit
UNLIT = 0.5  # brightness at night of what no floodlight reaches


def paint(surface: Surface) -> Tensor:
    """Paint function of this world: albedo (T, 3, R), sRGB, above 1 where something shines."""
    count = torch.floor(surface.pattern / AROUND)
    pattern = surface.pattern - AROUND * count
    snow, night = surface.extra[:, 0, None], surface.extra[:, 1, None]
    u, v, soft = _unrolled(surface, count)
    albedo = surface.color
    present = set(pattern.unique().tolist())

    def shaded(number: int, albedo: Tensor, share: Tensor) -> Tensor:
        """A share of the accent where the pattern is `number`."""
        return mix(albedo, surface.accent, torch.where(pattern == number, share, 0.0))

    if BLOCKS in present:
        joint = bricks(u * 2, v * 2, soft * 2)
        tone = noise(torch.floor(u * 1.3) + 0.5, torch.floor(v * 2) * 7 + 0.5) - 0.5
        shade = 1.04 - 0.26 * joint + 0.22 * tone
        albedo = torch.where((pattern == BLOCKS)[:, None], albedo * shade[:, None], albedo)
    if BANDS in present:
        albedo = shaded(BANDS, albedo, stripes(v, soft))
    if SPIRAL in present:
        albedo = shaded(SPIRAL, albedo, stripes(u + v, soft))
    if CHECKED in present:
        albedo = shaded(CHECKED, albedo, checks(u, v, soft))
    if ROOF in present:
        albedo = shaded(ROOF, albedo, 0.7 * stripes(v, soft, 0.3) + 0.2 * noise(u * 2, v * 3))
    if RIBS in present:
        albedo = shaded(RIBS, albedo, stripes(u, soft, 0.42))
    if LATTICE in present:
        bars = torch.maximum(stripes(u + v, soft, 0.3), stripes(u - v, soft, 0.3))
        albedo = shaded(LATTICE, albedo, 1 - bars)
    if LEAVES in present:
        x, y, z = surface.position.unbind(1)
        share = 0.6 * noise(x * 9 + 5 * y, z * 9 + 7 * y) + 0.4 * noise(x * 23 + 2, z * 23 + 19 * y)
        albedo = shaded(LEAVES, albedo, ((share - 0.25) * 1.6).clamp(0, 1))
    for number in present.intersection(PANES):
        albedo = _glazed(surface, pattern, number, albedo, (u, v, soft), night)
    if SAIL in present:
        albedo = torch.where((pattern == SAIL)[:, None], _sail(surface, albedo, night), albedo)
    albedo = _weathered(surface, pattern, albedo, snow, night)
    if LAMP in present:
        glow = mix(albedo, _like(LAMP_GLOW, albedo), night.expand_as(pattern))
        albedo = torch.where((pattern == LAMP)[:, None], glow, albedo)
    return albedo


def _glazed(
    surface: Surface,
    pattern: Tensor,
    number: int,
    albedo: Tensor,
    unrolled: tuple[Tensor, Tensor, Tensor],
    night: Tensor,
) -> Tensor:
    """Windows or arches on the walls (not on the roofs) of parts of pattern `number`; at night some are lit."""
    (u, v, soft), (width, height, share) = unrolled, PANES[number]
    pane = windows(u, v, soft, width, height, arched=number == ARCADE)
    wall = (pattern == number) & (surface.local_normal[:, 1].abs() <= 0.75)
    pane = torch.where(wall, pane, 0.0)
    lit = noise(torch.floor(u) * 3 + 0.5, torch.floor(v) * 5 + 0.5) > 1 - share
    albedo = mix(albedo, surface.accent, pane)
    return mix(albedo, _like(GLOW, albedo), torch.where(lit, pane * night, 0.0))


def _sail(surface: Surface, albedo: Tensor, night: Tensor) -> Tensor:
    """A shell whose open side, where it is cut across local x, is glass."""
    normal = surface.local_normal
    front = normal[:, 0] > 0.97 * (normal * normal).sum(1).sqrt()
    y, z = surface.local[:, 1], surface.local[:, 2]
    soft = torch.full_like(y, 0.15)
    bars = torch.maximum(stripes(z * 4, soft, 0.16), stripes(y * 3, soft, 0.12))
    pane = mix(surface.accent, _like(GLOW, albedo), 0.9 * night.expand_as(y))
    return torch.where(front[:, None], mix(pane, albedo, 0.6 * bars), albedo)


def _like(color: tuple[float, float, float], albedo: Tensor) -> Tensor:
    return torch.tensor(color, device=albedo.device)[:, None].expand_as(albedo)


def _unrolled(surface: Surface, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates u along and v up the part's face, in periods of its pattern, and the size of a pixel in
    them."""
    # Ellipsoids have coordinates in their radii: back to lengths.
    stretch = (surface.matrix[:, :2] * surface.matrix[:, :2]).sum(2).clamp(min=1e-12).sqrt()
    x, z = surface.local[:, 0] / stretch[:, 0], surface.local[:, 2] / stretch[:, 0]
    y = surface.local[:, 1] / stretch[:, 1]
    nx, _, nz = surface.local_normal.unbind(1)
    size = surface.pattern_scale.clamp(min=1e-6)
    flat = torch.where(nx.abs() > nz.abs(), z, x) / size + 0.5  # a window, not a gap, in the middle of a wall
    radius = (x * x + z * z).sqrt()
    u = torch.where(count > 0, turns(x, z) * count, flat)
    # Periods per unit of length around the axis may differ from those along it.
    density = torch.where(count > 0, count / (6.283 * radius).clamp(min=1e-6), 1 / size)
    return u, y / size + 0.5, surface.footprint * torch.maximum(density, 1 / size)


def _weathered(surface: Surface, pattern: Tensor, albedo: Tensor, snow: Tensor, night: Tensor) -> Tensor:
    """Uneven stone, snow on top, and darkness at night on what stands beside the floodlights."""
    x, y, z = surface.position.unbind(1)
    stain = noise(x * 2.3 + 4, (y - z) * 2.3) - 0.5
    albedo = albedo * (1 + 0.1 * stain)[:, None]
    patchy = noise(x * 5 + 2, z * 5)
    lying = below(-surface.normal[:, 1], -0.52 - 0.26 * patchy, torch.full_like(x, 0.25)) * 0.92
    albedo = mix(albedo, _like(SNOW, albedo), lying * snow)
    beside = (pattern == LEAVES) | (pattern == DIM)
    return albedo * torch.where(beside, 1 - (1 - UNLIT) * night, 1.0)[:, None]
