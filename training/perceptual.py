"""The layers of a network that a recipe's option names."""

from loop import folder_of

from betwixt import perceptual
from betwixt.classifier import ImageClassifier
from betwixt.perceptual import Layers

__all__ = ["Layers", "layers_of"]


def layers_of(name: str) -> Layers:
    """See `betwixt.perceptual.layers_of`; `name`: a run, a folder or a published name.

    Raises:
        ValueError: it is another network.
    """
    try:
        return perceptual.layers_of(ImageClassifier.from_pretrained(folder_of(name)))
    except ValueError as error:
        raise ValueError(f"--perceptual-model {name}: {error}") from None
