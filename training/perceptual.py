"""What a network makes of pictures, layer by layer, for `betwixt.losses.feature_distance`."""

from collections.abc import Callable

import torch
from loop import folder_of

from betwixt.classifier import ImageClassifier

HALVED = (2, 4, 5)  # of a ResNet-9's blocks, those at whose end the sides are halved
Layers = Callable[[torch.Tensor], list[torch.Tensor]]


def layers_of(name: str) -> Layers:
    """Pictures (B, 3, H, W) -> what the convolutions of a ResNet-9 make of them, (B, C, H, W) each.

    Raises:
        ValueError: it is another network.
    """
    model = ImageClassifier.from_pretrained(folder_of(name))
    if model.architecture != "resnet9":
        raise ValueError(f"--perceptual-model must be a ResNet-9, not {name}: {model.architecture}")
    blocks = [*model.network.requires_grad_(False).to(memory_format=torch.channels_last)][: HALVED[-1]]

    def layers(x: torch.Tensor) -> list[torch.Tensor]:
        maps = [x]
        for block in blocks:
            maps.append(block.to(x.device)(maps[-1]))
        return [maps[number] for number in HALVED]

    return layers
