"""Landmarks that are mostly height: each function takes proportions and colours and gives parts that stand
on y = 0."""

from __future__ import annotations

from collections.abc import Sequence

from worlds.landmark_paint import (
    ARCADE,
    AROUND,
    BANDS,
    BLOCKS,
    CHECKED,
    GLASS,
    LAMP,
    LATTICE,
    PLAIN,
    RIBS,
    ROOF,
    SPIRAL,
    WINDOWS,
)
from worlds.masonry import (
    BRASS,
    DOOR,
    GOLD,
    Color,
    battlement,
    block,
    circle,
    colonnade,
    dome,
    drum,
    mast,
    painted,
    shade,
)
from worlds.sdf import Openings, Part, box, capsule, cylinder, ellipsoid, place, ring, rotation

DARK = (0.16, 0.17, 0.2)


def lattice_tower(color: Color, width: float, waist: float, head: str, bands: str | None = None) -> list[Part]:
    """Four legs of iron under an arch, two platforms and a needle. `width` and `waist` are half widths at
    the foot and at the second platform; `head`: gallery, cabin, ball or bare."""
    iron = painted(color, LATTICE, shade(color, 0.45), 0.1)
    plain = painted(shade(color, 0.9))
    first = waist + 0.55 * (width - waist)
    legs = Openings(0.62 * first, 0.0, crossed=True)
    upper = Openings(0.5 * waist, 0.12, bottom=-0.3, crossed=True)
    parts = [
        block(0, 0, 0, 0.55, width, first, openings=legs, **iron),
        block(0, 0, 0.6, 1.25, 0.92 * first, waist, openings=upper, **iron),
        block(0, 0, 0.53, 0.62, first + 0.07, **plain),
        block(0, 0, 1.23, 1.31, waist + 0.06, **plain),
        block(0, 0, 1.3, 2.75, 0.85 * waist, 0.045, **painted(color, LATTICE, shade(color, 0.45), 0.09)),
        mast(0, 0, 2.7, 3.3, 0.03, **painted(bands or color, BANDS, "#f2f0ea", 0.24)),
    ]
    if head == "gallery":
        parts += [block(0, 0, 2.62, 2.72, 0.12, **plain), dome(0, 0, 2.72, 0.08, 0.14, **plain)]
    elif head == "cabin":
        parts += [block(0, 0, 1.31, 1.62, 1.5 * waist, **painted("#f1eee6", GLASS, "#5f7f96", 0.1))]
        parts += [block(0, 0, 2.2, 2.36, 0.15, **painted("#f1eee6", GLASS, "#5f7f96", 0.08))]
    elif head == "ball":
        parts += [
            ellipsoid((0, 2.45, 0), (0.2, 0.2, 0.2), **painted("#d9dde0", GLASS + AROUND * 12, "#5c7c92", 0.1, 0.7))
        ]
    return parts


def obelisk(color: Color, width: float, taper: float, base: str, tip: Color = GOLD) -> list[Part]:
    """A square needle with a pointed tip. `base`: steps, lions, fountain or columns."""
    stone, head = painted(color, BLOCKS, size=0.32), width * taper
    foot = {"steps": 0.3, "lions": 0.55, "fountain": 0.42, "columns": 0.75}[base]
    parts = [block(0, 0, foot, 2.6, width, head, **stone)]
    parts.append(block(0, 0, 2.6, 2.6 + 1.5 * head, head, 0.0, **painted(tip, gloss=0.6)))
    if base == "steps":
        parts += [block(0, 0, 0, 0.1 + 0.1 * i, 0.75 - 0.2 * i, **painted(shade(color, 0.9))) for i in range(3)]
    elif base == "lions":
        parts.append(block(0, 0, 0, foot, 1.7 * width, **painted(shade(color, 0.8), BLOCKS, size=0.3)))
        for x, z, angle in circle(4, 0.5, 45):
            lion = [ellipsoid((0, 0.14, 0), (0.09, 0.1, 0.2), **painted("#7a6a50"))]
            lion.append(ellipsoid((0, 0.27, 0.14), 0.1, **painted("#6b5a40")))
            parts += place(lion, rotation(yaw=angle), (x, 0.06, z))
        parts.append(block(0, 0, 0, 0.08, 0.68, **painted(color)))
    elif base == "fountain":
        parts.append(ring((0, 0.1, 0), (0, 1, 0), 0.75, 0.07, 0.1, 0.02, **painted(shade(color, 0.95))))
        parts.append(cylinder((0, 0.05, 0), (0, 1, 0), 0.72, 0.05, **painted("#4f9ab8", gloss=0.8)))
        parts.append(block(0, 0, 0, foot, 1.5 * width, 1.1 * width, **painted(shade(color, 0.85))))
        parts += [
            capsule((x * 0.5, 0.1, z * 0.5), (x, 0.35, z), 0.03, **painted("#bfe3f0")) for x, z, _ in circle(6, 0.62)
        ]
    else:
        parts.append(block(0, 0, 0, 0.12, 0.62, **painted(color)))
        parts.append(block(0, 0, 0.6, foot, 0.5, **painted(color)))
        parts += [colonnade(0, side * 0.42, 0.1, 0.6, 0.06, 0.28, 1, **painted("#efe9dc")) for side in (-1, 1)]
        parts += [colonnade(side * 0.42, 0, 0.1, 0.6, 0.06, 0.28, 1, "z", **painted("#efe9dc")) for side in (-1, 1)]
    return parts


def leaning_tower(color: Color, storeys: int, lean: float, radius: float, top: str, arches: int = 10) -> list[Part]:
    """Rings of arcades that lean by some degrees; `top`: belfry, cone, flat or dome."""
    height, pale = 2.3 / storeys, shade(color, 1.05)
    parts = [drum(0, 0, -0.1, 0.2 + height, radius, **painted(color, BLOCKS + AROUND * 10, size=0.2))]
    at = 0.2 + height
    for _ in range(1, storeys):
        arcade = painted(pale, ARCADE + AROUND * arches, shade(color, 0.32), height)
        # The pattern counts from a part's middle: half a period up, so that a storey holds one arch.
        parts.append(drum(0, 0, at, at + height, 0.94 * radius, **{**arcade, "pattern": arcade["pattern"]}))
        parts.append(drum(0, 0, at - 0.025, at + 0.025, 1.05 * radius, **painted(pale)))
        at += height
    parts.append(drum(0, 0, at - 0.02, at + 0.04, 1.07 * radius, **painted(pale)))
    if top == "belfry":
        parts.append(
            drum(0, 0, at, at + 0.3, 0.7 * radius, **painted(pale, ARCADE + AROUND * 6, shade(color, 0.3), 0.3))
        )
        parts.append(drum(0, 0, at + 0.29, at + 0.34, 0.75 * radius, **painted(pale)))
    elif top == "cone":
        parts.append(drum(0, 0, at, at + 0.6, 1.1 * radius, 0.0, **painted("#a4503a", ROOF, "#7c3626", 0.1)))
    elif top == "dome":
        parts.append(dome(0, 0, at, 0.9 * radius, 0.75 * radius, **painted("#6f9c8c", gloss=0.3)))
        parts.append(mast(0, 0, at + 0.3, at + 0.75, 0.025, **painted(GOLD)))
    return place(parts, rotation(roll=-lean))


def lighthouse(
    color: Color, second: Color, pattern: str, height: float, foot: float, head: float, house: bool = False
) -> list[Part]:
    """A tapering tower with a gallery and a lamp. `pattern`: bands, spiral, checks or square."""
    half = height / 2
    size = {"bands": height / 3, "spiral": height / 2.5, "checks": 0.28, "square": height / 2.5}[pattern]
    number = {"bands": BANDS, "spiral": SPIRAL + AROUND, "checks": CHECKED + AROUND * 6, "square": BANDS}[pattern]
    paint = painted(color, number, second, size, 0.15)
    build = block if pattern == "square" else drum
    parts = [build(0, 0, 0.08, height, foot, head, **paint)]
    parts.append(drum(0, 0, 0, 0.12, 1.5 * foot, 1.4 * foot, **painted("#8d8b86", BLOCKS + AROUND * 8, size=0.2)))
    parts.append(drum(0, 0, height, height + 0.05, 1.6 * head, **painted(DARK)))
    parts.append(ring((0, height + 0.14, 0), (0, 1, 0), 1.5 * head, 0.012, 0.012, 0.01, **painted(DARK)))
    parts.append(drum(0, 0, height, height + 0.3, 0.8 * head, **painted("#fff0bd", LAMP, gloss=0.8)))
    parts += [
        capsule((x, height, z), (x, height + 0.3, z), 0.014, **painted(DARK)) for x, z, _ in circle(5, 0.84 * head)
    ]
    parts.append(drum(0, 0, height + 0.29, height + 0.5, 1.15 * head, 0.0, **painted(second, gloss=0.3)))
    parts.append(ellipsoid((0, height + 0.5, 0), 0.035, **painted(second)))
    parts.append(box((0, 0.24, foot), (0.07, 0.15, 0.05), 0.01, **painted(DOOR)))
    parts += [
        box((0, y * half, foot + (head - foot) * y / 2), (0.035, 0.055, 0.03), 0.01, **painted(DARK))
        for y in (0.8, 1.4)
    ]
    if house:
        parts.append(block(0.5, 0, 0, 0.34, (0.28, 0.24), **painted("#f3efe4", WINDOWS, "#3c4a55", 0.2)))
        parts.append(block(0.5, 0, 0.34, 0.56, (0.33, 0.28), (0.33, 0.0), **painted("#b5483a", ROOF, "#8a3226", 0.06)))
    return parts


def windmill(color: Color, roof: Color, shape: str, sails: int, turn: float, width: float = 0.36) -> list[Part]:
    """A mill with sails at +z. `shape`: smock (tapering, with a gallery), round (white drum, cone roof), post
    (a house on a trestle) or brick (a bellied tower with a cap)."""
    hub = 1.3
    if shape == "post":
        parts = [block(0, 0, 0.5, 1.45, 0.34, **painted(color, RIBS, shade(color, 0.8), 0.12))]
        parts.append(block(0, 0, 1.45, 1.75, (0.38, 0.4), (0.02, 0.38), **painted(roof, ROOF, shade(roof, 0.7), 0.08)))
        parts += [capsule((x, 0, z), (0, 0.6, 0), 0.045, **painted("#6a4a30")) for x, z, _ in circle(4, 0.42, 45)]
        parts.append(capsule((0, 0, 0), (0, 0.6, 0), 0.09, **painted("#6a4a30")))
        parts.append(box((0, 0.3, -0.62), (0.1, 0.02, 0.5), 0.01, rotation(pitch=-38).T, **painted("#7d5a3c")))
        front = 0.42
    elif shape == "round":
        parts = [drum(0, 0, 0, 1.25, 0.46, 0.42, **painted(color))]
        parts.append(drum(0, 0, 1.22, 1.75, 0.52, 0.0, **painted(roof, ROOF + AROUND * 8, shade(roof, 0.7), 0.1)))
        hub, front = 1.12, 0.55
    else:
        top = 0.6 * width
        wall = (
            painted(color, BLOCKS + AROUND * 7, size=0.14)
            if shape == "brick"
            else painted(color, RIBS + AROUND * 8, shade(color, 0.86))
        )
        parts = [drum(0, 0, 0, 1.25, width, top, **wall)]
        if shape == "smock":
            parts.append(
                drum(0, 0, 0, 0.45, width + 0.04, width - 0.02, **painted("#b5795a", BLOCKS + AROUND * 8, size=0.12))
            )
            parts.append(drum(0, 0, 0.45, 0.5, width + 0.2, **painted("#6a4a30")))
            parts.append(ring((0, 0.6, 0), (0, 1, 0), width + 0.18, 0.012, 0.012, 0.01, **painted("#efe7d6")))
        parts.append(ellipsoid((0, 1.27, 0), (top + 0.06, 0.28, top + 0.1), **painted(roof, gloss=0.15)))
        front = top + 0.16
    parts.append(capsule((0, hub, front - 0.3), (0, hub, front + 0.06), 0.06, **painted("#4a382a")))
    for i in range(sails):
        sail = [box((0, 0.5, 0), (0.022, 0.5, 0.02), 0.008, **painted("#5b4330"))]
        sail.append(box((0.1, 0.6, 0), (0.1, 0.38, 0.012), 0.004, **painted("#f3ece0", CHECKED, "#cdbfa6", 0.1)))
        parts += place(sail, rotation(roll=turn + 360 * i / sails), (0, hub, front + 0.04))
    parts.append(box((0, 0.22, width), (0.09, 0.17, 0.12), 0.01, **painted(DOOR)))
    parts.append(box((0, 0.85, 0.8 * width), (0.05, 0.07, 0.06), 0.01, **painted("#3c4a55")))
    return parts


def pagoda(
    color: Color, roof: Color, storeys: int, width: float, shrink: float, plan: str = "square", height: float = 0.3
) -> list[Part]:
    """Storeys under wide roofs and a mast with rings. `plan`: square or round."""
    parts, at, half = [block(0, 0, 0, 0.12, width + 0.3, **painted("#b9b2a4", BLOCKS, size=0.16))], 0.12, width
    for i in range(storeys):
        last = i == storeys - 1
        out, rise = half + 0.24 * width / 0.5 * (0.75 + 0.25 * half / width), 0.16 + 0.26 * last
        wall, tiles = height * (1.25 if i == 0 else 1), painted(roof, ROOF, shade(roof, 0.7), 0.07)
        if plan == "square":
            parts.append(block(0, 0, at, at + wall, half, **painted(color, WINDOWS, shade(color, 0.4), half / 1.5)))
            parts.append(block(0, 0, at + wall - 0.05, at + wall, out, 1.02 * out, **tiles))
            parts.append(block(0, 0, at + wall, at + wall + rise, 0.97 * out, 0.04 if last else 0.62 * half, **tiles))
        else:
            body = painted(color, ARCADE + AROUND * 8, shade(color, 0.4), wall * 1.1)
            parts.append(drum(0, 0, at, at + wall, half, **body))
            parts.append(drum(0, 0, at + wall - 0.04, at + wall, out, 1.02 * out, **tiles))
            parts.append(drum(0, 0, at + wall, at + wall + rise, out, 0.04 if last else 0.62 * half, **tiles))
        at, half = at + wall + 0.8 * rise, half * shrink
    at += 0.08
    parts.append(mast(0, 0, at - 0.1, at + 0.62, 0.03, **painted(BRASS, gloss=0.6)))
    parts += [
        ellipsoid((0, at + 0.12 * i + 0.08, 0), (0.075 - 0.01 * i, 0.03, 0.075 - 0.01 * i), **painted(GOLD))
        for i in range(4)
    ]
    return parts


def stepped_skyscraper(
    color: Color, glass: Color, steps: Sequence[tuple[float, float, float]], crown: str, pattern: str = "ribs"
) -> list[Part]:
    """Boxes on boxes: `steps` are (half width, half depth, top); `crown`: needle, arcs, roof or twins."""
    number, size = (RIBS, 0.085) if pattern == "ribs" else (WINDOWS, 0.11)
    paint, low, parts = painted(color, number, glass, size, 0.15), 0.0, []
    for wide, deep, high in steps:
        parts.append(block(0, 0, low - 0.02, high, (wide, deep), **paint))
        parts.append(block(0, 0, high - 0.03, high + 0.01, (wide + 0.012, deep + 0.012), **painted(shade(color, 1.08))))
        low = high
    wide = steps[-1][0]
    metal = painted("#c9d2d8", gloss=0.7)
    if crown == "needle":
        parts += [
            drum(0, 0, low, low + 0.3, 0.55 * wide, 0.3 * wide, **metal),
            mast(0, 0, low + 0.2, low + 0.9, 0.035, **metal),
        ]
    elif crown == "arcs":
        for i in range(4):
            arc = painted("#d5dade" if i % 2 == 0 else "#9aa7b0", gloss=0.8)
            size = wide * (1 - 0.2 * i)
            parts.append(ellipsoid((0, low + 0.12 * i, 0), (size, 0.3, size), **arc))
        parts.append(mast(0, 0, low + 0.5, low + 1.1, 0.04, **metal))
    elif crown == "roof":
        parts += [
            block(0, 0, low, low + 0.5, wide, 0.02, **painted("#5fa08a", ROOF, "#3f7a68", 0.1)),
            mast(0, 0, low + 0.45, low + 0.7, 0.025, **painted(GOLD)),
        ]
    else:
        for side in (-1, 1):
            parts.append(block(side * 0.6 * wide, 0, low, low + 0.45, (0.34 * wide, 0.7 * wide), **paint))
            parts.append(mast(side * 0.6 * wide, 0, low + 0.4, low + 0.85, 0.03, **metal))
    return parts


def twisted_skyscraper(
    color: Color, glass: Color, shape: str, twist: float, width: float = 0.36, top: float = 0.3
) -> list[Part]:
    """A tower of slabs turned by `twist` degrees in all, each a little narrower. `shape`: square, long,
    stacked (parted into cubes) or round (a spindle, which is not twisted but striped in a spiral)."""
    parts, floors = [block(0, 0, 0, 0.06, 1.4 * width, **painted("#b7bcc0"))], 6 if shape == "stacked" else 14
    if shape == "round":
        spindle = painted(glass, SPIRAL + AROUND * 6, color, 0.36, 0.7)
        parts.append(ellipsoid((0, 1.05, 0), (width, 1.75, width), **spindle))
        return parts
    for i in range(floors):
        share = i / (floors - 1)
        half, tall = width + (top - width) * share, 2.7 / floors
        gap = 0.05 if shape == "stacked" else 0.0
        deep = 0.5 * half if shape == "long" else half
        size = (half, tall / 2 - gap / 2 + (0 if gap else 0.002), deep)
        wall = painted(color, GLASS, glass, tall / 2 if gap else tall, 0.6)
        parts.append(box((0, tall * (i + 0.5), 0), size, 0.008, rotation(yaw=twist * share).T, **wall))
    if shape == "stacked":
        parts.append(drum(0, 0, 0, 2.6, 0.6 * top, **painted(shade(color, 0.6))))
    return parts


def bell_tower(color: Color, roof: Color, shape: str, width: float = 0.3, height: float = 1.7) -> list[Part]:
    """A slender tower with an open belfry. `shape`: pyramid, battlements, cone (round) or tiers."""
    if shape == "cone":
        stone = painted(color, BLOCKS + AROUND * 7, size=0.16)
        parts = [drum(0, 0, 0, height + 0.45, width, 0.72 * width, **stone)]
        parts.append(
            drum(0, 0, height + 0.43, height + 0.95, 0.82 * width, 0.0, **painted(roof, BLOCKS + AROUND * 6, size=0.14))
        )
        parts += [
            box((x, y, z), (0.05, 0.1, 0.05), 0.01, rotation(yaw=a).T, **painted(DOOR))
            for y, n in ((height + 0.2, 4), (0.7, 2))
            for x, z, a in circle(n, 0.8 * width)
        ]
        return parts
    brick = painted(
        color, BLOCKS if shape != "tiers" else WINDOWS, shade(color, 0.35), 0.13 if shape != "tiers" else 0.22
    )
    arch = Openings(0.5 * width, 0.05, bottom=-0.14, crossed=True)
    pale = painted("#efe6d4")
    parts = [block(0, 0, 0, height, width, 0.95 * width, **brick)]
    parts.append(block(0, 0, height - 0.02, height + 0.05, 1.1 * width, **pale))
    parts.append(block(0, 0, height + 0.04, height + 0.42, 0.95 * width, openings=arch, **pale))
    parts.append(ellipsoid((0, height + 0.22, 0), (0.09, 0.11, 0.09), **painted(BRASS, gloss=0.6)))
    parts.append(block(0, 0, height + 0.41, height + 0.48, 1.12 * width, **pale))
    at = height + 0.48
    if shape == "pyramid":
        parts.append(block(0, 0, at, at + 0.8, 0.98 * width, 0.0, **painted(roof, ROOF, shade(roof, 0.8), 0.12)))
        parts.append(ellipsoid((0, at + 0.82, 0), 0.045, **painted(GOLD, gloss=0.7)))
    elif shape == "battlements":
        parts.append(block(0, 0, at - 0.1, at + 0.05, 1.1 * width, 1.3 * width, **brick))
        parts += battlement(0, 0, at + 0.05, at + 0.25, 1.3 * width, 0.4 * width, 2, **brick)
        parts.append(block(0, 0, at, at + 0.12, 1.15 * width, **brick))
    else:
        parts.append(block(0, 0, at, at + 0.26, 0.68 * width, **painted(color, ARCADE, shade(color, 0.3), 0.2)))
        parts.append(block(0, 0, at + 0.25, at + 0.3, 0.78 * width, **pale))
        parts.append(drum(0, 0, at + 0.3, at + 0.46, 0.5 * width, **pale))
        parts.append(dome(0, 0, at + 0.46, 0.5 * width, 0.55 * width, **painted(roof, gloss=0.3)))
        parts.append(mast(0, 0, at + 0.55, at + 0.85, 0.02, **painted(GOLD)))
    return parts


def needle_tower(color: Color, pod: Color, shape: str, height: float = 2.2) -> list[Part]:
    """A concrete needle with a lookout. `shape`: ball, saucer (on three legs), stack (balls) or crown."""
    concrete, glass = painted(color), painted(pod, GLASS + AROUND * 14, "#4e6f86", 0.1, 0.6)
    parts = [mast(0, 0, height, height + 0.65, 0.045, **painted("#c8453a", BANDS, "#f4f1ea", 0.22))]
    if shape == "saucer":
        for x, z, _ in circle(3, 0.42):
            parts.append(capsule((x, 0, z), (0.15 * x, 1.1, 0.15 * z), 0.05, 0.04, **concrete))
            parts.append(capsule((0.15 * x, 1.1, 0.15 * z), (0.6 * x, height - 0.25, 0.6 * z), 0.04, 0.05, **concrete))
        parts.append(drum(0, 0, 0, height, 0.07, **concrete))
        parts.append(drum(0, 0, height - 0.3, height - 0.18, 0.2, 0.55, **concrete))
        parts.append(drum(0, 0, height - 0.18, height - 0.08, 0.55, 0.52, **glass))
        parts.append(drum(0, 0, height - 0.08, height + 0.12, 0.56, 0.06, **painted(pod)))
        return parts
    parts.append(drum(0, 0, 0, height, 0.2, 0.1, **concrete))
    parts.append(drum(0, 0, 0, 0.2, 0.46, 0.2, **concrete))
    if shape == "ball":
        parts.append(ellipsoid((0, 1.75, 0), 0.36, **glass))
    elif shape == "stack":
        parts.append(ellipsoid((0, 0.85, 0), 0.34, **painted(pod, GLASS + AROUND * 14, "#7d3550", 0.14, 0.6)))
        parts.append(ellipsoid((0, 1.75, 0), 0.24, **painted(pod, GLASS + AROUND * 14, "#7d3550", 0.12, 0.6)))
        parts.append(ellipsoid((0, 2.3, 0), 0.12, **painted(pod, PLAIN, gloss=0.6)))
        parts += [capsule((x, 0, z), (0.3 * x, 0.8, 0.3 * z), 0.05, **concrete) for x, z, _ in circle(3, 0.5)]
    else:
        parts.append(drum(0, 0, 1.58, 1.72, 0.14, 0.42, **concrete))
        parts.append(ring((0, 1.8, 0), (0, 1, 0), 0.34, 0.14, 0.13, 0.125, **painted("#f2f2ef", gloss=0.4)))
        parts.append(drum(0, 0, 1.86, 2.02, 0.3, 0.2, **glass))
        parts.append(drum(0, 0, 2.3, 2.42, 0.17, **glass))
    return parts
