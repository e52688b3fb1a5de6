"""The tab *Map*: two linked maps of flags, and where a visitor's own lies on both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import panel
import torch
from atlas import COLLECTIONS, PERPLEXITIES, SPACES, Flag, Placed
from gradio.utils import get_upload_folder
from PIL import Image

from betwixt.images import ImageError, open_image, stored_upload
from betwixt.linked_maps import SCRIPT, STYLE, TEMPLATE, Guest, Side, groups_of, linked_maps, sheet_of
from betwixt.maps import TSNEMap

TILE = (48, 32)
FRAMES = {"": "No frames", "layout": "Layout", "palette": "Palette"}
MIN_SIDE = 128  # to which large photos may be shrunk while they are decoded
FORGET_AFTER = 3000  # seconds
WAYS = [(words, key) for key, words in SPACES.items()]


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    flags: Callable[[str], Sequence[Flag]]
    flag_map: Callable[[str, str, float], TSNEMap]
    neighbours: Callable[[str, str], torch.Tensor]
    place: Callable[[Image.Image, str, str, float], Placed]


def create_tab(page: gr.Blocks, functions: Functions) -> None:
    """Fill the tab; the maps are drawn when the page is opened."""
    sheets: dict[str, str] = {}

    def shown(
        first: str, second: str, collection: str, perplexity: float, frames: str, guest: Image.Image | None, fresh: bool
    ) -> tuple[dict, str, str]:
        """The maps, the frames' legend, and what is to say of the visitor's flag."""
        flags = functions.flags(collection)
        spaces = (first, second)
        made = [functions.flag_map(collection, space, perplexity) for space in spaces]
        sides = tuple(
            Side(SPACES[space], one.positions, functions.neighbours(collection, space))
            for space, one in zip(spaces, made, strict=True)
        )
        words, of_guest, legend, groups = "", None, "", None
        if guest:
            placed = [functions.place(guest, collection, space, perplexity) for space in spaces]
            of_guest = Guest(
                "Your flag",
                guest,
                tuple(one.position for one in placed),
                tuple(one.neighbours for one in placed),
            )
            words = panel.about_guest([one.is_far for one in placed], [SPACES[space] for space in spaces])
        if frames:
            groups, numbers = groups_of([getattr(flag, frames) for flag in flags])
            legend = panel.legend(numbers)
        if collection not in sheets:
            sheets[collection] = sheet_of([flag.picture for flag in flags], TILE)
        names = [flag.name for flag in flags]
        sheet = sheets[collection] if fresh else None
        return linked_maps(collection, names, sides, sheet, TILE, groups, of_guest), legend, words

    def draw(
        first: str, second: str, collection: str, perplexity: float, frames: str, guest: Image.Image | None, has: str
    ) -> tuple[dict, str, str, str]:
        """What the boxes say; then which collection's pictures the page has."""
        return *shown(first, second, collection, perplexity, frames, guest, has != collection), collection

    def take_upload(file: dict | None) -> Image.Image | None:
        try:
            return open_image(stored_upload(file, get_upload_folder()), min_side=MIN_SIDE) if file else None
        except ImageError as error:
            gr.Warning(str(error))
            return None

    def take_sketch(sketch: dict | None) -> Image.Image | None:
        """What was drawn, on white; nothing of an empty sheet."""
        drawn = (sketch or {}).get("composite")
        drawn = drawn and open_image(drawn)
        return drawn if drawn and np.asarray(drawn).min() < 255 else None

    def look_closer(event: gr.EventData, collection: str) -> str:
        flags, index = functions.flags(collection), int(event.index)
        return panel.about_flag(flags[index]) if 0 <= index < len(flags) else ""

    def map_flags(
        first: str = "pixels", second: str = "form", collection: str = "flags", perplexity: float = 30
    ) -> dict[str, Any]:
        """Lay the world's flags out on two maps, so that what is alike lies together.

        Args:
            first: what flags are compared by on the first map: pixels, grey, edges, histogram, latents, form, colors
                or all.
            second: the same for the second map.
            collection: "flags", "flags and 760 mash-ups" or "flags and 3,000 mash-ups".
            perplexity: about how many neighbours a flag is to be near to, 5 to 80.

        Returns:
            maps: codes, names, layouts and palettes of the flags, and their positions on both maps.
        """
        try:
            flags = functions.flags(collection)
            maps = [functions.flag_map(collection, space, perplexity) for space in (first, second)]
        except ValueError as error:
            raise gr.Error(f"{error}.", print_exception=False) from None
        columns = {name: [getattr(flag, name) for flag in flags] for name in ("code", "name", "layout", "palette")}
        return columns | {"positions": [one.positions.tolist() for one in maps]}

    guest = gr.State(None, time_to_live=FORGET_AFTER)  # the picture that the visitor brought or drew
    has = gr.State("")  # the collection whose pictures the page has
    with gr.Row(elem_id="map-choices"):
        first = gr.Dropdown(WAYS, value="pixels", label="Left map: flags are alike by")
        second = gr.Dropdown(WAYS, value="form", label="Right map: flags are alike by")
        frames = gr.Radio([(words, key) for key, words in FRAMES.items()], value="layout", label="Frames show the")
    maps = gr.HTML(
        {}, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id="maps", label="Two maps of flags"
    )
    legend = gr.HTML("", elem_id="legend", js_on_load=None)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            closer = gr.HTML("", elem_id="closer", js_on_load=None)
            words = gr.HTML("", elem_id="guest-words", js_on_load=None)
            collection = gr.Dropdown([*COLLECTIONS], value="flags", label="Flags on the map")
            least, most = PERPLEXITIES
            perplexity = gr.Slider(least, most, 30, step=1, label="Perplexity: how many neighbours count")
        with gr.Column(scale=3, min_width=300), gr.Tabs():
            with gr.Tab("Your flag"):
                upload = gr.Image(
                    label="A picture of a flag, or of anything",
                    type="filepath",
                    sources=["upload", "clipboard"],
                    height=220,
                    buttons=[],
                    elem_id="own-flag",
                    placeholder="# Drop a flag here\nor click to choose one",
                )
            with gr.Tab("Draw one"):
                sketch = gr.Sketchpad(
                    label="Your own flag",
                    type="pil",
                    canvas_size=(480, 320),
                    layers=False,
                    elem_id="own-sketch",
                    brush=gr.Brush(
                        default_size=60, colors=["#d21034", "#0038a8", "#007a3d", "#fcd116", "#000000", "#ffffff"]
                    ),
                )
    chosen, outputs = [first, second, collection, perplexity, frames, guest, has], [maps, legend, words, has]
    quiet = {"api_visibility": "private", "concurrency_limit": 4}
    drawing = {**quiet, "show_progress_on": maps}
    page.load(draw, chosen, outputs, **drawing)
    for box in (first, second, collection, frames):
        box.input(draw, chosen, outputs, **drawing, trigger_mode="always_last")
    perplexity.release(draw, chosen, outputs, **drawing, trigger_mode="always_last")
    # Without preprocessing the handler gets the stored file as it came: Gradio would answer a damaged one with a
    # message that helps nobody.
    taken = upload.change(take_upload, upload, guest, **quiet, preprocess=False, trigger_mode="always_last")
    taken.then(draw, chosen, outputs, **drawing)
    sketched = sketch.change(take_sketch, sketch, guest, **quiet, trigger_mode="always_last")
    sketched.then(draw, chosen, outputs, **drawing)
    maps.select(look_closer, collection, closer, api_visibility="private", show_progress="hidden")
    gr.Button(visible=False).click(
        map_flags,
        [first, second, collection, perplexity],
        gr.JSON(label="maps", visible=False),
        preprocess=False,
        api_name="map",
        concurrency_limit=2,
    )
