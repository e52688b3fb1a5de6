"""The table of methods that find hybrids: what is planted, what is ranked, and what the figures mean."""

import json

import evaluate_between as recipe
import pytest
import torch
from loop import last_checkpoint
from tables import ImageTable, read_dataset

from betwixt import metrics
from betwixt.images import from_bytes


@pytest.fixture(scope="module")
def test_split() -> ImageTable:
    return read_dataset("clocks-crocodiles", "test", 32)


def plant(test_split, planted: int) -> recipe.Planted:
    return recipe.plant(test_split, recipe.Recipe(dataset=[], planted=planted, seeds=2))


def test_pools_hold_hybrids_and_blends_of_one_class(test_split):
    planted = plant(test_split, 6)
    assert set(planted.pools) == set(recipe.BLENDS)
    plain = from_bytes(torch.cat([test_split.of_classes(recipe.CLASSES).pixels, recipe.others_of(test_split).pixels]))
    assert len(plain) == len(test_split)
    for of_kind in planted.pools.values():
        assert len(of_kind) == 2
        assert not torch.equal(*(planted.pictures[pool.rows[pool.hybrid]] for pool in of_kind))
        for pool in of_kind:
            assert torch.equal(planted.pictures[pool.rows[: len(plain)]], plain)
            assert pool.hybrid.sum() == pool.same_class.sum() == 6
            assert pool.other.sum() == len(recipe.others_of(test_split))
            assert (pool.hybrid.int() + pool.same_class.int() + pool.other.int()).max() == 1
            assert len(pool.rows) == len(pool.hybrid) == len(plain) + 12


def test_morphs_half_way_are_a_pool(test_split):
    morphs = read_dataset("clocks-crocodiles", "morphs", 32)
    planted = recipe.plant(test_split, recipe.Recipe(dataset=[], planted=6, seeds=1), morphs=morphs)
    assert torch.equal(planted.pictures[planted.morphs], from_bytes(morphs.pixels))
    (pool,) = planted.pools[recipe.MORPHS]
    middle = (planted.t >= 0.3) & (planted.t <= 0.7)
    assert torch.equal(pool.rows[pool.hybrid], planted.morphs[middle])
    assert not pool.same_class.any()


def test_bootstrap_draws_plain_pictures_alike_everywhere(test_split):
    weights = recipe.bootstrap_weights(plant(test_split, 6).pools, recipe.groups_of(test_split))
    flat = [drawn for of_kind in weights.values() for drawn in of_kind]
    for drawn in flat:
        assert drawn.shape == (recipe.DRAWS, len(test_split) + 12)
        assert (drawn[0] == 1).all()
        assert torch.equal(drawn[:, : len(test_split)], flat[0][:, : len(test_split)])
        assert (drawn[:, -12:-6].sum(1) == 6).all()
    assert not torch.equal(flat[0][:, -12:], flat[1][:, -12:])


def test_figures_of_perfect_and_useless_scores(test_split):
    planted = plant(test_split, 12)
    weights = recipe.bootstrap_weights(planted.pools, recipe.groups_of(test_split))
    perfect = torch.zeros(len(planted.pictures))
    for of_kind in planted.pools.values():
        for pool in of_kind:
            perfect[pool.rows[pool.hybrid]] = 1
    table = recipe.figures({"heads": perfect, "original": -perfect}, planted.pools, weights)
    pool = planted.pools["mixup"][0]
    for name, ranked in recipe.PRECISIONS.items():
        assert table["heads"][name]["macro"] == {"value": 1, "low": 1, "high": 1}
        assert table["original"][name]["times the original rule"] == {"value": 1, "low": 1, "high": 1}
        rows = ranked(pool)
        expected = float(metrics.average_precision(-perfect[pool.rows[rows]], pool.hybrid[rows]))
        assert table["original"][name]["mixup"]["value"] == pytest.approx(expected)
    assert table["heads"]["precision at 10"]["macro"] == 1
    assert table["original"]["precision at 10"]["macro"] == 0
    among = [table["original"][name]["macro"]["value"] for name in recipe.PRECISIONS]
    assert among[1] > among[0] > among[2]  # the more there is beside the hybrids, the lower


def test_a_dataset_of_the_two_classes_alone_has_no_others(test_split):
    planted = plant(test_split.of_classes(recipe.CLASSES), 6)
    weights = recipe.bootstrap_weights(planted.pools, recipe.groups_of(test_split.of_classes(recipe.CLASSES)))
    table = recipe.figures({"original": torch.arange(len(planted.pictures)).float()}, planted.pools, weights)
    assert set(recipe.PRECISIONS) - set(table["original"]) == {recipe.OTHERS_TOO}


def test_command_writes_the_table(small_run, run_recipe):
    network = str(last_checkpoint(small_run / "runs/first") / "model")
    options = ["--dataset", "small", "clocks-crocodiles", "--features", network, f"{network}#1", "--planted", "5"]
    methods = ["default", "heads", "original"]
    measured = [*options, "--methods", *methods, "--seeds", "1", "--output", "between.json"]
    run_recipe(small_run, "evaluate_between.py", *measured)
    table = json.loads((small_run / "between.json").read_text())
    assert list(table) == ["small", "clocks-crocodiles"]
    for name, by_features in table.items():
        assert list(by_features) == [network, f"{network}#1"]
        for figures in by_features.values():
            assert set(figures) >= set(methods)
            assert figures["default"] == figures["heads"]  # this network has no heads of its own
            macro = figures["heads"]["average precision"]["macro"]
            assert 0 <= macro["low"] <= macro["value"] <= macro["high"] <= 1
            assert ("morph" in figures["heads"]["average precision"]) == (name == "clocks-crocodiles")
            assert ("position" in figures) == (name == "clocks-crocodiles")
    absent = run_recipe(small_run, "evaluate_between.py", *options, "--methods", "magic", check=False)
    assert "error: no method magic" in absent.stderr.strip().splitlines()[-1]
