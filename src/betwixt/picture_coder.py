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
