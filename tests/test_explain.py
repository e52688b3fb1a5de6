"""Heat maps and cues on networks whose reasons are known."""

import pytest
import torch
from PIL import Image

from betwixt import ImageClassifier
from betwixt.explain import CUES, match_maps, occlusion_map, occlusion_maps, overlay, without
from betwixt.images import to_images


class BrightCorner(ImageClassifier):
    """Class 0 by the brightness of the upper left quarter alone."""

    def forward(self, x):
        brightness = x[:, :, :16, :16].mean((1, 2, 3))
        return torch.stack([4 * brightness, -4 * brightness], 1)


def test_occlusion_map_finds_the_place_that_decides():
    model = BrightCorner(architecture="cnn", class_names=["bright", "dark"], base_channels=4).eval()
    x = torch.full((3, 32, 32), -0.5)
    x[:, 4:12, 4:12] = 1
    heat = occlusion_map(model, x, 0)
    assert heat.shape == (32, 32)
    assert heat[:16, :16].mean() > 5 * heat[16:, 16:].abs().mean()
    assert heat.flatten().argmax() // 32 < 16
    torch.testing.assert_close(occlusion_map(model, x, 1), -heat, atol=1e-5, rtol=1e-4)


class TwoCorners(ImageClassifier):
    """Class 0 by the brightness of the upper left quarter, class 1 by that of the lower right one."""

    def forward(self, x):
        return torch.stack([4 * x[:, :, :16, :16].mean((1, 2, 3)), 4 * x[:, :, 16:, 16:].mean((1, 2, 3))], 1)

    features = forward

    def _yes_or_no(self, features):
        return features


def test_maps_of_yes_or_no_questions_leave_the_other_class_alone():
    arguments = {"architecture": "cnn", "class_names": ["first", "second"], "base_channels": 4}
    x = torch.full((3, 32, 32), -0.5)
    x[:, 4:12, 4:12] = x[:, 20:28, 20:28] = 1
    first, second = occlusion_maps(TwoCorners(**arguments).eval(), x, [0, 1], multilabel=True)
    assert first[:16, :16].mean() > 5 * first[16:, 16:].abs().mean()
    assert second[16:, 16:].mean() > 5 * second[:16, :16].abs().mean()
    rivals, _ = occlusion_maps(TwoCorners(**arguments).eval(), x, [0, 1])
    assert rivals[16:, 16:].mean() < -0.5 * rivals[:16, :16].mean()  # here one class's gain is the other's loss


@pytest.mark.parametrize("size", [32, 30, 64])
def test_cues_keep_what_they_say(size):
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    changed = {cue: without(x, cue) for cue in CUES}
    assert all(y.shape == x.shape for y in changed.values())
    grey = changed["no colour"]
    torch.testing.assert_close(grey[:, 0], grey[:, 2])
    colours = changed["colours alone"].flatten(2).sort().values
    torch.testing.assert_close(colours, x.flatten(2).sort().values)
    assert changed["no texture"].std() < 0.5 * x.std()
    if size % 4 == 0:
        tile = size // 4
        torch.testing.assert_close(changed["no shape"].flatten(2).sort().values, x.flatten(2).sort().values)
        tiles = x.unfold(2, tile, tile).unfold(3, tile, tile).flatten(2, 3)
        first = changed["no shape"][:, :, :tile, :tile]
        assert any(torch.equal(first, tiles[:, :, i]) for i in range(16))
    with pytest.raises(ValueError, match="cue must be"):
        without(x, "no smell")


def test_overlay_is_clear_where_nothing_matters():
    image = Image.new("RGB", (64, 48), (100, 100, 100))
    heat = torch.zeros(32, 32)
    assert overlay(image, heat).getpixel((10, 10)) == (100, 100, 100)
    heat[:, :16], heat[:, 16:] = 1, -1
    shown = overlay(image, heat)
    assert shown.size == (64, 48)
    left, right = shown.getpixel((5, 24)), shown.getpixel((60, 24))
    assert left[0] > left[2]
    assert right[2] > right[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "cnn"},
        {"architecture": "cnn", "embedding_dim": 8},
        {"architecture": "resnet9", "embedding_dim": 8},
        {"architecture": "resnet9", "embedding_dim": 8, "pooling": "gem"},
        {"architecture": "torchvision/squeezenet1_0", "embedding_dim": 8, "pooling": "gem", "image_size": 64},
        {"architecture": "resnet18", "embedding_dim": 8, "image_size": 64},
    ],
)
def test_places_add_up_to_the_similarity(settings):
    torch.manual_seed(0)
    model = ImageClassifier(class_names=["any"], base_channels=4, **settings).eval()
    if model.embedding is not None:
        torch.nn.init.normal_(model.embedding.bias, std=0.2)
    x, y = torch.rand(2, 1, 3, model.image_size, model.image_size).mul(2).sub(1)
    similarity, of_x, of_y = match_maps(model, x, y)
    assert similarity == pytest.approx(float((model.embed(to_images(x)) * model.embed(to_images(y))).sum()), abs=1e-3)
    assert float(of_x.sum()) == pytest.approx(similarity, abs=1e-4)
    assert float(of_y.sum()) == pytest.approx(similarity, abs=1e-4)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_places_where_the_same_thing_stands_light_up():
    torch.manual_seed(0)
    model = ImageClassifier(architecture="cnn", class_names=["any"], base_channels=16, image_size=64).eval()
    stripes = torch.where(torch.arange(16) % 4 < 2, 1.0, -1.0).expand(3, 16, 16)
    x, y = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    x[0, :, 4:20, 4:20], y[0, :, 40:56, 40:56] = stripes, stripes
    _, of_x, of_y = match_maps(model, x, y)
    assert of_x[:4, :4].mean() > of_x[4:, 4:].mean()
    assert of_y[4:, 4:].mean() > of_y[:4, :4].mean()


def test_networks_without_places_cannot_say_where():
    model = ImageClassifier(architecture="shallow", class_names=["any"]).eval()
    with pytest.raises(ValueError, match="shallow has no map of features"):
        match_maps(model, torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32))
