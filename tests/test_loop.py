"""The loop: same weights to the bit after a kill, over processes, and never from half a checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import conftest
import pytest
import safetensors.torch
import torch
from conftest import ROOT, SMALL_RECIPE
from loop import LoopSettings, batch_indices, computes_in_bf16, last_checkpoint, learning_rate, train

from betwixt import ImageClassifier

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_every_picture_is_seen_once_a_pass():
    rows = torch.cat([batch_indices(step, 7, 20, seed=3) for step in range(20)])
    assert len(rows) == 140
    for epoch in range(7):
        assert sorted(rows[epoch * 20 : epoch * 20 + 20].tolist()) == list(range(20))
    assert not torch.equal(rows[:20], rows[20:40])
    assert torch.equal(batch_indices(5, 7, 20, seed=3), rows[35:42])
    assert Counter(batch_indices(0, 50, 20, seed=0).tolist()).most_common(1)[0][1] == 3


def test_learning_rate_warms_up_and_falls():
    settings = LoopSettings(steps=100, learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:11] == pytest.approx([1.0, 1.0])
    assert all(later <= earlier for earlier, later in pairwise(rates[9:]))
    assert rates[-1] < 0.001


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(last_checkpoint(run) / "model" / "model.safetensors")


def training_command(name: str) -> list[str]:
    return [sys.executable, str(ROOT / "training" / "train_classifier.py"), "--name", name, *SMALL_RECIPE]


@pytest.fixture(scope="module")
def straight(small_run, run_recipe) -> dict[str, torch.Tensor]:
    """The weights of a run that nothing stopped."""
    run_recipe(small_run, "train_classifier.py", "--name", "straight", *SMALL_RECIPE, OMP_NUM_THREADS="1")
    return weights_of(small_run / "runs" / "straight")


def test_killed_and_resumed_ends_in_the_same_weights(small_run, run_recipe, straight):
    run = small_run / "runs" / "killed"
    for wanted in ("000010", "000020"):
        process = subprocess.Popen(training_command("killed"), cwd=small_run, env=ONE_THREAD, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not (run / wanted).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run_recipe(small_run, "train_classifier.py", "--name", "killed", *SMALL_RECIPE, OMP_NUM_THREADS="1")
    found = weights_of(run)
    assert straight.keys() == found.keys()
    assert all(torch.equal(straight[key], found[key]) for key in straight)


@pytest.mark.parametrize("moment", ["start", "first step", "saving"])
def test_killed_at_any_moment(small_run, run_recipe, straight, moment):
    run = small_run / "runs" / f"killed-at-{moment.split()[0]}"
    process = subprocess.Popen(training_command(run.name), cwd=small_run, env=ONE_THREAD, stderr=subprocess.PIPE)
    if moment == "start":
        time.sleep(0.5)
    elif moment == "first step":
        while b"step/s" not in process.stderr.read(50) and process.poll() is None:
            pass
    else:
        while not list(run.glob(".*.incomplete")) and process.poll() is None:
            pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run_recipe(small_run, "train_classifier.py", "--name", run.name, *SMALL_RECIPE, OMP_NUM_THREADS="1")
    found = weights_of(run)
    assert all(torch.equal(straight[key], found[key]) for key in straight)
    assert not list(run.glob(".*"))


def test_half_a_checkpoint_is_not_resumed(small_run, run_recipe):
    run = small_run / "runs" / "half"
    (run / ".000020.incomplete" / "model").mkdir(parents=True)
    (run / ".000020.incomplete" / "training_state.pt").write_bytes(b"half")
    assert last_checkpoint(run) is None
    run_recipe(small_run, "train_classifier.py", "--name", "half", *SMALL_RECIPE)
    assert last_checkpoint(run).name == "000030"


def test_a_finished_run_says_so_and_another_recipe_is_refused(small_run, run_recipe):
    before = (last_checkpoint(small_run / "runs" / "first") / "training_state.pt").stat().st_mtime_ns
    again = run_recipe(small_run, "train_classifier.py", "--name", "first", *SMALL_RECIPE)
    assert "finished" in again.stdout
    other = run_recipe(
        small_run,
        "train_classifier.py",
        "--name",
        "first",
        *SMALL_RECIPE,
        "--learning-rate",
        "0.1",
        check=False,
    )
    assert other.returncode == 1
    assert (
        other.stderr.strip()
        .splitlines()[-1]
        .startswith("error: runs/first was begun with other settings (learning_rate)")
    )
    assert (last_checkpoint(small_run / "runs" / "first") / "training_state.pt").stat().st_mtime_ns == before


def test_a_run_is_not_resumed_on_other_pictures(small_run, small_photos, run_recipe):
    make = ["--name", "changing", "--source", "folder", small_photos]
    recipe = [option if option != "small" else "changing" for option in SMALL_RECIPE]
    run_recipe(small_run, "make_clocks_crocodiles.py", *make, "--textures", "3")
    run_recipe(small_run, "train_classifier.py", "--name", "changing", *recipe)
    run_recipe(small_run, "make_clocks_crocodiles.py", *make, "--textures", "30")
    again = run_recipe(small_run, "train_classifier.py", "--name", "changing", *recipe, check=False)
    assert "begun with other settings (training_pictures)" in again.stderr


def test_checkpoints_are_whole_and_only_two_are_kept(small_run):
    folders = sorted(folder.name for folder in (small_run / "runs" / "first").iterdir())
    assert folders == ["000020", "000030"]
    last = small_run / "runs" / "first" / "000030"
    assert sorted(path.name for path in last.iterdir()) == [
        "metrics.json",
        "model",
        "recipe.json",
        "training_state.pt",
    ]
    assert json.loads((last / "recipe.json").read_text())["base_channels"] == 4
    assert 0 <= json.loads((last / "metrics.json").read_text())["accuracy"] <= 1
    assert ImageClassifier.from_pretrained(last / "model").class_names == ["clock", "crocodile", "neither"]


def test_two_processes_train_as_one_would(small_run, run_recipe):
    """Without batch statistics and chance, shares of a batch on two processes give what the whole gives on one."""
    plain = [
        "--dataset",
        "small",
        "--architecture",
        "shallow",
        "--steps",
        "20",
        "--batch-size",
        "16",
        "--precision",
        "fp32",
    ]
    plain += ["--augmentation", "0", "--cutout", "0", "--mixup", "0", "--dropout", "0", "--checkpoint-every", "20"]
    run_recipe(small_run, "train_classifier.py", "--name", "one-process", *plain, OMP_NUM_THREADS="1")
    two = conftest.in_two_processes(small_run, "train_classifier", lambda name: ["--name", name, *plain])
    one, two = (
        torch.load(last_checkpoint(run) / "training_state.pt", weights_only=True)
        for run in (small_run / "runs" / "one-process", two)
    )
    assert two["step"] == 20
    for key, value in one["model"].items():
        torch.testing.assert_close(two["model"][key], value, rtol=1e-3, atol=1e-4)


class Constant:
    """Four rows of nothing."""

    def __len__(self):
        return 4

    def batch(self, indices):
        return (torch.zeros(len(indices), 3, 32, 32),)


def model() -> ImageClassifier:
    return ImageClassifier(architecture="cnn", class_names=["a"], base_channels=2)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def loss(network, x):
        return network(x).sum() * float("nan"), {}

    with pytest.raises(FloatingPointError, match="lower --learning-rate"):
        train(tmp_path / "run", {}, model(), loss, Constant(), LoopSettings(steps=2, batch_size=2))
    assert last_checkpoint(tmp_path / "run") is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"precision": "fp8"}, "precision"), ({"steps": 0}, "at least 1"), ({"log": "paper"}, "trackio")],
)
def test_settings_that_make_no_sense(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", {}, model(), None, Constant(), LoopSettings(**{"steps": 1, **settings}))


def test_trackio_keeps_the_numbers_on_this_machine(small_run, run_recipe, tmp_path):
    environment = {"TRACKIO_DIR": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    run_recipe(small_run, "train_classifier.py", "--name", "logged", *SMALL_RECIPE, "--log", "trackio", **environment)
    databases = list(tmp_path.rglob("*.db"))
    assert databases
    assert databases[0].stat().st_size > 0


def test_precision_is_what_the_device_computes_in(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for capabilities, expected in (({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found, raising=False)
        assert computes_in_bf16("auto") is expected
        assert computes_in_bf16("bf16")
        assert not computes_in_bf16("fp32")
