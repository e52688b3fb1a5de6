"""Bridges and aqueducts, along x over a river along z: each function takes proportions and colours and gives
parts that stand on y = 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from worlds.landmark_paint import BLOCKS, LATTICE, LEAVES, WINDOWS
from worlds.masonry import Color, block, gable, painted, shade
from worlds.sdf import Openings, Part, box, capsule, ellipsoid, place, ring, rotation

BANK = painted("#7f9a55", LEAVES, "#5f7c44")


def _banks(reach: float, height: float) -> list[Part]:
    """Grassy slopes that a bridge's ends rest on."""
    return [ellipsoid((side * (reach + 0.3), 0, 0), (0.6, height, 0.75), **BANK) for side in (-1, 1)]


def suspension_bridge(
    color: Color, kind: str, reach: float, tall: float, deck: float = 0.42, towers: int = 2
) -> list[Part]:
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


def _cable(spots: np.ndarray, reach: float, tall: float, deck: float, z: float, color: Color) -> list[Part]:
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


def arch_bridge(color: Color, kind: str, arches: int, reach: float, rise: float) -> list[Part]:
    """A bridge along x. `kind`: stone (an arcade of odd `arches`), houses (shops on it), steel (one arch above
    the deck) or moon (one high round arch)."""
    if kind == "steel":
        return _steel_arch(color, reach, rise)
    wall, top = painted(color, BLOCKS, size=0.14), 0.12
    if kind == "moon":
        return _moon_bridge(wall, color, reach)
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


def _steel_arch(color: Color, reach: float, rise: float) -> list[Part]:
    """A deck that hangs from two arches between stone towers."""
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


def _moon_bridge(wall: dict, color: Color, reach: float) -> list[Part]:
    """Half a ring of stone with ramps."""
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


def aqueduct(color: Color, tiers: Sequence[tuple[float, int]], reach: float, thick: float = 0.16) -> list[Part]:
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
