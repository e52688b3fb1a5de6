"""A convolutional autoencoder: a picture to a short vector and back, as deep as one asks for."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.hub import PretrainedMixin
from betwixt.images import batches, to_images
from betwixt.layers import Down, Up


class ConvAutoencoder(PretrainedMixin, nn.Module):
    """Squeezes a picture into `latent_dim` numbers, and draws it again from them.

    Args:
        image_size: side of the square that pictures are fitted to, in pixels; a multiple of 2**downsamplings.
        base_channels: width after the first halving of the sides; every further one doubles it.
        latent_dim: length of the latent.
        blocks: residual blocks at each resolution of the encoder, and again of the decoder: the depth.
        downsamplings: how often the sides are halved before the latent.

    Raises:
        ValueError: a size that is no whole number or too small, or sides that cannot be halved that often.
    """

    def __init__(
        self,
        *,
        image_size: int = 32,
        base_channels: int = 24,
        latent_dim: int = 64,
        blocks: int = 1,
        downsamplings: int = 3,
    ):
        super().__init__()
        _check("image_size", image_size, 8)
        _check("base_channels", base_channels, 2)
        _check("latent_dim", latent_dim, 1)
        _check("blocks", blocks, 0)
        _check("downsamplings", downsamplings, 1)
        if image_size % 2**downsamplings:
            raise ValueError(f"image_size {image_size} cannot be halved {downsamplings} times")
        self.image_size, self.latent_dim = image_size, latent_dim
        widths = [base_channels * 2**i for i in range(downsamplings)]
        shape = (widths[-1], image_size // 2**downsamplings, image_size // 2**downsamplings)
        flat = shape[0] * shape[1] * shape[2]
        self.encoder = nn.Sequential(
            *[Down(c_in, c_out, blocks) for c_in, c_out in pairwise([3, *widths])],
            nn.Flatten(),
            nn.Linear(flat, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, flat),
            nn.Unflatten(1, shape),
            *[Up(c_in, c_out, blocks) for c_in, c_out in pairwise([*reversed(widths), 3])],
            nn.Tanh(),
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, image_size, image_size) in [-1, 1] -> z (B, latent_dim)."""
        return self.encoder(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """(B, latent_dim) -> x_hat (B, 3, image_size, image_size) in [-1, 1]."""
        return self.decoder(z)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, image_size, image_size) in [-1, 1] -> x_hat, its reconstruction."""
        return self.decode(self.encode(x))

    @torch.inference_mode()
    def embed(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> latents (B, latent_dim) float32, rows of length 1."""
        latents = [F.normalize(self.encode(x).float(), dim=1).cpu() for x in self._batches(images)]
        return torch.cat([torch.empty(0, self.latent_dim), *latents])

    @torch.inference_mode()
    def reconstruct(self, images: Sequence[Image.Image]) -> list[Image.Image]:
        """Pictures of any size and mode -> RGB pictures of image_size, as drawn from their latents."""
        return [picture for x in self._batches(images) for picture in to_images(self(x))]

    @torch.no_grad()
    def whiten(self, z: torch.Tensor) -> None:
        """Turn and scale the latents so that those given, (N, latent_dim), become uncorrelated, with mean 0 and
        variance 1, the widest direction first; every reconstruction stays as it is.

        Without this a few directions, mostly brightness, decide how alike two latents are.
        """
        z = z.cpu().double()
        mean, covariance = z.mean(0), torch.cov(z.T).reshape(self.latent_dim, self.latent_dim)
        variances, directions = torch.linalg.eigh(covariance)
        variances, directions = variances.flip(0), directions.flip(1)
        # What hardly varies among these pictures is noise, and must not become as loud as the rest.
        spread = variances.clamp_min(1e-4 * variances[0]).sqrt()
        last, first = self.encoder[-1], self.decoder[0]
        weight, bias = last.weight.cpu().double(), last.bias.cpu().double()
        last.weight.copy_(directions.T @ weight / spread[:, None])
        last.bias.copy_(directions.T @ (bias - mean) / spread)
        weight, bias = first.weight.cpu().double(), first.bias.cpu().double()
        first.bias.copy_(bias + weight @ mean)
        first.weight.copy_(weight @ directions * spread)

    def _batches(self, images: Sequence[Image.Image]):
        return batches(images, self.image_size, next(self.parameters()).device)


def _check(name: str, value: int, least: int) -> None:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
