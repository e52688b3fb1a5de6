"""Pictures one after the other, as a film that any browser shows: animated WebP or GIF."""

import io
from collections.abc import Sequence

from PIL import Image

FORMATS = ("webp", "gif")


def film(
    images: Sequence[Image.Image],
    side: int = 256,
    kind: str = "webp",
    milliseconds: int = 160,
    there_and_back: bool = True,
) -> bytes:
    """Pictures of one size, enlarged to `side` pixels, in a loop.

    Args:
        kind: "webp", or "gif", which is larger and has 256 colours a picture.
        milliseconds: for each picture.
        there_and_back: after the last one backwards to the first, so that the loop has no jump.

    Raises:
        ValueError: no pictures, or an unknown kind.
    """
    if not images or kind not in FORMATS:
        raise ValueError(f"a film needs pictures, and to be one of {', '.join(FORMATS)}, not {kind!r}")
    frames = [image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for image in images]
    if there_and_back:
        frames += frames[-2:0:-1]
    # Pillow keeps the length of a film in the durations alone where pictures that are alike are joined.
    settings = {"quality": 90} if kind == "webp" else {"optimize": False, "disposal": 2}
    buffer = io.BytesIO()
    frames[0].save(
        buffer, kind.upper(), save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, **settings
    )
    return buffer.getvalue()
