"""What is in front in a photo, by a mask or by a network that finds it, and a colour for the rest."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

import numpy as np
from photo_boxes import same_proportions
from PIL import Image
from scipy.ndimage import distance_transform_edt

ANIMAL, BACKGROUND, BORDER = 1, 2, 3  # in Oxford-IIIT Pet's trimaps
Segmenter = Callable[[Image.Image], np.ndarray]


class MaskError(ValueError):
    """A mask that cannot be used; the message is one line."""


def on_color(pixels: np.ndarray, alpha: np.ndarray, color: Sequence[int]) -> np.ndarray:
    """uint8 (H, W, 3) laid on a colour where alpha (H, W), in [0, 1], is 0."""
    mixed = alpha[..., None] * pixels + (1 - alpha[..., None]) * np.asarray(color, dtype=np.float32)
    return mixed.round().astype(np.uint8)


def mask_file(folder: Path, photo: PurePath) -> Path | None:
    """The PNG of a photo's stem, below the folder as the photo is below its own, or by its name alone."""
    name = photo.with_suffix(".png")
    return next((file for file in (folder / name, folder / name.name) if file.is_file()), None)


def alpha_of_mask(file: Path, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W) in [0, 1], 1: animal, of a trimap or a mask of 0 to 255 (or to 1), brought to `size` (W, H).

    Raises:
        MaskError: it cannot be read, or is of a picture of other proportions.
    """
    try:
        with Image.open(file, formats=["PNG"]) as mask:
            # Trimaps with a palette name its entries.
            values = np.asarray(mask if mask.mode in ("1", "L", "P") else mask.convert("L")).astype(np.uint8)
    except Exception:  # Pillow's decoders raise nearly any type on hostile bytes
        raise MaskError(f"the mask {file.name} cannot be read") from None
    if not same_proportions(values.shape[::-1], size):
        raise MaskError(f"the mask {file.name} is of a picture of {values.shape[1]}x{values.shape[0]}")
    return resized_alpha(_alpha_of_values(values), size)


def _alpha_of_values(values: np.ndarray) -> np.ndarray:
    highest = values.max()
    if not (values.min() >= ANIMAL and BACKGROUND <= highest <= BORDER):
        return values / np.float32(255 if highest > 1 else 1)
    alpha = np.select([values == ANIMAL, values == BACKGROUND], [1.0, 0.0], 0.5).astype(np.float32)
    if ANIMAL in values and BACKGROUND in values:
        # The border is several pixels wide: it leads from the one to the other.
        inside, outside = (distance_transform_edt(values != side) for side in (ANIMAL, BACKGROUND))
        alpha = (outside / (inside + outside)).astype(np.float32)
    return alpha


def resized_alpha(alpha: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W) at another `size` (width, height)."""
    if alpha.shape[::-1] == size:
        return alpha
    return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BILINEAR)).clip(0, 1)


def segmenter(name: str, labels: Sequence[str], trust_remote_code: bool = False) -> Segmenter:
    """A network of the transformers library that finds what is in front: picture -> float32 (H, W) in [0, 1].

    Args:
        labels: of what it names, what is kept; a network that names nothing keeps what it finds.

    Raises:
        ImportError: transformers is not installed.
        ConnectionError: there is no such network, or the Hub cannot be reached; in one line.
    """
    try:
        from transformers import pipeline
    except ImportError:
        raise ImportError("--segmenter needs transformers: pip install 'betwixt[segmentation]'") from None
    try:
        network = pipeline("image-segmentation", model=name, trust_remote_code=trust_remote_code, device="cpu")
    except Exception as error:  # the client raises many types; their first line says which
        raise ConnectionError(f"{name} could not be loaded: {str(error).strip().splitlines()[0]}") from None

    def alpha_of(picture: Image.Image) -> np.ndarray:
        return alpha_of_segments(network(picture), labels, picture.size)

    return alpha_of


def alpha_of_segments(found, labels: Sequence[str], size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W) in [0, 1] of what a pipeline gives: segments with labels, or the picture cut out."""
    if isinstance(found, Image.Image):
        segments = [found.getchannel("A") if "A" in found.getbands() else found]
    else:
        segments = [one["mask"] for one in found if one.get("label") is None or one["label"] in labels]
    alpha = np.zeros(size[::-1], dtype=np.float32)
    for segment in segments:
        values = np.asarray(segment.convert("L"), dtype=np.float32) / 255
        alpha = np.maximum(alpha, resized_alpha(values, size))
    return alpha
