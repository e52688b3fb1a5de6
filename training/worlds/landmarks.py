"""The world of landmarks: rendered places seen from all sides, in every season and light.

    factors = sample_factors(16, seed=0)                    # of any place
    factors = sample_factors(16, seed=0, place="pagoda_3")  # the same views of one place
    images = render(factors)                                # uint8 (16, 3, 96, 96)
    factors.records()[0]["azimuth"]                         # where the viewer stood

A place is an individual of a structure ("pagoda_3" is the third pagoda): its form, its colours and what stands
beside it are always the same. Picture i depends only on (seed, place, start + i), and its view only on (seed,
start + i), so that any place can be shown from the same side in the same light.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from worlds import landscape, raymarch, structures
from worlds.factors import Factors
from worlds.landmark_paint import LEAVES, paint
from worlds.landscape import Setting
from worlds.scene import Scene, frame_camera
from worlds.sdf import Part, bound_radius, bounds, box, place, rotation
from worlds.surroundings import OCCLUDERS, fixtures, occluders

STRUCTURES = tuple(structures.STRUCTURES)
INDIVIDUALS = 4
PLACES = tuple(f"{structure}_{number}" for structure in STRUCTURES for number in range(1, INDIVIDUALS + 1))
SEASONS, SKIES = landscape.SEASONS, landscape.SKIES
EDGE = 0.12  # masonry and leaves differ by less from pixel to pixel, outlines by more
BATCH_SIZE = 64  # on a CPU, faster here than the renderer's own by a tenth
TRIM = 0.09  # radius in world units of what is too small to throw a shadow worth its time
SIZE = 2.0  # height or width of a landmark in world units, whichever is larger
LOWEST_EYE = 0.16  # world units above the ground


def sample_factors(count: int, seed: int, place: str | None = None, start: int = 0) -> Factors:
    """Draw the factors of `count` pictures, numbers `start` to `start + count - 1` of the stream of `seed`.

    `place` is one of PLACES, or one of STRUCTURES for any of its places; by default every place is as likely. Raises
    ValueError for an unknown place and for a negative count, seed or start.
    """
    if min(count, seed, start) < 0:
        raise ValueError(f"count, seed and start must not be negative, got {count}, {seed}, {start}")
    if place is not None and place not in PLACES and place not in STRUCTURES:
        raise ValueError(f"place must be a structure ({', '.join(STRUCTURES)}) or one with its number, got {place!r}")
    return Factors(tuple(_sample(seed, place, index) for index in range(start, start + count)))


def _sample(seed: int, place: str | None, index: int) -> dict[str, Any]:
    if place not in PLACES:
        # A stream of its own, so that the choice of a place has no say in the view.
        options = PLACES if place is None else [f"{place}_{number}" for number in range(1, INDIVIDUALS + 1)]
        place = options[int(np.random.default_rng([seed, index, 1]).integers(len(options)))]
    structure, number = place.rsplit("_", 1)
    view = sample_view(np.random.default_rng([seed, index, 0]))
    family = structures.STRUCTURES[structure].family
    return {"place": place, "family": family, "structure": structure, "individual": int(number), **view}


def sample_view(rng: np.random.Generator) -> dict[str, Any]:
    """Factors of a view. Angles in degrees: `azimuth` is where the viewer stands around the landmark, 0 being in
    front, `light_azimuth` is from the viewer; `distance` 1 lets the landmark just fill the picture; shifts are
    in half pictures; `occluder_side` and `occluder_height` are picture positions in [-1, 1]."""

    def uniform(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    sky = str(rng.choice(SKIES, p=[0.34, 0.26, 0.14, 0.13, 0.13]))
    light = {"sunset": (5.0, 16.0), "overcast": (50.0, 80.0)}.get(sky, (18.0, 66.0))
    return {
        "azimuth": uniform(0, 360),
        "elevation": round(2 + 33 * float(rng.random()) ** 1.6, 4),
        "distance": round(0.72 * (1.9 / 0.72) ** float(rng.random()), 4),
        "field_of_view": uniform(22, 48),
        "shift_x": uniform(-0.22, 0.22),
        "shift_y": uniform(-0.16, 0.12),
        "season": str(rng.choice(SEASONS)),
        "sky": sky,
        "clouds": uniform(0, 1),
        "light_azimuth": uniform(-110, 110),
        "light_elevation": uniform(*light),
        "occluder": str(rng.choice(OCCLUDERS, p=[0.6, 0.12, 0.1, 0.1, 0.08])),
        "occluder_side": uniform(-0.8, 0.8),
        "occluder_height": uniform(0.1, 0.8),
        "occluder_variant": int(rng.integers(12)),
    }


@lru_cache(maxsize=256)
def landmark(structure: str, number: int) -> tuple[Part, ...]:
    """Parts of individual `number` (from 0) of a structure, in world units, in the middle of y = 0."""
    kind = structures.STRUCTURES[structure]
    parts = kind.build(**kind.places[number])
    low, high = bounds(parts)
    scale = SIZE / max(high[1], high[0] - low[0], high[2] - low[2])
    middle = (low + high) / 2
    placed = place(parts, shift=(-middle[0] * scale, 0, -middle[2] * scale), scale=scale)
    return tuple(replace(part, shades=part.shades and bound_radius(part) > TRIM) for part in placed)


def setting(structure: str, number: int) -> Setting:
    """The land of individual `number` (from 0) of a structure: its own hills at the horizon."""
    kind = structures.STRUCTURES[structure]
    rng = np.random.default_rng([3, number, *structure.encode()])
    land = Setting(**kind.setting)
    phase = round(float(rng.uniform(0, 20)), 3)
    return replace(land, phase=phase, rise=round(land.rise * float(rng.uniform(0.8, 1.5)), 4))


def _seen(parts: tuple[Part, ...]) -> list[Part]:
    """What the camera is to fill the picture with: not a bridge's banks, and of what reaches below the ground
    only a box around the rest."""
    seen = []
    for part in parts:
        if part.pattern == LEAVES:
            continue
        low, high = bounds([part])
        if low[1] < -0.05 and high[1] > 0:
            low[1] = 0.0
            part = box((low + high) / 2, (high - low) / 2, 0.0)
        seen.append(part)
    return seen


def _scene(row: dict[str, Any]) -> Scene:
    structure, number = row["structure"], row["individual"] - 1
    parts, land = landmark(structure, number), setting(structure, number)
    low, high = bounds(parts)
    half = np.maximum(-low, high)[[0, 2]]
    shift = (row["shift_x"], row["shift_y"])
    view = (row["azimuth"], row["elevation"], 0.92 / row["distance"], shift, row["field_of_view"])
    camera = frame_camera(_seen(parts), *view)
    camera.position[1] = max(camera.position[1], LOWEST_EYE)
    turn = rotation(row["azimuth"] + row["light_azimuth"], -row["light_elevation"])
    light = turn @ np.array([0.0, 0.0, 1.0])
    tall = structures.STRUCTURES[structure].tree
    beside = fixtures(structure, number, half, tall, land, row["season"])
    return Scene(
        parts=[*parts, *beside, *occluders(row, camera, float(np.hypot(*half)))],
        camera=camera,
        light=light,
        backdrop=landscape.numbers(land, row, light),
        extra=[float(row["season"] == "winter"), float(row["sky"] == "night")],
        blend=0.05,
        **landscape.lights(row),
    )


def render(
    factors: Factors,
    image_size: int = 96,
    device: str | torch.device = "cpu",
    batch_size: int | None = None,
    processes: int = 1,
) -> Tensor:
    """Pictures of the factors: uint8 (B, 3, image_size, image_size), sRGB, on the CPU.

    `batch_size` and `processes` change speed and memory, not the pictures (see `raymarch.render`). Raises ValueError
    when image_size is not a multiple of 8.
    """
    if batch_size is None and torch.device(device).type == "cpu":
        batch_size = BATCH_SIZE
    settings = {"image_size": image_size, "device": device, "batch_size": batch_size, "processes": processes}
    settings |= {"edge": EDGE, "tight": True}
    return raymarch.render(factors.rows, _scene, paint, landscape.surfaces, **settings)
