"""Landmarks that one can enter: places of worship, castles, theatres. Each function takes
proportions and colours and gives parts that stand on y = 0."""

from __future__ import annotations

from collections.abc import Sequence

from worlds.landmark_paint import ARCADE, AROUND, BLOCKS, GLASS, RIBS, ROOF, SAIL, WINDOWS
from worlds.masonry import (
    DOOR,
    GOLD,
    SLATE,
    Color,
    battlement,
    block,
    circle,
    dome,
    drum,
    gable,
    mast,
    onion,
    painted,
    shade,
)
from worlds.sdf import Part, box, capsule, cylinder, ellipsoid, place, ring, rotation

DARK = (0.16, 0.15, 0.16)


def domed_mosque(color: Color, roof: Color, minarets: int, kind: str, slender: float = 0.07) -> list[Part]:
    """A great dome between minarets. `kind`: onion (a mausoleum on a plinth), stacked (domes and half domes),
    gold (an eight-sided drum) or many (a field of small domes)."""
    wall = painted(color, ARCADE, shade(color, 0.42), 0.3)
    parts, tall = [], 1.35
    reach, plinth = 1.0, 0.0
    if kind == "onion":
        plinth = 0.14
        parts = _mausoleum(plinth, color, roof, wall)
    elif kind == "stacked":
        reach = 0.92
        parts += [block(0, 0, 0, 0.5, 0.85, **wall), block(0, 0, 0.5, 0.72, 0.55, **wall)]
        parts += [dome(0, 0, 0.74, 0.5, 0.46, **painted(roof, gloss=0.25))]
        parts += [dome(x, z, 0.5, 0.4, 0.36, **painted(roof, gloss=0.25)) for x, z, _ in circle(4, 0.46)]
        parts += [dome(x, z, 0.48, 0.2, 0.2, **painted(roof, gloss=0.25)) for x, z, _ in circle(4, 0.88, 45)]
    elif kind == "gold":
        reach = 0.85
        parts += [block(0, 0, 0, 0.5, 0.72, **painted(color, ARCADE, "#2c5f8a", 0.24))]
        parts += [
            box((0, 0.25, 0), (0.72, 0.25, 0.72), 0.01, rotation(yaw=45).T, **painted(color, ARCADE, "#2c5f8a", 0.24))
        ]
        parts += [drum(0, 0, 0.45, 0.78, 0.46, **painted("#3f7fa6", WINDOWS + AROUND * 14, "#d8e6ea", 0.14))]
        parts += [ellipsoid((0, 0.82, 0), (0.5, 0.58, 0.5), **painted(roof, gloss=0.8))]
    else:
        parts += [
            block(0, 0, 0, 0.42, 0.95, **wall),
            drum(0, 0, 0.4, 0.62, 0.36, **painted(color, WINDOWS + AROUND * 12, shade(color, 0.4), 0.15)),
        ]
        parts += [dome(0, 0, 0.62, 0.36, 0.36, **painted(roof, gloss=0.3))]
        parts += [dome(x, z, 0.4, 0.17, 0.19, **painted(roof, gloss=0.3)) for x, z, _ in circle(8, 0.68)]
    high = max((part.center[1] + 0.5 for part in parts if not part.solid), default=1.0)
    parts.append(mast(0, 0, high - 0.2, high + 0.2, 0.02, **painted(GOLD, gloss=0.7)))
    turn = 45 if minarets in (2, 4) else 30
    for x, z, _ in circle(minarets, reach * 1.25 if minarets > 1 else 0.9, turn)[:minarets]:
        parts.append(drum(x, z, 0, tall, slender, 0.75 * slender, **painted(color)))
        parts += [
            drum(x, z, plinth + y, plinth + y + 0.05, 1.7 * slender, **painted(shade(color, 1.05)))
            for y in (0.62, 1.08)
        ]
        top = painted(roof if kind in ("gold", "onion") else SLATE, gloss=0.3)
        parts.append(
            drum(x, z, tall, tall + 0.34, 1.05 * slender, 0.0, **top)
            if kind != "onion"
            else dome(x, z, tall, 1.2 * slender, 0.14, **top)
        )
    return parts


def _mausoleum(plinth: float, color: Color, roof: Color, wall: dict) -> list[Part]:
    """A cube with four portals on a plinth, under an onion dome among small ones."""
    parts = [block(0, 0, 0, plinth, 1.15, **painted(shade(color, 0.93), ARCADE, shade(color, 0.6), 0.16))]
    parts += [block(0, 0, plinth, 0.78, 0.58, **wall), drum(0, 0, 0.75, 0.92, 0.32, **painted(color))]
    parts += onion(0, 0, 0.85, 0.4, **painted(roof, gloss=0.3))
    for x, z, _ in circle(4, 0.6, 45):
        parts.append(dome(x, z, 0.82, 0.14, 0.18, **painted(roof)))
    for side in (-1, 1):
        parts += [
            box((0, plinth + 0.28, side * 0.57), (0.19, 0.34, 0.03), 0.01, **painted(color)),
            box((0, plinth + 0.22, side * 0.6), (0.12, 0.22, 0.01), 0.005, **painted(DARK)),
        ]
        parts += [
            box((side * 0.57, plinth + 0.28, 0), (0.03, 0.34, 0.19), 0.01, **painted(color)),
            box((side * 0.6, plinth + 0.22, 0), (0.01, 0.22, 0.12), 0.005, **painted(DARK)),
        ]
    return parts


def cathedral(
    color: Color, roof: Color, kind: str, spire: float = 1.0, length: float = 0.75, bays: float = 0.22
) -> list[Part]:
    """A nave with two towers at +z and a rose window. `kind`: spires, flat (square towers), unequal or cross
    (a tower over the crossing)."""
    wall = painted(color, ARCADE, shade(color, 0.35), bays)
    tiles = painted(roof, ROOF, shade(roof, 0.75), 0.08)
    parts = [block(0, -0.1, 0, 0.62, (0.3, length), **wall), gable(0, -0.1, 0.62, 0.98, (0.34, length + 0.02), **tiles)]
    parts += [block(0, -0.1, 0, 0.34, (0.52, length - 0.06), **wall)]
    parts += [block(0, -0.3, 0, 0.6, (0.72, 0.24), **wall), gable(0, -0.3, 0.6, 0.94, (0.74, 0.28), "x", **tiles)]
    parts.append(drum(0, -0.1 - length, 0, 0.58, 0.3, **painted(color, ARCADE + AROUND * 9, shade(color, 0.35), 0.3)))
    parts.append(drum(0, -0.1 - length, 0.58, 0.92, 0.32, 0.0, **tiles))
    front = length - 0.08
    for side in (-1, 1):
        x = side * 0.36
        tall = 1.12 + (0.22 if kind == "unequal" and side > 0 else 0)
        parts.append(block(x, front, 0, tall, 0.19, 0.175, **painted(color, ARCADE, shade(color, 0.3), 0.28)))
        parts.append(block(x, front, tall - 0.02, tall + 0.03, 0.21, **painted(shade(color, 1.08))))
        if kind == "flat":
            parts += [
                mast(x + a, front + b, tall, tall + 0.16, 0.03, **painted(color))
                for a in (-0.16, 0.16)
                for b in (-0.16, 0.16)
            ]
        else:
            high = spire * (0.75 if kind == "unequal" and side > 0 else 1.05 if kind == "unequal" else 1)
            sharp = painted(color if kind == "spires" else roof, RIBS, shade(color, 0.75), 0.06)
            parts.append(block(x, front, tall, tall + high, 0.17, 0.0, **sharp))
            parts.append(mast(x, front, tall + high - 0.1, tall + high + 0.12, 0.018, **painted(GOLD)))
    parts.append(block(0, front + 0.1, 0, 0.98, (0.2, 0.12), **painted(color)))
    parts.append(gable(0, front + 0.1, 0.98, 1.2, (0.2, 0.12), **painted(color)))
    parts.append(
        cylinder((0, 0.76, front + 0.21), (0, 0, 1), 0.14, 0.025, 0.005, **painted("#3b4a7a", GLASS, "#b8486a", 0.05))
    )
    parts += [
        box((x, h, front + 0.2), (0.07, h, 0.05 if x == 0 else 0.03), 0.03, **painted(DARK))
        for x, h in ((0, 0.22), (-0.36, 0.16), (0.36, 0.16))
    ]
    if kind == "cross":
        parts += [
            block(0, -0.3, 0.9, 1.3, 0.2, **wall),
            block(0, -0.3, 1.3, 1.3 + 1.1 * spire, 0.2, 0.0, **painted(roof)),
        ]
    elif kind == "flat":
        parts.append(capsule((0, 0.9, -0.3), (0, 1.75, -0.3), 0.07, 0.005, **painted(roof)))
    return parts


def onion_church(
    color: Color, domes: tuple[Color, ...], towers: int, spread: float, radius: float, middle: float, pattern: int = 0
) -> list[Part]:
    """A church under onion domes on drums: one in the middle, `towers` around it. `domes` are their colours."""
    trim = painted("#f4efe4")
    parts = [block(0, 0, 0, 0.5, spread + 0.2, **painted(color, ARCADE, shade(color, 0.45), 0.26))]
    parts.append(block(0, 0, 0.47, 0.53, spread + 0.24, **trim))
    parts.append(block(0, spread + 0.24, 0, 0.34, (0.17, 0.16), **painted(color)))
    parts.append(gable(0, spread + 0.24, 0.34, 0.52, (0.2, 0.18), **painted(domes[0])))
    parts.append(box((0, 0.13, spread + 0.4), (0.07, 0.13, 0.02), 0.01, **painted(DOOR)))
    spots = [(0.0, 0.0, 0.0), *circle(towers, spread, 45 if towers == 4 else 0)]
    for i, (x, z, _) in enumerate(spots):
        high = middle if i == 0 else middle - 0.36 - 0.1 * (i % 2)
        size = radius * (1.3 if i == 0 else 1)
        tower = painted(color if i % 2 == 0 else shade(color, 1.08), ARCADE + AROUND * 6, shade(color, 0.4), 0.3)
        parts.append(drum(x, z, 0.4, high, 0.72 * size, 0.66 * size, **tower))
        parts.append(drum(x, z, high - 0.03, high + 0.02, 0.82 * size, **trim))
        skin = painted(
            domes[i % len(domes)],
            (pattern + AROUND * 5) if pattern else 0,
            domes[(i + 1) % len(domes)],
            0.55 * size,
            0.3,
        )
        parts += onion(x, z, high, size, **skin)
        parts.append(mast(x, z, high + 2.2 * size, high + 2.2 * size + 0.2, 0.018, **painted(GOLD)))
    return parts


def castle(color: Color, roof: Color, kind: str, towers: int = 4, width: float = 0.8) -> list[Part]:
    """Walls, towers and a gate at +z. `kind`: round (towers with cones), square (battlements), fairy (a tall
    keep with spires) or shell (a round keep on a hill)."""
    wall, battle = painted(color, BLOCKS, size=0.13), painted(shade(color, 1.04))
    stone = painted(color, BLOCKS + AROUND * 8, size=0.13)
    tiles = painted(roof, ROOF, shade(roof, 0.75), 0.1)
    gate = [
        box((0, 0.17, width + 0.1), (0.13, 0.17, 0.06), 0.02, **painted(DARK)),
        block(0, width, 0, 0.62, (0.24, 0.14), **wall),
    ]
    gate += battlement(0, width, 0.6, 0.72, (0.26, 0.16), 0.14, 1, **battle)
    if kind == "shell":
        return _shell_keep(wall, battle, stone, tiles)
    parts, reach = list(gate), width
    for side in (-1, 1):
        parts.append(block(0, side * reach, 0, 0.42, (reach, 0.07), **wall))
        parts.append(block(side * reach, 0, 0, 0.42, (0.07, reach), **wall))
        parts += battlement(0, side * reach, 0.4, 0.5, (reach, 0.075), 0.16, 5, **battle)
        parts += battlement(side * reach, 0, 0.4, 0.5, (0.075, reach), 0.16, 5, **battle)
    for i, (x, z, _) in enumerate(circle(4, reach * 1.41, 45)[:towers]):
        high = 0.72 if kind != "fairy" else 0.7 + 0.3 * (i % 3)
        if kind == "square":
            parts += [
                block(x, z, 0, high, 0.2, **wall),
                *battlement(x, z, high - 0.02, high + 0.12, 0.22, 0.15, 1, **battle),
            ]
        else:
            size = 0.2 if kind == "round" else 0.15
            parts += [drum(x, z, 0, high, size, **stone), drum(x, z, high - 0.02, high + 0.04, 1.15 * size, **battle)]
            parts.append(drum(x, z, high + 0.03, high + (0.42 if kind == "round" else 0.6), 1.25 * size, 0.0, **tiles))
    return parts + _keep(kind, color, wall, battle, stone, tiles)


def _shell_keep(wall: dict, battle: dict, stone: dict, tiles: dict) -> list[Part]:
    """A round wall with a tower and a flag on a mound."""
    parts = [drum(0, 0, 0, 0.42, 1.25, 0.7, **painted("#86a355", ROOF, "#6f8c48", 0.3))]
    parts += [drum(0, 0, 0.4, 0.98, 0.6, **stone), *battlement(0, 0, 0.96, 1.1, 0.44, 0.14, 2, **battle)]
    parts += [ring((0, 1.03, 0), (0, 1, 0), 0.58, 0.04, 0.06, 0.01, **battle)]
    parts += [drum(0.36, -0.36, 0.4, 1.5, 0.2, **stone), drum(0.36, -0.36, 1.5, 1.9, 0.26, 0.0, **tiles)]
    parts += [
        block(0, 0.72, 0.2, 0.72, (0.2, 0.2), **wall),
        box((0, 0.46, 0.92), (0.09, 0.16, 0.03), 0.02, **painted(DARK)),
    ]
    return [
        *parts,
        mast(0, 0, 1.0, 1.6, 0.02, **painted(DARK)),
        box((0.14, 1.52, 0), (0.13, 0.08, 0.008), 0.004, **painted("#c23b32")),
    ]


def _keep(kind: str, color: Color, wall: dict, battle: dict, stone: dict, tiles: dict) -> list[Part]:
    """What stands within the walls of a castle."""
    parts: list[Part] = []
    if kind == "fairy":
        parts += [
            block(0, -0.1, 0, 1.1, (0.4, 0.3), **painted(color, WINDOWS, shade(color, 0.4), 0.16)),
            gable(0, -0.1, 1.1, 1.5, (0.44, 0.34), "x", **tiles),
        ]
        for x, z, high, size in ((0.42, 0.2, 1.9, 0.15), (-0.42, -0.3, 1.5, 0.13), (-0.4, 0.22, 1.25, 0.1)):
            parts += [drum(x, z, 0, high, size, **stone), drum(x, z, high, high + 0.6, 1.35 * size, 0.0, **tiles)]
    elif kind == "square":
        parts += [
            block(0, -0.1, 0, 1.15, 0.42, **painted(color, WINDOWS, shade(color, 0.3), 0.26)),
            *battlement(0, -0.1, 1.12, 1.28, 0.44, 0.17, 2, **battle),
        ]
        parts += [block(x * 0.42, z * 0.42 - 0.1, 0, 1.35, 0.1, **wall) for x in (-1, 1) for z in (-1, 1)]
    else:
        parts += [
            block(0, -0.2, 0, 0.75, (0.45, 0.28), **painted(color, WINDOWS, shade(color, 0.3), 0.2)),
            gable(0, -0.2, 0.75, 1.05, (0.5, 0.32), "x", **tiles),
        ]
        parts += [drum(-0.3, -0.2, 0, 1.3, 0.2, **stone), drum(-0.3, -0.2, 1.3, 1.75, 0.26, 0.0, **tiles)]
    return parts


def opera(
    color: Color, shells: Sequence[tuple[float, float, float, float]], base: Color = "#c8a98c", glass: Color = "#5a4636"
) -> list[Part]:
    """Sails of a shell roof on a podium. `shells` are (x, z, heading in degrees, size)."""
    parts = [
        block(0, 0, 0, 0.16, (1.25, 0.85), (1.2, 0.8), **painted(base)),
        block(0, 0, 0.16, 0.24, (1.12, 0.7), **painted(shade(base, 0.94))),
    ]
    for x, z, heading, size in shells:
        # A quarter of a long ball that leans forward: cut straight across, its open side is glass.
        for lean, radii, at in ((-20, (0.62, 0.92, 0.36), 0.12), (24, (0.34, 0.5, 0.3), 0.02)):
            turn = rotation(roll=lean) if lean < 0 else rotation(yaw=180) @ rotation(roll=-lean)
            sail = painted(color, SAIL, glass, 0.09, 0.4)
            shell = ellipsoid((at, 0.0, 0), radii, turn.T, clip=(1.0, 0.0, 0.0, 0.0), **sail)
            parts += place([shell], rotation(yaw=heading), (x, 0.18, z), size)
    return parts
