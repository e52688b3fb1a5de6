"""The StyleGAN2s: what can be asked of each, styles of seeds and of pictures, and what is drawn of styles."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from networks import PRETRAINED, load, told_in_a_line
from PIL import Image

from betwixt.directions import Direction, principal, read_directions, styles_of
from betwixt.hub import locate
from betwixt.images import to_images
from betwixt.inversion import Inversion, invert
from betwixt.layers import clipped
from betwixt.once import once
from betwixt.perceptual import Layers, layers_of

MOST_DIRECTIONS, PRINCIPAL = 12, 6  # shown; shown where none are published
DRAWN = 2000  # styles, whose principal directions these are
STEPS, EVERY = 240, 8  # of a search, and from each picture that is shown to the next


@dataclass(frozen=True)
class Known:
    """What can be asked of a generator.

    Args:
        layers: of each style the side of the pictures that it is used at.
        directions: the named ones first.
    """

    breeds: list[str]
    layers: list[int]
    directions: list[Direction]


@dataclass(frozen=True)
class Sight:
    """What a search has found so far: its style (num_ws, w_dim) and the picture of that."""

    step: int
    steps: int
    style: torch.Tensor
    image: Image.Image
    loss: float

    @property
    def done(self) -> bool:
        return self.step == self.steps


@once
def known(name: str) -> Known:
    """What can be asked of a generator. Raises gr.Error: it cannot be loaded."""
    model = load(name)
    with told_in_a_line("network"):
        directions = read_directions(locate(name, "model"), model)
    if not directions:
        pairs = zip(*principal(styles_of(model, DRAWN), min(PRINCIPAL, model.w_dim)), strict=True)
        directions = [Direction(vector, float(size), (0, model.num_ws)) for vector, size in pairs if size > 0]
    sides = [min(4 * 2 ** ((number + 1) // 2), model.img_resolution) for number in range(model.num_ws)]
    return Known(model.class_names, sides, directions[:MOST_DIRECTIONS])


@torch.inference_mode()
def style_of(name: str, seed: int, breed: str, truncation_psi: float) -> torch.Tensor:
    """The style (num_ws, w_dim) of a seed; `breed` "": of classes, one that the seed draws.

    Raises:
        ValueError: the seed is no whole number from 0 up, or there is no such breed; in one line.
    """
    model = load(name)
    z, c = model.latents([seed], {breed: 1.0} if breed else None)
    return model.mapping(z, c, truncation_psi)[0]


@torch.inference_mode()
def draw(name: str, styles: torch.Tensor) -> list[Image.Image]:
    """(N, num_ws, w_dim) -> pictures."""
    return to_images(clipped(load(name).synthesis(styles)))


def steps_of(
    name: str, x: torch.Tensor, space: str, steps: int, seed: int
) -> Iterator[tuple[int, torch.Tensor, float]]:
    """Step, style (num_ws, w_dim) and loss of x (1, 3, S, S), now and then, on a GPU where there is one."""
    model, layers = load(name), _layers()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model if device == "cpu" else copy.deepcopy(model).to(device)
    for found in invert(model, x.to(device), Inversion(space, steps, seed=seed), layers, EVERY):
        yield found.step, found.w[0].cpu(), float(found.loss[0])


def _layers() -> Layers | None:
    """What sees how unlike pictures are; where the pretrained network has another backbone, pixels alone count."""
    try:
        return layers_of(load(PRETRAINED))
    except ValueError:
        return None
