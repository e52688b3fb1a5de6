"""What a map of flags is measured by: purity, twins, probes and how faithful it is."""

import json

import pytest
import torch

from betwixt import flags, metrics


def test_purity_is_of_what_the_class_allows():
    features = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]])
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    found = metrics.neighbour_purity(features, labels, k=2)
    assert found[:5].tolist() == [1, 1, 1, 1, 1]
    assert found[5].isnan()  # no other has its label
    mixed = metrics.neighbour_purity(features, torch.tensor([0, 1, 0, 1, 0, 1]), k=2)
    assert mixed[0] == 0.5


def test_a_twin_is_first_where_nothing_else_is_as_near():
    references = torch.eye(4)
    queries = references[[2, 1]] + 0.1
    assert metrics.retrieval_ranks(queries, references, torch.tensor([2, 0])).tolist() == [0, 3]
    same = torch.zeros(3, 2)  # what tells nothing apart is not right by chance
    assert metrics.retrieval_ranks(same[:1], same, torch.tensor([0])).tolist() == [2]


def test_flags_are_measured_in_every_space(tmp_path, run_recipe):
    (tmp_path / "pictures").mkdir()
    designs = [flag for flag in flags.read() if not flag.same_as][::2]
    for flag in designs:
        flags.draw(flag, (120, 80)).save(tmp_path / "pictures" / f"{flag.code}.png")
    (tmp_path / "pictures" / "nowhere.png").write_bytes(b"not a flag that is known")
    options = ["--pictures", str(tmp_path / "pictures"), "--twins", "1", "--output", "maps.json"]
    run_recipe(tmp_path, "evaluate_maps.py", *options)
    table = json.loads((tmp_path / "maps.json").read_text())
    assert table["flags"] == len(designs)
    spaces = table["spaces"]
    assert set(spaces) == {"raw pixels", "grey pixels", "edges", "colours"}
    assert spaces["edges"]["twin recall at 1"]["value"] > 0.5 > spaces["colours"]["twin recall at 1"]["value"]
    assert spaces["edges"]["layout purity"]["value"] > spaces["colours"]["layout purity"]["value"]
    assert spaces["colours"]["palette purity"]["value"] > spaces["edges"]["palette purity"]["value"]
    for figures in spaces.values():
        assert figures["layout purity"]["value"] > 0.9 * table["chance"]["layout"]
        assert 0.6 < figures["trustworthiness"] <= 1
        assert 0.6 < figures["continuity"] <= 1


@pytest.mark.parametrize("names", [[], ["fr", "de"]])
def test_too_few_flags_get_one_line(tmp_path, run_recipe, names):
    (tmp_path / "pictures").mkdir()
    known = {flag.code: flag for flag in flags.read()}
    for name in names:
        flags.draw(known[name]).save(tmp_path / "pictures" / f"{name}.png")
    failed = run_recipe(tmp_path, "evaluate_maps.py", "--pictures", str(tmp_path / "pictures"), check=False)
    assert f"has {len(names)} flags that are named by their codes: too few" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_constructed_flags_beside_pictures(tmp_path, run_recipe):
    (tmp_path / "pictures").mkdir()
    known = {flag.code: flag for flag in flags.read()}
    for code in ("fr", "de", "jp"):
        flags.draw(known[code], (120, 80)).save(tmp_path / "pictures" / f"{code}.png")
    flags.draw(known["jp"]).save(tmp_path / "pictures" / "at.png")
    table = json.loads(run_recipe(tmp_path, "evaluate_flags.py", "--pictures", "pictures", "--worst", "1").stdout)
    assert table["flags"] == 4
    assert [*table["worst"]] == ["Austria"]
    assert table["worst"]["Austria"]["similarity"] < 0.7 < 0.95 < table["median"]
    failed = run_recipe(tmp_path, "evaluate_flags.py", "--pictures", "nowhere", check=False)
    assert "has 0 flags" in failed.stderr
