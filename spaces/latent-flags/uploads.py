"""Pictures that visitors bring: only what Gradio stored for them is opened, and little of it is kept."""

from gradio.utils import get_upload_folder
from PIL import Image

from betwixt.images import fit, open_image, stored_upload

KEPT = (192, 128)  # width and height: more than anything looks at


def read(file: dict | None) -> Image.Image:
    """A visitor's picture, squashed to the shape of a flag.

    Raises:
        ImageError: there is none, it is none of Gradio's files, or cannot be read; in one line for the visitor.
    """
    return kept(open_image(stored_upload(file, get_upload_folder()), min_side=max(KEPT)))


def kept(picture: Image.Image) -> Image.Image:
    """A picture of any size as one of KEPT."""
    return fit(picture, KEPT, "squash")
