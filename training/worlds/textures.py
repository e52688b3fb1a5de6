"""Pictures of nothing: noise, gradients, stripes, checks and soft blobs, for the class "neither"."""

import math

import torch
import torch.nn.functional as F

KINDS = ("plain", "noise", "gradient", "stripes", "checks", "blobs")


def render(count: int, seed: int, image_size: int = 64, start: int = 0) -> torch.Tensor:
    """uint8 (count, 3, image_size, image_size); picture i depends on seed and start + i alone."""
    return torch.stack([_texture(seed * 1_000_003 + start + i, image_size) for i in range(count)])


def _texture(seed: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    kind = KINDS[int(uniform(1) * len(KINDS))]
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    angle, frequency, phase = (
        float(uniform(1)) * 2 * math.pi,
        2 + float(uniform(1)) * 10,
        float(uniform(1)) * 6,
    )
    u = x * math.cos(angle) + y * math.sin(angle)
    v = y * math.cos(angle) - x * math.sin(angle)
    if kind == "plain":
        weight = torch.zeros(size, size)
    elif kind == "noise":
        weight = uniform(size, size)
    elif kind == "gradient":
        weight = (u - u.min()) / (u.max() - u.min())
    elif kind == "stripes":
        weight = ((u * frequency * 2 * math.pi + phase).sin() * 3).sigmoid()
    elif kind == "checks":
        weight = ((u * frequency * 2 * math.pi + phase).sin() * (v * frequency * 2 * math.pi).sin() * 8).sigmoid()
    else:
        coarse = uniform(1, 1, 3 + int(frequency), 3 + int(frequency))
        weight = F.interpolate(coarse, (size, size), mode="bicubic")[0, 0].clamp(0, 1)
    first, second = uniform(3, 1, 1), uniform(3, 1, 1)
    grain = (uniform(3, size, size) - 0.5) * 0.3 * float(uniform(1))
    picture = first + (second - first) * weight + grain
    return (picture * 255).round().clamp(0, 255).to(torch.uint8)
