"""Landmarks of old: pyramids, temples, stone circles, arenas. Each function takes proportions and colours and
gives parts that stand on y = 0."""

from __future__ import annotations

import numpy as np
from worlds.landmark_paint import ARCADE, AROUND, BLOCKS, RIBS, ROOF
from worlds.masonry import Color, block, circle, colonnade, drum, gable, painted, shade
from worlds.sdf import Openings, Part, box, capsule, ellipsoid, place, ring, rotation

DARK = (0.16, 0.15, 0.16)


def stepped_pyramid(
    color: Color, tiers: int, width: float, height: float, head: str, stairs: int, top: float = 0.42
) -> list[Part]:
    """Terraces with steep stairs on some sides. `head`: temple, comb, hut or bare."""
    stone, parts, rise = painted(color, BLOCKS, size=0.14), [], height / tiers
    for i in range(tiers):
        half = width + (top - width) * i / max(1, tiers - 1)
        parts.append(block(0, 0, rise * i, rise * (i + 1), half, half - 0.12 * rise, **stone))
    wide, pale = 0.2 * width, painted(shade(color, 1.12), RIBS, shade(color, 0.8), 0.07)
    for i in range(stairs):
        run = block(
            0, 0, 0, height, (wide, 0.5 * (width + 0.34)), (wide, 0.5 * (top + 0.02)), **painted(shade(color, 1.1))
        )
        flight = place([run], shift=(0, 0, 0.5 * top))
        parts += place(flight, rotation(yaw=90 * i))
    if head in ("temple", "comb"):
        parts.append(block(0, 0, height, height + 0.3, 0.72 * top, **stone))
        parts.append(block(0, 0, height + 0.28, height + 0.36, 0.8 * top, **pale))
        parts += [box((0, height + 0.12, s * 0.72 * top), (0.08, 0.12, 0.03), 0.005, **painted(DARK)) for s in (-1, 1)]
        parts += [box((s * 0.72 * top, height + 0.12, 0), (0.03, 0.12, 0.08), 0.005, **painted(DARK)) for s in (-1, 1)]
    if head == "comb":
        parts.append(block(0, -0.2 * top, height + 0.3, height + 0.85, (0.5 * top, 0.09), (0.34 * top, 0.06), **stone))
    elif head == "hut":
        parts.append(block(0, 0, height, height + 0.22, 0.6 * top, **painted("#b5653f")))
        parts.append(
            block(0, 0, height + 0.22, height + 0.55, 0.8 * top, 0.0, **painted("#c8a35c", ROOF, "#9a7838", 0.08))
        )
    return parts


def pyramid(color: Color, width: float, height: float, kind: str, cap: Color = "#f1ead8") -> list[Part]:
    """Smooth stone pyramids. `kind`: capped (old casing at the tip), bent, portal (steep pair with porches) or
    family (with three small ones)."""
    stone = painted(color, BLOCKS, size=0.17)
    if kind == "bent":
        parts = [block(0, 0, 0, 0.55 * height, width, 0.55 * width, **stone)]
        parts.append(
            block(0, 0, 0.55 * height, height, 0.55 * width, 0.0, **painted(shade(color, 1.05), BLOCKS, size=0.17))
        )
        parts.append(block(0.2, width + 0.35, 0, 0.16, (0.5, 0.08), **painted(shade(color, 0.85))))
    elif kind == "portal":
        parts = []
        for x, size in ((-0.62, 1.0), (0.7, 0.72)):
            parts.append(block(x, 0, 0, height * size, width * size, 0.05, **stone))
            porch = block(
                x, width * size, 0, 0.42 * size, (0.24 * size, 0.22), (0.2 * size, 0.2), **painted(shade(color, 0.92))
            )
            parts += [
                porch,
                box((x, 0.14 * size, width * size + 0.2), (0.08, 0.14 * size, 0.05), 0.01, **painted(DARK)),
            ]
    else:
        parts = [block(0, 0, 0, height, width, 0.0, **stone)]
        if kind == "capped":
            share = 0.7
            half = width * (1 - share) + 0.03
            parts.append(block(0, 0, share * height, height + 0.04, half, 0.0, **painted(cap, gloss=0.3)))
            parts.append(block(0, width + 0.3, 0, 0.2, (0.34, 0.2), (0.3, 0.18), **painted(shade(color, 0.9))))
            parts.append(box((0, 0.09, width + 0.5), (0.07, 0.09, 0.02), 0.005, **painted(DARK)))
        else:
            for i in range(3):
                parts.append(
                    block(
                        0.62 * (i - 1),
                        width + 0.55,
                        0,
                        0.42,
                        0.25,
                        0.0,
                        **painted(shade(color, 0.92), BLOCKS, size=0.12),
                    )
                )
    return parts


def temple(color: Color, kind: str, front: int, side: int, roof: Color = "#c9845c") -> list[Part]:
    """Columns on steps under a gable; `front` and `side` count pairs of columns beside a middle one. `kind`:
    whole, ruin (roofless, one end broken), podium (high, with a stair) or tholos (round)."""
    marble, radius, gap = painted(color, gloss=0.12), 0.065, 0.25
    half, deep = gap * front + 0.1, gap * side + 0.1
    low = 0.42 if kind == "podium" else 0.18
    top = low + 0.72
    if kind == "tholos":
        return _tholos(color, marble, radius, front, roof)
    steps = 3
    parts = [
        block(
            0,
            0,
            low * i / steps,
            low * (i + 1) / steps,
            (half + 0.2 - 0.06 * i, deep + 0.2 - 0.06 * i),
            **painted(shade(color, 0.95)),
        )
        for i in range(steps)
    ]
    if kind == "podium":
        parts = [block(0, 0, 0, low, (half + 0.06, deep + 0.06), **painted(shade(color, 0.95), BLOCKS, size=0.16))]
        parts += [
            block(0, deep + 0.28 - 0.08 * i, 0, low * (i + 1) / 4, (half - 0.05, 0.3 - 0.06 * i), **painted(color))
            for i in range(4)
        ]
    parts += [colonnade(0, z, low, top, radius, gap, front, **marble) for z in (-deep + 0.1, deep - 0.1)]
    parts += [colonnade(s * (half - 0.1), 0, low, top, radius, gap, side, "z", **marble) for s in (-1, 1)]
    if kind == "ruin":
        return parts + _ruin(marble, half, deep, top)
    parts.append(block(0, 0, low, top, (half - 0.28, deep - 0.3), **painted(shade(color, 0.78), BLOCKS, size=0.18)))
    parts.append(box((0, low + 0.24, deep - 0.29), (0.11, 0.24, 0.02), 0.01, **painted(DARK)))
    parts.append(block(0, 0, top, top + 0.15, (half, deep), **marble))
    parts.append(
        gable(0, 0, top + 0.15, top + 0.48, (half + 0.05, deep + 0.03), **painted(roof, ROOF, shade(roof, 0.78), 0.09))
    )
    parts += [
        gable(0, s * (deep - 0.01), top + 0.15, top + 0.44, (half, 0.06), **painted(shade(color, 1.05)))
        for s in (-1, 1)
    ]
    return parts


def _tholos(color: Color, marble: dict, radius: float, count: int, roof: Color) -> list[Part]:
    """A round temple: a ring of `count` columns around a wall, under a cone."""
    parts = [drum(0, 0, 0.06 * i, 0.06 * (i + 1), 0.95 - 0.07 * i, **painted(color)) for i in range(3)]
    parts += [drum(0, 0, 0.18, 0.95, 0.46, **painted(shade(color, 0.85), BLOCKS + AROUND * 8, size=0.15))]
    parts += [capsule((x, 0.15, z), (x, 0.92, z), radius, 0.055, **marble) for x, z, _ in circle(count, 0.7)]
    parts += [
        ring((0, 1.0, 0), (0, 1, 0), 0.68, 0.12, 0.1, 0.01, **marble),
        drum(0, 0, 1.1, 1.45, 0.84, 0.05, **painted(roof, ROOF, shade(roof, 0.75), 0.1)),
    ]
    return [*parts, ellipsoid((0, 1.48, 0), 0.06, **marble)]


def _ruin(marble: dict, half: float, deep: float, top: float) -> list[Part]:
    """What is left on top of the columns, and what lies beside them."""
    beam = 0.5 * deep
    parts = [block(0, deep - 0.1, top, top + 0.14, (half, 0.09), **marble)]
    parts += [block(s * (half - 0.1), deep - beam, top, top + 0.14, (0.09, beam), **marble) for s in (-1, 1)]
    parts += [
        box((s * 0.3, 0.12, -deep - 0.35 + 0.2 * s), (0.08, 0.07, 0.14), 0.02, rotation(yaw=40 * s).T, **marble)
        for s in (-1, 1)
    ]
    return [*parts, capsule((half + 0.35, 0.08, -0.2), (half + 0.45, 0.08, 0.35), 0.07, **marble)]


def stone_circle(color: Color, kind: str, count: int, radius: float, height: float) -> list[Part]:
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


def arena(
    color: Color, tiers: int, radius: float, height: float, broken: bool = False, arches: int = 22, inner: bool = True
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
