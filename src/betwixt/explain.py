"""What decided a classifier's answer: where in the picture, and which of colour, shape and texture."""

import math
import threading
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from betwixt.classifier import ImageClassifier

CUES = {
    "no colour": "in grey",
    "no shape": "cut into 16 tiles, shuffled",
    "no texture": "blurred",
    "colours alone": "every pixel shuffled",
}


def occlusion_map(model: ImageClassifier, x: torch.Tensor, class_index: int, grid: int = 7) -> torch.Tensor:
    """How much each place speaks for a class: the fall of its log-odds when that place is blurred away.

    Occlusion sensitivity (Zeiler and Fergus, 2014), with a soft round blur in place of a grey square, which would
    add edges of its own. It needs nothing but predictions, so it reads the same for every network.

    Args:
        x: one picture, (3, H, W) or (1, 3, H, W) in [-1, 1].
        class_index: the class asked about.
        grid: places a side that are hidden in turn; the network runs grid**2 + 1 times.

    Returns:
        (H, W) in nats: positive where the picture speaks for the class, negative where against it.
    """
    return occlusion_maps(model, x, [class_index], grid)[0]


@torch.inference_mode()
def occlusion_maps(
    model: ImageClassifier, x: torch.Tensor, class_indices: Sequence[int], grid: int = 7, multilabel: bool = False
) -> torch.Tensor:
    """`occlusion_map` for several classes (K, H, W), in the time of one.

    `multilabel` asks for a yes or no to each class: what speaks for one then need not speak against another.
    """
    ask = model.multilabel_probabilities if multilabel else model.probabilities
    x = x.reshape(1, *x.shape[-3:])
    height, width = x.shape[-2:]
    masks = _soft_discs(grid, height, width).to(x.device)
    blurred = _blur(x, sigma=max(height, width) / 6)
    hidden = x * (1 - masks) + blurred * masks
    probabilities = ask(torch.cat([x, hidden]))[:, list(class_indices)]
    log_odds = torch.logit(probabilities.double().clamp(1e-7, 1 - 1e-7)).float().to(x.device)  # (1 + grid**2, K)
    falls = (log_odds[:1] - log_odds[1:]).T  # (K, grid**2)
    return torch.einsum("kg,ghw->khw", falls, masks[:, 0]) / masks.sum((0, 1)).clamp_min(1e-6)


def match_maps(model: ImageClassifier, x: torch.Tensor, y: torch.Tensor) -> tuple[float, torch.Tensor, torch.Tensor]:
    """Where two pictures are alike to a network: their similarity, and what each place of both gives to it.

    Each map adds up to the similarity. What a place gives is its features before the last pooling, times how the
    product of the embeddings grows with them (Grad-CAM, Selvaraju et al. 2020, with lengths held still): since means,
    maxima and generalised means all grow in proportion to what they pool, nothing is lost. What the layer of an
    embedding adds to every picture alike is spread evenly.

    Args:
        x, y: one picture each, (1, 3, H, W) in [-1, 1].

    Returns:
        the cosine of their embeddings, and the maps (h, w) of x and of y: positive where they are alike.

    Raises:
        ValueError: the network has no map of features before a pooling.
    """
    embeddings = [F.normalize(model.features(picture).detach().float(), dim=1) for picture in (x, y)]
    maps = [_shares(model, picture, other) for picture, other in zip((x, y), reversed(embeddings), strict=True)]
    return float((embeddings[0] * embeddings[1]).sum()), maps[0], maps[1]


def _shares(model: ImageClassifier, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(h, w): what each place gives to the product of the picture's embedding with another, (1, D)."""
    seen: list[torch.Tensor] = []
    caller = threading.get_ident()

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
        if threading.get_ident() != caller:  # others may use the network meanwhile
            return None
        seen.append(inputs[0].detach().requires_grad_())
        return (seen[-1],)

    hook = _last_pooling(model).register_forward_pre_hook(keep)
    try:
        with torch.enable_grad():
            features = model.pooled(x.clone()).float()
            constant = torch.zeros(())
            if model.embedding is not None:
                layer = model.embedding
                features = F.linear(features / features.norm().detach(), layer.weight)
                constant = (layer.bias * other).sum().detach()
            length = (features if model.embedding is None else features + model.embedding.bias).norm().detach()
            (gradient,) = torch.autograd.grad((features * other).sum(), seen[-1])
    finally:
        hook.remove()
    shares = (seen[-1].detach() * gradient).sum((0, 1))
    return (shares + constant / shares.numel()) / length


def _last_pooling(model: ImageClassifier) -> torch.nn.Module:
    kinds = ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "SelectAdaptivePool2d", "GeneralisedMean")
    pools = [module for module in model.network.modules() if type(module).__name__ in kinds]
    if not pools:
        raise ValueError(f"{model.architecture} has no map of features before a pooling")
    return pools[-1]


def without(x: torch.Tensor, cue: str, seed: int = 0) -> torch.Tensor:
    """Pictures (B, 3, H, W) with something taken away, as named in CUES; the same shape and range."""
    _, _, height, width = x.shape
    generator = torch.Generator().manual_seed(seed)
    if cue == "no colour":
        return x.mean(1, keepdim=True).expand_as(x)
    if cue == "no texture":
        return _blur(x, sigma=height / 16)
    if cue == "colours alone":
        return x.flatten(2)[..., torch.randperm(height * width, generator=generator)].view_as(x)
    if cue == "no shape":
        rows, columns = (torch.linspace(0, size, 5).round().int().tolist() for size in (height, width))
        if height % 4 or width % 4:
            x = F.interpolate(x, (rows[-1] // 4 * 4, columns[-1] // 4 * 4), mode="bilinear", align_corners=False)
        tiles = x.unflatten(2, (4, -1)).unflatten(4, (4, -1)).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        tiles = tiles[:, torch.randperm(16, generator=generator)].unflatten(1, (4, 4))
        shuffled = tiles.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return F.interpolate(shuffled, (height, width)) if shuffled.shape[-2:] != (height, width) else shuffled
    raise ValueError(f"cue must be one of {sorted(CUES)}, not {cue!r}")


def overlay(image: Image.Image, heat: torch.Tensor, strength: float | None = None) -> Image.Image:
    """Lay a map (H, W) over a picture: orange speaks for, blue against, clear where it does not matter.

    `strength` is the value that gets full colour (default: the map's largest, at least 0.5 nats, so that a map of
    nothing stays pale).
    """
    strength = strength or max(0.5, float(heat.abs().max()))
    scaled = F.interpolate(
        (heat / strength)[None, None].float().cpu(), image.size[::-1], mode="bicubic", align_corners=False
    )
    value = scaled[0, 0].clamp(-1, 1).numpy()[..., None]
    colour = np.where(value > 0, np.array([255, 140, 0]), np.array([30, 100, 255]))
    opacity = np.abs(value) ** 0.8 * 0.75
    grey = np.asarray(image.convert("L").convert("RGB"), dtype=np.float32)
    return Image.fromarray((grey * (1 - opacity) + colour * opacity).round().clip(0, 255).astype(np.uint8))


def _soft_discs(grid: int, height: int, width: int) -> torch.Tensor:
    """(grid**2, 1, H, W): Gaussian discs at the points of a grid, 1 in the middle."""
    y, x = torch.linspace(0, 1, height).view(1, -1, 1), torch.linspace(0, 1, width).view(1, 1, -1)
    centres = torch.linspace(0.05, 0.95, grid)
    cy, cx = (c.reshape(-1, 1, 1) for c in torch.meshgrid(centres, centres, indexing="ij"))
    return torch.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 0.1**2)).unsqueeze(1)


def _blur(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur with mirrored borders, `sigma` in pixels."""
    radius = min(math.ceil(2.5 * sigma), x.shape[-1] - 1, x.shape[-2] - 1)
    kernel = torch.exp(-(torch.arange(-radius, radius + 1, device=x.device) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(x.dtype).expand(x.shape[1], 1, 1, -1)
    x = F.pad(x, (radius, radius, radius, radius), mode="reflect")
    x = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
