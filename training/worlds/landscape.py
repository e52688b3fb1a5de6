"""The land around a landmark: ground, water, hills or a skyline at the horizon, and the sky of an hour and a
season.

`numbers` turns the setting of a place and the factors of a view into the row that `surfaces`, a backdrop
function of `raymarch.render`, understands. Directions are the landmark's own: the land stays where it is while the
viewer walks around.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from worlds.backdrops import from_hex
from worlds.patterns import below, checks, mix, noise, wave
from worlds.scene import Backdrop
from worlds.sdf import FAR_AWAY

SEASONS = ("spring", "summer", "autumn", "winter")
SKIES = ("clear", "cloudy", "overcast", "sunset", "night")
HORIZONS = ("plain", "hills", "mountains", "city")
WATERS = ("none", "river", "shore")
GROUNDS = {  # what the ground is made of: two colours for each season
    "grass": (("#8fc053", "#6ba53f"), ("#7fa648", "#a4b05a"), ("#a2a452", "#a8914c"), ("#eef2f8", "#d3dcea")),
    "paving": (("#c2beb6", "#aca8a0"), ("#c6c2ba", "#b2ada4"), ("#b9b0a4", "#a1978a"), ("#e6eaf2", "#c3c9d4")),
    "sand": (("#e0c48a", "#cfae70"), ("#e8cc92", "#d3b274"), ("#dcbd84", "#c6a469"), ("#ece8e2", "#d8c8a6")),
    "heath": (("#a3a85c", "#7f8a48"), ("#b8ab66", "#989150"), ("#ad9660", "#8f7c52"), ("#ecf0f6", "#ccd4df")),
}
WATER_COLORS = {"clear": "#3f8fae", "cloudy": "#4a8aa3", "overcast": "#6c8793", "sunset": "#54628c", "night": "#141c38"}
SKY_COLORS = {  # zenith, horizon
    "clear": ("#3f86d8", "#cfe6f6"),
    "cloudy": ("#5590cf", "#d8e6ee"),
    "overcast": ("#a3adb8", "#d5d9dc"),
    "sunset": ("#5a6cab", "#ffc27a"),
    "night": ("#0b1030", "#2c3560"),
}
LIGHTS = {  # colours of the light, of the sky's and of the ground's share
    "clear": ((1.12, 1.04, 0.9), (0.74, 0.88, 1.08), (0.5, 0.46, 0.4)),
    "cloudy": ((0.95, 0.92, 0.86), (0.86, 0.94, 1.04), (0.52, 0.5, 0.46)),
    "overcast": ((0.28, 0.29, 0.3), (1.14, 1.18, 1.22), (0.62, 0.62, 0.62)),
    "sunset": ((1.25, 0.78, 0.42), (0.72, 0.66, 0.86), (0.52, 0.4, 0.36)),
    "night": ((0.26, 0.3, 0.42), (0.24, 0.28, 0.46), (1.6, 1.24, 0.78)),  # floodlights shine from below
}
COVER = {"clear": 0.12, "cloudy": 0.62, "overcast": 0.3, "sunset": 0.45, "night": 0.2}  # share of clouds
LAYOUT = ("sky", "horizon", "rise", "phase", "drift", "cover", "ground", "plaza", "water", "level", "width")
COLORS = ("zenith", "rim", "ground", "second", "paving", "pool", "hill")


@dataclass(frozen=True)
class Setting:
    """What belongs to a place for good. Lengths in world units, a landmark being about 2 large."""

    ground: str = "grass"
    horizon: str = "plain"
    rise: float = 0.06  # height of hills above the horizon, as the tangent of an angle
    phase: float = 0.0  # which hills
    plaza: float = 0.0  # radius of paved ground around the landmark
    water: str = "none"  # river: a band along z; shore: all beyond a line behind the landmark
    level: float = 0.0  # river: middle x; shore: z of the line
    width: float = 1.0  # of a river


def numbers(setting: Setting, view: dict[str, Any], light: np.ndarray) -> list[float]:
    """Row for `surfaces` of a place's setting, a view's sky, season and clouds, and the direction of light."""
    sky, season = view["sky"], SEASONS.index(view["season"])
    ground = [from_hex(color) for color in GROUNDS[setting.ground][season]]
    paving = from_hex(GROUNDS["paving"][season][0])
    zenith, rim = (from_hex(color) for color in SKY_COLORS[sky])
    hill = np.array([0.45, 0.5, 0.52]) if setting.horizon == "city" else np.array(ground[1]) * [0.72, 0.8, 0.85]
    if sky == "night":
        hill = hill * 0.16 + np.array([0.02, 0.02, 0.06])
    row = {
        "sky": SKIES.index(sky),
        "horizon": HORIZONS.index(setting.horizon),
        "rise": setting.rise,
        "phase": setting.phase,
        "drift": view["clouds"],
        "cover": COVER[sky],
        "ground": list(GROUNDS).index(setting.ground),
        "plaza": setting.plaza,
        "water": WATERS.index(setting.water),
        "level": setting.level,
        "width": setting.width,
    }
    colors = (zenith, rim, *ground, paving, from_hex(WATER_COLORS[sky]), tuple(hill))
    return [*(row[name] for name in LAYOUT), *(channel for color in colors for channel in color), *light]


def lights(view: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Colours of the light, as arguments of a Scene."""
    light, sky, ground = LIGHTS[view["sky"]]
    if view["season"] == "winter" and view["sky"] != "night":  # snow throws light back
        ground = tuple(min(1.0, 1.3 * channel) for channel in ground)
    return {"light_color": light, "sky_color": sky, "ground_color": ground}


# --------------------------------------------------------------------------------------------------


def surfaces(rows: Tensor, origin: Tensor, rays: Tensor, pixel: Tensor) -> Backdrop:
    """Backdrop function: numbers (T, N), origin (T, 3, 1), rays (T, 3, R), size of a pixel at distance 1
    (T, 1)."""
    row = {name: rows[:, i, None] for i, name in enumerate(LAYOUT)}
    colors = rows[:, len(LAYOUT) : len(LAYOUT) + 3 * len(COLORS)].view(-1, len(COLORS), 3, 1).unbind(1)
    color = {name: value.expand_as(rays) for name, value in zip(COLORS, colors, strict=True)}
    light = rows[:, -3:, None]
    down = rays[:, 1].clamp(max=-1e-4)
    on_ground = rays[:, 1] < -1e-4
    t = torch.where(on_ground, (-origin[:, 1] / down).clamp(min=0, max=FAR_AWAY), FAR_AWAY)
    soft, position = pixel * t / -down.clamp(max=-0.05), origin + rays * t[:, None]
    sky, ground, wet = torch.zeros_like(rays), torch.zeros_like(rays), torch.zeros_like(t)
    for tiles, part in ((~on_ground.all(1), "sky"), (on_ground.any(1), "ground")):
        at = tiles.nonzero()[:, 0]
        if len(at) == 0:
            continue
        numbers = {name: value[at] for name, value in row.items()}, {name: value[at] for name, value in color.items()}
        if part == "sky":
            sky[at] = _sky(*numbers, light[at], rays[at])
        else:
            ground[at], wet[at] = _ground(*numbers, position[at], rays[at], soft[at])
    haze = ((t - 9) / 45).clamp(min=0, max=0.9)
    rim = mix(color["rim"], color["hill"], torch.where(row["sky"] == SKIES.index("night"), 0.7, 0.12).expand_as(t))
    albedo = torch.where(on_ground[:, None], mix(ground, rim, haze), sky)
    # Water mirrors the sky rather than taking light, so most of its colour ignores the light.
    glow = torch.where(on_ground, torch.maximum(haze, 0.75 * wet), 1.0)
    normal = torch.zeros_like(rays)
    normal[:, 1] = 1.0
    return Backdrop(t, normal, albedo, glow)


def _sky(row: dict[str, Tensor], color: dict[str, Tensor], light: Tensor, rays: Tensor) -> Tensor:
    """Sky (T, 3, R): a gradient with clouds, a glow around the sun, stars at night, and the horizon's hills."""
    x, height, z = rays[:, 0], rays[:, 1].clamp(min=0, max=1), rays[:, 2]
    night, sunset = row["sky"] == SKIES.index("night"), row["sky"] == SKIES.index("sunset")
    sky = mix(color["rim"], color["zenith"], (height * 2.4).clamp(max=1))
    toward = (rays * light).sum(1).clamp(min=0)
    glow = toward * toward
    glow = glow * glow
    sun = torch.tensor([1.0, 0.86, 0.55], device=rays.device)[:, None].expand_as(rays)
    sky = mix(sky, sun, torch.where(sunset, 0.75, 0.25) * torch.where(night, 0.0, glow))
    u, v = x / (height + 0.22) + row["drift"] * 37, z / (height + 0.22) + row["drift"] * 11
    cloud = 0.6 * noise(u * 1.5 + 7, v * 2.1) + 0.28 * noise(u * 3.6, v * 4.3 + 5) + 0.12 * noise(u * 8, v * 9)
    cover = ((cloud - 0.72 + 0.52 * row["cover"]) * 4).clamp(min=0, max=0.9)
    white = torch.where(night[:, None], color["rim"] * 1.15, torch.where(sunset[:, None], sun, 0.98))
    white = torch.where((row["sky"] == SKIES.index("overcast"))[:, None], color["zenith"] * 0.86, white)
    sky = mix(sky, white, cover)
    stars = below(noise(u * 41 + 9, v * 41), 0.07, torch.full_like(x, 0.04))
    sky = mix(sky, torch.full_like(sky, 0.95), torch.where(night, stars * (1 - cover) * 0.9, 0.0))
    return _horizon(row, color, rays, sky)


def _horizon(row: dict[str, Tensor], color: dict[str, Tensor], rays: Tensor, sky: Tensor) -> Tensor:
    """The sky with hills, mountains or a city's outline in front of it. The outline is noise on the circle of
    directions, so that it closes."""
    length = (rays[:, 0] * rays[:, 0] + rays[:, 2] * rays[:, 2]).clamp(min=1e-6).sqrt()
    x, z, slope = rays[:, 0] / length, rays[:, 2] / length, rays[:, 1] / length
    a, b = x + row["phase"], z + 2 * row["phase"]
    hills = 0.75 * noise(a * 2.2 + 9, b * 2.2) + 0.25 * noise(a * 6, b * 6 + 3)
    peaks = 1 - (2 * noise(a * 3.1 + 5, b * 3.1) - 1).abs() + 0.3 * noise(a * 9, b * 9 + 1) - 0.2
    blocks = noise(torch.floor(a * 22) + 0.5, torch.floor(b * 22) + 0.5)
    height = torch.where(row["horizon"] == HORIZONS.index("mountains"), peaks * 1.5, hills)
    height = torch.where(row["horizon"] == HORIZONS.index("city"), blocks * blocks * 0.9 + 0.1, height)
    height = torch.where(row["horizon"] == HORIZONS.index("plain"), 0.05, height) * row["rise"]
    soft = torch.full_like(slope, 0.006)
    ahead = below(slope, height, soft)
    night = row["sky"] == SKIES.index("night")
    far = mix(color["hill"], color["rim"], torch.where(night, 0.1, 0.5).expand_as(slope))
    white = ((slope - 0.55 * row["rise"]) * 18).clamp(min=0, max=1) * torch.where(night, 0.2, 0.8)
    snowy = (row["horizon"] == HORIZONS.index("mountains")).float()
    far = mix(far, torch.full_like(far, 0.95), snowy * white)
    return mix(sky, far, ahead)


def _ground(
    row: dict[str, Tensor], color: dict[str, Tensor], position: Tensor, rays: Tensor, soft: Tensor
) -> tuple[Tensor, Tensor]:
    """Colour (T, 3, R) of the ground and the share (T, R) of water in it."""
    x, z = position[:, 0].clamp(-300, 300), position[:, 2].clamp(-300, 300)
    fade = (1.2 - soft * 3).clamp(min=0, max=1)
    fine = (0.6 * noise(x * 5, z * 5) + 0.4 * noise(x * 14 + 3, z * 14) - 0.5) * fade + 0.5
    broad = noise(x * 0.8 + 5, z * 0.8)
    share = (0.65 * fine + 0.75 * broad - 0.2).clamp(0, 1)
    slabs = checks(x * 2.2, z * 2.2, soft * 2.2) * 0.45 + 0.3 * fine
    paved = row["ground"] == list(GROUNDS).index("paving")
    ground = mix(color["ground"], color["second"], torch.where(paved, slabs, share))
    radius = (x * x + z * z).sqrt()
    edge = soft.clamp(min=0.02)
    plaza = below(radius, row["plaza"], edge) * (row["plaza"] > 0)
    ground = mix(ground, mix(color["paving"], color["paving"] * 0.84, slabs), plaza)
    water = row["water"]
    across = (x - row["level"] + 0.25 * (noise(z * 0.7 + 3, x * 0.1) - 0.5)).abs()
    wet = below(across, row["width"] / 2, edge) * (water == WATERS.index("river"))
    beach = z + 0.5 * noise(x * 0.6, 0.3 * z)
    wet = wet + below(beach, row["level"], edge) * (water == WATERS.index("shore"))
    ripple = wave(z * 2.3 + x * 0.7 + 1.5 * noise(x * 1.4, z * 2.2)) * fade + 0.5 * (1 - fade)
    mirror = (1 + rays[:, 1]).clamp(min=0, max=1)
    pool = mix(color["pool"], color["rim"], mirror * mirror * mirror * 0.6 + 0.14 * ripple)
    return mix(ground, pool, wet), wet
