"""StyleGAN2: from noise z to a style w, and from styles to a picture; and the discriminator that it learns from.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", in the form of Karras et al. 2020,
"Training Generative Adversarial Networks with Limited Data". Names and shapes of weights are those of the official
networks in PyTorch, so that their weights fit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.generation import check_seeds, weights_of
from betwixt.hub import PretrainedMixin
from betwixt.images import to_images
from betwixt.layers import (
    EqualizedConv2d,
    EqualizedLinear,
    batch_deviation,
    binomial_filters,
    clipped,
    smooth,
    unit_power,
)

NOISE_MODES = ("const", "random", "none")
GAIN = math.sqrt(2)  # of what goes through a leaky ReLU; it may be scaled before, where that takes no pass of its own


class StyleGAN2Generator(PretrainedMixin, nn.Module):
    """z (B, z_dim), c (B, c_dim) -> pictures (B, img_channels, S, S) in about [-1, 1].

    Args:
        z_dim: length of the noise.
        c_dim: how many classes it is told of; 0: none.
        w_dim: length of a style.
        img_resolution: S, 8 or a higher power of 2.
        img_channels: 3 for RGB.
        mapping_layers: depth of the network from z to w.
        channel_base: channels times sides at each layer, up to channel_max channels.
        conv_clamp: bound on what a layer gives, for half precision; None: none.
        class_names: what the classes are called; default: none have names.

    Raises:
        ValueError: a resolution that is no power of 2, or not as many names as classes.
    """

    def __init__(
        self,
        *,
        z_dim: int = 512,
        c_dim: int = 0,
        w_dim: int = 512,
        img_resolution: int = 64,
        img_channels: int = 3,
        mapping_layers: int = 8,
        channel_base: int = 32768,
        channel_max: int = 512,
        conv_clamp: float | None = None,
        class_names: list[str] | None = None,
    ):
        super().__init__()
        if class_names is not None and len(class_names) != c_dim:
            raise ValueError(f"c_dim is {c_dim}, and class_names has {len(class_names)} names")
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.class_names = list(class_names or [])
        self.synthesis = SynthesisNetwork(w_dim, img_resolution, img_channels, channel_base, channel_max, conv_clamp)
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, mapping_layers, self.num_ws)

    @property
    def image_size(self) -> int:
        """S, as other generators call it."""
        return self.img_resolution

    def forward(
        self,
        z: torch.Tensor,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
    ) -> torch.Tensor:
        """z (B, z_dim), c (B, c_dim) -> (B, img_channels, S, S) in about [-1, 1]; see `mapping` and `synthesis`."""
        return self.synthesis(self.mapping(z, c, truncation_psi, truncation_cutoff), noise_mode)

    def generate(
        self,
        seeds: Sequence[int] = (0,),
        truncation_psi: float = 0.7,
        weights: Mapping[str, float] | None = None,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
    ) -> list[Image.Image]:
        """A picture of each seed, the same whatever other seeds are asked for.

        Args:
            truncation_psi: 1 for all that it knows, towards 0 ever nearer to its mean picture.
            weights: class -> share, from 0 up; default: of classes, each picture has one that its seed draws.

        Raises:
            ValueError: seeds that are no whole numbers from 0 up, unknown classes, unusable weights or numbers.
        """
        if not math.isfinite(truncation_psi):
            raise ValueError(f"truncation_psi must be a number, not {truncation_psi}")
        with torch.inference_mode():
            z, c = self.latents(seeds, weights)
            return to_images(clipped(self(z, c, truncation_psi, truncation_cutoff, noise_mode)))

    def latents(
        self, seeds: Sequence[int], weights: Mapping[str, float] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Of each seed its z, (N, z_dim), and c, (N, c_dim) or None; see `generate`.

        Raises:
            ValueError: as `generate`.
        """
        generators = [torch.Generator().manual_seed(seed) for seed in check_seeds(seeds)]
        z = torch.stack([torch.randn(self.z_dim, generator=generator) for generator in generators])
        device = self.mapping.w_avg.device
        if not self.c_dim:
            weights_of(weights, [])
            return z.to(device), None
        if weights is None:
            drawn = [int(torch.randint(self.c_dim, (), generator=generator)) for generator in generators]
            c = F.one_hot(torch.tensor(drawn), self.c_dim).float()
        else:
            c = weights_of(weights, self.class_names).expand(len(z), -1)
        return z.to(device), c.to(device)

    @classmethod
    def from_nvidia(cls, path: str | os.PathLike, class_names: list[str] | None = None) -> StyleGAN2Generator:
        """An official StyleGAN2-ADA network, in eval mode, on the CPU: its `.pkl`, or its state dict as safetensors.

        Nothing in the file is executed; see `betwixt.nvidia`.

        Args:
            class_names: what the classes are called, which no official file says.

        Raises:
            HubError: no such file, one that is refused or damaged, or of another architecture; in one line.
        """
        from betwixt import nvidia

        return nvidia.generator_of(nvidia.read(path), class_names)


class MappingNetwork(nn.Module):
    """z (B, z_dim), c (B, c_dim) -> w (B, num_ws, w_dim), or (B, w_dim) where num_ws is None.

    The discriminator maps classes alone, with z_dim 0, and does not keep the mean of what it gives.
    """

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, num_layers: int, num_ws: int | None):
        super().__init__()
        self.z_dim, self.c_dim, self.num_ws, self.num_layers = z_dim, c_dim, num_ws, num_layers
        if c_dim:
            self.embed = EqualizedLinear(c_dim, w_dim)
        widths = [z_dim + (w_dim if c_dim else 0)] + [w_dim] * num_layers
        for number, (a, b) in enumerate(pairwise(widths)):
            setattr(self, f"fc{number}", EqualizedLinear(a, b, rate=0.01))
        if num_ws is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: torch.Tensor | None,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> torch.Tensor:
        """`truncation_psi` of the way from w_avg to w (and beyond, over 1), of the first `truncation_cutoff` styles.

        Raises:
            ValueError: z or c of another length, no c of a network that is told of classes, or c of one that is not.
        """
        parts = []
        if self.z_dim:
            parts.append(unit_power(_checked(z, self.z_dim, "z", "z_dim").float()))
        if self.c_dim:
            parts.append(unit_power(self.embed(_checked(c, self.c_dim, "c", "c_dim").float())))
        elif c is not None and c.shape[-1]:
            raise ValueError(f"c was given, of shape {tuple(c.shape)}, and c_dim is 0: it is told of no classes")
        x = torch.cat(parts, 1)
        for number in range(self.num_layers):
            x = active(GAIN * getattr(self, f"fc{number}")(x))
        if self.num_ws is None:
            return x
        w = x[:, None].repeat(1, self.num_ws, 1)
        return w if truncation_psi == 1 else self.truncated(w, truncation_psi, truncation_cutoff)

    def truncated(self, w: torch.Tensor, psi: float, cutoff: int | None = None) -> torch.Tensor:
        """w (B, num_ws, w_dim) -> the same, its first `cutoff` (default: all) at `psi` of the way from w_avg."""
        changed = torch.lerp(self.w_avg, w[:, :cutoff], psi)
        return torch.cat([changed, w[:, changed.shape[1] :]], 1)


class SynthesisNetwork(nn.Module):
    """w -> pictures (B, img_channels, S, S): from 4x4 up, and at each side a picture that is added to."""

    def __init__(
        self,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int,
        channel_max: int,
        conv_clamp: float | None,
    ):
        super().__init__()
        self.w_dim, self.sides = w_dim, sides_of(img_resolution)
        widths = [min(channel_base // side, channel_max) for side in self.sides]
        self.num_ws = 2 * len(self.sides)
        for side, c_in, c_out in zip(self.sides, [0, *widths], widths, strict=False):
            setattr(self, f"b{side}", SynthesisBlock(c_in, c_out, w_dim, side, img_channels, conv_clamp))

    def forward(self, w: torch.Tensor, noise_mode: str = "const") -> torch.Tensor:
        """w (B, w_dim), or one for each layer (B, num_ws, w_dim), known as W+.

        Args:
            noise_mode: "const" (the same noise in each picture), "random" (new noise at each call) or "none".

        Raises:
            ValueError: w of another shape, or an unknown noise mode.
        """
        if noise_mode not in NOISE_MODES:
            raise ValueError(f"noise_mode must be one of {', '.join(NOISE_MODES)}, not {noise_mode!r}")
        if w.ndim == 2 and w.shape[1] == self.w_dim:
            w = w[:, None].expand(-1, self.num_ws, -1)
        if w.ndim != 3 or w.shape[1:] != (self.num_ws, self.w_dim):
            raise ValueError(
                f"w must be (B, {self.w_dim}), w_dim numbers, or (B, {self.num_ws}, {self.w_dim}), not {tuple(w.shape)}"
            )
        x = picture = None
        for number, side in enumerate(self.sides):  # a block's picture has the style of the next block's first layer
            styles = w[:, max(0, 2 * number - 1) : 2 * number + 2].unbind(1)
            x, picture = getattr(self, f"b{side}")(x, picture, styles, noise_mode)
        return picture


class SynthesisBlock(nn.Module):
    """Doubles the sides, and adds to the picture: x (B, c_in, H, W), picture (B, C, H, W) -> those of twice the sides.

    The first block has no x and no picture yet, and begins with a constant of 4x4.
    """

    def __init__(self, c_in: int, c_out: int, w_dim: int, side: int, img_channels: int, conv_clamp: float | None):
        super().__init__()
        if c_in:
            self.conv0 = SynthesisLayer(c_in, c_out, w_dim, side, conv_clamp, up=True)
        else:
            self.const = nn.Parameter(torch.randn(c_out, side, side))
        self.conv1 = SynthesisLayer(c_out, c_out, w_dim, side, conv_clamp)
        self.torgb = ToRGB(c_out, img_channels, w_dim, conv_clamp)

    def forward(
        self,
        x: torch.Tensor | None,
        picture: torch.Tensor | None,
        styles: Sequence[torch.Tensor],
        noise_mode: str,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        *first, second, last = styles
        if x is None:
            x = self.const.expand(len(last), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        else:
            x = self.conv0(x, first[0], noise_mode)
        x = self.conv1(x, second, noise_mode)
        added = self.torgb(x, last).float()
        return x, added if picture is None else doubled(picture) + added


class SynthesisLayer(nn.Module):
    """A 3x3 convolution whose input channels are scaled by a style, with noise: x (B, c_in, H, W) -> (B, c_out, S, S).

    Scaling the activations before and after a convolution that all pictures share is the same as scaling its weights
    for each picture (section 2.2 of the first paper), and on CPUs faster.
    """

    def __init__(self, c_in: int, c_out: int, w_dim: int, side: int, conv_clamp: float | None, up: bool = False):
        super().__init__()
        self.up, self.conv_clamp = up, conv_clamp
        self.affine = EqualizedLinear(w_dim, c_in, bias=1.0)
        # In memory as the convolution reads it, which else takes a copy each time.
        first = (c_in, c_out) if up else (c_out, c_in)
        weight = torch.randn(*first, 3, 3).contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight.transpose(0, 1) if up else weight)
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.register_buffer("noise_const", torch.randn(side, side))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self._known: tuple = (None, None)

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise_mode: str) -> torch.Tensor:
        style = self.affine(w)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = smooth(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2), gain=4)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        power = style.float().square() @ self.squares().T
        scale = GAIN * (power + 1e-8).rsqrt()[:, :, None, None]
        x = torch.addcmul((GAIN * self.bias)[:, None, None].to(x.dtype), x, scale.to(x.dtype))
        if noise_mode != "none":
            drawn = (len(x), 1, *self.noise_const.shape)
            noise = self.noise_const if noise_mode == "const" else torch.randn(drawn, device=x.device)
            x += (GAIN * self.noise_strength * noise).to(x.dtype)
        return active(x, self.conv_clamp)

    def squares(self) -> torch.Tensor:
        """(c_out, c_in) the sum of the squares of the weights; without gradients it is kept until these change."""
        if torch.is_grad_enabled() or self.weight.is_inference():  # the latter do not count their changes
            return self.weight.square().sum((2, 3))
        state = self.weight.data_ptr(), self.weight._version
        if self._known[0] != state:
            self._known = state, self.weight.square().sum((2, 3))
        return self._known[1]


class ToRGB(nn.Module):
    """A 1x1 convolution whose input channels are scaled by a style: x (B, c_in, H, W) -> (B, img_channels, H, W)."""

    def __init__(self, c_in: int, img_channels: int, w_dim: int, conv_clamp: float | None):
        super().__init__()
        self.conv_clamp, self.scale = conv_clamp, 1 / math.sqrt(c_in)
        self.affine = EqualizedLinear(w_dim, c_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(img_channels, c_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(img_channels))

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        style = self.affine(w) * self.scale
        x = F.conv2d(x * style[:, :, None, None].to(x.dtype), self.weight) + self.bias.to(x.dtype)[:, None, None]
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)


class StyleGAN2Discriminator(nn.Module):
    """Pictures (B, C, S, S), c (B, c_dim) -> logits (B, 1), higher for what is real and of that class."""

    def __init__(
        self,
        c_dim: int,
        img_resolution: int,
        img_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        conv_clamp: float | None = None,
    ):
        super().__init__()
        self.c_dim, self.sides = c_dim, sides_of(img_resolution)[:0:-1]
        widths = {side: min(channel_base // side, channel_max) for side in [*self.sides, 4]}
        for side in self.sides:
            first = img_channels if side == img_resolution else 0
            setattr(self, f"b{side}", Halving(first, widths[side], widths[side // 2], conv_clamp))
        self.b4 = Verdict(widths[4], c_dim, conv_clamp)
        if c_dim:
            self.mapping = MappingNetwork(0, c_dim, widths[4], 8, None)

    def forward(self, x: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """x in [-1, 1].

        Raises:
            ValueError: c does not suit c_dim.
        """
        for side in self.sides:
            x = getattr(self, f"b{side}")(x)
        return self.b4(x, self.mapping(None, c) if self.c_dim else None)


class Halving(nn.Module):
    """A residual block: (B, c_in, H, W) -> (B, c_out, H / 2, W / 2); the first takes a picture of `img_channels`."""

    def __init__(self, img_channels: int, c_in: int, c_out: int, conv_clamp: float | None):
        super().__init__()
        self.conv_clamp = conv_clamp
        self.fromrgb = EqualizedConv2d(img_channels, c_in, 1, gain=GAIN) if img_channels else None
        self.conv0 = EqualizedConv2d(c_in, c_in, 3, gain=GAIN)
        self.conv1 = EqualizedConv2d(c_in, c_out, 3, gain=1.0)  # GAIN, and the root of a half, since two are added
        self.skip = EqualizedConv2d(c_in, c_out, 1, gain=math.sqrt(0.5), bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fromrgb is not None:
            x = active(self.fromrgb(x), self.conv_clamp)
        skipped = self.skip(smooth(x), stride=2)
        x = smooth(active(self.conv0(x), self.conv_clamp), padding=2)
        clamp = None if self.conv_clamp is None else self.conv_clamp * math.sqrt(0.5)
        return skipped + active(self.conv1(x, stride=2, padding=0), clamp)


class Verdict(nn.Module):
    """The end of the discriminator: (B, c_in, 4, 4), and what its class maps to (B, c_in) -> (B, 1)."""

    def __init__(self, c_in: int, c_dim: int, conv_clamp: float | None):
        super().__init__()
        self.conv_clamp = conv_clamp
        self.conv = EqualizedConv2d(c_in + 1, c_in, 3, gain=GAIN)
        self.fc = EqualizedLinear(c_in * 16, c_in)
        self.out = EqualizedLinear(c_in, c_in if c_dim else 1)

    def forward(self, x: torch.Tensor, of_class: torch.Tensor | None) -> torch.Tensor:
        x = active(self.conv(batch_deviation(x)), self.conv_clamp)
        x = self.out(active(GAIN * self.fc(x.flatten(1)))).float()
        return x if of_class is None else (x * of_class).sum(1, keepdim=True) / math.sqrt(x.shape[1])


def active(x: torch.Tensor, clamp: float | None = None) -> torch.Tensor:
    """Leaky ReLU, in place, of what is scaled by `GAIN` already; within +-`clamp` times `GAIN`."""
    x = F.leaky_relu(x, 0.2, inplace=True)
    return x if clamp is None else x.clamp(-clamp * GAIN, clamp * GAIN)


def doubled(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W), between the places by the same filter."""
    return F.conv_transpose2d(x, binomial_filters(x, 4.0), padding=1, stride=2, groups=x.shape[1])


def sides_of(img_resolution: int) -> list[int]:
    """4, 8 and so on up to img_resolution.

    Raises:
        ValueError: it is no power of 2 from 8 up.
    """
    if img_resolution < 8 or img_resolution & (img_resolution - 1):
        raise ValueError(f"img_resolution must be a power of 2 from 8 up, not {img_resolution}")
    return [2**i for i in range(2, img_resolution.bit_length())]


def _checked(x: torch.Tensor | None, length: int, name: str, field: str) -> torch.Tensor:
    if x is None or x.ndim != 2 or x.shape[1] != length:
        given = "none was given" if x is None else f"not {tuple(x.shape)}"
        raise ValueError(f"{name} must be (B, {length}), {field} numbers each; {given}")
    return x
