"""The paint of the mammal world: coats with their markings, eyes and fur."""

from __future__ import annotations

import colorsys
from typing import Any

import torch
from torch import Tensor
from worlds.backdrops import from_hex
from worlds.breeds import Breed
from worlds.patterns import below, mix, noise, wave
from worlds.scene import Surface

PLAIN, COAT, BODY, EYE = range(4)
# Numbers of each marking after its colour, in the order in which they are painted.
MARKINGS = {
    "spots": ("size", "share"),  # per unit of length, of the coat covered
    "tabby": ("strength", "wavelength"),
    "cap": ("bottom", "peak"),  # height, how far it comes down between the eyes
    "mask": ("radius",),
    "brows": ("radius",),
    "blaze": ("half_width",),
    "muzzle": ("top",),  # height
}


def _columns() -> tuple[dict[str, int], int]:
    at, columns = 3, {}
    for name, numbers in MARKINGS.items():
        columns[name] = at
        at += 4 + len(numbers)
    return columns, at


AT, WIDTH = _columns()


def tinted(color: str, individual: dict[str, Any]) -> tuple[float, float, float]:
    """The colour, as one of the breed has it."""
    hue, saturation, value = colorsys.rgb_to_hsv(*from_hex(color))
    hue += 0.012 * individual["hue"]
    saturation = min(1.0, saturation * (1 + 0.16 * individual["saturation"]))
    value = min(1.0, value * (1 + 0.09 * individual["value"]))
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)


def numbers(breed: Breed, individual: dict[str, Any]) -> list[float]:
    """Row for `paint`: where in its noise the coat lies, how grainy it is, how long the fur, then the markings."""
    coat, row = breed.coat, [0.0] * WIDTH
    row[:3] = [40 * individual["pattern"], coat.grain, breed.build.fur]
    for name, (color, *values) in coat.markings.items():
        at = AT[name]
        row[at] = 1.0
        row[at + 1 : at + 4] = tinted(color, individual)
        row[at + 4 : at + 4 + len(values)] = values
    moved = individual["marking"]
    row[AT["spots"] + 5] += 0.05 * moved
    row[AT["cap"] + 4] += 0.05 * moved
    row[AT["mask"] + 4] *= 1 + 0.1 * moved
    row[AT["blaze"] + 4] *= 1 + 0.35 * moved
    row[AT["muzzle"] + 4] += 0.06 * moved
    row[AT["tabby"] + 4] *= 1 + 0.12 * moved
    return row


def paint(surface: Surface) -> Tensor:
    """Paint function of this world."""
    albedo = surface.color
    present = set(surface.pattern.unique().tolist())
    if COAT in present:
        albedo = torch.where((surface.pattern == COAT)[:, None], _coat(surface), albedo)
    if BODY in present:
        albedo = torch.where((surface.pattern == BODY)[:, None], _body(surface), albedo)
    if EYE in present:
        albedo = torch.where((surface.pattern == EYE)[:, None], _eye(surface), albedo)
    return albedo.clamp(0, 1)


def _grain(surface: Surface, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Brightness (T, R) of hairs, around 1: longer in long fur, and gone where a pixel covers several."""
    offset, grain, fur = (surface.extra[:, i, None] for i in range(3))
    along = noise(x * (11 - 5 * fur) + z * 6 + offset, (y - 0.5 * z) * (5 - 2 * fur))
    return 1 + 2 * grain * (along - 0.5) * (1.3 - 5 * surface.footprint).clamp(min=0, max=1)


def _coat(surface: Surface) -> Tensor:
    """A face with its markings, (T, 3, R)."""
    x, y, z = surface.object.unbind(1)
    albedo, offset = surface.color, surface.extra[:, 0, None]
    ragged = noise(x * 3 + offset, (y + z) * 3) - 0.5
    across, soft = x.abs(), surface.footprint + 0.05

    def lay(name: str, albedo: Tensor, share: Tensor) -> Tensor:
        row = surface.extra[:, AT[name] : AT[name] + 4, None]
        return mix(albedo, row[:, 1:].expand_as(albedo), share * row[:, 0])

    def number(name: str, i: int) -> Tensor:
        return surface.extra[:, AT[name] + 4 + i, None]

    def has(name: str) -> bool:
        return bool(surface.extra[:, AT[name]].any())

    if has("spots"):
        size, share = number("spots", 0), number("spots", 1)
        blotch = noise(x * size + z * size * 0.55 + offset, y * size - z * size * 0.45 + 3)
        albedo = lay("spots", albedo, below(-blotch, -share, soft * size))
    if has("tabby"):
        strength, wavelength = number("tabby", 0), number("tabby", 1)
        scale = wavelength
        flank = wave((y * 0.9 - 0.45 * z + 0.3 * across) * scale + 0.9 * ragged)
        brow = wave(x * scale * 1.15 + 0.5 * ragged)
        stripe = torch.lerp(flank, brow, ((y - 0.3) * 5).clamp(min=0, max=1))
        face = 1 - ((0.1 - y).clamp(min=0) * 3 * (z - 0.45).clamp(min=0) * 3).clamp(max=1)
        albedo = lay("tabby", albedo, below(-stripe, -0.55, soft * 2 * scale + 0.15) * strength * face)
    if has("cap"):
        bottom, peak = number("cap", 0), number("cap", 1)
        edge = bottom - peak * (0.45 - across).clamp(min=0) - 0.55 * (0.3 - z).clamp(min=0, max=1.2)
        edge = edge + 0.35 * (across - 0.5).clamp(min=0)
        albedo = lay("cap", albedo, below(edge - y, 0.12 * ragged, soft + 0.06))
    if has("mask"):
        radius = number("mask", 0)
        away = (x * x + (y + 0.26) * (y + 0.26) * 1.1 + (z - 0.9) * (z - 0.9) * 0.8).sqrt()
        albedo = lay("mask", albedo, below(away, radius + 0.15 * ragged, soft + 0.28))
    if has("brows"):
        radius = number("brows", 0)
        away = ((across - 0.34) * (across - 0.34) + (y - 0.42) * (y - 0.42) * 1.4).sqrt()
        albedo = lay("brows", albedo, below(away, radius, soft) * (z > 0).float())
    if has("blaze"):
        half = number("blaze", 0)
        widening = half * (1 + 1.6 * (-0.1 - y).clamp(min=0)) - 0.4 * (y - 0.55).clamp(min=0)
        albedo = lay("blaze", albedo, below(across, widening + 0.08 * ragged, soft) * (z > 0).float())
    if has("muzzle"):
        top = number("muzzle", 0)
        edge = top + 0.25 * (z - 0.9).clamp(min=0) - 0.5 * (across - 0.35).clamp(min=0)
        albedo = lay("muzzle", albedo, below(y, edge + 0.1 * ragged, soft + 0.04) * ((z - 0.1) * 4).clamp(0, 1))
    return albedo * _grain(surface, x, y, z)[:, None]


def _body(surface: Surface) -> Tensor:
    """Back and chest (T, 3, R)."""
    x, y, z = surface.position.unbind(1)
    front = below(-z - 0.35 * (x * x), 0.28, surface.footprint + 0.25)
    return mix(surface.color, surface.accent, front) * _grain(surface, x, y, z)[:, None]


def _eye(surface: Surface) -> Tensor:
    """Iris, pupil and a glint (T, 3, R); pattern_scale 1: a round pupil, 2: an upright one."""
    x, y, z = surface.local.unbind(1)
    upright = surface.pattern_scale - 1
    soft = surface.footprint * 4 + 0.06
    wide = 0.5 - 0.2 * upright
    pupil = (x * x / (wide * wide) + y * y / (0.5 + 0.2 * upright).square()).sqrt()
    ring = (x * x + y * y).sqrt()
    shade = 0.82 + 0.4 * (0.3 - y).clamp(min=-0.4, max=0.5)
    color = surface.color * shade[:, None]
    dark = torch.maximum(below(pupil, 1.0, 2 * soft), below(-ring, -0.86, soft))
    color = mix(color, surface.accent, dark * (z > 0).float())
    glint = ((x + 0.26) * (x + 0.26) + (y - 0.34) * (y - 0.34)).sqrt()
    return mix(color, torch.ones_like(color), below(glint, 0.2, soft))
