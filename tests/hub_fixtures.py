"""Fixtures and helpers of the Hub tests: a server, clients, and things that are fit to upload."""

import io
import json
import re
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import torch
import yaml
from hub_client import PROJECT, Clients, Finished, client_environment
from hub_server import TOKEN, HubServer
from PIL import Image

from betwixt import ImageClassifier


@pytest.fixture(scope="session")
def hub_server():
    with HubServer() as server:
        yield server


@pytest.fixture(scope="session")
def clients(hub_server, tmp_path_factory):
    """Runs programs that know only the test's Hub."""
    with Clients(client_environment(hub_server.url, TOKEN, tmp_path_factory.mktemp("hf-home"))) as started:
        yield started


@pytest.fixture
def hub(hub_server, clients):
    """The server, empty and without faults; the clients' cache is empty as well."""
    for kept in (hub_server.faults, hub_server.requests, hub_server.repos, hub_server.lfs):
        kept.clear()
    shutil.rmtree(Path(clients.environment["HF_HOME"]) / "hub", ignore_errors=True)
    return hub_server


SCRIPTS = PROJECT / "hub_upload"

CARD = """---
license: apache-2.0
datasets:
- betwixt/pictures
model-index:
- name: net
  results:
  - task:
      type: image-classification
    dataset:
      name: pictures
      type: betwixt/pictures
    metrics:
    - type: accuracy
      value: 0.5
---
`ImageClassifier.from_pretrained("betwixt/net")`, and betwixt/net-two is another one.
"""


DATASET_CARD = """---
license: apache-2.0
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
  - split: test
    path: data/test-*.parquet
---
`load_dataset("betwixt/pictures")`
"""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    model = ImageClassifier(architecture="cnn", class_names=["clock", "crocodile"], base_channels=8)
    folder = model.save_pretrained(tmp_path_factory.mktemp("models") / "net", torch.float16)
    (folder / "README.md").write_text(CARD)
    return folder


STORAGE = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})


def parquet(path: Path, rows: int, names: tuple[str, ...] = ("clock", "crocodile"), storage=STORAGE) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    table = pyarrow.table(
        {
            "image": pyarrow.array([{"bytes": picture.getvalue(), "path": None}] * rows, storage),
            "label": pyarrow.array([i % 2 for i in range(rows)], pyarrow.int64()),
        },
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(table, path)


@pytest.fixture
def source(checkpoint, tmp_path):
    """A hub_upload/ folder with one model and one dataset, and a folder with one Space."""
    shutil.copytree(checkpoint, tmp_path / "hub/models/net")
    dataset = tmp_path / "hub/datasets/pictures"
    dataset.mkdir(parents=True)
    (dataset / "README.md").write_text(DATASET_CARD)
    parquet(dataset / "data/train-00000-of-00001.parquet", 6)
    parquet(dataset / "data/test-00000-of-00001.parquet", 3)
    space = tmp_path / "spaces/tiny"
    space.mkdir(parents=True)
    write_card(space, SPACE_CARD)
    (space / "requirements.txt").write_text("torch>=2.8\ntorchvision  # by the library\n")
    (space / "app.py").write_text(SPACE_APP)
    (tmp_path / "spaces/launch.py").write_text("print('all')\n")
    return tmp_path


SPACE_CARD = {
    "title": "Tiny",
    "emoji": "🕰️",
    "colorFrom": "blue",
    "colorTo": "green",
    "sdk": "gradio",
    "sdk_version": "6.20.0",
    "app_file": "app.py",
    "license": "apache-2.0",
    "short_description": "A tiny Space",
    "models": ["betwixt/net"],
    "datasets": ["betwixt/pictures", "someone/photos"],
    "preload_from_hub": ["betwixt/net"],
}
SPACE_APP = """
import betwixt.hub
from betwixt import ImageClassifier
print(betwixt.__file__)
print(ImageClassifier.from_pretrained("net").class_names)
print(*sorted(path.name for path in betwixt.hub.locate("pictures", "dataset").iterdir()))
"""


def write_card(folder: Path, metadata: dict) -> None:
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(metadata, allow_unicode=True)}---\n# betwixt/net\n")


def upload(clients: Clients, source: Path, what: str, name: str, *options: str, **environment: str) -> Finished:
    """Runs an upload script with --apply (without it: "--dry"). A failure is one line, and no token shows."""
    folder = ("--spaces", source / "spaces") if what == "space" else ("--hub", source / "hub")
    chosen = ["--apply", *options] if "--dry" not in options else []
    namespace = () if "--namespace" in options else ("--namespace", "owner")
    finished = clients.run_script(SCRIPTS / f"upload_{what}.py", name, *folder, *namespace, *chosen, **environment)
    assert TOKEN not in finished.output
    assert "signature=secret" not in finished.output
    assert "Traceback" not in finished.output
    if finished.returncode == 1:
        assert re.fullmatch(r"error: .+\n", finished.stderr), finished.stderr
    return finished


def upload_all(clients: Clients, source: Path) -> None:
    for what, name in (("model", "net"), ("dataset", "pictures"), ("space", "tiny")):
        finished = upload(clients, source, what, name)
        assert finished.returncode == 0, finished.output


def replace(name: str, old: str, new: str):
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))


def put(name: str, content: str = "x"):
    def put_file(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)

    return put_file
