"""Square crops around boxes."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from betwixt.images import fit

Square = tuple[int, int, int]  # left, top, side, in pixels


def square_around(edges: Sequence[float], margin: float, width: int, height: int) -> Square:
    """The square that holds a box, inside a picture of that size where it fits.

    Args:
        edges: left, top, right, bottom.
        margin: left free on each side, in sides of the box; it gives way before the square leaves the picture.
    """
    left, top, right, bottom = edges
    longer = max(right - left, bottom - top)
    side = max(1, round(max(longer, min(longer * (1 + 2 * margin), width, height))))
    return (
        _moved_inside((left + right - side) / 2, side, width),
        _moved_inside((top + bottom - side) / 2, side, height),
        side,
    )


def _moved_inside(start: float, side: int, length: int) -> int:
    low, high = sorted((0, length - side))
    return min(max(round(start), low), high)


def crop(pixels: np.ndarray, square: Square, **padding) -> np.ndarray:
    """(H, W, ...) -> (side, side, ...); what lies outside is as `padding` says, which is np.pad's."""
    left, top, side = square
    height, width = pixels.shape[:2]
    inside = pixels[max(top, 0) : top + side, max(left, 0) : left + side]
    missing = [(max(-top, 0), max(top + side - height, 0)), (max(-left, 0), max(left + side - width, 0))]
    return np.pad(inside, missing + [(0, 0)] * (pixels.ndim - 2), **padding)


def shrunk(picture: Image.Image, size: int, enlarge: bool) -> Image.Image:
    """The picture in its own proportions, its short side `size`, or shorter where it was and is not to be enlarged."""
    scale = size / min(picture.size)
    if scale >= 1 and not enlarge:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return fit(picture, (width, height), "squash")
