"""The classifier's contracts, for every kind of architecture."""

import json

import pytest
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torchvision.models import squeezenet1_0

from betwixt import ImageClassifier
from betwixt.classifier import Embedding, GeneralisedMean
from betwixt.hub import HubError
from betwixt.images import to_tensor

CLASSES = ["clock", "crocodile", "neither"]
ARCHITECTURES = {
    "shallow": {},
    "cnn": {"base_channels": 4},
    "resnet9": {"base_channels": 4, "flip_at_test": True},
    "torchvision/squeezenet1_0": {"network_size": 64},
    "torchvision/shufflenet_v2_x0_5": {"network_size": 64},
    "mobilenetv3_small_050": {"network_size": 64},
}


def model_of(architecture: str, **arguments) -> ImageClassifier:
    torch.manual_seed(0)
    arguments = {**ARCHITECTURES.get(architecture, {}), **arguments}
    return ImageClassifier(architecture=architecture, class_names=CLASSES, **arguments).eval()


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [
        Image.effect_noise((50, 80), 90),
        Image.new("RGBA", (1, 1), (9, 9, 9, 0)),
        Image.new("CMYK", (300, 10)),
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_predict_embed_save_load(architecture, pictures, tmp_path):
    model = model_of(architecture)
    probabilities, features = model.predict(pictures), model.embed(pictures)
    assert probabilities.shape == (3, 3)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(3))
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    assert model.predict([]).shape == (0, 3)
    model.save_pretrained(tmp_path)
    loaded = ImageClassifier.from_pretrained(tmp_path)
    assert loaded.class_names == CLASSES
    assert not loaded.training
    assert torch.equal(loaded.predict(pictures), probabilities)
    assert torch.equal(loaded.embed(pictures), features)


@pytest.mark.parametrize("architecture", ["resnet9", "torchvision/squeezenet1_0", "mobilenetv3_small_050"])
def test_logits_come_from_the_features(architecture):
    model, x = model_of(architecture), torch.rand(2, 3, 32, 32)
    last = model.network.get_classifier() if model.is_timm else nn.Sequential(model.standardise, model.head)
    torch.testing.assert_close(last(model.features(x)), model(x))


def test_flip_at_test_makes_mirror_images_equal(pictures):
    mirrored = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in pictures]
    model = model_of("resnet9", image_size=32)
    square = [picture.resize((32, 32)) for picture in pictures]
    torch.testing.assert_close(model.predict(square), model.predict([p.transpose(0) for p in square]))
    assert len(mirrored) == 3


def test_timm_folder_loads_with_timm_itself(tmp_path):
    model = model_of("mobilenetv3_small_050")
    model.save_pretrained(tmp_path)
    theirs = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(theirs((x - model.mean) / model.std), model(x * 2 - 1))
    assert theirs.pretrained_cfg["label_names"] == CLASSES
    assert tuple(theirs.pretrained_cfg["input_size"]) == (3, 64, 64)


def test_backbone_from_a_local_file(tmp_path):
    donor = squeezenet1_0()
    torch.save(donor.state_dict(), tmp_path / "weights.pth")
    model = model_of("torchvision/squeezenet1_0")
    model.load_backbone(tmp_path / "weights.pth")
    assert torch.equal(model.network.features[0].weight, donor.features[0].weight)
    with pytest.raises(ValueError, match="does not hold weights of resnet9"):
        model_of("resnet9").load_backbone(tmp_path / "weights.pth")


def test_backbone_from_bad_files(tmp_path):
    model = model_of("resnet9")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save(model, tmp_path / "pickled.pth")
    for name in ("text.pth", "pickled.pth", "absent.safetensors"):
        with pytest.raises(ValueError, match=f"cannot read weights from .*{name}"):
            model.load_backbone(tmp_path / name)


def test_download_that_cannot_be_had(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="--weights"):
        model_of("mobilenetv3_small_050").load_backbone()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": "resnet10"}, "unknown architecture 'resnet10'"),
        ({"architecture": "torchvision/none"}, "torchvision has no classification model 'none'"),
        ({"class_names": []}, "class_names"),
        ({"class_names": ["a", "a"]}, "class_names"),
        ({"class_names": "ab"}, "class_names"),
        ({"class_names": [1, 2]}, "class_names"),
        ({"image_size": 4}, "at least 8"),
        ({"image_size": 8.5}, "whole number"),
        ({"network_size": 0}, "network_size"),
        ({"std": [0, 0, 0]}, "std must be 3 numbers, over 0"),
        ({"architecture": "vit_tiny_patch16_224"}, "cannot be used at a network_size of 32"),
        ({"architecture": "torchvision/alexnet"}, "cannot be used at a network_size of 32"),
        ({"architecture": "cnn", "num_convolutions": 9}, "num_convolutions"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageClassifier(**{"architecture": "resnet9", "class_names": CLASSES, **arguments})


def test_config_is_plain_and_complete(tmp_path):
    model_of("cnn").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_class"] == "ImageClassifier"
    assert config["num_convolutions"] == 5
    assert config["class_names"] == CLASSES


def test_a_backbone_gets_the_colours_that_it_was_trained_with():
    assert model_of("vit_tiny_patch16_224", network_size=224).mean.flatten().tolist() == [0.5] * 3
    assert model_of("mobilenetv3_small_050").mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_config_that_contradicts_itself(tmp_path):
    model_of("mobilenetv3_small_050").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "label_names": ["a", "b", "c"]}))
    with pytest.raises(HubError, match=r"config.json.*label_names"):
        ImageClassifier.from_pretrained(tmp_path)


def test_num_convolutions_is_the_depth():
    def convolutions(depth: int) -> int:
        layers = model_of("cnn", num_convolutions=depth).network.modules()
        return sum(isinstance(layer, torch.nn.Conv2d) for layer in layers)

    assert (convolutions(3), convolutions(5)) == (3, 5)


@pytest.mark.parametrize("architecture", ["cnn", "torchvision/squeezenet1_0", "test_resnet"])
def test_heads_that_say_yes_or_no_to_each_class(architecture, tmp_path):
    if architecture == "test_resnet":
        pytest.importorskip("timm")
    torch.manual_seed(0)
    arguments = {"architecture": architecture, "class_names": ["clock", "crocodile", "neither"], "network_size": 64}
    model = ImageClassifier(**arguments, multilabel_width=16, flip_at_test=True).eval()
    images = [Image.effect_noise((40, 30), 60).convert(mode) for mode in ("RGB", "L")]
    x = to_tensor(images, 32)
    features = [nn.functional.normalize(model.features(side), dim=1) for side in (x, x.flip(-1))]
    logits = sum(model.multilabel_head(side) for side in features) / 2
    torch.testing.assert_close(model.predict_multilabel(images), torch.sigmoid(logits))
    model.save_pretrained(tmp_path)
    loaded = ImageClassifier.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded.predict_multilabel(images), torch.sigmoid(logits))
    torch.testing.assert_close(loaded.predict(images), model.predict(images))
    with pytest.raises(ValueError, match="chooses one class"):
        ImageClassifier(**arguments).eval().predict_multilabel(images)


@pytest.mark.parametrize("width", [0, 16])
def test_all_that_a_network_says_at_once(width):
    torch.manual_seed(0)
    model = ImageClassifier(
        architecture="cnn", class_names=["a", "b"], multilabel_width=width, flip_at_test=True
    ).eval()
    images = [Image.effect_noise((40, 30), 60).convert("RGB") for _ in range(20)]
    for given in (images, []):
        seen = model.see(given)
        torch.testing.assert_close(seen.embedding, model.embed(given))
        torch.testing.assert_close(seen.probabilities, model.predict(given))
        if width:
            torch.testing.assert_close(seen.multilabel, model.predict_multilabel(given))
        else:
            assert seen.multilabel is None


def test_features_of_another_layer():
    torch.manual_seed(0)
    model = ImageClassifier(architecture="cnn", class_names=["a", "b"], base_channels=8).eval()
    images = [Image.effect_noise((32, 32), 60).convert("RGB") for _ in range(3)]
    expected = nn.Sequential(*list(model.network)[:4])(to_tensor(images, 32)).mean((2, 3))
    torch.testing.assert_close(model.embed(images, "3"), torch.nn.functional.normalize(expected, dim=1))
    assert model.embed(images).shape == (3, 32)
    with pytest.raises(ValueError, match="cnn has no layer 'fc7': there are 0, 1, 2"):
        model.embed(images, "fc7")


def test_a_checkpoint_is_a_backbone_as_well(tmp_path):
    torch.manual_seed(0)
    trained = ImageClassifier(architecture="torchvision/squeezenet1_1", class_names=["a", "b"], network_size=64)
    trained.save_pretrained(tmp_path)
    fresh = ImageClassifier(architecture="torchvision/squeezenet1_1", class_names=["c", "d", "e"], network_size=64)
    fresh.load_backbone(tmp_path / "model.safetensors")
    for key, value in trained.network.state_dict().items():
        assert torch.equal(fresh.network.state_dict()[key], value)


@pytest.mark.parametrize(
    "architecture", ["cnn", "resnet9", "torchvision/squeezenet1_0", "resnet18", "mobilenetv3_small_050"]
)
def test_embeddings_for_search_are_saved_and_loaded(architecture, tmp_path):
    torch.manual_seed(0)
    model = ImageClassifier(
        architecture=architecture,
        class_names=["a", "b", "c"],
        image_size=64,
        base_channels=4,
        pooling="gem",
        embedding_dim=8,
    ).eval()
    pictures = [Image.effect_noise((70, 50), sigma).convert("RGB") for sigma in (10, 40, 80, 160)]
    embeddings = model.embed(pictures)
    assert embeddings.shape == (4, 8)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(4), atol=1e-5)
    directions = F.normalize(model.head.weight, dim=1)
    expected = (16 * embeddings @ directions.T).softmax(1)
    assert torch.allclose(model.predict(pictures), expected, atol=1e-5)
    model.save_pretrained(tmp_path)
    assert torch.equal(ImageClassifier.from_pretrained(tmp_path).embed(pictures), embeddings)


def test_whitening_leaves_no_direction_that_says_more(tmp_path):
    torch.manual_seed(0)
    features = F.normalize(torch.randn(4000, 12) @ torch.diag(torch.linspace(3, 0.5, 12)) + 4, dim=1)
    layer = Embedding(12, 5)
    layer.whiten(7 * features, shrinkage=0.0)
    out = layer(features)
    assert torch.allclose(torch.cov(out.T), torch.eye(5), atol=1e-3)
    assert out.mean(0).abs().max() < 1e-4
    layer.whiten(features, shrinkage=1e6)  # far more than they vary: a rotation
    out = layer(features)
    variances = torch.linalg.eigvalsh(torch.cov(features.T)).flip(0)[:5]
    assert torch.allclose(out.var(0) / out.var(0).sum(), variances / variances.sum(), atol=1e-3)


def test_whitening_within_classes_keeps_what_tells_them_apart():
    torch.manual_seed(0)
    labels = torch.arange(4000) % 4
    between = torch.eye(6)[labels % 2] - torch.eye(6)[2]
    within = torch.randn(4000, 6) * torch.tensor([1, 1, 1, 3, 1, 1])
    features = F.normalize(10 * torch.ones(6) + between * 4 + within, dim=1)
    layer = Embedding(6, 5)
    layer.whiten(features, labels, shrinkage=0.0)
    out = layer(features)
    means = torch.stack([out[labels == label].mean(0) for label in range(4)])
    assert torch.allclose(torch.cov((out - means[labels]).T), torch.eye(5), atol=2e-3)
    layer.whiten(features, labels, torch.where(labels < 2, 1.0, 0.0), shrinkage=0.0)  # as of these two alone
    assert torch.allclose(torch.cov(layer(features[labels == 0]).T), torch.eye(5), atol=0.2)
    weights = layer.weight.clone()
    layer.whiten(features[labels < 2], labels[labels < 2], shrinkage=0.0)
    assert torch.allclose(weights.abs(), layer.weight.abs(), atol=1e-2)
    layer.whiten(features, shrinkage=0.0)
    blind = layer(features)
    apart = [(x[labels == 0].mean(0) - x[labels == 1].mean(0)).norm() for x in (out, blind)]
    assert apart[0] > 1.5 * apart[1]


def test_networks_from_before_there_were_embeddings_load(tmp_path):
    model = ImageClassifier(architecture="cnn", class_names=["a", "b"], base_channels=4)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["pooling"], config["embedding_dim"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = ImageClassifier.from_pretrained(tmp_path)
    assert (loaded.embedding, loaded.config["pooling"]) == (None, None)


def test_generalised_means_lie_between_the_mean_and_the_largest():
    x = torch.rand(3, 4, 5, 5)
    pool = GeneralisedMean(1.0)
    assert torch.allclose(pool(x), x.mean((2, 3), keepdim=True), atol=1e-5)
    pool.exponent.data.fill_(3.0)
    assert torch.allclose(pool(x), (x**3).mean((2, 3), keepdim=True) ** (1 / 3), atol=1e-5)
    pool.exponent.data.fill_(10.0)
    assert (pool(x) > x.mean((2, 3), keepdim=True)).all()
    assert (pool(x) <= x.amax((2, 3), keepdim=True)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pooling": "max"}, 'pooling must be "gem" or None'),
        ({"embedding_dim": 1}, "embedding_dim must be a whole number of at least 2"),
        ({"embedding_dim": True}, "embedding_dim must be"),
        ({"architecture": "shallow", "pooling": "gem"}, "shallow has no pooling on its top"),
    ],
)
def test_settings_for_search_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        ImageClassifier(**{"architecture": "cnn", "class_names": ["a"], **settings})
