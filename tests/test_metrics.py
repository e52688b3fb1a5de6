"""The figures against independent implementations and known answers."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import binomtest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
)

from betwixt import metrics


def test_area_under_curve_equals_scikit_learn_with_ties():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 20, (300,), generator=generator).float()
    labels = torch.randint(0, 2, (300,), generator=generator)
    assert metrics.area_under_curve(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    with pytest.raises(ValueError, match="both classes"):
        metrics.area_under_curve(scores, torch.zeros(300))


def test_average_precision_equals_scikit_learn_with_ties_and_weights():
    generator = torch.Generator().manual_seed(0)
    for values in (20, 10_000):  # with ties, and all but without
        scores = torch.randint(0, values, (200,), generator=generator).float()
        positive = torch.rand(200, generator=generator) < 0.2
        expected = average_precision_score(positive, scores)
        assert float(metrics.average_precision(scores, positive)) == pytest.approx(expected)
        weights = torch.randint(0, 4, (3, 200), generator=generator).float()
        found = metrics.average_precision(scores, positive, weights)
        expected = [average_precision_score(positive, scores, sample_weight=row) for row in weights]
        assert found.tolist() == pytest.approx(expected)


def test_structural_similarity_equals_another_implementation():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (4, 3, 32, 40))
    y = np.clip(x + random.normal(0, 0.3, x.shape), -1, 1)

    def smooth(values):
        return gaussian_filter(values, 1.5, truncate=3.5)[5:-5, 5:-5]

    def of_channel(a, b):
        mean_a, mean_b, covariance = smooth(a), smooth(b), smooth(a * b) - smooth(a) * smooth(b)
        variance = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
        similarity = (2 * mean_a * mean_b + 0.0004) * (2 * covariance + 0.0036)
        return (similarity / (mean_a**2 + mean_b**2 + 0.0004) / (variance + 0.0036)).mean()

    expected = [np.mean([of_channel(a[c], b[c]) for c in range(3)]) for a, b in zip(x, y, strict=True)]
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    assert metrics.structural_similarity(x, y).tolist() == pytest.approx(expected)
    assert metrics.structural_similarity(x, x).tolist() == pytest.approx([1] * 4)
    assert metrics.structural_similarity(x.float(), y.float()).tolist() == pytest.approx(expected, abs=1e-5)


def test_interval_covers_like_the_binomial():
    values = torch.cat([torch.ones(90), torch.zeros(10)])
    found = metrics.with_interval(values)
    exact = binomtest(90, 100).proportion_ci(method="wilson")
    assert found["value"] == pytest.approx(0.9)
    assert found["low"] == pytest.approx(exact.low, abs=0.03)
    assert found["high"] == pytest.approx(exact.high, abs=0.03)
    perfect = metrics.with_interval(torch.ones(50))
    assert perfect["high"] == 1
    assert perfect["low"] == pytest.approx(binomtest(50, 50).proportion_ci(method="wilson").low, abs=1e-6)
    few = metrics.with_interval(torch.ones(50), torch.arange(50) // 10)
    assert few["low"] == pytest.approx(binomtest(5, 5).proportion_ci(method="wilson").low, abs=1e-6)
    with pytest.raises(ValueError, match="nothing"):
        metrics.with_interval(torch.zeros(0))


def test_bootstrap_of_a_figure_of_all():
    random = np.random.default_rng(2)
    labels = torch.tensor(random.choice(2, 400))
    scores = torch.tensor(random.normal(0, 1, 400)) + labels

    def area(rows):
        return metrics.area_under_curve(scores[rows], labels[rows])

    alone = metrics.with_bootstrap(area, 400)
    assert alone["value"] == pytest.approx(roc_auc_score(labels, scores))
    # Hanley and McNeil (1982): the standard error at this area and these counts is about 0.021.
    assert 0.06 < alone["high"] - alone["low"] < 0.11
    groups = torch.arange(400) // 8
    together = metrics.with_bootstrap(lambda rows: float(groups[rows].double().mean()), 400, groups)
    assert together["high"] - together["low"] > 2 * 1.96 * groups.double().std() / 50**0.5 * 0.8


def test_halves_give_the_interval_of_a_mean():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0)).double()
    found = metrics.with_half_samples(lambda rows: float(values[rows].mean()), 400)
    assert found["value"] == pytest.approx(values.mean().item())
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * values.std().item() / 20, rel=0.15)
    groups = torch.arange(400) // 8
    together = metrics.with_half_samples(lambda rows: float(groups[rows].double().mean()), 400, groups)
    assert together["high"] - together["low"] == pytest.approx(
        2 * 1.96 * groups.double().std().item() / 50**0.5, rel=0.15
    )
    with pytest.raises(ValueError, match="at least two groups"):
        metrics.with_half_samples(lambda rows: 0.0, 3, torch.zeros(3))


def test_halves_find_nothing_in_common_where_bootstraps_do():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 30, (2, 120))

    def common(rows):
        return adjusted_mutual_info_score(a[rows], b[rows])

    assert metrics.with_bootstrap(common, 120)["low"] > 0.1
    found = metrics.with_half_samples(common, 120)
    assert found["low"] < 0 < found["high"]
    assert found["low"] < found["value"] < found["high"]


def test_groups_widen_the_interval():
    values = (torch.arange(200) // 10 % 2).double()  # ten copies of each of twenty pictures
    alone = metrics.with_interval(values)
    together = metrics.with_interval(values, torch.arange(200) // 10)
    assert together["value"] == alone["value"] == 0.5
    assert together["high"] - together["low"] > 2.5 * (alone["high"] - alone["low"])


def test_mean_over_classes_is_the_balanced_accuracy():
    random = np.random.default_rng(1)
    labels = torch.tensor(random.choice(3, 300, p=[0.1, 0.2, 0.7]))
    answers = torch.where(torch.tensor(random.random(300) < 0.9), labels, 0)
    found = metrics.mean_over_classes((answers == labels).double(), labels)
    assert found["value"] == pytest.approx(balanced_accuracy_score(labels, answers))
    assert found["value"] - 0.06 < found["low"] < found["value"] < found["high"] <= 1


def test_calibration_error_by_hand():
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = torch.tensor([0, 1, 1, 1])
    assert metrics.expected_calibration_error(probabilities, labels) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)


def test_paired_test_finds_a_difference_and_no_more():
    random = np.random.default_rng(0)
    noise = torch.tensor(random.choice([-1.0, 1.0], 100))
    assert metrics.paired_sign_flip_test(noise) > 0.05
    assert metrics.paired_sign_flip_test(torch.tensor(random.normal(0.5, 1, 100))) < 0.01
    assert metrics.paired_sign_flip_test(torch.zeros(20)) == 1


def cloud(count: int, seed: int, centre: float = 0.0) -> torch.Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)) + centre


def test_manifold_holds_its_own_kind_alone():
    references = cloud(300, 0)
    inside, outside = metrics.manifold_distance(cloud(200, 1), references), cloud(200, 2, centre=6)
    assert (inside <= 1).float().mean() > 0.8
    assert metrics.manifold_distance(outside, references).min() > 1
    assert metrics.manifold_distance(references[:5], references).abs().max() < 1e-3
    by_hand = torch.tensor([[0.0], [1.0], [3.0]])
    assert metrics.manifold_distance(torch.tensor([[5.0]]), by_hand, k=1).item() == pytest.approx(1.0)  # 2 of radius 2
    with pytest.raises(ValueError, match="more than 3 references"):
        metrics.manifold_distance(references, references[:3])


def test_kernel_distance_is_zero_between_equals():
    same = metrics.kernel_distance(cloud(1000, 0), cloud(1000, 1))
    assert same["low"] < 0 < same["high"]
    assert abs(same["value"]) < 0.05
    apart = metrics.kernel_distance(cloud(1000, 0), cloud(1000, 1, centre=0.5))
    assert apart["low"] > same["high"]
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    kernel = lambda a, b: (a * b + 1) ** 3  # noqa: E731
    cross = (kernel(1, 0) + kernel(1, 1) + kernel(2, 0) + kernel(2, 1)) / 4
    assert metrics.kernel_distance(x, y)["value"] == pytest.approx(kernel(1, 2) + kernel(0, 1) - 2 * cross)
    with pytest.raises(ValueError, match="at least two"):
        metrics.kernel_distance(x[:1], y)


def test_kernel_distance_of_classes_is_the_mean_of_its_pairs():
    clouds = [cloud(200, 0), cloud(200, 1, centre=0.5), cloud(200, 2, centre=-0.5)]
    labels = torch.arange(3).repeat_interleave(200)
    found = metrics.kernel_distance_of_classes(torch.cat(clouds), labels, subset_size=100)
    pairs = [metrics.kernel_distance(a, b)["value"] for a, b in combinations(clouds, 2)]
    assert found["value"] == pytest.approx(np.mean(pairs), rel=0.05)
    assert found["low"] < found["value"] < found["high"]
    same = metrics.kernel_distance_of_classes(cloud(600, 3), labels)
    assert abs(same["value"]) < 0.05 * found["value"]
    few = torch.cat([labels, torch.tensor([3, 3, 3])])  # too few to be counted
    with_few = metrics.kernel_distance_of_classes(torch.cat([*clouds, cloud(3, 4, centre=9)]), few, subset_size=100)
    assert with_few["value"] == pytest.approx(found["value"], rel=0.05)
    with pytest.raises(ValueError, match="at least two classes"):
        metrics.kernel_distance_of_classes(cloud(10, 0), torch.zeros(10, dtype=torch.long))


def test_precision_falls_by_what_is_unreal_and_recall_by_what_is_missing():
    references = torch.cat([cloud(200, 0), cloud(200, 1, centre=9)])
    real, found = metrics.precision_and_recall(torch.cat([cloud(200, 2), cloud(200, 3, centre=-9)]), references)
    assert real[:200].float().mean() > 0.8
    assert not real[200:].any()
    assert found[:200].float().mean() > 0.8
    assert not found[200:].any()


def test_a_ratio_has_an_interval_of_both_sides():
    x, references = torch.linspace(-1, 1, 401), torch.linspace(-2, 2, 801)
    assert metrics.middle_range(references).item() == pytest.approx(3.6)
    of_range = metrics.ratio_with_bootstrap(metrics.middle_range, x, references)
    assert of_range["value"] == pytest.approx(0.5)
    assert 0.45 < of_range["low"] < 0.5 < of_range["high"] < 0.55
    of_few = metrics.ratio_with_bootstrap(metrics.middle_range, x[::20], references[::40])
    assert of_few["high"] - of_few["low"] > 2 * (of_range["high"] - of_range["low"])


def test_path_length_is_the_square_of_the_speed():
    """Of a straight line of length 5, and of a quarter of the unit circle."""

    def distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x - y).square().flatten(1).sum(1)

    first, second = torch.zeros(6, 2, 3), torch.zeros(6, 2, 3)
    second[:, 0, 0], second[:, 1, 2] = 3.0, 4.0
    straight = metrics.perceptual_path_length(torch.clone, distance, first, second)
    assert straight.tolist() == pytest.approx([25.0] * 6, rel=1e-3)
    first, second = torch.tensor([[1.0, 0.0]] * 6), torch.tensor([[0.0, 1.0]] * 6)
    curved = metrics.perceptual_path_length(torch.clone, distance, first, second, way="spherical")
    assert curved.tolist() == pytest.approx([(torch.pi / 2) ** 2] * 6, rel=1e-3)
    uneven = metrics.perceptual_path_length(torch.square, distance, first, second)  # faster at the ends
    assert 0 < uneven.min() < uneven.max() < 4


def test_copies_are_found_mirrored_and_shifted_and_among_duplicates():
    training = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    copies = torch.stack([training[3].flip(-1), training[4].roll((2, -1), (1, 2)), training[5] + 0.01])
    new = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    ratios = metrics.copy_ratio(metrics.shifted_distances(torch.cat([copies, new]), training))
    assert ratios[:3].max() < 1 / 3
    assert ratios[3:].min() > 0.8
    twice = torch.cat([training, training[3:6]])
    distances = metrics.shifted_distances(copies, twice)
    groups = torch.cat([torch.arange(20), torch.arange(3, 6)])
    assert metrics.copy_ratio(distances, groups).max() < 1 / 3
    assert metrics.copy_ratio(distances)[2] > 0.99  # without groups a copy of what is there twice goes unseen
    with pytest.raises(ValueError, match="two groups"):
        metrics.copy_ratio(distances, torch.zeros(23))


def test_double_exposures_leave_no_residual():
    generator = torch.Generator().manual_seed(0)
    first, second, other = (torch.rand(6, 3, 16, 16, generator=generator) for _ in range(3))
    mixed = 0.3 * first[2] + 0.6 * second[4] + 0.1
    residuals = metrics.two_picture_residual(torch.stack([mixed, other[0], first[1]]), first, second)
    assert residuals[0] < 1e-4
    assert residuals[1] > 0.9
    assert residuals[2] < 1e-4
    design = torch.stack([first[0].flatten(), second[0].flatten(), torch.ones(768)], 1)
    fit = torch.linalg.lstsq(design, other[1].flatten()[:, None]).solution
    left = (other[1].flatten() - (design @ fit)[:, 0]).square().sum() / (other[1] - other[1].mean()).square().sum()
    assert metrics.two_picture_residual(other[1:2], first[:1], second[:1]).item() == pytest.approx(
        left.item(), abs=1e-4
    )


def test_vendi_score_counts_what_differs():
    assert metrics.vendi_score(torch.eye(5)) == pytest.approx(5)
    assert metrics.vendi_score(torch.ones(7, 3)) == pytest.approx(1)
    assert metrics.vendi_score(torch.eye(2).repeat(10, 1)) == pytest.approx(2)
    with pytest.raises(ValueError, match="nothing"):
        metrics.vendi_score(torch.empty(0, 3))


def test_search_figures_are_those_of_scikit_learn_and_of_a_hand():
    from sklearn.metrics import average_precision_score

    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(30, 50, generator=generator)
    relevant = torch.rand(30, 50, generator=generator) < 0.2
    own = torch.arange(30)
    figures = metrics.search_figures(scores, relevant, own)
    for row in range(30):
        others = torch.arange(50) != row
        wanted = average_precision_score(relevant[row, others].numpy(), scores[row, others].numpy())
        assert figures["mAP"][row] == pytest.approx(wanted, abs=1e-9)
        best = scores[row].masked_fill(~others, -torch.inf).argmax()
        assert figures["recall at 1"][row] == float(relevant[row, best])
    by_hand = metrics.search_figures(
        torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0]]), torch.tensor([[True, False, True, False, True]])
    )
    assert by_hand["MAP at R"].item() == pytest.approx((1 + 2 / 3) / 3)
    assert by_hand["mAP"].item() == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    none = metrics.search_figures(torch.rand(1, 4), torch.zeros(1, 4, dtype=torch.bool))
    assert all(value.isnan().all() for value in none.values())
