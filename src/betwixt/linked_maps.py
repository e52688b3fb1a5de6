"""Two maps of the same pictures side by side, for a page: the pictures are the points, and neighbours light up on both.

For Gradio: `gr.HTML(value, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT)` with what `linked_maps`
gives; `select` says which picture was chosen, by its place in the list.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from betwixt.images import fit
from betwixt.page import data_uri

TEMPLATE = """<div class="linked-maps">
  <figure><figcaption></figcaption><canvas tabindex="0" role="application"></canvas>
    <button type="button" aria-label="Show all of the first map">Show all</button></figure>
  <figure><figcaption></figcaption><canvas tabindex="0" role="application"></canvas>
    <button type="button" aria-label="Show all of the second map">Show all</button></figure>
  <p class="told" role="status"></p>
</div>"""
STYLE, SCRIPT = (Path(__file__).with_suffix(suffix).read_text("utf-8") for suffix in (".css", ".js"))
COLUMNS = 64  # pictures beside each other on the sheet that the page cuts them from
FRAMES = (  # colours of groups; the last one is for all that are left
    "#e4572e", "#2e86ab", "#3ba55d", "#f2b134", "#8e5bd0", "#d6568f", "#2bb3a3", "#8c6d46", "#b7c334", "#4c5fd5",
    "#5b2333", "#9aa3ad",
)  # fmt: skip
OTHERS = "others"
HINT = "Point at a picture: its nearest on each map light up on both."


@dataclass(frozen=True)
class Side:
    """One of the two maps.

    Args:
        title: what pictures are compared by.
        positions: (N, 2), in any unit.
        neighbours: (N, k), the nearest others of each in the features themselves.
    """

    title: str
    positions: np.ndarray
    neighbours: torch.Tensor


@dataclass(frozen=True)
class Guest:
    """A further picture with its place on both maps, each (2,), and its nearest in both, each (k,)."""

    name: str
    picture: Image.Image
    positions: tuple[np.ndarray, np.ndarray]
    neighbours: tuple[torch.Tensor, torch.Tensor]


def linked_maps(
    key: str,
    names: Sequence[str],
    sides: tuple[Side, Side],
    sheet: str | None,
    tile: tuple[int, int],
    groups: Sequence[int] | None = None,
    guest: Guest | None = None,
    hint: str = HINT,
) -> dict[str, Any]:
    """What the page needs, as plain JSON.

    Args:
        key: names the pictures: while it stays the same the page keeps its view, and the sheet it already has.
        names: of the N pictures.
        sheet: what `sheet_of` gives; None where the page has it.
        tile: width and height of a picture on the sheet, in pixels.
        groups: of each picture a number, shown as the colour of its frame.
        hint: what can be done, until something is pointed at.
    """
    value: dict[str, Any] = {"key": key, "names": [*names], "tile": [*tile], "columns": COLUMNS, "hint": hint}
    frames = [_frame(side.positions) for side in sides]
    value["maps"] = [
        {"title": side.title, "positions": frame(side.positions), "neighbours": side.neighbours.tolist()}
        for side, frame in zip(sides, frames, strict=True)
    ]
    if sheet:
        value["sheet"] = sheet
    if groups is not None:
        value["groups"], value["frames"] = [*groups], [*FRAMES]
    if guest:
        value["guest"] = {
            "name": guest.name,
            "picture": data_uri(fit(guest.picture, tile, "squash"), "WEBP"),
            "positions": [frame(position[None])[0] for frame, position in zip(frames, guest.positions, strict=True)],
            "neighbours": [near.tolist() for near in guest.neighbours],
        }
    return value


def sheet_of(pictures: Sequence[Image.Image], tile: tuple[int, int]) -> str:
    """All pictures on one, COLUMNS beside each other, as a data URI."""
    width, height = tile
    sheet = Image.new("RGB", (width * min(COLUMNS, len(pictures)), height * math.ceil(len(pictures) / COLUMNS)))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet.paste(fit(picture, tile, "squash"), (column * width, row * height))
    return data_uri(sheet, "WEBP")


def _frame(positions: np.ndarray) -> Callable[[np.ndarray], list]:
    """Positions -> the same in [0, 1], rounded; a new one may lie a little outside."""
    low, high = positions.min(0), positions.max(0)
    span = np.maximum(high - low, 1e-9)
    return lambda given: np.clip((given - low) / span, -0.05, 1.05).round(4).tolist()


def groups_of(labels: Sequence[str]) -> tuple[list[int], Mapping[str, int]]:
    """Labels -> a number for each, and what the numbers mean, the most common label first.

    Where there are more labels than colours in FRAMES, the rarest share the last one, as OTHERS.
    """
    order = sorted(set(labels), key=lambda label: (-labels.count(label), label))
    if len(order) > len(FRAMES):
        order = [*order[: len(FRAMES) - 1], OTHERS]
    numbers = {label: number for number, label in enumerate(order)}
    return [numbers.get(label, len(order) - 1) for label in labels], numbers
