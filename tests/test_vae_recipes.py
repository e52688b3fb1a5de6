"""The recipe of the variational autoencoder: its loss against the closed form, the digits, and the measure."""

import json
import math

import pytest
import torch
from conftest import in_process
from loop import last_checkpoint
from PIL import Image
from tables import read_dataset
from torch import nn
from train_vae import Recipe, make_loss

from betwixt import VAE

FEW = ["--dataset", "digits", "--preset", "digits", "--image-size", "8", "--hidden-dim", "32", "--steps", "6"]
PLAIN = ["--architecture", "conv", "--base-channels", "4", "--downsamplings", "2"]
PLAIN += ["--no-conditional", "--free-bits", "0.1"]
FIGURES = {"held-out error (mean square, of -1 to 1)": 3, "class by a linear probe": 3, "nats of the latent": 1}


class Fixed(nn.Module):
    """Answers what it is given, whatever it sees."""

    def __init__(self, *answer: torch.Tensor):
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.labels = labels
        return self.answer


@pytest.mark.parametrize(("least", "nats"), [(0.0, 0.25 + (math.e - 2) / 2), (0.3, 0.3 + (math.e - 2) / 2)])
def test_the_loss_is_its_closed_form(least, nats):
    """Black pictures (-1) drawn as -0.5: a mean square of a quarter; two latents, in each another divergence."""
    model = Fixed(
        torch.full((2, 3, 8, 8), -0.5), torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0]] * 2)
    )
    recipe = Recipe(name="", augmentation=0.0, beta=2.0, free_bits=least)
    value, shown = make_loss(recipe, 2)(model, torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([1, 0]))
    assert value.item() == pytest.approx(math.log(0.25) / 2 + 2 * nats / 192)
    assert shown["error"].item() == pytest.approx(0.25)
    assert shown["nats"].item() == pytest.approx(0.25 + (math.e - 2) / 2)  # as they are, free or not
    assert model.labels.tolist() == [[0, 1], [1, 0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_recipe):
    """A folder with runs/datasets/digits, and a few steps of each form: runs/mlp, and without classes runs/conv."""
    folder = tmp_path_factory.mktemp("digits")
    run_recipe(folder, "make_digits.py", "--name", "digits")
    run_recipe(folder, "train_vae.py", "--name", "mlp", *FEW)
    in_process(folder, "train_vae", "--name", "conv", *FEW, *PLAIN)
    return folder


def test_digits(folder):
    tables = [read_dataset(str(folder / "runs/datasets/digits"), split, 16) for split in ("train", "test")]
    assert sum(map(len, tables)) == 1797
    assert 0.15 < len(tables[1]) / 1797 < 0.25
    for table in tables:
        assert table.class_names[:2] == ["zero", "one"]
        assert len(table.labels.unique()) == len(table.class_names) == 10
        assert table.pixels.amin((1, 2, 3)).max() == 0  # white on black
    of_zeros, of_ones = (tables[0].pixels[tables[0].labels == label].float().mean((0, 1)) for label in (0, 1))
    assert of_zeros[8, 8] < 60 < 150 < of_ones[8, 8]


@pytest.mark.parametrize(("name", "classes"), [("mlp", 10), ("conv", 0)])
def test_both_forms_train_on_digits(folder, name, classes):
    checkpoint = last_checkpoint(folder / "runs" / name)
    metrics = json.loads((checkpoint / "metrics.json").read_text())
    assert 0 < metrics["held_out_error"] < 2
    model = VAE.from_pretrained(checkpoint / "model")
    assert (model.config["architecture"], len(model.class_names)) == (name, classes)
    (sheet,) = (folder / "runs" / name / "samples").glob("*.png")
    assert Image.open(sheet).size == (8 * 18 - 2, (classes + 1) * 18 - 2)


@pytest.mark.parametrize("name", ["mlp", "conv"])
def test_the_measure(folder, name, capsys):
    in_process(folder, "evaluate_vae", "--model", name, "--dataset", "digits", "--output", "table.json")
    table = json.loads((folder / "table.json").read_text())
    assert json.loads(capsys.readouterr().out) == table
    figures = table["results"]["digits"]
    assert figures.pop("pictures") > 300
    for figure, rows in FIGURES.items():
        assert sum(key.startswith(figure) for key in figures) == rows
    assert all(row["low"] <= row["value"] <= row["high"] for row in figures.values())
    own, of_pca, of_mean = (figures[key]["value"] for key in figures if key.startswith("held-out error"))
    trained = json.loads((last_checkpoint(folder / "runs" / name) / "metrics.json").read_text())
    assert own == pytest.approx(trained["held_out_error"], rel=1e-3)
    assert of_pca < of_mean
    assert figures["class by a linear probe of raw pixels"]["value"] > 0.9
