"""Latent Flags through its API: maps, neighbours and mash-ups, and what bad input gets."""

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from spaces_fixtures import FLAGS_PATH, FLAGS_SPACE, Site

from betwixt import flags

EXAMPLES = sorted((FLAGS_SPACE / "examples").glob("*.png"))


@pytest.fixture(scope="session")
def flags_client(site):
    return Client(f"{site.url}{FLAGS_PATH}", verbose=False)


def test_maps_of_all_flags(flags_client):
    found = flags_client.predict("pixels", "form", api_name="/map")
    assert len(found["code"]) == len({*found["code"]}) == len(found["palette"]) == 240
    assert [len(positions) for positions in found["positions"]] == [240, 240]
    assert found["positions"] == flags_client.predict("pixels", "form", api_name="/map")["positions"]
    assert found["layout"][found["code"].index("no")] == "nordic cross"
    other = flags_client.predict("edges", "histogram", "flags", 5, api_name="/map")
    assert other["positions"][0] != found["positions"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pixel",), "flags can be compared by pixels, form"),
        (("pixels", "form", "all flags"), "collection must be one of flags"),
        ((["pixels"], "form"), "flags can be compared by"),
        (("pixels", "form", {"flags": 1}), "collection must be one of flags"),
        (("pixels", "form", "flags", 500), "perplexity must be from 5 to 80"),
    ],
)
def test_maps_that_there_are_not(flags_client, arguments, message):
    with pytest.raises((AppError, ValueError), match=message):
        flags_client.predict(*arguments, api_name="/map")


def test_neighbours_of_a_flag_and_of_a_picture(flags_client, published):
    found = flags_client.predict("fr", api_name="/neighbours")
    assert [*found] == ["pixels", "form", "colors"]
    for row in found.values():
        likeness = [flag["likeness"] for flag in row["flags"]]
        assert likeness == sorted(likeness, reverse=True)
        assert len(likeness) == 8
        assert "fr" not in [flag["code"] for flag in row["flags"]]
        assert row["far"] is False
    by_name = flags_client.predict("Martinique", api_name="/neighbours")  # which has the same flag
    assert by_name == found
    twin = flags_client.predict(picture=handle_file(str(EXAMPLES[1])), count=3, api_name="/neighbours")
    assert len(twin["form"]["flags"]) == 3
    if published:
        nearest = twin["form"]["flags"][0]
        assert {flag.code: flag.layout for flag in flags.read()}[nearest["code"]] == "saltire"
        assert nearest["likeness"] > 0.5


def test_what_is_no_flag_is_far_from_all(flags_client, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    found = flags_client.predict(picture=handle_file(str(tmp_path / "noise.png")), api_name="/neighbours")
    assert found["pixels"]["far"]
    assert max(flag["likeness"] for flag in found["pixels"]["flags"]) < 0.3


def test_every_call_works_as_documented(flags_client):
    assert len(flags_client.predict(api_name="/map")["positions"]) == 2
    assert flags_client.predict(api_name="/neighbours") == flags_client.predict("fr", api_name="/neighbours")
    _, parts = flags_client.predict(api_name="/mash_up")
    assert parts[-1] == {"latents": ["fr", "jp"], "share": 0.5}


def test_odd_pictures_are_placed_and_bad_ones_get_a_line(flags_client, odd_files, bad_files, tmp_path):
    for file in odd_files:
        found = flags_client.predict(picture=handle_file(str(file)), count=1, api_name="/neighbours")
        assert len(found["pixels"]["flags"]) == 1
    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.png")
    one_color = flags_client.predict(picture=handle_file(str(tmp_path / "red.png")), count=1, api_name="/neighbours")
    assert one_color["colors"]["flags"]
    for file in bad_files:
        with pytest.raises((AppError, ValueError)):
            flags_client.predict(picture=handle_file(str(file)), api_name="/neighbours")
    with pytest.raises((AppError, ValueError), match="no flag with the code 'xx'"):
        flags_client.predict("xx", api_name="/neighbours")
    with pytest.raises((AppError, ValueError), match="count must be a whole number from 1 to 50"):
        flags_client.predict("fr", count=0, api_name="/neighbours")


def test_mash_ups_of_two_and_of_three(flags_client):
    pictures, parts = flags_client.predict("fr", "jp", "", 0.25, api_name="/mash_up")
    assert len(pictures) == len(parts) == 3
    # France has no emblem to give: so Japan's, also upon its own layout, which without one would be a sheet of blue.
    assert parts[0] == {"layout": "fr", "palette": "jp", "emblem": "jp"}
    assert parts[1] == {"layout": "jp", "palette": "fr", "emblem": "jp"}
    assert parts[-1] == {"latents": ["fr", "jp"], "share": 0.25}
    assert pictures[1]["caption"] == "layout of Japan, colours of France, emblem of Japan"
    for shown in pictures[:2]:
        with Image.open(shown["image"]) as picture:
            assert picture.size == (288, 192)  # in their own proportions
            assert picture.convert("RGB").getpixel((144, 96)) != picture.convert("RGB").getpixel((144, 8))
    pictures, parts = flags_client.predict("cu", "jp", "ca", api_name="/mash_up")
    assert len({(part["layout"], part["palette"], part["emblem"]) for part in parts[:-1]}) == 6
    pictures, parts = flags_client.predict("jm", "no", api_name="/mash_up")
    assert parts[0] == {"layout": "jm", "palette": "no", "emblem": None}  # neither has one
    assert pictures[0]["caption"] == "layout of Jamaica, colours of Norway"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fr", "xx"), "no flag with the code 'xx'"),
        (("fr", "fr"), "different flags are needed"),
        (("fr", ""), "Two or three"),
        (("fr", "jp", "", 1.5), "share must be from 0 to 1"),
        ((["fr"], "jp"), "no flag with the code"),
    ],
)
def test_mash_ups_that_there_are_not(flags_client, arguments, message):
    with pytest.raises((AppError, ValueError), match=message):
        flags_client.predict(*arguments, api_name="/mash_up")


def test_without_its_models_and_flags_it_says_so(tmp_path):
    with Site(FLAGS_SPACE / "app.py", tmp_path, BETWIXT_NAMESPACE="nobody", HF_HOME=str(tmp_path)) as own:
        client = Client(own.wait().url, verbose=False)
        for name in ("/map", "/neighbours", "/mash_up"):
            with pytest.raises(AppError, match="could not be loaded; please come back later"):
                client.predict(api_name=name)
