"""Mammal Swap's swaps through its API: what is drawn, what judges say, turned heads, and what bad input gets."""

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from spaces_fixtures import MAMMALS_SPACE, STYLEGANS, SWAPPERS

from betwixt import IdentityPoseSwapper
from betwixt.directions import read_directions
from betwixt.images import open_image, to_images, to_tensor

EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))
REFUSED = (AppError, ValueError)


@pytest.fixture(scope="session")
def swaps_client(swaps_site):
    return Client(swaps_site.url, verbose=False)


@pytest.fixture(scope="session", params=SWAPPERS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def swapper(swaps_hub, name) -> IdentityPoseSwapper:
    return IdentityPoseSwapper.from_pretrained(swaps_hub / "models" / name)


def opened(file) -> np.ndarray:
    with Image.open(file if isinstance(file, str) else file["path"]) as picture:
        return np.asarray(picture.convert("RGB"), dtype=float)


def swap(client: Client, first, second, **arguments):
    files = [file if file is None else handle_file(str(file)) for file in (first, second)]
    return client.predict(*files, **arguments, api_name="/swap")


def test_a_swap_is_what_the_network_draws_and_is_judged(swaps_client, swapper, name):
    picture, said = swap(swaps_client, EXAMPLES[0], EXAMPLES[1], network=name)
    (expected,) = swapper.swap([open_image(EXAMPLES[0])], [open_image(EXAMPLES[1])])
    assert np.abs(opened(picture) - np.asarray(expected, dtype=float)).max() <= 1
    assert [*said] == ["identity", "attributes", "swap"]
    for one in said.values():
        assert 0 < one["probability"] <= 1
        assert {*one["pose"]} == {"yaw", "pitch", "tilt"}
    assert "strange" not in said["swap"]
    strange = swapper.strangeness(to_tensor([open_image(EXAMPLES[0])], 64)) > swapper.familiar
    assert said["identity"]["strange"] == bool(strange)
    other, _ = swap(swaps_client, EXAMPLES[1], EXAMPLES[0], network=name)
    assert np.abs(opened(picture) - opened(other)).max() > 3


def test_a_head_is_turned_further(swaps_client, swaps_hub):
    model = IdentityPoseSwapper.from_pretrained(swaps_hub / "models" / SWAPPERS[0])
    directions = read_directions(swaps_hub / "models" / STYLEGANS[0], model.generator)
    turns = [one for one in directions if one.names and max(one.changes, key=lambda f: abs(one.changes[f])) == "yaw"]
    if not turns:
        with pytest.raises(REFUSED, match="does not know how to turn a head"):
            swap(swaps_client, EXAMPLES[0], EXAMPLES[1], turn=1.0)
        return
    picture, _ = swap(swaps_client, EXAMPLES[0], EXAMPLES[1], turn=1.0)
    w = model.encode(*([open_image(file)] for file in EXAMPLES[:2]))
    (expected,) = to_images(model.generator.synthesis(turns[0].moved(w, 1.0)))
    assert np.abs(opened(picture) - np.asarray(expected, dtype=float)).max() <= 1


def test_pictures_that_cannot_be_swapped(swaps_client, bad_files, odd_files):
    for file in bad_files:
        for pair in ((file, EXAMPLES[0]), (EXAMPLES[0], file)):
            with pytest.raises(REFUSED) as caught:
                swap(swaps_client, *pair)
            assert str(file.parent) not in str(caught.value)
    for file in odd_files:
        if file.name in ("one_pixel.png", "line.png"):
            with pytest.raises(REFUSED, match="24 by 24 are needed"):
                swap(swaps_client, file, EXAMPLES[0])
        else:
            assert swap(swaps_client, file, EXAMPLES[0])[1]["identity"]["probability"] > 0
    for arguments, message in (
        ({"first": None, "second": EXAMPLES[0]}, "no picture"),
        ({"network": "faces"}, "network must be one of mammals-identity-pose, pets-identity-pose, not 'faces'"),
        ({"turn": 9}, "turn must be from -3 to 3, not 9"),
        ({"lift": "much"}, "lift must be from -3 to 3, not 'much'"),
    ):
        with pytest.raises(REFUSED, match=message):
            swap(swaps_client, **{"first": EXAMPLES[0], "second": EXAMPLES[1], **arguments})
