"""Twins of flags in other colours: the form stays, the colours do not."""

import numpy as np
import pytest
import torch
from PIL import Image
from recoloring import APART, colors_apart, main_colors, recolored

from betwixt import flags, plain_features
from betwixt.images import to_tensor

KNOWN = {flag.code: flag for flag in flags.read()}


def alike(features, one: Image.Image, other: Image.Image) -> float:
    first, second = (features(to_tensor([picture], 64, "squash")) for picture in (one, other))
    return float((first @ second.T).squeeze())


@pytest.mark.parametrize("code", ["fr", "jp", "gb", "za", "br", "us"])
def test_the_form_stays_and_the_colours_do_not(code):
    flag = flags.draw(KNOWN[code], (192, 128))
    twin = recolored(flag, np.random.default_rng(1))
    assert twin.size == flag.size
    assert alike(plain_features.edges, flag, twin) > 0.93
    others = [recolored(flag, np.random.default_rng(seed)) for seed in range(6)]
    assert np.mean([alike(plain_features.color_histogram, flag, other) for other in others]) < 0.6
    again = recolored(flag, np.random.default_rng(1))
    assert twin.tobytes() == again.tobytes()
    assert twin.tobytes() != recolored(flag, np.random.default_rng(2)).tobytes()


def test_main_colours_are_the_flags_colours():
    found = {tuple(color) for color in main_colors(flags.draw(KNOWN["de"])).round().astype(int).tolist()}
    assert found == {*KNOWN["de"].palette}
    assert len(main_colors(Image.new("RGB", (40, 40), (10, 200, 30)))) == 1
    noise = Image.fromarray(torch.randint(0, 256, (40, 40, 3), dtype=torch.uint8).numpy())
    assert 1 < len(main_colors(noise)) <= 6


def test_a_picture_of_one_colour_gets_another():
    twin = recolored(Image.new("RGB", (30, 20), (10, 200, 30)), np.random.default_rng(0))
    assert len(twin.getcolors()) == 1
    assert twin.getpixel((0, 0)) != (10, 200, 30)


def test_colours_are_apart_or_nearly():
    random = np.random.default_rng(0)
    few = np.array(colors_apart(3, random), dtype=float)
    assert min(np.linalg.norm(few[i] - few[j]) for i in range(3) for j in range(i)) > 0.6 * APART
    assert len({*colors_apart(30, random)}) == 30
