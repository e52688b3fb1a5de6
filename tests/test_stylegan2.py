"""StyleGAN2: equal to what the official networks give, its layers to naive forms, to the bit when saved and loaded."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from betwixt import StyleGAN2Generator
from betwixt.hub import HubError
from betwixt.layers import EqualizedLinear, smooth
from betwixt.stylegan2 import StyleGAN2Discriminator, SynthesisLayer, ToRGB, doubled

SMALL = {"z_dim": 8, "w_dim": 12, "img_resolution": 16, "channel_base": 64, "channel_max": 8, "mapping_layers": 2}
NAMES = ["cat", "dog", "fox"]


def model_of(**changes) -> StyleGAN2Generator:
    torch.manual_seed(0)
    model = StyleGAN2Generator(**{**SMALL, **changes}).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                parameter += 0.1 * torch.randn_like(parameter)  # what begins as nothing would make every test pass
        model.mapping.w_avg.normal_()
    return model


def far(got: torch.Tensor, expected: torch.Tensor) -> float:
    return ((got - expected).abs().max() / expected.abs().max()).item()


@pytest.fixture(params=["uncond", "cond"], scope="module")
def official(request, photos):
    """(arguments, state dict with prefixes, what was computed) of an official network."""
    folder = photos / "stylegan2_reference"
    return (
        json.loads((folder / f"{request.param}_init_kwargs.json").read_text()),
        load_file(folder / f"{request.param}_weights.safetensors"),
        load_file(folder / f"{request.param}_expected.safetensors"),
    )


def fill(model: torch.nn.Module, weights: dict[str, torch.Tensor], prefix: str) -> torch.nn.Module:
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    model.load_state_dict({name: value for name, value in own.items() if not name.endswith("resample_filter")})
    return model.eval().requires_grad_(False)


def test_equal_to_the_official_networks(official):
    arguments, weights, expected = official
    sizes = {key: arguments[key] for key in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")}
    widths = {key: arguments["synthesis_kwargs"][key] for key in ("channel_base", "channel_max", "conv_clamp")}
    generator = fill(
        StyleGAN2Generator(**sizes, **widths, mapping_layers=arguments["mapping_kwargs"]["num_layers"]),
        weights,
        "G_ema.",
    )
    discriminator = fill(StyleGAN2Discriminator(sizes["c_dim"], sizes["img_resolution"], 3, **widths), weights, "D.")
    c = expected.get("c") if arguments["c_dim"] else None
    w = generator.mapping(expected["z"], c)
    truncated = generator.mapping(expected["z"], c, truncation_psi=0.5, truncation_cutoff=6)
    images = {key: value for key, value in expected.items() if value.shape[-1] == 64}
    assert far(w, expected["w"]) < 1e-6
    assert far(truncated, expected["w_truncated"]) < 1e-6
    assert len(images) == 3
    got = {
        "const": generator.synthesis(w),
        "truncated": generator.synthesis(truncated),
        "none": generator.synthesis(w, noise_mode="none"),
    }
    for image in images.values():
        assert min(far(mine, image) for mine in got.values()) < 1e-5
    assert far(discriminator(got["const"], c), expected["logits"]) < 1e-5
    assert far(generator(expected["z"], c), got["const"]) == 0


def test_upsampling_is_zeros_between_and_a_filter():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 5)
    spread = torch.zeros(2, 3, 10, 10)
    spread[:, :, ::2, ::2] = x
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    naive = F.conv2d(F.pad(spread, (2, 1, 2, 1)), (4 * line[:, None] * line).expand(3, 1, 4, 4), groups=3)
    assert torch.allclose(doubled(x), naive, atol=1e-6)
    assert torch.allclose(smooth(torch.ones(1, 1, 8, 8), padding=0), torch.ones(1, 1, 5, 5))


@pytest.mark.parametrize("up", [False, True])
def test_modulation_is_a_convolution_of_its_own_for_each_picture(up):
    torch.manual_seed(0)
    layer = SynthesisLayer(6, 4, 5, 16 if up else 8, None, up=up)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 5)
    style = layer.affine(w)
    for one in range(3):
        weight = layer.weight * style[one, None, :, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).add(1e-8).sqrt()
        if up:
            spread = torch.zeros(1, 6, 17, 17)
            spread[:, :, 1::2, 1::2] = x[one]
            # A transposed convolution: that with the mirrored kernel, of what has zeros between.
            naive = smooth(F.conv2d(F.pad(spread, (1, 1, 1, 1)), weight.flip(2, 3)), gain=4)
        else:
            naive = F.conv2d(x[one : one + 1], weight, padding=1)
        naive = F.leaky_relu(naive, 0.2) * 2**0.5
        assert torch.allclose(layer(x[one : one + 1], w[one : one + 1], "none"), naive, atol=1e-5)
        assert torch.allclose(layer(x, w, "none")[one], naive[0], atol=1e-5)


def test_layers_are_of_unit_deviation_at_the_start():
    torch.manual_seed(0)
    x, w = torch.randn(64, 64, 8, 8), torch.randn(64, 32)
    layer, picture = SynthesisLayer(64, 64, 32, 8, None), ToRGB(64, 3, 32, None)
    torch.nn.init.zeros_(layer.affine.weight), torch.nn.init.zeros_(picture.affine.weight)
    assert 0.8 < layer(x, w, "none").square().mean().sqrt() < 1.2
    assert 0.8 < picture(x, w).std() < 1.2
    assert 0.8 < EqualizedLinear(64, 64, rate=0.01)(w.repeat(1, 2)).std() < 1.2


def test_truncation_noise_and_styles_of_each_layer():
    model = model_of()
    z = torch.randn(2, 8)
    w = model.mapping(z)
    assert torch.equal(model.mapping(z, truncation_psi=0), model.mapping.w_avg.expand_as(w))
    half = model.mapping(z, truncation_psi=0.5, truncation_cutoff=2)
    assert torch.equal(half[:, 2:], w[:, 2:])
    assert torch.allclose(half[:, :2], (model.mapping.w_avg + w[:, :2]) / 2)
    assert torch.equal(model.synthesis(w), model.synthesis(w[:, 0]))
    assert torch.equal(model(z), model(z))
    assert not torch.equal(model(z, noise_mode="random"), model(z, noise_mode="random"))
    assert not torch.equal(model(z, noise_mode="none"), model(z))
    mixed = torch.cat([w[:1, :4], w[1:, 4:]], 1)
    assert not torch.equal(model.synthesis(mixed), model.synthesis(w[:1]))


def test_a_seed_is_a_picture_whatever_else_is_drawn():
    model = model_of(c_dim=3, class_names=NAMES)
    pictures = [np.asarray(picture).astype(int) for picture in model.generate([3, 7, 3])]
    assert pictures[0].shape == (16, 16, 3)
    assert abs(pictures[0] - pictures[2]).max() == 0
    assert abs(pictures[0] - np.asarray(model.generate([3])[0])).max() <= 1
    assert abs(pictures[0] - pictures[1]).mean() > 1
    dog = model.generate([3], weights={"dog": 1.0})[0]
    assert np.array_equal(dog, model.generate([3], weights={"dog": 2})[0])
    assert not np.array_equal(dog, model.generate([3], weights={"dog": 1, "cat": 1})[0])


def test_save_and_load_to_the_bit(tmp_path):
    model = model_of(c_dim=3, class_names=NAMES, conv_clamp=256.0)
    model.save_pretrained(tmp_path)
    loaded = StyleGAN2Generator.from_pretrained(tmp_path)
    z, c = torch.randn(2, 8), torch.eye(3)[:2]
    assert torch.equal(model(z, c, 0.7), loaded(z, c, 0.7))
    assert loaded.class_names == NAMES
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "img_resolution": 48}))
    with pytest.raises(HubError, match="img_resolution must be a power of 2 from 8 up, not 48"):
        StyleGAN2Generator.from_pretrained(tmp_path)


def test_what_does_not_fit_is_named():
    plain, conditional = model_of(), model_of(c_dim=3)
    z, w = torch.randn(2, 8), torch.randn(2, 12)
    for ask, message in [
        (lambda: plain(torch.randn(2, 9)), r"z must be \(B, 8\), z_dim numbers each; not \(2, 9\)"),
        (lambda: conditional(z), r"c must be \(B, 3\), c_dim numbers each; none was given"),
        (lambda: conditional(z, torch.randn(2, 2)), r"c must be \(B, 3\), c_dim numbers each; not \(2, 2\)"),
        (lambda: plain(z, torch.randn(2, 2)), "c_dim is 0: it is told of no classes"),
        (lambda: plain.synthesis(w[:, :11]), r"w must be \(B, 12\), w_dim numbers, or \(B, 6, 12\), not \(2, 11\)"),
        (lambda: plain.synthesis(w[:, None].expand(-1, 5, -1)), r"not \(2, 5, 12\)"),
        (lambda: plain.synthesis(w, "some"), "noise_mode must be one of const, random, none, not 'some'"),
        (lambda: plain.generate([]), "1 to 1024 seeds can be drawn, not 0"),
        (lambda: plain.generate([1.5]), "a seed must be a whole number from 0 to 2147483647, not 1.5"),
        (lambda: plain.generate([0], weights={"cat": 1}), "no class is called cat: there are none"),
        (lambda: plain.generate([0], truncation_psi=float("nan")), "truncation_psi must be a number"),
        (lambda: model_of(img_resolution=4), "img_resolution must be a power of 2 from 8 up, not 4"),
        (lambda: model_of(c_dim=2, class_names=NAMES), "c_dim is 2, and class_names has 3 names"),
    ]:
        with pytest.raises(ValueError, match=message):
            ask()


def test_what_is_kept_between_calls_follows_the_weights():
    model, z = model_of(), torch.randn(2, 8)
    with torch.inference_mode():
        before = model(z)
        assert torch.equal(model(z), before)
    with torch.no_grad():
        model.synthesis.b8.conv0.weight[0] *= 3
        changed = model(z)
    assert not torch.allclose(changed, before)
    assert torch.allclose(model(z), changed, atol=1e-6)  # with gradients nothing is kept
    with torch.inference_mode():
        assert model_of()(z).shape == (2, 3, 16, 16)
