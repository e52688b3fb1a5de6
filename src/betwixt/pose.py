"""How the head in a picture is turned: angles and how far its mouth is open, read by a small network."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import nn

from betwixt.classifier import ResNet9
from betwixt.hub import PretrainedMixin
from betwixt.images import batches
from betwixt.layers import Down

ARCHITECTURES = ("conv", "resnet9")
PLACES = 4  # a side of the last map: where a nose is says how a head is turned, so it is not pooled away


class PoseRegressor(PretrainedMixin, nn.Module):
    """Pictures of heads -> yaw, pitch, tilt in degrees, and mouth from 0 (closed) to 1 (wide open).

    A positive yaw turns the head to the picture's right, a positive pitch lifts it, a positive tilt leans it to the
    left.

    Args:
        architecture: "conv" (halvings with a residual block each), or "resnet9" (that of the classifiers).
        image_size: side of the square that pictures are fitted to, in pixels.
        base_channels: width at the first side; it doubles three times.

    Raises:
        ValueError: an unknown architecture, or a size under 32 pixels.
    """

    FACTORS = ("yaw", "pitch", "tilt", "mouth")
    LARGEST = (45.0, 45.0, 25.0, 1.0)  # of each, in the rendered heads that it learns from

    def __init__(self, *, architecture: str = "conv", image_size: int = 64, base_channels: int = 16):
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {architecture!r}")
        if not (isinstance(image_size, int) and image_size >= 32):
            raise ValueError(f"image_size must be a whole number of at least 32, not {image_size}")
        self.image_size = image_size
        widths = [base_channels * 2**i for i in range(4)]
        if architecture == "conv":
            layers = [Down(c_in, c_out, 1) for c_in, c_out in zip([3, *widths], widths, strict=False)]
        else:
            layers = [*ResNet9(base_channels)][:-2]  # less its pooling
        self.network = nn.Sequential(
            *layers,
            nn.AdaptiveAvgPool2d(PLACES),
            nn.Flatten(),
            nn.Linear(widths[-1] * PLACES**2, len(self.FACTORS)),
        )
        self.register_buffer("largest", torch.tensor(self.LARGEST), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) in [-1, 1] -> (B, 4) in the order of FACTORS; differentiable, and not bounded."""
        return self.network(x).float() * self.largest

    @torch.inference_mode()
    def read(self, x: torch.Tensor) -> torch.Tensor:
        """As `forward`, without gradients, and the mouth is within 0 and 1."""
        poses = self(x)
        poses[:, -1].clamp_(0, 1)
        return poses

    def predict(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> (B, 4), as `read` gives them."""
        found = [self.read(x).cpu() for x in batches(images, self.image_size, self.largest.device)]
        return torch.cat(found) if found else torch.empty(0, len(self.FACTORS))
