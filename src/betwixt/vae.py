"""A variational autoencoder (Kingma and Welling 2014); where it was told of classes, it draws pictures of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.generation import Steering, check_request, named, noise_of, weights_of
from betwixt.hub import PretrainedMixin
from betwixt.images import batches, to_images
from betwixt.layers import Down, Up


class VAE(PretrainedMixin, nn.Module):
    """Squeezes a picture into a normal distribution over latents, and draws pictures from latents and their class.

    The encoder is not told the class. Each class has a normal distribution of latents of its own, of learned mean;
    shares of several have a mean in between.

    Args:
        class_names: names of the classes, lower case with underscores; none: one decoder for all.
        image_size: side of the pictures, in pixels; a multiple of 2**downsamplings.
        base_channels: width after the first halving of the sides; every further one doubles it.
        latent_dim: length of the latent.
        blocks: residual blocks at each resolution of encoder and decoder.
        downsamplings: how often the sides are halved before the latent.

    Raises:
        ValueError: sides that cannot be halved that often.
    """

    COMBINATIONS = ("midpoint", "steered")

    def __init__(
        self,
        *,
        class_names: list[str] | None = None,
        image_size: int = 32,
        base_channels: int = 32,
        latent_dim: int = 64,
        blocks: int = 1,
        downsamplings: int = 3,
    ):
        super().__init__()
        if image_size % 2**downsamplings:
            raise ValueError(f"image_size {image_size} cannot be halved {downsamplings} times")
        self.class_names, self.image_size, self.latent_dim = list(class_names or []), image_size, latent_dim
        widths = [base_channels * 2**i for i in range(downsamplings)]
        shape = (widths[-1], image_size // 2**downsamplings, image_size // 2**downsamplings)
        flat = shape[0] * shape[1] * shape[2]
        self.encoder = nn.Sequential(
            *[Down(c_in, c_out, blocks) for c_in, c_out in pairwise([3, *widths])],
            nn.Flatten(),
            nn.Linear(flat, 2 * latent_dim),
        )
        self.prior = nn.Linear(len(self.class_names), latent_dim, bias=False) if self.class_names else None
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + len(self.class_names), flat),
            nn.Unflatten(1, shape),
            *[Up(c_in, c_out, blocks) for c_in, c_out in pairwise([*reversed(widths), 3])],
            nn.Tanh(),
        )

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, image_size, image_size) in [-1, 1] -> mean and log variance of z, (B, latent_dim) each."""
        mu, log_variance = self.encoder(x).float().chunk(2, 1)
        return mu, log_variance.clamp(-20, 10)

    def decode(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """z (B, latent_dim), labels (B, num_classes), shares -> x_hat (B, 3, image_size, image_size) in [-1, 1]."""
        return self.decoder(torch.cat([z, labels], 1))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pictures, labels -> x_hat of a latent that is drawn; the latent's mean less its class's; its log variance."""
        mu, log_variance = self.encode(x)
        z = mu + (log_variance / 2).exp() * torch.randn_like(mu)
        return self.decode(z, labels), mu - self.centre(labels), log_variance

    def centre(self, labels: torch.Tensor) -> torch.Tensor:
        """(B, num_classes), shares -> (B, latent_dim), the mean of latents of pictures like that."""
        return self.prior(labels) if self.prior else labels.new_zeros(len(labels), self.latent_dim)

    @torch.inference_mode()
    def embed(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> the latents' means (B, latent_dim) float32, rows of length 1."""
        device = next(self.parameters()).device
        latents = [F.normalize(self.encode(x)[0], dim=1).cpu() for x in batches(images, self.image_size, device)]
        return torch.cat([torch.empty(0, self.latent_dim), *latents])

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
            combine: "midpoint" (default: latents are drawn around the mean of the shares), "steered" (from there,
                `steering` moves the latent to where its guides see every class).

        Raises:
            ValueError: a network that was told of no classes; weights that are negative, all zero or of unknown
                classes; a count or seed that is no whole number or out of range; an unknown way to combine, or
                "steered" without steering.
        """
        if not self.class_names:
            raise ValueError("the network was trained without classes: it has none to draw")
        combine = check_request(self, count, seed, combine, steering)
        shares = weights_of(weights, self.class_names)
        device = next(self.parameters()).device
        labels = shares.to(device).expand(count, -1)
        with torch.inference_mode():
            z = noise_of(seed, count, (self.latent_dim,))[0].to(device) + self.centre(labels)
        if combine == "steered":
            z = steering.at(shares).climb(lambda moved: self.decode(moved, labels), z, named(self.class_names, shares))
        with torch.inference_mode():
            return to_images(self.decode(z, labels))
