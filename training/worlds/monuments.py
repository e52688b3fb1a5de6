"""Landmarks that one walks through or looks up to: gates, wheels, figures. Each function
takes proportions and colours and gives parts that stand on y = 0."""

from __future__ import annotations

import numpy as np
from worlds.landmark_paint import ARCADE, AROUND, BLOCKS, CHECKED, GLASS, LAMP
from worlds.masonry import GOLD, Color, block, circle, colonnade, drum, painted, shade
from worlds.sdf import Openings, Part, box, capsule, cylinder, ellipsoid, place, ring, rotation

DARK = (0.15, 0.15, 0.17)


<<<<<<< HEAD
def _banks(reach: float, height: float) -> list[Part]:
    """Grassy slopes that a bridge's ends rest on."""
    return [ellipsoid((side * (reach + 0.3), 0, 0), (0.6, height, 0.75), **BANK) for side in (-1, 1)]


def suspension_bridge(color, kind: str, reach: float, tall: float, deck: float = 0.42, towers: int = 2) -> list[Part]:
    """A deck along x that hangs on two cables between towers. `kind`: portal (crossbars), stone (pointed
    arches), slim (single legs) or lattice."""
    parts = _banks(reach, deck + 0.05)
    parts.append(block(0, 0, deck - 0.04, deck + 0.03, (reach + 0.25, 0.24), **painted(shade(color, 0.8))))
    spots = np.linspace(-0.56, 0.56, towers) * reach
    for x in spots:
        if kind == "stone":
            gates = Openings(0.075, 0.08, bottom=0.5 * (deck - tall) + 0.02, spacing=0.24, copies=1, shift=0.12)
            for side in (-1, 1):
                half = block(0, 0, 0, tall, (0.13, 0.13), **painted(color, BLOCKS, size=0.14))
                parts += place([half], shift=(x, 0, side * 0.24))
            bar = box(
                (x, 0.5 * (deck + tall), 0),
                (0.26, 0.5 * (tall - deck), 0.1),
                0.01,
                rotation(yaw=90).T,
                **painted(color, BLOCKS, size=0.14),
                openings=gates,
            )
            parts += [bar, block(x, 0, tall - 0.1, tall + 0.04, (0.15, 0.4), **painted(shade(color, 0.92)))]
            parts.append(block(x, 0, 0, deck, (0.15, 0.36), **painted(color, BLOCKS, size=0.14)))
        else:
            leg = 0.05 if kind == "slim" else 0.075
            paint = painted(color, LATTICE, shade(color, 0.5), 0.12) if kind == "lattice" else painted(color, gloss=0.3)
            parts += [block(x, side * 0.28, 0, tall, leg, 0.8 * leg, **paint) for side in (-1, 1)]
            bars = {"portal": (0.55, 0.78, 1.0), "slim": (0.98,), "lattice": (0.62, 0.95)}[kind]
            parts += [block(x, 0, tall * b - 0.07, tall * b, (0.8 * leg, 0.28), **paint) for b in bars]
            parts.append(block(x, 0, 0, 0.14, (0.16, 0.42), **painted("#b8b2a6")))
    for side in (-1, 1):
        parts += _cable(spots, reach, tall, deck, side * 0.27, color)
    return parts


def _cable(spots, reach: float, tall: float, deck: float, z: float, color) -> list[Part]:
    """A main cable through the towers' heads and its hangers, in one plane."""
    parts, steel = [], painted(shade(color, 0.9), gloss=0.2)
    posts = [-reach - 0.15, *spots, reach + 0.15]
    for i in range(len(posts) - 1):
        ends, pieces = (posts[i], posts[i + 1]), 6
        outer = i in (0, len(posts) - 2)
        x = np.linspace(*ends, pieces + 1)
        share = (x - ends[0]) / (ends[1] - ends[0])
        if outer:
            share = share if i == 0 else 1 - share
            y = deck + (tall - deck) * share**1.5
        else:
            y = deck + 0.1 + (tall - deck - 0.1) * (2 * share - 1) ** 2
        step = 2 if outer else 1
        for j in range(0, pieces, step):
            k = j + step
            parts.append(capsule((x[j], y[j], z), (x[k], y[k], z), 0.022, shades=False, **steel))
            if y[k] > deck + 0.12:
                parts.append(capsule((x[k], deck, z), (x[k], y[k], z), 0.009, shades=False, **steel))
    return parts


def arch_bridge(color, kind: str, arches: int, reach: float, rise: float) -> list[Part]:
    """A bridge along x. `kind`: stone (an arcade of odd `arches`), houses (shops on it), steel (one arch above
    the deck) or moon (one high round arch)."""
    if kind == "steel":
        deck, parts = 0.45, _banks(reach, 0.5)
        parts.append(block(0, 0, deck - 0.05, deck + 0.03, (reach + 0.3, 0.25), **painted(shade(color, 0.85))))
        angle = np.linspace(0, np.pi, 11)
        x, low = -0.86 * reach * np.cos(angle), 0.12 + rise * np.sin(angle)
        for side in (-1, 1):
            z = side * 0.24
            for j in range(10):
                parts.append(capsule((x[j], low[j], z), (x[j + 1], low[j + 1], z), 0.035, **painted(color)))
                if 0 < j < 10 and low[j] > deck:
                    parts.append(capsule((x[j], deck, z), (x[j], low[j], z), 0.014, shades=False, **painted(color)))
            for end in (-1, 1):
                parts.append(
                    block(
                        end * 0.95 * reach,
                        z,
                        0,
                        deck + 0.45,
                        (0.12, 0.08),
                        (0.1, 0.07),
                        **painted("#cbb894", BLOCKS, size=0.15),
                    )
                )
        return parts
    wall, top = painted(color, BLOCKS, size=0.14), 0.12
    if kind == "moon":
        parts, radius = _banks(reach, 0.28), 0.62 * reach
        hump = ring((0, 0.0, 0), (0, 0, 1), radius, 0.15, 0.26, 0.02, **wall)
        parts += [hump, ring((0, 0.0, 0), (0, 0, 1), radius + 0.17, 0.03, 0.28, 0.01, **painted(shade(color, 1.1)))]
        for end in (-1, 1):
            ramp = capsule(
                (end * (reach + 0.1), 0.1, 0),
                (end * 0.7 * radius, 0.62 * radius + 0.12, 0),
                0.16,
                flat=(0.6, 1.55),
                **wall,
            )
            parts.append(ramp)
        return parts
    spacing = 2 * reach / arches
    height = rise + top
    holes = Openings(0.4 * spacing, rise - 0.4 * spacing - height / 2, spacing=spacing, copies=arches // 2)
    parts = _banks(reach, height - 0.02)
    parts.append(block(0, 0, 0, height, (reach + 0.2, 0.24), openings=holes, **wall))
    parts.append(block(0, 0, height, height + 0.04, (reach + 0.25, 0.27), **painted(shade(color, 1.1))))
    for i in range(arches + 1):
        x = (i - arches / 2) * spacing
        parts.append(block(x, 0, 0, 0.55 * height, (0.11 * spacing, 0.34), (0.04, 0.27), **painted(shade(color, 0.9))))
    if kind == "houses":
        for i, x in enumerate(np.linspace(-reach + 0.1, reach - 0.1, 7)):
            tint = ("#e0b060", "#d98a5a", "#e8d3a0", "#c9765a", "#ead9b4", "#dca05c", "#d0b890")[i]
            high = height + 0.3 + 0.08 * (i % 3)
            parts.append(block(x, 0, height, high, (0.19, 0.27), **painted(tint, WINDOWS, "#4a4038", 0.15)))
            parts.append(gable(x, 0, high, high + 0.14, (0.2, 0.3), "x", **painted("#a9563e")))
    else:
        parts += [
            block(0, side * 0.25, height, height + 0.12, (reach + 0.2, 0.02), **painted(shade(color, 1.05)))
            for side in (-1, 1)
        ]
    return parts


def aqueduct(color, tiers, reach: float, thick: float = 0.16) -> list[Part]:
    """Arcades on arcades along x. `tiers` are (height, odd number of arches)."""
    parts, low = [], 0.0
    for i, (height, arches) in enumerate(tiers):
        spacing = 2 * reach / arches
        half = 0.38 * spacing
        holes = Openings(half, height / 2 - half - 0.07, bottom=-height, spacing=spacing, copies=arches // 2)
        deep = thick * (1 - 0.16 * i)
        parts.append(
            block(
                0,
                0,
                low,
                low + height,
                (reach + 0.06, deep),
                openings=holes,
                **painted(shade(color, 1 + 0.03 * i), BLOCKS, size=0.13),
            )
        )
        parts.append(
            block(
                0,
                0,
                low + height - 0.03,
                low + height + 0.03,
                (reach + 0.08, deep + 0.04),
                **painted(shade(color, 1.1)),
            )
        )
        low += height
    return parts


def triumphal_arch(color, kind: str, width: float, height: float, depth: float = 0.34) -> list[Part]:
=======
def triumphal_arch(color: Color, kind: str, width: float, height: float, depth: float = 0.34) -> list[Part]:
>>>>>>> landmarks-world
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
<<<<<<< HEAD
        small = Openings(
            0.15 * width, 0.42 * height - 0.15 * width - height / 2, spacing=1.24 * width, copies=1, shift=0.0
        )
        third = Openings(arch, 0.62 * height - arch - height / 2)
        parts = [block(0, 0, 0, height, (0.42 * width, depth), openings=third, **stone)]
        for side in (-1, 1):
            parts.append(
                block(
                    side * 0.71 * width,
                    0,
                    0,
                    height,
                    (0.3 * width, depth),
                    openings=Openings(0.15 * width, small.top),
                    **stone,
                )
            )
        parts += [
            block(x * width, s * depth, 0, 0.74 * height, 0.055, **pale)
            for x in (-0.96, -0.44, 0.44, 0.96)
            for s in (-1, 1)
        ]
=======
        parts = _triple(width, height, depth, stone, pale)
>>>>>>> landmarks-world
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


<<<<<<< HEAD
def stone_circle(color, kind: str, count: int, radius: float, height: float) -> list[Part]:
    """Standing stones. `kind`: ring (all under lintels), ruin (some fallen), menhirs (no lintels, uneven) or
    shoe (an inner horseshoe of tall pairs)."""
    stone, parts = painted(color, BLOCKS, size=0.9), []
    spots = circle(count, radius)
    for i, (x, z, angle) in enumerate(spots):
        fallen = kind == "ruin" and i % 4 == 3
        uneven = 1 + (0.3 * np.sin(2.4 * i + 1) if kind == "menhirs" else 0.04 * np.sin(5.0 * i))
        size = (0.15, 0.5 * height * uneven, 0.085)
        turn = rotation(yaw=angle + 7 * np.sin(3.0 * i), roll=3 * np.sin(1.7 * i))
        if fallen:
            parts.append(box((1.15 * x, 0.09, 1.15 * z), size, 0.04, rotation(yaw=angle + 35, roll=90).T, **stone))
        else:
            taper = (-0.22 if kind == "menhirs" else -0.05, 0.0)
            parts.append(box((x, size[1] - 0.02, z), size, 0.045, turn.T, taper, **stone))
    capped = {"ring": range(count), "ruin": (0, 1, 4, 5, 8), "menhirs": (), "shoe": range(0, count, 3)}[kind]
    for i in capped:
        (x, z, _), (x2, z2, _) = spots[i], spots[(i + 1) % count]
        length = 0.5 * np.hypot(x2 - x, z2 - z) + 0.1
        yaw = np.degrees(np.arctan2(-(z2 - z), x2 - x))
        parts.append(
            box(((x + x2) / 2, height + 0.05, (z + z2) / 2), (length, 0.07, 0.1), 0.03, rotation(yaw=yaw).T, **stone)
        )
    if kind in ("shoe", "ruin"):
        for x, z, angle in circle(3 if kind == "shoe" else 1, 0.5 * radius, 100):
            pair = [box((s * 0.19, 0.65 * height, 0), (0.12, 0.65 * height, 0.08), 0.04, **stone) for s in (-1, 1)]
            pair.append(box((0, 1.36 * height, 0), (0.36, 0.08, 0.1), 0.03, **stone))
            parts += place(pair, rotation(yaw=angle), (x, 0, z))
    if kind == "menhirs":
        parts.append(
            box((0, 0.75 * height, 0), (0.17, 0.75 * height, 0.13), 0.05, rotation(roll=4).T, (-0.15, 0.0), **stone)
        )
    return parts


def atom(color, kind: str, radius: float, tube: float = 0.06) -> list[Part]:
=======
def atom(color: Color, kind: str, radius: float, tube: float = 0.06) -> list[Part]:
>>>>>>> landmarks-world
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
<<<<<<< HEAD
    color, cabins: int, frame: str, radius: float = 1.0, tints=("#d8433a", "#f0b63a", "#3d8fc6")
=======
    color: Color,
    cabins: int,
    frame: str,
    radius: float = 1.0,
    tints: tuple[Color, ...] = ("#d8433a", "#f0b63a", "#3d8fc6"),
>>>>>>> landmarks-world
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
<<<<<<< HEAD
        figure += [
            ellipsoid((0, 0.5, 0), (0.42, 0.2, 0.17), **soft),
            capsule((0.3, 0.56, 0), (0.56, 0.95, 0), 0.13, 0.09, **soft),
        ]
        figure += [
            capsule((0.56, 0.95, 0), (0.76, 0.84, 0), 0.08, 0.05, **soft),
            capsule((-0.38, 0.55, 0), (-0.6, 0.2, 0), 0.06, 0.02, **bronze),
        ]
        legs = ((-0.28, -0.32, 0.0), (-0.24, -0.2, 0.0), (0.3, 0.34, 0.0), (0.3, 0.58, 0.34))
        figure += [
            capsule((x, 0.42, z), (to, y, z), 0.065, 0.045, **bronze)
            for (x, to, y), z in zip(legs, (-0.1, 0.1, -0.1, 0.1), strict=True)
        ]
        figure += [
            capsule((0, 0.6, 0), (-0.02, 1.05, 0), 0.13, 0.15, **soft),
            ellipsoid((0, 1.32, 0), 0.11, **bronze),
            cylinder((0, 1.4, 0), (0, 1, 0), 0.14, 0.03, **bronze),
        ]
        figure += [capsule((0.02, 0.7, s * 0.16), (0.14, 0.32, s * 0.2), 0.06, **bronze) for s in (-1, 1)]
        figure += [capsule((0, 1.1, 0.14), (0.38, 1.35, 0.2), 0.05, **bronze)]
        foot = (0.6, 0.32)
    elif kind == "seated":
        figure += [
            ellipsoid((0, 0.2, 0.1), (0.55, 0.2, 0.4), **soft),
            ellipsoid((0, 0.6, -0.02), (0.34, 0.45, 0.25), **soft),
        ]
        figure += [capsule((s * 0.32, 0.85, 0), (s * 0.42, 0.4, 0.16), 0.12, 0.1, **soft) for s in (-1, 1)]
        figure += [capsule((s * 0.42, 0.4, 0.16), (0, 0.36, 0.36), 0.1, 0.08, **soft) for s in (-1, 1)]
        figure += [ellipsoid((0, 1.2, 0), (0.19, 0.23, 0.2), **bronze), ellipsoid((0, 1.42, -0.02), 0.09, **bronze)]
        foot = (0.62, 0.52)
    else:
        figure += [
            drum(0, 0, 0, 1.0, 0.33, 0.2, **{**soft, "pattern": 0}),
            ellipsoid((0, 0.98, 0), (0.24, 0.2, 0.17), **soft),
        ]
        figure += [
            ellipsoid((0, 1.32, 0), (0.115, 0.15, 0.13), **bronze),
            capsule((0, 1.05, 0), (0, 1.28, 0), 0.07, **bronze),
        ]
        if kind == "torch":
            figure += [
                capsule((0.18, 1.05, 0), (0.34, 1.65, 0.03), 0.08, 0.06, **bronze),
                drum(0.35, 0.03, 1.66, 1.8, 0.04, 0.1, **bronze),
            ]
            figure += [ellipsoid((0.35, 1.86, 0.03), (0.075, 0.12, 0.075), **painted(GOLD, LAMP, gloss=0.8))]
            figure += [
                capsule((-0.2, 1.05, 0), (-0.26, 0.75, 0.16), 0.08, **bronze),
                box((-0.22, 0.8, 0.2), (0.1, 0.16, 0.03), 0.01, **bronze),
            ]
            figure += [
                capsule((0, 1.4, 0), (0.24 * np.sin(a), 1.42 + 0.22 * np.cos(a), 0.0), 0.022, 0.008, **bronze)
                for a in np.linspace(-1.3, 1.3, 6)
            ]
        else:
            figure += [
                capsule((s * 0.12, 1.05, 0), (s * 0.85, 1.1, 0), 0.11, 0.07, flat=(1.0, 0.8), **soft) for s in (-1, 1)
            ]
        foot = (0.42, 0.42)
    parts = [block(0, 0, 0, 0.12, np.array(foot) + 0.2, **painted(shade(stone, 0.9)))]
    parts.append(block(0, 0, 0.12, base, np.array(foot) + 0.04, np.array(foot) - 0.04, **pedestal))
    parts.append(block(0, 0, base - 0.08, base, np.array(foot) + 0.05, **painted(shade(stone, 1.1))))
=======
        figure, foot = _rider(bronze, soft), np.array([0.6, 0.32])
    elif kind == "seated":
        figure, foot = _seated(bronze, soft), np.array([0.62, 0.52])
    else:
        figure, foot = _standing(kind, bronze, soft), np.array([0.42, 0.42])
    parts = [block(0, 0, 0, 0.12, foot + 0.2, **painted(shade(stone, 0.9)))]
    parts.append(block(0, 0, 0.12, base, foot + 0.04, foot - 0.04, **pedestal))
    parts.append(block(0, 0, base - 0.08, base, foot + 0.05, **painted(shade(stone, 1.1))))
>>>>>>> landmarks-world
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
<<<<<<< HEAD


def arena(
    color, tiers: int, radius: float, height: float, broken: bool = False, arches: int = 22, inner: bool = True
) -> list[Part]:
    """Rings of arcades around a sandy floor; a broken one has lost a part of its upper storeys."""
    rise, parts = height / tiers, []
    for i in range(tiers):
        low = rise * i
        paint = painted(shade(color, 1 + 0.03 * i), ARCADE + AROUND * arches, shade(color, 0.3), rise)
        lost = None
        if broken and i > 0:
            lost = Openings(radius, rise, shift=radius * (1.25 - 0.35 * i), flat=True)
        parts.append(
            ring((0, low + rise / 2, 0), (0, 1, 0), radius - 0.1, 0.1, rise / 2, 0.008, **paint, openings=lost)
        )
        parts.append(
            ring(
                (0, low + rise, 0),
                (0, 1, 0),
                radius - 0.09,
                0.12,
                0.022,
                0.008,
                **painted(shade(color, 1.1)),
                openings=lost,
            )
        )
    if inner:
        parts += [
            ring(
                (0, 0.17 * k + 0.08, 0),
                (0, 1, 0),
                radius - 0.58 + 0.17 * k,
                0.12,
                0.09 * (k + 1),
                0.01,
                **painted(shade(color, 0.88)),
            )
            for k in range(3)
        ]
    return [*parts, drum(0, 0, 0, 0.04, radius - 0.2, **painted("#d8bf8c"))]
=======
>>>>>>> landmarks-world
