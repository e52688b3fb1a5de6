"""The recipes of a generator's w: directions are walked and named; inversion is measured on held-out pictures."""

import json

import factors
import name_directions
import pytest
import torch
from conftest import ROOT, in_process
from PIL import Image
from worlds import mammals
from worlds.factors import Factors

from betwixt import ImageClassifier, PoseRegressor, StyleGAN2Generator
from betwixt.directions import Direction, read_directions, styles_of
from betwixt.images import to_images

HUB = ROOT / "hub_upload" / "models"
SMALL = {"z_dim": 8, "w_dim": 8, "img_resolution": 16, "channel_base": 64, "channel_max": 8, "mapping_layers": 2}


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    """One whose first number of w makes pictures lighter, all over, and whose others do little."""
    torch.manual_seed(0)
    model = StyleGAN2Generator(**SMALL)
    with torch.no_grad():
        for name, weight in model.synthesis.named_parameters():
            if name.endswith("affine.weight"):
                weight.mul_(0.1)
            elif name.endswith("torgb.weight"):
                weight.fill_(0.1 * name.startswith("b16"))
        model.synthesis.b16.torgb.affine.weight[:, 0] += 1
        model.synthesis.b16.conv1.bias += 1  # what the last layer adds up is light
    return model.eval()


@pytest.fixture
def project(tmp_path, generator):
    generator.save_pretrained(tmp_path / "generator")
    return tmp_path


def test_the_published_judges_say_how_heads_are_turned_and_of_what_build_they_are():
    rows = mammals.sample_factors(2, 3, "corgi").rows + mammals.sample_factors(2, 4, "dachshund").rows
    angles = [30.0, -30.0, 30.0, -30.0]
    heads = Factors(tuple({**row, "yaw": angle, "pitch": 0.0} for row, angle in zip(rows, angles, strict=True)))
    pictures = to_images(mammals.render(heads, 64).float() / 127.5 - 1)
    found = factors.judged([factors.judge_of(str(HUB / name)) for name in ("mammals-pose", "mammals-breeds")], pictures)
    assert {*PoseRegressor.FACTORS, "dog", "ears", "fur"} == found.keys()
    assert found["yaw"].tolist() == pytest.approx(angles, abs=12)
    assert found["ears"].tolist() == pytest.approx([1, 1, 0, 0], abs=0.2)  # upright or not


def test_what_makes_pictures_lighter_is_named_after_that(generator):
    w = styles_of(generator, 60)
    values = name_directions.look(generator, [factors.pixels], w)
    scales = {factor: value.std() for factor, value in values.items()}
    lighter, other = torch.eye(8)[0], torch.eye(8)[3]
    deviation = float(w.std(0)[0])
    found = [
        name_directions.walk(generator, [factors.pixels], w[:10], scales, Direction(vector, deviation, (0, 6)))
        for vector in (lighter, -lighter, other)
    ]
    light = found[0].changes["coat_lightness"], found[0].changes["background_lightness"]
    assert min(light) > 0.5  # of both alike: so it is not called after one of them
    assert all(one.names == {} for one in found)
    only = {"coat_lightness": scales["coat_lightness"], "coat_redness": torch.tensor(1.0)}
    plus, minus = (
        name_directions.walk(generator, [factors.pixels], w[:10], only, Direction(vector, deviation, (0, 6)))
        for vector in (lighter, -lighter)
    )
    assert plus.names == minus.names == name_directions.NAMES["coat_lightness"]
    assert torch.equal(plus.vector, minus.vector)
    assert minus.changes["coat_lightness"] > 0.5
    wanted = name_directions.walk(
        generator, [factors.pixels], w[:10], only, Direction(lighter, deviation, (0, 6)), "coat_redness"
    )
    assert wanted.names == {}


def test_the_recipe_writes_what_the_library_reads(project, generator, capsys):
    options = ["--model", project / "generator", "--count", "200", "--walked", "10", "--unnamed", "2"]
    in_process(project, "name_directions", *options)
    found = read_directions(project / "generator", generator)
    unnamed = [one for one in found if not one.names]
    assert len(unnamed) >= 1
    assert {*found[0].changes} == {"coat_lightness", "background_lightness"}  # nothing else varies
    assert all(0 < one.reach <= 3 for one in found)
    out = capsys.readouterr().out
    assert "coat_lightness" in out
    assert f"of {len(found)} are named" in out
    in_process(project, "name_directions", *options, "--method", "factorised", "--seed", "1")
    again = read_directions(project / "generator", generator)
    assert not torch.equal(again[-1].vector, found[-1].vector)


def test_judges_say_species_ears_and_fur_of_breeds_that_are_rendered(tmp_path):
    torch.manual_seed(0)
    names = ["corgi", "dachshund", "snowshoe", "toyger"]
    model = ImageClassifier(architecture="resnet9", class_names=names, base_channels=4, image_size=32)
    model.save_pretrained(tmp_path / "breeds")
    pictures = to_images(torch.rand(3, 3, 32, 32) * 2 - 1)
    shares = model.eval().predict(pictures)
    said = factors.judged(factors.judges_of([str(tmp_path / "breeds")]), pictures)
    assert {*said} == {"dog", "ears", "fur", *factors.pixels(pictures)}
    assert torch.allclose(said["ears"], (1 - shares[:, 1]).double(), atol=1e-5)  # all but the dachshund's
    odds = (shares[:, :2].sum(1) / shares[:, 2:].sum(1)).log().clamp(-4, 4)
    assert torch.allclose(said["dog"], odds.double(), atol=1e-4)
    photos = ImageClassifier(architecture="resnet9", class_names=["pug", "siamese"], base_channels=4, image_size=32)
    assert [*factors.breeds_by(photos.eval())(pictures)] == ["dog"]


def test_a_network_of_something_else_is_no_judge(project):
    with pytest.raises(ValueError, match=r"--judges must be classifiers of .* not .*StyleGAN2"):
        factors.judge_of(str(project / "generator"))


def test_pixels_tell_coat_from_background():
    picture = Image.new("RGB", (64, 64), "black")
    picture.paste((255, 128, 0), (16, 16, 48, 48))
    said = factors.pixels([picture, Image.new("RGB", (64, 64), "white")])
    assert said["coat_lightness"][0] > said["background_lightness"][0]
    assert said["coat_redness"][0] > 1.5
    assert said["background_lightness"].tolist() == [-1, 1]
    assert said["background_redness"].tolist() == [0, 0]


def test_inversion_is_measured_on_held_out_pictures(tmp_path, run_recipe, stand_ins):
    torch.manual_seed(0)
    StyleGAN2Generator(**SMALL).save_pretrained(tmp_path / "generator")
    options = ["--model", tmp_path / "generator", "--dataset", "mammals", "--count", "4", "--steps", "30"]
    options += ["--perceptual-model", "mammals-breeds", "--judge", "landmarks-scratch", "--output", "table.json"]
    run_recipe(tmp_path, "evaluate_inversion.py", *options, BETWIXT_HUB=str(stand_ins))
    table = json.loads((tmp_path / "table.json").read_text())["results"]["mammals"]
    assert table["pictures"] == 4
    near = [table[f"PSNR (dB), {way}"]["value"] for way in ("mean style", "nearest random style", "W", "W+")]
    assert near == sorted(near)
    assert all(f"distance in other layers, {way}" in table for way in ("mean style", "W", "W+"))
