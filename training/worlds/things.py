"""Objects that are neither clocks nor crocodiles, made of the same primitives. Some share a trait with one
of them: round discs without hands, green or long bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from worlds.backdrops import from_hex, hsv
from worlds.sdf import Part, box, capsule, cylinder, ellipsoid, place, ring, rotation
from worlds.shapes import (
    BLACK,
    CASE,
    CHECKED,
    CREAM,
    DOTTED,
    EYE,
    FRONT,
    PINK,
    PLAIN,
    SKIN,
    STRIPED,
    WHEEL,
    WHITE,
    WOOD,
)

LEAF = hsv(0.3, 0.6, 0.55)
BARK = hsv(0.07, 0.5, 0.42)
TOP = (0.0, 1.0, 0.0)


def _lamp(p: float, a, b) -> list[Part]:
    return [
        cylinder((0, 0.07, 0), TOP, 0.42, 0.07, 0.05, color=b, gloss=0.5),
        capsule((0, 0.1, 0), (0, 1.1, 0), 0.06, color=b, gloss=0.6),
        cylinder(
            (0, 1.42, 0),
            TOP,
            0.52 + 0.1 * p,
            0.38,
            0.02,
            -0.55,
            color=a,
            accent=WHITE,
            pattern=STRIPED,
            pattern_scale=0.3,
        ),
        ellipsoid((0, 1.85, 0), 0.07, color=b, gloss=0.5),
    ]


def _mug(p: float, a, b) -> list[Part]:
    return [
        ring(
            (0, 0.6, 0),
            TOP,
            0.5,
            0.07,
            0.55 + 0.1 * p,
            0.06,
            color=a,
            accent=b,
            pattern=DOTTED,
            pattern_scale=0.35,
            gloss=0.6,
        ),
        cylinder((0, 0.25, 0), TOP, 0.5, 0.2, 0.05, color=a, gloss=0.6),
        cylinder((0, 0.9, 0), TOP, 0.46, 0.05, 0.01, color=hsv(0.06, 0.6, 0.35), gloss=0.4),
        ring((0.6, 0.6, 0), FRONT, 0.28, 0.075, 0.075, 0.07, color=a, gloss=0.6),
    ]


def _house(p: float, a, b) -> list[Part]:
    parts = [box((0, 0.5, 0), (0.75, 0.5, 0.6), 0.02, color=a, accent=WHITE, pattern=CASE)]
    parts.append(box((0, 1.2, 0), (0.42, 0.34, 0.6), 0.01, taper=(-1.1, 0), color=a))
    for side in (-1, 1):
        tilt = rotation(roll=-side * 42).T
        parts.append(box((side * 0.45, 1.25, 0), (0.65, 0.06, 0.72), 0.02, axes=tilt, color=b))
        parts.append(box((side * 0.45, 0.6, 0.6), (0.14, 0.16, 0.03), 0.02, color=hsv(0.13, 0.4, 1.0), gloss=0.6))
    parts.append(box((0, 0.33, 0.6), (0.16, 0.32, 0.04), 0.02, color=BARK))
    parts.append(box((0.45, 1.6 + 0.1 * p, -0.2), (0.11, 0.3, 0.11), 0.02, color=b))
    return parts


def _tree(p: float, a, b) -> list[Part]:
    if p > 0.5:
        parts = [cylinder((0, 0.25, 0), TOP, 0.13, 0.25, color=BARK)]
        for i in range(3):
            half, low = 0.36, 0.62 - 0.16 * i
            slope = -(low - 0.04) / (2 * half)
            middle = (low + 0.04) / 2
            parts.append(cylinder((0, 0.75 + 0.42 * i, 0), TOP, middle, half, 0.02, slope, color=LEAF, accent=LEAF))
        return parts
    parts = [capsule((0, 0, 0), (0, 1.0, 0), 0.16, 0.1, color=BARK)]
    for x, y, z, r in (
        (0, 1.5, 0, 0.52),
        (-0.42, 1.2, 0.1, 0.38),
        (0.42, 1.25, 0.05, 0.4),
        (0, 1.2, 0.3, 0.4),
    ):
        parts.append(ellipsoid((x, y, z), r, color=LEAF, accent=LEAF, soft=True))
    for x, y in ((-0.3, 1.45), (0.3, 1.6), (0.1, 1.2), (-0.35, 1.05), (0.5, 1.2)):
        parts.append(ellipsoid((x, y, 0.5), 0.09, color=a, gloss=0.5))
    return parts


def _ball(p: float, a, b) -> list[Part]:
    pattern = STRIPED if p < 0.4 else CHECKED if p < 0.7 else DOTTED
    return [ellipsoid((0, 0.8, 0), 0.8, color=a, accent=b, pattern=pattern, pattern_scale=0.55, gloss=0.6)]


def _fish(p: float, a, b) -> list[Part]:
    skin = {"color": a, "accent": b, "pattern": SKIN, "soft": True, "gloss": 0.4}
    parts = [ellipsoid((0, 0.75, 0), (0.8, 0.42 + 0.15 * p, 0.27), **skin)]
    for side in (-1, 1):
        fin = rotation(roll=side * 40).T
        parts.append(ellipsoid((-0.92, 0.75 + side * 0.2, 0), (0.34, 0.15, 0.06), axes=fin, color=b, accent=b))
        parts.append(ellipsoid((0.48, 0.88, side * 0.19), 0.1, color=WHITE, accent=BLACK, pattern=EYE, gloss=0.8))
        parts.append(ellipsoid((0.05, 0.62, side * 0.28), (0.2, 0.1, 0.04), color=b))
    parts.append(ellipsoid((-0.05, 1.2 + 0.1 * p, 0), (0.34, 0.18, 0.05), color=b))
    return parts


def _bird(p: float, a, b) -> list[Part]:
    parts = [ellipsoid((0, 0.72, 0), (0.56, 0.5, 0.45), color=a, accent=WHITE, pattern=SKIN, soft=True)]
    parts.append(ellipsoid((0.42, 1.2, 0), 0.34, color=a, accent=a, soft=True))
    parts.append(capsule((0.7, 1.18, 0), (0.98 + 0.2 * p, 1.12, 0), 0.1, 0.02, color=hsv(0.1, 0.85, 0.95)))
    parts.append(capsule((-0.4, 0.75, 0), (-1.0, 0.85 + 0.3 * p, 0), 0.2, 0.1, flat=(0.4, 1.2), color=b, soft=True))
    for side in (-1, 1):
        parts.append(ellipsoid((-0.05, 0.75, side * 0.4), (0.42, 0.27, 0.1), color=b))
        parts.append(ellipsoid((0.55, 1.28, side * 0.26), 0.085, color=WHITE, accent=BLACK, pattern=EYE, gloss=0.8))
        parts.append(capsule((0, 0.3, side * 0.16), (0.05, 0.03, side * 0.16), 0.04, color=hsv(0.09, 0.8, 0.9)))
    return parts


def _car(p: float, a, b) -> list[Part]:
    parts = [box((0, 0.5, 0), (1.05, 0.27, 0.48), 0.14, color=a, gloss=0.8)]
    parts.append(box((-0.1, 0.9, 0), (0.6, 0.28 + 0.1 * p, 0.42), 0.14, taper=(-0.5, -0.1), color=a, gloss=0.8))
    for side in (-1, 1):
        window = {"color": hsv(0.56, 0.3, 0.9), "gloss": 0.9}
        parts.append(box((-0.1, 0.93, side * 0.4), (0.42, 0.15, 0.04), 0.03, taper=(-0.4, 0), **window))
        for x in (-0.6, 0.6):
            tyre = {"color": BLACK, "accent": WHITE, "pattern": WHEEL, "pattern_scale": 0.25}
            parts.append(cylinder((x, 0.26, side * 0.46), (0, 0, side), 0.26, 0.09, 0.04, **tyre))
        parts.append(ellipsoid((1.02, 0.55, side * 0.3), 0.1, color=hsv(0.14, 0.3, 1.0), gloss=0.9))
    return parts


def _chair(p: float, a, b) -> list[Part]:
    parts = [box((0, 0.8, 0), (0.5, 0.08, 0.5), 0.05, color=a, gloss=0.3)]
    parts.append(box((0, 1.75, -0.46), (0.5, 0.18 + 0.2 * p, 0.05), 0.04, color=a, gloss=0.3))
    for side in (-1, 1):
        parts.append(capsule((side * 0.42, 0.05, 0.42), (side * 0.42, 0.75, 0.42), 0.06, color=b))
        parts.append(capsule((side * 0.42, 0.05, -0.45), (side * 0.42, 1.85, -0.46), 0.06, color=b))
    return parts


def _snowman(p: float, a, b) -> list[Part]:
    snow = {"color": (0.96, 0.97, 1.0), "gloss": 0.1}
    parts = [
        ellipsoid((0, 0.52, 0), 0.56, **snow),
        ellipsoid((0, 1.25, 0), 0.42, **snow),
        ellipsoid((0, 1.82, 0), 0.31, **snow),
    ]
    parts.append(capsule((0, 1.82, 0.28), (0.08, 1.78, 0.62), 0.07, 0.02, color=hsv(0.07, 0.85, 0.95)))
    parts.append(ring((0, 1.57, 0), TOP, 0.3, 0.08, 0.07, 0.06, color=a))
    for side in (-1, 1):
        parts.append(ellipsoid((side * 0.11, 1.92, 0.27), 0.045, color=BLACK))
        parts.append(capsule((side * 0.36, 1.3, 0), (side * 0.85, 1.5 + 0.2 * p, 0.1), 0.035, color=BARK))
    for y in (1.1, 1.3):
        parts.append(ellipsoid((0, y, 0.4), 0.05, color=BLACK))
    parts.append(cylinder((0, 2.08, 0), TOP, 0.34, 0.03, 0.02, color=b))
    parts.append(cylinder((0, 2.25, 0), TOP, 0.22, 0.18, 0.03, color=b))
    return parts


def _mushroom(p: float, a, b) -> list[Part]:
    return [
        capsule((0, 0.1, 0), (0, 0.9, 0), 0.3 - 0.1 * p, 0.22, color=CREAM),
        ellipsoid(
            (0, 1.0, 0),
            (0.85, 0.55, 0.85),
            color=a,
            accent=WHITE,
            pattern=DOTTED,
            pattern_scale=0.5,
            gloss=0.4,
        ),
    ]


def _cactus(p: float, a, b) -> list[Part]:
    skin = {
        "color": LEAF,
        "accent": hsv(0.28, 0.5, 0.75),
        "soft": True,
        "pattern": STRIPED,
        "pattern_scale": 0.16,
    }
    parts = [cylinder((0, 0.22, 0), TOP, 0.42, 0.22, 0.04, 0.2, color=a, gloss=0.4)]
    parts.append(capsule((0, 0.4, 0), (0, 1.6, 0), 0.27, 0.24, **skin))
    for side, y in ((-1, 0.95), (1, 0.75 + 0.3 * p)):
        parts.append(capsule((0, y, 0), (side * 0.5, y + 0.05, 0), 0.14, **skin))
        parts.append(capsule((side * 0.5, y + 0.05, 0), (side * 0.52, y + 0.5, 0), 0.14, **skin))
    parts.append(ellipsoid((0.05, 1.9, 0.05), (0.14, 0.1, 0.14), color=hsv(0.93, 0.5, 0.95)))
    return parts


def _plate(p: float, a, b) -> list[Part]:
    """A plate on edge, or a button with holes."""
    parts = [cylinder((0, 0.9, 0), FRONT, 0.85, 0.07, 0.05, color=WHITE if p < 0.5 else a, gloss=0.5)]
    parts.append(ring((0, 0.9, 0.05), FRONT, 0.74, 0.1, 0.05, 0.04, color=a if p < 0.5 else b, gloss=0.5))
    if p < 0.5:
        parts.append(ring((0, 0.9, 0.06), FRONT, 0.4, 0.02, 0.03, 0.015, color=a, gloss=0.5))
    else:
        for x, y in ((-0.16, 0.74), (0.16, 0.74), (-0.16, 1.06), (0.16, 1.06)):
            parts.append(cylinder((x, y, 0.07), FRONT, 0.09, 0.02, 0.01, color=tuple(0.25 * c for c in a)))
    return parts


def _wheel(p: float, a, b) -> list[Part]:
    parts = [ring((0, 0.9, 0), FRONT, 0.72, 0.14, 0.16, 0.1, color=hsv(0.07, 0.5, 0.3) if p > 0.5 else BLACK)]
    parts.append(cylinder((0, 0.9, 0), FRONT, 0.18, 0.18, 0.05, color=a, gloss=0.4))
    count = 5 + int(p * 4)
    for i in range(count):
        angle = 2 * np.pi * (i + p) / count
        tip = np.array([0.66 * np.sin(angle), 0.9 + 0.66 * np.cos(angle), 0])
        parts.append(capsule((0, 0.9, 0), tip, 0.055, color=b, gloss=0.4))
    return parts


def _log(p: float, a, b) -> list[Part]:
    bark = {"color": BARK, "accent": tuple(0.7 * c for c in BARK), "pattern": WOOD, "gloss": 0.02}
    parts = [cylinder((0, 0.38, 0), (1, 0, 0), 0.38, 1.1, 0.04, **bark)]
    for side in (-1, 1):
        parts.append(cylinder((side * 1.1, 0.38, 0), (1, 0, 0), 0.31, 0.01, 0.005, color=hsv(0.1, 0.4, 0.85)))
    parts.append(capsule((-0.3, 0.5, 0), (-0.55, 1.05, 0.1), 0.12, 0.08, **bark))
    for x, z in ((0.2, 0.25), (0.5, 0.2), (0.0, 0.1)):
        parts.append(ellipsoid((x, 0.7, z), (0.2, 0.07, 0.15), color=LEAF, accent=LEAF))
    if p > 0.5:
        parts.append(capsule((0.5, 0.75, 0), (0.5, 1.0, 0), 0.05, color=CREAM))
        parts.append(ellipsoid((0.5, 1.02, 0), (0.17, 0.11, 0.17), color=a))
    return parts


def _snake(p: float, a, b) -> list[Part]:
    skin = {"color": a, "accent": b, "pattern": STRIPED, "pattern_scale": 0.4, "soft": True, "gloss": 0.4}
    angle = np.linspace(0, 2 * np.pi * (1.5 + p), 21)
    radius = np.linspace(0.75, 0.45, 21)
    points = np.stack([radius * np.cos(angle), np.linspace(0.13, 0.5, 21), radius * np.sin(angle)], 1)
    parts = [
        capsule(points[i], points[i + 1], 0.06 + 0.1 * min(1, i / 6), 0.06 + 0.1 * min(1, (i + 1) / 6), **skin)
        for i in range(20)
    ]
    neck = points[-1]
    head = neck * [0.3, 0, 0.3] + np.array([0.1, 1.15, 0.25])
    parts.append(capsule(neck, head, 0.16, 0.13, **skin))
    parts.append(ellipsoid(head + np.array([0.04, 0.04, 0.1]), (0.18, 0.14, 0.24), **{**skin, "pattern": PLAIN}))
    for side in (-1, 1):
        eye = head + np.array([0.04 + side * 0.13, 0.13, 0.2])
        parts.append(ellipsoid(eye, 0.065, color=WHITE, accent=BLACK, pattern=PLAIN))
        parts.append(ellipsoid(eye + np.array([side * 0.02, 0.01, 0.04]), 0.04, color=BLACK, gloss=0.8))
    parts.append(capsule(head + np.array([0.04, -0.02, 0.3]), head + np.array([0.04, -0.06, 0.5]), 0.025, color=PINK))
    return parts


def _turtle(p: float, a, b) -> list[Part]:
    skin = {"color": LEAF, "accent": hsv(0.2, 0.4, 0.85), "soft": True}
    parts = [
        ellipsoid(
            (0, 0.5, 0),
            (0.72, 0.5 + 0.15 * p, 0.62),
            color=a,
            accent=b,
            pattern=DOTTED,
            pattern_scale=0.4,
            gloss=0.5,
        )
    ]
    parts.append(ring((0, 0.42, 0), TOP, 0.62, 0.1, 0.08, 0.07, color=b))
    parts.append(capsule((0.5, 0.45, 0), (0.95, 0.72, 0), 0.17, 0.2, **skin))
    for side in (-1, 1):
        parts.append(ellipsoid((1.03, 0.8, side * 0.15), 0.08, color=WHITE, accent=BLACK, pattern=EYE, gloss=0.8))
        for x in (-0.42, 0.42):
            parts.append(capsule((x, 0.35, side * 0.4), (x * 1.15, 0.1, side * 0.5), 0.15, 0.13, **skin))
    parts.append(capsule((-0.6, 0.35, 0), (-0.9, 0.2, 0), 0.09, 0.02, **skin))
    return parts


def _frame(p: float, a, b) -> list[Part]:
    """A picture in a frame."""
    wide, high = 0.7 + 0.25 * p, 0.95 - 0.25 * p
    parts = [box((0, 1.0, -0.04), (wide, high, 0.05), 0.02, color=CREAM)]
    for side in (-1, 1):
        parts.append(box((side * wide, 1.0, 0), (0.08, high + 0.08, 0.1), 0.03, color=b, pattern=WOOD, gloss=0.4))
        parts.append(box((0, 1.0 + side * high, 0), (wide + 0.08, 0.08, 0.1), 0.03, color=b, pattern=WOOD, gloss=0.4))
    parts.append(ellipsoid((-0.25 * wide, 1.3, 0.02), (0.2, 0.2, 0.02), color=hsv(0.13, 0.7, 1.0)))
    parts.append(ellipsoid((0.15, 0.7, 0.02), (0.5 * wide, 0.35, 0.025), color=a))
    return parts


BUILDERS: dict[str, Callable[..., list[Part]]] = {
    "lamp": _lamp,
    "mug": _mug,
    "house": _house,
    "tree": _tree,
    "ball": _ball,
    "fish": _fish,
    "bird": _bird,
    "car": _car,
    "chair": _chair,
    "snowman": _snowman,
    "mushroom": _mushroom,
    "cactus": _cactus,
    "plate": _plate,
    "wheel": _wheel,
    "log": _log,
    "snake": _snake,
    "turtle": _turtle,
    "frame": _frame,
}


def thing(factors: dict[str, Any]) -> list[Part]:
    """Parts of the object that the factors name."""
    colors = (from_hex(factors["object_color"]), from_hex(factors["object_second_color"]))
    parts = BUILDERS[factors["object_shape"]](factors["object_proportion"], *colors)
    flat = factors["object_shape"] in ("plate", "wheel", "frame")  # hardly visible from the side
    return place(parts, rotation(yaw=factors["object_heading"] * (0.2 if flat else 1.0)))
