"""The rendered world of landmarks: openings and cuts, determinism, places, views, tables and looks."""

import json

import numpy as np
import pytest
import torch
from worlds import landmarks, landscape, patterns, raymarch, sdf, structures
from worlds.landmark_paint import paint
from worlds.landmarks import INDIVIDUALS, PLACES, STRUCTURES, landmark, render, sample_factors
from worlds.surroundings import OCCLUDERS, fixtures

PLACE_COLUMNS = ("place", "family", "structure", "individual")


@pytest.fixture
def points() -> torch.Tensor:
    return torch.rand(8000, 3, generator=torch.Generator().manual_seed(1)) * 4 - 2


def distance(part: sdf.Part, points: torch.Tensor) -> torch.Tensor:
    """Distances (N,) from points (N, 3) to one part."""
    group = sdf.pack([[part]], part.solid)
    function = sdf.solid_distance if part.solid else sdf.round_distance
    return function(group.numbers, points.T[None].contiguous(), group.cuts)[0, 0]


def view_of(row: dict) -> dict:
    return {name: value for name, value in row.items() if name not in PLACE_COLUMNS}


def test_openings_are_cut_out_of_a_wall(points):
    """A wall with three round arches is solid where a wall is and no arch, whichever way it is turned."""
    openings = sdf.Openings(0.3, -0.2, spacing=0.9, copies=1)
    turn, shift = sdf.rotation(30, 20), np.array([0.2, 0.1, -0.3])
    (wall,) = sdf.place([sdf.box((0, 0, 0), (0.8, 0.5, 0.25), 0.0, openings=openings)], turn, shift, 1.5)
    local = ((points - torch.tensor(shift)).double() @ torch.tensor(turn)) / 1.5
    x, y, z = local.unbind(1)
    across = torch.stack([(x - middle).abs() for middle in (-0.9, 0.0, 0.9)]).amin(0)
    hole = torch.where(y < -0.2, across < 0.3, (across.square() + (y + 0.2).square()).sqrt() < 0.3)
    inside = (x.abs() < 0.8) & (y.abs() < 0.5) & (z.abs() < 0.25) & ~hole
    assert inside.sum() > 50
    clear = distance(wall, points).abs() > 1e-4
    assert torch.equal((distance(wall, points) < 0)[clear], inside[clear])


def test_crossed_openings_leave_four_legs_and_flat_ones_notches(points):
    legs = sdf.box((0, 0, 0), (1.0, 1.0, 1.0), 0.0, openings=sdf.Openings(0.6, 2.0, crossed=True))
    inside = (points.abs() < 1).all(1) & (points[:, [0, 2]].abs() > 0.6).all(1)
    assert torch.equal(distance(legs, points) < 0, inside)
    window = sdf.Openings(0.6, 0.3, bottom=-0.5, flat=True)
    wall = sdf.box((0, 0, 0), (1.0, 1.0, 1.0), 0.0, openings=window)
    hole = (points[:, 0].abs() < 0.6) & (points[:, 1] < 0.3) & (points[:, 1] > -0.5)
    assert torch.equal(distance(wall, points) < 0, (points.abs() < 1).all(1) & ~hole)


def test_a_clipped_ball_ends_at_its_plane(points):
    ball = sdf.ellipsoid((0, 0, 0), (1.5, 1.0, 0.8), clip=(1.0, 0.0, 0.0, 0.2))
    inside = (points / torch.tensor([1.5, 1.0, 0.8])).norm(dim=1) < 1
    assert torch.equal(distance(ball, points) < 0, inside & (points[:, 0] < 0.2 * 1.5))


def test_hulls_hold_their_parts(points):
    turn = sdf.rotation(20, 30, 10).T
    parts = [
        sdf.box((0, 0.1, 0.2), (0.4, 0.7, 0.3), 0.1, turn, (0.3, -0.2)),
        sdf.cylinder((0.2, 0.3, 0), (0.3, 1, 0.2), 0.6, 0.4, 0.05, -0.5),
        sdf.ring((0.2, 0, 0), (0.3, 1, 0.2), 0.8, 0.2, 0.3, 0.05),
        sdf.capsule((-0.5, 0.2, 0), (0.6, 0.9, 0.3), 0.3, 0.1, flat=(0.6, 1.3)),
        sdf.capsule((0, 0, 0), (0, -0.5, 0), 0.1, up=np.array([1.0, 0, 0]), repeat=(0.4, 2)),
    ]
    for part in parts:
        inside = points[distance(part, points) < 0].numpy() - part.center
        half = sdf.hull(part)
        size = np.linalg.norm(half, axis=1)
        assert len(inside) > 5
        assert (np.abs(inside @ (half / size[:, None]).T) <= size + 1e-6).all()


def test_turns_are_angles():
    angle = torch.arange(0, 1, 0.01)
    turns = patterns.turns((angle * 2 * torch.pi).cos(), (angle * 2 * torch.pi).sin())
    assert (turns - angle).abs().max() < 7e-4


def test_same_seed_same_bytes_whatever_the_batch():
    factors = sample_factors(6, 5)
    together = render(factors, 48)
    assert together.shape == (6, 3, 48, 48)
    assert together.dtype == torch.uint8
    assert torch.equal(render(factors, 48, batch_size=1), together)
    assert torch.equal(render(factors, 48, batch_size=4), together)
    assert torch.equal(render(factors[[4, 1]], 48), together[[4, 1]])


@pytest.mark.parametrize("place", [None, "pagoda", "pagoda_3"])
def test_factors_depend_only_on_seed_place_and_number(place):
    factors = sample_factors(6, 9, place)
    assert sample_factors(3, 9, place, start=3).rows == factors.rows[3:]
    assert sample_factors(6, 10, place).rows != factors.rows
    assert len({json.dumps(row) for row in factors.rows}) == 6
    assert all(row["place"].startswith(place or "") for row in factors.rows)


def test_views_have_no_regard_to_places():
    views = [view_of(row) for row in sample_factors(5, 3).rows]
    for place in (*STRUCTURES[:3], *PLACES[::17]):
        assert [view_of(row) for row in sample_factors(5, 3, place).rows] == views


def test_every_place_and_view_is_drawn():
    rows = sample_factors(3000, 0).rows
    counts = np.array([sum(row["place"] == place for row in rows) for place in PLACES])
    assert len(PLACES) == INDIVIDUALS * len(STRUCTURES) >= 96
    assert counts.min() > 5
    assert counts.max() < 60
    for name, options in (
        ("season", landscape.SEASONS),
        ("sky", landscape.SKIES),
        ("occluder", OCCLUDERS),
    ):
        assert {row[name] for row in rows} == set(options)
    for name, low, high in (("azimuth", 0, 360), ("elevation", 2, 35), ("distance", 0.72, 1.9)):
        values = np.array([row[name] for row in rows])
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    assert 0.55 < np.mean([row["occluder"] == "none" for row in rows]) < 0.65


def test_records_are_plain_json_with_the_same_columns():
    records = sample_factors(8, 2).records()
    assert json.loads(json.dumps(records)) == records
    assert len({tuple(record) for record in records}) == 1
    assert all(isinstance(value, (str, int, float)) for record in records for value in record.values())
    assert all(record["place"] == f"{record['structure']}_{record['individual']}" for record in records)


PLAIN_VIEW = {
    **view_of(sample_factors(1, 0).rows[0]),
    "elevation": 12.0,
    "distance": 1.0,
    "field_of_view": 32.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "sky": "cloudy",
    "season": "summer",
    "occluder": "none",
}


def rows_of(places, **view) -> tuple[dict, ...]:
    """Rows of places (names) in the plain view, changed by `view`."""
    return tuple(
        {"place": name, "structure": name[:-2], "individual": int(name[-1]), **PLAIN_VIEW, **view} for name in places
    )


@pytest.mark.parametrize("azimuth", [25.0, 150.0])
def test_every_place_fills_a_good_part_of_its_picture(azimuth):
    """Of a grid of rays, enough meet the landmark (the ground and what stands beside it do not count)."""
    scenes = []
    for row in rows_of(PLACES, azimuth=azimuth):
        scene = landmarks._scene(row)
        count = len(landmark(row["structure"], row["individual"] - 1))
        scenes.append(landmarks.replace(scene, parts=scene.parts[:count]))
    renderer = raymarch.Renderer(scenes, paint, landscape.surfaces, 32)
    grid = torch.linspace(-0.95, 0.95, 13)
    u, v = (part.flatten().expand(len(scenes), -1) for part in torch.meshgrid(grid, grid, indexing="xy"))
    number = torch.arange(len(scenes))
    with torch.inference_mode():
        rays, origin = renderer.rays(number, u, v), renderer.origin[:, :, None]
        behind = renderer.backdrop(renderer.numbers, origin, rays, renderer.pixel[:, None])
        seen = (renderer._object(number, origin, rays, behind.t)[2] >= 0).float().mean(1)
    assert seen.min() > 0.04, PLACES[int(seen.argmin())]
    assert seen.max() < 0.85, PLACES[int(seen.argmax())]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_individuals_differ_in_form_as_well_as_colour(structure):
    forms = []
    for number in range(INDIVIDUALS):
        parts = landmark(structure, number)
        shape = np.concatenate([np.concatenate([part.center, sdf.extent(part)]) for part in parts])
        forms.append(np.round(shape, 3).tobytes())
    assert len(set(forms)) == INDIVIDUALS
    places = structures.STRUCTURES[structure].places
    colors = [str([value for value in place.values() if str(value).startswith("#")]) for place in places]
    assert len(set(colors)) == INDIVIDUALS


def test_individuals_look_different_from_every_side():
    """Two places of a structure differ by more than one place does in a slightly changed light, in the mean of
    four sides, pixel by pixel."""
    for structure in STRUCTURES[::4]:
        places = [f"{structure}_{number}" for number in range(1, INDIVIDUALS + 1)]
        rows = [rows_of(places, azimuth=azimuth) for azimuth in (20.0, 110.0, 200.0, 290.0)]
        # (sides, INDIVIDUALS, 3, 32, 32)
        images = torch.stack([render(landmarks.Factors(some), 32).float() for some in rows])
        other = rows_of(places, azimuth=20.0, clouds=PLAIN_VIEW["clouds"] + 0.002)
        noise = (render(landmarks.Factors(other), 32).float() - images[0]).abs().mean()
        for i in range(INDIVIDUALS):
            for j in range(i):
                assert (images[:, i] - images[:, j]).abs().mean() > max(3.0, 2 * float(noise)), (structure, i, j)


def test_seasons_skies_and_occluders_change_the_picture():
    plain = render(landmarks.Factors(rows_of(["temple_1"])), 32).float()
    changes = [{"season": "winter"}, {"season": "autumn"}, {"sky": "night"}, {"sky": "sunset"}, {"azimuth": 200.0}]
    changes += [{"occluder": occluder} for occluder in OCCLUDERS[1:]]
    rows = tuple(row for change in changes for row in rows_of(["temple_1"], **change))
    different = (render(landmarks.Factors(rows), 32).float() - plain).abs().mean((1, 2, 3))
    assert different.min() > 1.5, changes[int(different.argmin())]
    night = render(landmarks.Factors(rows_of(["temple_1"], sky="night")), 32).float()
    assert night.mean() < 0.6 * plain.mean()


def test_nothing_stands_in_the_water():
    for structure in ("arch_bridge", "aqueduct", "lighthouse"):
        for number in range(INDIVIDUALS):
            land = landmarks.setting(structure, number)
            for part in fixtures(structure, number, np.array([1.0, 0.3]), 0.3, land, "summer"):
                x, _, z = part.center
                wet = abs(x) < land.width / 2 if land.water == "river" else z < land.level
                assert not wet


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"place must be a structure .*, got 'pagoda_5'"):
        sample_factors(1, 0, "pagoda_5")
    with pytest.raises(ValueError, match="negative"):
        sample_factors(1, -1)
    with pytest.raises(ValueError, match="multiple of 8"):
        render(sample_factors(1, 0), 30)
    assert render(sample_factors(0, 0)).shape == (0, 3, 96, 96)
