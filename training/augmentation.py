"""Random changes of pictures in training: (B, 3, H, W) in [-1, 1] both ways, drawn from torch's generator."""

import math

import torch
import torch.nn.functional as F


def random_affine(
    x: torch.Tensor, degrees: float = 12, scale: float = 0.2, shift: float = 0.125, mirror: bool = True
) -> torch.Tensor:
    """Mirror, rotate to +-degrees, zoom to 1 +- scale and shift by +-shift of the side, with mirrored borders."""
    count = len(x)

    def uniform(bound: float) -> torch.Tensor:
        return (torch.rand(count, device=x.device) * 2 - 1) * bound

    angle, zoom, side = uniform(math.radians(degrees)), 1 + uniform(scale), torch.sign(uniform(1))
    side = side if mirror else torch.ones_like(side)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [
        torch.stack([cos * side, -sin, uniform(2 * shift)], 1),
        torch.stack([sin * side, cos, uniform(2 * shift)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def moved(x: torch.Tensor, strength: float) -> torch.Tensor:
    """`random_affine` at a share of its ordinary bounds; at 0 the pictures as they are."""
    return random_affine(x, 12 * strength, 0.2 * strength, 0.125 * strength) if strength else x


def random_colour(x: torch.Tensor, strength: float = 0.3) -> torch.Tensor:
    """Change brightness, contrast and saturation by up to `strength`, and in one picture of ten remove the colour."""

    def factor() -> torch.Tensor:
        return 1 + (torch.rand(len(x), 1, 1, 1, device=x.device) * 2 - 1) * strength

    grey = x.mean(1, keepdim=True)
    saturation = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.1, 0.0, factor())
    x = grey + (x - grey) * saturation
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + (x - mean) * factor() + (factor() - 1)).clamp(-1, 1)


def random_blur(x: torch.Tensor, share: float, sigmas: tuple[float, float] = (0.5, 1.5)) -> torch.Tensor:
    """Blur a `share` of the pictures by a Gaussian of some deviation, in pixels of the side's 32nd part."""
    count, _, height, width = x.shape
    low, high = sigmas
    sigma = (torch.rand(count, 1, 1, 1, device=x.device) * (high - low) + low) * width / 32
    cycles = torch.fft.fftfreq(height, device=x.device)[:, None] ** 2 + torch.fft.rfftfreq(width, device=x.device) ** 2
    kept = torch.exp(-2 * (math.pi * sigma) ** 2 * cycles)
    blurred = torch.fft.irfft2(torch.fft.rfft2(x) * kept, s=(height, width)).clamp(-1, 1)
    return torch.where(torch.rand(count, 1, 1, 1, device=x.device) < share, blurred, x)


def random_warp(x: torch.Tensor, share: float, strength: float = 0.035, cells: int = 7) -> torch.Tensor:
    """Bend a `share` of the pictures smoothly, by displacements of some `strength` of the side, drawn in `cells`^2."""
    count, _, height, width = x.shape
    chosen = torch.rand(count, 1, 1, 1, device=x.device) < share
    coarse = 2 * strength * torch.randn(count, 2, cells, cells, device=x.device) * chosen
    bent = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    grid = F.affine_grid(torch.eye(2, 3, device=x.device).expand(count, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid + bent, mode="bilinear", padding_mode="reflection", align_corners=False)


def random_noise(x: torch.Tensor, share: float, most: float = 0.12) -> torch.Tensor:
    """Add noise of up to a deviation of `most` to a `share` of the pictures."""
    deviation = torch.rand(len(x), 1, 1, 1, device=x.device) * most
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < share
    return (x + deviation * chosen * torch.randn_like(x)).clamp(-1, 1)


def cutout(x: torch.Tensor, size: float = 0.25) -> torch.Tensor:
    """Grey out one random square of `size` of the side in each picture (DeVries and Taylor 2017)."""
    count, _, height, width = x.shape
    half = size / 2
    cy, cx = torch.rand(2, count, 1, 1, device=x.device)
    y = torch.linspace(0, 1, height, device=x.device).view(1, -1, 1)
    columns = torch.linspace(0, 1, width, device=x.device).view(1, 1, -1)
    hidden = ((y - cy).abs() < half) & ((columns - cx).abs() < half)
    return x.masked_fill(hidden.unsqueeze(1), 0.0)


def differentiable(x: torch.Tensor, cutout_size: float = 0.5) -> torch.Tensor:
    """Colours, place and a hidden square, for what a discriminator sees (Zhao et al. 2020, DiffAugment).

    Values may leave [-1, 1]: cutting them off would stop the gradient that a generator learns from.
    """

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(len(x), 1, 1, 1, device=x.device) * (high - low) + low

    x = x + uniform(-0.5, 0.5)
    grey, mean = x.mean(1, keepdim=True), x.mean((1, 2, 3), keepdim=True)
    x = mean + (grey + (x - grey) * uniform(0, 2) - mean) * uniform(0.5, 1.5)
    x = random_affine(x, 0, 0, 0.125)
    return cutout(x, cutout_size) if cutout_size else x


def adaptive(x: torch.Tensor, p: torch.Tensor | float) -> torch.Tensor:
    """Each change with probability p in each picture, for what a discriminator sees (Karras et al. 2020, appendix B).

    Of the paper's changes those of place and of colour, but no quarter turns and no other hues. As long as p is under
    about 0.8 a generator does not learn to draw them: changed twice, its pictures would be changed too often.
    Values may leave [-1, 1], as in `differentiable`.
    """
    count = len(x)

    def chosen() -> torch.Tensor:
        return (torch.rand(count, device=x.device) < p).to(x.dtype)

    def normal(deviation: float) -> torch.Tensor:
        return torch.randn(count, device=x.device) * deviation * chosen()

    stretch, zoom, angle = torch.exp2(normal(0.2)), torch.exp2(normal(0.2)), normal(math.pi / 6)
    cos, sin = angle.cos(), angle.sin()
    rows = [
        torch.stack([cos * zoom * stretch, -sin * zoom / stretch, normal(0.25)], 1),
        torch.stack([sin * zoom * stretch, cos * zoom / stretch, normal(0.25)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    brightness, contrast, saturation = normal(0.2), torch.exp2(normal(0.5)), torch.exp2(normal(1.0))
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation.view(-1, 1, 1, 1)
    return x * contrast.view(-1, 1, 1, 1) + brightness.view(-1, 1, 1, 1)


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


def combine(
    x: torch.Tensor, targets: torch.Tensor, share: float, wanted: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put another picture into a `share` of the pictures: blended, or as a box or a band of it cut out and pasted.

    Each keeps 0.3 to 0.7 of its own, and both pictures' targets (B, K) in {0, 1} hold: they show both.

    Args:
        wanted: (K, K) how often a picture of one class is to get one of another class; default: as they come.
    """
    count, _, height, width = x.shape
    if wanted is None:
        order = torch.randperm(count, device=x.device)
    else:
        order = torch.multinomial((targets @ wanted.to(x) @ targets.T).clamp_min(1e-6), 1)[:, 0]
    kept = torch.rand(count, 1, 1, 1, device=x.device) * 0.4 + 0.3
    y = (torch.arange(height, device=x.device) + 0.5).div(height).view(1, 1, -1, 1)
    column = (torch.arange(width, device=x.device) + 0.5).div(width).view(1, 1, 1, -1)
    high, wide = _sides(1 - kept)
    top, left = (torch.rand(2, count, 1, 1, 1, device=x.device) * torch.stack([1 - high, 1 - wide])).unbind()
    inside = (y >= top) & (y < top + high) & (column >= left) & (column < left + wide)
    blended = torch.rand(count, 1, 1, 1, device=x.device) < 0.5
    chosen = torch.rand(count, 1, 1, 1, device=x.device) < share
    mask = torch.where(blended, 1 - kept, inside.to(x.dtype)) * chosen
    both = torch.maximum(targets, targets[order])
    return torch.lerp(x, x[order], mask), torch.where(chosen.flatten(1), both, targets)


def _sides(area: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and width of boxes of some area of the unit square: squares, and bands from side to side."""
    kind = torch.randint(3, area.shape, device=area.device)
    root = area.sqrt()
    return torch.where(kind == 0, 1.0, torch.where(kind == 1, area, root)), torch.where(
        kind == 1, 1.0, torch.where(kind == 0, area, root)
    )
