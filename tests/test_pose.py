"""The network that reads poses, and its recipes on a few rendered heads."""

import json

import numpy as np
import pytest
import torch
import train_pose
from conftest import in_process
from loop import last_checkpoint
from PIL import Image
from poses import Poses, predicted
from tables import encode, read_dataset, write_dataset
from worlds import mammals
from worlds.factors import Factors

from betwixt import PoseRegressor
from betwixt.images import from_bytes
from betwixt.pose import ARCHITECTURES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_saved_and_loaded_it_reads_the_same(architecture, tmp_path):
    torch.manual_seed(0)
    model = PoseRegressor(architecture=architecture, image_size=32, base_channels=4).eval()
    model.save_pretrained(tmp_path)
    x = torch.rand(3, 3, 32, 32) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(PoseRegressor.from_pretrained(tmp_path)(x), model(x))


def test_pictures_of_any_size_and_kind_are_read():
    model = PoseRegressor(image_size=32, base_channels=4).eval()
    poses = model.predict([Image.new("L", (50, 40)), Image.new("RGBA", (32, 32), "red")])
    assert poses.shape == (2, 4)
    assert ((poses[:, 3] >= 0) & (poses[:, 3] <= 1)).all()
    assert model.predict([]).shape == (0, 4)


def test_the_published_size_is_small():
    for architecture, width in (("conv", train_pose.Recipe(name="").base_channels), ("resnet9", 16)):
        model = PoseRegressor(architecture=architecture, base_channels=width)
        assert sum(p.numel() for p in model.parameters()) < 500_000


@pytest.mark.parametrize(
    ("wrong", "said"), [({"architecture": "vgg"}, "must be one of conv, resnet9"), ({"image_size": 16}, "at least 32")]
)
def test_unusable_arguments(wrong, said):
    with pytest.raises(ValueError, match=said):
        PoseRegressor(**wrong)


def test_a_mirror_turns_heads_as_the_world_does():
    """A head drawn with the mirrored pose, under a mirrored light, is nearly the mirror image; fur is not mirrored."""
    rows = mammals.sample_factors(4, 3, "chartreux").rows
    poses = torch.tensor([[row[name] for name in PoseRegressor.FACTORS] for row in rows])
    others = []
    for row, pose in zip(rows, (poses * train_pose.MIRRORED).tolist(), strict=True):
        turned = dict(zip(PoseRegressor.FACTORS, pose, strict=True))
        others.append({**row, **turned, "shift_x": -row["shift_x"], "light_azimuth": -row["light_azimuth"]})
    x, y = (from_bytes(mammals.render(Factors(tuple(some)), 32)) for some in (rows, others))
    assert (x.flip(-1) - y).abs().mean() < 0.5 * (x - y).abs().mean()


def test_half_of_the_pictures_are_mirrored_with_their_poses():
    torch.manual_seed(0)
    x, poses = torch.arange(4.0).expand(200, 3, 4, 4), torch.tensor([[10.0, 20.0, 5.0, 0.5]]).expand(200, 4)
    changed, turned = train_pose.mirrored(x, poses)
    flipped = changed[:, 0, 0, 0] == 3
    assert 70 < flipped.sum() < 130
    assert turned[flipped].unique(dim=0).tolist() == [[-10.0, 20.0, -5.0, 0.5]]
    assert turned[~flipped].unique(dim=0).tolist() == [[10.0, 20.0, 5.0, 0.5]]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the dataset "mammals", and the run "pose" that has seen its pictures often."""
    folder = tmp_path_factory.mktemp("poses")
    in_process(folder, "make_mammals", "--name", "mammals", "--count", "6", "--image-size", "32")
    options = ["--dataset", "mammals", "--image-size", "32", "--base-channels", "8", "--steps", "120"]
    options += ["--batch-size", "32", "--ema", "0.9", "--checkpoint-every", "60"]
    in_process(folder, "train_pose", "--name", "pose", *options)
    return folder


def test_it_learns_the_pose(project):
    checkpoint = last_checkpoint(project / "runs" / "pose")
    model = PoseRegressor.from_pretrained(checkpoint / "model")
    training = Poses(read_dataset(str(project / "runs/datasets/mammals"), "train", 32))
    read = predicted(model, from_bytes(training.table.pixels))
    assert torch.corrcoef(torch.stack([read[:, 0], training.poses[:, 0]]))[0, 1] > 0.5
    assert {*json.loads((checkpoint / "metrics.json").read_text())} == {"yaw", "pitch", "tilt", "mouth"}


def test_it_is_measured_and_published(project, tmp_path, capsys):
    in_process(project, "evaluate_pose", "--model", "pose", "--dataset", "mammals", "--output", "table.json")
    table = json.loads((project / "table.json").read_text())
    assert json.loads(capsys.readouterr().out) == table
    figures = table["results"]["mammals"]
    assert figures.pop("pictures") > 5
    assert len(figures) == 4 * 5
    assert all(row["low"] <= row["value"] <= row["high"] for row in figures.values())
    published = ["pose", "heads-pose", "--dataset", "mammals", "--output", tmp_path]
    in_process(project, "publish", *published)
    card = (tmp_path / "heads-pose" / "README.md").read_text()
    for said in ("train_pose.py", "model.predict([image])", "error of yaw in degrees (always the mean)"):
        assert said in card


def test_pictures_of_unknown_pose_are_refused(project):
    rows = [{"image": encode(np.zeros((32, 32, 3), dtype=np.uint8)), "label": 0, "group": 0}]
    write_dataset(project / "runs/datasets/photos", {"train": rows, "test": rows}, ["pug"], "# photos")
    with pytest.raises(SystemExit, match="error: photos has no columns yaw, pitch, tilt, mouth"):
        in_process(project, "train_pose", "--name", "none", "--dataset", "mammals", "photos")
