"""Directions in w: planted ones are found again, factors move alone, and the file beside a generator is strict."""

import json
import math

import pytest
import torch

from betwixt import StyleGAN2Generator
from betwixt import directions as d
from betwixt.hub import HubError

SMALL = {"z_dim": 8, "w_dim": 12, "img_resolution": 16, "channel_base": 64, "channel_max": 8, "mapping_layers": 2}


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    torch.manual_seed(0)
    return StyleGAN2Generator(**SMALL, c_dim=3, class_names=["cat", "dog", "fox"]).eval()


@pytest.fixture(scope="module")
def planted() -> tuple[torch.Tensor, torch.Tensor]:
    """w (4000, 12) that varies most along 3 planted directions (3, 12), by 5, 3 and 2."""
    random = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(12, 12, generator=random)).Q
    scales = torch.tensor([5.0, 3.0, 2.0, *[0.3] * 9])
    return torch.randn(4000, 12, generator=random) * scales @ basis.T + 7, basis.T[:3]


def test_principal_directions_are_those_that_were_planted(planted):
    w, basis = planted
    found, deviations = d.principal(w, 3)
    assert torch.allclose((found * basis).sum(1).abs(), torch.ones(3), atol=0.01)
    assert torch.allclose(deviations, torch.tensor([5.0, 3.0, 2.0]), rtol=0.05)
    assert torch.allclose(found @ found.T, torch.eye(3), atol=1e-5)
    assert torch.equal(d.principal(w, 2)[0], found[:2])
    with pytest.raises(ValueError, match="no 13 principal directions"):
        d.principal(w, 13)


def test_sefa_finds_the_direction_that_was_planted_into_some_layers(generator):
    changed = StyleGAN2Generator(**SMALL)
    changed.load_state_dict(StyleGAN2Generator(**SMALL).state_dict())
    planted = torch.nn.functional.normalize(torch.randn(12, generator=torch.Generator().manual_seed(1)), dim=0)
    with torch.no_grad():
        for block in (changed.synthesis.b16.conv0, changed.synthesis.b16.conv1):  # the styles 3 and 4 of 6
            block.affine.weight += 30 * torch.ones(len(block.affine.weight), 1) * planted
    (fine,), strength = d.factorised(changed, 1, (3, 5))
    assert abs(float(fine @ planted)) > 0.99
    (coarse,), _ = d.factorised(changed, 1, (0, 3))
    assert abs(float(coarse @ planted)) < 0.9
    affine = torch.cat([changed.synthesis.b16.conv0.affine.weight, changed.synthesis.b16.conv1.affine.weight])
    near = torch.cat([affine, changed.synthesis.b8.torgb.affine.weight]) @ fine / math.sqrt(12)
    assert near.norm().item() == pytest.approx(strength.item(), rel=1e-4)
    with pytest.raises(ValueError, match="layers 5 to 5 of 6 have no 1 directions"):
        d.factorised(generator, 1, (5, 5))


def test_factors_are_found_and_each_moves_alone(planted):
    w, basis = planted
    # Along the first two planted directions, but not at right angles: each tells of the other.
    truth = torch.stack([w @ basis[0], w @ (basis[0] + basis[1])], 1)
    noisy = truth + truth.std(0) * 0.3 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    weights, biases = d.ridge(w[:3000], noisy[:3000])
    share = d.r_squared(noisy[3000:], w[3000:].double() @ weights.T + biases)
    assert torch.allclose(share, torch.tensor([1 / 1.09] * 2).to(share), atol=0.03)
    found = d.carriers(w, weights)
    assert torch.allclose(found @ weights.T, torch.eye(2).to(found), atol=1e-6)
    changed = torch.stack([d.move(w, step.float(), 2.0) @ basis[0] for step in found])
    assert torch.allclose(changed.mean(1) - (w @ basis[0]).mean(), torch.tensor([2.0, 0.0]), atol=0.15)
    twice = d.carriers(w, weights[[0, 0, 1]])
    assert torch.allclose(twice[0] + twice[1], found[0], atol=1e-4)
    rest = d.unexplained(w, weights)
    assert d.r_squared(truth, rest.double() @ weights.T).max() < 0.05
    assert abs(float(d.principal(rest, 1)[0] @ basis[2])) > 0.99


def test_moving_some_layers(generator):
    w = generator.mapping(torch.randn(2, 8), torch.eye(3)[:2])
    step = torch.nn.functional.normalize(torch.randn(12), dim=0)
    assert torch.allclose(d.move(w[:, 0], step, 0.5), w[:, 0] + 0.5 * step)
    moved = d.move(w, step, 2.0, (1, 3))
    assert torch.equal(moved[:, [0, 3, 4, 5]], w[:, [0, 3, 4, 5]])
    assert torch.allclose(moved[:, 1:3], w[:, 1:3] + 2 * step)
    assert torch.allclose(d.Direction(step, 4.0, (1, 3)).moved(w, 0.5), moved)
    with pytest.raises(ValueError, match=r"direction of shape \(11,\) does not suit w of shape \(2, 6, 12\)"):
        d.move(w, step[:11], 1.0)
    with pytest.raises(ValueError, match=r"where w is \(B, num_ws, w_dim\), not \(2, 12\)"):
        d.move(w[:, 0], step, 1.0, (0, 2))


def test_styles_are_of_each_class_in_turn(generator):
    w = d.styles_of(generator, 7, seed=3)
    assert w.shape == (7, 12)
    assert torch.equal(w, d.styles_of(generator, 7, seed=3))
    z = torch.randn(7, 8, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(w[4], generator.mapping(z[4:5], torch.eye(3)[1:2])[0, 0], atol=1e-6)


def test_the_file_beside_a_generator(generator, tmp_path):
    assert d.read_directions(tmp_path, generator) == []
    vectors = torch.nn.functional.normalize(torch.randn(2, 12), dim=1)
    plain = d.Direction(vectors[0], 0.5, (0, 6))
    named = d.Direction(vectors[1], 1.5, (2, 6), {"en": "Turn", "fr": "Tourner"}, {"yaw": 0.91}, 2.0)
    d.save_directions([plain, named], tmp_path)
    first, second = d.read_directions(tmp_path, generator)
    assert (first.names, first.changes, first.layers, first.reach) == (named.names, {"yaw": 0.91}, (2, 6), 2.0)
    assert torch.allclose(first.vector, named.vector, atol=1e-4)
    assert first.vector.norm().item() == pytest.approx(1, abs=1e-6)
    assert (second.names, second.deviation) == ({}, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vector": [1.0] * 11}, "direction 0: vector must be 12 numbers"),
        ({"vector": [float("nan")] * 12}, "vector must be 12 numbers|not valid JSON"),
        ({"layers": [2, 9]}, r"layers must be a first and a last of 6, not \[2, 9\]"),
        ({"layers": None}, "layers must be a first and a last of 6, not None"),
        ({"deviation": 0}, "deviation must be a number over 0, not 0"),
        ({"reach": "far"}, "reach must be a number over 0, not far"),
        ({"names": ["Turn"]}, "names must be texts, by language"),
        ({"changes": {"yaw": "much"}}, "changes must be numbers, by factor"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(generator, tmp_path, change, message):
    row = {"vector": [0.5] * 12, "layers": [0, 6], "deviation": 1.0, "reach": 3, "names": {}, "changes": {}}
    (tmp_path / d.DIRECTIONS_FILE).write_text(json.dumps({"directions": [{**row, **change}]}))
    with pytest.raises(HubError, match=message):
        d.read_directions(tmp_path, generator)
    (tmp_path / d.DIRECTIONS_FILE).write_text(json.dumps({"directions": "none"}))
    with pytest.raises(HubError, match="has no list of directions"):
        d.read_directions(tmp_path, generator)
