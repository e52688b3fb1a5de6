"""From a generator to pairs and a swapper: what each loss reaches, what is refused, kills, and two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import conftest
import make_latent_pairs
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from conftest import ROOT
from loop import folder_of, last_checkpoint, weights_digest
from publish import stages
from tables import read_dataset
from train_identity_pose import Game, Pairs, Recipe, Teachers

from betwixt import IdentityPoseSwapper, ImageClassifier, PoseRegressor, StyleGAN2Generator
from betwixt.images import to_bytes
from betwixt.perceptual import layers_of

CLASSES = ["clock", "crocodile"]
SIZES = {"attribute_size": 32, "attribute_channels": 4, "attribute_dim": 6, "hidden_dim": 16, "batch_size": 8}
LOSSES = ("identity", "pose", "reconstruction", "features", "latent", "adversarial", "consistency", "leak")


@pytest.fixture(scope="module")
def project(small_run) -> Path:
    """The folder of `small_run` with a generator, a reader of poses, and runs/datasets/pairs."""
    torch.manual_seed(0)
    sizes = {"z_dim": 8, "w_dim": 8, "img_resolution": 32, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}
    generator = StyleGAN2Generator(c_dim=2, class_names=CLASSES, **sizes)
    generator.save_pretrained(small_run / "generator")
    StyleGAN2Generator(**sizes).save_pretrained(small_run / "classless")
    PoseRegressor(base_channels=4, image_size=32).save_pretrained(small_run / "poses")
    conftest.in_process(small_run, "make_latent_pairs", *drawing("pairs"))
    return small_run


def drawing(name: str, *more: str) -> list[str]:
    return ["--name", name, "--model", "generator", "--count", "60", "--quality", "100", *more]


def options_of(name: str, *more: str) -> list[str]:
    models = [
        "--generator",
        "generator",
        "--pose-model",
        "poses",
        "--classifier",
        "first",
        "--perceptual-model",
        "first",
    ]
    options = ["--name", name, "--dataset", "pairs", "small", "--steps", "6", "--checkpoint-every", "2", *models]
    return [*options, *[f"--{key.replace('_', '-')}={value}" for key, value in SIZES.items()], *more]


@pytest.fixture(scope="module")
def in_process(project):
    return partial(conftest.in_process, project)


@pytest.fixture
def game(project, monkeypatch) -> tuple[Game, Teachers, Pairs]:
    monkeypatch.chdir(project)
    torch.manual_seed(0)
    generator = StyleGAN2Generator.from_pretrained("generator")
    classifier = ImageClassifier.from_pretrained(folder_of("first"))
    recipe = Recipe(name="game", **SIZES, **dict.fromkeys(LOSSES, 0.0))
    pairs = Pairs(read_dataset("pairs", "train", 32), generator, weights_digest(Path("generator")))
    pose = PoseRegressor.from_pretrained("poses").requires_grad_(False)
    return Game(recipe, generator, classifier, 2), Teachers(pose, layers_of(classifier)), pairs


def batch_of(pairs: Pairs, count: int = 8) -> tuple[torch.Tensor, ...]:
    pixels, *others = pairs.batch(torch.arange(count))
    return pixels.float() / 127.5 - 1, *others


def test_pairs_are_pictures_of_their_styles(project):
    for split, least in (("train", 35), ("test", 4)):
        table = read_dataset(str(project / "runs/datasets/pairs"), split, 32)
        generator = StyleGAN2Generator.from_pretrained(project / "generator")
        assert len(table) >= least
        assert table.class_names == CLASSES
        assert table.labels.tolist() == [seed % 2 for seed in table.columns["seed"]]
        w = torch.tensor(table.columns["w"]).view(len(table), generator.num_ws, 8)
        with torch.inference_mode():
            drawn = to_bytes(generator.synthesis(w))
            z = torch.stack([torch.randn(8, generator=torch.Generator().manual_seed(s)) for s in table.columns["seed"]])
            expected = generator.mapping(z, torch.eye(2)[table.labels], 0.8)
        assert (drawn.int() - table.pixels.int()).abs().max() <= 1
        torch.testing.assert_close(w, expected)


def test_pairs_are_what_datasets_reads(project):
    import datasets

    rows = datasets.load_dataset("parquet", data_files=str(project / "runs/datasets/pairs/data/train-*"), split="train")
    assert rows.features["label"].names == CLASSES
    assert len(rows[0]["w"]) == 8 * 8
    assert rows[0]["image"].size == (32, 32)


def test_drawing_that_was_killed_goes_on(project, monkeypatch):
    monkeypatch.setattr(make_latent_pairs, "PART", 20)
    code = "import make_latent_pairs as made; made.PART = 20; made.main()"
    parts = project / "runs/datasets/.killed.parts"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *drawing("killed")],
        cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT / "training"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while not list(parts.glob("*.parquet")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {file: file.stat().st_mtime_ns for file in parts.glob("*.parquet")}
    conftest.in_process(project, "make_latent_pairs", *drawing("killed"))
    conftest.in_process(project, "make_latent_pairs", *drawing("straight"))
    killed, straight = (
        [pq.read_table(file).to_pylist() for file in sorted((project / "runs/datasets" / name / "data").iterdir())]
        for name in ("killed", "straight")
    )
    assert kept or not parts.exists()
    assert killed == straight


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_reaches_what_it_is_to_teach(game, name):
    trained, teachers, pairs = game
    setattr(trained.recipe, name, 1.0)
    value, shown = trained(*batch_of(pairs), teachers)
    assert shown.keys() == {name}
    assert value.isfinite()
    value.backward()
    taught = [key for key, weight in trained.named_parameters() if weight.grad is not None and weight.grad.any()]
    reached = {key.removeprefix("swapper.").split(".")[0] for key in taught}
    expected = {"leak": {"attribute_encoder", "breed_of_code"}}.get(name, {"attribute_encoder", "latent_mapper"})
    assert reached == expected | ({"w_discriminator"} if name == "adversarial" else set())
    assert all(weight.grad is None for weight in teachers.pose.parameters())


def test_losses_are_nothing_where_the_swap_is_right(game):
    """Of a mapper that gives the very style of a picture; and without styles or breeds there is nothing to learn."""
    trained, teachers, pairs = game
    x, labels, w, known = batch_of(pairs)
    trained.recipe.crossed = 0.0
    for name in ("identity", "pose", "reconstruction", "features", "latent"):
        setattr(trained.recipe, name, 1.0)
    trained.swapper.latent_mapper.forward = lambda identity, code: w[:, :1] + 0 * code.sum()
    _, shown = trained(x, labels, w, known, teachers)
    assert all(value < 5e-3 for value in shown.values()), shown
    for name in ("consistency", "adversarial", "leak"):
        setattr(trained.recipe, name, 1.0)
    total, shown = trained(x, labels * 0 - 1, w, known & False, teachers)
    assert {name: shown[name].item() for name in ("latent", "adversarial", "consistency", "leak")} == dict.fromkeys(
        ("latent", "adversarial", "consistency", "leak"), 0.0
    )
    total.backward()


def test_killed_and_resumed_ends_in_the_same_weights(project):
    runs = conftest.straight_and_killed(project, "train_identity_pose", lambda name: options_of(name, "--space", "w+"))
    straight, resumed = (safetensors.torch.load_file(last_checkpoint(run) / "model/model.safetensors") for run in runs)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_what_is_frozen_stays_as_it_was_to_the_bit(project, in_process):
    in_process("train_identity_pose", *options_of("frozen", "--steps", "4"))
    run = project / "runs/frozen"
    swapper = IdentityPoseSwapper.from_pretrained(last_checkpoint(run) / "model")
    generator = StyleGAN2Generator.from_pretrained(project / "generator")
    classifier = ImageClassifier.from_pretrained(last_checkpoint(project / "runs/first") / "model")
    for before, after in ((generator, swapper.generator), (classifier, swapper.identity_encoder)):
        for name, tensor in before.state_dict().items():
            assert torch.equal(tensor, after.state_dict()[name]), name
    recipe = json.loads((last_checkpoint(run) / "recipe.json").read_text())
    assert [(stem, options["name"]) for stem, options in stages(recipe, "identity_pose")] == [
        ("classifier", "first"),
        ("identity_pose", "frozen"),
    ]
    metrics = json.loads((last_checkpoint(run) / "metrics.json").read_text())
    assert 0 <= metrics["identity"] <= 2
    assert metrics["yaw"] >= 0
    assert len(list((run / "samples").glob("*.png"))) == 2


def test_two_processes(project):
    run = conftest.in_two_processes(project, "train_identity_pose", lambda name: options_of(name, "--steps", "2"))
    assert last_checkpoint(run).name == "000002"


def test_styles_of_another_generator_are_refused(in_process):
    with pytest.raises(SystemExit, match=r"of a generator of weights \w+, and the one given has weights \w+: draw"):
        in_process("train_identity_pose", *options_of("other", "--generator", "classless"))


def test_a_generator_without_classes(project, in_process):
    in_process("make_latent_pairs", *drawing("unnamed", "--model", "classless", "--cutoff", "4"))
    assert read_dataset(str(project / "runs/datasets/unnamed"), "train", 32).class_names == ["drawn"]
    in_process(
        "train_identity_pose",
        *options_of("plainly", "--generator", "classless", "--dataset", "unnamed", "--preset", "paper"),
    )
    assert last_checkpoint(project / "runs/plainly").name == "000006"
