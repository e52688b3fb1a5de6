"""Scores between two classes on planted groups, where the right order is known."""

import pytest
import torch
from scipy.stats import spearmanr
from sklearn.covariance import ledoit_wolf

from betwixt import between
from betwixt.metrics import average_precision

D = 24
EDGES = ("original_first_edge", "original_second_edge")
MIDDLE = [name for name in between.METHODS if name not in EDGES]


def planted(seed: int = 0):
    """References of two classes; candidates: 30 of each class, 20 half-way, 20 far from both."""
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int, centre: torch.Tensor) -> torch.Tensor:
        return centre + torch.randn(count, D, generator=generator)

    first, second, away = torch.zeros(3, D)
    first[:6], second[6:12], away[12:] = 4, 4, 12
    references = torch.cat([draw(60, first), draw(80, second)])
    labels = torch.tensor([0] * 60 + [1] * 80)
    half = (draw(20, first) + draw(20, second)) / 2
    candidates = torch.cat([draw(30, first), draw(30, second), half, draw(20, away)])
    return candidates, references, labels


PURE, HALF, FAR = slice(0, 60), slice(60, 80), slice(80, 100)


@pytest.mark.parametrize("method", MIDDLE)
def test_half_way_ranks_above_both_classes(method):
    candidates, references, labels = planted()
    scores = between.score(candidates[:80], references, labels, method)
    assert scores.shape == (80,)
    assert scores.dtype == torch.float32
    assert average_precision(scores, torch.arange(80) >= 60) > 0.95


@pytest.mark.parametrize(("method", "far_is_below"), [("heads", True), ("nearness", True), ("original", False)])
def test_what_is_far_from_both_is_between_for_the_original_rule_alone(method, far_is_below):
    candidates, references, labels = planted()
    scores = between.score(candidates, references, labels, method)
    assert bool(scores[HALF].mean() > scores[FAR].max()) == far_is_below


def test_edges_are_the_ends_of_the_axis():
    candidates, references, labels = planted()
    first, second = (between.score(candidates[PURE], references, labels, name) for name in EDGES)
    assert first[:30].min() > first[30:].max()
    torch.testing.assert_close(first, -second)


@pytest.mark.parametrize("method", between.METHODS)
def test_neither_order_nor_scale_nor_origin_of_the_features_matters(method):
    candidates, references, labels = planted()
    expected = between.score(candidates, references, labels, method)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    shuffled = between.score(candidates, references[order], labels[order].tolist(), method)
    torch.testing.assert_close(shuffled, expected, rtol=1e-3, atol=1e-3)
    moved = between.score(candidates * 50 + 7, references * 50 + 7, labels, method)
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-3)
    alone = torch.cat([between.score(row[None], references, labels, method) for row in candidates[::20]])
    torch.testing.assert_close(alone, expected[::20], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", [*between.METHODS, "position"])
def test_a_reference_never_counts_itself(method):
    _, references, labels = planted()

    def said(labels: torch.Tensor, row: int) -> float:
        candidate = references[row : row + 1] * 1.000001  # as computed again in another batch
        if method == "position":
            return float(between.position(candidate, references, labels))
        return float(between.score(candidate, references, labels, method))

    for row in (0, 59, 60, 100):
        flipped = labels.clone()
        flipped[row] = 1 - flipped[row]
        assert said(flipped, row) == pytest.approx(said(labels, row), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("method", [*between.METHODS, "position"])
def test_a_reference_that_is_there_twice_never_counts_itself(method):
    _, references, labels = planted()
    twice, both = torch.cat([references, references[:3] * 1.000001]), torch.cat([labels, labels[:3]])

    def said(labels: torch.Tensor) -> torch.Tensor:
        if method == "position":
            return between.position(references[:3], twice, labels)
        return between.score(references[:3], twice, labels, method)

    for row in range(3):
        flipped = both.clone()
        flipped[[row, len(labels) + row]] = 1 - both[row]
        assert float(said(flipped)[row]) == pytest.approx(float(said(both)[row]), rel=1e-2, abs=1e-2)


def test_labels_may_be_truth_values():
    candidates, references, labels = planted()
    torch.testing.assert_close(
        between.score(candidates, references, labels.bool()), between.score(candidates, references, labels)
    )


@pytest.mark.parametrize("method", ["original", "neighbours", "original_first_edge"])
def test_a_reference_scores_as_if_it_were_none(method):
    _, references, labels = planted()
    inside = between.score(references, references, labels, method)
    for row in (0, 61, 139):
        rest = torch.arange(len(labels)) != row
        outside = between.score(references[row : row + 1], references[rest], labels[rest], method)
        # Centre and scale come from the references, and change a little without one.
        assert float(inside[row]) == pytest.approx(float(outside), rel=0.03, abs=0.01)


def test_contradiction_is_not_ambiguity():
    candidates, references, labels = planted()
    unsure = torch.full((2, 1, 2), 0.5)
    contradicting = torch.tensor([[[0.99, 0.01]], [[0.01, 0.99]]])
    sure = torch.tensor([[[0.99, 0.01]], [[0.99, 0.01]]])
    probabilities = torch.cat([unsure, contradicting, sure], 1)
    entropy, ensemble = (
        between.score(candidates[:3], references, labels, method, probabilities=probabilities)
        for method in ("entropy", "ensemble")
    )
    assert entropy[0] == pytest.approx(float(entropy[1]), abs=1e-4)
    assert entropy[1] > entropy[2] + 0.5
    assert ensemble[0] > ensemble[1] + 0.5
    assert ensemble[1] == pytest.approx(float(ensemble[2]), abs=1e-4)


def test_heads_that_a_network_has_take_the_place_of_fitted_ones():
    candidates, references, labels = planted()
    both, none, one = (0.9, 0.8), (0.05, 0.05), (0.999, 0.01)
    probabilities = torch.tensor([[both, none, one]])
    scores = between.score(candidates[:3], references, labels, probabilities=probabilities)
    assert scores.tolist() == pytest.approx([1.386, -2.944, -4.595], abs=1e-3)  # the lower log-odds
    fitted = between.score(candidates[:3], references, labels)
    torch.testing.assert_close(fitted, between.score(candidates[:3], references, labels, "heads"))
    heads = between.score(candidates[:3], references, labels, "heads", probabilities=probabilities)
    torch.testing.assert_close(heads, fitted)


def test_sure_answers_keep_an_order():
    candidates, references, labels = planted()
    probabilities = torch.tensor([[[1e-40, 1.0], [1e-60, 1.0], [0.0, 1.0]]], dtype=torch.float64)
    scores = between.score(candidates[:3], references, labels, "entropy", probabilities=probabilities)
    assert scores[0] > scores[1] > scores[2]


def test_position_runs_from_the_first_class_to_the_second():
    candidates, references, labels = planted()
    where = between.position(candidates[:80], references, labels)
    assert float(where[:30].mean()) == pytest.approx(0, abs=0.1)
    assert float(where[30:60].mean()) == pytest.approx(1, abs=0.1)
    assert float(where[60:].mean()) == pytest.approx(0.5, abs=0.1)
    t = torch.linspace(0, 1, 50)
    way = torch.lerp(candidates[0].expand(50, D), candidates[30].expand(50, D), t[:, None])
    assert spearmanr(between.position(way, references, labels), t).statistic == pytest.approx(1)


def test_nearest_is_of_each_class_and_never_itself():
    candidates, references, labels = planted()
    found = between.nearest(candidates, references, labels)
    distance = torch.cdist(candidates, references)
    for label in (0, 1):
        assert (labels[found[:, label]] == label).all()
        best = distance[:, labels == label].min(1).values
        torch.testing.assert_close(distance.gather(1, found[:, label : label + 1])[:, 0], best)
    own = between.nearest(references, references, labels)
    assert not (own == torch.arange(len(labels))[:, None]).any()


def test_covariance_is_shrunk_as_ledoit_and_wolf_did():
    _, references, labels = planted()
    means = torch.stack([references[labels == label].mean(0) for label in (0, 1)])
    expected, shrinkage = ledoit_wolf((references - means[labels]).double().numpy(), assume_centered=True)
    assert 0.01 < shrinkage < 0.99
    found = between._within_class_covariance(references, labels)
    torch.testing.assert_close(found, torch.tensor(expected).float(), rtol=1e-3, atol=1e-3)


def test_few_references_and_many_features():
    generator = torch.Generator().manual_seed(0)
    references = torch.randn(16, 512, generator=generator) + torch.tensor([0.0] * 8 + [1.0] * 8)[:, None]
    labels = [0] * 8 + [1] * 8
    for method in between.METHODS:
        assert between.score(references, references, labels, method).isfinite().all(), method
    assert between.score(torch.empty(0, 512), references, labels).shape == (0,)


NAN = torch.full((3, D), torch.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, r, y: (NAN, r, y), "3 candidates have features that are not finite, first row 0"),
        (lambda c, r, y: (c, torch.cat([r[:2], NAN, r[5:]]), y), "3 references .* not finite, first row 2"),
        (lambda c, r, y: (c, r, y[:-1]), "140 references, but 139 labels"),
        (lambda c, r, y: (c, r, y + 1), "labels must be 0 or 1"),
        (lambda c, r, y: (c, r, y * 0), "class 1 has 0 references"),
        (lambda c, r, y: (c, r[59:], y[59:]), "class 0 has 1 references"),
        (lambda c, r, y: (c[:, :5], r, y), "candidates have 5 features, references 24"),
        (lambda c, r, y: (c[0], r, y), "candidates must be features"),
        (lambda c, r, y: (c, torch.ones_like(r), y), "all references are equal"),
    ],
)
def test_what_cannot_be_ranked_is_one_line(change, message):
    candidates, references, labels = change(*planted())
    for function in (between.score, between.position, between.nearest):
        with pytest.raises(ValueError, match=message) as caught:
            function(candidates, references, labels)
        assert "\n" not in str(caught.value)


def test_unknown_method_and_wrong_probabilities():
    given = planted()
    with pytest.raises(ValueError, match="method must be one of default, heads"):
        between.score(*given, "magic")
    for wrong in (torch.rand(3, 99, 2), torch.full((1, 100, 2), 2.0), torch.full((1, 100, 2), torch.nan)):
        with pytest.raises(ValueError, match="probabilities must"):
            between.score(*given, "entropy", probabilities=wrong)
