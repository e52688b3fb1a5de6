"""Random changes of pictures in training: (B, 3, H, W) in [-1, 1] both ways, drawn from torch's generator."""

import math

import torch
import torch.nn.functional as F


def random_affine(x: torch.Tensor, degrees: float = 12, scale: float = 0.2, shift: float = 0.125) -> torch.Tensor:
    """Mirror, rotate to +-degrees, zoom to 1 +- scale and shift by +-shift of the side, with mirrored borders."""
    count = len(x)

    def uniform(bound: float) -> torch.Tensor:
        return (torch.rand(count, device=x.device) * 2 - 1) * bound

    angle, zoom, mirror = uniform(math.radians(degrees)), 1 + uniform(scale), torch.sign(uniform(1))
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [
        torch.stack([cos * mirror, -sin, uniform(2 * shift)], 1),
        torch.stack([sin * mirror, cos, uniform(2 * shift)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def random_colour(x: torch.Tensor, strength: float = 0.3) -> torch.Tensor:
    """Change brightness, contrast and saturation by up to `strength`, and in one picture of ten remove the colour."""

    def factor() -> torch.Tensor:
        return 1 + (torch.rand(len(x), 1, 1, 1, device=x.device) * 2 - 1) * strength

    grey = x.mean(1, keepdim=True)
    saturation = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.1, 0.0, factor())
    x = grey + (x - grey) * saturation
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + (x - mean) * factor() + (factor() - 1)).clamp(-1, 1)


def cutout(x: torch.Tensor, size: float = 0.25) -> torch.Tensor:
    """Grey out one random square of `size` of the side in each picture (DeVries and Taylor 2017)."""
    count, _, height, width = x.shape
    half = size / 2
    cy, cx = torch.rand(2, count, 1, 1, device=x.device)
    y = torch.linspace(0, 1, height, device=x.device).view(1, -1, 1)
    columns = torch.linspace(0, 1, width, device=x.device).view(1, 1, -1)
    hidden = ((y - cy).abs() < half) & ((columns - cx).abs() < half)
    return x.masked_fill(hidden.unsqueeze(1), 0.0)


def mixup(x: torch.Tensor, targets: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each picture and its target (B, K) with another's, by a Beta(alpha, alpha) share (Zhang et al. 2018)."""
    if alpha == 0:
        return x, targets
    # Of two Gamma draws by torch's own generator: torch.distributions' Beta checks its arguments each time.
    shape = torch.full((2, len(x)), alpha, device=x.device)
    gamma = torch._standard_gamma(shape)
    share = gamma[0] / gamma.sum(0).clamp_min(1e-8)
    share = torch.maximum(share, 1 - share)
    order = torch.randperm(len(x), device=x.device)
    weight = share.view(-1, 1, 1, 1)
    return x * weight + x[order] * (1 - weight), targets * share[:, None] + targets[order] * (1 - share[:, None])
