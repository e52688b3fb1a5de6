"""Put two pictures into one: (B, 3, H, W) twice, in [-1, 1], drawn from a generator -> (B, 3, H, W)."""

import torch
import torch.nn.functional as F

MIXUP_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
CUT_CYCLES = (4.0, 6.0)  # a picture's width; where frequency hybrids change from the one to the other


def mixup(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Both, transparent, at a share of MIXUP_SHARES (Zhang et al. 2018)."""
    share = torch.tensor(MIXUP_SHARES)[torch.randint(len(MIXUP_SHARES), (len(a),), generator=generator)]
    return torch.lerp(b, a, share.view(-1, 1, 1, 1))


def half(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One half of each, side by side or one above the other."""
    _, _, height, width = a.shape
    right = (torch.arange(width) >= width // 2).expand(height, width)
    below = (torch.arange(height) >= height // 2)[:, None].expand(height, width)
    upright = torch.rand(len(a), 1, 1, 1, generator=generator) < 0.5
    return torch.where(torch.where(upright, right, below), b, a)


def box(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A square box of 0.3 to 0.7 of the area out of `b`, anywhere in `a` (Yun et al. 2019)."""
    count, _, height, width = a.shape
    side = (torch.rand(count, 1, 1, 1, generator=generator) * 0.4 + 0.3).sqrt()
    top, left = torch.rand(2, count, 1, 1, 1, generator=generator) * (1 - side)
    y = ((torch.arange(height) + 0.5) / height).view(1, 1, -1, 1)
    x = ((torch.arange(width) + 0.5) / width).view(1, 1, 1, -1)
    inside = (y >= top) & (y < top + side) & (x >= left) & (x < left + side)
    return torch.where(inside, b, a)


def frequency(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The coarse of `a` with the fine of `b` (Oliva, Torralba and Schyns 2006); a Gaussian filter parts them."""
    count, _, height, width = a.shape
    low, high = CUT_CYCLES
    cut = torch.rand(count, 1, 1, 1, generator=generator) * (high - low) + low
    cycles = (torch.fft.fftfreq(height)[:, None] * height) ** 2 + (torch.fft.rfftfreq(width) * width) ** 2
    coarse = torch.exp2(-cycles / cut**2)
    spectrum = torch.fft.rfft2(a) * coarse + torch.fft.rfft2(b) * (1 - coarse)
    return torch.fft.irfft2(spectrum, s=(height, width)).clamp(-1, 1)


def soft(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One beside the other in any direction, fading over a tenth to a half of the side."""
    count, _, height, width = a.shape
    angle = torch.rand(count, 1, 1, 1, generator=generator) * 2 * torch.pi
    y, x = torch.linspace(-0.5, 0.5, height).view(1, 1, -1, 1), torch.linspace(-0.5, 0.5, width).view(1, 1, 1, -1)
    offset, fade = torch.rand(2, count, 1, 1, 1, generator=generator)
    place = (angle.cos() * x + angle.sin() * y + 0.3 * (0.5 - offset)) / (0.1 + 0.4 * fade)
    return torch.lerp(a, b, (place + 0.5).clamp(0, 1))


def mask(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Patches of `b` in `a` under a mask of any form, about half of the area, with hard or soft borders."""
    count, _, height, width = a.shape
    coarse = torch.randn(count, 1, 4, 4, generator=generator)
    field = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    field = field - field.flatten(1).median(1).values.view(-1, 1, 1, 1)
    hardness = torch.exp(torch.rand(count, 1, 1, 1, generator=generator) * 4)
    return torch.lerp(a, b, torch.sigmoid(field * 2 * hardness))


def three(a: torch.Tensor, b: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A third picture, another of `a`, in both: transparent or in patches."""
    third = a[torch.randperm(len(a), generator=generator)]
    first, second = mixup(a, b, generator), mask(a, b, generator)
    over = torch.rand(len(a), 1, 1, 1, generator=generator) < 0.5
    return torch.where(over, torch.lerp(first, third, 1 / 3), mask(second, third, generator))


BLENDS = {"mixup": mixup, "half": half, "box": box, "frequency": frequency}
ALL_BLENDS = {**BLENDS, "soft": soft, "mask": mask, "three": three}


def pairs(
    labels: torch.Tensor, count: int, generator: torch.Generator, same_class: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (count,) twice, of two different pictures each: of classes 0 and 1 in either order, or of one of them.

    Raises ValueError where a class has fewer than two pictures.
    """
    rows = [(labels == label).nonzero().flatten() for label in (0, 1)]
    if min(map(len, rows)) < 2:
        raise ValueError("at least two pictures of each class are needed")
    classes = torch.randint(2, (count,), generator=generator)
    first, second = torch.empty(2, count, dtype=torch.int64)
    for i, label in enumerate(classes.tolist()):
        if same_class:
            order = torch.randperm(len(rows[label]), generator=generator)[:2]
            first[i], second[i] = rows[label][order]
        else:
            first[i], second[i] = (
                rows[k][torch.randint(len(rows[k]), (1,), generator=generator)].item() for k in (label, 1 - label)
            )
    return first, second
