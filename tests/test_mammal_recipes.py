"""From rendered and photographed heads to classifiers of breeds and autoencoders of all of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import evaluate_breeds
import numpy as np
import pytest
import safetensors.torch
import torch
import train_classifier
from conftest import ROOT, in_process
from loop import last_checkpoint
from perceptual import layers_of
from PIL import Image
from tables import NEITHER, ImageTable, concatenate, joined
from worlds.mammals import NAMES

from betwixt import VAE, ImageClassifier
from betwixt.collection import Collection, read_collection

PHOTOS = ["pug", "siamese", "sphynx"]
RENDERED = ["--count", "4", "--image-size", "32", "--excerpt", "few", "--excerpt-count", "2"]
IN_PARTS = "import rendering; rendering.PART = 16; import make_mammals; make_mammals.main()"
SQUEEZENET = "torchvision/squeezenet1_0"


def draw(folder: Path, kind: str, count: int, seed: int) -> None:
    """Pictures of 48x40 of discs, bars, crosses or of nothing, each on another background."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :48]
    for number in range(count):
        cx, cy = random.uniform(18, 30), random.uniform(14, 26)
        shape = {
            "pug": np.hypot(x - cx, y - cy) < 10,
            "siamese": abs(y - cy) < 4,
            "sphynx": (abs(x - cx) < 3) | (abs(y - cy) < 3),
            "thing": x < 0,
        }[kind]
        patches = Image.fromarray(random.integers(0, 150, (5, 6, 3), dtype=np.uint8))
        background = np.asarray(patches.resize((48, 40), Image.Resampling.BICUBIC), dtype=float)
        picture = (background + shape[..., None] * 100).clip(0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{number:02}.png")


def rows_of(project: Path, name: str) -> Collection:
    return read_collection(project / "runs" / "datasets" / name)


def model_of(project: Path, name: str) -> Path:
    return last_checkpoint(project / "runs" / name) / "model"


@pytest.fixture(scope="module")
def project(tmp_path_factory, run_recipe) -> Path:
    """A folder with the datasets mammals (rendered), few (an excerpt), heads (three breeds) and things (no breed)."""
    folder = tmp_path_factory.mktemp("mammals")
    run_recipe(folder, "make_mammals.py", "--name", "mammals", *RENDERED)
    for number, name in enumerate(PHOTOS):
        draw(folder / "photos" / name, name, 14, number)
    draw(folder / "others" / "thing", "thing", 14, len(PHOTOS))
    Image.open(folder / "photos" / "pug" / "00.png").save(folder / "photos" / "pug" / "copy.jpg", quality=90)
    (folder / "photos" / "pug" / "broken.jpg").write_bytes(b"no picture")
    for name, source in (("heads", "photos"), ("things", "others")):
        done = run_recipe(folder, "make_mammals.py", "--name", name, "--source", "folder", source, "--image-size", "32")
        (folder / f"{name}.txt").write_text(done.stdout + done.stderr)
    return folder


def test_every_breed_is_rendered_as_often(project):
    rows, few = rows_of(project, "mammals"), rows_of(project, "few")
    assert rows.class_names == few.class_names == sorted(NAMES)
    assert sorted(rows.labels) == sorted([*range(16)] * 4)
    assert sorted(few.labels) == sorted([*range(16)] * 2)
    assert {*rows.columns} >= {"species", "individual", "yaw", "pitch", "background", "pattern", "source", "group"}
    assert [rows.class_names[label] for label in rows.labels] == rows.columns["breed"]
    assert len({*rows.columns["individual"]}) == 64
    sides = dict(zip(rows.columns["individual"], rows.splits, strict=True))
    assert [sides[animal] for animal in few.columns["individual"]] == few.splits
    assert {*rows.splits} == {"train", "test"}
    cards = [(project / "runs" / "datasets" / name / "README.md").read_text() for name in ("mammals", "few")]
    assert "an excerpt of what 4 of each breed are, 2 of each" in cards[1]
    assert "excerpt" not in cards[0]


def test_photos_of_breeds_become_a_dataset(project):
    said = (project / "heads.txt").read_text()
    assert "one of each group was kept, 42 of 43 pictures" in said
    assert "skipped photos/pug/broken.jpg" in said
    rows = rows_of(project, "heads")
    assert rows.class_names == PHOTOS
    assert sorted(rows.labels) == sorted([*range(3)] * 14)
    assert {*rows.columns["source"]} == {"photos"}
    assert rows.open(0).size == (38, 32)  # its own proportions
    assert "Pictures of 3 breeds." in (project / "runs" / "datasets" / "heads" / "README.md").read_text()


def test_killed_and_run_again_it_is_the_same(project, tmp_path):
    """In parts of 16 pictures, which the pictures do not depend on."""
    command = [sys.executable, "-c", IN_PARTS, "--name", "mammals", *RENDERED]
    here = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'training'}"}}
    parts = tmp_path / "runs" / "datasets" / ".mammals.parts"
    process = subprocess.Popen(command, **here, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len([*parts.glob("[!.]*")]) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in parts.parent.iterdir()] == [parts.name]
    early = {path: path.stat().st_mtime_ns for path in parts.glob("[!.]*")}
    assert len(early) in (2, 3)
    again = subprocess.run(command, **here, check=True, capture_output=True, text=True)
    assert again.stderr.count("rendered ") == 4 - len(early)
    assert not parts.exists()
    for name in ("mammals", "few"):
        straight, killed = (folder / "runs" / "datasets" / name for folder in (project, tmp_path))
        files = [path.relative_to(straight) for path in straight.rglob("*.*")]
        assert len(files) == 3
        assert all((straight / file).read_bytes() == (killed / file).read_bytes() for file in files)


@pytest.fixture(scope="module")
def breeds(project, run_recipe) -> ImageClassifier:
    """The run "breeds": a tiny network that knows both datasets' breeds and things of neither."""
    options = ["--name", "breeds", "--dataset", "mammals", "heads", "--join", "--neither", "things", "--steps", "30"]
    options += ["--architecture", "cnn", "--base-channels", "8", "--embedding-dim", "16", "--batch-size", "16"]
    run_recipe(project, "train_classifier.py", *options)
    return ImageClassifier.from_pretrained(model_of(project, "breeds"))


def test_a_network_learns_the_breeds_of_both_and_neither(breeds):
    assert breeds.class_names == [*sorted(NAMES), *PHOTOS, NEITHER]
    assert breeds.config["embedding_dim"] == 16


def test_what_shows_neither_does_not_count_in_the_embedding():
    """It is fitted to the same weights with them and without; only its own direction is new."""
    random = torch.Generator().manual_seed(0)

    def table(count: int, names: list[str], source: str) -> ImageTable:
        pixels = torch.randint(0, 256, (count, 3, 16, 16), generator=random, dtype=torch.uint8)
        return ImageTable(pixels, torch.arange(count) % len(names), names, {"source": [source] * count})

    known = table(60, ["pug", "siamese"], "photos")
    with_things = concatenate(joined([known, table(40, [NEITHER], "things")]))
    fitted = []
    for pictures in (known, with_things):
        torch.manual_seed(0)
        network = {"architecture": "cnn", "base_channels": 4, "embedding_dim": 6, "image_size": 16}
        model = ImageClassifier(class_names=pictures.class_names, **network)
        train_classifier.fit_embedding(model, pictures)
        fitted.append(model)
    alone, beside = fitted
    assert torch.allclose(beside.embedding.weight, alone.embedding.weight, rtol=1e-4, atol=1e-4)
    assert torch.allclose(beside.embedding.bias, alone.embedding.bias, rtol=1e-4, atol=1e-4)
    assert torch.allclose(beside.head.weight[:2], alone.head.weight, atol=1e-4)
    assert beside.head.weight.norm(dim=1).tolist() == pytest.approx([1.0] * 3)


def test_breeds_are_measured(project, run_recipe, breeds):
    options = ["--model", "breeds", "--dataset", "mammals", "heads", "--others", "others", "--output", "table.json"]
    run_recipe(project, "evaluate_breeds.py", "checkpoint", *options)
    table = json.loads((project / "table.json").read_text())
    assert table["num_parameters"] == sum(p.numel() for p in breeds.parameters())
    rendered, heads = table["results"]["mammals"], table["results"]["heads"]
    assert rendered.pop("pictures") == rows_of(project, "mammals").splits.count("test")
    assert heads.pop("pictures") == rows_of(project, "heads").splits.count("test")
    assert {*rendered} - {*heads} == {"accuracy, turned by over 30 degrees"}
    assert {*heads} >= {"accuracy", "accuracy of the species", "accuracy at 64 pixels", "calibration error"}
    assert all(row["low"] <= row["high"] for row in (*rendered.values(), *heads.values()))
    assert 0 <= table["results"]["others/others"]["called neither"]["value"] <= 1


def test_frequent_breeds_are_asked_about_among_themselves():
    scores = torch.tensor([[0.1, 0.2, 0.7], [0.0, 0.0, 1.0], [0.3, 0.4, 0.3]])
    labels = torch.tensor([1, 2, 0])
    rows, hits = evaluate_breeds.among_frequent(scores, labels, torch.tensor([90, 50, 49]))
    assert (rows.tolist(), hits.tolist()) == ([0, 2], [1.0, 0.0])
    for sizes in ([90, 49, 49], [90, 50, 50]):  # nothing to choose from; no other
        assert evaluate_breeds.among_frequent(scores, labels, torch.tensor(sizes)) is None


@pytest.fixture(scope="module")
def squeezenet() -> ImageClassifier:
    torch.manual_seed(0)
    return ImageClassifier(architecture=SQUEEZENET, class_names=["any"], image_size=32).eval()


def test_recipes_for_photos_are_measured_by_folds(project, squeezenet):
    safetensors.torch.save_file(squeezenet.network.state_dict(), project / "weights.safetensors")
    options = ["--dataset", "heads", "--weights", "weights.safetensors", "--num-folds", "2", "--seeds", "1"]
    in_process(project, "evaluate_breeds", "folds", *options, "--output", "folds.json")
    table = json.loads((project / "folds.json").read_text())
    assert (table["pictures"], table["classes"], table["folds"], table["seeds"]) == (42, 3, 2, 1)
    probe, whitened = table["recipes"]["linear probe"], table["recipes"]["whitened"]
    assert {*probe} == {"accuracy"}  # no breed has many pictures
    gain = whitened["gain on linear probe"]["value"]
    assert gain == pytest.approx(whitened["accuracy"]["value"] - probe["accuracy"]["value"])
    run = project / "runs" / "breeds-folds" / "heads" / "whitened-seed0-fold1"
    assert ImageClassifier.from_pretrained(last_checkpoint(run) / "model").class_names == PHOTOS
    with pytest.raises(SystemExit, match="error: no recipe nothing: choose of"):
        in_process(project, "evaluate_breeds", "folds", *options, "--recipes", "nothing")


def test_the_layers_of_squeezenet(tmp_path, squeezenet):
    squeezenet.save_pretrained(tmp_path / "network")
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    maps = layers_of(str(tmp_path / "network"))(x)
    assert [tuple(found.shape) for found in maps] == [(2, 96, 29, 29), (2, 256, 14, 14), (2, 512, 7, 7), (2, 512, 3, 3)]
    squeezenet.network.classifier[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    seen: list[torch.Tensor] = []
    with torch.inference_mode():
        squeezenet.network(((x + 1) / 2 - squeezenet.mean) / squeezenet.std)
    assert torch.allclose(maps[-1], seen[0], atol=1e-4)


def test_an_autoencoder_of_all_breeds(project, squeezenet):
    squeezenet.save_pretrained(project / "network")
    options = ["--dataset", "mammals", "heads", "--join", "--no-conditional", "--image-size", "32", "--steps", "4"]
    options += ["--base-channels", "4", "--latent-dim", "8", "--downsamplings", "3", "--batch-size", "8"]
    in_process(project, "train_vae", "--name", "plain", *options)
    perceptual = ["--perceptual", "0.1", "--perceptual-model", "network"]
    in_process(project, "train_vae", "--name", "seeing", *options, *perceptual)
    for name in ("plain", "seeing"):
        model = VAE.from_pretrained(model_of(project, name))
        assert model.class_names == []
        metrics = json.loads((model_of(project, name).parent / "metrics.json").read_text())
        assert 0 < metrics["held_out_error"] < 2
    weights = [safetensors.torch.load_file(model_of(project, n) / "model.safetensors") for n in ("plain", "seeing")]
    assert weights[0].keys() == weights[1].keys()  # the network stays where it was
    assert not torch.equal(weights[0]["decoder.0.weight"], weights[1]["decoder.0.weight"])
    with pytest.raises(SystemExit, match="datasets name different classes"):
        in_process(project, "train_vae", "--name", "apart", *[o for o in options if o != "--join"])


def test_examples_of_swaps_and_their_targets(tmp_path):
    in_process(tmp_path, "make_swap_examples", "--output", "made", "--breeds", "corgi", "husky", "--image-size", "64")
    files = sorted(file.relative_to(tmp_path / "made").as_posix() for file in (tmp_path / "made").rglob("*.*"))
    assert files == ["00_corgi.png", "01_husky.png", "targets/00_01.webp", "targets/01_00.webp"]
    sides = [Image.open(tmp_path / "made" / file).size for file in files]
    assert sides == [(64, 64), (64, 64), (32, 32), (32, 32)]
