"""Building blocks of landmarks: what stands on a height `low` and ends at a height `high`, y being up.

Lengths are in the units of the structure, which is scaled to the world's when it is done. Colours are sRGB
in [0, 1] or "#rrggbb".
"""

from __future__ import annotations

import numpy as np
from worlds.backdrops import from_hex
from worlds.landmark_paint import ARCADE, AROUND, GLASS, WINDOWS
from worlds.sdf import UP, Openings, Part, box, capsule, cylinder, ellipsoid

Color = str | tuple[float, float, float]
Half = float | tuple[float, float] | np.ndarray  # half widths along x and z
GOLD, SLATE, BRASS = "#e6b84a", "#5c6672", "#c79a45"
DOOR = (0.2, 0.14, 0.1)
# What stands upside down: openings that start at the top, for battlements.
HANGING = np.diag([1.0, -1.0, -1.0])


def rgb(color: Color) -> tuple[float, float, float]:
    """A colour as numbers."""
    return from_hex(color) if isinstance(color, str) else color


def shade(color: Color, factor: float) -> tuple[float, float, float]:
    """A colour darkened (below 1) or lightened (above 1)."""
    return tuple(min(1.0, factor * channel) for channel in rgb(color))


def painted(color: Color, pattern: int = 0, accent: Color = DOOR, size: float = 0.2, gloss: float = 0.05) -> dict:
    """Paint of a part: `accent` is what the pattern adds, `size` its period."""
    return {"color": rgb(color), "accent": rgb(accent), "pattern": pattern, "pattern_scale": size, "gloss": gloss}


def _whole_storeys(height: float, paint: dict) -> dict:
    """The paint with its period changed a little, so that an odd number of windows fits the height: patterns
    count from a part's middle."""
    if paint.get("pattern", 0) % AROUND not in (WINDOWS, ARCADE, GLASS):
        return paint
    storeys = 2 * round((height / paint["pattern_scale"] - 1) / 2) + 1
    return {**paint, "pattern_scale": height / max(1, storeys)}


def block(
    x: float, z: float, low: float, high: float, half: Half, top: Half | None = None, rounding: float = 0.008, **paint
) -> Part:
    """A box of half widths `half` (one number, or x and z) at its foot and `top` at its head."""
    foot = np.broadcast_to(np.asarray(half, float), (2,))
    head = foot if top is None else np.broadcast_to(np.asarray(top, float), (2,))
    middle, slope = (foot + head) / 2, (head - foot) / (high - low)
    size = (middle[0], (high - low) / 2, middle[1])
    rounding = min(rounding, 0.4 * min(size))
    paint = _whole_storeys(high - low, paint)
    return box((x, (low + high) / 2, z), size, rounding, taper=(float(slope[0]), float(slope[1])), **paint)


def battlement(x: float, z: float, low: float, high: float, half: Half, gap: float, count: int, **paint) -> list[Part]:
    """A wall, or a whole roof, whose edge is notched `count` times on either side of its middle."""
    foot = np.broadcast_to(np.asarray(half, float), (2,))
    notch = Openings(gap / 4, 0.0, spacing=gap, copies=count, flat=True, crossed=True)
    size = (foot[0], (high - low) / 2, foot[1])
    parts = [box((x, (low + high) / 2, z), size, 0.004, HANGING, openings=notch, **paint)]
    if foot.min() > 0.12:  # the notches of opposite edges meet in the middle: fill it
        parts.append(block(x, z, low, high - 0.004, foot - 0.05, **paint))
    return parts


def drum(x: float, z: float, low: float, high: float, radius: float, top: float | None = None, **paint) -> Part:
    """A round tower, or a cone when `top` is 0."""
    head = radius if top is None else top
    rounding = min(0.008, 0.2 * max(radius, head), 0.2 * (high - low))
    slope = (head - radius) / (high - low)
    middle, half, paint = (x, (low + high) / 2, z), (high - low) / 2, _whole_storeys(high - low, paint)
    return cylinder(middle, UP, (radius + head) / 2, half, rounding, slope, **paint)


def gable(x: float, z: float, low: float, high: float, half: tuple[float, float], along: str = "z", **paint) -> Part:
    """A roof of two slopes whose ridge runs along x or z."""
    top = (0.0, half[1]) if along == "z" else (half[0], 0.0)
    return block(x, z, low, high, half, top, **paint)


def dome(x: float, z: float, low: float, radius: float, height: float, **paint) -> Part:
    """Half a ball, of which the lower half hides in what it stands on."""
    return ellipsoid((x, low, z), (radius, height, radius), **paint)


def onion(x: float, z: float, low: float, radius: float, **paint) -> list[Part]:
    """A bulb with a point."""
    paint = {**paint, "soft": True}
    return [
        ellipsoid((x, low + 0.75 * radius, z), (radius, 0.95 * radius, radius), **paint),
        capsule((x, low + 1.3 * radius, z), (x, low + 2.35 * radius, z), 0.42 * radius, 0.03 * radius, **paint),
    ]


def mast(x: float, z: float, low: float, high: float, radius: float, **paint) -> Part:
    """A thin pole with a point."""
    return capsule((x, low, z), (x, high, z), radius, 0.35 * radius, shades=False, **paint)


def colonnade(
    x: float, z: float, low: float, high: float, radius: float, spacing: float, pairs: int, along: str = "x", **paint
) -> Part:
    """A row of 2 `pairs` + 1 columns along x or z."""
    direction = np.array([1.0, 0, 0]) if along == "x" else np.array([0, 0, 1.0])
    return capsule((x, low, z), (x, high, z), radius, 0.85 * radius, up=direction, repeat=(spacing, pairs), **paint)


def circle(count: int, radius: float, turn: float = 0.0) -> list[tuple[float, float, float]]:
    """Points on a circle: x, z and the angle in degrees; `turn` is where the first one stands."""
    angles = turn + 360 * np.arange(count) / count
    return [
        (float(radius * np.sin(a)), float(radius * np.cos(a)), float(d))
        for d, a in zip(angles, np.radians(angles), strict=True)
    ]
