"""Features that need no network: what the pixels, the edges or the colours of a picture say. All rows have length 1."""

import torch
import torch.nn.functional as F

LUMINANCE = (0.299, 0.587, 0.114)


def pixels(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, 3 H W): the picture as it is."""
    return F.normalize(x.flatten(1), dim=1)


def grey(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, H W): how bright each place is."""
    return F.normalize(_luminance(x).flatten(1), dim=1)


def edges(x: torch.Tensor, blur: int = 5) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, H W): where colours change, whatever they are.

    The length of the gradient, the largest over the channels; an edge counts the same however strong it is, and is
    blurred, so that one that lies a little beside another is still like it.

    Args:
        blur: side of the mean that is taken twice, in pixels; odd.
    """
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    strength = (across.square() + down.square()).sqrt().amax(1, keepdim=True)
    found = strength / (strength + 0.2)
    for _ in range(2):
        found = F.avg_pool2d(found, blur, stride=1, padding=blur // 2)
    return F.normalize(found.flatten(1), dim=1)


def color_histogram(x: torch.Tensor, bins: int = 5) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, bins**3): how much there is of each colour, wherever it is.

    Each pixel is shared by the bins around it; the square root of the shares, so that products are Bhattacharyya's.
    """
    place = (x.flatten(2).clamp(-1, 1) + 1) / 2 * (bins - 1)  # (B, 3, N)
    weights = (1 - (place[:, :, None] - torch.arange(bins, device=x.device)[:, None]).abs()).clamp_min(0)
    counts = torch.einsum("bin,bjn,bkn->bijk", *weights.unbind(1)).flatten(1)
    return F.normalize((counts / counts.sum(1, keepdim=True)).sqrt(), dim=1)


def _luminance(x: torch.Tensor) -> torch.Tensor:
    return torch.einsum("bchw,c->bhw", x, x.new_tensor(LUMINANCE))
