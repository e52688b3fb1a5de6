"""Embedding a collection gives the same index however it was made: killed, by two processes, among bad files."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, TWO_PROCESSES
from PIL import Image

from betwixt import ImageClassifier
from betwixt.search import EmbeddingIndex

SCRIPT = ROOT / "training" / "make_index.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with an encoder and 95 pictures of five places."""
    folder = tmp_path_factory.mktemp("indexes")
    torch.manual_seed(0)
    ImageClassifier(architecture="cnn", class_names=["any"], base_channels=4).save_pretrained(folder / "encoder")
    random = np.random.default_rng(0)
    for number in range(95):
        file = folder / "photos" / f"place {number % 5}" / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(file)
    return folder


def command(name: str, *options: str) -> list[str]:
    source = ["--source", "folder", "photos", "--encoder", "encoder", "--shard-size", "10"]
    return [str(SCRIPT), "--name", name, *source, *options]


def made(
    place: Path, name: str, *options: str, launch=(), fails: bool = False, timeout: float = 300
) -> subprocess.CompletedProcess:
    arguments = [sys.executable, *launch, *command(name, *options)]
    done = subprocess.run(arguments, cwd=place, env=environment(), capture_output=True, text=True, timeout=timeout)
    assert (done.returncode != 0) == fails, done.stderr[-2000:]
    return done


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def straight(place) -> EmbeddingIndex:
    made(place, "straight")
    return EmbeddingIndex.from_pretrained(place / "runs" / "indexes" / "straight")


def test_every_picture_is_there_as_it_was_embedded(place, straight):
    files = sorted((place / "photos").rglob("*.png"))
    assert straight.ids == [file.relative_to(place / "photos").as_posix() for file in files]
    assert straight.columns["place"] == [file.parent.name for file in files]
    assert straight.encoder == "encoder"
    pictures = [Image.open(file) for file in files]
    expected = ImageClassifier.from_pretrained(place / "encoder").embed(pictures)
    torch.testing.assert_close(straight.embeddings, expected, rtol=1e-4, atol=1e-5)


def test_killed_and_started_again_it_is_the_same(place, straight):
    folder = place / "runs" / "indexes" / "killed"
    process = subprocess.Popen(
        [sys.executable, *command("killed")], cwd=place, env=environment(), stderr=subprocess.DEVNULL
    )
    while not (folder / "shard-00001.safetensors").exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    early = {file: file.stat().st_mtime_ns for file in folder.glob("*.safetensors")}
    assert early
    (folder / "shard-00001.safetensors").write_bytes(b"half a file")  # as a disk that was full leaves it
    made(place, "killed")
    kept = [file for file, when in early.items() if file.stat().st_mtime_ns == when]
    assert folder / "shard-00000.safetensors" in kept
    resumed = EmbeddingIndex.from_pretrained(folder)
    assert resumed.ids == straight.ids
    assert torch.equal(resumed.embeddings, straight.embeddings)


def test_two_processes_share_the_work(place, straight):
    made(place, "two", launch=TWO_PROCESSES)
    two = EmbeddingIndex.from_pretrained(place / "runs" / "indexes" / "two")
    assert two.ids == straight.ids
    assert torch.equal(two.embeddings, straight.embeddings)


def test_a_dataset_and_an_index_beside_it(place, run_recipe):
    run_recipe(
        place, "make_clocks_crocodiles.py", "--source", "folder", "photos", "--name", "own",
        "--class-names", "place 0", "place 1", "--textures", "0",
    )  # fmt: skip
    made(place, "own", "--source", "dataset", "own", "--publish")
    index = EmbeddingIndex.from_pretrained(place / "runs" / "indexes" / "own")
    assert {identity.split("/")[0] for identity in index.ids} == {"train", "test"}
    assert sorted(set(index.columns["place"])) == ["place 0", "place 1"]
    assert len(index) == 38
    published = EmbeddingIndex.from_pretrained(place / "runs" / "datasets" / "own" / "index" / "encoder")
    assert (published.ids, published.encoder) == (index.ids, "encoder")
    step = index.embeddings.abs().amax(1, keepdim=True) / 127  # of the 8 bits that it is stored in
    assert ((published.embeddings - index.embeddings).abs() <= step).all()
    made(place, "tests", "--source", "dataset", "own", "--split", "test")
    tests = EmbeddingIndex.from_pretrained(place / "runs" / "indexes" / "tests")
    assert tests.ids == [identity for identity in index.ids if identity.startswith("test/")]


def test_bad_files_are_named_and_left_out(place, bad_files, tmp_path):
    for number, file in enumerate(bad_files):
        target = tmp_path / "photos" / "place" / f"bad-{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(file).read_bytes())
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photos" / "place" / "good.png")
    done = made(place, "bad", "--source", "folder", str(tmp_path / "photos"), "--shard-size", "1")
    index = EmbeddingIndex.from_pretrained(place / "runs" / "indexes" / "bad")
    assert index.ids == ["place/good.png"]
    assert done.stderr.count("skipped place/bad-") == len(bad_files)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--source", "folder", "nowhere"), "nowhere: no pictures"),
        (("--source", "photos"), "--source must be folder PATH, dataset NAME or hub ID"),
        (("--encoder", "nobody"), "nobody"),
        (("--publish",), "--publish needs a --source dataset"),
        (("--encoder", "encoder#nothing"), "no layer 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(place, options, message):
    error = made(place, "faulty", *options, fails=True).stderr.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


def test_another_encoder_does_not_continue_it(place, straight):
    torch.manual_seed(1)
    ImageClassifier(architecture="cnn", class_names=["any"], base_channels=4).save_pretrained(place / "other")
    error = made(place, "straight", "--encoder", "other", fails=True).stderr
    assert "was begun with other settings (encoder, weights)" in error
    recipe = json.loads((place / "runs" / "indexes" / "straight" / "recipe.json").read_text())
    assert recipe["encoder"] == "encoder"


@pytest.mark.slow
def test_a_hundred_thousand_pictures_in_two_gibibytes(place, tmp_path):
    files = sorted((place / "photos").rglob("*.png"))
    for number in range(100_000):
        file = tmp_path / f"{number % 100}" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        os.link(files[number % len(files)], file)
    made(place, "many", "--source", "folder", str(tmp_path), "--shard-size", "2000", timeout=3000)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 2 << 30  # of the largest so far
