"""Pictures that visitors bring: only what Gradio stored for them is opened, and little of it is kept."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import panel
from gradio.utils import get_upload_folder
from PIL import Image

from betwixt import page
from betwixt.images import fit, open_image, stored_upload

KEPT = (192, 128)  # width and height: more than anything looks at


def create_box(label: str, elem_id: str, examples: Sequence[tuple[Path, str]], examples_id: str) -> gr.Image:
    """A box for a picture, and below it examples to click on, which then are in the box as if they had been brought."""

    def pick(event: gr.EventData) -> Path:
        return examples[event.index][0]

    box = gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        height=220,
        buttons=[],
        elem_id=elem_id,
        placeholder="# Drop a flag here\nor click to choose one",
    )
    shown = gr.HTML(page.examples(examples, panel.SIZE), elem_id=examples_id, js_on_load=page.ON_EXAMPLE_CLICK)
    shown.select(pick, None, box, api_visibility="private", show_progress="hidden")
    return box


def read(file: dict | None) -> Image.Image:
    """A visitor's picture, squashed to the shape of a flag.

    Raises:
        ImageError: there is none, it is none of Gradio's files, or cannot be read; in one line for the visitor.
    """
    return kept(open_image(stored_upload(file, get_upload_folder()), min_side=max(KEPT)))


def kept(picture: Image.Image) -> Image.Image:
    """A picture of any size as one of KEPT."""
    return fit(picture, KEPT, "squash")
