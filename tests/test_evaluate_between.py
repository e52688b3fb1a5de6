"""The table of methods that find hybrids: what is planted, what is ranked, and what the figures mean."""

import json

import evaluate_between as recipe
import pytest
import torch
from loop import last_checkpoint
from tables import ImageTable, read_dataset

from betwixt import between, metrics
from betwixt.images import from_bytes


@pytest.fixture(scope="module")
def test_split() -> ImageTable:
    return read_dataset("clocks-crocodiles", "test", 32).of_classes(recipe.CLASSES)


def test_pools_hold_hybrids_and_blends_of_one_class(test_split):
    pools = recipe.plant(test_split, planted=6, seeds=2, decoder=None)
    assert set(pools) == set(recipe.BLENDS)
    plain = from_bytes(test_split.pixels)
    for of_kind in pools.values():
        assert len(of_kind) == 2
        assert not torch.equal(of_kind[0].planted, of_kind[1].planted)
        for pool in of_kind:
            assert torch.equal(pool.plain, plain)
            assert pool.hybrid.sum() == pool.same_class.sum() == 6
            assert not (pool.hybrid & pool.same_class).any()
            assert len(pool.planted) == 12
            assert len(pool.hybrid) == len(plain) + 12


def test_bootstrap_draws_plain_pictures_alike_everywhere(test_split):
    pools = recipe.plant(test_split, planted=6, seeds=2, decoder=None)
    groups = torch.arange(len(test_split))
    weights = recipe.bootstrap_weights(pools, groups)
    flat = [drawn for of_kind in weights.values() for drawn in of_kind]
    for drawn in flat:
        assert drawn.shape == (recipe.DRAWS, len(test_split) + 12)
        assert (drawn[0] == 1).all()
        assert torch.equal(drawn[:, : len(test_split)], flat[0][:, : len(test_split)])
        assert (drawn[:, -12:-6].sum(1) == 6).all()
    assert not torch.equal(flat[0][:, -12:], flat[1][:, -12:])


def test_figures_of_perfect_and_useless_scores(test_split):
    pools = recipe.plant(test_split, planted=12, seeds=2, decoder=None)
    weights = recipe.bootstrap_weights(pools, torch.arange(len(test_split)))
    perfect = {kind: [pool.hybrid.float() for pool in of_kind] for kind, of_kind in pools.items()}
    worst = {kind: [-scores for scores in of_kind] for kind, of_kind in perfect.items()}
    table = recipe.figures({"heads": perfect, "original": worst}, pools, weights)
    assert table["heads"]["average precision"]["macro"] == {"value": 1, "low": 1, "high": 1}
    assert table["heads"]["precision at 10"]["macro"] == 1
    assert table["original"]["precision at 10"]["macro"] == 0
    assert table["original"]["times the original rule"] == {"value": 1, "low": 1, "high": 1}
    expected = float(metrics.average_precision(worst["mixup"][0], pools["mixup"][0].hybrid))
    assert table["original"]["average precision"]["mixup"]["value"] == pytest.approx(expected)
    assert table["heads"]["times the original rule"]["value"] == pytest.approx(1 / expected, rel=0.01)


def test_command_writes_the_table(small_run, run_recipe):
    network = str(last_checkpoint(small_run / "runs/first") / "model")
    options = ["--dataset", "small", "clocks-crocodiles", "--features", network, f"{network}#1", "--planted", "5"]
    run_recipe(small_run, "evaluate_between.py", *options, "--seeds", "1", "--output", "between.json")
    table = json.loads((small_run / "between.json").read_text())
    assert list(table) == ["small", "clocks-crocodiles"]
    for name, by_features in table.items():
        assert list(by_features) == [network, f"{network}#1"]
        for figures in by_features.values():
            assert set(figures) >= set(between.METHODS)
            assert figures["default"] == figures["heads"]  # this network has no heads of its own
            macro = figures["heads"]["average precision"]["macro"]
            assert 0 <= macro["low"] <= macro["value"] <= macro["high"] <= 1
            assert ("morph" in figures["heads"]["average precision"]) == (name == "clocks-crocodiles")
            assert ("position" in figures) == (name == "clocks-crocodiles")
    absent = run_recipe(small_run, "evaluate_between.py", *options, "--methods", "magic", check=False)
    assert "error: no method magic" in absent.stderr.strip().splitlines()[-1]
