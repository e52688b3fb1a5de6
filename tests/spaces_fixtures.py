"""Fixtures of the tests of Spaces: a site started as its users start it, networks, pictures good and bad."""

import importlib.util
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from betwixt import ImageClassifier

PROJECT = Path(__file__).parents[1]
SPACES = PROJECT / "spaces"
SPACE = SPACES / "clocks-crocodiles"
EXAMPLES = sorted((SPACE / "examples").glob("*.png"))
CLASSES = ["clock", "crocodile", "neither"]
STAND_INS = {
    "clocks-crocodiles-classifier": {"architecture": "cnn", "num_convolutions": 3},
    "clocks-crocodiles-resnet9": {"architecture": "resnet9", "base_channels": 8},
    "clocks-crocodiles-cnn": {"architecture": "cnn"},
    "clocks-crocodiles-shallow": {"architecture": "shallow"},
}


class Site:
    """A Space or launch.py in a process of its own, at a free port."""

    def __init__(self, script: Path, folder: Path, **variables: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "log.txt"
        self.uploads = folder / "uploads"
        environment = {
            **os.environ,
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(self.uploads),
        }
        environment |= {"HF_HUB_OFFLINE": "1", **variables}
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script)], cwd=folder, env=environment, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait(self, seconds: float = 120) -> "Site":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log
            try:
                if httpx.get(self.url, timeout=5).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError(f"no page within {seconds} s; {self.log}")

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def published() -> Path | None:
    """The folder of the published networks, or None where they are not there."""
    folder = Path(os.environ.get("BETWIXT_HUB", PROJECT / "hub_upload"))
    return folder if all((folder / "models" / name / "config.json").is_file() for name in STAND_INS) else None


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory) -> Path:
    """A hub folder with small untrained networks, whose answers differ between pictures all the same."""
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    for name, arguments in STAND_INS.items():
        model = ImageClassifier(class_names=CLASSES, **arguments)
        with torch.no_grad():
            model.head[-1].weight.mul_(30)
        model.save_pretrained(folder / "models" / name)
    return folder


@pytest.fixture(scope="session")
def hub_folder(published, stand_ins) -> Path:
    """The published networks, or else the stand-ins: what is tested with these is the page."""
    return published or stand_ins


@pytest.fixture(scope="session")
def site(hub_folder, tmp_path_factory):
    """The whole suite, started as the README says."""
    with Site(SPACES / "launch.py", tmp_path_factory.mktemp("site"), BETWIXT_HUB=str(hub_folder)) as started:
        yield started.wait()


@pytest.fixture(scope="session")
def launch():
    """The module spaces/launch.py."""
    spec = importlib.util.spec_from_file_location("launch_under_test", SPACES / "launch.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory) -> dict[Path, str]:
    """Files that are no usable pictures -> a word that the message must have."""
    folder = tmp_path_factory.mktemp("bad")
    whole = EXAMPLES[0].read_bytes()
    files = {
        "truncated.png": (whole[: len(whole) // 2], "damaged"),
        "empty.png": (b"", "empty"),
        "text.png": (b"I am no picture. " * 50, "not a picture"),
        "bomb.png": (saved(Image.new("1", (30000, 30000)), "PNG"), "pixels|large"),
        "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "HEIC"),
        "hostile.jpg": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8, "picture"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {folder / name: word for name, (_, word) in files.items()}


@pytest.fixture(scope="session")
def odd_files(tmp_path_factory) -> list[Path]:
    """Unusual files that are pictures all the same."""
    folder = tmp_path_factory.mktemp("odd")
    with Image.open(EXAMPLES[0]) as opened:
        picture = opened.convert("RGB")
    rotated = Image.Exif()
    rotated[274] = 6
    other = picture.rotate(90)
    grey16 = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    palette = picture.convert("P")
    files = {
        "one_pixel.png": saved(Image.new("RGB", (1, 1), "green"), "PNG"),
        "line.png": saved(Image.new("RGB", (30000, 1), "green"), "PNG"),
        "cmyk.jpg": saved(picture.convert("CMYK"), "JPEG"),
        "deep.png": saved(grey16, "PNG"),
        "palette.png": saved(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "rotated.jpg": saved(picture, "JPEG", exif=rotated),
        "animated.gif": saved(picture, "GIF", save_all=True, append_images=[other]),
        "animated.webp": saved(picture, "WEBP", save_all=True, append_images=[other]),
        "no_suffix": saved(picture, "PNG"),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]
