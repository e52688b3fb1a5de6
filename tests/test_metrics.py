"""The figures against independent implementations and known answers."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from betwixt import metrics


def test_area_under_curve_equals_scikit_learn_with_ties():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 20, (300,), generator=generator).float()
    labels = torch.randint(0, 2, (300,), generator=generator)
    assert metrics.area_under_curve(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    with pytest.raises(ValueError, match="both classes"):
        metrics.area_under_curve(scores, torch.zeros(300))


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
