"""Heads of dogs and cats out of ellipsoids and capsules, around the origin and looking along z."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from worlds.backdrops import from_hex
from worlds.breeds import Breed, Build
from worlds.coats import BODY, COAT, EYE, PLAIN, tinted
from worlds.sdf import Part, capsule, ellipsoid, place, rotation

GAPE = 26.0  # degrees that a mouth opens
THROAT = {"color": (0.16, 0.07, 0.08), "pattern": PLAIN, "shades": False}
TONGUE = {"color": (0.92, 0.47, 0.5), "pattern": PLAIN, "shades": False}
RIM = (0.13, 0.09, 0.09)  # of an eye
TURN_OF_BODY = 0.35  # of the head's yaw


def head(breed: Breed, individual: dict[str, Any], mouth: float) -> list[Part]:
    """Parts of a head, its mouth open by the share `mouth`."""
    build = individual_build(breed.build, individual)
    fur = {"color": tinted(breed.coat.base, individual), "pattern": COAT, "soft": True, "gloss": 0.12}
    width, height, depth = build.skull
    parts = [ellipsoid((0, 0.02, -0.08), (width, height, depth), **fur)]
    for side in (-1, 1):
        cheek = (side * 0.52 * width, -0.4, 0.3 * depth)
        parts.append(ellipsoid(cheek, np.array([0.42, 0.38, 0.42]) * (0.75 + build.cheeks), **fur))
        parts += _ear(breed, build, individual, side, fur)
        parts += _eye(breed, build, individual, side, fur)
        parts += _ruff(build, side, fur)
    jaws = _long_jaws if build.muzzle[0] > 0.3 else _short_jaws
    return parts + jaws(build, breed, mouth, fur)


def body(breed: Breed, individual: dict[str, Any]) -> list[Part]:
    """Neck and chest below a head, which look along z."""
    build = individual_build(breed.build, individual)
    coat = tinted(breed.coat.chest or breed.coat.base, individual)
    back = {"color": tinted(breed.coat.base, individual), "accent": coat, "pattern": BODY, "soft": True, "gloss": 0.1}
    thick = (0.62 if breed.species == "cat" else 0.7) * build.skull[0] + 0.16 * build.ruff
    chest = ellipsoid((0, -2.25, -0.75), (1.2 * thick + 0.42, 1.25, 1.05), **back)
    parts = [capsule((0, -0.45, -0.35), (0, -1.9, -0.75), thick, 1.15 * thick, **back), chest]
    if build.ruff > 0.2:
        parts.append(ellipsoid((0, -1.2, -0.05), (thick + 0.1, 0.55, 0.55), **{**back, "color": coat}))
    return parts


def individual_build(build: Build, individual: dict[str, Any]) -> Build:
    """The form of one of a breed."""
    broad, nose, ear = 1 + 0.05 * individual["broadness"], individual["muzzle_length"], individual["ear_length"]
    width, height, depth = build.skull
    length, wide, high = build.muzzle
    return replace(
        build,
        skull=(width * broad, height * (2 - broad), depth),
        muzzle=(length * (1 + 0.14 * nose), wide * broad, high),
        ear=(build.ear[0] * (1 + 0.12 * ear), build.ear[1]),
        ear_spread=build.ear_spread + 6 * individual["ear_spread"],
        eye=build.eye * (1 + 0.08 * individual["eye_size"]),
        ruff=build.ruff * (1 + 0.25 * individual["fur"]),
    )


def _surface(build: Build, x: float, y: float) -> float:
    """How far forward the skull reaches at x, y."""
    width, height, depth = build.skull
    inside = 1 - (x / width) ** 2 - ((y - 0.02) / height) ** 2
    return depth * float(np.sqrt(max(inside, 0.05))) - 0.08


def _eye(breed: Breed, build: Build, individual: dict[str, Any], side: int, fur: dict) -> list[Part]:
    size = build.eye
    choices = breed.coat.eyes
    iris = choices[int(individual["eye_color"] * len(choices)) % len(choices)]
    paint = {"pattern": EYE, "pattern_scale": 1.0 if breed.species == "dog" else 2.0}
    ball = ellipsoid((0, 0, 0), size, color=from_hex(iris), accent=(0.03, 0.03, 0.04), gloss=0.5, shades=False, **paint)
    rim = ellipsoid((0, 0, -0.3 * size), np.array([1.24, 1.14, 0.8]) * size, color=RIM, pattern=PLAIN, shades=False)
    lid = {**fur, "soft": False, "shades": False}
    upper = ellipsoid((0, 0.02 * size, -0.04 * size), 1.14 * size, clip=(0, -1, 0.35, -build.lid), **lid)
    apart = build.eye_apart * build.skull[0]
    deep = _surface(build, apart, build.eye_height) - 0.55 * size
    turn = rotation(yaw=side * 17, pitch=-4, roll=side * build.eye_slant)
    return place([rim, ball, upper], turn, (side * apart, build.eye_height, deep))


def _ear(breed: Breed, build: Build, individual: dict[str, Any], side: int, fur: dict) -> list[Part]:
    """One ear, outside and inside, growing out of the top of the skull."""
    length, half = build.ear
    outer = {**fur, "color": tinted(breed.coat.ears or breed.coat.base, individual)}
    if breed.coat.ears:
        outer["pattern"] = PLAIN
    inner = {"color": tinted(breed.coat.inner_ear, individual), "pattern": PLAIN, "gloss": 0.05, "shades": False}
    lean = np.radians(build.ear_spread)
    root = np.array(
        [side * np.sin(lean * 1.25) * build.skull[0] * 0.82, np.cos(lean * 1.1) * build.skull[1] * 0.84, -0.12]
    )
    out = np.array([side * np.sin(lean * 0.8), np.cos(lean * 0.8), 0.0])
    if build.ears in ("prick", "bat"):
        tip = root + out * length
        end = 0.06 if build.ears == "prick" else 0.2
        shape = {"flat": (0.34, 1.0), "up": (0.0, 0.0, 1.0)}
        front = np.array([0.0, -0.02, 0.1])
        return [
            capsule(root, tip, half, end, **shape, **outer),
            capsule(root + front, root + front + out * 0.78 * length, 0.66 * half, 0.6 * end, **shape, **inner),
        ]
    if build.ears == "folded":
        tip = root + np.array([side * 0.2, 0.06, 0.42]) * length / 0.5
        return [
            capsule(root - 0.1 * out, root + 0.16 * out, half, 0.7 * half, flat=(0.6, 1.0), up=(0, 0, 1), **outer),
            capsule(root + 0.18 * out, tip, 0.34, 0.12, flat=(0.4, 1.0), **outer),
        ]
    if build.ears == "rose":  # half upright, its tip turned over
        middle = root + out * 0.55 * length
        tip = middle + np.array([side * 0.34, -0.12, 0.3]) * length
        return [
            capsule(root, middle, half, 0.66 * half, flat=(0.4, 1.0), up=(0, 0, 1), **outer),
            capsule(middle, tip, 0.6 * half, 0.1, flat=(0.5, 1.0), **outer),
        ]
    drop = {"drop": (0.34, 0.05), "long": (0.2, 0.12), "pompom": (0.3, 0.0)}[build.ears]
    root = np.array([side * build.skull[0] * 0.86, 0.5 if build.ears == "drop" else 0.36, -0.1])
    knee = root + np.array([side * drop[0], -0.02, 0.06])
    tip = knee + np.array([side * 0.04, -length, drop[1]])
    if build.ears == "pompom":
        ball = {**outer, "soft": True}
        return [
            ellipsoid(knee + [side * 0.05, -0.3, 0], (0.42, 0.5, 0.44), **ball),
            ellipsoid(knee + [side * 0.08, -0.85, 0], (0.46, 0.5, 0.46), **ball),
        ]
    thin = {"flat": (1.0, 0.36), "up": (0.0, 0.0, 1.0)}
    return [
        capsule(root, knee, 0.2, 0.24, **outer),
        capsule(knee, tip, 0.24, half, **thin, **outer),
    ]


def _ruff(build: Build, side: int, fur: dict) -> list[Part]:
    """Fur that stands off the cheeks; a poodle's topknot."""
    parts = []
    if build.ruff:
        reach = 0.34 * build.ruff
        for down, back in ((-0.3, -0.1), (-0.62, 0.02)):
            root = np.array([side * 0.72 * build.skull[0], down, back])
            parts.append(capsule(root, root + [side * reach, -0.62 * reach, -0.1], 0.34, 0.1, **fur))
    if build.ears == "pompom":
        parts += [ellipsoid((side * 0.3, 0.88, -0.05), (0.52, 0.46, 0.56), **fur)]
    return parts


def _nose(build: Build, color, at: np.ndarray) -> Part:
    """A nose's pad, wider than it is high."""
    size = np.array([1.15, 0.78, 0.7]) * build.nose
    return ellipsoid(at, size, color=color, pattern=PLAIN, gloss=0.7, shades=False)


def _long_jaws(build: Build, breed: Breed, mouth: float, fur: dict) -> list[Part]:
    """A dog's muzzle, which reaches beyond its skull."""
    length, half, high = build.muzzle
    y, start = -build.muzzle_drop, 0.35 * build.skull[2]
    front = build.skull[2] + length - half * 0.5
    flat = (high / half, 1.0)
    upper = [
        capsule((0, y + 0.1, start), (0, y, front - 0.12), 1.12 * half, 0.8 * half, flat=flat, **fur),
        ellipsoid((0, y - 0.02, front - 0.1), (0.92 * half, 0.98 * high, 0.5 * half), **fur),
    ]
    nose = _nose(build, from_hex(breed.coat.nose), np.array([0, y + 0.66 * high, front + 0.22 * half]))
    hinge = np.array([0, y - 0.42 * high, start])
    reach = front - start - 0.16
    lower = {**fur, "soft": False}
    throat = (0, 0.1 * high, 0.1), (0, -0.02 * high, reach - 0.02)
    jaw = [
        capsule((0, -0.16 * high, 0.1), (0, -0.3 * high, reach), 0.66 * half, 0.5 * half, flat=(0.62, 1.0), **lower),
        capsule(*throat, 0.5 * half, 0.4 * half, flat=(0.5, 1.0), **THROAT),
    ]
    if mouth > 0.15:
        tongue = (0, 0.2 * high, 0.4 * reach), (0, 0.02 * high, reach + 0.3 * (mouth - 0.15))
        jaw.append(capsule(*tongue, 0.4 * half, 0.36 * half, flat=(0.3, 1.0), gloss=0.4, **TONGUE))
    return [*upper, nose, *place(jaw, rotation(pitch=GAPE * mouth), hinge)]


def _short_jaws(build: Build, breed: Breed, mouth: float, fur: dict) -> list[Part]:
    """A cat's or a bulldog's muzzle: two pads, a chin below them."""
    length, half, high = build.muzzle
    y = -build.muzzle_drop
    front = _surface(build, 0.0, y) + length
    pads = [
        ellipsoid((side * 0.5 * half, y - 0.06, front - 0.16), (0.66 * half, 0.86 * high, 0.3), **fur)
        for side in (-1, 1)
    ]
    bridge = capsule((0, 0.16, front - 0.36), (0, y + 0.16, front - 0.14), 0.2, 0.16, flat=(0.8, 1.0), **fur)
    nose = _nose(build, from_hex(breed.coat.nose), np.array([0, y + 0.42 * high + 0.06, front + 0.02]))
    line = {"color": RIM, "pattern": PLAIN, "shades": False, "gloss": 0.0}
    fold = [np.array([0, y + 0.1 * high, front + 0.06]), np.array([0, y - 0.3 * high - 0.04, front + 0.1])]
    corner = np.array([0.7 * half, y - 0.5 * high - 0.06, front - 0.02])
    smile = [capsule(*fold, 0.018, **line)] + [
        capsule(fold[1], corner * [side, 1, 1], 0.022, **line) for side in (-1, 1)
    ]
    lower = {**fur, "soft": False}
    chin = [ellipsoid((0, -0.12, 0.5), (0.62 * half, 0.5 * high, 0.26), **lower)]
    if mouth > 0.1:
        chin.append(ellipsoid((0, 0.04, 0.44), (0.5 * half, 0.3 * high, 0.26), **THROAT))
        chin.append(ellipsoid((0, 0.07, 0.48), (0.34 * half, 0.16 * high, 0.27), **TONGUE))
    hinge = (0, y - 0.62 * high, front - 0.62)
    return [*pads, bridge, *smile, nose, *place(chin, rotation(pitch=GAPE * mouth), hinge)]
