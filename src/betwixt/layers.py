"""What several networks are built of: residual halvings and doublings, and StyleGAN2's layers."""

import math

import torch
import torch.nn.functional as F
from torch import nn

GROUP = 4  # pictures whose deviation a discriminator sees


class Down(nn.Sequential):
    """Halves the sides, then the residual blocks: (B, c_in, H, W) -> (B, c_out, H / 2, W / 2)."""

    def __init__(self, c_in: int, c_out: int, blocks: int):
        super().__init__(
            nn.Conv2d(c_in, c_out, 4, stride=2, padding=1), *[ResidualBlock(c_out) for _ in range(blocks)], nn.GELU()
        )


class Up(nn.Sequential):
    """The residual blocks, then the sides doubled: (B, c_in, H, W) -> (B, c_out, 2 H, 2 W)."""

    def __init__(self, c_in: int, c_out: int, blocks: int):
        super().__init__(
            *[ResidualBlock(c_in) for _ in range(blocks)],
            nn.GELU(),
            nn.ConvTranspose2d(c_in, c_out, 4, stride=2, padding=1),
        )


class ResidualBlock(nn.Sequential):
    """x -> x + f(x), f a 3x3 and a 1x1 convolution through half the channels (van den Oord et al. 2017, VQ-VAE)."""

    def __init__(self, channels: int):
        super().__init__(
            nn.GELU(),
            nn.Conv2d(channels, channels // 2, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(channels // 2, channels, 1),
        )
        # Beginning as x -> x trains at any depth, with no normalisation (De and Smith 2020).
        nn.init.zeros_(self[-1].weight)
        nn.init.zeros_(self[-1].bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


class EqualizedLinear(nn.Module):
    """(B, c_in) -> (B, c_out); weights are drawn with deviation 1 and scaled when used (Karras et al. 2018).

    So that every layer learns at the same speed under Adam; `rate` makes one slower.
    """

    def __init__(self, c_in: int, c_out: int, bias: float = 0.0, rate: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in) / rate)
        self.bias = nn.Parameter(torch.full((c_out,), bias / rate))
        self.rate, self.scale = rate, rate / math.sqrt(c_in)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x * self.scale, self.weight, self.bias * self.rate)  # x has fewer numbers than the weight


class EqualizedConv2d(nn.Module):
    """(B, c_in, H, W) -> (B, c_out, H, W), scaled as `EqualizedLinear`, and all that it gives by `gain`."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, bias: bool = True, gain: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(c_out)) if bias else None
        self.gain, self.scale = gain, gain / math.sqrt(c_in * kernel_size**2)

    def forward(self, x: torch.Tensor, stride: int = 1, padding: int | None = None) -> torch.Tensor:
        """`padding`: default: as many zeros around it as keep its sides."""
        padding = self.weight.shape[-1] // 2 if padding is None else padding
        bias = None if self.bias is None else self.bias * self.gain
        return F.conv2d(x, self.weight * self.scale, bias, stride, padding)


class ModulatedConv2d(nn.Module):
    """A convolution whose input channels are scaled by a style, x (B, c_in, H, W), w (B, w_dim) -> (B, c_out, H, W).

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 2.2. Scaling the activations
    before and after a shared convolution is the same as scaling its weights for each picture, and faster on CPUs.

    Args:
        up: double the sides.
        demodulate: scale the output channels so that their expected deviation is 1 again.
    """

    def __init__(self, c_in: int, c_out: int, kernel_size: int, w_dim: int, up: bool = False, demodulate: bool = True):
        super().__init__()
        self.affine = EqualizedLinear(w_dim, c_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.up, self.demodulate, self.scale = up, demodulate, 1 / math.sqrt(c_in * kernel_size**2)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        style, weight = self.affine(w), self.weight * self.scale
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = smooth(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), gain=4)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            power = style.float().square() @ weight.square().sum((2, 3)).T
            x = x * (power + 1e-8).rsqrt()[:, :, None, None].to(x.dtype)
        return x + self.bias.to(x.dtype)[:, None, None]


def smooth(x: torch.Tensor, gain: float = 1.0, padding: int = 1) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, H + 2 padding - 3, ...): each channel under the filter [1, 3, 3, 1] of StyleGAN2."""
    return F.conv2d(x, binomial_filters(x, gain), padding=padding, groups=x.shape[1])


def binomial_filters(x: torch.Tensor, gain: float) -> torch.Tensor:
    """(C, 1, 4, 4) the filter [1, 3, 3, 1] in both directions, of sum `gain`, for each channel of x (B, C, H, W)."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device, dtype=x.dtype) / 8
    return (gain * line[:, None] * line).expand(x.shape[1], 1, 4, 4)


def clipped(x: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) that may leave [-1, 1] -> in it; gradients pass what is clipped."""
    return x + (x.clamp(-1, 1) - x).detach()


def double(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W), between the places by the same filter."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def unit_power(x: torch.Tensor) -> torch.Tensor:
    """(B, D) -> each row scaled so that the mean of its squares is 1."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def batch_deviation(x: torch.Tensor, group_size: int = GROUP) -> torch.Tensor:
    """(B, C, H, W) -> (B, C + 1, H, W): with how much a group of pictures differs, for each (Karras et al. 2018)."""
    count, _, height, width = x.shape
    size = math.gcd(count, group_size)
    groups = x.float().reshape(size, count // size, -1)  # picture i is with those whose number has the same remainder
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean(1)
    return torch.cat([x, deviation.to(x.dtype).repeat(size)[:, None, None, None].expand(-1, 1, height, width)], 1)
