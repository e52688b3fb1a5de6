"""From a folder of places to encoders and what they find: the recipes as their users run them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from loop import last_checkpoint
from PIL import Image
from tables import joined, read_dataset

from betwixt import ImageClassifier
from betwixt.collection import read_collection

PLACES = ["arch", "bars", "cross", "disc"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, run_recipe) -> Path:
    """A folder with runs/datasets/places: four places of 14 pictures each, and copies of one that were dropped."""
    folder = tmp_path_factory.mktemp("places")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:48, :64]
    for name in PLACES:
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(14):
            cx, cy, size = random.uniform(22, 42), random.uniform(18, 30), random.uniform(8, 14)
            shape = {
                "arch": abs(np.hypot(x - cx, y - cy) - size) < 3,
                "bars": (abs(x - cx) < size) & ((x - cx) % 6 < 3),
                "cross": (abs(x - cx) < 3) | (abs(y - cy) < 3),
                "disc": np.hypot(x - cx, y - cy) < size,
            }[name]
            patches = random.integers(0, 150, (5, 7, 3), dtype=np.uint8)
            background = np.asarray(Image.fromarray(patches).resize((64, 48), Image.Resampling.BICUBIC), dtype=float)
            picture = background + shape[..., None] * 100
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / "photos" / name / f"{number:02}.png")
    first = Image.open(folder / "photos" / "disc" / "00.png")
    first.save(folder / "photos" / "disc" / "copy.jpg", quality=90)
    (folder / "photos" / "disc" / "broken.jpg").write_bytes(b"no picture")
    options = ["--name", "places", "--source", "folder", "photos", "--image-size", "32", "--quality", "100"]
    done = run_recipe(folder, "make_landmarks.py", *options)
    (folder / "said.txt").write_text(done.stdout + done.stderr)
    return folder


def test_near_duplicates_are_dropped_and_reported(project):
    said = (project / "said.txt").read_text()
    assert "2 pictures have near-duplicates, in 1 groups" in said
    assert "one of each group was kept, 56 of 57 pictures" in said
    assert "skipped photos/disc/broken.jpg" in said
    rows = read_collection(project / "runs" / "datasets" / "places")
    assert rows.class_names == PLACES
    assert len(rows) == 56
    assert rows.open(0).size == (43, 32)  # its own proportions
    assert {"train", "test"} == {*rows.splits}
    assert "2 pictures have near-duplicates" in (project / "runs" / "datasets" / "places" / "README.md").read_text()


def test_rendered_places_are_each_seen_as_often(tmp_path, run_recipe):
    options = ["--name", "rendered", "--count", "2", "--image-size", "32", "--excerpt", "few", "--excerpt-count", "1"]
    run_recipe(tmp_path, "make_landmarks.py", *options)
    rows = read_collection(tmp_path / "runs" / "datasets" / "rendered")
    assert sorted(rows.labels) == sorted([*range(len(rows.class_names))] * 2)
    assert len({*rows.columns["azimuth"]}) == 232  # no two from the same side
    assert set(rows.columns["structure"]) == {name.rpartition("_")[0] for name in rows.class_names}
    few = read_collection(tmp_path / "runs" / "datasets" / "few")
    assert sorted(few.labels) == [*range(116)]
    sides = dict(zip(rows.columns["azimuth"], rows.splits, strict=True))
    assert [sides[azimuth] for azimuth in few.columns["azimuth"]] == list(few.splits)
    assert (
        "an excerpt of what 2 of each place are, 1 of each"
        in (tmp_path / "runs" / "datasets" / "few" / "README.md").read_text()
    )


def train(run_recipe, project: Path, name: str, *options: str) -> ImageClassifier:
    settings = ["--name", name, "--dataset", "places", "--architecture", "cnn", "--base-channels", "8"]
    settings += ["--embedding-dim", "16", "--mixup", "0", "--cutout", "0", "--batch-size", "16"]
    run_recipe(project, "train_classifier.py", *settings, *options)
    return ImageClassifier.from_pretrained(last_checkpoint(project / "runs" / name) / "model")


@pytest.fixture(scope="module")
def encoder(project, run_recipe) -> ImageClassifier:
    return train(run_recipe, project, "encoder", "--steps", "60", "--margin", "0.1", "--pooling", "gem")


def test_an_encoder_learns_to_search(project, run_recipe, encoder):
    assert (encoder.config["embedding_dim"], encoder.config["pooling"]) == (16, "gem")
    table = evaluate(
        run_recipe, project, "published", "--encoders", "encoder", "--dataset", "places", "--against", "raw pixels"
    )["places"]
    assert table["pictures"] == 56
    assert {*table["places"]} == {"seen"}
    asked = [split for split in read_collection(project / "runs" / "datasets" / "places").splits if split == "test"]
    assert table["places"]["seen"]["asked"] == len(asked)
    rows = table["places"]["seen"]["encoders"]
    learned, raw = rows["encoder"], rows["raw pixels"]
    assert learned["mAP"]["value"] > raw["mAP"]["value"] + 0.1
    assert learned["mAP more than raw pixels"]["value"] == pytest.approx(learned["mAP"]["value"] - raw["mAP"]["value"])
    assert 0 <= learned["MAP at R"]["low"] <= learned["MAP at R"]["value"] <= learned["mAP"]["high"]


def test_an_encoder_is_published_with_what_it_finds(project, run_recipe):
    model = train(run_recipe, project, "three", "--steps", "20", "--without", "disc")
    assert model.class_names == PLACES[:3]
    run_recipe(project, "publish.py", "three", "three", "--dataset", "places", "--search", "--output", "published")
    wrong = ["--name", "none", "--dataset", "places", "--without", "tower"]
    assert (
        "--without tower: there are no such classes"
        in run_recipe(project, "train_classifier.py", *wrong, check=False).stderr
    )
    assert ImageClassifier.from_pretrained(project / "published" / "three").class_names == model.class_names
    card = (project / "published" / "three" / "README.md").read_text()
    metadata = yaml.safe_load(card.split("---")[1])
    assert metadata["pipeline_tag"] == "image-feature-extraction"
    found = {metric["name"]: metric for metric in metadata["model-index"][0]["results"][0]["metrics"]}
    assert {"mAP, seen places", "mAP, unseen places", "mAP, unseen places (raw pixels)"} <= {*found}
    assert found["recall at 1, unseen places"]["type"] == "recall_at_1_unseen_places"
    assert "model.embed([image])" in card


def evaluate(run_recipe, project: Path, *options: str) -> dict:
    run_recipe(project, "evaluate_search.py", *options, "--output", "table.json")
    return json.loads((project / "table.json").read_text())


def test_places_are_held_out(project, run_recipe, photos):
    weights = photos / "imagenet_squeezenet" / "squeezenet1_0.pth"
    options = ["unseen", "--dataset", "places", "--weights", str(weights), "--image-size", "32", "--num-folds", "2"]
    table = evaluate(run_recipe, project, *options, "--recipes", "scratch")["places"]
    assert (table["pictures"], table["places"]) == (56, 4)
    assert "mAP among these places alone more than backbone" in table["encoders"]["scratch"]
    assert {*table["encoders"]} >= {"raw pixels", "backbone", "backbone, whitened within places", "scratch"}
    assert table["encoders"]["scratch"]["mAP"]["low"] > 0
    for fold, places in enumerate([["bars", "disc"], ["arch", "cross"]]):
        run = last_checkpoint(project / "runs" / "unseen_places" / "places" / f"scratch-fold{fold}")
        assert ImageClassifier.from_pretrained(run / "model").class_names == places
    wrong = run_recipe(project, "evaluate_search.py", *options, "--recipes", "nothing", check=False)
    assert wrong.stderr.splitlines()[-1].startswith("error: no recipe nothing: choose of")


def test_datasets_of_different_places_are_joined(project, run_recipe, monkeypatch):
    other = project / "photos2"
    if not other.exists():
        (other / "disc").parent.mkdir(parents=True)
        (project / "photos" / "disc").rename(other / "disc")
        (project / "photos" / "cross").rename(other / "other place")
    run_recipe(project, "make_landmarks.py", "--name", "more", "--source", "folder", "photos2", "--image-size", "32")
    monkeypatch.chdir(project)
    tables = [read_dataset(name, "train", 32) for name in ("places", "more")]
    one, more = joined(tables)
    assert one.class_names == more.class_names == [*PLACES, "other place"]
    assert [more.class_names[label] for label in more.labels] == [
        tables[1].class_names[label] for label in tables[1].labels
    ]
    options = ["--name", "both", "--dataset", "places", "more", "--architecture", "cnn", "--steps", "1"]
    assert "datasets name different classes" in run_recipe(project, "train_classifier.py", *options, check=False).stderr
    run_recipe(project, "train_classifier.py", *options, "--join")
    model = ImageClassifier.from_pretrained(last_checkpoint(project / "runs" / "both") / "model")
    assert model.class_names == [*PLACES, "other place"]
