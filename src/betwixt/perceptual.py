"""What a network makes of pictures, layer by layer, for `betwixt.losses.feature_distance`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from betwixt.classifier import ImageClassifier

HALVED = {  # of a network's blocks, those before whose end the sides are halved
    "resnet9": (2, 4, 5),
    "torchvision/squeezenet1_0": (2, 6, 11, 13),
}
Layers = Callable[[torch.Tensor], list[torch.Tensor]]


def layers_of(model: ImageClassifier) -> Layers:
    """Pictures (B, 3, H, W) in [-1, 1] -> what the convolutions of a ResNet-9 or SqueezeNet make of them, (B, C, H, W)
    each. The network's weights learn nothing from then on.

    Raises:
        ValueError: it is another network.
    """
    if model.architecture not in HALVED:
        raise ValueError(f"the layers of {', '.join(HALVED)} can be had, not those of {model.architecture}")
    model.requires_grad_(False).to(memory_format=torch.channels_last)
    halved = HALVED[model.architecture]
    blocks: list[nn.Module] = [*(model.network if model.architecture == "resnet9" else model.network.features)]

    def layers(x: torch.Tensor) -> list[torch.Tensor]:
        model.to(x.device)
        maps = [((x + 1) / 2 - model.mean) / model.std]
        for block in blocks[: halved[-1]]:
            maps.append(block(maps[-1]))
        return [maps[number] for number in halved]

    return layers
