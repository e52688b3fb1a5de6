"""The one place where untrusted bytes become pictures, and pictures become tensors.

Tensors are (B, 3, H, W) in [-1, 1]. Pictures that come out are RGB; turned upright (EXIF), first frame, on white.
"""

import io
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

MAX_FILE_BYTES = 50_000_000
MAX_PIXELS = 40_000_000
LARGE_PIXELS = 4_000_000
# Pillow knows many more, some of which start other programs (EPS) or are never sent by anyone but attackers.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF")
FITS = ("crop", "squash")
BATCH = 20  # pictures; larger batches leave a CPU's caches: SqueezeNet takes twice as long for 100 at a time


_large_pictures = threading.Lock()


class ImageError(ValueError):
    """A file or picture that cannot be used; the message is one line for the person who brought it."""


def open_image(
    source: str | os.PathLike | bytes | Image.Image, max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> Image.Image:
    """Decode an untrusted file, its bytes, or an open picture (which stays as it was) into an upright RGB picture.

    Transparency is laid on white, of animations the first frame is taken, 16-bit and float grey is scaled to 8 bits.
    JPEGs over `max_pixels` are decoded at a half, a quarter or an eighth, where that brings them under the limit; with
    `min_side`, also where both sides stay that long, which is several times faster for a photo of a telephone.

    Raises:
        ImageError: empty, truncated, undecodable or oversized files, in one line without the file's path.
    """
    try:
        if isinstance(source, Image.Image):
            return _decode(source.copy(), max_pixels, None)
        data = source if isinstance(source, bytes) else _read(Path(source))
        if not data:
            raise ImageError("The file is empty.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # broken metadata of a picture that can still be shown
            with Image.open(io.BytesIO(data), formats=FORMATS) as image, _one_large_picture(image):
                return _decode(image, max_pixels, min_side)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(_too_large(max_pixels)) from None
    except Image.UnidentifiedImageError:
        what = "HEIC pictures cannot be read here" if data[4:12] in _HEIC else "This is not a picture that can be read"
        raise ImageError(f"{what}: please use JPEG, PNG, WebP or GIF.") from None
    except FileNotFoundError:
        raise ImageError("The file cannot be read: it is not there.") from None
    except Exception:  # Pillow's decoders raise nearly any type on hostile bytes
        raise ImageError("The picture is damaged and cannot be decoded.") from None


def _too_large(max_pixels: int) -> str:
    return f"The picture is too large: please use one under {max_pixels // 1_000_000} megapixels."


def _one_large_picture(image: Image.Image) -> AbstractContextManager:
    # Decoded pixels are many times the file: visitors take turns with what is large, so that memory stays bounded.
    return _large_pictures if image.width * image.height > LARGE_PIXELS else nullcontext()


_HEIC = {b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis")}


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ImageError(f"The file is over {MAX_FILE_BYTES // 1_000_000} MB: please use a smaller one.")
    return path.read_bytes()


def _decode(image: Image.Image, max_pixels: int, min_side: int | None) -> Image.Image:
    width, height = image.size
    if min(width, height) < 1:
        raise ImageError("The picture has no pixels.")
    if image.format in ("JPEG", "MPO"):
        divisor = next((d for d in (1, 2, 4, 8) if width * height <= max_pixels * d * d), 8)
        if min_side:
            divisor = max([divisor, *(d for d in (2, 4, 8) if min(width, height) >= min_side * d)])
        image.draft("RGB", (max(1, width // divisor), max(1, height // divisor)))
    if image.width * image.height > max_pixels:
        raise ImageError(_too_large(max_pixels))
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # a broken orientation tag must not cost the picture
        image = image.copy()
    return _to_rgb(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey_to_8_bit(image).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        return flat
    return image.convert("RGB")


def _grey_to_8_bit(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips 16-bit values at 255, which turns most such pictures white.
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high > 255:
        low, high = 0.0, 65535.0 if high <= 65535 else high
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0:
        low, high = 0.0, 255.0
    return Image.fromarray(((values - low) / max(high - low, 1e-9) * 255).round().clip(0, 255).astype(np.uint8))


def stored_upload(file: dict | None, folder: str | os.PathLike) -> Path:
    """Where a web page's server stored a visitor's file, as {"path": ...}: below `folder`, or it is not opened.

    Raises:
        ImageError: there is none, or the path leads elsewhere; in one line for the visitor.
    """
    if not isinstance(file, dict) or not isinstance(file.get("path"), str):
        raise ImageError("There is no picture: please choose one first.")
    path = Path(file["path"]).resolve()
    if not path.is_relative_to(Path(folder).resolve()):
        raise ImageError("Only uploaded pictures can be used.")
    return path


def fit(image: Image.Image, size: int | tuple[int, int], how: str = "crop") -> Image.Image:
    """Fit a picture into `size` (a side, or (width, height)): "crop" its centre, or "squash" all of it.

    The crop is taken before the resize, so that a picture of 30000x1 pixels never becomes a huge one.
    """
    if how not in FITS:
        raise ValueError(f"how must be one of {FITS}, not {how!r}")
    width, height = (size, size) if isinstance(size, int) else size
    box = None
    if how == "crop":
        scale = min(image.width / width, image.height / height)
        crop_width, crop_height = width * scale, height * scale
        left, top = (image.width - crop_width) / 2, (image.height - crop_height) / 2
        box = (left, top, left + crop_width, top + crop_height)
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def to_tensor(images: Sequence[Image.Image], size: int | tuple[int, int], how: str = "crop") -> torch.Tensor:
    """Pictures of any size and mode -> (B, 3, H, W) float32 in [-1, 1]; `size` and `how` as in `fit`."""
    width, height = (size, size) if isinstance(size, int) else size
    if not images:
        return torch.empty(0, 3, height, width)
    fitted = [np.asarray(fit(open_image(image), size, how)) for image in images]
    return from_bytes(torch.from_numpy(np.stack(fitted)).permute(0, 3, 1, 2))


def batches(
    images: Sequence[Image.Image],
    size: int,
    device: torch.device | str = "cpu",
    batch_size: int = BATCH,
    how: str = "crop",
) -> Iterator[torch.Tensor]:
    """Pictures of any size and mode -> (B, 3, size, size) in [-1, 1], at most `batch_size` at a time; none of none."""
    images = list(images)
    for first in range(0, len(images), batch_size):
        yield to_tensor(images[first : first + batch_size], size, how).to(device)


def to_images(x: torch.Tensor) -> list[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> list of RGB pictures; values outside are clipped."""
    return [Image.fromarray(picture) for picture in to_bytes(x).permute(0, 2, 3, 1).cpu().numpy()]


def resized(x: torch.Tensor, size: int) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, size, size), bicubic, and smoothed where it shrinks; itself where it has that size."""
    if x.shape[-2:] == (size, size):
        return x
    shrinks = x.shape[-1] > size
    return F.interpolate(x, (size, size), mode="bicubic", align_corners=False, antialias=shrinks)


def from_bytes(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 in [0, 255] -> float32 in [-1, 1], any shape."""
    return pixels.float() / 127.5 - 1


def to_bytes(x: torch.Tensor) -> torch.Tensor:
    """Float in [-1, 1] -> uint8 in [0, 255], any shape; values outside are clipped."""
    return ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
