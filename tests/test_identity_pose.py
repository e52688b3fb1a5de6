"""The swapper: what it draws of which pictures, what it is made of, and what it refuses."""

import pytest
import torch
from PIL import Image

from betwixt import IdentityPoseSwapper, ImageClassifier, StyleGAN2Generator
from betwixt.directions import styles_of
from betwixt.hub import HubError
from betwixt.identity_pose import WDiscriminator
from betwixt.images import to_tensor

SIZES = {"attribute_size": 16, "attribute_channels": 4, "attribute_dim": 6, "hidden_dim": 16}


@pytest.fixture(scope="module")
def parts() -> tuple[StyleGAN2Generator, ImageClassifier]:
    torch.manual_seed(0)
    generator = StyleGAN2Generator(
        z_dim=8, c_dim=2, w_dim=8, img_resolution=16, mapping_layers=2, channel_base=64, channel_max=8,
        class_names=["pug", "siamese"],
    )  # fmt: skip
    classifier = ImageClassifier(architecture="resnet9", base_channels=4, class_names=["pug", "siamese"])
    return generator.eval(), classifier.eval()


@pytest.fixture(params=["w", "w+"])
def swapper(request, parts) -> IdentityPoseSwapper:
    torch.manual_seed(1)
    return IdentityPoseSwapper.of(*parts, space=request.param, **SIZES).eval()


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    torch.manual_seed(2)
    colours = torch.randint(0, 255, (6, 3)).tolist()
    sizes = [(16, 16), (40, 30), (9, 80), (300, 200), (1, 1), (64, 64)]
    found = [Image.new("RGB", size, tuple(colour)) for size, colour in zip(sizes, colours, strict=True)]
    return [found[0], found[1].convert("L"), found[2].convert("RGBA"), found[3].convert("CMYK"), found[4], found[5]]


def test_what_it_begins_with(parts, swapper):
    generator, _classifier = parts
    w = styles_of(generator, 4096)
    assert torch.allclose(swapper.latent_mapper.mean, w.mean(0), atol=1e-5)
    for name, tensor in generator.state_dict().items():
        assert torch.equal(tensor, swapper.generator.state_dict()[name]), name
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    assert torch.allclose(swapper.identity_of(x).norm(dim=1), torch.ones(3))
    styles = swapper.styles(x, x)
    assert styles.shape == (3, generator.num_ws, 8)
    assert bool((styles[:, 1:] == styles[:, :1]).all()) == (swapper.space == "w")
    away = swapper.latent_mapper.scaled(styles)
    assert away.abs().max() < 1  # near to the mean of what the generator knows
    assert swapper(x, x).shape == (3, 3, 16, 16)


def test_pictures_of_any_size_and_mode(swapper, pictures):
    swaps = swapper.swap(pictures, pictures[::-1])
    assert [picture.size for picture in swaps] == [(16, 16)] * 6
    assert swapper.swap([], []) == []
    alone = swapper.swap(pictures[2:3], pictures[3:4])[0]
    assert abs(to_tensor([alone], 16) - to_tensor(swaps[2:3], 16)).max() <= 2.1 / 255
    with pytest.raises(ValueError, match="there are 2 identity images and 1 attribute images"):
        swapper.swap(pictures[:2], pictures[:1])


def test_frozen_parts_stay_in_evaluation_and_gradients_pass_through_them(swapper):
    swapper.train()
    assert swapper.attribute_encoder.training
    assert swapper.latent_mapper.training
    frozen = [*swapper.generator.modules(), *swapper.identity_encoder.modules()]
    assert not any(module.training for module in frozen)
    before = {name: tensor.clone() for name, tensor in swapper.state_dict().items()}
    x = torch.rand(4, 3, 16, 16) * 2 - 1
    optimizer = torch.optim.SGD([parameter for parameter in swapper.parameters() if parameter.requires_grad], 0.1)
    swapper.identity_of(swapper(x, x.flip(0))).square().sum(0).std().backward()
    trained = {name for name, parameter in swapper.named_parameters() if parameter.grad is not None}
    assert trained
    assert all(name.startswith(("attribute_encoder", "latent_mapper")) for name in trained)
    optimizer.step()
    changed = {name for name, tensor in swapper.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert changed <= trained


def test_it_loads_as_it_was_saved(swapper, pictures, tmp_path):
    loaded = IdentityPoseSwapper.from_pretrained(swapper.save_pretrained(tmp_path))
    for name, tensor in swapper.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    before, after = (model.swap(pictures, pictures[::-1]) for model in (swapper, loaded))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(before, after, strict=True))


def test_generator_and_mapper_must_match(swapper, parts, tmp_path):
    swapper.save_pretrained(tmp_path)
    other = IdentityPoseSwapper.of(
        StyleGAN2Generator(**{**parts[0].config, "w_dim": 12}), parts[1], space=swapper.space, **SIZES
    )
    other.save_pretrained(tmp_path / "other")
    (tmp_path / "config.json").write_text((tmp_path / "other" / "config.json").read_text())
    with pytest.raises(HubError, match=r"weights of another shape than config.json says.*latent_mapper|generator"):
        IdentityPoseSwapper.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"space": "z"}, "space must be one of w, w\\+, not 'z'"),
        ({"attribute_size": 20}, "attribute_size must be 8, 16, 32 or a higher power of 2, not 20"),
        ({"attribute_size": 4}, "attribute_size must be"),
        ({"attribute_dim": 0}, "attribute_dim must be a whole number from 1 up, not 0"),
        ({"mapper_layers": 1.5}, "mapper_layers must be a whole number"),
    ],
)
def test_sizes_that_make_no_sense(parts, sizes, message):
    with pytest.raises(ValueError, match=message):
        IdentityPoseSwapper.of(*parts, **{**SIZES, **sizes})


def test_a_discriminator_of_styles_learns_to_tell_them():
    torch.manual_seed(0)
    discriminator = WDiscriminator(8, 32)
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
    for _ in range(60):
        real, fake = torch.randn(64, 8), torch.randn(64, 8) * 0.3 + 0.5
        loss = torch.nn.functional.softplus(torch.cat([-discriminator(real), discriminator(fake)])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5
