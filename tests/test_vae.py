"""The variational autoencoder in both forms, told of classes or not: shapes, what is saved, and what is drawn."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image
from torch import nn

from betwixt import VAE
from betwixt.generation import shares_of
from betwixt.hub import HubError
from betwixt.layers import Down, Up

NAMES = ["clock", "crocodile"]
FORMS = {
    "conv": {"image_size": 16, "base_channels": 4, "latent_dim": 6, "downsamplings": 2},
    "mlp": {"architecture": "mlp", "image_size": 10, "hidden_dim": 24, "latent_dim": 6, "blocks": 2},
}


def model_of(form: str, class_names: list[str] | None = None) -> VAE:
    torch.manual_seed(0)
    model = VAE(class_names=class_names, **FORMS[form]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)  # what begins as nothing would make every test pass
    return model


def pixels(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image) for image in images]).astype(int)


@pytest.fixture(params=[*FORMS])
def form(request) -> str:
    return request.param


@pytest.fixture(params=[None, NAMES], ids=["no classes", "classes"])
def names(request) -> list[str] | None:
    return request.param


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [
        Image.effect_noise((50, 80), 90),
        Image.new("RGBA", (1, 1), (9, 9, 9, 0)),
        Image.new("CMYK", (300, 10)),
        Image.new("I;16", (20, 20), 30_000),
        Image.new("P", (7, 9)),
    ]


def test_there_and_back_saved_and_loaded_to_the_bit(form, names, pictures, tmp_path):
    model = model_of(form, names)
    x = torch.rand(3, 3, model.image_size, model.image_size) * 2 - 1
    labels = shares_of(torch.tensor([0, 1, 0]), len(names or []))
    x_hat, mean, log_variance = model(x, labels)
    assert x_hat.shape == x.shape
    assert mean.shape == log_variance.shape == (3, 6)
    assert model.decode(1000 * mean, labels).abs().max() <= 1
    model.save_pretrained(tmp_path)
    loaded = VAE.from_pretrained(tmp_path)
    assert loaded.config == model.config
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
    assert torch.equal(loaded.decode(mean, labels), model.decode(mean, labels))
    assert torch.equal(loaded.embed(pictures), model.embed(pictures))


def test_networks_of_older_configs_are_convolutional(tmp_path):
    model = model_of("conv", NAMES)
    model.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text())
    del config["architecture"], config["hidden_dim"]
    file.write_text(json.dumps(config))
    loaded = VAE.from_pretrained(tmp_path)
    assert loaded.config["architecture"] == "conv"
    assert (pixels(loaded.generate(count=2)) == pixels(model.generate(count=2))).all()
    del config["blocks"]
    file.write_text(json.dumps(config))
    with pytest.raises(HubError, match=r"missing arguments of VAE \(1\): blocks"):
        VAE.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["clocks-crocodiles-vae", "clocks-crocodiles-vae-photos"])
def test_published_ones_still_load(name):
    model = VAE.from_pretrained(ROOT / "hub_upload/models" / name)
    assert pixels(model.generate(count=1)).std() > 10


def test_the_convolutional_form_begins_as_it_always_did():
    """Against the layers written out: the same names, and the same random numbers in the same order."""
    torch.manual_seed(0)
    model = VAE(class_names=NAMES, **FORMS["conv"])
    torch.manual_seed(0)
    encoder = nn.Sequential(Down(3, 4, 1), Down(4, 8, 1), nn.Flatten(), nn.Linear(8 * 4 * 4, 12))
    prior = nn.Linear(2, 6, bias=False)
    decoder = nn.Sequential(nn.Linear(8, 8 * 4 * 4), nn.Unflatten(1, (8, 4, 4)), Up(8, 4, 1), Up(4, 3, 1), nn.Tanh())
    written = nn.ModuleDict({"encoder": encoder, "prior": prior, "decoder": decoder})
    assert model.state_dict().keys() == written.state_dict().keys()
    assert all(torch.equal(value, written.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("blocks", "sizes"), [(0, [(300, 12)]), (2, [(300, 24), (24, 24), (24, 12)])])
def test_hidden_layers_of_the_fully_connected_form(blocks, sizes):
    model = VAE(**{**FORMS["mlp"], "blocks": blocks})

    def linear(part: nn.Module) -> list[tuple[int, int]]:
        return [(layer.in_features, layer.out_features) for layer in part if isinstance(layer, nn.Linear)]

    assert linear(model.encoder) == sizes
    mirrored = [(size_out, size_in) for size_in, size_out in reversed(sizes)]
    assert linear(model.decoder) == [(6, mirrored[0][1]), *mirrored[1:]]


def test_reconstructions_of_pictures_of_any_kind(form, names, pictures):
    model = model_of(form, names)
    drawn = model.reconstruct(pictures)
    assert {(picture.mode, picture.size) for picture in drawn} == {("RGB", (model.image_size,) * 2)}
    assert model.reconstruct([]) == []
    assert model.embed([]).shape == (0, 6)
    many = model.reconstruct([pictures[i % 5] for i in range(45)])
    assert abs(pixels(many[:5]) - pixels(drawn)).max() <= 1  # batches round differently
    assert len(many) == 45


def test_reconstructions_of_a_class(form, pictures):
    model = model_of(form, NAMES)
    middle, half, clocks = (
        pixels(model.reconstruct(pictures, weights)) for weights in (None, {"clock": 2, "crocodile": 2}, {"clock": 1})
    )
    assert (middle == half).all()
    assert (middle != clocks).any()
    with pytest.raises(ValueError, match="no class is called house"):
        model.reconstruct(pictures, {"house": 1})


def test_without_labels_all_classes_are_the_same(form):
    model, x = model_of(form, NAMES), torch.zeros(2, 3, FORMS[form]["image_size"], FORMS[form]["image_size"])
    torch.manual_seed(1)
    x_hat, mean, _ = model(x)
    torch.manual_seed(1)
    expected, expected_mean, _ = model(x, torch.full((2, 2), 0.5))
    assert torch.equal(x_hat, expected)
    assert torch.equal(mean, expected_mean)


def test_samples(form, names):
    model = model_of(form, names)
    drawn = pixels(model.sample(4, seed=7))
    assert drawn.shape == (4, model.image_size, model.image_size, 3)
    assert abs(drawn[1:] - pixels(model.sample(3, seed=8))).max() <= 1  # each has its own seed
    assert len({picture.tobytes() for picture in drawn}) == 4
    for wrong in ({"count": 0}, {"seed": -1}):
        with pytest.raises(ValueError, match="must be a whole number"):
            model.sample(**wrong)
    if names:
        assert (drawn == pixels(model.generate(None, 4, seed=7))).all()
    else:
        with pytest.raises(ValueError, match="trained without classes"):
            model.generate()
        with pytest.raises(ValueError, match="no class is called clock: there are none"):
            model.reconstruct([], {"clock": 1})


def test_shares_of_labels():
    assert shares_of(torch.tensor([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert shares_of(torch.tensor([1, 0]), 0).shape == (2, 0)
