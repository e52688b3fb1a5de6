"""The objects of the world of clocks and crocodiles: each function takes plain numbers and gives a list of
parts.

Objects stand on y = 0 and look towards the viewer (+z); crocodiles look along +x. Sizes are in world units,
about 2 for a whole object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from worlds.backdrops import from_hex
from worlds.sdf import Part, box, capsule, cylinder, ellipsoid, place, ring, rotation

# Patterns that `clocks_crocodiles.paint` knows. CASE to BRICKS also grow scales in a morph.
PLAIN, CASE, SKIN, WOOD, BRICKS, DIAL, EYE, STRIPED, DOTTED, CHECKED, WHEEL = range(11)
FRONT = (0.0, 0.0, 1.0)
WHITE, CREAM, BLACK, PINK = (0.97, 0.96, 0.93), (0.95, 0.9, 0.78), (0.1, 0.1, 0.12), (0.86, 0.45, 0.48)


def dial(center, radius: float, color, axis=FRONT) -> Part:
    """A clock's face: a thin disc whose hands and ticks are painted."""
    return cylinder(
        center,
        axis,
        radius,
        0.02,
        0.005,
        color=color,
        pattern=DIAL,
        pattern_scale=radius,
        gloss=0.12,
        shades=False,
    )


def clock(factors: dict[str, Any]) -> tuple[list[Part], np.ndarray, float]:
    """Parts of a clock, the centre (3,) of its dial and the dial's radius."""
    build = {"wall": _wall_clock, "alarm": _alarm_clock, "tower": _tower_clock}[factors["clock_shape"]]
    body, accent, face = (from_hex(factors[f"clock_{name}_color"]) for name in ("body", "accent", "dial"))
    return build(factors["clock_variant"], factors["clock_proportion"], body, accent, face)


def _wall_clock(variant: int, width: float, body, accent, face):
    """Round, square or many-cornered case, or one with a roof and a pendulum."""
    case = {"color": body, "accent": accent, "pattern": CASE, "soft": True, "gloss": 0.35}
    depth, y = 0.2, 1.0
    if variant == 0:
        parts = [cylinder((0, y, 0), FRONT, 0.95, depth, 0.06, **case)]
        parts.append(ring((0, y, depth), FRONT, 0.88, 0.09, 0.08, 0.075, color=accent, gloss=0.5))
        radius = 0.84
    elif variant == 1:
        case["pattern"] = WOOD
        parts = [box((0, y, 0), (0.95, 0.95, depth), 0.1, **case)]
        parts.append(ring((0, y, depth), FRONT, 0.78, 0.06, 0.06, 0.05, color=accent, gloss=0.5))
        radius = 0.76
    elif variant == 2:
        parts = [box((0, y, 0), (0.8, 0.8, depth), 0.04, axes=rotation(roll=turn).T, **case) for turn in (0, 45)]
        parts.append(ring((0, y, depth), FRONT, 0.76, 0.05, 0.05, 0.04, color=accent, gloss=0.5))
        radius = 0.74
    else:
        case["pattern"] = WOOD
        y, radius = 1.15, 0.5
        parts = [box((0, y, 0), (0.64, 0.62, 0.26), 0.04, **case)]
        for side in (-1, 1):
            tilt = rotation(roll=-side * 38).T
            parts.append(box((side * 0.4, y + 0.78, 0), (0.6, 0.07, 0.36), 0.03, axes=tilt, color=accent, gloss=0.2))
        parts.append(box((0, y + 0.62, 0), (0.36, 0.3, 0.2), 0.02, taper=(-0.7, 0), **case))
        parts.append(capsule((0, y - 0.6, 0.1), (0.12, 0.22, 0.1), 0.03, color=accent, gloss=0.6))
        parts.append(ellipsoid((0.13, 0.18, 0.1), (0.17, 0.17, 0.06), color=accent, gloss=0.8))
        parts.append(ring((0, y, 0.26), FRONT, radius + 0.03, 0.05, 0.04, 0.03, color=accent, gloss=0.5))
        depth = 0.26
    parts = [_widened(part, width) for part in parts] if variant == 1 else parts
    center = np.array([0.0, y, depth + 0.02])
    return [*parts, dial(center, radius, face)], center, radius


def _widened(part: Part, width: float) -> Part:
    """A box made wider; anything else as it is."""
    if part.solid and part.ring < 0:
        part.half[0] *= width
    return part


def _alarm_clock(variant: int, width: float, body, accent, face):
    """A drum on two feet with two bells and a hammer, or a boxy one with a button."""
    case = {"color": body, "accent": accent, "pattern": CASE, "soft": True, "gloss": 0.5}
    y, depth = 0.92, 0.3 * width
    parts = []
    for side in (-1, 1):
        parts.append(capsule((side * 0.45, 0.5, 0), (side * 0.66, 0.08, 0), 0.1, 0.08, color=accent, gloss=0.6))
    if variant % 2 == 0:
        parts.append(cylinder((0, y, 0), FRONT, 0.76, depth, 0.1, **case))
        for side in (-1, 1):
            lean = (side * 0.55, 0.83, 0)
            at = np.array([side * 0.47, y + 0.74, 0])
            parts.append(capsule((side * 0.36, y + 0.6, 0), at, 0.05, color=accent))
            up = np.array(lean) / np.linalg.norm(lean)
            parts.append(ellipsoid(at + 0.06 * up, (0.3, 0.3, 0.3), color=accent, gloss=0.8))
            parts.append(cylinder(at - 0.02 * up, up, 0.33, 0.04, 0.035, color=accent, gloss=0.8))
        parts.append(capsule((0, y + 0.7, 0), (0, y + 1.0, 0), 0.04, color=accent))
        parts.append(ellipsoid((0, y + 1.04, 0), 0.1, color=accent, gloss=0.6))
        if variant == 2:
            parts.append(ring((0, y + 0.98, 0), FRONT, 0.34, 0.04, 0.04, 0.039, color=accent, gloss=0.6))
    else:
        parts.append(box((0, y, 0), (0.78, 0.76, depth), 0.22, **case))
        parts.append(cylinder((0, y + 0.8, 0), (0, 1, 0), 0.3, 0.1, 0.05, color=accent, gloss=0.5))
    parts.append(ring((0, y, depth), FRONT, 0.67, 0.06, 0.07, 0.055, color=accent, gloss=0.6))
    center = np.array([0.0, y, depth + 0.02])
    return [*parts, dial(center, 0.64, face)], center, 0.64


def _tower_clock(variant: int, width: float, body, accent, face):
    """A stone or wooden tower with a roof, a door and a large dial, also on its sides."""
    case = {"color": body, "accent": accent, "soft": True, "gloss": 0.05}
    half, top = 0.5 * width, 1.95
    low = {**case, "pattern": BRICKS if variant != 2 else WOOD}
    parts = [box((0, 0.68, 0), (half, 0.68, half), 0.02, taper=(-0.06, -0.06), **low)]
    parts.append(box((0, 0.07, 0), (half + 0.14, 0.07, half + 0.14), 0.02, color=accent))
    parts.append(box((0, 1.5, 0), (half + 0.1, 0.5, half + 0.1), 0.03, **{**case, "pattern": CASE}))
    parts.append(box((0, top + 0.03, 0), (half + 0.2, 0.06, half + 0.2), 0.02, color=accent))
    if variant == 0:
        taper = -(half + 0.02) / 0.8
        roof = box(
            (0, top + 0.42, 0),
            (half / 2 + 0.1, 0.4, half / 2 + 0.1),
            0.02,
            taper=(taper, taper),
            color=accent,
        )
        parts.append(roof)
    elif variant == 1:
        parts.append(ellipsoid((0, top + 0.05, 0), (half + 0.05, 0.5, half + 0.05), color=accent, gloss=0.5))
        parts.append(capsule((0, top + 0.5, 0), (0, top + 0.8, 0), 0.04, 0.01, color=accent))
    else:
        for side in (-1, 1):
            tilt = rotation(roll=-side * 42).T
            parts.append(box((side * 0.3, top + 0.22, 0), (0.46, 0.06, half + 0.16), 0.02, axes=tilt, color=accent))
    parts.append(box((0, 0.28, half + 0.03), (0.16, 0.26, 0.04), 0.03, color=(0.28, 0.18, 0.12)))
    radius = half - 0.0
    front = half + 0.13
    center = np.array([0.0, 1.5, front])
    for axis in (FRONT, (1, 0, 0), (-1, 0, 0)):
        at = np.array([0, 1.5, 0]) + np.array(axis) * front
        parts.append(ring(at - 0.02 * np.array(axis), axis, radius, 0.05, 0.05, 0.03, color=accent, gloss=0.3))
        parts.append(dial(at, radius, face, axis))
    return parts, center, radius


def crocodile(factors: dict[str, Any]) -> list[Part]:
    """Parts of a crocodile that looks along +x, its trunk around x = 0."""
    skin_color, belly = from_hex(factors["croc_color"]), from_hex(factors["croc_belly_color"])
    shape, girth, snout = factors["croc_shape"], factors["croc_girth"], factors["croc_snout"]
    skin = {"color": skin_color, "accent": belly, "pattern": SKIN, "soft": True, "gloss": 0.25}
    dark = tuple(0.62 * c for c in skin_color)
    low = shape == "basking"
    y = 0.36 * girth if low else 0.5
    parts = [capsule((-0.42, y, 0), (0.3, y + 0.06, 0), 0.33 * girth, 0.31 * girth, flat=(0.92, 1.12), **skin)]
    for x, size in ((-0.4, 0.1), (-0.14, 0.11), (0.12, 0.1)):
        for side in (-1, 1):
            at = (x, y + 0.29 * girth, side * 0.13)
            parts.append(ellipsoid(at, (size, 0.11, 0.06), color=dark, accent=dark, pattern=SKIN, shades=False))
    parts += _legs(y, girth, low, skin)
    parts += _tail(y, girth, factors["croc_tail"], shape, skin, dark)
    lift = {"basking": 6.0, "standing": 8.0, "snapping": 26.0, "curled": 4.0}[shape]
    head = _head(snout, factors["croc_jaw"], from_hex(factors["croc_eye_color"]), skin, dark)
    return parts + place(head, rotation(roll=lift), (0.46, y + 0.2, 0), 1.18)


def _legs(y: float, girth: float, low: bool, skin: dict) -> list[Part]:
    parts = []
    for x, lean in ((-0.4, -0.08), (0.3, 0.1)):
        for side in (-1, 1):
            out = side * (0.62 if low else 0.36) * girth
            foot = np.array([x + lean + 0.05, 0.09, out])
            parts.append(capsule((x, y - 0.05, side * 0.24 * girth), foot, 0.17, 0.11, **skin))
            parts.append(ellipsoid(foot + np.array([0.09, -0.02, 0]), (0.2, 0.075, 0.13), **skin))
    return parts


def _tail(y: float, girth: float, bend: float, shape: str, skin: dict, dark) -> list[Part]:
    """Five tapering pieces that curl sideways and up, with a comb on top."""
    parts, at, heading, climb = [], np.array([-0.52, y - 0.02, 0.0]), 180.0, -6.0
    radii = np.array([0.29, 0.22, 0.16, 0.11, 0.07, 0.03]) * girth
    turn = {"curled": 42.0, "basking": 18.0}.get(shape, 14.0) * bend
    rise = {"curled": 16.0, "basking": 1.5}.get(shape, 9.0)
    for i in range(5):
        direction = rotation(yaw=heading, roll=climb) @ np.array([1.0, 0, 0])
        end = at + direction * 0.26
        end[1] = max(end[1], radii[i + 1] + 0.02)
        parts.append(capsule(at, end, radii[i], radii[i + 1], flat=(1.05, 0.9), **skin))
        if i < 4:
            top = (at + end) / 2 + np.array([0, (radii[i] + radii[i + 1]) / 2 + 0.02, 0])
            parts.append(
                ellipsoid(top, (0.1, 0.1 - 0.012 * i, 0.05), color=dark, accent=dark, pattern=SKIN, shades=False)
            )
        at, heading, climb = end, heading + turn, climb + rise
    return parts


def _head(snout: float, jaw: float, eye_color, skin: dict, dark) -> list[Part]:
    """Skull, eyes, jaws with teeth; the jaw's joint is at the origin."""
    tooth = {"color": WHITE, "gloss": 0.4, "shades": False}
    length = 0.85 * snout
    parts = [ellipsoid((0.0, 0.06, 0), (0.36, 0.28, 0.33), **skin)]
    upper = [capsule((0.1, 0.05, 0), (length, 0.03, 0), 0.2, 0.15, flat=(0.62, 1.25), **skin)]
    upper.append(ellipsoid((length + 0.03, 0.07, 0), (0.14, 0.11, 0.17), **skin))
    for side in (-1, 1):
        nostril = (length + 0.08, 0.17, side * 0.08)
        upper.append(ellipsoid(nostril, 0.045, color=dark, shades=False))
        upper.append(ellipsoid((0.06, 0.29, side * 0.19), (0.17, 0.16, 0.13), **skin))
        upper.append(
            ellipsoid(
                (0.11, 0.32, side * 0.235),
                0.13,
                color=eye_color,
                accent=BLACK,
                pattern=EYE,
                gloss=0.9,
                shades=False,
            )
        )
    lower = [
        capsule(
            (0.0, -0.07, 0),
            (length - 0.04, -0.07, 0),
            0.17,
            0.12,
            flat=(0.55, 1.4),
            **{**skin, "color": skin["color"]},
        )
    ]
    lower.append(
        capsule(
            (0.1, -0.01, 0),
            (length - 0.12, -0.015, 0),
            0.11,
            0.08,
            flat=(0.5, 1.3),
            color=PINK,
            gloss=0.3,
            shades=False,
        )
    )
    count = 3
    spacing = (length - 0.25) / (2 * count)
    for side in (-1, 1):
        middle = 0.2 + (length - 0.2) / 2
        parts_upper = {"up": np.array([1.0, 0, 0]), "repeat": (spacing, count), **tooth}
        down = capsule((middle, -0.02, side * 0.185), (middle, -0.13, side * 0.2), 0.048, 0.012, **parts_upper)
        upper.append(down)
        up = capsule((middle, -0.05, side * 0.17), (middle, 0.05, side * 0.185), 0.042, 0.012, **parts_upper)
        lower.append(up)
    parts += place(upper, rotation(roll=0.45 * jaw))
    return parts + place(lower, rotation(roll=-0.55 * jaw), (0.0, -0.05, 0))
