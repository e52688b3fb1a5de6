"""The layers of a network, for feature distances."""

import pytest
import torch

from betwixt import ImageClassifier
from betwixt.perceptual import layers_of


def test_layers_of_a_network_and_of_none_that_is_known():
    torch.manual_seed(0)
    model = ImageClassifier(architecture="resnet9", class_names=["a", "b"], base_channels=4, image_size=32).eval()
    maps = layers_of(model)(torch.zeros(2, 3, 32, 32))
    assert [found.shape[0] for found in maps] == [2, 2, 2]
    sides = [found.shape[-1] for found in maps]
    assert sides == sorted(sides, reverse=True)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(ValueError, match="not those of shallow"):
        layers_of(ImageClassifier(architecture="shallow", class_names=["a", "b"]))
