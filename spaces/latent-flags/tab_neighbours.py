"""The tab *Neighbours*: which flags are like one, by pixels, by form, and by colour."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import panel
from atlas import Flag
from gradio.utils import get_upload_folder
from PIL import Image

from betwixt.images import ImageError, open_image, stored_upload

MIN_SIDE = 128
WAYS = {  # space -> heading, and what it means
    "pixels": ("By pixels", "The same colours in the same places."),
    "form": ("By form", "The same bands, crosses and emblems, in whatever colours: what the autoencoder calls form."),
    "colors": ("By colours", "The same colours, wherever they are: the other part of its latent."),
}
Nearest = Callable[[Image.Image, str, int], tuple[list[tuple[Flag, float]], bool]]


def create_tab(
    tab: gr.Tab, nearest: Nearest, flag_of: Callable[[str], Flag], choices: Sequence[tuple[str, str]]
) -> None:
    """Fill the tab.

    Args:
        tab: the first flag is compared when it is opened.
        nearest: picture, space, count -> the flags most like it with how alike, and whether all are far.
        flag_of: a code or name -> the flag.
        choices: names and codes of the flags that can be chosen.
    """

    def compare(picture: Image.Image, own: str | None, count: int) -> list[tuple[str, str, list, bool]]:
        found = []
        for space, (name, words) in WAYS.items():
            near, is_far = nearest(picture, space, count + 1)
            others = [(flag, value) for flag, value in near if flag.code != own][:count]
            found.append((name, words, others, is_far and own is None))
        return found

    def show_chosen(code: str) -> str:
        try:
            flag = flag_of(code)
        except ValueError as error:
            return panel.refusal(f"{error}.")
        return panel.rows(f"Which flags are like that of {flag.name}?", compare(flag.picture, flag.code, 8))

    def open_tab(code: str, has: str) -> str | dict:
        return gr.skip() if has else show_chosen(code)

    def show_brought(upload: dict | None) -> str | dict:
        if not upload:
            return gr.skip()
        try:
            picture = open_image(stored_upload(upload, get_upload_folder()), min_side=MIN_SIDE)
        except ImageError as error:
            return panel.refusal(str(error))
        return panel.rows("Which flags are like yours?", compare(picture, None, 8))

    def neighbours(code: str = "fr", picture: dict | None = None, count: int = 8) -> dict[str, Any]:
        """Find the flags that are most like one: by pixels, by form and by colours.

        Args:
            code: of a country, like fr, jp or gb-sct, or its name.
            picture: a picture to look for in place of a country's flag.
            count: how many of each, 1 to 50.

        Returns:
            found: for pixels, form and colors the flags' codes and names, how alike they are (at most 1), and
                whether all of them are far from the picture.
        """
        if type(count) is not int or not 1 <= count <= 50:
            raise gr.Error(f"count must be a whole number from 1 to 50, not {count!r}.", print_exception=False)
        try:
            if picture:
                image, own = open_image(stored_upload(picture, get_upload_folder()), min_side=MIN_SIDE), None
            else:
                flag = flag_of(code)
                image, own = flag.picture, flag.code
        except ValueError as error:
            raise gr.Error(f"{str(error).rstrip('.')}.", print_exception=False) from None
        return {
            space: {
                "flags": [{"code": flag.code, "name": flag.name, "likeness": round(value, 4)} for flag, value in flags],
                "far": is_far,
            }
            for space, (_, _, flags, is_far) in zip(WAYS, compare(image, own, count), strict=True)
        }

    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            code = gr.Dropdown(choices, value="sn", label="A flag", filterable=True, elem_id="neighbours-of")
            upload = gr.Image(
                label="Or a picture of yours",
                type="filepath",
                sources=["upload", "clipboard"],
                height=220,
                buttons=[],
                elem_id="compared",
                placeholder="# Drop a flag here\nor click to choose one",
            )
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML("", elem_id="neighbours", js_on_load=None)
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    tab.select(open_tab, [code, shown], shown, **quiet)
    code.input(show_chosen, code, shown, **quiet)
    upload.change(show_brought, upload, shown, preprocess=False, **quiet)
    gr.Button(visible=False).click(
        neighbours,
        [code, upload, gr.Number(8, precision=0, label="count", visible=False)],
        gr.JSON(label="found", visible=False),
        preprocess=False,
        api_name="neighbours",
        concurrency_limit=2,
    )
