"""The world of mammals: rendered heads of dogs and cats, whose breed, individual and pose are known.

    factors = sample_factors(16, seed=0)                        # of any breed
    images = render(factors)                                    # uint8 (16, 3, 64, 64)
    swapped(factors[:8], factors[8:])                           # animals of the first, all else of the second

Breed, individual, pose and surroundings are drawn from streams of their own: none has a say in another. So for any two
pictures the exact picture of one's animal in the other's pose and place can be drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from worlds import backdrops, raymarch
from worlds.breeds import BREEDS
from worlds.coats import numbers, paint
from worlds.factors import Factors
from worlds.heads import TURN_OF_BODY, body, head
from worlds.scene import Camera, Scene
from worlds.sdf import place, rotation

NAMES = tuple(BREEDS)
SPECIES = ("cat", "dog")
TRAITS = (  # of an individual, in [-1, 1] around its breed's
    "broadness",
    "muzzle_length",
    "ear_length",
    "ear_spread",
    "eye_size",
    "fur",
    "hue",
    "saturation",
    "value",
    "marking",
)
IDENTITY = ("species", "breed", "individual", *TRAITS, "pattern", "eye_color")
POSE = ("yaw", "pitch", "tilt", "mouth")
LARGEST_ANGLE = 45.0  # degrees, of yaw and of pitch
FLOOR = -3.3  # below the middle of the head, in skull radii
EDGE = 0.1  # hairs differ by less from pixel to pixel, outlines by more
FIELD_OF_VIEW = 24.0  # degrees
HALF_PICTURE = 1.62  # skull radii, at distance 1


def sample_factors(
    count: int, seed: int, breed: str | None = None, individual: int | None = None, start: int = 0
) -> Factors:
    """Draw the factors of `count` pictures, numbers `start` to `start + count - 1` of the stream of `seed`.

    `breed` is one of NAMES or of SPECIES, by default any; `individual` is the number of one animal, by default each
    picture shows another. Raises ValueError for an unknown breed and for a negative count, seed, start or individual.
    """
    if min(count, seed, start, individual or 0) < 0:
        given = f"{count}, {seed}, {start} and {individual}"
        raise ValueError(f"count, seed, start and individual must not be negative, got {given}")
    options = [name for name, kind in BREEDS.items() if breed in (None, name, kind.species)]
    if not options:
        raise ValueError(f"breed must be cat, dog or one of {', '.join(NAMES)}, got {breed!r}")
    rows = []
    for index in range(start, start + count):
        name = options[int(np.random.default_rng([seed, index, 0]).integers(len(options)))]
        number = individual
        if number is None:
            number = int(np.random.default_rng([seed, index, 1]).integers(2**31))
        identity = {"species": BREEDS[name].species, "breed": name, **sample_individual(number)}
        rows.append({**identity, **sample_view(np.random.default_rng([seed, index, 2]))})
    return Factors(tuple(rows))


def sample_individual(number: int) -> dict[str, Any]:
    """Traits of individual `number`, by which it differs from others of whatever breed it is."""
    rng = np.random.default_rng([5, number])
    traits = {name: round(float(rng.uniform(-1, 1)), 4) for name in TRAITS}
    return {
        "individual": number,
        **traits,
        **{name: round(float(rng.random()), 4) for name in ("pattern", "eye_color")},
    }


def sample_view(rng: np.random.Generator) -> dict[str, Any]:
    """Factors of pose and surroundings. Angles in degrees: a positive `yaw` turns the head to the picture's right, a
    positive `pitch` lifts it, a positive `tilt` leans it to the left; `mouth` 1 is wide open; shifts are in half
    pictures."""

    def uniform(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    return {
        "yaw": uniform(-LARGEST_ANGLE, LARGEST_ANGLE),
        "pitch": round(float(rng.triangular(-LARGEST_ANGLE, 0, LARGEST_ANGLE)), 4),
        "tilt": round(float(rng.triangular(-25, 0, 25)), 4),
        "mouth": round(max(0.0, uniform(-0.7, 1.0)), 4),
        "distance": uniform(0.94, 1.12),
        "shift_x": uniform(-0.06, 0.06),
        "shift_y": uniform(-0.06, 0.06),
        "light_azimuth": uniform(-65, 65),
        "light_elevation": uniform(22, 65),
        **backdrops.sample(rng),
    }


def swapped(identity: Factors, attributes: Factors) -> Factors:
    """The animals of `identity` in the pose and the surroundings of `attributes`: what a swap should give.

    Raises ValueError where their numbers differ.
    """
    if len(identity) != len(attributes):
        raise ValueError(f"{len(identity)} identities and {len(attributes)} attributes")
    pairs = zip(identity.rows, attributes.rows, strict=True)
    return Factors(tuple({**of, **{name: who[name] for name in IDENTITY}} for who, of in pairs))


def turn(row: dict[str, Any]) -> np.ndarray:
    """Matrix (3, 3) that turns a head which looks along z into a row's pose."""
    return rotation(row["yaw"], -row["pitch"], row["tilt"])


def _scene(row: dict[str, Any]) -> Scene:
    breed, facing = BREEDS[row["breed"]], turn(row)
    parts = place(head(breed, row, row["mouth"]), facing)
    parts += place(body(breed, row), rotation(yaw=TURN_OF_BODY * row["yaw"]))
    light = rotation(row["light_azimuth"], -row["light_elevation"]) @ np.array([0.0, 0.0, 1.0])
    return Scene(
        parts=parts,
        camera=_camera(row),
        light=light,
        frame=facing.T,
        blend=0.12,
        backdrop=backdrops.numbers(row, wall_z=-4.5, floor_y=FLOOR),
        extra=numbers(breed, row),
        **backdrops.ambient_light(row),
    )


def _camera(row: dict[str, Any]) -> Camera:
    """A camera that looks at the head from straight ahead, the same for every animal."""
    tan_half = float(np.tan(np.radians(FIELD_OF_VIEW / 2)))
    half = HALF_PICTURE * row["distance"]
    middle = np.array([-row["shift_x"] * half, -row["shift_y"] * half - 0.12, 0.0])
    axes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]])
    return Camera(middle + np.array([0, 0, half / tan_half]), axes, tan_half)


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
    return raymarch.render(factors.rows, _scene, paint, backdrops.surfaces, edge=EDGE, **settings)
