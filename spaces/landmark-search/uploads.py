"""Pictures that visitors bring: only what Gradio stored for them is opened, and little of it is kept."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder
from networks import KEPT
from PIL import Image

from betwixt import page
from betwixt.images import ImageError, fit, open_image, stored_upload

SMALLEST = 24  # side in pixels
EVEN = 2.0  # standard deviation, of 255, under which a picture shows nothing


def box(label: str, elem_id: str, height: int = 240) -> gr.Image:
    """Where a picture is dropped. Handlers read it without preprocessing, as Gradio's message for a damaged file
    would help nobody."""
    return gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        height=height,
        buttons=[],
        elem_id=elem_id,
        placeholder="# Drop a photo here\nor click to choose one",
    )


def offer(examples: Sequence[tuple[Path, str]], upload: gr.Image, elem_id: str) -> None:
    """Pictures to click on, with what they show, which then are in the box as if they had been brought."""

    def pick(event: gr.EventData) -> Path:
        return examples[event.index][0]

    shown = gr.HTML(page.examples(examples), elem_id=elem_id, js_on_load=page.ON_EXAMPLE_CLICK)
    shown.select(pick, None, upload, api_visibility="private", show_progress="hidden")


def stored(file: dict | None) -> Path:
    """Where Gradio stored a visitor's file. Raises ImageError: there is none, or the path is none of Gradio's."""
    return stored_upload(file, get_upload_folder())


def name_of(file: dict | None) -> str:
    """What the visitor calls the file."""
    given = file if isinstance(file, dict) else {}
    return Path(str(given.get("orig_name") or given.get("path") or "a file")).name[:60]


def read(file: dict | None) -> Image.Image:
    """A visitor's picture: the square in its middle. Raises ImageError in one line."""
    return kept(stored(file))


def kept(source: Path | bytes) -> Image.Image:
    """A picture as a square of KEPT pixels, which is all that the encoders look at.

    Raises:
        ImageError: it cannot be read, is tiny, or shows nothing; in one line.
    """
    picture = open_image(source, min_side=KEPT)
    if min(picture.size) < SMALLEST:
        width, height = picture.size
        raise ImageError(f"The picture has only {width} by {height} pixels: {SMALLEST} by {SMALLEST} are needed.")
    square = fit(picture, KEPT)
    if np.asarray(fit(square, 64), dtype=np.float32).std(axis=(0, 1)).max() < EVEN:
        raise ImageError("There is nothing to see in this picture: it has one colour all over.")
    return square
