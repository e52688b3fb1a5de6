"""A first stage for generators: pictures to small maps of features and back, so that they draw what matters."""

import torch
from torch import nn

from betwixt.hub import PretrainedMixin
from betwixt.layers import Down, Up

HALVINGS = 2


class PictureCoder(PretrainedMixin, nn.Module):
    """Pictures at a quarter of their side, in a few channels of mean 0 and deviation 1, and back.

    The first stage of Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models", section 3.1;
    a normalisation holds the scale in place of their penalty.

    Args:
        latent_channels: how many numbers each place has.
        base_channels: width at half of the side; doubled at a quarter.
        blocks: residual blocks at each side, in encoder and decoder.
    """

    def __init__(self, *, latent_channels: int = 8, base_channels: int = 32, blocks: int = 2):
        super().__init__()
        self.latent_channels = latent_channels
        self.encoder = nn.Sequential(
            Down(3, base_channels, blocks),
            Down(base_channels, 2 * base_channels, blocks),
            nn.Conv2d(2 * base_channels, latent_channels, 1),
            nn.BatchNorm2d(latent_channels, affine=False),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, 2 * base_channels, 3, padding=1),
            Up(2 * base_channels, base_channels, blocks),
            Up(base_channels, 3, blocks),
            nn.Tanh(),
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1], sides divisible by 4 -> (B, latent_channels, H / 4, W / 4)."""
        return self.encoder(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """(B, latent_channels, H / 4, W / 4) -> (B, 3, H, W) in [-1, 1]."""
        return self.decoder(z)


class DrawsInMaps(nn.Module):
    """Draws pictures as they are, or in the maps of a PictureCoder that was trained before and stays as it is.

    Args:
        image_size: side of the pictures, in pixels.
        coder: the arguments of the PictureCoder; None: pictures as they are.

    Attributes:
        shape: of what is drawn, (C, H, W).

    Raises:
        ValueError: a coder, and an image_size that is not divisible by 4.
    """

    def __init__(self, image_size: int, coder: dict | None):
        super().__init__()
        side, rest = divmod(image_size, 2**HALVINGS if coder else 1)
        if rest:
            raise ValueError(f"with a coder, image_size must be divisible by {2**HALVINGS}, not {image_size}")
        self.coder = PictureCoder(**coder).requires_grad_(False) if coder else None
        self.shape = (self.coder.latent_channels if coder else 3, side, side)

    def train(self, mode: bool = True) -> "DrawsInMaps":
        """As of any module, but for the coder."""
        super().train(mode)
        if self.coder:
            self.coder.eval()
        return self

    @torch.no_grad()
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, image_size, image_size) in [-1, 1] -> (B, *shape)."""
        return self.coder.encode(x).float() if self.coder else x

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """(B, *shape) -> pictures (B, 3, image_size, image_size) in [-1, 1]; gradients pass what is clipped."""
        return self.coder.decode(z) if self.coder else z + (z.clamp(-1, 1) - z).detach()
