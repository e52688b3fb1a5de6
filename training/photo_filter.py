"""Which photos show what is wanted: learned from a few that do and a few that do not, sorted by hand."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from sources import pictures_below

from betwixt.classifier import ImageClassifier
from betwixt.few_shot import learn_classes
from betwixt.images import fit

SIZE = 224  # pixels, what the network was trained at


def seen(picture: Image.Image) -> Image.Image:
    """All of the picture: what is written above and below it tells an advertisement."""
    return fit(picture, SIZE, "squash")


def pictures_of(folder: str) -> list[Image.Image]:
    """The pictures below a folder, as they are judged. Raises as `pictures_below`."""
    return [seen(picture) for _, picture in pictures_below(Path(folder))]


def learn_filter(
    examples: Sequence[Image.Image], counterexamples: Sequence[Image.Image], weights: str | None
) -> ImageClassifier:
    """A network that tells wanted from unwanted pictures, both as `seen` gives them.

    Args:
        weights: of SqueezeNet, a local file; None: downloaded.

    Raises:
        ValueError: fewer than eight pictures of a side, or weights of another network.
        ConnectionError: the weights cannot be downloaded.
    """
    # Means that lean to where a feature is strong find an animal wherever it is: AUC 0.953, plain means 0.934.
    backbone = ImageClassifier(
        architecture="torchvision/squeezenet1_0", class_names=["any"], image_size=SIZE, pooling="gem"
    )
    backbone.load_backbone(weights)
    return learn_classes(backbone.eval(), {"examples": examples, "counterexamples": counterexamples})


def wanted(model: ImageClassifier, pictures: Sequence[Image.Image]) -> torch.Tensor:
    """(B,) the probability that each picture, as `seen` gives it, is like the examples."""
    return model.predict(pictures)[:, 0]
