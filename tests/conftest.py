"""Where things are, and how a recipe is run as its users run it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from loop import last_checkpoint
from PIL import Image

ROOT = Path(__file__).parents[1]
if "PYTEST_XDIST_WORKER" in os.environ:  # two workers of one thread each do more than two that wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # torch, loaded above, has read the variable already
pytest_plugins = ["hub_fixtures", "spaces_fixtures"]


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photos; tests that need them skip only where it is absent."""
    folder = Path(os.environ.get("BETWIXT_PHOTOS", ROOT.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}: set BETWIXT_PHOTOS")
    return folder


@pytest.fixture(scope="session")
def run_recipe():
    """run_recipe(folder, "train_classifier.py", *options) in a folder of its own; returns the finished process."""

    def run(folder: Path, script: str, *options: str, check: bool = True, **environment: str):
        command = [sys.executable, str(ROOT / "training" / script), *map(str, options)]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def in_process(folder: Path, script: str, *options: str) -> None:
    """Run a recipe in a folder, without starting Python anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", [script, *map(str, options)])
        __import__(script).main()


TWO_PROCESSES = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
TWO_PROCESSES += ["--mixed_precision", "no", "--dynamo_backend", "no"]


def in_two_processes(folder: Path, script: str, options_of: Callable[[str], list[str]]) -> Path:
    """The run of a recipe that two processes trained together."""
    run = folder / "runs" / f"{script}-two"
    done = subprocess.run(
        [sys.executable, *TWO_PROCESSES, ROOT / "training" / f"{script}.py", *options_of(run.name)],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return run


def straight_and_killed(folder: Path, script: str, options_of: Callable[[str], list[str]]) -> tuple[Path, Path]:
    """Two runs of a recipe that has a checkpoint after step 2: one that nothing stops, one killed there and resumed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as the process that is killed: sums are rounded by them
    try:
        straight, run = (folder / "runs" / f"{script}-{how}" for how in ("straight", "killed"))
        in_process(folder, script, *options_of(straight.name))
        process = subprocess.Popen(
            [sys.executable, ROOT / "training" / f"{script}.py", *options_of(run.name)],
            cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not (run / "000002").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert last_checkpoint(run).name in ("000002", "000004", "000006")
        in_process(folder, script, *options_of(run.name))
    finally:
        torch.set_num_threads(threads)
    return straight, run


@pytest.fixture(scope="session")
def small_photos(tmp_path_factory) -> Path:
    """A folder of two easy classes and of others: 40 discs "clock", 40 bars "crocodile", 20 blank, 32x32 with noise."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    for name, count in (("clock", 40), ("crocodile", 40), ("other", 20)):
        (folder / name).mkdir()
        for i in range(count):
            cx, cy = random.uniform(10, 22, 2)
            shape = {
                "clock": (x - cx) ** 2 + (y - cy) ** 2 < 60,
                "crocodile": abs(y - cy) < 3,
                "other": x < 0,
            }[name]
            picture = random.uniform(0, 120, (32, 32, 3)) + shape[..., None] * random.uniform(60, 130, 3)
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, small_photos, run_recipe) -> Path:
    """A folder with runs/datasets/small and the finished run runs/first of a small resnet9 on it."""
    folder = tmp_path_factory.mktemp("project")
    source = ["--source", "folder", small_photos, "--neither", small_photos / "other"]
    run_recipe(folder, "make_clocks_crocodiles.py", "--name", "small", *source, "--textures", "10")
    run_recipe(folder, "train_classifier.py", "--name", "first", *SMALL_RECIPE)
    return folder


SMALL_RECIPE = ["--dataset", "small", "--base-channels", "4", "--steps", "30", "--batch-size", "16"]
SMALL_RECIPE += ["--checkpoint-every", "10", "--cutout", "0"]
