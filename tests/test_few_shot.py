"""Classes of one's own from a few pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from betwixt import ImageClassifier
from betwixt.few_shot import learn_classes


def pictures(kind: str, count: int, seed: int, size: int = 48) -> list[Image.Image]:
    """Discs or bars, with noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    found = []
    for _ in range(count):
        cx, cy = random.uniform(16, size - 16, 2)
        shape = (x - cx) ** 2 + (y - cy) ** 2 < 120 if kind == "disc" else abs(y - cy) < 4
        picture = random.uniform(0, 120, (size, size, 3)) + shape[..., None] * random.uniform(90, 130, 3)
        found.append(Image.fromarray(picture.clip(0, 255).astype(np.uint8)))
    return found


@pytest.fixture(scope="module", params=["cnn", "resnet10t"])
def backbone(request) -> ImageClassifier:
    torch.manual_seed(0)
    return ImageClassifier(architecture=request.param, class_names=["a", "b", "neither"], image_size=32).eval()


def test_two_classes_are_learned_saved_and_loaded(backbone, tmp_path):
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    model = learn_classes(backbone, {"Round things": pictures("disc", 12, 0), " bars!": pictures("bar", 8, 1)})
    assert model.class_names == ["round_things", "bars"]
    test = [*pictures("disc", 20, 2), *pictures("bar", 20, 3)]
    probabilities = model.predict(test)
    assert probabilities.shape == (40, 2)
    right = probabilities.argmax(1) == torch.tensor([0] * 20 + [1] * 20)
    assert right.float().mean() >= 0.8
    loaded = ImageClassifier.from_pretrained(model.save_pretrained(tmp_path / "mine"))
    assert torch.equal(loaded.predict(test), probabilities)
    assert torch.equal(loaded.embed(test), model.embed(test))
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_sees_pictures_as_sharp_as_the_network_takes_them():
    torch.manual_seed(0)
    small = ImageClassifier(architecture="cnn", class_names=["a", "b"], image_size=16, network_size=32).eval()
    model = learn_classes(small, {"disc": pictures("disc", 8, 0), "bar": pictures("bar", 8, 1)})
    assert (model.image_size, model.network_size) == (32, 32)


def test_classes_count_the_same_however_many_pictures_they_have(backbone):
    model = learn_classes(backbone, {"disc": pictures("disc", 60, 0), "bar": pictures("bar", 8, 1)})
    bars = model.predict(pictures("bar", 20, 3)).argmax(1)
    assert (bars == 1).float().mean() >= 0.7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cup": 8, "spoon": 7}, "spoon: at least 8 pictures are needed, there are 7"),
        ({"cup": 8, "spoon": 0}, "spoon: at least 8 pictures are needed, there are 0"),
        ({"cup": 8}, "at least two classes are needed"),
        ({"cup": 8, "Cup ": 8}, "different names, not cup and cup"),
        ({"cup": 8, "!": 8}, "every class needs a name"),
    ],
)
def test_what_cannot_be_learned_is_one_line(backbone, given, message):
    with pytest.raises(ValueError, match=message):
        learn_classes(backbone, {name: pictures("disc", count, 0) for name, count in given.items()})


def test_equal_pictures_are_refused(backbone):
    for same in ([Image.new("RGB", (40, 40), "green")] * 8, pictures("disc", 1, 0) * 8):
        refuses(backbone, same)


def refuses(backbone, same):
    with pytest.raises(ValueError, match="all equal"):
        learn_classes(backbone, {"cup": same, "spoon": same})
