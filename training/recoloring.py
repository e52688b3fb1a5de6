"""Twins of flags in other colours: what a map by form must put side by side, and one by colour far apart."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from PIL import Image

REGIONS = 6  # colours that a picture is taken apart into, at most
SMALL = 0.01  # of the picture; smaller regions take the colour of the one that is most like them
EDGE = 0.05  # of the picture; what is smaller, and a mixture of two others, is the edge between these
MIXED = 40.0  # of 441, how far a mixture may lie from where it should
APART = 100.0  # of 441: how far new colours are from each other


@dataclass
class Regions:
    """A picture as mixtures of few colours, two for each pixel, so that edges stay smooth in other colours.

    Attributes:
        colors: (N, 3) of 255, N from 1 to REGIONS.
        first, second: (H, W) which colours a pixel is made of, the nearest first.
        share: (H, W) of the second, from 0 to 0.5.
    """

    colors: np.ndarray
    first: np.ndarray
    second: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, picture: Image.Image) -> "Regions":
        """Take a picture apart."""
        colors = main_colors(picture)
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
        order = np.argsort(np.linalg.norm(pixels[:, :, None] - colors, axis=3), 2)
        first, second = order[..., 0], order[..., min(1, len(colors) - 1)]
        along = colors[second] - colors[first]
        length = np.maximum((along**2).sum(2), 1e-9)
        return cls(colors, first, second, np.clip(((pixels - colors[first]) * along).sum(2) / length, 0, 0.5))

    def painted(self, colors: np.ndarray) -> Image.Image:
        """The picture in N other colours (N, 3)."""
        share = self.share[..., None]
        mixed = (1 - share) * colors[self.first] + share * colors[self.second]
        return Image.fromarray(mixed.round().astype(np.uint8))


def recolored(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """The picture with a new hue and lightness for each of its regions of one colour; edges stay where they are."""
    regions = Regions.of(picture)
    return regions.painted(np.array(colors_apart(len(regions.colors), random), dtype=np.float64))


def main_colors(picture: Image.Image) -> np.ndarray:
    """(N, 3) the colours of a picture's regions, N from 1 to REGIONS, the most common first."""
    quantised = picture.convert("RGB").quantize(REGIONS * 2, Image.Quantize.MEDIANCUT, kmeans=3)
    counts = sorted(quantised.getcolors(), reverse=True)
    palette = np.reshape(quantised.getpalette(), (-1, 3))
    found: list[np.ndarray] = []
    for count, index in counts:
        color, share = palette[index].astype(np.float64), count / (picture.width * picture.height)
        if found and (share < SMALL or min(np.linalg.norm(color - other) for other in found) < APART / 2):
            continue
        if share < EDGE and any(_between(color, *pair) for pair in combinations(found, 2)):
            continue
        found.append(color)
    return np.array(found[:REGIONS])


def _between(color: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether it is a mixture of two, as at an edge."""
    along = other - one
    place = np.clip((color - one) @ along / (along @ along), 0, 1)
    return bool(np.linalg.norm(one + place * along - color) < MIXED)


def colors_apart(count: int, random: np.random.Generator) -> Sequence[tuple[int, int, int]]:
    """`count` colours at random, each APART from the others, or nearly where so many do not fit."""
    found: list[tuple[int, int, int]] = []
    apart = APART
    while len(found) < count:
        hue, lightness, saturation = random.random(), random.uniform(0.05, 0.95), random.uniform(0.5, 1)
        color = tuple(round(255 * value) for value in colorsys.hls_to_rgb(hue, lightness, saturation))
        if all(np.linalg.norm(np.subtract(color, other)) >= apart for other in found):
            found.append(color)
        else:
            apart *= 0.99
    return found
