"""Which features separate what: the table of a planted dataset, and what cannot be asked."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import in_process
from evaluate_clusters import questions
from tables import encode, write_dataset

from betwixt import VAE, ImageClassifier
from betwixt.collection import Collection

BREEDS = {"pug": (200, 60, 60), "siamese": (60, 200, 60), "sphynx": (60, 60, 200)}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Breeds that are colours, of any pose; the networks tiny and vae, which have learned nothing."""
    folder = tmp_path_factory.mktemp("clusters")
    random = np.random.default_rng(0)
    rows = []
    for number in range(60):
        colour = [*BREEDS.values()][number % 3] + random.integers(-20, 20, (16, 16, 3))
        columns = {"yaw": float(random.uniform(-45, 45)), "background": "plain", "group": number // 2}
        rows.append({"image": encode(colour.astype(np.uint8)), "label": number % 3, **columns})
    splits = {"train": rows[:12], "test": rows[12:]}
    write_dataset(folder / "runs" / "datasets" / "colours", splits, [*BREEDS], "# card")
    torch.manual_seed(0)
    tiny = ImageClassifier(architecture="cnn", class_names=["a"], image_size=16, base_channels=4)
    tiny.save_pretrained(folder / "tiny")
    vae = VAE(image_size=16, base_channels=4, latent_dim=8)
    vae.save_pretrained(folder / "vae")
    return folder


def test_what_is_planted_is_found(project, run_recipe):
    options = ["--dataset", "colours", "--features", "tiny:0", "vae", "--seeds", "1", "--output", "table.json"]
    run_recipe(project, "evaluate_clusters.py", *options)
    table = json.loads((project / "table.json").read_text())["colours"]
    assert (table["pictures"], table["splits"]) == (48, "test")
    assert table["kinds"] == {"species": 2, "breed": 3, "yaw": 3}  # one background, and no pitch
    assert [*table["features"]] == ["tiny:0", "vae", "raw pixels", "random numbers"]
    pixels, chance = table["features"]["raw pixels"], table["features"]["random numbers"]
    assert pixels["hdbscan"] == {"clusters": 3, "in none": 0.0}
    known = pixels["questions"]["breed"]
    for figures in (known, known["hdbscan"]):
        assert figures["purity"] == {"value": 1.0, "low": 1.0, "high": 1.0}
        assert figures["adjusted mutual information"]["value"] == pytest.approx(1.0)
    assert known["neighbour purity"]["value"] == 1.0
    for figures in (pixels["questions"]["yaw"], chance["questions"]["breed"], chance["questions"]["yaw"]):
        of_chance = figures["adjusted mutual information"]
        assert of_chance["low"] < of_chance["value"] < of_chance["high"]
        assert of_chance["low"] < 0 < of_chance["high"] < 0.5
        assert figures["purity"]["value"] > 1 / 3  # whatever the clusters are
        assert figures["neighbour purity"]["value"] < 0.6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vae:0", "vae is a VAE: only of an ImageClassifier can a layer be chosen"),
        ("tiny:head", "cnn has no layer 'head': there are"),
        ("mixed", "mixed is a ConditionalGAN, which has no features to compare"),
    ],
)
def test_what_gives_no_features_gets_one_line(project, name, message):
    (project / "mixed").mkdir(exist_ok=True)
    (project / "mixed" / "config.json").write_text('{"model_class": "ConditionalGAN"}')
    with pytest.raises(SystemExit, match=f"error: {message}"):
        in_process(project, "evaluate_clusters", "--dataset", "colours", "--features", name, "--splits", "all")


def test_questions_are_of_what_is_known_of_all():
    def asked(**columns) -> dict:
        return questions(Collection([b""] * 4, [""] * 4, [""] * 4, [0, 0, 1, 1], ["pug", "disc"], columns))

    assert [*asked()] == ["breed"]  # a disc is of no species
    assert asked(yaw=[-15.1, -15.0, 15.0, 15.1])["yaw"].tolist() == ["left", "ahead", "ahead", "right"]
    assert asked(pitch=[-40.0, 0.0, 0.0, 40.0])["pitch"].tolist() == ["down", "ahead", "ahead", "up"]
    assert [*asked(yaw=[None, 1.0, 20.0, 0.0], background=["room"] * 4)] == ["breed"]
