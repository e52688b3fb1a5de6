"""What a network makes of pictures, layer by layer, for `betwixt.losses.feature_distance`."""

from collections.abc import Callable

import torch
from loop import folder_of
from torch import nn

from betwixt.classifier import ImageClassifier

HALVED = {  # of a network's blocks, those before whose end the sides are halved
    "resnet9": (2, 4, 5),
    "torchvision/squeezenet1_0": (2, 6, 11, 13),
}
Layers = Callable[[torch.Tensor], list[torch.Tensor]]


def layers_of(name: str) -> Layers:
    """Those of a run, a published name or a folder.

    Raises:
        ValueError: it is neither a ResNet-9 nor a SqueezeNet.
    """
    model = ImageClassifier.from_pretrained(folder_of(name))
    if model.architecture not in HALVED:
        raise ValueError(f"--perceptual-model must be one of {', '.join(HALVED)}, not {name}: {model.architecture}")
    return layers_in(model)


def layers_in(model: ImageClassifier) -> Layers:
    """Pictures (B, 3, H, W) -> what the convolutions of a ResNet-9 or SqueezeNet make of them, (B, C, H, W) each."""
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
