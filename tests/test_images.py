"""Untrusted files: each gets the right picture or a one-line error."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from betwixt.images import ImageError, fit, from_bytes, open_image, to_bytes, to_images, to_tensor

RED = (200, 30, 40)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(width: int = 40, height: int = 30) -> Image.Image:
    return Image.new("RGB", (width, height), RED)


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of a few bytes that declares a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"just some text", id="text"),
        pytest.param(encoded(picture(), "PNG")[:60], id="truncated-png"),
        pytest.param(encoded(picture(200, 200), "JPEG")[:300], id="truncated-jpeg"),
        pytest.param(bomb(60_000, 60_000), id="bomb"),
        pytest.param(bomb(9_000, 9_000), id="81-megapixels"),
        pytest.param(bomb(100, 100), id="too-few-pixels"),
        pytest.param(b"\0\0\0\x18ftypheic" + b"\0" * 100, id="heic"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", id="program-in-postscript"),
        pytest.param(b"GIF89a" + b"\xff" * 50, id="broken-gif"),
    ],
)
def test_bad_bytes_give_one_line(data):
    with pytest.raises(ImageError) as caught:
        open_image(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > 10


def test_heic_is_named():
    with pytest.raises(ImageError, match="HEIC"):
        open_image(b"\0\0\0\x18ftypheic" + b"\0" * 100)


def test_an_open_picture_stays_as_it_was():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    animation = Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    animation.seek(1)
    open_image(animation)
    assert animation.tell() == 1
    with pytest.raises(ImageError, match="damaged"):
        open_image(Image.open(io.BytesIO(encoded(Image.effect_noise((200, 200), 90), "JPEG")[:-3000])))


def test_missing_file_does_not_show_its_path(tmp_path):
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path / "secret.png")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "1", "LA", "RGBA", "YCbCr", "I;16"])
def test_every_mode_becomes_rgb(mode):
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    image = Image.new("I;16", (20, 10), 30000) if mode == "I;16" else picture(20, 10).convert(mode)
    opened = open_image(encoded(image, kind))
    assert opened.mode == "RGB"
    assert opened.size == (20, 10)


def test_cmyk_keeps_its_colour():
    red, green, blue = open_image(encoded(picture().convert("CMYK"), "JPEG", quality=95)).getpixel((5, 5))
    assert red > 150
    assert max(green, blue) < 100


def test_16_bit_grey_is_scaled_not_clipped():
    ramp = Image.fromarray(np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(4, 0))
    values = np.asarray(open_image(encoded(ramp, "PNG")))[0, :, 0]
    assert abs(int(values[128]) - 128) <= 1
    assert (np.diff(values.astype(int)) >= 0).all()


def test_transparency_is_flattened_on_white():
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert open_image(encoded(clear, "PNG")).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0] * 256)
    assert open_image(encoded(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


def test_exif_turns_the_picture():
    image = Image.new("RGB", (40, 20), "white")
    image.paste(RED, (0, 0, 10, 20))
    exif = Image.Exif()
    exif[274] = 6  # to be turned a quarter clockwise: what was left comes to the top
    opened = open_image(encoded(image, "JPEG", exif=exif, quality=95))
    assert opened.size == (20, 40)
    assert opened.getpixel((10, 2))[1] < 100
    assert opened.getpixel((10, 35))[1] > 200


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations_show_their_first_frame(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    red, _, blue = open_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:])).getpixel((8, 8))
    assert red > 200
    assert blue < 60


def test_huge_jpeg_is_decoded_small():
    opened = open_image(encoded(Image.new("L", (4000, 3000), 90), "JPEG"), max_pixels=1_000_000)
    assert opened.size == (1000, 750)


def test_jpeg_may_be_decoded_small_but_not_too_small():
    y, x = np.mgrid[:1500, :2000]
    photo = Image.fromarray(np.stack([x / 8, y / 6, 128 + 60 * np.sin(x / 90)], -1).astype(np.uint8))
    data = encoded(photo, "JPEG", quality=95)
    small, whole = open_image(data, min_side=640), open_image(data)
    assert small.size == (1000, 750)
    assert whole.size == (2000, 1500)
    difference = np.abs(np.asarray(fit(small, 64), dtype=int) - np.asarray(fit(whole, 64), dtype=int))
    assert difference.max() <= 4
    assert open_image(encoded(photo, "PNG"), min_side=64).size == (2000, 1500)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000), (3, 200), (32, 32), (500, 333)])
def test_fit_takes_any_size(size):
    for how in ("crop", "squash"):
        assert fit(Image.new("RGB", size, RED), 32, how).size == (32, 32)
        assert fit(Image.new("RGB", size, RED), 32, how).getpixel((16, 16)) == RED


def test_crop_keeps_the_middle_and_squash_keeps_all():
    image = Image.new("RGB", (90, 30), "white")
    image.paste(RED, (0, 0, 30, 30))
    assert fit(image, 30, "crop").getpixel((3, 15)) == (255, 255, 255)
    assert fit(image, 30, "squash").getpixel((3, 15)) == RED


def test_unknown_fit():
    with pytest.raises(ValueError, match="how must be"):
        fit(picture(), 8, "stretch")


def test_tensor_range_and_round_trip():
    black_white = [Image.new("RGB", (8, 8), "black"), Image.new("RGB", (50, 9), "white")]
    x = to_tensor(black_white, 8)
    assert x.shape == (2, 3, 8, 8)
    assert (x[0] == -1).all()
    assert (x[1] == 1).all()
    assert to_tensor([], 8).shape == (0, 3, 8, 8)
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(from_bytes(pixels)), pixels)
    assert to_images(to_tensor([picture()], 8))[0].getpixel((3, 3)) == RED
