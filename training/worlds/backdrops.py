"""Rooms and landscapes behind a rendered object: a floor, a wall or a sky, in harmonious colours.

`sample` draws one as a flat dict; `numbers` turns it into the row that `surfaces`, a backdrop function of
`raymarch.render`, understands.
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import torch
from torch import Tensor
from worlds.patterns import below, bricks, checks, dots, mix, noise, stripes, wave
from worlds.scene import Backdrop
from worlds.sdf import FAR_AWAY

FLOORS = ("none", "wood", "tiles", "grass", "sand", "water", "cloth", "snow")
WALLS = ("plain", "stripes", "dots", "checks", "bricks", "sky", "night", "sea")
# name: floors, walls. "wallpaper" has no floor: the object hangs on the wall.
KINDS = {
    "wallpaper": (("none",), ("plain", "stripes", "dots", "checks", "bricks")),
    "room": (("wood", "tiles", "cloth"), ("plain", "stripes", "dots", "checks", "bricks")),
    "studio": (("cloth",), ("plain",)),
    "meadow": (("grass",), ("sky",)),
    "beach": (("sand",), ("sea", "sky")),
    "water": (("water",), ("sky",)),
    "winter": (("snow",), ("sky", "night")),
    "night": (("grass", "sand", "tiles"), ("night",)),
}
WATER_LEVEL = 0.1  # objects stand in water, not on it


def hsv(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """sRGB colour of a hue (in turns, wrapped), saturation and value."""
    return colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))


def to_hex(color: tuple[float, float, float]) -> str:
    """sRGB colour in [0, 1] as "#rrggbb"."""
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in color)


def from_hex(text: str) -> tuple[float, float, float]:
    """ "#rrggbb" as an sRGB colour in [0, 1]."""
    return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Factors of one backdrop: background, floor, wall, their colours and the size of their patterns."""
    kind = str(rng.choice(list(KINDS)))
    floor, wall = (str(rng.choice(options)) for options in KINDS[kind])
    a, b, c, d, scale = rng.random(5)
    wall_1 = hsv(a, 0.12 + 0.4 * b, 0.66 + 0.3 * c)
    wall_2 = hsv(a + 0.08 * (d - 0.5), 0.05 + 0.3 * b, min(1.0, 0.84 + 0.2 * c))
    if wall == "bricks":
        wall_1 = hsv(0.02 + 0.06 * a, 0.25 + 0.3 * b, 0.6 + 0.25 * c)
        wall_2 = hsv(0.09, 0.1, 0.85)
    elif wall in ("sky", "sea"):  # zenith, horizon
        wall_1, wall_2 = hsv(0.54 + 0.07 * a, 0.4 + 0.3 * b, 0.9), hsv(0.1 + 0.42 * d, 0.14, 0.97)
    elif wall == "night":
        wall_1, wall_2 = hsv(0.62 + 0.12 * a, 0.7, 0.2 + 0.1 * b), hsv(0.66 + 0.2 * d, 0.5, 0.45)
    e, f, g = rng.random(3)
    floor_1, floor_2 = {
        "none": (wall_1, wall_1),
        "wood": (
            hsv(0.05 + 0.05 * e, 0.45 + 0.2 * f, 0.5 + 0.35 * g),
            hsv(0.05 + 0.04 * e, 0.6, 0.35 + 0.25 * g),
        ),
        "tiles": (hsv(e, 0.08 + 0.3 * f, 0.92), hsv(e + 0.05, 0.25 + 0.35 * f, 0.5 + 0.3 * g)),
        "grass": (
            hsv(0.22 + 0.08 * e, 0.5 + 0.15 * f, 0.6 + 0.2 * g),
            hsv(0.27 + 0.05 * e, 0.6, 0.4 + 0.15 * g),
        ),
        "sand": (hsv(0.1 + 0.03 * e, 0.28 + 0.15 * f, 0.92), hsv(0.08, 0.4, 0.75)),
        "water": (hsv(0.48 + 0.1 * e, 0.55 + 0.2 * f, 0.55 + 0.2 * g), hsv(0.5 + 0.05 * e, 0.25, 0.95)),
        "cloth": (hsv(e, 0.15 + 0.4 * f, 0.7 + 0.25 * g), hsv(e, 0.2 + 0.4 * f, 0.62 + 0.25 * g)),
        "snow": (hsv(0.58, 0.04, 0.97), hsv(0.6, 0.15, 0.85)),
    }[floor]
    if kind == "studio":
        floor_1 = floor_2 = wall_1 = wall_2
    return {
        "background": kind,
        "floor": floor,
        "wall": wall,
        "wall_color": to_hex(wall_1),
        "wall_second_color": to_hex(wall_2),
        "floor_color": to_hex(floor_1),
        "floor_second_color": to_hex(floor_2),
        "background_scale": round(0.75 + 0.6 * float(scale), 4),
    }


def numbers(factors: dict[str, Any], wall_z: float, floor_y: float = 0.0) -> list[float]:
    """Row for `surfaces`; `wall_z` is where a wall stands (a sky has no place), `floor_y` where the floor lies."""
    colors = [
        channel
        for name in ("wall_color", "wall_second_color", "floor_color", "floor_second_color")
        for channel in from_hex(factors[name])
    ]
    floor, wall = FLOORS.index(factors["floor"]), WALLS.index(factors["wall"])
    level = {"none": -FAR_AWAY, "water": floor_y + WATER_LEVEL}.get(factors["floor"], floor_y)
    wall_z = wall_z if factors["wall"] in ("plain", "stripes", "dots", "checks", "bricks") else -FAR_AWAY
    return [floor, wall, level, wall_z, factors["background_scale"], *colors]


def ambient_light(factors: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Colours of the light that suit the backdrop, as arguments of a Scene."""
    floor = np.array(from_hex(factors["floor_color"])) ** 2
    if factors["wall"] == "night":
        return {
            "light_color": (0.8, 0.86, 1.0),
            "sky_color": (0.5, 0.52, 0.85),
            "ground_color": (0.28, 0.26, 0.36),
        }
    outdoors = factors["wall"] in ("sky", "sea")
    sky = (0.78, 0.9, 1.08) if outdoors else (0.98, 0.95, 0.9)
    return {"light_color": (1.08, 1.0, 0.88), "sky_color": sky, "ground_color": tuple(0.18 + 0.5 * floor)}


def surfaces(rows: Tensor, origin: Tensor, rays: Tensor, pixel: Tensor) -> Backdrop:
    """Backdrop function: numbers (T, 17), origin (T, 3, 1), rays (T, 3, R), size of a pixel at distance 1
    (T, 1)."""
    floor_style, wall_style, level, wall_z, scale = (rows[:, i, None] for i in range(5))
    colors = rows[:, 5:].view(-1, 4, 3, 1)
    down, away = rays[:, 1].clamp(max=-1e-5), rays[:, 2].clamp(max=-1e-5)
    t_floor = ((level - origin[:, 1]) / down).clamp(min=0, max=FAR_AWAY)
    t_wall = ((wall_z - origin[:, 2]) / away).clamp(min=0, max=FAR_AWAY)
    t_floor = torch.where(rays[:, 1] < -1e-5, t_floor, FAR_AWAY)
    t_wall = torch.where(rays[:, 2] < -1e-5, t_wall, FAR_AWAY)
    on_floor = t_floor < t_wall
    t = torch.minimum(t_floor, t_wall)
    position = origin + rays * t[:, None]
    albedo, glow = torch.zeros_like(rays), torch.zeros_like(t)
    for style in WALLS:
        tiles = ((wall_style[:, 0] == WALLS.index(style)) & ~on_floor.all(1)).nonzero()[:, 0]
        if len(tiles):
            a, b = colors[tiles, 0], colors[tiles, 1]
            if style in ("sky", "sea", "night"):
                albedo[tiles] = _sky(style, a, b, rays[tiles])
                glow[tiles] = 1.0
            else:
                soft = pixel[tiles] * t[tiles] / -away[tiles].clamp(max=-0.2)
                albedo[tiles] = _wall(style, a, b, position[tiles], soft, scale[tiles])
    normal = torch.zeros_like(rays)
    normal[:, 1], normal[:, 2] = on_floor.float(), (~on_floor).float()
    outdoors = (wall_z <= -FAR_AWAY).float()
    for style in FLOORS[1:]:
        tiles = ((floor_style[:, 0] == FLOORS.index(style)) & on_floor.any(1)).nonzero()[:, 0]
        if len(tiles):
            a, b, sky = colors[tiles, 2], colors[tiles, 3], colors[tiles, 1]
            soft = pixel[tiles] * t_floor[tiles] / -down[tiles].clamp(max=-0.1)
            here = on_floor[tiles]
            ground = _floor(style, a, b, sky, position[tiles], rays[tiles], soft, scale[tiles])
            haze = ((t_floor[tiles] - 8) / 50).clamp(min=0, max=0.85) * outdoors[tiles]
            albedo[tiles] = torch.where(here[:, None], mix(ground, sky.expand_as(ground), haze), albedo[tiles])
            glow[tiles] = torch.where(here, haze, glow[tiles])
    return Backdrop(t, normal, albedo, glow)


def _sky(style: str, zenith: Tensor, horizon: Tensor, rays: Tensor) -> Tensor:
    """Sky (T, 3, R) along rays: a gradient with clouds, with stars, or above a sea."""
    height = rays[:, 1].clamp(min=0, max=1)
    color = mix(horizon.expand_as(rays), zenith.expand_as(rays), (height * 2.2).clamp(max=1))
    u, v = rays[:, 0] / (height + 0.25), 1 / (height + 0.25)
    if style == "night":
        star = below(noise(rays[:, 0] * 40 + 9, rays[:, 1] * 40), 0.06, torch.full_like(u, 0.05))
        return mix(color, torch.ones_like(color), star * 0.9)
    cloud = 0.65 * noise(u * 3.1 + 7, v * 3.1) + 0.35 * noise(u * 7.3, v * 7.3 + 5)
    color = mix(color, torch.ones_like(color), ((cloud - 0.5) * 3).clamp(min=0, max=0.8))
    if style == "sea":
        sea = mix(zenith.expand_as(rays) * 0.7, color, wave(rays[:, 1] * 40 + noise(u * 4, v * 9)) * 0.15)
        color = mix(color, sea, below(rays[:, 1], 0.03, torch.full_like(u, 0.01)))
    return color


def _wall(style: str, a: Tensor, b: Tensor, position: Tensor, soft: Tensor, scale: Tensor) -> Tensor:
    """Wall paper (T, 3, R)."""
    period = 0.42 * scale
    u, v, soft = position[:, 0] / period, position[:, 1] / period, soft / period
    if style == "plain":
        share = 0.25 * noise(u * 0.6 + 3, v * 0.6)
    elif style == "stripes":
        share = stripes(u, soft)
    elif style == "dots":
        share = dots(u, v, soft)
    elif style == "checks":
        share = 0.5 * stripes(u, soft) + 0.5 * stripes(v, soft)
    else:
        share = bricks(u * 2, v * 2, soft * 2) + 0.25 * noise(u, torch.floor(v * 2))
    return mix(a.expand_as(position), b.expand_as(position), share)


def _floor(
    style: str, a: Tensor, b: Tensor, sky: Tensor, position: Tensor, rays: Tensor, soft: Tensor, scale: Tensor
) -> Tensor:
    """Ground (T, 3, R)."""
    period = 0.5 * scale
    u, v = (position[:, 0] / period).clamp(-500, 500), (position[:, 2] / period).clamp(-500, 500)
    soft = soft / period
    fade = (1 - soft).clamp(min=0, max=1)
    if style == "wood":
        plank = torch.floor(v)
        grain = noise(u * 0.5 + plank * 7.3, v * 5) * 0.6 + noise(plank * 3.7, plank * 1.9 + 2) * 0.5
        share = torch.maximum((grain - 0.2) * fade, stripes(v, soft, 0.08) * 0.9)
    elif style == "tiles":
        share = checks(u * 0.7, v * 0.7, soft * 0.7)
    elif style == "grass":
        share = (0.6 * noise(u * 2.5, v * 1.6) + 0.4 * noise(u * 9 + 3, v * 4)) * fade + 0.5 * (1 - fade)
    elif style == "water":
        ripple = wave(v * 0.9 + 1.2 * noise(u * 0.8, v * 1.3)) * fade + 0.4 * (1 - fade)
        mirror = (1 + rays[:, 1]).clamp(min=0, max=1)
        mirror = mirror * mirror * mirror
        water = mix(a.expand_as(position), b.expand_as(position), (ripple * ripple * 0.5).clamp(0, 1))
        return mix(water, sky.expand_as(position), mirror * 0.7)
    elif style == "cloth":
        share = noise(u * 1.5, v * 1.5) * 0.4
    else:
        share = (0.7 * noise(u * 1.7, v * 1.7) + 0.3 * noise(u * 6, v * 6)) * fade + 0.5 * (1 - fade)
        share = (share * 1.4 - 0.3).clamp(0, 1)
    return mix(a.expand_as(position), b.expand_as(position), share.clamp(0, 1))
