"""The gates of a true hybrid, one by one, on photos whose answer is known and with networks that are easy to follow."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hybrid_gates import Gates, Plain

from betwixt import metrics
from betwixt.images import open_image, to_tensor

NAMES = ["clock", "crocodile"]


class Judges:
    """Sees how bright the upper half is, how bright the lower, and neither where the first pixel is red."""

    class_names = ("crocodile", "neither", "clock")

    def multilabel_probabilities(self, x: torch.Tensor) -> torch.Tensor:
        upper, lower = ((half.mean((1, 2, 3)) + 1) / 2 for half in x.chunk(2, 2))
        return torch.stack([lower, (x[:, 0, 0, 0] + 1) / 2, upper], 1)


class Detector:
    """Calls grainy pictures mixed."""

    image_size, class_names = 32, ("plain", "mixed")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        grain = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))
        return torch.stack([torch.zeros_like(grain), 20 * (grain - 0.3)], 1)


def coarse(x: torch.Tensor) -> torch.Tensor:
    return F.normalize(F.adaptive_avg_pool2d(x, 6).flatten(1), dim=1)


@pytest.fixture(scope="module")
def sides(photos) -> list[Plain]:
    """Photos that are trained on, and others held out."""
    found = []
    for part in (slice(0, 100), slice(100, 160)):
        files = [sorted((photos / "clocks_crocodiles" / name).iterdir())[part] for name in NAMES]
        pictures = to_tensor([open_image(file) for of_class in files for file in of_class], 32)
        labels = torch.arange(2).repeat_interleave(len(pictures) // 2)
        found.append(Plain(pictures, labels, torch.arange(len(pictures))))
    return found


@pytest.fixture(scope="module")
def gates(sides) -> Gates:
    return Gates(NAMES, Judges(), [Detector()], coarse, *sides)


def share(values: torch.Tensor) -> float:
    return values.float().mean().item()


def test_plain_pictures_pass_all_but_the_judges(gates, sides):
    held_out = sides[1]
    passed = gates.ask(held_out.pictures)
    assert share(passed["real"]) > 0.9
    assert share(passed["one thing"]) > 0.8
    assert share(passed["new"]) > 0.9
    assert torch.equal(passed["hybrid"], torch.stack([passed[k] for k in passed if k != "hybrid"]).all(0))


def test_a_class_passes_for_the_other_in_two_of_a_hundred(gates, sides):
    held_out = sides[1]
    yes = gates.yes(held_out.pictures) > torch.tensor(gates.both)
    for i in (0, 1):
        assert 0 < share(yes[held_out.labels == 1 - i, i]) <= 0.05  # of 60 pictures
    bright, dark = torch.ones(1, 3, 32, 32), -torch.ones(1, 3, 32, 32)
    assert gates.ask(torch.cat([bright, dark]))["both"].tolist() == [True, False]


def test_what_the_judges_call_neither_is_not_both(gates, sides):
    red = torch.ones(50, 3, 32, 32)
    red[:, 0, 0, 0] = torch.linspace(0.2, 1, 50)
    told = Gates(NAMES, Judges(), [Detector()], coarse, *sides, neither=red)
    assert gates.ask(red)["both"].all()
    assert share(told.ask(red)["both"]) <= 0.02
    red[:, 0, 0, 0] = 0
    assert told.ask(red)["both"].all()


def test_as_many_plain_pictures_are_one_thing_as_wanted(sides):
    shares = [
        share(Gates(NAMES, Judges(), [Detector()], coarse, *sides, whole=whole).ask(sides[1].pictures)["one thing"])
        for whole in (0.7, 0.99)
    ]
    assert shares[0] < 0.9 < shares[1]


def test_copies_are_not_new_mirrored_and_shifted_too(gates, sides):
    x = sides[0].pictures[:20]
    for copied in (x, x.flip(-1), torch.roll(x, (2, -1), (2, 3)), (x + 0.02 * torch.randn_like(x)).clamp(-1, 1)):
        assert share(gates.ask(copied)["new"]) < 0.1


def test_noise_is_not_real(gates):
    noise = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert share(gates.ask(noise)["real"]) == 0


def test_double_exposures_are_not_one_thing(gates, sides):
    training = sides[0]
    clocks, crocodiles = (training.pictures[training.labels == label][:50] for label in (0, 1))
    for amount in (0.3, 0.5, 0.7):
        assert share(gates.ask(torch.lerp(clocks, crocodiles, amount))["one thing"]) == 0


def test_what_the_detector_calls_mixed_is_not_one_thing(gates, sides):
    grainy = sides[1].pictures + 0.8 * torch.randn(120, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert share(gates.ask(grainy.clamp(-1, 1))["one thing"]) < 0.1


def test_what_two_detectors_say_is_their_mean(gates, sides):
    class Contrary(Detector):
        class_names = ("mixed", "plain")

    both = copy.copy(gates)
    both.detectors = [Detector(), Contrary()]
    torch.testing.assert_close(both.mixedness(sides[1].pictures), torch.full((120,), 0.5))


def test_thresholds_of_one_half_are_asked_about_the_other(sides):
    training, held_out = sides
    in_pairs = Plain(held_out.pictures, held_out.labels, torch.arange(120) // 2)
    neither = torch.rand(30, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    gates = Gates(NAMES, Judges(), [Detector()], coarse, training, in_pairs, neither)
    (first, plain, of_neither), (second, others, other_neither) = gates.halves()
    assert torch.equal(plain, ~others)
    assert torch.equal(of_neither, ~other_neither)
    assert (plain.sum(), of_neither.sum()) == (60, 15)
    assert torch.equal(plain[::2], plain[1::2])  # near-duplicates stay together
    for half, own in ((first, others), (second, plain)):
        expected = Gates(
            NAMES, Judges(), [Detector()], coarse, training,
            Plain(in_pairs.pictures[own], in_pairs.labels[own], in_pairs.groups[own]),
            neither[other_neither if half is first else of_neither],
        )  # fmt: skip
        for threshold in ("both", "neither", "real", "mixed", "residual"):
            assert getattr(half, threshold) == pytest.approx(getattr(expected, threshold))
        strangers = in_pairs.pictures[~own]
        assert torch.equal(half.ask(strangers)["hybrid"], expected.ask(strangers)["hybrid"])
    assert gates.held_out is in_pairs


def test_a_reference_that_is_left_out_is_judged_as_a_stranger_would_be():
    features = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    found = metrics.left_out_distance(features, k=3)
    rows = torch.arange(40)
    for i in range(40):
        expected = metrics.manifold_distance(features[i : i + 1], features[rows != i], k=3)
        torch.testing.assert_close(found[i : i + 1], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="more than 4"):
        metrics.left_out_distance(features[:4], k=3)
