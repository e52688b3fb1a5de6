"""A small conditional GAN: a StyleGAN2-like generator, or the plain DCGAN to compare with, and their discriminators.

Karras et al. 2020 for the networks, Miyato and Koyama 2018, "cGANs with Projection Discriminator", for the condition.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.generation import Steering, check_request, named, noise_of, weights_of
from betwixt.hub import PretrainedMixin
from betwixt.images import to_images
from betwixt.layers import (
    EqualizedConv2d,
    EqualizedLinear,
    ModulatedConv2d,
    batch_deviation,
    clipped,
    double,
    unit_power,
)

ARCHITECTURES = ("stylegan2", "dcgan")


class ConditionalGAN(PretrainedMixin, nn.Module):
    """Draws pictures of its classes, and of what lies between them, in one pass.

    Args:
        class_names: names of the classes, lower case with underscores.
        architecture: "stylegan2", or "dcgan" (Radford et al. 2016, with the label beside the noise).
        image_size: side of the pictures, in pixels; 4 times a power of 2.
        z_dim, w_dim: length of the noise, and of what a style is made of.
        base_channels: width at the full side; it doubles at each halving, up to max_channels.
        mapping_layers: depth of the network from noise and label to w.

    Raises:
        ValueError: an unknown architecture, no classes, or sides that do not come from 4 by doubling.
    """

    COMBINATIONS = ("midpoint", "style_mixing", "steered")  # of "stylegan2"; the other has no styles

    def __init__(
        self,
        *,
        class_names: list[str],
        architecture: str = "stylegan2",
        image_size: int = 32,
        z_dim: int = 64,
        w_dim: int = 64,
        base_channels: int = 32,
        max_channels: int = 128,
        mapping_layers: int = 2,
    ):
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {architecture!r}")
        if not class_names:
            raise ValueError("a generator needs the names of its classes")
        widths = [*reversed(widths_of(image_size, base_channels, max_channels))]
        self.class_names, self.image_size = list(class_names), image_size
        self.z_dim, self.w_dim, self.is_style = z_dim, w_dim, architecture == "stylegan2"
        if self.is_style:
            self.mapping_network = LatentMapping(z_dim, len(class_names), w_dim, mapping_layers)
            self.network = Synthesis(widths, w_dim)
        else:
            self.COMBINATIONS = ("midpoint", "steered")
            self.w_dim = z_dim + len(class_names)
            self.network = Transposed(self.w_dim, widths)

    @property
    def num_ws(self) -> int:
        """How many styles a picture has; 1 where there are none."""
        return self.network.num_ws

    def mapping(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """z (B, z_dim), labels (B, num_classes), shares of the classes -> w (B, w_dim)."""
        return self.mapping_network(z, labels) if self.is_style else torch.cat([z, labels], 1)

    def synthesis(self, ws: torch.Tensor) -> torch.Tensor:
        """w (B, w_dim), or one for each layer (B, num_ws, w_dim) -> (B, 3, S, S) in about [-1, 1]."""
        return self.network(ws[:, None].expand(-1, self.num_ws, -1) if ws.ndim == 2 else ws)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """z (B, z_dim), labels (B, num_classes) -> (B, 3, S, S) in about [-1, 1]."""
        return self.synthesis(self.mapping(z, labels))

    def generate(
        self,
        weights: Mapping[str, float] | None = None,
        count: int = 16,
        seed: int = 0,
        combine: str | None = None,
        *,
        steering: Steering | None = None,
    ) -> list[Image.Image]:
        """Draw `count` pictures; picture i is that of seed + i, whatever the count.

        Args:
            weights: class -> share, from 0 up; default: all the same. A share of 1 is that class alone.
            combine: "midpoint" (default: the network is asked for the shares as its label), "style_mixing" (the coarse
                layers follow one class, the fine ones another, as many as its share says; which comes first is drawn
                for each picture), "steered" (from the midpoint, `steering` moves w to where its guides see all).

        Raises:
            ValueError: weights that are negative, all zero or of unknown classes; a count or seed that is no whole
                number or out of range; an unknown way to combine, or "steered" without steering.
        """
        combine = check_request(self, count, seed, combine, steering)
        shares = weights_of(weights, self.class_names)
        device = next(self.parameters()).device
        z, ranks = noise_of(seed, count, (self.z_dim + len(shares),))[0].to(device).tensor_split([self.z_dim], 1)
        with torch.inference_mode():
            if combine == "style_mixing":
                ws = self._mixed(z, shares, ranks.cpu())
            else:
                ws = self.mapping(z, shares.to(device).expand(count, -1))
        if combine == "steered":
            ws = steering.at(shares).climb(self._picture, ws, named(self.class_names, shares))
        with torch.inference_mode():
            return to_images(self._picture(ws))

    def _picture(self, ws: torch.Tensor) -> torch.Tensor:
        return clipped(self.synthesis(ws))

    def _mixed(self, z: torch.Tensor, shares: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
        """One w for each layer: each class has as many layers, coarse to fine, as its share says, in order of ranks."""
        labels = torch.eye(len(shares), device=z.device)
        of_class = torch.stack([self.mapping(z, label.expand(len(z), -1)) for label in labels], 1)
        order = ranks.argsort(1)
        ends = shares[order].cumsum(1)
        middles = (torch.arange(self.num_ws) + 0.5) / self.num_ws
        place = torch.searchsorted(ends, middles.expand(len(z), -1).contiguous()).clamp_max(len(shares) - 1)
        chosen = order.gather(1, place).to(z.device)
        return of_class.gather(1, chosen[..., None].expand(-1, -1, self.w_dim))


class LatentMapping(nn.Module):
    """z (B, z_dim), labels (B, num_classes) -> w (B, w_dim)."""

    def __init__(self, z_dim: int, num_classes: int, w_dim: int, layers: int):
        super().__init__()
        self.of_labels = EqualizedLinear(num_classes, w_dim)
        widths = [z_dim + w_dim] + [w_dim] * layers
        self.layers = nn.ModuleList(EqualizedLinear(a, b, rate=0.01) for a, b in pairwise(widths))

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = torch.cat([unit_power(z), unit_power(self.of_labels(labels))], 1)
        for layer in self.layers:
            x = _active(layer(x))
        return x


class Synthesis(nn.Module):
    """ws (B, num_ws, w_dim) -> (B, 3, S, S): from 4x4 up, and at each side a picture that is added to.

    StyleGAN2's noise inputs are left out: at so few pixels they leave nothing for a style to decide.
    """

    def __init__(self, widths: list[int], w_dim: int):
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        layers, pictures = [ModulatedConv2d(widths[0], widths[0], 3, w_dim)], [widths[0]]
        for c_in, c_out in pairwise(widths):
            layers += [ModulatedConv2d(c_in, c_out, 3, w_dim, up=True), ModulatedConv2d(c_out, c_out, 3, w_dim)]
            pictures.append(c_out)
        self.layers = nn.ModuleList(layers)
        self.pictures = nn.ModuleList(ModulatedConv2d(c_in, 3, 1, w_dim, demodulate=False) for c_in in pictures)
        self.num_ws = len(layers)

    def forward(self, ws: torch.Tensor) -> torch.Tensor:
        x, picture = self.start.expand(len(ws), -1, -1, -1), None
        for number, layer in enumerate(self.layers):
            x = _active(layer(x, ws[:, number]))
            if number % 2 == 0:
                added = self.pictures[number // 2](x, ws[:, number]).float()
                picture = added if picture is None else double(picture) + added
        return picture


class Transposed(nn.Sequential):
    """DCGAN's generator: (B, 1, z_dim + num_classes) -> (B, 3, S, S)."""

    num_ws = 1

    def __init__(self, c_in: int, widths: list[int]):
        super().__init__(
            nn.Flatten(),
            nn.Unflatten(1, (c_in, 1, 1)),
            nn.ConvTranspose2d(c_in, widths[0], 4, bias=False),
            *[
                layer
                for a, b in pairwise(widths)
                for layer in (
                    nn.BatchNorm2d(a),
                    nn.ReLU(),
                    nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=False),
                )
            ],
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(),
            nn.Conv2d(widths[-1], 3, 3, padding=1),
            nn.Tanh(),
        )


class Discriminator(nn.Module):
    """Pictures (B, 3, S, S), labels (B, num_classes) -> (B,), higher for what is real and of that class."""

    def __init__(self, num_classes: int, image_size: int, base_channels: int, max_channels: int):
        super().__init__()
        widths = widths_of(image_size, base_channels, max_channels)
        self.first = EqualizedConv2d(3, widths[0], 1)
        self.blocks = nn.ModuleList(Halving(a, b) for a, b in pairwise(widths))
        self.last = EqualizedConv2d(widths[-1] + 1, widths[-1], 3)
        self.features = EqualizedLinear(widths[-1] * 16, widths[-1])
        self.real = EqualizedLinear(widths[-1], 1)
        self.of_labels = EqualizedLinear(num_classes, widths[-1])

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = _active(self.first(x))
        for block in self.blocks:
            x = block(x)
        x = _active(self.last(batch_deviation(x)))
        features = _active(self.features(x.flatten(1)))
        towards = unit_power(self.of_labels(labels))
        return (self.real(features)[:, 0] + (features * towards).sum(1) / features.shape[1] ** 0.5).float()


class Halving(nn.Module):
    """A residual block of the discriminator: (B, c_in, H, W) -> (B, c_out, H / 2, W / 2)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.first, self.second = EqualizedConv2d(c_in, c_in, 3), EqualizedConv2d(c_in, c_out, 3)
        self.skip = EqualizedConv2d(c_in, c_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = _active(self.second(F.avg_pool2d(_active(self.first(x)), 2)))
        return (self.skip(F.avg_pool2d(x, 2)) + h) / 2**0.5


class PlainDiscriminator(nn.Module):
    """DCGAN's: the label as further channels, batch norm, strided convolutions; (B, 3, S, S), (B, K) -> (B,)."""

    def __init__(self, num_classes: int, image_size: int, base_channels: int, max_channels: int):
        super().__init__()
        widths = widths_of(image_size, base_channels, max_channels)
        layers: list[nn.Module] = [nn.Conv2d(3 + num_classes, widths[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4), nn.Flatten(0))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        shown = labels[:, :, None, None].expand(-1, -1, *x.shape[-2:]).to(x.dtype)
        return self.layers(torch.cat([x, shown], 1)).float()


def widths_of(image_size: int, base_channels: int, max_channels: int) -> list[int]:
    """Channels at each side, from image_size down to 4.

    Raises:
        ValueError: halving does not lead from image_size to 4.
    """
    halvings = max(0, image_size.bit_length() - 3)
    if image_size < 8 or 4 * 2**halvings != image_size:
        raise ValueError(f"image_size must be 8, 16, 32 or so on, not {image_size}")
    return [min(base_channels * 2**i, max_channels) for i in range(halvings + 1)]


def _active(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2) * 2**0.5
