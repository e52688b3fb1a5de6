"""The rendered world of clocks and crocodiles: distances, determinism, morphs, tables and looks."""

import json

import numpy as np
import pytest
import torch
from worlds import backdrops, clocks_crocodiles, raymarch, scene, sdf, shapes, things
from worlds.clocks_crocodiles import KINDS, render, sample_factors


def distance(part: sdf.Part, points: torch.Tensor) -> torch.Tensor:
    """Distances (N,) from points (N, 3) to one part."""
    group = sdf.pack([[part]], part.solid)
    function = sdf.solid_distance if part.solid else sdf.round_distance
    return function(group.numbers, points.T[None].contiguous())[0, 0]


@pytest.fixture
def points() -> torch.Tensor:
    return torch.rand(8000, 3, generator=torch.Generator().manual_seed(1)) * 6 - 3


def chunk_of(parts: list[sdf.Part], blend: float = 0.2) -> sdf.Chunk:
    return sdf.Chunk(sdf.pack([parts], False), sdf.pack([parts], True), torch.tensor([blend]))


def test_sphere_distance_is_exact(points):
    expected = (points - torch.tensor([0.3, -0.2, 0.1])).norm(dim=1) - 0.7
    torch.testing.assert_close(distance(sdf.ellipsoid((0.3, -0.2, 0.1), 0.7), points), expected, atol=2e-5, rtol=0)


def test_capsule_distance_is_exact(points):
    start, end = torch.tensor([-0.5, 0.2, 0.3]), torch.tensor([0.9, 0.7, -0.4])
    along = ((points - start) @ (end - start) / (end - start).square().sum()).clamp(0, 1)
    expected = (points - start - along[:, None] * (end - start)).norm(dim=1) - 0.25
    actual = distance(sdf.capsule(start.numpy(), end.numpy(), 0.25), points)
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=0)


def test_box_distance_is_exact(points):
    half, turn = torch.tensor([0.5, 0.8, 0.3]), sdf.rotation(30, 20, 10)
    local = (points @ torch.tensor(turn.T, dtype=torch.float32).T).abs() - half
    expected = local.clamp(min=0).norm(dim=1) + local.amax(1).clamp(max=0)
    actual = distance(sdf.box((0, 0, 0), half.numpy(), 0.0, axes=turn.T), points)
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=0)


def test_cylinder_and_torus_distances_are_exact(points):
    around = points[:, :2].norm(dim=1)
    flat = torch.stack([around - 0.6, points[:, 2].abs() - 0.4], 1)
    expected = flat.clamp(min=0).norm(dim=1) + flat.amax(1).clamp(max=0)
    actual = distance(sdf.cylinder((0, 0, 0), (0, 0, 1), 0.6, 0.4, 0.0), points)
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=0)
    expected = torch.stack([around - 0.8, points[:, 2]], 1).norm(dim=1) - 0.1
    torus = sdf.ring((0, 0, 0), (0, 0, 1), 0.8, 0.1, 0.1, 0.1)
    torch.testing.assert_close(distance(torus, points), expected, atol=2e-5, rtol=0)


def test_ellipsoid_distance_vanishes_on_its_surface(points):
    radii = torch.tensor([0.9, 0.4, 0.6])
    surface = points / points.norm(dim=1, keepdim=True) * radii
    assert distance(sdf.ellipsoid((0, 0, 0), radii.numpy()), surface).abs().max() < 1e-5


def test_repeated_capsule_is_a_row_of_capsules(points):
    row = sdf.capsule((0, 0, 0), (0, -0.3, 0), 0.1, up=np.array([1.0, 0, 0]), repeat=(0.5, 2))
    copies = [sdf.capsule((0.5 * i, 0, 0), (0.5 * i, -0.3, 0), 0.1) for i in range(-2, 3)]
    expected = torch.stack([distance(copy, points) for copy in copies]).amin(0)
    torch.testing.assert_close(distance(row, points), expected, atol=2e-5, rtol=0)


def test_placed_parts_have_the_same_shape(points):
    turn, shift = sdf.rotation(40, 10, 5), np.array([0.4, 0.1, -0.3])
    moved = (points @ torch.tensor(turn, dtype=torch.float32).T) * 0.5 + torch.tensor(shift, dtype=torch.float32)
    for part in (sdf.box((0.2, 0, 0), (0.5, 0.3, 0.2), 0.1), sdf.capsule((0, 0, 0), (0.5, 0.5, 0), 0.2, 0.1)):
        (placed,) = sdf.place([part], turn, shift, 0.5)
        torch.testing.assert_close(distance(placed, moved), distance(part, points) * 0.5, atol=3e-5, rtol=0)


def test_smooth_union_ignores_order_and_only_soft_parts_melt(points):
    def balls(soft: bool) -> list[sdf.Part]:
        return [sdf.ellipsoid((0.3 * i, 0.1 * i, 0), 0.4, soft=soft) for i in range(4)]

    where = points.T[None].contiguous()
    melted, sharp = chunk_of(balls(True)).distance(where), chunk_of(balls(False)).distance(where)
    torch.testing.assert_close(chunk_of(balls(True)[::-1]).distance(where), melted, atol=1e-6, rtol=0)
    assert (melted <= sharp).all()
    assert (sharp - melted).max() > 0.02
    torch.testing.assert_close(sharp, chunk_of(balls(False)).distances(where).amin(1))


def test_two_soft_parts_give_the_quadratic_smooth_minimum(points):
    parts = [sdf.ellipsoid((x, 0, 0), 0.5, soft=True) for x in (-0.4, 0.4)]
    a, b = (distance(part, points) for part in parts)
    near = (1 - (a - b).abs() / 0.2).clamp(min=0)
    expected = torch.minimum(a, b) - near * near * 0.05
    torch.testing.assert_close(chunk_of(parts).distance(points.T[None].contiguous())[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "part",
    [
        sdf.capsule((-0.5, 0.2, 0), (0.6, 0.9, 0.3), 0.3, 0.1, flat=(0.6, 1.3)),
        sdf.cylinder((0.2, 0.3, 0), (0.3, 1, 0.2), 0.6, 0.4, 0.05, -0.5),
        sdf.box((0, 0.1, 0.2), (0.4, 0.7, 0.3), 0.1, sdf.rotation(20, 30), (0.3, -0.2)),
    ],
)
def test_bounds_hold_the_part(part, points):
    inside = points[distance(part, points) < 0].numpy()
    low, high = sdf.bounds([part])
    assert len(inside) > 5
    assert (inside >= low - 1e-6).all()
    assert (inside <= high + 1e-6).all()
    assert (np.linalg.norm(inside - part.center, axis=1) <= sdf.bound_radius(part) + 1e-6).all()


def test_same_seed_same_bytes_whatever_the_batch():
    factors = sum((sample_factors(3, 5, kind) for kind in KINDS[1:]), sample_factors(3, 5, "clock"))
    together = render(factors, batch_size=12)
    assert together.shape == (12, 3, 64, 64)
    assert together.dtype == torch.uint8
    assert torch.equal(render(factors, batch_size=12), together)
    assert torch.equal(render(factors, batch_size=1), together)
    assert torch.equal(render(factors, batch_size=5), together)
    assert torch.equal(render(factors[[7, 2]]), together[[7, 2]])


def test_threads_do_not_change_pictures_and_are_given_back():
    factors, before = sample_factors(2, 3, "crocodile"), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = render(factors)
        torch.set_num_threads(2)
        assert torch.equal(render(factors), alone)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_processes_do_not_change_pictures():
    factors = sample_factors(4, 3, "morph")
    assert torch.equal(render(factors, batch_size=2, processes=2), render(factors))


@pytest.mark.parametrize("kind", KINDS)
def test_factors_depend_only_on_seed_kind_and_number(kind):
    factors = sample_factors(6, 9, kind)
    assert sample_factors(3, 9, kind, start=3).rows == factors.rows[3:]
    assert sample_factors(6, 10, kind).rows != factors.rows
    assert len({json.dumps(row) for row in factors.rows}) == 6


def test_different_numbers_give_different_pictures():
    images = render(sample_factors(4, 1, "clock") + sample_factors(4, 2, "clock"), 32)
    assert len({image.numpy().tobytes() for image in images}) == 8


@pytest.mark.parametrize("batch_size", [1, 4])
def test_morph_ends_are_the_plain_clock_and_crocodile(batch_size):
    morphs = sample_factors(2, 4, "morph")
    clocks, crocodiles = morphs.with_t(0), morphs.with_t(1)
    assert {row["class"] for row in clocks.rows} == {"clock"}
    assert {row["class"] for row in crocodiles.rows} == {"crocodile"}
    for row in clocks.rows:
        assert len(clocks_crocodiles._subject(row)) == len(shapes.clock(row)[0])
    for row in crocodiles.rows:
        assert len(clocks_crocodiles._subject(row)) == len(shapes.crocodile(row))
    ends = render(sample_factors(2, 4, "morph", t=0.0) + sample_factors(2, 4, "morph", t=1.0), batch_size=batch_size)
    assert torch.equal(ends, render(clocks + crocodiles, batch_size=4))


def test_morph_moves_steadily_from_one_to_the_other():
    morph = sample_factors(1, 8, "morph")
    steps = sum((morph.with_t(t) for t in (0.3, 0.5, 0.7, 1.0)), morph.with_t(0.0))
    images = render(steps).float()
    from_clock = (images - images[0]).abs().mean((1, 2, 3))
    from_crocodile = (images - images[-1]).abs().mean((1, 2, 3))
    assert from_clock[1:].min() > 1
    assert from_crocodile[:-1].min() > 1
    assert from_clock[1] < from_clock[-1]
    assert from_crocodile[-2] < from_crocodile[0]


def test_default_t_is_uniform_between_and_can_be_given():
    t = [row["t"] for row in sample_factors(300, 0, "morph").rows]
    assert 0.15 <= min(t) < 0.2
    assert 0.8 < max(t) <= 0.85
    assert [row["t"] for row in sample_factors(2, 0, "morph", t=torch.tensor([0.25, 0.5])).rows] == [
        0.25,
        0.5,
    ]


def test_backgrounds_carry_no_class():
    """For every factor of the view the classes agree: a chi-square test of counts, means within 4 standard
    errors."""
    count = 1500
    rows = {kind: sample_factors(count, 0, kind).rows for kind in KINDS}
    for name in ("background", "floor", "wall"):
        options = sorted({row[name] for row in rows["clock"]})
        table = np.array([[sum(row[name] == option for row in rows[kind]) for option in options] for kind in KINDS])
        expected = table.sum(0, keepdims=True) / len(KINDS)
        freedom = (len(KINDS) - 1) * (len(options) - 1)
        chi_square = ((table - expected) ** 2 / expected).sum()
        assert chi_square < freedom + 4 * np.sqrt(2 * freedom), (name, table)
    for name in ("pitch", "distance", "shift_x", "light_azimuth", "light_elevation", "background_scale"):
        values = np.array([[row[name] for row in rows[kind]] for kind in KINDS])
        error = values.std() / np.sqrt(count)
        assert np.abs(values.mean(1) - values.mean()).max() < 4 * error, name
    for name in ("wall_color", "wall_second_color", "floor_color", "floor_second_color"):
        colors = np.array([[backdrops.from_hex(row[name]) for row in rows[kind]] for kind in KINDS])
        error = colors.std((0, 1)) / np.sqrt(count)
        assert (np.abs(colors.mean(1) - colors.mean((0, 1))) < 4 * error).all(), name


@pytest.mark.parametrize("kind", KINDS)
def test_records_are_plain_json_with_the_same_columns(kind):
    records = sample_factors(5, 2, kind).records()
    assert json.loads(json.dumps(records)) == records
    assert {tuple(record) for record in records} == {tuple(sample_factors(1, 0, "neither").records()[0])}
    for record in records:
        assert all(isinstance(value, (str, int, float, type(None))) for value in record.values())
        assert (record["hour"] is not None) == (kind in ("clock", "morph"))
        assert (record["croc_jaw"] is not None) == (kind in ("crocodile", "morph"))
        assert record["t"] == {"clock": 0.0, "crocodile": 1.0, "neither": None}.get(kind, record["t"])
        assert record["shape"]


def test_enough_shapes_are_drawn():
    shapes_of = {kind: {record["shape"] for record in sample_factors(200, 0, kind).records()} for kind in KINDS}
    assert shapes_of["clock"] == {"wall", "alarm", "tower"}
    assert shapes_of["crocodile"] == {"standing", "basking", "snapping", "curled"}
    assert shapes_of["neither"] == set(things.BUILDERS)
    assert len(things.BUILDERS) >= 8


def test_every_design_has_an_object_in_the_middle():
    """Each kind of thing, clock and crocodile covers a good part of its picture, and not all of it."""
    rows = list(sample_factors(1, 6, "neither").rows) * len(things.BUILDERS)
    rows = [{**row, "object_shape": shape} for row, shape in zip(rows, things.BUILDERS, strict=True)]
    clock_row = sample_factors(1, 6, "clock").rows[0]
    variants = [("wall", i) for i in range(4)] + [("alarm", i) for i in range(3)] + [("tower", i) for i in range(3)]
    rows += [{**clock_row, "clock_shape": shape, "clock_variant": i} for shape, i in variants]
    croc_row = sample_factors(1, 6, "crocodile").rows[0]
    rows += [{**croc_row, "croc_shape": shape} for shape in clocks_crocodiles.CROC_SHAPES]
    scenes = [clocks_crocodiles._scene(row) for row in rows]
    renderer = raymarch.Renderer(scenes, clocks_crocodiles.paint, backdrops.surfaces, 32)
    grid = torch.linspace(-0.95, 0.95, 8)
    u, v = (part.flatten().expand(len(scenes), -1) for part in torch.meshgrid(grid, grid, indexing="xy"))
    number = torch.arange(len(scenes))
    with torch.inference_mode():
        rays, origin = renderer.rays(number, u, v), renderer.origin[:, :, None]
        behind = renderer.backdrop(renderer.numbers, origin, rays, renderer.pixel[:, None])
        seen = (renderer._object(number, origin, rays, behind.t)[2] >= 0).float().mean(1)
    assert seen.min() > 0.04, rows[int(seen.argmin())]
    assert seen.max() < 0.9, rows[int(seen.argmax())]


def paint_flat(surface: scene.Surface) -> torch.Tensor:
    return surface.color


def nothing_behind(numbers, origin, rays, pixel) -> scene.Backdrop:
    far = torch.full_like(rays[:, 0], sdf.FAR_AWAY)
    return scene.Backdrop(far, torch.zeros_like(rays), torch.zeros_like(rays), torch.ones_like(far))


def ball(size: int) -> torch.Tensor:
    part = sdf.ellipsoid((0, 0, 0), 1.0, color=(1.0, 1.0, 1.0), gloss=0.0)
    camera = scene.frame_camera([part], 0, 0, 0.7)
    row = scene.Scene([part], camera, np.array([0.0, 0.0, 1.0]), backdrop=[0.0], extra=[0.0])
    return raymarch.render([row], lambda row: row, paint_flat, nothing_behind, size)[0]


def test_edges_are_anti_aliased_and_the_ball_has_its_size():
    image = ball(64).float()[0]
    row = image[32]
    inside = row > 60
    assert abs(int(inside.sum()) - 0.7 * 64) <= 3
    assert image[0].max() == 0  # black around it
    small = torch.nn.functional.avg_pool2d(ball(256).float()[None], 4)[0, 0]
    assert (small.div(255).square() - image.div(255).square()).abs().mean() < 0.02
    soft = (image > 8) & (image < 150)  # pixels that the silhouette crosses
    assert soft.sum() > 40


def test_picture_sizes():
    factors = sample_factors(1, 0, "crocodile")
    assert render(factors, 32).shape == (1, 3, 32, 32)
    assert render(factors[:0]).shape == (0, 3, 64, 64)
    large = torch.nn.functional.avg_pool2d(render(factors, 64).float(), 2)
    assert (large - render(factors, 32).float()).abs().mean() < 6
    with pytest.raises(ValueError, match="multiple of 8"):
        render(factors, 30)
    with pytest.raises(ValueError, match="batch_size and processes must be positive"):
        render(factors, batch_size=0)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="kind must be one of clock, crocodile, morph, neither, got 'cat'"):
        sample_factors(1, 0, "cat")
    with pytest.raises(ValueError, match="negative"):
        sample_factors(1, -1)
    with pytest.raises(ValueError, match="t is for kind 'morph'"):
        sample_factors(1, 0, "clock", t=0.5)
    with pytest.raises(ValueError, match=r"t must lie in \[0, 1\]"):
        sample_factors(1, 0, "morph", t=1.5)
    with pytest.raises(ValueError, match="cannot be morphed"):
        sample_factors(1, 0, "neither").with_t(0.5)
