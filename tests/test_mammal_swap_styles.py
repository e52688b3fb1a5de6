"""Mammal Swap's StyleGAN2s through its API: blends of styles, directions, films, inversion, waiting and giving up."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from spaces_fixtures import MAMMALS_SPACE, STYLEGANS

from betwixt import StyleGAN2Generator
from betwixt.directions import read_directions
from betwixt.images import to_images

EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))
REFUSED = (AppError, ValueError)


@pytest.fixture(scope="session")
def styles_client(styles_site):
    return Client(styles_site.url, verbose=False)


@pytest.fixture(scope="session")
def generator(styles_hub) -> StyleGAN2Generator:
    return StyleGAN2Generator.from_pretrained(styles_hub / "models" / STYLEGANS[0])


def opened(file) -> np.ndarray:
    with Image.open(file if isinstance(file, str) else file["path"]) as picture:
        return np.asarray(picture.convert("RGB"), dtype=float)


def apart(file, picture: Image.Image) -> float:
    return np.abs(opened(file) - np.asarray(picture, dtype=float)).max()


def blend(client: Client, **arguments):
    return client.predict(**arguments, api_name="/blend_styles")


def test_the_ends_are_what_the_generator_draws_of_the_seeds(styles_client, generator):
    breed = generator.class_names[0]
    first = generator.generate([5], 0.8, {breed: 1.0})[0]
    (second,) = generator.generate([9], 0.8)
    wanted = {"first_seed": 5, "second_seed": 9, "first_breed": breed, "truncation_psi": 0.8}
    for share, expected in ((0, first), (1, second)):
        picture, film, known = blend(styles_client, share=share, **wanted)
        assert film is None
        assert apart(picture, expected) <= 1
    assert known["breeds"] == generator.class_names
    assert (known["layers"][0], known["layers"][-1]) == (4, generator.img_resolution)
    every = [*range(generator.num_ws)]
    assert apart(blend(styles_client, share=1, layers=[], **wanted)[0], first) <= 1
    w = generator.mapping(*generator.latents([5], {breed: 1.0}), 0.8), generator.mapping(*generator.latents([9]), 0.8)
    mixed = torch.cat([w[0][:, :4], w[1][:, 4:]], 1)
    (expected,) = to_images(generator.synthesis(mixed))
    assert apart(blend(styles_client, share=1, layers=every[4:], **wanted)[0], expected) <= 1


def test_a_move_along_a_direction(styles_client, generator, styles_hub):
    directions = read_directions(styles_hub / "models" / STYLEGANS[0], generator)
    w = generator.mapping(*generator.latents([3]), 0.7)
    (expected,) = to_images(generator.synthesis(directions[0].moved(w, 1.5)))
    name = directions[0].names.get("en", "1")
    for key in (name, "1"):
        picture, _, known = blend(styles_client, first_seed=3, share=0, moves={key: 1.5})
        assert known["directions"][0] == name
        assert apart(picture, expected) <= 1


def test_a_film_of_styles_and_the_other_generator(styles_client, styles_hub):
    other = StyleGAN2Generator.from_pretrained(styles_hub / "models" / STYLEGANS[1])
    _, film, known = blend(styles_client, generator=STYLEGANS[1], frames=4, kind="gif")
    assert (known["breeds"], len(known["layers"])) == (other.class_names, other.num_ws)
    if not read_directions(styles_hub / "models" / STYLEGANS[1], other):
        assert known["directions"][:2] == ["1", "2"]  # principal ones
    with Image.open(film) as shown:
        assert (shown.format, shown.n_frames) == ("GIF", 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"generator": "stylegan3"}, "Generator must be one of mammals-stylegan2, pets-stylegan2, not 'stylegan3'"),
        ({"generator": ["x"]}, "Generator must be one of"),
        ({"first_seed": 1.5}, "First_seed must be a whole number, not 1.5"),
        ({"second_seed": -1}, "A seed must be a whole number from 0 to 2147483647, not -1"),
        ({"first_breed": "unicorn"}, "No class is called unicorn"),
        ({"share": "half"}, "Share must be from -1 to 2, not 'half'"),
        ({"truncation_psi": 7}, "Truncation_psi must be from 0 to 2, not 7"),
        ({"layers": [99]}, r"Layers must be numbers from 0 to \d+, not \[99\]"),
        ({"moves": {"Fly": 1}}, "Moves must name directions, of 1"),
        ({"moves": {"1": 99}}, "The move along 1 must be from -10 to 10, not 99"),
        ({"first_style": [[0.0]]}, r"A style must be \d+ lists of"),
        ({"frames": 900}, "Frames must be a whole number from 0 to 60"),
        ({"kind": "mp4"}, "Kind must be one of webp, gif"),
    ],
)
def test_blends_of_styles_that_there_are_not(styles_client, arguments, message):
    with pytest.raises(REFUSED, match=message):
        blend(styles_client, **arguments)


def test_a_picture_is_found_and_becomes_an_end(styles_client, generator):
    job = styles_client.submit(handle_file(str(EXAMPLES[0])), steps=24, api_name="/invert")
    drawn, found = job.result(timeout=120)
    losses = [told["loss"] for _, told in job.outputs() if told["ahead"] == 0]
    assert losses[-1] < losses[0]
    assert (found["step"], found["steps"], len(found["style"])) == (24, 24, generator.num_ws)
    picture, *_ = blend(styles_client, first_style=found["style"], share=0)
    assert np.abs(opened(picture) - opened(drawn)).max() <= 1


def test_pictures_that_cannot_be_looked_for(styles_client, bad_files, styles_site):
    for file in bad_files:
        with pytest.raises(REFUSED) as caught:
            styles_client.predict(handle_file(str(file)), api_name="/invert")
        assert str(file.parent) not in str(caught.value)
    good = handle_file(str(EXAMPLES[0]))
    for arguments, message in (
        ({"photo": None}, "no picture"),
        ({"photo": {"path": str(styles_site.log_file)}}, r"uploaded|upstream"),
        ({"photo": good, "space": "z"}, r"Space must be one of w, w\+, not 'z'"),
        ({"photo": good, "steps": 0}, "Steps must be a whole number from 1 to 1000, not 0"),
        ({"photo": good, "generator": "none"}, "Generator must be one of"),
    ):
        with pytest.raises(REFUSED, match=message):
            styles_client.predict(**arguments, api_name="/invert")


def test_a_long_search_blocks_nobody_is_given_up_and_too_many_are_refused(styles_site, styles_client):
    picture = handle_file(str(EXAMPLES[1]))
    clients = [Client(styles_site.url, verbose=False) for _ in range(6)]
    jobs = [client.submit(picture, steps=1000, api_name="/invert") for client in clients]
    wait_for(lambda: sum(job.done() for job in jobs) == 1)  # five may be there: one looks, four wait
    refused = next(job for job in jobs if job.done())
    with pytest.raises(AppError, match="Too many are waiting: 4 others"):
        refused.result()
    start = time.monotonic()
    assert blend(styles_client)[0]
    assert time.monotonic() - start < 20
    assert not any(job.done() for job in jobs if job is not refused)
    for job in jobs:
        job.cancel()
    _, found = styles_client.predict(picture, steps=2, api_name="/invert")  # its turn, since nobody is left
    assert found["step"] == 2
    assert time.monotonic() - start < 60


def wait_for(met, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_where_no_generator_is_published_there_is_no_choice(tmp_path):
    code = "import app; print([fn.api_name for fn in app.build_demo().fns.values()])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BETWIXT_NAMESPACE": "nobody", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        cwd=MAMMALS_SPACE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "'blend'" in done.stdout
    assert "'blend_styles'" not in done.stdout
    assert "'invert'" not in done.stdout


def test_a_line_lets_one_in_at_a_time(launch):
    module = launch.load_space(MAMMALS_SPACE)
    line = sys.modules[f"{module.__name__}.line"].Line(1)
    with line.place() as first:
        assert first() == 0
        with line.place() as second:
            assert second() == 1
            with pytest.raises(ValueError, match="Too many are waiting: 1 others"), line.place():
                pass
        with pytest.raises(RuntimeError), line.place():
            raise RuntimeError
        with line.place() as third:
            assert third() == 1
    with line.place() as next_one:
        assert next_one() == 0
    crowd = Crowd(sys.modules[f"{module.__name__}.line"].Line(20))
    assert crowd.most == 1


class Crowd:
    """Ten visitors at once; `most` of them had their turn at the same time."""

    def __init__(self, line):
        self.line, self.inside, self.most = line, 0, 0
        threads = [threading.Thread(target=self.visit) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def visit(self) -> None:
        with self.line.place() as ahead:
            while ahead():
                time.sleep(0.001)
            self.inside += 1
            self.most = max(self.most, self.inside)
            time.sleep(0.002)
            self.inside -= 1
