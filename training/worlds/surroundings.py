"""What stands around a landmark for good (trees, a house, a hedge) and what gets between it and the viewer
(trees, lamp posts, people, a fence)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from worlds.landmark_paint import DIM, LAMP, LEAVES, WINDOWS
from worlds.landscape import Setting
from worlds.masonry import block, gable, painted
from worlds.scene import Camera
from worlds.sdf import Part, capsule, ellipsoid

FEATURES = ("house", "hedges", "wall", "grove", "flags", "avenue")
OCCLUDERS = ("none", "tree", "lamps", "people", "fence")
CROWNS = {  # two colours of leaves; none in winter
    "spring": (("#9fcf5e", "#7db848"), ("#f2b8cc", "#e08fb0"), ("#b3d46a", "#86b84e")),
    "summer": (("#4f8f3c", "#35702e"), ("#5b9a45", "#3f7a34"), ("#44803a", "#2e642a")),
    "autumn": (("#d9822b", "#b5561f"), ("#e0b23a", "#c2852a"), ("#b8442c", "#8f3020")),
}
BARK = "#6a5240"
CLOTHES = ("#c8453a", "#2f6fae", "#e0b040", "#4a8a5a", "#8a4f90", "#e8e4da", "#38404a")


def tree(x: float, z: float, height: float, season: str, variant: int) -> list[Part]:
    """A tree: leaves as the season has them; every third one is a fir, which stays green."""
    stem, crown = (x, 0.55 * height, z), {"shades": False}
    trunk = capsule((x, 0, z), stem, 0.05 * height, 0.03 * height, shades=False, **painted(BARK, DIM))
    if variant % 3 == 2:
        green = painted("#3c6b45", LEAVES, "#2a5236")
        shapes = ((0.18, 0.75, 0.27), (0.45, 1.0, 0.19))
        cones = [capsule((x, a * height, z), (x, b * height, z), r * height, 0.01, **green) for a, b, r in shapes]
        return [trunk, cones[0], replace(cones[1], **crown)]
    if season == "winter":
        twigs = painted(BARK, DIM)
        ends = ((-0.24, 0.86, 0.05), (0.22, 0.9, -0.08), (0.03, 1.0, 0.1), (-0.08, 0.78, -0.22), (0.1, 0.8, 0.22))
        parts = [trunk]
        for i, (a, b, c) in enumerate(ends):
            low, high = (x, (0.3 + 0.05 * i) * height, z), (x + a * height, b * height, z + c * height)
            parts.append(capsule(low, high, 0.024 * height, 0.008 * height, shades=False, **twigs))
        return parts
    color, accent = CROWNS[season][variant % len(CROWNS[season])]
    leaves = painted(color, LEAVES, accent)
    balls = ((0.0, 0.74, 0.0, 0.27), (-0.19, 0.6, 0.06, 0.2), (0.19, 0.62, -0.05, 0.21))
    heads = [ellipsoid((x + a * height, b * height, z + c * height), r * height, **leaves) for a, b, c, r in balls]
    return [trunk, heads[0], *(replace(head, **crown) for head in heads[1:])]


def _house(x: float, z: float, size: float, tint: str, roof: str) -> list[Part]:
    return [
        block(x, z, 0, 0.6 * size, (0.6 * size, 0.42 * size), **painted(tint, WINDOWS, "#39424c", 0.3 * size)),
        gable(x, z, 0.6 * size, 1.05 * size, (0.66 * size, 0.48 * size), "x", **painted(roof)),
    ]


def _town(half: np.ndarray, tall: float, rng: np.random.Generator) -> list[Part]:
    """Blocks of houses around a tower, lower than it, with streets between."""
    tints = ("#c9c0b4", "#a7b0b8", "#b89a84", "#d3cabc", "#8f9aa4", "#c2ab98")
    parts = []
    for x in range(-2, 3):
        for z in range(-2, 3):
            if max(abs(x), abs(z)) < 2 or rng.random() < 0.35:
                continue
            size = np.array([0.16, 0.16]) * (0.7 + 0.4 * rng.random())
            at = np.sign([x, z]) * (half + 0.55) * np.abs([x, z]) / 2
            high = tall * (0.8 + 2.2 * rng.random() ** 2)
            tint = tints[int(rng.integers(len(tints)))]
            parts.append(block(*at, 0, high, size, **painted(tint, WINDOWS, "#4a5662", 0.09)))
    return parts


def fixtures(structure: str, number: int, half: np.ndarray, tall: float, setting: Setting, season: str) -> list[Part]:
    """What belongs to place `number` of a structure beside the landmark itself, whose half widths along x and
    z are `half`; a tree is `tall`. The four places of a structure have different features."""
    rng = np.random.default_rng([7, *structure.encode()])
    feature = str(rng.permutation(FEATURES)[number])
    rng = np.random.default_rng([11, number, *structure.encode()])
    parts: list[Part] = []

    def spot(bearing: float, gap: float) -> tuple[float, float]:
        at = np.radians(bearing)
        return float((half[0] + gap) * np.sin(at)), float((half[1] + gap) * np.cos(at))

    bearing, gap = float(rng.uniform(0, 360)), 0.9 * tall
    if feature == "house":
        tints = (("#e9d9b8", "#a8503c"), ("#d7dde0", "#4f5a66"), ("#d8a078", "#6a4a3c"), ("#f0ece0", "#7a3f38"))
        for i, turn in enumerate((0.0, 34.0)[: 1 + number % 2]):
            x, z = spot(bearing + turn, 1.1 * tall)
            parts += _house(x, z, tall * (0.9 - 0.2 * i), *tints[(number + i) % 4])
    elif feature in ("hedges", "wall"):
        hedge = painted("#5d8a48", LEAVES, "#44703a") if feature == "hedges" else painted("#a89c88", DIM)
        for side in (-1, 1):
            parts.append(block(side * (half[0] + gap), 0, 0, 0.3 * tall, (0.1 * tall, 0.8 * half[1] + gap), **hedge))
        if feature == "wall":
            parts.append(block(0, -half[1] - gap, 0, 0.3 * tall, (half[0] + gap, 0.08 * tall), **hedge))
    elif feature == "flags":
        tint = ("#c8433a", "#2f6fae", "#e2b23c", "#3f8f5a")[number]
        for i in range(5):
            x, z = spot(bearing + 16 * (i - 2), 0.7 * tall)
            parts.append(capsule((x, 0, z), (x, 1.3 * tall, z), 0.025 * tall, shades=False, **painted("#e8e8e8")))
            flag = block(x + 0.2 * tall, z, 0.95 * tall, 1.25 * tall, (0.19 * tall, 0.02 * tall), **painted(tint))
            parts.append(flag)
    if setting.ground == "paving" and setting.horizon == "city" and tall < 0.2:
        parts += _town(half, tall, rng)
    count = {"grove": 6, "avenue": 6}.get(feature, 3)
    kind = int(rng.integers(3))
    for i in range(count):
        where = bearing + 150 + 200 * rng.random()
        if feature == "grove":
            where = bearing + 15 * (i - 2.5)
        elif feature == "avenue":
            where = (20 if i % 2 else -20) + 180 * (number % 2)
        out = gap * (0.8 + 0.9 * rng.random()) if feature != "avenue" else gap * (0.8 + 0.65 * (i // 2))
        x, z = spot(where, out)
        parts += tree(x, z, tall * (0.8 + 0.4 * rng.random()), season, kind if feature == "avenue" else kind + i)
    return [part for part in parts if _dry(part.center, setting)]


def _dry(center: np.ndarray, setting: Setting) -> bool:
    """Whether something may stand here."""
    x, _, z = center
    if setting.water == "river":
        return abs(x - setting.level) > setting.width / 2 + 0.2
    return setting.water != "shore" or z > setting.level + 0.4


# --------------------------------------------------------------------------------------------------


def occluders(view: dict[str, Any], camera: Camera, reach: float) -> list[Part]:
    """Parts between the viewer and a landmark of radius `reach` around the origin. Their place and height are
    given in the picture, so that they cover as much of any landmark."""
    kind, season = view["occluder"], view["season"]
    if kind == "none":
        return []
    forward = camera.axes[2] * np.array([1.0, 0.0, 1.0])
    steep = float(np.linalg.norm(forward))
    forward = forward / steep
    front = max(0.5, float(-(camera.position @ forward)) - reach)
    low = np.arcsin(np.clip(-camera.axes[2][1], -1, 1))  # how far down the camera looks, radians
    bottom = np.tan(low + np.arctan(0.85 * camera.tan_half))
    distance = min(0.72 * front, max(0.45 * front, camera.position[1] / max(bottom, 1e-3)))

    def at(side: float, top: float) -> tuple[float, float, float]:
        """Ground position x, z of something at picture position `side`, and the height that ends at `top`."""
        ground = camera.position + forward * distance + camera.axes[0] * side * camera.tan_half * distance / steep
        height = camera.position[1] - distance * np.tan(low - np.arctan(top * camera.tan_half))
        # From high above, what reaches up to the viewer's eye would hide everything.
        highest = camera.position[1] * max(0.5, 1.5 - 2.6 * low)
        return float(ground[0]), float(ground[2]), float(min(max(height, 0.03), highest))

    side, tall, variant = view["occluder_side"], view["occluder_height"], view["occluder_variant"]
    if kind == "tree":
        # At the sides, where it hides a part of the landmark rather than all of it.
        sides = (np.copysign(0.6 + 0.45 * abs(side), side), np.copysign(0.85, -side))[: 1 + variant % 2]
        return [part for s in sides for part in tree(*at(s, tall), season, variant)]
    if kind == "lamps":
        return [part for s in (side, side - 1.2) for part in _lamp(*at(s, tall))]
    if kind == "people":
        count, parts = 1 + variant % 3, []
        for i in range(count):
            x, z, height = at(side + 0.2 * i, -0.5 + 0.2 * tall - 0.05 * (i % 2))
            parts += _person(x, z, height, CLOTHES[(variant + 2 * i) % 7], CLOTHES[(variant + 3 * i + 4) % 7], i)
        return parts
    x, z, height = at(0.0, -0.62 + 0.15 * tall)
    wide, right = 2.2 * camera.tan_half * distance, camera.axes[0]
    wood = painted(("#8a6a4a", "#e8e4da", "#3a4048")[variant % 3], DIM)
    ends = [np.array([x, 0, z]) + side * wide * right for side in (-1, 1)]
    rails = [capsule(*(end + [0, share * height, 0] for end in ends), 0.05 * height, **wood) for share in (0.4, 0.8)]
    post = capsule((x, 0, z), (x, height, z), 0.07 * height, up=right, repeat=(0.85 * height, 9), **wood)
    return [*rails, post]


def _lamp(x: float, z: float, height: float) -> list[Part]:
    iron = painted("#2f3338", DIM)
    return [
        capsule((x, 0, z), (x, height, z), 0.025 * height, 0.016 * height, **iron),
        ellipsoid((x, 0.02 * height, z), (0.06 * height, 0.05 * height, 0.06 * height), **iron),
        ellipsoid((x, 1.03 * height, z), 0.07 * height, **painted("#f4ead0", LAMP, gloss=0.5)),
        ellipsoid((x, 1.1 * height, z), (0.055 * height, 0.03 * height, 0.055 * height), **iron),
    ]


def _person(x: float, z: float, height: float, shirt: str, legs: str, i: int) -> list[Part]:
    skin = ("#e0b090", "#8d5f42", "#c99870")[i % 3]
    h = height
    return [
        capsule((x - 0.05 * h, 0, z), (x - 0.04 * h, 0.45 * h, z), 0.055 * h, **painted(legs, DIM)),
        capsule((x + 0.05 * h, 0, z), (x + 0.04 * h, 0.45 * h, z), 0.055 * h, **painted(legs, DIM)),
        capsule((x, 0.48 * h, z), (x, 0.74 * h, z), 0.1 * h, 0.11 * h, **painted(shirt, DIM)),
        ellipsoid((x, 0.93 * h, z), 0.085 * h, **painted(skin, DIM)),
        ellipsoid((x, 0.965 * h, z), (0.088 * h, 0.06 * h, 0.088 * h), **painted("#4a3326", DIM)),
    ]
