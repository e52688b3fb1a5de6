"""The tab *Neighbours*: which flags are like one, by pixels, by form and by colours."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import uploads
from atlas import Flag
from PIL import Image

from betwixt.images import ImageError

SHOWN = 8
HEADINGS = {  # space -> heading, and what it means
    "pixels": ("By pixels", "The same colours in the same places."),
    "form": ("By form", "The same bands, crosses and emblems, in whatever colours: what the autoencoder calls form."),
    "colors": ("By colours", "The same colours, wherever they are: the other part of its latent."),
}
Nearest = Callable[[Image.Image, str, int], tuple[list[tuple[Flag, float]], bool]]


def create_tab(
    tab: gr.Tab,
    nearest: Nearest,
    flag_of: Callable[[str], Flag],
    choices: Sequence[tuple[str, str]],
    examples: Sequence[tuple[Path, str]],
) -> None:
    """Fill the tab.

    Args:
        tab: the first flag is compared when it is opened.
        nearest: picture, space, count -> the flags most like it with how alike, and whether all are far.
        flag_of: a code or name -> the flag.
        choices: names and codes of the flags that can be chosen.
        examples: pictures of flags to click on, and what they show.
    """

    def compare(picture: Image.Image, own: str | None, count: int) -> list[tuple[str, str, list, bool]]:
        found = []
        for space, (name, words) in HEADINGS.items():
            near, is_far = nearest(picture, space, count + 1)
            others = [(flag, value) for flag, value in near if flag.code != own][:count]
            found.append((name, words, others, is_far and own is None))
        return found

    def show_chosen(code: str) -> str:
        try:
            flag = flag_of(code)
        except ValueError as error:
            return panel.refusal(f"{error}.")
        return panel.rows(f"Which flags are like that of {flag.name}?", compare(flag.picture, flag.code, SHOWN))

    def open_tab(code: str, has: str) -> str | dict:
        return gr.skip() if has else show_chosen(code)

    def show_brought(upload: dict | None, code: str) -> str:
        if not upload:
            return show_chosen(code)
        try:
            return panel.rows("Which flags are like yours?", compare(uploads.read(upload), None, SHOWN))
        except ImageError as error:
            return panel.refusal(str(error))

    def neighbours(code: str = "fr", picture: dict | None = None, count: int = SHOWN) -> dict[str, Any]:
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
                image, own = uploads.read(picture), None
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
            for space, (_, _, flags, is_far) in zip(HEADINGS, compare(image, own, count), strict=True)
        }

    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            code = gr.Dropdown(choices, value="sn", label="A flag", filterable=True, elem_id="neighbours-of")
            upload = uploads.create_box("Or a picture of yours", "compared", examples, "neighbours-examples")
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML("", elem_id="neighbours", js_on_load=None)
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    tab.select(open_tab, [code, shown], shown, **quiet)
    code.input(show_chosen, code, shown, **quiet)
    upload.change(show_brought, [upload, code], shown, preprocess=False, **quiet)
    gr.Button(visible=False).click(
        neighbours,
        [
            gr.Textbox("fr", label="code", visible=False),
            gr.Image(label="picture", type="filepath", visible=False),
            gr.Number(SHOWN, precision=0, label="count", visible=False),
        ],
        gr.JSON(label="found", visible=False),
        preprocess=False,
        api_name="neighbours",
        concurrency_limit=2,
    )
