"""The autoencoder's contracts: shapes, ranges, the same to the bit after saving, and pictures of any kind."""

import pytest
import torch
from PIL import Image

from betwixt import ConvAutoencoder

SMALL = {"base_channels": 4, "latent_dim": 6}


def model_of(**arguments) -> ConvAutoencoder:
    """A small one whose residual blocks do something, as after training."""
    torch.manual_seed(0)
    model = ConvAutoencoder(**{**SMALL, **arguments}).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [
        Image.effect_noise((50, 80), 90),
        Image.new("RGBA", (1, 1), (9, 9, 9, 0)),
        Image.new("CMYK", (300, 10)),
        Image.new("I;16", (20, 20), 30_000),
        Image.new("P", (7, 9)),
    ]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"blocks": 0}, {"blocks": 3}, {"image_size": 64, "downsamplings": 4}, {"image_size": 24, "base_channels": 2}],
    ids=str,
)
def test_there_and_back_saved_and_loaded(arguments, pictures, tmp_path):
    model = model_of(**arguments)
    size = model.image_size
    x = torch.rand(2, 3, size, size) * 2 - 1
    z = model.encode(x)
    assert z.shape == (2, 6)
    assert model.decode(z).shape == x.shape
    assert torch.equal(model(x), model.decode(z))
    assert model.decode(z * 1000).abs().max() <= 1
    model.save_pretrained(tmp_path)
    loaded = ConvAutoencoder.from_pretrained(tmp_path)
    assert not loaded.training
    assert torch.equal(loaded(x), model(x))
    assert torch.equal(loaded.embed(pictures), model.embed(pictures))


def test_pictures_of_any_kind(pictures):
    model = model_of()
    latents, drawn = model.embed(pictures), model.reconstruct(pictures)
    assert latents.shape == (5, 6)
    assert latents.dtype == torch.float32
    torch.testing.assert_close(latents.norm(dim=1), torch.ones(5))
    assert {(picture.mode, picture.size) for picture in drawn} == {("RGB", (32, 32))}
    assert model.embed([]).shape == (0, 6)
    assert model.reconstruct([]) == []
    many = [pictures[i % 5] for i in range(130)]
    torch.testing.assert_close(model.embed(many), latents.repeat(26, 1))
    assert len(model.reconstruct(many)) == 130


def test_blocks_are_the_depth_and_begin_as_nothing():
    def convolutions(blocks: int) -> int:
        modules = ConvAutoencoder(**SMALL, blocks=blocks).modules()
        return sum(isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)) for module in modules)

    assert [convolutions(blocks) for blocks in (0, 1, 4)] == [6, 6 + 12, 6 + 48]
    block = ConvAutoencoder(**SMALL).encoder[0][1]
    x = torch.rand(2, 4, 8, 8)
    assert torch.equal(block(x), x)


def test_whitening_changes_the_latents_and_not_the_pictures():
    model, x = model_of(), torch.rand(200, 3, 32, 32) * 2 - 1
    before, latents = model(x), model.encode(x)
    model.whiten(latents, shrinkage=0.0)
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=0)
    z = model.encode(x)
    assert not torch.allclose(z, latents)
    torch.testing.assert_close(z.mean(0), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(6), atol=1e-2, rtol=0)
    model = model_of()
    model.whiten(latents)
    covariance = torch.cov(model.encode(x).T)
    variances = torch.linalg.eigvalsh(torch.cov(latents.T)).flip(0)
    expected = torch.diag(variances / (variances + 0.3 * variances.mean()))  # small ones stay small
    torch.testing.assert_close(covariance, expected, atol=1e-2, rtol=0)


def test_form_and_colours_are_parts_of_the_latent(pictures, tmp_path):
    model = model_of(form_dim=4)
    x = torch.rand(300, 3, 32, 32) * 2 - 1
    before = model(x)
    model.whiten(model.encode(x), shrinkage=0.0)
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=0)
    z = model.encode(x)
    for part in (z[:, :4], z[:, 4:]):
        torch.testing.assert_close(torch.cov(part.T), torch.eye(part.shape[1]), atol=1e-2, rtol=0)
    form, color, both = (model.embed(pictures, part=part) for part in ("form", "color", "all"))
    assert (form.shape, color.shape, both.shape) == ((5, 4), (5, 2), (5, 6))
    assert torch.equal(model.embed(pictures), form)
    torch.testing.assert_close(torch.nn.functional.normalize(both[:, :4], dim=1), form)
    assert model.embed([], part="color").shape == (0, 2)
    model.save_pretrained(tmp_path)
    assert torch.equal(ConvAutoencoder.from_pretrained(tmp_path).embed(pictures), form)
    with pytest.raises(ValueError, match="part must be one of form, color, all, not 'colour'"):
        model.embed(pictures, part="colour")
    with pytest.raises(ValueError, match="does not tell form from colour"):
        model_of().embed(pictures, part="form")


def test_all_of_a_picture_where_it_is_squashed():
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (0, 0, 100, 100))
    cropped, squashed = (model_of(fit=how).embed([wide]) for how in ("crop", "squash"))
    assert not torch.allclose(cropped, squashed)
    torch.testing.assert_close(model_of().embed([wide.resize((32, 32))]), squashed, atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form_dim": 6}, "form_dim must be a whole number from 1 to 5, not 6"),
        ({"form_dim": 0}, "form_dim must be a whole number from 1 to 5, not 0"),
        ({"fit": "stretch"}, "fit must be one of crop, squash, not 'stretch'"),
        ({"image_size": 36}, "image_size 36 cannot be halved 3 times"),
        ({"image_size": 32, "downsamplings": 6}, "cannot be halved 6 times"),
        ({"image_size": 4}, "image_size must be a whole number of at least 8, not 4"),
        ({"image_size": 32.0}, "image_size must be a whole number"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"base_channels": 1}, "base_channels"),
        ({"blocks": -1}, "blocks"),
        ({"blocks": True}, "blocks"),
        ({"downsamplings": 0}, "downsamplings"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvAutoencoder(**{**SMALL, **arguments})
