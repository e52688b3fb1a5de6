"""The rendered world of mammals: independence of its factors, exact swaps, poses, breeds, tables and looks."""

import json

import numpy as np
import pytest
import torch
from worlds import coats, mammals
from worlds.breeds import BREEDS
from worlds.factors import Factors
from worlds.mammals import IDENTITY, LARGEST_ANGLE, NAMES, POSE, SPECIES, render, sample_factors, swapped

PLAIN = {
    "yaw": 0.0,
    "pitch": 0.0,
    "tilt": 0.0,
    "mouth": 0.0,
    "distance": 1.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "light_azimuth": 0.0,
    "light_elevation": 45.0,
    "background": "studio",
    "floor": "none",
    "wall": "plain",
    **dict.fromkeys(("wall_color", "wall_second_color", "floor_color", "floor_second_color"), "#20c020"),
}


def posed(factors: Factors, **changes) -> Factors:
    """The same animals before a plain green wall, the pose changed."""
    return Factors(tuple({**row, **PLAIN, **changes} for row in factors.rows))


def difference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of pictures, (B,) in levels of 255."""
    return (a.float() - b.float()).abs().mean((1, 2, 3))


def test_same_seed_same_bytes_whatever_the_batch():
    factors = sample_factors(6, 5)
    together = render(factors, 48)
    assert together.shape == (6, 3, 48, 48)
    assert together.dtype == torch.uint8
    assert torch.equal(render(factors, 48, batch_size=1), together)
    assert torch.equal(render(factors, 48, batch_size=4), together)
    assert torch.equal(render(factors[[4, 1]], 48), together[[4, 1]])


@pytest.mark.parametrize("breed", [None, "cat", "husky"])
def test_factors_depend_only_on_seed_breed_and_number(breed):
    factors = sample_factors(6, 9, breed)
    assert sample_factors(3, 9, breed, start=3).rows == factors.rows[3:]
    assert sample_factors(6, 10, breed).rows != factors.rows
    assert all(breed in (None, row["breed"], row["species"]) for row in factors.rows)
    assert len({row["individual"] for row in factors.rows}) == 6


def test_a_swap_is_the_picture_that_is_rendered_directly():
    """The same animal, drawn afresh from its breed and number, in the view of another's number."""
    breeds, numbers = ("toyger", "poodle", "corgi"), (3, 4, 5)
    identity = [sample_factors(1, 1, b, individual=n) for b, n in zip(breeds, numbers, strict=True)]
    identity = identity[0] + identity[1] + identity[2]
    attributes = sample_factors(3, 2, "chartreux")
    direct = [
        sample_factors(1, 2, b, individual=n, start=i) for i, (b, n) in enumerate(zip(breeds, numbers, strict=True))
    ]
    target = swapped(identity, attributes)
    assert target.rows == (direct[0] + direct[1] + direct[2]).rows
    images = render(target, 32)
    assert torch.equal(images, torch.cat([render(one, 32) for one in direct]))
    assert difference(images, render(identity, 32)).min() > 5
    assert difference(images, render(attributes, 32)).min() > 5
    assert torch.equal(render(swapped(attributes, attributes), 32), render(attributes, 32))


def test_identity_and_the_rest_are_all_there_is():
    row = sample_factors(1, 0).rows[0]
    view = mammals.sample_view(np.random.default_rng(0))
    assert set(row) == set(IDENTITY) | set(view)
    assert not set(IDENTITY) & set(view)
    assert set(POSE) < set(view)


def test_breed_individual_and_pose_are_independent():
    """In 4,000 pictures no factor of identity goes along with one of pose, beyond chance."""
    rows = sample_factors(4000, 7).rows
    poses = np.array([[row[name] for name in POSE] for row in rows])
    traits = np.array([[row[name] for name in mammals.TRAITS] for row in rows])
    breeds = np.array([[row["breed"] == name for name in NAMES] for row in rows], dtype=float)
    together = np.corrcoef(np.hstack([poses, traits, breeds]).T)[: len(POSE)]
    assert np.abs(together[:, len(POSE) :]).max() < 0.07  # 4.4 deviations
    of_breeds = np.corrcoef(np.hstack([traits, breeds]).T)[: traits.shape[1], traits.shape[1] :]
    assert np.abs(of_breeds).max() < 0.07


def test_every_breed_and_pose_is_drawn():
    rows = sample_factors(3000, 0).rows
    counts = np.array([sum(row["breed"] == name for row in rows) for name in NAMES])
    assert len(NAMES) >= 14
    assert counts.min() > 120
    assert {kind.species for kind in BREEDS.values()} == set(SPECIES)
    for name, limit in (("yaw", LARGEST_ANGLE), ("pitch", LARGEST_ANGLE), ("tilt", 25)):
        values = np.array([row[name] for row in rows])
        assert -limit <= values.min() < -0.9 * limit
        assert 0.9 * limit < values.max() <= limit
    mouths = np.array([row["mouth"] for row in rows])
    assert 0.3 < (mouths == 0).mean() < 0.5
    assert mouths.max() <= 1


def test_records_are_plain_json_with_the_same_columns():
    records = sample_factors(8, 2).records()
    assert json.loads(json.dumps(records)) == records
    assert len({tuple(record) for record in records}) == 1
    assert all(isinstance(value, (str, int, float)) for record in records for value in record.values())


def animal(image: torch.Tensor) -> torch.Tensor:
    """(3, H, W) -> (H, W), where the picture is not the green wall."""
    red, green, blue = image.int()
    return ~((green > 1.6 * red) & (green > 1.6 * blue))


@pytest.mark.parametrize("breed", NAMES)
def test_every_breed_fills_its_picture_and_turns_the_way_it_should(breed):
    one = sample_factors(1, 3, breed)
    poses = [{}, {"yaw": -40.0}, {"yaw": 40.0}, {"pitch": 40.0}, {"pitch": -40.0}, {"tilt": 20.0}, {"mouth": 1.0}]
    views = [posed(one, **pose) for pose in poses]
    images = torch.cat([render(view, 64) for view in views])
    ahead, left, right = (animal(image) for image in images[:3])
    assert 0.3 < ahead.float().mean() < 0.8
    assert ahead[:, 24:40].float().mean() > 0.6  # in the middle
    assert (ahead ^ ahead.flip(1)).float().mean() < 0.03
    assert (left ^ right.flip(1)).float().mean() < 0.03  # mirror images, but for fur
    eyes = np.array([_eyes(view.rows[0]) for view in views])
    middle = eyes.mean(1)
    assert middle[1, 0] < middle[0, 0] - 0.3  # to the left
    assert middle[2, 0] > middle[0, 0] + 0.3
    assert middle[3, 1] > middle[0, 1] + 0.2  # lifted
    assert middle[4, 1] < middle[0, 1] - 0.2
    assert eyes[5, 0, 1] < eyes[5, 1, 1] - 0.1  # the left one lower
    assert difference(images[6:], images[:1]) > 0.2


def _eyes(row: dict) -> np.ndarray:
    """Middles (2, 3) of the left and the right eye in the world."""
    parts = [part for part in mammals._scene(row).parts if part.pattern == coats.EYE]
    return np.array(sorted((part.center for part in parts), key=lambda center: center[0]))


def test_breeds_differ_more_than_individuals_and_individuals_differ():
    """Ahead and in the same light, in the mean over all breeds."""
    images = torch.stack([render(posed(sample_factors(3, 4, breed)), 32).float() for breed in NAMES])
    within = difference(images[:, 0], images[:, 1])
    assert within.min() > 1, NAMES[int(within.argmin())]
    between = torch.stack([difference(images[:, 0], images.roll(shift, 0)[:, 0]) for shift in range(1, len(NAMES))])
    assert between.mean() > 2.5 * within.mean()
    assert between.min() > 3


def test_light_and_background_change_the_picture():
    one = sample_factors(1, 3, "corgi")
    plain = render(posed(one), 32)
    for change in (
        {"light_azimuth": 60.0},
        {"wall_color": "#c02020", "wall_second_color": "#c02020"},
        {"floor": "grass", "wall": "sky", "background": "meadow"},
        {"distance": 1.12},
        {"shift_x": 0.06},
    ):
        assert difference(render(posed(one, **change), 32), plain) > 2, change


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"breed must be cat, dog or one of .*, got 'horse'"):
        sample_factors(1, 0, "horse")
    with pytest.raises(ValueError, match="negative"):
        sample_factors(1, 0, individual=-1)
    with pytest.raises(ValueError, match="2 identities and 3 attributes"):
        swapped(sample_factors(2, 0), sample_factors(3, 0))
    with pytest.raises(ValueError, match="multiple of 8"):
        render(sample_factors(1, 0), 30)
    assert render(sample_factors(0, 0)).shape == (0, 3, 64, 64)
