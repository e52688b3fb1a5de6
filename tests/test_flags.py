"""Flags by construction: the grammar, its data file, and how like the real flags they look."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from betwixt import flags, metrics

LINE = "xx | Somewhere | 3:2 | plain with emblem | ff0000 ffffff | {} | .5 .5 .2: {}\n"


@pytest.fixture(scope="module")
def known() -> dict[str, flags.Flag]:
    return {flag.code: flag for flag in flags.read()}


def drawn(tmp_path, field: str = "", emblem: str = "", size=(96, 64)) -> np.ndarray:
    file = tmp_path / "flags.txt"
    file.write_text(LINE.format(field, emblem or "disc 0 0 0 .1"))
    return np.asarray(flags.draw(flags.read(file)[0], size))


def share(picture: np.ndarray, color: tuple[int, int, int]) -> float:
    return float((picture == color).all(2).mean())


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("h 0 1", 0.5),
        ("v 0 1*3", 0.75),
        ("rect 1 0 0 .5 .5", 0.25),
        ("polygon 1 0 0 1 0 0 1", 0.5),
        ("triangle 1 .5", 0.25),
        ("cross 1 .2", 0.2 * 2 / 3 + 0.2 - 0.04 * 2 / 3),
        ("disc 1 .5 .5 .3", np.pi * 0.09 / 1.5),
        ("disc 1 .5 .5 .3 0 180", np.pi * 0.09 / 3),
        ("ring 1 .5 .5 .4 .2", np.pi * (0.16 - 0.04) / 1.5),
        ("border 1 .1", 1 - 0.8 * (1 - 0.2 / 1.5)),
        ("wave 1 .5 .3 .1 3", 0.3),
        ("teeth 1 .5 5 .2", 0.4),
        ("crescent 1 .5 .5 .4 0 .5", np.pi * (0.16 - 0.04) / 1.5),
        ("crescent 1 .5 .5 .4 3 1", np.pi * 0.16 / 1.5),
    ],
)
def test_commands_fill_what_they_say(tmp_path, command, expected):
    picture = drawn(tmp_path, command, size=(384, 256))
    white = picture.astype(float)[..., 1].mean() / 255
    assert white == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize(
    "command", ["saltire 1 .2", "diagonal 1 .2", "union 0 0 1 1 0 1 0", "star 1 .5 .5 .4", "sun 1 .5 .5 .4 12"]
)
def test_what_is_symmetric_stays_so(tmp_path, command):
    picture = drawn(tmp_path, command).astype(int)
    assert abs(picture - picture[::-1, ::-1]).mean() < (6 if command[:3] != "sta" else 40)
    assert 0.05 < (picture[..., 1] / 255).mean() < 0.7


def test_every_command_paints_and_is_used(tmp_path, known):
    used = {
        name for flag in known.values() for name, _ in (*flag.field, *(flag.emblem.commands if flag.emblem else ()))
    }
    assert used == {*flags.COMMANDS}
    plain = drawn(tmp_path)
    for name in ("shield", "leaf", "tree", "bird", "beast"):
        assert 0.01 < (drawn(tmp_path, emblem=f"{name} 1 0 0 1") != plain).any(2).mean() < 0.08


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("xx | X | 3:2 | plain", "flags.txt, line 1, xx: needs code | name"),
        (LINE.format("blob 1", "disc 1 0 0 1"), "line 1, xx, field: there is no command 'blob'"),
        (LINE.format("disc 1 0", "disc 1 0 0 1"), "xx, field: 'disc' takes 4 numbers or more"),
        (LINE.format("cross 2 .1", "disc 1 0 0 1"), "xx, field: 'cross' asks for a colour that is not among the 2"),
        (LINE.format("cross 1 wide", "disc 1 0 0 1"), "xx, field: could not convert"),
        (LINE.format("", "star 1 0"), "xx, emblem: 'star' takes"),
        (LINE.format("", "").replace("ffffff", "fff"), "xx, palette: 'fff' is no colour"),
        (LINE.format("", "").replace("3:2", "wide"), "xx, ratio: "),
        (LINE.format("", "").replace("3:2", "nan:2"), "xx, ratio: 'nan:2' is no ratio"),
        (LINE.format("", "").replace("3:2", "0:2"), "xx, ratio: '0:2' is no ratio"),
        (LINE.format("", "").replace("ff0000 ffffff", ""), "xx, palette: there is no colour"),
        (LINE.format("h 0 inf 1 1", ""), "xx, field: 'h' takes finite numbers"),
        (LINE.format("polygon 0 0 0 1 1 0 1 1", ""), "xx, field: 'polygon' takes places in pairs"),
        (LINE.format("", "") * 2, "line 2, xx, code: it is there already"),
        ("xx | X | = yy\n", "xx, ratio: there is no flag 'yy'"),
    ],
)  # fmt: skip
def test_a_fault_names_the_flag_and_the_field(tmp_path, text, message):
    file = tmp_path / "flags.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        flags.read(file)


def test_labels_are_many_enough(known):
    designs = [flag for flag in known.values() if not flag.same_as]
    assert len(designs) >= 190
    assert min(Counter(flag.layout for flag in designs).values()) >= 6
    assert known["mq"].layout == known["fr"].layout == "vertical bands"
    assert (np.asarray(flags.draw(known["no"])) == np.asarray(flags.draw(known["sj"]))).all()


def test_palettes_have_names(known):
    for code, label in (("fr", "red+blue+white"), ("jp", "white"), ("se", "yellow+blue"), ("ie", "orange+green+white")):
        assert flags.palette_label(known[code]) == label
    for color, name in (
        ((200, 16, 46), "red"),
        ((250, 20, 120), "red"),
        ((128, 0, 128), "violet"),
        ((90, 90, 90), "black"),
    ):
        assert flags.color_name(color) == name
    assert flags.areas(known["pl"]).tolist() == [0.5, 0.5]
    labels = Counter(flags.palette_label(flag) for flag in known.values() if not flag.same_as)
    assert sum(count for count in labels.values() if count >= 4) > 0.75 * sum(labels.values())


def test_flags_look_like_the_real_ones(known, photos):
    files = sorted((photos / "flags").glob("*.png"))
    assert {file.stem for file in files} == {*known}
    similar = []
    for file in files:
        flag = known[file.stem]
        if not flag.same_as:
            with Image.open(file) as picture:
                real = picture.convert("RGB").resize(flags.SIZE, Image.Resampling.LANCZOS)
            pair = [
                torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1
                for image in (flags.draw(flag), real)
            ]
            similar.append(metrics.structural_similarity(*pair).item())
    assert np.median(similar) > 0.9
    assert np.quantile(similar, 0.1) > 0.75
