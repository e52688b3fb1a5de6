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
    shares of several have a mean in between. Without classes it is the standard normal distribution for all.

    Args:
        class_names: names of the classes, lower case with underscores; none: one decoder for all.
        image_size: side of the pictures, in pixels; of "conv" a multiple of 2**downsamplings.
        base_channels: of "conv", the width after the first halving of the sides; every further one doubles it.
        latent_dim: length of the latent.
        blocks: of "conv", residual blocks at each resolution of encoder and decoder; of "mlp", hidden layers of each.
        downsamplings: of "conv", how often the sides are halved before the latent.
        architecture: "conv", or "mlp": fully-connected layers on the flattened picture (Kingma and Welling 2014,
            appendix C).
        hidden_dim: of "mlp", the width of the hidden layers.

    Raises:
        ValueError: an unknown architecture, or sides that cannot be halved that often.
    """

    ARCHITECTURES = ("conv", "mlp")
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
        architecture: str = "conv",
        hidden_dim: int = 512,
    ):
        super().__init__()
        if architecture not in self.ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(self.ARCHITECTURES)}, not {architecture!r}")
        self.class_names, self.image_size, self.latent_dim = list(class_names or []), image_size, latent_dim
        if architecture == "conv":
            encoder, decoder, sizes = ConvEncoder, ConvDecoder, (image_size, base_channels, blocks, downsamplings)
        else:
            encoder, decoder, sizes = MLPEncoder, MLPDecoder, (image_size, hidden_dim, blocks)
        self.encoder = encoder(2 * latent_dim, *sizes)
        self.prior = nn.Linear(len(self.class_names), latent_dim, bias=False) if self.class_names else None
        self.decoder = decoder(latent_dim + len(self.class_names), *sizes)

    @classmethod
    def _arguments_from_config(cls, config: dict) -> dict:
        # Networks that were saved before there was another form are convolutional.
        return {"architecture": "conv", "hidden_dim": 512} | super()._arguments_from_config(config)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, image_size, image_size) in [-1, 1] -> mean and log variance of z, (B, latent_dim) each."""
        mu, log_variance = self.encoder(x).float().chunk(2, 1)
        return mu, log_variance.clamp(-20, 10)

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """z (B, latent_dim), labels as in `forward` -> x_hat (B, 3, image_size, image_size) in [-1, 1]."""
        labels = self._equal_shares(len(z)) if labels is None else labels
        return self.decoder(torch.cat([z, labels], 1))

    def forward(
        self, x: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pictures, labels -> x_hat of a latent that is drawn; the latent's mean less its class's; its log variance.

        Args:
            labels: (B, num_classes), shares; default: all classes the same. Without classes there is nothing to give.
        """
        labels = self._equal_shares(len(x)) if labels is None else labels
        mu, log_variance = self.encode(x)
        z = mu + (log_variance / 2).exp() * torch.randn_like(mu)
        return self.decode(z, labels), mu - self.centre(labels), log_variance

    def centre(self, labels: torch.Tensor) -> torch.Tensor:
        """(B, num_classes), shares -> (B, latent_dim), the mean of latents of pictures like that."""
        return self.prior(labels) if self.prior else labels.new_zeros(len(labels), self.latent_dim)

    def _equal_shares(self, count: int) -> torch.Tensor:
        return weights_of(None, self.class_names).to(self._device).expand(count, -1)

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    @torch.inference_mode()
    def embed(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> the latents' means (B, latent_dim) float32, rows of length 1."""
        pictures = batches(images, self.image_size, self._device)
        latents = [F.normalize(self.encode(x)[0], dim=1).cpu() for x in pictures]
        return torch.cat([torch.empty(0, self.latent_dim), *latents])

    @torch.inference_mode()
    def reconstruct(
        self, images: Sequence[Image.Image], weights: Mapping[str, float] | None = None
    ) -> list[Image.Image]:
        """Pictures of any size and mode -> RGB pictures of image_size, as drawn from their latents' means.

        Args:
            weights: class -> share that all of them are drawn with, as in `generate`; default: all the same.

        Raises:
            ValueError: as `generate` of such weights.
        """
        labels = weights_of(weights, self.class_names).to(self._device)
        pictures = batches(images, self.image_size, self._device)
        drawn = (self.decode(self.encode(x)[0], labels.expand(len(x), -1)) for x in pictures)
        return [picture for x_hat in drawn for picture in to_images(x_hat)]

    @torch.inference_mode()
    def sample(self, count: int = 16, seed: int = 0) -> list[Image.Image]:
        """Draw `count` pictures, of all classes in equal shares, as `generate` does; also of a network without classes.

        Raises:
            ValueError: a count or seed that is no whole number or out of range.
        """
        check_request(self, count, seed, None)
        labels = self._equal_shares(count)
        return to_images(self.decode(self._latents(labels, seed), labels))

    def generate(
        self,
        weights: Mapping[str, float] | None = None,
        count: int = 16,
        seed: int = 0,
        combine: str | None = None,
        *,
        steering: Steering | None = None,
    ) -> list[Image.Image]:
        """Draw `count` pictures of classes; picture i is that of seed + i, whatever the count.

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
        labels = shares.to(self._device).expand(count, -1)
        z = self._latents(labels, seed)
        if combine == "steered":
            z = steering.at(shares).climb(lambda moved: self.decode(moved, labels), z, named(self.class_names, shares))
        with torch.inference_mode():
            return to_images(self.decode(z, labels))

    @torch.inference_mode()
    def _latents(self, labels: torch.Tensor, seed: int) -> torch.Tensor:
        """(B, num_classes), shares -> (B, latent_dim), drawn around the means of such pictures."""
        noise = noise_of(seed, len(labels), (self.latent_dim,))[0]
        return noise.to(self._device) + self.centre(labels)


class ConvEncoder(nn.Sequential):
    """(B, 3, S, S) -> (B, out_features): S halved `downsamplings` times, residual blocks after each, a linear layer."""

    def __init__(self, out_features: int, image_size: int, base_channels: int, blocks: int, downsamplings: int):
        widths = _widths(image_size, base_channels, downsamplings)
        super().__init__(
            *[Down(c_in, c_out, blocks) for c_in, c_out in pairwise([3, *widths])],
            nn.Flatten(),
            nn.Linear(widths[-1] * (image_size // 2**downsamplings) ** 2, out_features),
        )


class ConvDecoder(nn.Sequential):
    """(B, in_features) -> (B, 3, S, S) in [-1, 1]: the same layers as `ConvEncoder`'s, the other way."""

    def __init__(self, in_features: int, image_size: int, base_channels: int, blocks: int, downsamplings: int):
        widths, side = _widths(image_size, base_channels, downsamplings), image_size // 2**downsamplings
        super().__init__(
            nn.Linear(in_features, widths[-1] * side**2),
            nn.Unflatten(1, (widths[-1], side, side)),
            *[Up(c_in, c_out, blocks) for c_in, c_out in pairwise([*reversed(widths), 3])],
            nn.Tanh(),
        )


class MLPEncoder(nn.Sequential):
    """(B, 3, S, S) -> (B, out_features) through hidden layers of one width."""

    def __init__(self, out_features: int, image_size: int, hidden_dim: int, layers: int):
        super().__init__(nn.Flatten(), *_fully_connected(3 * image_size**2, hidden_dim, layers, out_features))


class MLPDecoder(nn.Sequential):
    """(B, in_features) -> (B, 3, S, S) in [-1, 1] through hidden layers of one width."""

    def __init__(self, in_features: int, image_size: int, hidden_dim: int, layers: int):
        super().__init__(
            *_fully_connected(in_features, hidden_dim, layers, 3 * image_size**2),
            nn.Unflatten(1, (3, image_size, image_size)),
            nn.Tanh(),
        )


def _widths(image_size: int, base_channels: int, downsamplings: int) -> list[int]:
    """The channels after each halving of the sides."""
    if image_size % 2**downsamplings:
        raise ValueError(f"image_size {image_size} cannot be halved {downsamplings} times")
    return [base_channels * 2**i for i in range(downsamplings)]


def _fully_connected(size_in: int, hidden_dim: int, layers: int, size_out: int) -> list[nn.Module]:
    """That many hidden layers of one width, and a linear one."""
    sizes = [size_in, *[hidden_dim] * layers]
    hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.GELU())]
    return [*hidden, nn.Linear(sizes[-1], size_out)]
