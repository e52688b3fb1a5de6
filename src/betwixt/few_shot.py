"""Classes of one's own from a few pictures: a new last layer on the frozen features of a trained network."""

import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from PIL import Image

from betwixt.classifier import ImageClassifier
from betwixt.images import batches

MIN_PICTURES = 8  # of each class
PENALTY = 0.02  # on the squared weights; of 0.003 to 0.3 the best on cats, dogs and landmarks


def learn_classes(backbone: ImageClassifier, pictures: Mapping[str, Sequence[Image.Image]]) -> ImageClassifier:
    """A classifier of new classes that sees pictures as `backbone` does.

    Logistic regression on the backbone's features, pictures and their mirror images, every class counting the same.

    Args:
        backbone: stays as it is; its own classes are forgotten in the copy.
        pictures: name of a class -> pictures of any size and mode, at least 8. Names become lower case with
            underscores.

    Returns:
        A classifier in eval mode, which `save_pretrained` writes and `from_pretrained` reads like any other.

    Raises:
        ValueError: fewer than two classes or eight pictures of one, names that are empty or equal, or pictures that
            are all equal to the network.
    """
    names = _class_names(list(pictures))
    for name, images in zip(names, pictures.values(), strict=True):
        if len(images) < MIN_PICTURES:
            raise ValueError(f"{name}: at least {MIN_PICTURES} pictures are needed, there are {len(images)}")
    # A network that enlarges small pictures can as well have large ones as they are: 5 points better on cats and dogs.
    config = {**backbone.config, "class_names": names, "image_size": backbone.network_size, "multilabel_width": 0}
    model = ImageClassifier(**config).eval()
    own = model.network.state_dict()
    copied = {key: value for key, value in backbone.network.state_dict().items() if value.shape == own[key].shape}
    model.network.load_state_dict(copied, strict=not model.is_timm)  # timm's networks hold their last layer
    model.standardise.load_state_dict(backbone.standardise.state_dict())
    parts = [_features(model, images) for images in pictures.values()]  # the pictures, then their mirror images
    features = torch.cat(parts)
    labels = torch.tensor([label for label, images in enumerate(pictures.values()) for _ in range(2 * len(images))])
    as_they_are = torch.cat([part[: len(part) // 2] for part in parts])
    if as_they_are.std(0).max() < 1e-6 * (1 + as_they_are.abs().max()):
        raise ValueError("the pictures are all equal: there is nothing to tell the classes apart by")
    last = model.network.get_classifier() if model.is_timm else model.head[-1]
    weights, biases = _logistic_regression(features, labels)
    with torch.no_grad():
        last.weight.copy_(weights)
        last.bias.copy_(biases)
    return model


def _class_names(given: list[str]) -> list[str]:
    names = [re.sub(r"\W+", "_", name.strip().lower()).strip("_") for name in given]
    if len(names) < 2:
        raise ValueError("at least two classes are needed")
    if not all(names):
        raise ValueError("every class needs a name")
    if len(set(names)) < len(names):
        raise ValueError(f"the classes need different names, not {' and '.join(names)}")
    return names


@torch.inference_mode()
def _features(model: ImageClassifier, images: Sequence[Image.Image]) -> torch.Tensor:
    """(2 B, D) of the pictures and their mirror images, as the last layer gets them."""
    sides: tuple[list, list] = ([], [])
    for x in batches(images, model.image_size, model.mean.device):
        for side, seen in zip(sides, (x, x.flip(-1)), strict=True):
            side.append(model.standardise(model.features(seen)).float().cpu())
    return torch.cat(sides[0] + sides[1])


def _logistic_regression(features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (K, D) and biases (K,) for features (N, D) and labels (N,)."""
    # One scale for all: with one each, features that hardly vary count as much as the others (3 points worse).
    centre, scale = features.mean(0), features.std() * features.shape[1] ** 0.5
    x = (features - centre) / scale
    counts = labels.bincount().float()
    weights = torch.zeros(len(counts), x.shape[1], requires_grad=True)
    biases = torch.zeros(len(counts), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, biases], max_iter=200, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(x @ weights.T + biases, labels, 1 / counts)
        value = value + PENALTY / len(labels) * weights.square().sum()
        value.backward()
        return value

    optimizer.step(step)
    with torch.no_grad():
        of_features = weights / scale
        return of_features, biases - of_features @ centre
