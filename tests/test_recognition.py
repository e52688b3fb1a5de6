"""Which place it is, or none of them."""

import pytest
import torch
import torch.nn.functional as F

from betwixt.recognition import calibrate, vote


def collection(places: int, each: int, spread: float) -> tuple[torch.Tensor, list[str]]:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(places, 32, generator=generator).repeat_interleave(each, 0)
    embeddings = F.normalize(centres + spread * torch.randn(len(centres), 32, generator=generator), dim=1)
    return embeddings, [f"place {number // each}" for number in range(len(embeddings))]


def test_as_many_are_called_known_as_was_asked_for():
    embeddings, places = collection(60, 8, 0.5)
    for claims in (0.02, 0.1, 0.3):
        found = calibrate(embeddings, places, claims=claims)
        assert found.claimed == pytest.approx(claims, abs=0.015)
        assert found.places == 60
    strangers = F.normalize(torch.randn(2000, 32, generator=torch.Generator().manual_seed(1)), dim=1)
    nearest = (strangers @ embeddings.T).amax(1)
    assert (nearest > calibrate(embeddings, places).threshold).float().mean() < 0.12  # 5 % were allowed
    found = calibrate(embeddings, places)
    assert found.found > 0.95
    assert found.found + found.mistaken <= 1


def test_found_is_what_the_vote_names_rightly():
    embeddings, places = collection(12, 6, 1.2)
    found = calibrate(embeddings, places)
    scores = (embeddings @ embeddings.T).fill_diagonal_(-1)
    named = []
    for row in scores:
        best = row.topk(12)
        named.append(vote(best.values.tolist(), [places[i] for i in best.indices], found.threshold)[0])
    right = [one == place for one, place in zip(named, places, strict=True)]
    assert found.found == pytest.approx(sum(right) / len(right))
    assert found.mistaken == pytest.approx(1 - (sum(right) + named.count(None)) / len(right))
    assert 0 < found.mistaken < found.found < 1


def test_of_a_few_places_alone():
    embeddings, places = collection(20, 5, 0.5)
    asked = [place in ("place 3", "place 7") for place in places]
    assert calibrate(embeddings, places, asked).places == 2
    assert calibrate(embeddings, places, asked).threshold != calibrate(embeddings, places).threshold


def test_places_of_a_kind_are_not_taken_for_unknown_ones():
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randn(12, 32, generator=generator).repeat_interleave(12, 0)
    places = kinds + 0.7 * torch.randn(36, 32, generator=generator).repeat_interleave(4, 0)
    embeddings = F.normalize(places + 0.6 * torch.randn(144, 32, generator=generator), dim=1)
    names, kind_names = [f"{i // 12}/{i // 4}" for i in range(144)], [f"{i // 12}" for i in range(144)]
    strict, told = calibrate(embeddings, names), calibrate(embeddings, names, kinds=kind_names)
    assert strict.likened is None
    assert told.threshold < strict.threshold - 0.1
    assert told.found > strict.found
    assert told.claimed == pytest.approx(0.05, abs=0.03)
    assert told.likened > 0.8
    with pytest.raises(ValueError, match="at least two places"):
        calibrate(embeddings, names, kinds=["one"] * 144)


@pytest.mark.parametrize(("places", "asked"), [(["a", "a"], None), (["a", "b"], None), (["a", "a", "b"], [0, 0, 1])])
def test_too_little_to_tell(places, asked):
    with pytest.raises(ValueError, match="at least two places"):
        calibrate(torch.eye(len(places)), places, asked)


def test_the_nearer_the_louder():
    assert vote([0.9, 0.7, 0.6], ["a", "b", "b"], 0.5) == ("a", pytest.approx(0.4 / 0.7, abs=1e-4))
    assert vote([0.9, 0.8, 0.8], ["a", "b", "b"], 0.5)[0] == "b"
    assert vote([0.4, 0.3], ["a", "b"], 0.5) == (None, 0.0)
    assert vote([], [], 0.5) == (None, 0.0)
