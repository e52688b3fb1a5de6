"""The world of clocks and crocodiles: rendered pictures whose factors are known, and morphs between the two.

    factors = sample_factors(16, seed=0, kind="morph")
    images = render(factors)                # uint8 (16, 3, 64, 64)
    factors.records()[0]["t"]               # how far from clock (0) to crocodile (1)

Picture i depends only on (seed, kind, start + i). Background, light and distance are drawn before, and
without regard to, what stands in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from worlds import backdrops, raymarch
from worlds.backdrops import from_hex, hsv, to_hex
from worlds.factors import Factors as FlatFactors
from worlds.paint import NUMERALS, paint
from worlds.scene import Scene, frame_camera
from worlds.sdf import Part, bounds, place, rotation
from worlds.shapes import BRICKS, CASE, SKIN, WOOD, clock, crocodile
from worlds.things import BUILDERS, thing

KINDS = ("clock", "crocodile", "morph", "neither")
CLOCK_SHAPES = ("wall", "alarm", "tower")
CROC_SHAPES = ("standing", "basking", "snapping", "curled")
FLANK = 0.44  # radius that a dial has on a crocodile's flank


class Factors(FlatFactors):
    """What a number of pictures show, one flat dict each. Index with a number, a slice or a list of
    numbers."""

    def with_t(self, t: float | Sequence[float] | Tensor) -> Factors:
        """The same clocks and crocodiles at another point t in [0, 1] of the way from one to the other.

        Raises ValueError for a t outside [0, 1] and for pictures of neither.
        """
        if any(row["class"] == "neither" for row in self.rows):
            raise ValueError("a picture of neither has no t: it cannot be morphed")
        t = np.broadcast_to(np.asarray(t, dtype=float), (len(self),))
        if not ((t >= 0) & (t <= 1)).all():
            raise ValueError(f"t must lie in [0, 1], got {t.min():g} to {t.max():g}")
        names = {0.0: "clock", 1.0: "crocodile"}
        return Factors(
            tuple(
                {**row, "t": float(value), "class": names.get(float(value), "morph")}
                for row, value in zip(self.rows, t, strict=True)
            )
        )

    def records(self) -> list[dict[str, Any]]:
        """Flat rows of plain types with the same keys in each, for a table; None where a factor has no
        say."""
        return [_record(row) for row in self.rows]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    t, neither = row["t"], row["class"] == "neither"
    hidden = ("clock_", "croc_") if neither else ("object_", *(["croc_"] if t == 0 else ["clock_"] if t == 1 else []))
    record = {name: None if name.startswith(hidden) else value for name, value in row.items()}
    for name in ("hour", "minute"):
        record[name] = record.pop(f"clock_{name}")
    shapes = [record.pop(f"{part}_shape") for part in ("clock", "croc", "object")]
    record["shape"] = "+".join(shape for shape in shapes if shape)
    return record


# --------------------------------------------------------------------------------------------------


def sample_factors(
    count: int,
    seed: int,
    kind: str = "clock",
    start: int = 0,
    t: float | Sequence[float] | Tensor | None = None,
) -> Factors:
    """Draw the factors of `count` pictures, numbers `start` to `start + count - 1` of the stream of (seed,
    kind).

    `t`, for kind "morph" only, is the way from clock (0) to crocodile (1): a number or one per picture; by default
    it is uniform in (0.15, 0.85). Raises ValueError for an unknown kind, a negative count, seed or start, or
    a wrong t.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if min(count, seed, start) < 0:
        raise ValueError(f"count, seed and start must not be negative, got {count}, {seed}, {start}")
    if t is not None and kind != "morph":
        raise ValueError(f"t is for kind 'morph', not for {kind!r}")
    factors = Factors(tuple(_sample(seed, kind, index) for index in range(start, start + count)))
    return factors if t is None else factors.with_t(t)


def _sample(seed: int, kind: str, index: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, KINDS.index(kind), index])

    def uniform(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    view = {
        "yaw": uniform(-50, 50) if kind != "morph" else uniform(-35, 35),
        "pitch": uniform(3, 30),
        "distance": uniform(1.0, 1.25),
        "shift_x": uniform(-0.07, 0.07),
        "shift_y": uniform(-0.07, 0.07),
        "light_azimuth": uniform(-65, 65),
        "light_elevation": uniform(28, 68),
        **backdrops.sample(rng),
    }
    t = {"clock": 0.0, "crocodile": 1.0, "neither": None}.get(kind, uniform(0.15, 0.85))
    side = 180.0 * float(rng.random() < 0.5)
    # A crocodile turns its flank or face to the viewer, rarely its tail; in a morph the flank carries the dial.
    turn = uniform(-62, 25) if kind != "morph" else uniform(-20, 10)
    heading = side + (turn if side == 0 else -turn)
    return {
        "class": kind,
        "t": t,
        **view,
        **_sample_clock(rng, uniform),
        **_sample_crocodile(rng, uniform),
        "croc_heading": heading if kind == "morph" else round(heading - view["yaw"], 4),
        "object_shape": str(rng.choice(list(BUILDERS))),
        "object_proportion": uniform(0, 1),
        "object_color": to_hex(hsv(rng.random(), 0.45 + 0.45 * rng.random(), 0.6 + 0.35 * rng.random())),
        "object_second_color": to_hex(hsv(rng.random(), 0.3 + 0.5 * rng.random(), 0.45 + 0.5 * rng.random())),
        "object_heading": uniform(-60, 60) + 180.0 * float(rng.random() < 0.3),
    }


def _sample_clock(rng: np.random.Generator, uniform) -> dict[str, Any]:
    hue, light_face = rng.random(), bool(rng.random() < 0.8)
    face = hsv(rng.random(), 0.16 * rng.random(), 0.93 + 0.07 * rng.random())
    ink = hsv(rng.random(), 0.7 * rng.random(), 0.05 + 0.2 * rng.random())
    if not light_face:
        face, ink = hsv(hue, 0.6, 0.16 + 0.12 * rng.random()), hsv(rng.random(), 0.3 * rng.random(), 0.97)
    shape = str(rng.choice(CLOCK_SHAPES))
    wooden = rng.random() < 0.3 or shape == "tower"
    body = hsv(0.02 + 0.09 * hue, 0.25 + 0.4 * rng.random(), 0.4 + 0.45 * rng.random())
    if not wooden:
        body = hsv(hue, 0.35 + 0.55 * rng.random(), 0.5 + 0.45 * rng.random())
    golden = rng.random() < 0.4
    accent = hsv(0.12, 0.55, 0.85) if golden else hsv(rng.random(), 0.2 + 0.6 * rng.random(), 0.3 + 0.6 * rng.random())
    return {
        "clock_shape": shape,
        "clock_variant": int(rng.integers({"wall": 4, "alarm": 3, "tower": 3}[shape])),
        "clock_proportion": uniform(0.85, 1.15),
        "clock_hour": int(rng.integers(12)),
        "clock_minute": int(rng.integers(60)),
        "clock_numerals": str(rng.choice(NUMERALS, p=[0.1, 0.35, 0.35, 0.2])),
        "clock_second_hand": int(rng.integers(60)) if rng.random() < 0.3 else None,
        "clock_body_color": to_hex(body),
        "clock_accent_color": to_hex(accent),
        "clock_dial_color": to_hex(face),
        "clock_hand_color": to_hex(ink),
    }


def _sample_crocodile(rng: np.random.Generator, uniform) -> dict[str, Any]:
    hue = 0.2 + 0.2 * rng.random() if rng.random() < 0.8 else rng.choice([0.09, 0.12, 0.5, 0.15])
    shape = str(rng.choice(CROC_SHAPES))
    jaw = {"standing": (0, 16), "basking": (12, 40), "snapping": (30, 50), "curled": (0, 14)}[shape]
    return {
        "croc_shape": shape,
        "croc_girth": uniform(0.9, 1.15),
        "croc_snout": uniform(0.85, 1.15),
        "croc_jaw": uniform(*jaw),
        "croc_tail": uniform(0.5, 1.2) * float(rng.choice([-1, 1])),
        "croc_color": to_hex(hsv(float(hue), 0.4 + 0.35 * rng.random(), 0.42 + 0.3 * rng.random())),
        "croc_belly_color": to_hex(
            hsv(0.13 + 0.08 * rng.random(), 0.25 + 0.25 * rng.random(), 0.8 + 0.15 * rng.random())
        ),
        "croc_eye_color": to_hex(hsv(0.1 + 0.08 * rng.random(), 0.5 + 0.4 * rng.random(), 0.95)),
    }


# --------------------------------------------------------------------------------------------------


def _smooth(t: float, low: float, high: float) -> float:
    x = min(max((t - low) / (high - low), 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _blend(a, b, share: float) -> tuple[float, float, float]:
    return tuple((1 - share) * x + share * y for x, y in zip(a, b, strict=True))


def _subject(row: dict[str, Any]) -> list[Part]:
    """The parts of what the picture shows, standing on y = 0."""
    if row["class"] == "neither":
        return thing(row)
    if row["t"] == 0:
        return clock(row)[0]
    if row["t"] == 1:
        return place(crocodile(row), rotation(yaw=row["croc_heading"]))
    return _morph(row, row["t"])


def _morph(row: dict[str, Any], t: float) -> list[Part]:
    """A clock out of which a crocodile grows, head and tail first. The clock shrinks towards its dial, and
    the dial moves onto the flank; what is left of the clock vanishes inside the body at last."""
    clock_parts, center, radius = clock(row)
    side = 180.0 if abs(row["croc_heading"]) > 90 else 0.0
    turn = rotation(yaw=side + (row["croc_heading"] - side) * _smooth(t, 0.4, 1.0))
    trunk, flank = np.array([-0.06, 0.5, 0.0]), np.array([0.0, 0.04, 0.43 * row["croc_girth"]])
    moved, grown = _smooth(t, 0.05, 0.75), min(1.0, (t / 0.75) ** 0.5)
    dial_at = np.asarray(_blend(center, trunk + flank, moved))
    left = 1 - _smooth(t, 0.8, 1.0)
    last = min(FLANK / radius, 0.9 / center[1])
    size = (1 + (last - 1) * _smooth(t, 0.15, 0.85)) * left
    # Head and tail are moved apart until they look out of the clock's sides.
    gap = max(0.0, 1.05 * radius * size / grown - 0.4) * _smooth(t, 0.02, 0.3)
    animal = [
        replace(part, center=part.center + np.array([gap * np.clip(part.center[0] / 0.4, -1, 1), 0, 0]))
        for part in crocodile(row)
    ]
    animal = place(place(animal, turn, -trunk), scale=grown)
    # While the animal is small, all of it stays behind the dial; in the end its flank carries the dial.
    front = bounds(animal)[1][2] + 0.06
    depth = front + (flank[2] * grown - front) * _smooth(t, 0.35, 0.85)
    animal = place(animal, shift=dial_at - [0.0, flank[1] * grown, depth])
    dial_at = dial_at - np.array([0, 0, 0.35 * (1 - left) ** 2])  # at the very end the dial sinks into the body
    clock_parts = place(place(clock_parts, shift=-center), shift=dial_at, scale=max(size, 1e-3))
    skin, case = from_hex(row["croc_color"]), from_hex(row["clock_body_color"])
    belly, rim = from_hex(row["croc_belly_color"]), from_hex(row["clock_accent_color"])
    colored = [_recolored(part, skin, belly, 0.8 * _smooth(t, 0.1, 0.75)) for part in clock_parts]
    return colored + [_recolored(part, case, rim, 0.75 * (1 - _smooth(t, 0.05, 0.75))) for part in animal]


def _recolored(part: Part, color, accent, share: float) -> Part:
    """Skin and cases take a share of the other one's colours; eyes, teeth, dials and trimmings keep
    theirs."""
    if part.pattern not in (CASE, SKIN, WOOD, BRICKS):
        return part
    return replace(part, color=_blend(part.color, color, share), accent=_blend(part.accent, accent, share))


def _scene(row: dict[str, Any]) -> Scene:
    parts = _subject(row)
    hanging = row["background"] == "wallpaper"
    turn = np.eye(3) if hanging else rotation(yaw=row["yaw"])
    parts = place(parts, turn)
    low, _ = bounds(parts)
    parts = place(parts, shift=(0, -low[1], 0))
    wall = float(low[2]) - (0.0 if hanging else 1.4)
    azimuth = -row["yaw"] if hanging else 0.0
    shift = (row["shift_x"], row["shift_y"])
    camera = frame_camera(parts, azimuth, row["pitch"], 0.9 / row["distance"], shift)
    light = rotation(azimuth + row["light_azimuth"], -row["light_elevation"]) @ np.array([0.0, 0.0, 1.0])
    return Scene(
        parts=parts,
        camera=camera,
        light=light,
        frame=(turn @ rotation(yaw=row["croc_heading"])).T if row["t"] == 1 else turn.T,
        backdrop=backdrops.numbers(row, wall),
        extra=_extra(row),
        **backdrops.ambient_light(row),
    )


def _extra(row: dict[str, Any]) -> list[float]:
    """Numbers for `paint`: scaliness, numerals, directions of the three hands (a missing one is 0, 0),
    colour of ink."""
    hour, minute = row["clock_hour"], row["clock_minute"]
    angles = [2 * np.pi * (hour + minute / 60) / 12, 2 * np.pi * minute / 60]
    hands = [number for angle in angles for number in (np.sin(angle), np.cos(angle))]
    second = row["clock_second_hand"]
    hands += [0.0, 0.0] if second is None else [np.sin(np.pi * second / 30), np.cos(np.pi * second / 30)]
    scaliness = 0.0 if row["t"] is None else _smooth(row["t"], 0.0, 0.8)
    return [scaliness, NUMERALS.index(row["clock_numerals"]), *hands, *from_hex(row["clock_hand_color"])]


def render(
    factors: Factors,
    image_size: int = 64,
    device: str | torch.device = "cpu",
    batch_size: int | None = None,
    processes: int = 1,
) -> Tensor:
    """Pictures of the factors: uint8 (B, 3, image_size, image_size), sRGB, on the CPU.

    `batch_size` and `processes` change speed and memory, not the pictures (see `raymarch.render`). Raises ValueError
    when image_size is not a multiple of 8.
    """
    settings = {"image_size": image_size, "device": device, "batch_size": batch_size, "processes": processes}
    return raymarch.render(factors.rows, _scene, paint, backdrops.surfaces, **settings)
