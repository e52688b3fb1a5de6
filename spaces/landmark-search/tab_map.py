"""The tab *Map*: two linked maps of a collection by two encoders, and the pictures that lie between clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import panel
import torch
from album import Album
from between import SHOWN, Findings, reasons_of
from PIL import Image

from betwixt.linked_maps import SCRIPT, STYLE, TEMPLATE, Guest, Side, groups_of, linked_maps, sheet_of
from betwixt.maps import TSNEMap
from betwixt.page import into_view

TILE = (32, 32)
NEAREST = 5
Progress = Callable[[float, np.ndarray], None]


@dataclass(frozen=True)
class Functions:
    """What the tab asks for, each by collection and encoder; it knows no network."""

    album: Callable[[str], Album]
    rows: Callable[[str], Sequence[int]]  # of the pictures on the map
    fitted_map: Callable[[str, str, Progress | None], TSNEMap]
    nearest: Callable[[str, str, int], torch.Tensor]  # (N, count) of the pictures on the map, among them
    place: Callable[[Image.Image, str, str, int], tuple[np.ndarray, torch.Tensor]]  # position and nearest
    between: Callable[[str, str], Findings]


def create_tab(
    tab: gr.Tab,
    functions: Functions,
    collections: Sequence[tuple[str, str]],
    encoders: Sequence[tuple[str, str]],
    picture: gr.State,
) -> None:
    """Fill the tab; the maps are drawn when it is opened.

    Args:
        picture: the one that a visitor looked for last, which is framed on both maps.
    """
    sheets: dict[str, str] = {}
    titles = {key: title for title, key in encoders}

    def draw(
        first: str,
        second: str,
        collection: str,
        guest: Image.Image | None,
        has: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by its default
    ) -> tuple[dict, str, str, str]:
        """The maps, the frames' legend, what is to say of them; then whose pictures the page has."""
        sides = []
        for number, encoder in enumerate((first, second)):

            def report(share: float, _, number: int = number, encoder: str = encoder) -> None:
                progress((number + share) / 2, desc=f"Laying pictures out by {titles[encoder]}")

            made = functions.fitted_map(collection, encoder, report)
            sides.append(Side(titles[encoder], made.positions, functions.nearest(collection, encoder, NEAREST)))
        album, rows = functions.album(collection), functions.rows(collection)
        of_guest, words = None, f"{len(rows):,} of {len(album):,} pictures. " if len(rows) < len(album) else ""
        if guest:
            placed = [functions.place(guest, collection, encoder, NEAREST) for encoder in (first, second)]
            of_guest = Guest("Your picture", guest, *(tuple(part) for part in zip(*placed, strict=True)))
            words += "Your picture from the tab Search is framed on both maps."
        labels = album.truth.get("family") or album.places
        groups, numbers = groups_of([str(labels[row]) for row in rows])
        if collection not in sheets:
            sheets[collection] = sheet_of([album.open_or_blank(row, TILE[0]) for row in rows], TILE)
        sheet = sheets[collection] if has != collection else None
        value = linked_maps(
            collection, [album.titles[row] for row in rows], tuple(sides), sheet, TILE, groups, of_guest
        )
        return value, panel.legend(numbers), f'<p class="quiet">{words}</p>', collection

    def list_between(first: str, collection: str) -> tuple[str, str]:
        findings = functions.between(collection, first)
        return panel.between(functions.album(collection), findings, titles[first], SHOWN), ""

    def look_closer(event: gr.EventData, collection: str) -> str:
        rows, index = functions.rows(collection), event.index
        if type(index) is not int or not 0 <= index < len(rows):
            return ""
        album = functions.album(collection)
        return panel.one(album, rows[index], reasons_of(album, rows[index]))

    def map_places(
        first: str = encoders[0][1], second: str = encoders[-1][1], collection: str = collections[0][1]
    ) -> dict[str, Any]:
        """Lay the pictures of a collection out on two maps, as two encoders see them, and find those between clusters.

        Args:
            first: the left map's encoder: landmarks-transfer, landmarks-pretrained or landmarks-scratch.
            second: the right map's.
            collection: rendered, or photos where the owner of the Space offers some.

        Returns:
            maps: ids and places of the pictures, their positions on both maps, and those between clusters by the first
                encoder with the place that they look like and what is unusual about them.
        """
        try:
            maps = [functions.fitted_map(collection, encoder, None) for encoder in (first, second)]
        except ValueError as error:
            raise gr.Error(f"{error}.", print_exception=False) from None
        album, rows = functions.album(collection), functions.rows(collection)
        return {
            "id": [album.ids[row] for row in rows],
            "place": [album.places[row] for row in rows],
            "positions": [one.positions.tolist() for one in maps],
            "between": [
                {
                    "id": album.ids[one.row],
                    "place": album.places[one.row],
                    "like": album.places[one.like[0]],
                    "reasons": [*one.reasons],
                }
                for one in functions.between(collection, first).pictures
            ],
        }

    has = gr.State("")  # the collection whose pictures the page has
    with gr.Row(elem_id="map-choices"):
        first = gr.Dropdown(encoders, value=encoders[0][1], label="Left map: as seen by")
        second = gr.Dropdown(encoders, value=encoders[-1][1], label="Right map: as seen by")
        collection = gr.Dropdown(collections, value=collections[0][1], label="Pictures", visible=len(collections) > 1)
    legend = gr.HTML("", elem_id="legend", js_on_load=None)
    maps = gr.HTML(
        {}, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id="maps", label="Two maps of landmarks"
    )
    words = gr.HTML("", elem_id="map-words", js_on_load=None)
    closer = gr.HTML("", elem_id="closer", js_on_load=None)
    between = gr.HTML("", elem_id="between", js_on_load=None)
    chosen, outputs = [first, second, collection, picture, has], [maps, legend, words, has]
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    drawn = gr.on(
        [tab.select, first.input, second.input, collection.input], draw, chosen, outputs, **quiet, show_progress_on=maps
    )
    drawn.success(list_between, [first, collection], [between, closer], **quiet, show_progress="hidden")
    looking = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    looked = maps.select(look_closer, collection, closer, **looking, trigger_mode="multiple")
    looked.success(None, js=into_view("closer"))
    for_the_api = [
        gr.Textbox(value, visible=False, label=name)
        for name, value in (
            ("first", encoders[0][1]), ("second", encoders[-1][1]), ("collection", collections[0][1])
        )
    ]  # fmt: skip
    gr.Button(visible=False).click(
        map_places,
        for_the_api,
        gr.JSON(label="maps", visible=False),
        preprocess=False,
        api_name="map",
        concurrency_limit=2,
    )
