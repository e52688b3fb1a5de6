"""Mash-ups of flags: whose layout, whose palette, whose emblem."""

import numpy as np
import pytest

from betwixt import flags, mashups

KNOWN = {flag.code: flag for flag in flags.read()}


def test_whose_layout_whose_palette_whose_emblem():
    new = mashups.mash_up(KNOWN["fr"], KNOWN["sn"], KNOWN["jp"])
    assert (new.code, new.layout) == ("fr+sn+jp", "vertical bands")
    picture = np.asarray(flags.draw(new))
    left, right = (tuple(picture[4, x].tolist()) for x in (10, 85))
    assert {left, right} <= {*KNOWN["sn"].palette}
    assert tuple(picture[32, 48].tolist()) != tuple(picture[4, 48].tolist())  # the disc
    bare = np.asarray(flags.draw(mashups.mash_up(KNOWN["fr"], KNOWN["sn"])))
    assert tuple(bare[32, 48].tolist()) == tuple(bare[4, 48].tolist())


def test_an_emblem_goes_where_the_first_has_its_own():
    new = mashups.mash_up(KNOWN["pt"], KNOWN["de"], KNOWN["vn"])
    assert (new.emblem.x, new.emblem.y) == (KNOWN["pt"].emblem.x, KNOWN["pt"].emblem.y)
    assert new.emblem.commands[0][0] == "star"
    assert mashups.mash_up(KNOWN["se"], KNOWN["de"], KNOWN["vn"]).emblem is None  # a cross has no room


def test_colours_that_are_missing_can_be_told_from_the_others():
    new = mashups.mash_up(KNOWN["mu"], KNOWN["pl"])  # four bands, two colours
    picture = np.asarray(flags.draw(new)).astype(int)
    bands = [picture[y, 48] for y in (8, 24, 40, 56)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(bands) for b in bands[:i]]
    assert min(apart) > mashups.APART
    assert {tuple(band.tolist()) for band in bands} > {*KNOWN["pl"].palette}


def test_mash_ups_are_new_and_the_same_for_the_same_seed():
    made = [*mashups.mash_ups([*KNOWN.values()], 60, seed=3)]
    assert [flag.code for flag in made[:20]] == [flag.code for flag in mashups.mash_ups([*KNOWN.values()], 20, seed=3)]
    assert made[0] != next(mashups.mash_ups([*KNOWN.values()], 1, seed=4))
    pictures = np.stack([np.asarray(flags.draw(flag)).astype(int) for flag in (*KNOWN.values(), *made)])
    for i in range(len(KNOWN), len(pictures)):
        assert abs(pictures[:i] - pictures[i]).mean((1, 2, 3)).min() > 3
    for flag in made:
        layout, palette, *_ = flag.code.split("+")
        assert flag.field == KNOWN[layout].field
        assert layout != palette


def test_too_few_designs():
    with pytest.raises(ValueError, match="2 designs give no more than"):
        list(mashups.mash_ups([KNOWN["pl"], KNOWN["jp"]], 50))
