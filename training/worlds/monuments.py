"""Landmarks that one walks through or looks up to: gates, wheels, figures. Each function
takes proportions and colours and gives parts that stand on y = 0."""

from __future__ import annotations

import numpy as np
from worlds.landmark_paint import ARCADE, AROUND, BLOCKS, CHECKED, GLASS, LAMP
from worlds.masonry import GOLD, Color, block, circle, colonnade, drum, painted, shade
from worlds.sdf import Openings, Part, box, capsule, cylinder, ellipsoid, place, ring, rotation

DARK = (0.15, 0.15, 0.17)


def triumphal_arch(color: Color, kind: str, width: float, height: float, depth: float = 0.34) -> list[Part]:
    """A gate of stone. `kind`: single (crossed by a second passage), triple, chariot (with horses on top) or
    columns (flat, a row of columns with five passages)."""
    stone, pale = painted(color, BLOCKS, size=0.2), painted(shade(color, 1.08))
    if kind == "columns":
        parts = [block(0, 0, 0, 0.1, (width + 0.15, depth + 0.15), **pale)]
        parts += [colonnade(0, s * (depth - 0.08), 0.1, height, 0.075, width / 2.6, 2, **pale) for s in (-1, 1)]
        parts += [block(s * (width - 0.1), 0, 0, height, (0.1, depth), **stone) for s in (-1, 1)]
        parts += [
            block(0, 0, height, height + 0.3, (width + 0.04, depth + 0.04), **stone),
            block(0, 0, height + 0.3, height + 0.42, (0.7 * width, 0.8 * depth), **pale),
        ]
        return parts + _chariot(height + 0.42, "#5f9a86")
    arch = 0.36 * width if kind != "triple" else 0.25 * width
    hole = Openings(arch, 0.62 * height - arch - height / 2, crossed=kind == "single")
    parts = [block(0, 0, 0, height, (width, depth), openings=hole, **stone)]
    if kind == "triple":
        parts = _triple(width, height, depth, stone, pale)
    else:
        parts += [
            block(
                s * 0.7 * width,
                f * depth,
                0.12 * height,
                0.5 * height,
                (0.16 * width, 0.05),
                **painted(shade(color, 0.84)),
            )
            for s in (-1, 1)
            for f in (-1, 1)
        ]
    parts.append(block(0, 0, 0.72 * height, 0.78 * height, (width + 0.06, depth + 0.06), **pale))
    parts.append(block(0, 0, 0.97 * height, 1.03 * height, (width + 0.05, depth + 0.05), **pale))
    parts.append(
        block(
            0,
            0,
            0,
            0.06 * height,
            (width + 0.04, depth + 0.04),
            openings=Openings(arch, 1.0, flat=True, crossed=kind == "single"),
            **pale,
        )
    )
    return parts + (_chariot(1.03 * height, "#6a8f7c") if kind == "chariot" else [])


def _triple(width: float, height: float, depth: float, stone: dict, pale: dict) -> list[Part]:
    """A large passage between two small ones, and pilasters beside them."""
    large, small = 0.25 * width, 0.15 * width
    middle = Openings(large, 0.62 * height - large - height / 2)
    parts = [block(0, 0, 0, height, (0.42 * width, depth), openings=middle, **stone)]
    lower = Openings(small, 0.42 * height - small - height / 2)
    for side in (-1, 1):
        parts.append(block(side * 0.71 * width, 0, 0, height, (0.3 * width, depth), openings=lower, **stone))
        for x in (-0.96, -0.44, 0.44, 0.96):
            parts.append(block(x * width, side * depth, 0, 0.74 * height, 0.055, **pale))
    return parts


def _chariot(low: float, color: Color) -> list[Part]:
    """Four horses and a driver on top of a gate."""
    bronze, parts = painted(color, gloss=0.3), []
    for x in (-0.24, -0.08, 0.08, 0.24):
        parts.append(capsule((x, low + 0.2, -0.06), (x, low + 0.22, 0.14), 0.065, **bronze))
        parts.append(capsule((x, low + 0.24, 0.14), (x, low + 0.4, 0.24), 0.045, 0.03, **bronze))
        parts += [capsule((x, low, z), (x, low + 0.18, z), 0.028, **bronze) for z in (-0.06, 0.14)]
    return [
        *parts,
        capsule((0, low, -0.22), (0, low + 0.42, -0.22), 0.07, **bronze),
        ellipsoid((0, low + 0.52, -0.22), 0.06, **bronze),
    ]


def torii(color: Color, kind: str, width: float, height: float, thick: float = 0.08) -> list[Part]:
    """A gate of two posts and two beams. `kind`: red (curved, black top), stone (straight), legs (with four
    small posts) or row (five gates behind each other)."""
    rows = [0.0] if kind != "row" else [-0.8, -0.4, 0.0, 0.4, 0.8]
    parts, paint, dark = [], painted(color, gloss=0.25), painted(DARK if kind != "stone" else shade(color, 0.85))
    for z in rows:
        for side in (-1, 1):
            foot, head = side * width, side * 0.9 * width
            parts.append(capsule((foot, 0, z), (head, height, z), thick, 0.9 * thick, **paint))
            parts.append(drum(foot, z, 0, 0.14, 1.5 * thick, **dark))
            if kind == "legs":
                for f in (-1, 1):
                    parts.append(
                        capsule((foot, 0, z + f * 0.42), (foot, 0.5 * height, z + f * 0.42), 0.6 * thick, **paint)
                    )
                parts += [block(foot, z, y * height, y * height + 0.06, (0.03, 0.5), **paint) for y in (0.18, 0.4)]
            lift = 0.0 if kind == "stone" else 5.0
            beam = [box((side * 0.66 * width, 0, 0), (0.7 * width, 0.07, 0.11), 0.02, **paint)]
            beam.append(box((side * 0.68 * width, 0.09, 0), (0.74 * width, 0.035, 0.14), 0.01, **dark))
            parts += place(beam, rotation(roll=side * lift), (0, height + 0.02, z))
        parts.append(block(0, z, 0.74 * height, 0.74 * height + 0.11, (1.12 * width, 0.055), **paint))
        parts.append(
            block(0, z, 0.74 * height, height, (0.08, 0.045), **painted(GOLD if kind != "stone" else shade(color, 0.9)))
        )
    return parts


def atom(color: Color, kind: str, radius: float, tube: float = 0.06) -> list[Part]:
    """Balls joined by tubes. `kind`: cube (nine, on a corner), tetra (five), ring (seven, upright) or column
    (a twisting chain)."""
    if kind == "cube":
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.62
        turn = rotation(roll=np.degrees(np.arctan(np.sqrt(0.5)))) @ rotation(pitch=45)
        balls = np.concatenate([corners @ turn.T, np.zeros((1, 3))])
        links = [(i, j) for i in range(8) for j in range(i) if (corners[i] != corners[j]).sum() == 1]
        links += [(i, 8) for i in range(8)]
    elif kind == "tetra":
        balls = np.array([[0, 1.05, 0], *[[x, -0.45, z] for x, z, _ in circle(3, 0.9)], [0, 0.05, 0]])
        links = [(i, j) for i in range(5) for j in range(i)]
    elif kind == "ring":
        balls = np.array([[x, z, 0.0] for x, z, _ in circle(6, 0.95)] + [[0, 0, 0]])
        links = [(i, (i + 1) % 6) for i in range(6)] + [(i, 6) for i in range(6)]
    else:
        angle = np.radians(70.0 * np.arange(7))
        balls = np.stack([0.42 * np.cos(angle), 0.36 * np.arange(7) - 1.0, 0.42 * np.sin(angle)], 1)
        links = [(i, i + 1) for i in range(6)] + [(i, i + 2) for i in range(5)]
    balls = balls + np.array([0, radius + 0.12 - balls[:, 1].min(), 0])
    steel, beam = (
        painted(color, CHECKED + AROUND * 8, shade(color, 0.86), 0.14, 0.9),
        painted(shade(color, 0.8), gloss=0.5),
    )
    parts = [ellipsoid(ball, radius, **steel) for ball in balls]
    parts += [capsule(balls[i], balls[j], tube, **beam) for i, j in links]
    parts += [
        ellipsoid(
            ball + np.array([0, 0, 0]),
            (1.02 * radius, 0.12 * radius, 1.02 * radius),
            **painted(DARK, GLASS + AROUND * 16, "#cfdce4", 0.06),
        )
        for ball in balls
    ]
    feet = circle(3, 0.45, 30) if kind in ("cube", "tetra") else []
    parts += [capsule((x, 0, z), (0.5 * x, 0.75, 0.5 * z), 0.05, **beam) for x, z, _ in feet]
    return [*parts, drum(0, 0, 0, 0.14, 0.5, **painted("#cfd3d4", GLASS + AROUND * 14, "#5f7a8a", 0.12))]


def ferris_wheel(
    color: Color,
    cabins: int,
    frame: str,
    radius: float = 1.0,
    tints: tuple[Color, ...] = ("#d8433a", "#f0b63a", "#3d8fc6"),
) -> list[Part]:
    """A great wheel in the x-y plane. `frame`: pair (A-frames on both sides), lean (legs on one side),
    station (A-frames on a building) or double (two rims)."""
    hub, steel = radius + 0.32, painted(color, gloss=0.3)
    rims = (radius, 0.72 * radius) if frame == "double" else (radius,)
    parts = [ring((0, hub, s * 0.07), (0, 0, 1), r, 0.026, 0.026, 0.02, **steel) for r in rims for s in (-1, 1)]
    spokes = min(cabins, 12) // 2
    for i in range(spokes):
        a = np.pi * i / spokes
        tip = radius * np.array([np.cos(a), np.sin(a), 0])
        parts.append(capsule((0, hub, 0) - tip, (0, hub, 0) + tip, 0.012, shades=False, **steel))
    for i, (x, y, _) in enumerate(circle(cabins, radius + 0.02)):
        cabin = painted(tints[i % len(tints)], gloss=0.5)
        parts.append(ellipsoid((x, hub + y - 0.07, 0), (0.085, 0.095, 0.1), **cabin))
    parts.append(cylinder((0, hub, 0), (0, 0, 1), 0.1, 0.2, 0.02, **painted(shade(color, 0.7))))
    for side in (-1, 1) if frame != "lean" else (-1,):
        spread = 0.75 if frame == "lean" else 0.28
        for x in (-0.6, 0.6):
            parts.append(
                capsule((x * radius, 0, side * spread), (0, hub, side * 0.16), 0.05, **painted(shade(color, 0.92)))
            )
    parts.append(block(0, 0, 0, 0.1, (0.75, 0.42), **painted("#b9b4aa")))
    if frame == "station":
        parts.append(block(0, 0.5, 0, 0.34, (0.8, 0.2), **painted("#f0e6d2", ARCADE, "#5c4a3c", 0.2)))
        parts.append(block(0, 0.5, 0.34, 0.5, (0.86, 0.26), (0.7, 0.02), **painted(tints[0])))
    elif frame == "double":
        parts.append(ellipsoid((0, hub, 0.2), (0.22, 0.22, 0.06), **painted(GOLD, LAMP, gloss=0.6)))
    return parts


def statue(color: Color, kind: str, base: float, stone: Color = "#b9b0a0") -> list[Part]:
    """A figure on a pedestal `base` high. `kind`: torch (a raised arm, a crown), open (arms spread), rider
    (on a horse) or seated (a sitting figure)."""
    bronze, pedestal = painted(color, gloss=0.25), painted(stone, BLOCKS, size=0.15)
    soft = {**bronze, "soft": True}
    if kind == "rider":
        figure, foot = _rider(bronze, soft), np.array([0.6, 0.32])
    elif kind == "seated":
        figure, foot = _seated(bronze, soft), np.array([0.62, 0.52])
    else:
        figure, foot = _standing(kind, bronze, soft), np.array([0.42, 0.42])
    parts = [block(0, 0, 0, 0.12, foot + 0.2, **painted(shade(stone, 0.9)))]
    parts.append(block(0, 0, 0.12, base, foot + 0.04, foot - 0.04, **pedestal))
    parts.append(block(0, 0, base - 0.08, base, foot + 0.05, **painted(shade(stone, 1.1))))
    return parts + place(figure, shift=(0, base, 0))


def _rider(bronze: dict, soft: dict) -> list[Part]:
    """A rider on a horse that lifts a leg."""
    parts = [
        ellipsoid((0, 0.5, 0), (0.42, 0.2, 0.17), **soft),
        capsule((0.3, 0.56, 0), (0.56, 0.95, 0), 0.13, 0.09, **soft),
    ]
    parts += [
        capsule((0.56, 0.95, 0), (0.76, 0.84, 0), 0.08, 0.05, **soft),
        capsule((-0.38, 0.55, 0), (-0.6, 0.2, 0), 0.06, 0.02, **bronze),
    ]
    legs = ((-0.28, -0.32, 0.0), (-0.24, -0.2, 0.0), (0.3, 0.34, 0.0), (0.3, 0.58, 0.34))
    parts += [
        capsule((x, 0.42, z), (to, y, z), 0.065, 0.045, **bronze)
        for (x, to, y), z in zip(legs, (-0.1, 0.1, -0.1, 0.1), strict=True)
    ]
    parts += [
        capsule((0, 0.6, 0), (-0.02, 1.05, 0), 0.13, 0.15, **soft),
        ellipsoid((0, 1.32, 0), 0.11, **bronze),
        cylinder((0, 1.4, 0), (0, 1, 0), 0.14, 0.03, **bronze),
    ]
    parts += [capsule((0.02, 0.7, s * 0.16), (0.14, 0.32, s * 0.2), 0.06, **bronze) for s in (-1, 1)]
    parts += [capsule((0, 1.1, 0.14), (0.38, 1.35, 0.2), 0.05, **bronze)]
    return parts


def _seated(bronze: dict, soft: dict) -> list[Part]:
    """A figure with crossed legs."""
    parts = [
        ellipsoid((0, 0.2, 0.1), (0.55, 0.2, 0.4), **soft),
        ellipsoid((0, 0.6, -0.02), (0.34, 0.45, 0.25), **soft),
    ]
    parts += [capsule((s * 0.32, 0.85, 0), (s * 0.42, 0.4, 0.16), 0.12, 0.1, **soft) for s in (-1, 1)]
    parts += [capsule((s * 0.42, 0.4, 0.16), (0, 0.36, 0.36), 0.1, 0.08, **soft) for s in (-1, 1)]
    parts += [ellipsoid((0, 1.2, 0), (0.19, 0.23, 0.2), **bronze), ellipsoid((0, 1.42, -0.02), 0.09, **bronze)]
    return parts


def _standing(kind: str, bronze: dict, soft: dict) -> list[Part]:
    """A figure in a long robe that raises a torch or spreads its arms."""
    parts = [
        drum(0, 0, 0, 1.0, 0.33, 0.2, **{**soft, "pattern": 0}),
        ellipsoid((0, 0.98, 0), (0.24, 0.2, 0.17), **soft),
    ]
    parts += [
        ellipsoid((0, 1.32, 0), (0.115, 0.15, 0.13), **bronze),
        capsule((0, 1.05, 0), (0, 1.28, 0), 0.07, **bronze),
    ]
    if kind == "torch":
        parts += [
            capsule((0.18, 1.05, 0), (0.34, 1.65, 0.03), 0.08, 0.06, **bronze),
            drum(0.35, 0.03, 1.66, 1.8, 0.04, 0.1, **bronze),
        ]
        parts += [ellipsoid((0.35, 1.86, 0.03), (0.075, 0.12, 0.075), **painted(GOLD, LAMP, gloss=0.8))]
        parts += [
            capsule((-0.2, 1.05, 0), (-0.26, 0.75, 0.16), 0.08, **bronze),
            box((-0.22, 0.8, 0.2), (0.1, 0.16, 0.03), 0.01, **bronze),
        ]
        parts += [
            capsule((0, 1.4, 0), (0.24 * np.sin(a), 1.42 + 0.22 * np.cos(a), 0.0), 0.022, 0.008, **bronze)
            for a in np.linspace(-1.3, 1.3, 6)
        ]
    else:
        parts += [
            capsule((s * 0.12, 1.05, 0), (s * 0.85, 1.1, 0), 0.11, 0.07, flat=(1.0, 0.8), **soft) for s in (-1, 1)
        ]
    return parts


def stone_heads(
    color: Color, count: int, height: float, hats: Color | None = None, platform: bool = True
) -> list[Part]:
    """A row along x of great stone heads that look to +z, some with hats."""
    stone, parts = painted(color), []
    low = 0.22 if platform else 0.0
    for i in range(count):
        tall = height * (1 + 0.16 * np.sin(2.1 * i + 0.6))
        head = [box((0, 0.52, 0), (0.24, 0.5, 0.2), 0.11, taper=(-0.04, 0.0), **stone)]
        head.append(box((0, 0.86, 0.17), (0.24, 0.055, 0.08), 0.04, **stone))  # brow
        head.append(box((0, 0.62, 0.23), (0.06, 0.22, 0.09), 0.04, taper=(-0.1, -0.25), **stone))  # nose
        head += [box((0, 0.33, 0.19), (0.13, 0.03, 0.05), 0.02, **painted(shade(color, 0.6)))]
        head += [box((0, 0.14, 0.16), (0.17, 0.1, 0.09), 0.06, **stone)]
        head += [ellipsoid((s * 0.12, 0.74, 0.19), (0.07, 0.05, 0.04), **painted(shade(color, 0.35))) for s in (-1, 1)]
        head += [box((s * 0.25, 0.6, 0), (0.035, 0.2, 0.07), 0.03, **stone) for s in (-1, 1)]
        if hats and i % 2 == 0:
            head.append(drum(0, 0, 1.0, 1.26, 0.2, 0.18, **painted(hats)))
        parts += place(head, rotation(yaw=8 * np.sin(3.3 * i)), ((i - (count - 1) / 2) * 0.66, low, 0), tall)
    if platform:
        parts.append(
            block(0, 0, 0, low + 0.01, (0.36 * count + 0.1, 0.4), **painted(shade(color, 0.82), BLOCKS, size=0.16))
        )
    return parts
