"""A convolutional autoencoder: a picture to a short vector and back, as deep as one asks for."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.hub import PretrainedMixin
from betwixt.images import FITS, batches, to_images
from betwixt.layers import Down, Up


class ConvAutoencoder(PretrainedMixin, nn.Module):
    """Squeezes a picture into `latent_dim` numbers, and draws it again from them.

    Args:
        image_size: side of the square that pictures are fitted to, in pixels; a multiple of 2**downsamplings.
        base_channels: width after the first halving of the sides; every further one doubles it.
        latent_dim: length of the latent.
        blocks: residual blocks at each resolution of the encoder, and again of the decoder: the depth.
        downsamplings: how often the sides are halved before the latent.
        form_dim: how much of the latent says the form of a picture, whatever its colours, where it was trained to; the
            rest says the colours.
        fit: how pictures are fitted to the square: "crop" their middle, or "squash" all of it.

    Raises:
        ValueError: a size that is no whole number or too small, sides that cannot be halved that often, a form that
            leaves nothing of the latent, or an unknown fit.
    """

    PARTS = ("form", "color", "all")

    def __init__(
        self,
        *,
        image_size: int = 32,
        base_channels: int = 24,
        latent_dim: int = 64,
        blocks: int = 1,
        downsamplings: int = 3,
        form_dim: int | None = None,
        fit: str = "crop",
    ):
        super().__init__()
        _check("image_size", image_size, 8)
        _check("base_channels", base_channels, 2)
        _check("latent_dim", latent_dim, 1)
        _check("blocks", blocks, 0)
        _check("downsamplings", downsamplings, 1)
        if image_size % 2**downsamplings:
            raise ValueError(f"image_size {image_size} cannot be halved {downsamplings} times")
        if form_dim is not None and not (type(form_dim) is int and 0 < form_dim < latent_dim):
            raise ValueError(f"form_dim must be a whole number from 1 to {latent_dim - 1}, not {form_dim!r}")
        if fit not in FITS:
            raise ValueError(f"fit must be one of {', '.join(FITS)}, not {fit!r}")
        self.image_size, self.latent_dim, self.form_dim, self.fit = image_size, latent_dim, form_dim, fit
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
    def embed(self, images: Sequence[Image.Image], part: str | None = None) -> torch.Tensor:
        """Pictures of any size and mode -> latents (B, D) float32, rows of length 1.

        Args:
            part: of the latent: "form", "color", or "all"; default: the form, where the network was trained for it.

        Raises:
            ValueError: an unknown part, or one that this network does not tell apart.
        """
        part = part or ("form" if self.form_dim else "all")
        if part not in self.PARTS:
            raise ValueError(f"part must be one of {', '.join(self.PARTS)}, not {part!r}")
        if part != "all" and not self.form_dim:
            raise ValueError(f'this autoencoder does not tell form from colour: it has no part "{part}", but "all"')
        ends = {"form": slice(self.form_dim), "color": slice(self.form_dim, None), "all": slice(None)}[part]
        latents = [F.normalize(self.encode(x)[:, ends].float(), dim=1).cpu() for x in self._batches(images)]
        return torch.cat([torch.empty(0, self.latent_dim)[:, ends], *latents])

    @torch.inference_mode()
    def reconstruct(self, images: Sequence[Image.Image]) -> list[Image.Image]:
        """Pictures of any size and mode -> RGB pictures of image_size, as drawn from their latents."""
        return [picture for x in self._batches(images) for picture in to_images(self(x))]

    @torch.no_grad()
    def whiten(self, z: torch.Tensor, shrinkage: float = 0.3) -> None:
        """Turn and scale the latents so that those given, (N, latent_dim), become uncorrelated, with mean 0 and about
        as much variance in each direction, the widest first, form and colours each for itself; every reconstruction
        stays as it is.

        Without this a few directions, mostly brightness, decide how alike two latents are. What hardly varies among
        these pictures is noise, and must not become as loud as the rest: `shrinkage` times the mean variance is added
        to each.
        """
        for part in (slice(self.form_dim), slice(self.form_dim, None)) if self.form_dim else (slice(None),):
            self._whiten(part, z[:, part].cpu().double(), shrinkage)

    def _whiten(self, part: slice, z: torch.Tensor, shrinkage: float) -> None:
        mean, covariance = z.mean(0), torch.cov(z.T).reshape(z.shape[1], z.shape[1])
        variances, directions = torch.linalg.eigh(covariance)
        variances, directions = variances.flip(0), directions.flip(1)
        spread = (variances.clamp_min(0) + shrinkage * variances.mean()).sqrt()
        last, first = self.encoder[-1], self.decoder[0]
        weight, bias = last.weight[part].cpu().double(), last.bias[part].cpu().double()
        last.weight[part] = (directions.T @ weight / spread[:, None]).to(last.weight)
        last.bias[part] = (directions.T @ (bias - mean) / spread).to(last.bias)
        weight, bias = first.weight[:, part].cpu().double(), first.bias.cpu().double()
        first.bias.copy_(bias + weight @ mean)
        first.weight[:, part] = (weight @ directions * spread).to(first.weight)

    def _batches(self, images: Sequence[Image.Image]):
        return batches(images, self.image_size, next(self.parameters()).device, how=self.fit)


def _check(name: str, value: int, least: int) -> None:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
