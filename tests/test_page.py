"""What all pages show in the same way."""

import base64
import io

import pytest
from PIL import Image

from betwixt import page


def decoded(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2])))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_inside_the_page(kind):
    picture = decoded(page.data_uri(Image.new("RGB", (12, 8), "teal"), kind))
    assert picture.format == kind
    assert picture.size == (12, 8)
    assert all(abs(a - b) < 6 for a, b in zip(picture.convert("RGB").getpixel((6, 4)), (0, 128, 128), strict=True))


def test_examples_have_names_and_numbers_and_words_cannot_break_out(tmp_path):
    file = tmp_path / "one.png"
    Image.new("RGBA", (30, 10)).save(file)
    html = page.examples([(file, 'a "flag" <b>'), (file, "another")], (9, 6))
    assert "<b>" not in html
    assert html.count('data-index="1"') == 1
    assert 'alt="another"' in html
    assert decoded(html.split('src="')[1].split('"')[0]).size == (9, 6)
    assert decoded(page.examples([(file, "x")]).split('src="')[1].split('"')[0]).size == (30, 10)


def test_a_note_escapes_its_words_alone():
    html = page.note("<i>", "a & b", "<img>", role="alert")
    assert html == '<div class="note" role="alert"><img><h2>&lt;i&gt;</h2><p>a &amp; b</p></div>'
