"""The tab *Map*: two linked maps of flags, and where a visitor's own lies on both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import panel
import torch
import uploads
from atlas import COLLECTIONS, PERPLEXITIES, SPACES, Flag, Placed
from PIL import Image

from betwixt.images import ImageError, open_image
from betwixt.linked_maps import SCRIPT, STYLE, TEMPLATE, Guest, Side, groups_of, linked_maps, sheet_of
from betwixt.maps import TSNEMap

TILE = (48, 32)
FRAMES = {"layout": "their layout", "palette": "their colours", "": "nothing"}
FORGET_AFTER = 3000  # seconds
WAYS = [(words, key) for key, words in SPACES.items()]
Progress = Callable[[float, np.ndarray], None]


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    flags: Callable[[str], Sequence[Flag]]
    flag_map: Callable[[str, str, float, Progress | None], TSNEMap]
    neighbours: Callable[[str, str], torch.Tensor]
    place: Callable[[Image.Image, str, str, float], Placed]


def create_tab(page: gr.Blocks, functions: Functions, examples: Sequence[tuple[Path, str]]) -> None:
    """Fill the tab; the maps are drawn when the page is opened.

    Args:
        examples: pictures of flags to click on, and what they show.
    """
    sheets: dict[str, str] = {}

    def draw(
        first: str,
        second: str,
        collection: str,
        perplexity: float,
        frames: str,
        guest: Image.Image | None,
        has: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by its default
    ) -> tuple[dict, str, str, str]:
        """The maps, the frames' legend, what is to say of the visitor's flag; then whose pictures the page has."""
        spaces, made = (first, second), []
        for number, space in enumerate(spaces):

            def report(share: float, _, number: int = number, space: str = space) -> None:
                progress((number + share) / 2, desc=f"Laying flags out by {SPACES[space]}")

            made.append(functions.flag_map(collection, space, perplexity, report))
        flags = functions.flags(collection)
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
            words = panel.about_guest(placed, [SPACES[space] for space in spaces])
        if frames:
            groups, numbers = groups_of([getattr(flag, frames) for flag in flags])
            legend = panel.legend(numbers)
        if collection not in sheets:
            sheets[collection] = sheet_of([flag.picture for flag in flags], TILE)
        names = [flag.name for flag in flags]
        sheet = sheets[collection] if has != collection else None
        return linked_maps(collection, names, sides, sheet, TILE, groups, of_guest), legend, words, collection

    def take_upload(
        file: dict | None, brought: Image.Image | None, drawn: Image.Image | None
    ) -> tuple[Image.Image | None, Image.Image | None]:
        """What was brought, and which picture is now the visitor's flag: of two the newer."""
        try:
            brought = uploads.read(file) if file else None
        except ImageError as error:
            gr.Warning(str(error))
            brought = None
        return brought, brought or drawn

    def take_sketch(sketch: dict | None, brought: Image.Image | None) -> tuple[Image.Image | None, Image.Image | None]:
        """What was drawn, on white, nothing of an empty sheet; and which picture is now the visitor's flag."""
        composite = (sketch or {}).get("composite")
        drawn = composite and uploads.kept(open_image(composite))
        if drawn and np.asarray(drawn).min() == 255:
            drawn = None
        return drawn, drawn or brought

    def look_closer(event: gr.EventData, collection: str) -> str:
        flags, index = functions.flags(collection), event.index
        return panel.about_flag(flags[index]) if type(index) is int and 0 <= index < len(flags) else ""

    def map_flags(
        first: str = "pixels", second: str = "form", collection: str = "flags", perplexity: float = 30
    ) -> dict[str, Any]:
        """Lay the world's flags out on two maps, so that what is alike lies together.

        Args:
            first: what flags are compared by on the first map: pixels, grey, edges, histogram, latents, form, colors
                or all.
            second: the same for the second map.
            collection: "flags", "flags and 760 mash-ups" or "flags and 1,200 mash-ups".
            perplexity: about how many neighbours a flag is to be near to, 5 to 80.

        Returns:
            maps: codes, names, layouts and palettes of the flags, and their positions on both maps.
        """
        try:
            maps = [functions.flag_map(collection, space, perplexity, None) for space in (first, second)]
        except ValueError as error:
            raise gr.Error(f"{error}.", print_exception=False) from None
        flags = functions.flags(collection)
        columns = {name: [getattr(flag, name) for flag in flags] for name in ("code", "name", "layout", "palette")}
        return columns | {"positions": [one.positions.tolist() for one in maps]}

    brought, drawn, guest = (gr.State(None, time_to_live=FORGET_AFTER) for _ in range(3))  # pictures; the one shown
    has = gr.State("")  # the collection whose pictures the page has
    with gr.Row(elem_id="map-choices"):
        first = gr.Dropdown(WAYS, value="pixels", label="Left map: flags are alike by")
        second = gr.Dropdown(WAYS, value="form", label="Right map: flags are alike by")
        frames = gr.Radio([(words, key) for key, words in FRAMES.items()], value="layout", label="Frames show")
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
                label = "A picture of a flag, or of anything"
                upload = uploads.create_box(label, "own-flag", examples, "map-examples")
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
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    drawing = {**quiet, "show_progress_on": maps}
    # A group of its own: whoever opens the page waits for no map of thousands.
    page.load(draw, chosen, outputs, **{**drawing, "concurrency_limit": 8, "concurrency_id": "first maps"})
    # One event for all, so that an earlier answer never comes after a later one.
    boxes = [box.input for box in (first, second, collection, frames)]
    gr.on([*boxes, perplexity.change, guest.change], draw, chosen, outputs, **drawing)
    # Without preprocessing the handler gets the stored file as it came: Gradio would answer a damaged one with a
    # message that helps nobody.
    upload.change(take_upload, [upload, brought, drawn], [brought, guest], **quiet, preprocess=False)
    sketch.change(take_sketch, [sketch, brought], [drawn, guest], **quiet)
    looking = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    maps.select(look_closer, collection, closer, **looking, trigger_mode="multiple")
    collection.change(lambda: "", None, closer, **looking)
    for_the_api = [
        gr.Textbox(value, visible=False, label=name)
        for name, value in (("first", "pixels"), ("second", "form"), ("collection", "flags"))
    ]
    gr.Button(visible=False).click(
        map_flags,
        [*for_the_api, gr.Number(30, label="perplexity", visible=False)],
        gr.JSON(label="maps", visible=False),
        preprocess=False,
        api_name="map",
        concurrency_limit=2,
    )
