"""What the page of two linked maps is given: plain JSON, positions in one frame, pictures cut from one sheet."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from betwixt.linked_maps import COLUMNS, FRAMES, OTHERS, Guest, Side, groups_of, linked_maps, sheet_of

TILE = (12, 8)


def sides(count: int) -> tuple[Side, Side]:
    random = np.random.default_rng(0)
    neighbours = torch.arange(count).roll(1)[:, None]
    return tuple(Side(name, random.normal(5, 9, (count, 2)), neighbours) for name in ("pixels", "form"))


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")


@pytest.mark.parametrize("count", [5, 64, 150])
def test_every_picture_is_where_the_page_cuts_it_out(count):
    colors = [(i % 7 * 40, i % 11 * 20, 255 - i % 5 * 50) for i in range(count)]
    sheet = opened(sheet_of([Image.new("RGB", (30, 20), color) for color in colors], TILE))
    for i, color in enumerate(colors):
        x, y = i % COLUMNS * TILE[0] + TILE[0] // 2, i // COLUMNS * TILE[1] + TILE[1] // 2
        assert np.abs(np.subtract(sheet.getpixel((x, y)), color)).max() < 30


def test_positions_fill_the_frame_and_a_guest_lies_in_the_same():
    both = sides(9)
    guest = Guest(
        "mine", Image.new("RGB", (3, 3)), tuple(side.positions[4] for side in both), (torch.arange(3), torch.arange(3))
    )
    value = linked_maps("nine", [*"abcdefghi"], both, None, TILE, [0, 1, 2] * 3, guest)
    assert json.loads(json.dumps(value)) == value
    for side, one in enumerate(value["maps"]):
        positions = np.array(one["positions"])
        assert positions.min(0).tolist() == [0, 0]
        assert positions.max(0).tolist() == [1, 1]
        assert value["guest"]["positions"][side] == one["positions"][4]
    assert "sheet" not in value
    assert opened(value["guest"]["picture"]).size == TILE
    assert linked_maps("nine", [*"abcdefghi"], both, "data:", TILE)["sheet"] == "data:"


def test_groups_are_numbered_by_how_common_they_are():
    assert groups_of(["b", "a", "b", "c"]) == ([0, 1, 0, 2], {"b": 0, "a": 1, "c": 2})


def test_more_groups_than_colours_share_the_last_one():
    labels = [f"{number:02}" for number in range(20)] + ["19"]
    groups, numbers = groups_of(labels)
    assert [*numbers] == ["19", *labels[: len(FRAMES) - 2], OTHERS]
    assert groups[19] == groups[20] == 0
    assert groups[15] == groups[18] == len(FRAMES) - 1
