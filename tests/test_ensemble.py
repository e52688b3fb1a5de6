"""Several classifiers that are asked together."""

import pytest
import torch
from PIL import Image

from betwixt import ClassifierEnsemble, ImageClassifier

MEMBER = {"architecture": "cnn", "class_names": ["clock", "crocodile", "neither"], "base_channels": 4}
MEMBER |= {"multilabel_width": 8}


def ensemble(count: int = 3, **arguments) -> ClassifierEnsemble:
    torch.manual_seed(0)
    return ClassifierEnsemble(members=[ImageClassifier(**MEMBER).config for _ in range(count)], **arguments).eval()


def test_ensemble_says_the_mean_and_comes_back(tmp_path):
    model = ensemble(thresholds={"photos": {"clock": 0.4, "crocodile": 0.6}, "drawn": {"clock": 0.6}})
    images = [Image.effect_noise((40, 30), 60).convert("RGB") for _ in range(20)]
    each = torch.stack([member.predict_multilabel(images) for member in model.members])
    assert each.std(0).min() > 0
    torch.testing.assert_close(model.predict_multilabel(images), each.mean(0))
    assert model.predict_multilabel([]).shape == (0, 3)
    model.save_pretrained(tmp_path)
    loaded = ClassifierEnsemble.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded.predict_multilabel(images), each.mean(0))
    assert loaded.thresholds == model.thresholds


def test_yes_needs_all_thresholds():
    model = ensemble(thresholds={"photos": {"clock": 0.4, "crocodile": 0.6}, "drawn": {"clock": 0.6}})
    probabilities = torch.tensor([[0.5, 0.7, 0.0], [0.5, 0.5, 0.0], [0.3, 0.7, 0.0]])
    assert model.says_yes(probabilities, ["clock", "crocodile"]).tolist() == [True, False, False]
    assert model.says_yes(probabilities, ["crocodile"]).tolist() == [True, False, True]
    assert model.says_yes(torch.tensor([[0.5, 0.7, 0.0]]), ["clock"], "drawn").tolist() == [False]
    for name, dataset, fault in (
        ("neither", None, "no threshold for neither"),
        ("crocodile", "drawn", "no threshold for crocodile"),
        ("clock", "oil", "thresholds for photos, drawn, not for oil"),
    ):
        with pytest.raises(ValueError, match=fault):
            model.says_yes(probabilities, [name], dataset)


@pytest.mark.parametrize(
    ("members", "thresholds", "fault"),
    [
        ([], {}, "needs members"),
        ([{**MEMBER, "multilabel_width": 0}], {}, "member 0 has no heads"),
        ([MEMBER, {**MEMBER, "image_size": 64}], {}, "member 1 has other classes"),
        ([MEMBER], {"photos": {"house": 0.5}}, "thresholds must be"),
        ([MEMBER], {"photos": {"clock": 1.5}}, "thresholds must be"),
    ],
)
def test_members_that_do_not_go_together(members, thresholds, fault):
    with pytest.raises(ValueError, match=fault):
        ClassifierEnsemble(members=members, thresholds=thresholds)
