"""The paint of the world of clocks and crocodiles: cases, scaly skins, clock faces with hands, eyes and
simple patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from worlds.patterns import below, bricks, checks, dots, mix, noise, scales, stripes
from worlds.scene import Surface
from worlds.shapes import BRICKS, CASE, CHECKED, DIAL, DOTTED, EYE, SKIN, STRIPED, WHEEL, WOOD

NUMERALS = ("none", "ticks", "quarters", "dots")


def paint(surface: Surface) -> Tensor:
    """Paint function of this world: patterns of cases, skins, dials, eyes and things."""
    albedo = surface.color
    x, y, z = surface.local.unbind(1)
    size = surface.pattern_scale.clamp(min=1e-6)
    soft = surface.footprint / size
    ox, oy, oz = surface.object.unbind(1)

    def where(pattern: int, albedo: Tensor, share: Tensor) -> Tensor:
        chosen = torch.where(surface.pattern == pattern, share, 0.0)
        return mix(albedo, surface.accent, chosen)

    present = set(surface.pattern.unique().tolist())
    if STRIPED in present:
        albedo = where(STRIPED, albedo, stripes(x / size, soft))
    if DOTTED in present:
        albedo = where(DOTTED, albedo, dots(ox / size, oy / size, soft))
    if CHECKED in present:
        albedo = where(CHECKED, albedo, checks(x / size * 0.7, y / size * 0.7, soft))
    if WHEEL in present:
        radius = (x * x + z * z).sqrt() / size
        albedo = where(WHEEL, albedo, below(radius, 0.6, soft) * below(-radius, -0.2, soft))
    if WOOD in present:
        grain = noise(oy * 2.2 + 3, ox * 9 + 5 * oz)
        albedo = torch.where((surface.pattern == WOOD)[:, None], albedo * (1.12 - 0.4 * grain)[:, None], albedo)
    if BRICKS in present:
        joint = bricks((ox + oz) * 5, oy * 5, surface.footprint * 5)
        albedo = torch.where((surface.pattern == BRICKS)[:, None], albedo * (1.08 - 0.35 * joint)[:, None], albedo)
    albedo = _scaled(surface, albedo)
    if EYE in present:
        pupil = x * 0.62 + y * 0.22 + z.abs() * 0.75
        slit = below(-pupil, -0.86, soft * 0 + 0.06)
        albedo = torch.where((surface.pattern == EYE)[:, None], mix(surface.color, surface.accent, slit), albedo)
    if DIAL in present:
        albedo = torch.where((surface.pattern == DIAL)[:, None], _dial(surface, z / size, x / size, soft), albedo)
    return albedo


def _scaled(surface: Surface, albedo: Tensor) -> Tensor:
    """Scales over cases and skins, as strong as the scene is scaly, and a pale belly under skins."""
    scaliness = surface.extra[:, 0, None]
    ox, oy, oz = surface.object.unbind(1)
    cell = scales(ox * 7.5, (oy - oz) * 6)
    blotch = noise(ox * 3 + 11, (oy - oz) * 3)
    fade = (1.4 - surface.footprint * 14).clamp(min=0, max=1)
    covered = torch.zeros_like(cell)
    for pattern in (CASE, SKIN, WOOD, BRICKS):
        covered = torch.where(surface.pattern == pattern, scaliness, covered)
    shade = 1 + covered * (fade * (0.38 * cell - 0.27) + 0.3 * blotch - 0.15)
    belly = ((-0.05 - surface.normal[:, 1]) * 2.2).clamp(min=0, max=1)
    belly = torch.where(surface.pattern == SKIN, belly, 0.0)
    return mix(albedo * shade[:, None], surface.accent, belly).clamp(0, 1)


GLYPHS = {  # strokes of simple numerals, in boxes 1 wide and 2 high
    "1": ((0.5, -1, 0.5, 1), (0.5, 1, 0.1, 0.6)),
    "2": ((-0.5, 1, 0.5, 1), (0.5, 1, 0.5, 0.1), (0.5, 0.1, -0.5, -1), (-0.5, -1, 0.5, -1)),
    "3": ((-0.5, 1, 0.5, 1), (0.5, 1, 0.5, -1), (-0.5, -1, 0.5, -1), (-0.1, 0, 0.5, 0)),
    "6": (
        (0.5, 1, -0.5, 0.4),
        (-0.5, 0.4, -0.5, -1),
        (-0.5, -1, 0.5, -1),
        (0.5, -1, 0.5, 0),
        (0.5, 0, -0.5, 0),
    ),
    "9": (
        (-0.5, -1, 0.5, -0.4),
        (0.5, -0.4, 0.5, 1),
        (0.5, 1, -0.5, 1),
        (-0.5, 1, -0.5, 0),
        (-0.5, 0, 0.5, 0),
    ),
}
QUARTERS = (("1", -0.1, 0.66), ("2", 0.09, 0.66), ("3", 0.68, 0), ("6", 0, -0.66), ("9", -0.68, 0))


def _stroke(u: Tensor, v: Tensor, ends: Sequence[float]) -> Tensor:
    """Distance from (u, v) to a line between (x0, y0) and (x1, y1)."""
    x0, y0, x1, y1 = ends
    dx, dy = x1 - x0, y1 - y0
    along = (((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    a, b = u - x0 - along * dx, v - y0 - along * dy
    return (a * a + b * b).sqrt()


def _hand(u: Tensor, v: Tensor, sin: Tensor, cos: Tensor, length: float, width: float, tail: float = 0.1) -> Tensor:
    """Distance to a tapering hand from the middle of the dial."""
    along, across = u * sin + v * cos, (u * cos - v * sin).abs()
    beyond = along - along.clamp(-tail, length)
    thick = width * (1.15 - 0.5 * (along / length).clamp(0, 1))
    distance = (beyond * beyond + across * across).sqrt() - thick
    return torch.where((sin * sin + cos * cos) > 0.5, distance, torch.ones_like(distance))


def _dial(surface: Surface, u: Tensor, v: Tensor, soft: Tensor) -> Tensor:
    """Colours (T, 3, R) of a clock's face at u (right), v (up), the rim at 1; soft is the size of a pixel."""
    numerals = surface.extra[:, 1, None]
    ink = surface.extra[:, 8:11, None].expand_as(surface.color)
    radius = (u * u + v * v).sqrt()
    marks = torch.full_like(u, 1.0)
    for i in range(6):  # the ticks of 12 hours lie on 6 lines
        sin, cos = float(np.sin(np.pi * i / 6)), float(np.cos(np.pi * i / 6))
        across, along = (u * cos - v * sin).abs(), (u * sin + v * cos).abs()
        quarter = i % 3 == 0
        tick = torch.maximum(across - (0.045 if quarter else 0.025), (along - 0.86).abs() - (0.09 if quarter else 0.06))
        spot = (across * across + (along - 0.82) * (along - 0.82)).sqrt() - (0.075 if quarter else 0.05)
        tick = torch.where(numerals == NUMERALS.index("dots"), spot, tick)
        if quarter:
            tick = torch.where(numerals == NUMERALS.index("quarters"), torch.ones_like(tick), tick)
        marks = torch.minimum(marks, tick)
    if bool((numerals == NUMERALS.index("quarters")).any()):
        size, strokes = 0.13, torch.full_like(u, 1.0)
        for glyph, x, y in QUARTERS:
            for ends in GLYPHS[glyph]:
                strokes = torch.minimum(strokes, size * _stroke((u - x) / size, (v - y) / size, ends) - 0.032)
        marks = torch.where(numerals == NUMERALS.index("quarters"), torch.minimum(marks, strokes), marks)
    marks = torch.where(numerals == NUMERALS.index("none"), torch.ones_like(marks), marks)
    hand = [surface.extra[:, i, None] for i in range(2, 8)]
    hands = torch.minimum(_hand(u, v, *hand[:2], 0.46, 0.075), _hand(u, v, *hand[2:4], 0.72, 0.055))
    hands = torch.minimum(hands, radius - 0.11)
    second = _hand(u, v, *hand[4:6], 0.76, 0.022, 0.2)
    face = surface.color * (1 - 0.1 * (radius * radius).clamp(0, 1))[:, None]
    face = mix(face, ink, below(marks, 0.0, soft) * 0.85)
    face = mix(face, ink, below(hands, 0.0, soft))
    red = torch.tensor([0.85, 0.16, 0.12], device=u.device)[:, None].expand_as(face)
    return mix(face, red, below(second, 0.0, soft))
