"""The breed of one picture and the pose of another, drawn by a frozen StyleGAN2.

Nitzan et al. 2020, "Face Identity Disentanglement via Latent Space Mapping", for heads of animals: a frozen classifier
of breeds says what an identity picture shows, a small network what else an attribute picture shows, and a mapper puts
both together as a style w, of which the generator draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.classifier import ImageClassifier
from betwixt.directions import styles_of
from betwixt.hub import PretrainedMixin
from betwixt.images import BATCH, batches, resized, to_images
from betwixt.layers import Down, clipped
from betwixt.losses import reconstruction
from betwixt.stylegan2 import StyleGAN2Generator

SPACES = ("w", "w+")
STYLES = 4096  # random styles, of which mean and deviation are reckoned
PLACES = 4  # the side of the last map of the attribute encoder
SLOPE = 0.2  # of leaky ReLUs


class IdentityPoseSwapper(PretrainedMixin, nn.Module):
    """Two pictures (B, 3, H, W) in [-1, 1] -> one of the breed of the first and the pose and place of the second.

    Args:
        generator: the configuration of the frozen StyleGAN2Generator.
        classifier: that of the frozen ImageClassifier whose features before the logits say the identity.
        space: "w", one style for all layers, or "w+", one for each.
        attribute_size: side to which the attribute picture is fitted, in pixels; 8 or more, a multiple of 4.
        attribute_channels: width of its encoder after the first halving of the sides; every further one doubles it.
        attribute_dim: length of the attribute code; what is no longer can hide less of the breed.
        hidden_dim: width of the mapper.
        mapper_layers: its depth.

    Raises:
        ValueError: an unknown space, or a size that is out of range.
    """

    def __init__(
        self,
        *,
        generator: dict,
        classifier: dict,
        space: str = "w",
        attribute_size: int = 64,
        attribute_channels: int = 16,
        attribute_dim: int = 64,
        hidden_dim: int = 256,
        mapper_layers: int = 4,
    ):
        super().__init__()
        if space not in SPACES:
            raise ValueError(f"space must be one of {', '.join(SPACES)}, not {space!r}")
        sizes = {"attribute_channels": attribute_channels, "attribute_dim": attribute_dim, "hidden_dim": hidden_dim}
        for name, value in {**sizes, "mapper_layers": mapper_layers}.items():
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 up, not {value!r}")
        self.generator = StyleGAN2Generator(**generator)
        self.identity_encoder = ImageClassifier(**classifier)
        self.space, self.attribute_size = space, attribute_size
        self.attribute_encoder = AttributeEncoder(attribute_size, attribute_channels, attribute_dim)
        styles = self.generator.num_ws if space == "w+" else 1
        with torch.no_grad():
            side = self.identity_encoder.image_size
            identity_dim = self.identity_encoder.eval().features(torch.zeros(1, 3, side, side)).shape[1]
        self.latent_mapper = LatentMapper(
            identity_dim + attribute_dim, hidden_dim, mapper_layers, styles, self.generator.w_dim
        )
        for frozen in (self.generator, self.identity_encoder):
            frozen.requires_grad_(False).eval()
        self.register_buffer("familiar", torch.tensor(3.0))  # strangeness, until it is measured

    @classmethod
    def of(cls, generator: StyleGAN2Generator, classifier: ImageClassifier, **sizes) -> IdentityPoseSwapper:
        """One that is to be trained, with the weights of these two networks, and w as this generator spreads it."""
        swapper = cls(generator=generator.config, classifier=classifier.config, **sizes)
        swapper.generator.load_state_dict(generator.state_dict())
        swapper.identity_encoder.load_state_dict(classifier.state_dict())
        swapper.latent_mapper.look_at(styles_of(generator, STYLES))
        return swapper

    @property
    def image_size(self) -> int:
        """The side of what it draws, in pixels."""
        return self.generator.img_resolution

    def train(self, mode: bool = True) -> IdentityPoseSwapper:
        """As of any module, but what is frozen stays as it is."""
        super().train(mode)
        self.generator.eval()
        self.identity_encoder.eval()
        return self

    def identity_of(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the identity (B, D) of length 1; differentiable."""
        return F.normalize(self.identity_encoder.features(x).float(), dim=1)

    def attributes_of(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the attribute code (B, attribute_dim)."""
        return self.attribute_encoder(resized(x, self.attribute_size))

    def styles(self, identity_image: torch.Tensor, attribute_image: torch.Tensor) -> torch.Tensor:
        """Two pictures (B, 3, H, W) -> w (B, num_ws, w_dim)."""
        w = self.latent_mapper(self.identity_of(identity_image), self.attributes_of(attribute_image))
        return w.expand(-1, self.generator.num_ws, -1)

    def forward(self, identity_image: torch.Tensor, attribute_image: torch.Tensor) -> torch.Tensor:
        """Two pictures (B, 3, H, W) in [-1, 1], each of any side -> (B, 3, S, S) in about [-1, 1]."""
        return self.generator.synthesis(self.styles(identity_image, attribute_image))

    @torch.inference_mode()
    def strangeness(self, x: torch.Tensor) -> torch.Tensor:
        """How unlike pictures (B, 3, H, W) in [-1, 1] are to what is drawn with both sides taken from them -> (B,).

        Over `familiar` lie 5 of 100 pictures like those it learned from: more is outside what it knows.
        """
        x = resized(x, self.image_size)
        return reconstruction(clipped(self(x, x)), x)

    def swap(
        self, identity_images: Sequence[Image.Image], attribute_images: Sequence[Image.Image]
    ) -> list[Image.Image]:
        """The breed of each identity picture in the pose and place of the attribute picture of the same number.

        Args:
            identity_images, attribute_images: of any size and mode, as many of each.

        Raises:
            ValueError: there are not as many of one as of the other.
        """
        with torch.inference_mode():
            w = self.encode(identity_images, attribute_images)
            return [
                picture for some in w.split(BATCH) for picture in to_images(clipped(self.generator.synthesis(some)))
            ]

    @torch.inference_mode()
    def encode(self, identity_images: Sequence[Image.Image], attribute_images: Sequence[Image.Image]) -> torch.Tensor:
        """The styles w (N, num_ws, w_dim) that `swap` draws of.

        Raises:
            ValueError: as `swap`.
        """
        if len(identity_images) != len(attribute_images):
            raise ValueError(
                f"there are {len(identity_images)} identity images and {len(attribute_images)} attribute images: "
                "each needs one of the other"
            )
        device = self.familiar.device
        pairs = zip(
            batches(identity_images, self.identity_encoder.image_size, device),
            batches(attribute_images, self.attribute_size, device),
            strict=True,
        )
        none = torch.empty(0, self.generator.num_ws, self.generator.w_dim, device=device)
        return torch.cat([none, *(self.styles(*pair) for pair in pairs)])


class AttributeEncoder(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] -> all but their identity, (B, attribute_dim).

    Raises:
        ValueError: sides that are not 4 times a power of 2.
    """

    def __init__(self, image_size: int, base_channels: int, attribute_dim: int):
        super().__init__()
        halvings = (image_size // PLACES).bit_length() - 1 if type(image_size) is int else 0
        if halvings < 1 or PLACES << halvings != image_size:
            raise ValueError(f"attribute_size must be 8, 16, 32 or a higher power of 2, not {image_size!r}")
        widths = [3, *(base_channels * 2**i for i in range(halvings))]
        self.layers = nn.Sequential(
            *[Down(c_in, c_out, 1) for c_in, c_out in pairwise(widths)],
            nn.Flatten(),
            nn.Linear(widths[-1] * PLACES**2, attribute_dim),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).float()


class LatentMapper(nn.Module):
    """Identity (B, D) and attributes (B, A) -> styles (B, num_styles, w_dim), around those that the generator knows.

    What its layers give counts in deviations of w, from its mean; at first it gives the mean.
    """

    def __init__(self, in_dim: int, hidden_dim: int, num_layers: int, num_styles: int, w_dim: int):
        super().__init__()
        self.num_styles, self.w_dim = num_styles, w_dim
        widths = [in_dim, *[hidden_dim] * (num_layers - 1), num_styles * w_dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        nn.init.zeros_(self.layers[-1].bias)
        nn.init.normal_(self.layers[-1].weight, std=0.1 / widths[-2] ** 0.5)
        self.register_buffer("mean", torch.zeros(w_dim))
        self.register_buffer("deviation", torch.ones(w_dim))

    def look_at(self, w: torch.Tensor) -> None:
        """Take mean and deviation from styles (N, w_dim)."""
        self.mean.copy_(w.mean(0))
        self.deviation.copy_(w.std(0).clamp_min(1e-4))

    def forward(self, identity: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        # The numbers of a vector of length 1 are small where it is long: of deviation 1 both sides count alike.
        x = torch.cat([identity * identity.shape[1] ** 0.5, attributes], 1)
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), SLOPE)
        x = self.layers[-1](x).float().view(-1, self.num_styles, self.w_dim)
        return self.mean + x * self.deviation

    def scaled(self, w: torch.Tensor) -> torch.Tensor:
        """w (..., w_dim) in deviations from its mean."""
        return (w - self.mean) / self.deviation


class WDiscriminator(nn.Module):
    """Whether styles are some that the generator's own mapping network gives: (B, w_dim) in deviations -> (B,).

    It is there for training alone: published swappers do without.
    """

    def __init__(self, w_dim: int, hidden_dim: int = 256):
        super().__init__()
        widths = [w_dim, hidden_dim, hidden_dim // 2, hidden_dim // 4, 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, w: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            w = F.leaky_relu(layer(w), SLOPE)
        return self.layers[-1](w)[:, 0].float()
