"""Losses that several models share: pure functions of tensors."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from betwixt.metrics import similarity_maps

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of MS-SSIM: how much each counts, from the finest (its table 1)


def feature_distance(maps: Iterable[torch.Tensor], targets: Iterable[torch.Tensor]) -> torch.Tensor:
    """How unlike pictures are in the layers of a network (Zhang et al. 2018, equation 1, with equal weights).

    Args:
        maps, targets: for each layer (B, C, H, W), C, H and W of its own.

    Returns:
        (B,) from 0: the squared distance of vectors of length 1, its mean over places, summed over layers.
    """
    return sum(
        (F.normalize(x.float(), dim=1) - F.normalize(y.float(), dim=1)).square().sum(1).mean((1, 2))
        for x, y in zip(maps, targets, strict=True)
    )


def gaussian_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """The Kullback-Leibler divergence of normal distributions from the standard one, for each dimension.

    (mean^2 + variance - 1 - log variance) / 2 (Kingma and Welling 2014, appendix B).

    Args:
        mean, log_variance: (B, D); the mean less that of the other distribution, where it is not 0.

    Returns:
        (B, D) in nats, from 0.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def free_bits(divergence: torch.Tensor, least: float) -> torch.Tensor:
    """(B, D) in nats -> their sum over D of the mean over B, each of at least `least` nats; a scalar.

    A dimension under it is not pressed further, so that it is not given up early in training. Kingma et al. 2016,
    "Improving Variational Inference with Inverse Autoregressive Flow", appendix C.8.
    """
    return divergence.mean(0).clamp_min(least).sum()


def gradient_penalty(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The mean of the squared gradient of what a discriminator says of real pictures, R1; a scalar to train on.

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9, without its weight.

    Args:
        logits: (B,) or (B, 1), computed from x.
        x: pictures (B, C, H, W), or styles (B, D), that require a gradient.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def path_length(pictures: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """How far pictures move with their styles, in a random direction of theirs; to train on.

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 3.2.

    Args:
        pictures: (B, C, H, W), computed from w.
        w: (B, num_ws, w_dim) styles that require a gradient.

    Returns:
        (B,) from 0.
    """
    noise = torch.randn_like(pictures) / (pictures.shape[2] * pictures.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((pictures * noise).sum(), w, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def cosine_distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """1 - cosine of embeddings (B, D) -> (B,) from 0, the same direction, to 2."""
    return 1 - F.cosine_similarity(x.float(), y.float(), dim=1)


def multiscale_similarity(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """MS-SSIM of pictures (B, C, H, W) in [-1, 1], sides of 11 or more -> (B,) from 0 to 1, where they are equal.

    Wang et al. 2003, "Multiscale Structural Similarity for Image Quality Assessment", equation 7; of small pictures at
    as many of its five scales as windows of 11 pixels fit into, whose weights then sum to 1.
    """
    counts = [weight for halved, weight in enumerate(SCALES) if min(x.shape[-2:]) >> halved >= 11]
    result = torch.ones(len(x), device=x.device)
    for number, weight in enumerate(counts):
        luminance, contrast = similarity_maps(x, y)
        here = luminance * contrast if number == len(counts) - 1 else contrast
        # Its root has an infinite slope at 0, which two pictures that vary against each other would reach.
        result = result * here.mean((1, 2, 3)).clamp_min(1e-4) ** (weight / sum(counts))
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return result


def reconstruction(x: torch.Tensor, y: torch.Tensor, share: float = 0.84) -> torch.Tensor:
    """How unlike pictures (B, C, H, W) in [-1, 1] are -> (B,) from 0: `share` of 1 - MS-SSIM, the rest mean |x - y|.

    Zhao et al. 2017, "Loss Functions for Image Restoration with Neural Networks", equation 14, without its weighting of
    the absolute differences by place; so it stands in Nitzan et al. 2020, equation 4.
    """
    return share * (1 - multiscale_similarity(x, y)) + (1 - share) * (x - y).abs().mean((1, 2, 3))


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        return -gradient


def reversed_gradient(x: torch.Tensor) -> torch.Tensor:
    """x as it is; what it is computed by learns the opposite of what follows (Ganin et al. 2016, equation 16)."""
    return _Reversed.apply(x)
