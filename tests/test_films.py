"""Films of pictures, as a browser reads them."""

import io

import pytest
from PIL import Image, ImageSequence

from betwixt.films import film

COLORS = ("#ff0000", "#00ff00", "#0000ff", "#ffff00")


@pytest.fixture
def pictures() -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), color) for color in COLORS]


def colors(film: Image.Image) -> list[str]:
    return [
        "#" + "".join("f" if value > 128 else "0" for value in frame.convert("RGB").getpixel((20, 20)))
        for frame in ImageSequence.Iterator(film)
    ]


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_film_goes_there_and_back_for_ever(pictures, kind):
    shown = Image.open(io.BytesIO(film(pictures, 40, kind)))
    assert (shown.format, shown.size, shown.n_frames) == (kind.upper(), (40, 40), 6)
    assert shown.info["loop"] == 0
    assert colors(shown) == ["#f00", "#0f0", "#00f", "#ff0", "#00f", "#0f0"]


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_film_of_a_closed_way_runs_forward_only(pictures, kind):
    shown = Image.open(io.BytesIO(film(pictures, 40, kind, 50, there_and_back=False)))
    assert colors(shown) == ["#f00", "#0f0", "#00f", "#ff0"]
    shown.seek(1)
    assert shown.info["duration"] == 50


@pytest.mark.parametrize("count", [1, 2])
def test_short_films(pictures, count):
    shown = Image.open(io.BytesIO(film(pictures[:count], 40)))
    assert shown.n_frames == count


def test_nothing_and_unknown_kinds_are_refused(pictures):
    with pytest.raises(ValueError, match="needs pictures"):
        film([])
    with pytest.raises(ValueError, match="not 'mp4'"):
        film(pictures, kind="mp4")
