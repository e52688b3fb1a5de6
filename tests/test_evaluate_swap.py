"""The measure of swaps: targets, angles, ceilings and floors whose figures are known, photos, and what is refused."""

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import conftest
import evaluate_swap
import pytest
import torch
import yaml
from evaluate_swap import Pairs, Recipe, factors_of, light_of, rendered, turned_by
from loop import weights_digest
from publish import quality
from tables import read_dataset
from worlds import mammals
from worlds.factors import Factors

from betwixt import VAE, IdentityPoseSwapper, ImageClassifier, PoseRegressor, StyleGAN2Generator

FIGURES = {"breed_accuracy", "breed_leak", "species_accuracy", "pose_error_degrees", "joint_success", "target_ssim"}
FIGURES |= {"target_distance", "light_error", "background_error"}


@pytest.fixture(scope="module")
def project(tmp_path_factory, run_recipe) -> Path:
    """A folder with a rendered dataset and untrained networks of everything."""
    folder = tmp_path_factory.mktemp("swaps")
    run_recipe(folder, "make_mammals.py", "--name", "heads", "--count", "6", "--image-size", "128", "--quality", "100")
    torch.manual_seed(0)
    names = sorted(mammals.NAMES)
    generator = StyleGAN2Generator(
        z_dim=8, w_dim=8, img_resolution=32, mapping_layers=2, channel_base=128, channel_max=8
    )
    classifier = ImageClassifier(architecture="resnet9", base_channels=4, class_names=names)
    classifier.save_pretrained(folder / "judge")
    swapper = IdentityPoseSwapper.of(generator, classifier, attribute_size=16, attribute_channels=4, hidden_dim=16)
    swapper.save_pretrained(folder / "swapper")
    IdentityPoseSwapper.of(generator, classifier, attribute_size=16, attribute_channels=2).save_pretrained(
        folder / "other"
    )
    PoseRegressor(base_channels=4).save_pretrained(folder / "poses")
    VAE(class_names=names, image_size=32, base_channels=4, latent_dim=8, downsamplings=3).save_pretrained(
        folder / "vae"
    )
    return folder


JUDGES = ["--judge", "judge", "--pose", "poses", "--perceptual-model", "judge", "--pairs", "40"]


def options_of(*more: str) -> list[str]:
    return ["--model", "swapper", "--dataset", "heads", *JUDGES, *more]


@pytest.fixture(scope="module")
def in_process(project):
    return partial(conftest.in_process, project, "evaluate_swap")


def test_every_way_is_measured_and_the_known_ones_are_right(project, in_process):
    more = [
        "--vae",
        "vae",
        "--beside",
        "other",
        "--inverted",
        "5",
        "--inversion-steps",
        "2",
        "--sheet",
        "sheet.webp",
        "--output",
        "swap.json",
    ]
    in_process(*options_of(*more))
    table = json.loads((project / "swap.json").read_text())
    figures = table["results"]["heads"]
    ways = {name.split(" (")[1].rstrip(")") for name in figures if " (" in name}
    assert {
        "ceiling: the target as rendered",
        "ceiling: the target inverted",
        "other",
        "floor: the identity picture",
        "floor: the attribute picture",
        "floor: the mean style",
        "floor: a conditional VAE",
        "on the inverted pairs",
        *(f"floor: styles mixed from layer {layer} on" for layer in range(1, 8)),
    } <= ways
    assert figures["target_ssim (other)"] != figures["target_ssim"]
    for name in FIGURES:
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"]
    target = {name: figures[f"{name} (ceiling: the target as rendered)"]["value"] for name in FIGURES}
    assert target["target_ssim"] == pytest.approx(1)
    assert [target[name] for name in ("target_distance", "light_error", "background_error")] == pytest.approx([0] * 3)
    # The attribute picture has the target's light and background already, but for what the animals cover.
    own, other = (
        figures[f"background_error (floor: the {side} picture)"]["value"] for side in ("attribute", "identity")
    )
    assert own < 0.3 * other
    assert {"breed read from the attribute code", "yaw read from the identity, R^2"} <= figures.keys()
    assert (project / "sheet.webp").is_file()


def test_it_is_published_with_what_was_measured(project, in_process):
    run = project / "runs" / "made" / "000003"
    IdentityPoseSwapper.from_pretrained(project / "swapper").save_pretrained(run / "model")
    recipe = {"name": "made", "dataset": ["heads"], "seed": 0, "teachers": {"pose": {"name": "poses", "steps": 7}}}
    (run / "recipe.json").write_text(json.dumps(recipe))
    judges = [*JUDGES, "--inverted", "0"]
    how = ["made", "swaps", "--dataset", "heads", "--output", "published", "--bits", "8"]
    conftest.in_process(project, "publish", *how, "--measure", *judges)
    in_process("--model", "published/swaps", "--dataset", "heads", *judges, "--sheet", "s.webp", "--output", "s.json")
    conftest.in_process(project, "publish", *how, "--table", "s.json", "--samples", "s.webp")
    figures = json.loads((project / "s.json").read_text())["results"]["heads"]
    card = (project / "published/swaps/README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    metrics = {metric["name"]: metric["value"] for metric in front["model-index"][0]["results"][0]["metrics"]}
    assert metrics["joint_success"] == pytest.approx(figures["joint_success"]["value"], abs=1e-4)
    assert '"steps": 7' in card
    assert "(samples.webp)" in card
    assert "rendered heads" not in card
    assert IdentityPoseSwapper.from_pretrained(project / "published/swaps").image_size == 32
    with pytest.raises(SystemExit, match="is of other weights of swaps: measure these first"):
        conftest.in_process(project, "publish", *how, "--bits", "32", "--table", "s.json")


def test_targets_are_what_the_world_renders(project, monkeypatch):
    monkeypatch.chdir(project)
    table = read_dataset("heads", "train", 32)
    again = rendered(factors_of(table.select([0, 5])), 32)
    assert (again.int() - table.pixels[[0, 5]].int()).abs().max() <= 2
    pairs = Pairs.of(table, Recipe(model="x", dataset=["heads"], pairs=24))
    breeds = torch.stack(pairs.breeds)
    assert (breeds[0] != breeds[1]).all()
    assert len(breeds.unique(dim=1).T) == len(pairs) == 24


def test_angles_between_heads():
    rows = [{"yaw": 10.0, "pitch": 5.0, "tilt": -8.0}, {"yaw": -30.0, "pitch": 0.0, "tilt": 0.0}]
    facing = torch.stack([torch.from_numpy(mammals.turn(row)) for row in rows])
    poses = torch.tensor([[10.0, 5.0, -8.0, 0.5], [10.0, 0.0, 0.0, 0.0]])
    assert turned_by(poses, facing).tolist() == pytest.approx([0.0, 40.0], abs=0.1)


def test_light_is_a_slope_across_the_head():
    across = torch.linspace(-0.5, 0.5, 32).expand(1, 3, 32, 32)
    assert light_of(across)[0].tolist() == pytest.approx([0.5, 0.0], abs=1e-5)
    assert light_of(across.transpose(2, 3))[0].tolist() == pytest.approx([0.0, 0.5], abs=1e-5)


def test_photos_are_judged_by_breed_and_distance(project, in_process, small_photos, run_recipe):
    photos = project / "photos"
    for breed, kind in (("corgi", "clock"), ("toyger", "crocodile")):
        (photos / breed).mkdir(parents=True)
        for file in sorted((small_photos / kind).iterdir())[:16]:
            (photos / breed / file.name).write_bytes(file.read_bytes())
    run_recipe(project, "make_mammals.py", "--name", "pets", "--source", "folder", photos, "--image-size", "32")
    in_process(*options_of("--inverted", "0", "--output", "pets.json"), "--dataset", "pets")
    figures = json.loads((project / "pets.json").read_text())["results"]["pets"]
    assert {"breed_accuracy", "species_accuracy", "distance in layers from the attribute picture"} <= figures.keys()
    assert not {name for name in figures if "pose" in name or "target" in name}
    assert quality({"results": {"pets": figures}}, "pets", "joint_success") == figures["breed_accuracy"]["value"]
    weights = weights_digest(project / "swapper")
    for right, message in (([True] * 3 + [False], None), ([True], f"not of 4 pairs of the weights {weights}")):
        (project / "eye.json").write_text(json.dumps({"weights": weights, "pose right": right}))
        more = ["--inverted", "0", "--shown", "4", "--by-eye", "eye.json", "--output", "pets.json"]
        with pytest.raises(SystemExit, match=message) if message else nullcontext():
            in_process(*options_of(*more), "--dataset", "pets")
    figures = json.loads((project / "pets.json").read_text())["results"]["pets"]
    assert figures["pose_right_by_eye"]["value"] == 0.75


def test_what_taught_it_is_no_judge(project, in_process):
    run = project / "runs" / "taught" / "000002"
    IdentityPoseSwapper.from_pretrained(project / "swapper").save_pretrained(run / "model")
    (run / "recipe.json").write_text(json.dumps({"classifier": "mammals-breeds", "pose_model": "poses"}))
    with pytest.raises(SystemExit, match="--pose poses had a part in training: it cannot judge"):
        in_process(*options_of("--model", "taught", "--inverted", "0"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--judge", "few"], "--judge few does not know .*"),
        (["--vae", "plain"], "--vae plain was not told of"),
        (["--dataset", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_measured(project, in_process, more, message):
    torch.manual_seed(0)
    ImageClassifier(architecture="resnet9", base_channels=4, class_names=["pug"]).save_pretrained(project / "few")
    VAE(image_size=32, base_channels=4, latent_dim=8, downsamplings=3).save_pretrained(project / "plain")
    with pytest.raises(SystemExit, match=message):
        in_process(*options_of("--inverted", "0", *more))


def test_pairs_need_two_breeds(project, monkeypatch):
    monkeypatch.chdir(project)
    table = read_dataset("heads", "test", 32)
    with pytest.raises(ValueError, match="pictures of two breeds are needed, and there are 1"):
        evaluate_swap.Pairs.of(table.select(table.labels == table.labels[0]), Recipe(model="x", dataset=["heads"]))
    assert isinstance(factors_of(table), Factors)
