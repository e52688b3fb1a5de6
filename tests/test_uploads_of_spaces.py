"""upload_dataset.py and upload_space.py: what is checked, what reaches the Hub, and who reads it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import yaml
from hub_client import PROJECT
from hub_fixtures import SPACE_CARD, parquet, put, upload, upload_all, write_card
from hub_server import TOKEN

# Datasets


def test_dataset_is_read_by_load_dataset(hub, clients, source):
    dry = upload(clients, source, "dataset", "pictures", "--dry")
    assert "data/test: 3 rows" in dry.stdout
    assert "data/train: 6 rows" in dry.stdout
    assert "data: image, label" in dry.stdout
    finished = upload(clients, source, "dataset", "pictures", "--tag", "v1")
    assert finished.returncode == 0, finished.output
    sha = hub.repo("pictures", "datasets").branches["main"]
    code = f"""
from datasets import load_dataset
for revision in (None, "v1", "{sha}"):
    data = load_dataset("owner/pictures", revision=revision)
    test = data["test"]
    print(data["train"].num_rows, test.num_rows, test.features["label"].names, test[0]["image"].size)
stream = load_dataset("owner/pictures", split="train", streaming=True)
print(sum(1 for row in stream if row["image"].size == (8, 8)))
test.push_to_hub("owner/pushed", split="test")
print(load_dataset("owner/pushed", split="test")[2]["label"])
"""
    pulled = clients.run(code)
    assert pulled.stdout == "6 3 ['clock', 'crocodile'] (8, 8)\n" * 3 + "6\n0\n", pulled.output
    assert TOKEN not in pulled.output


def no_metadata(folder: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"label": [1, 2]}), folder / "data/test-00000-of-00001.parquet")


def other_features(folder: Path) -> None:
    parquet(folder / "data/test-00000-of-00001.parquet", 3, ("clock", "crocodile", "neither"))


def other_storage(folder: Path) -> None:
    binary_only = pyarrow.struct({"bytes": pyarrow.binary()})
    parquet(folder / "data/test-00000-of-00001.parquet", 3, storage=binary_only)


def no_rows(folder: Path) -> None:
    parquet(folder / "data/test-00000-of-00001.parquet", 0)


DATASET_FAULTS = {
    "not Parquet": (
        put("data/test-00000-of-00001.parquet", "PAR1"),
        "test-00000-of-00001.parquet: cannot be read",
    ),
    "no features": (no_metadata, "must have an Image and a ClassLabel column"),
    "other features": (other_features, "its features are not those of the other files"),
    "other storage": (other_storage, "column image must be stored as struct<bytes: binary, path: string>"),
    "no rows": (no_rows, "has no rows"),
    "stray file": (put("data/photo.jpg"), "photo.jpg: does not belong into a published dataset"),
    "script": (put("pictures.py"), "pictures.py: does not belong into a published dataset"),
    "empty": (lambda folder: shutil.rmtree(folder / "data"), "holds no Parquet files"),
    "other numbers": (
        put(
            "README.md",
            "---\nlicense: mit\ndataset_info:\n  splits:\n  - name: train\n    num_examples: 7\n---\n",
        ),
        "README.md: says 7 rows in train, the files have 6",
    ),
}


@pytest.mark.parametrize("fault", DATASET_FAULTS)
def test_dataset_that_is_not_fit_to_publish(fault, hub, clients, source):
    breaking, message = DATASET_FAULTS[fault]
    breaking(source / "hub/datasets/pictures")
    finished = upload(clients, source, "dataset", "pictures")
    assert finished.returncode == 1
    assert message in finished.stderr
    assert hub.requests == []


# Spaces


def test_space_is_self_contained_and_pinned(hub, clients, source, tmp_path):
    early = upload(clients, source, "space", "tiny")
    assert early.returncode == 1
    assert "model owner/net, which the Space needs: no such repo" in early.stderr
    assert "upload_model.py net uploads it" in early.stderr
    assert ("spaces", "owner/tiny") not in hub.repos
    upload_all(clients, source)
    files = hub.files("tiny", "spaces")
    pins = {
        "models": {"net": hub.repo("net").branches["main"]},
        "datasets": {"pictures": hub.repo("pictures", "datasets").branches["main"]},
    }
    assert json.loads(files["hub.json"]) == {"namespace": "owner", **pins}
    _, front, body = files["README.md"].decode().split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert metadata["models"] == ["owner/net"]
    assert metadata["datasets"] == ["owner/pictures", "someone/photos"]
    listed = ".gitattributes,README.md,config.json,model.safetensors"
    assert metadata["preload_from_hub"] == [f"owner/net {listed} {pins['models']['net']}"]
    assert metadata["emoji"] == SPACE_CARD["emoji"]
    assert body == "# owner/net\n"
    assert files["betwixt/hub.py"] == (PROJECT / "src/betwixt/hub.py").read_bytes()
    assert not any("__pycache__" in name for name in files)
    pulled = clients.run(
        "from huggingface_hub import snapshot_download\n"
        f"print(snapshot_download('owner/tiny', repo_type='space', local_dir={str(tmp_path / 'run')!r}))"
    )
    assert pulled.returncode == 0, pulled.output
    started = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path / "run",
        env=clients.environment,
        capture_output=True,
        text=True,
    )
    assert started.stdout.splitlines() == [
        str(tmp_path / "run/betwixt/__init__.py"),
        "['clock', 'crocodile']",
        ".gitattributes README.md data",
    ], started.stderr


def test_all_spaces_as_one(hub, clients, source):
    shutil.copytree(source / "spaces/tiny", source / "spaces/second")
    write_card(
        source / "spaces/second",
        SPACE_CARD | {"title": "Second", "models": ["betwixt/net"], "tags": ["clocks"]},
    )
    for what, name in (("model", "net"), ("dataset", "pictures"), ("space", "all")):
        finished = upload(clients, source, what, name)
        assert finished.returncode == 0, finished.output
    files = hub.files("betwixt", "spaces")
    assert {"launch.py", "tiny/app.py", "second/app.py", "betwixt/hub.py", "hub.json"} <= files.keys()
    metadata = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
    assert metadata["app_file"] == "launch.py"
    assert metadata["models"] == ["owner/net"]
    assert metadata["tags"] == ["clocks"]
    assert json.loads(files["hub.json"])["models"] == {"net": hub.repo("net").branches["main"]}
    assert files["requirements.txt"] == b"torch>=2.8\ntorchvision\n"
    write_card(source / "spaces/second", SPACE_CARD | {"sdk_version": "6.21.0"})
    assert "different sdk_version (6.20.0, 6.21.0)" in upload(clients, source, "space", "all").stderr


def card_with(**changes):
    return lambda folder: write_card(folder, {**SPACE_CARD, **changes})


SPACE_FAULTS = {
    "short version": (card_with(sdk_version="6.20"), "sdk_version must be a full x.y.z, not 6.20"),
    "long description": (card_with(short_description="x" * 61), "1 to 60 characters, and has 61"),
    "hardware": (card_with(hardware="cpu-basic"), "hardware is ignored by the Hub"),
    "no app": (card_with(app_file="main.py"), "app_file main.py does not exist"),
    "colour": (card_with(colorTo="teal"), "colorTo must be one of"),
    "no title": (card_with(title=""), "title is missing"),
    "models as text": (card_with(models=[3]), "models must be a list of names"),
    "lists gradio": (
        put("requirements.txt", "torchvision\ngradio>=6\nHuggingFace_Hub\n"),
        "must not list gradio, hugg",
    ),
    "no torchvision": (put("requirements.txt", "torch\n"), "must list torchvision"),
    "no requirements": (
        lambda folder: (folder / "requirements.txt").unlink(),
        "requirements.txt: is missing",
    ),
    "pickle": (put("weights.pt"), "weights.pt: may be a pickle"),
    "own pins": (put("hub.json", "{}"), "must hold neither hub.json nor betwixt/"),
}


@pytest.mark.parametrize("fault", SPACE_FAULTS)
def test_space_that_is_not_fit_to_publish(fault, hub, clients, source):
    breaking, message = SPACE_FAULTS[fault]
    breaking(source / "spaces/tiny")
    finished = upload(clients, source, "space", "tiny")
    assert finished.returncode == 1
    assert message in finished.stderr
    assert hub.requests == []


def test_space_fetches_what_load_dataset_left_out(hub, clients, source, tmp_path):
    upload_all(clients, source)
    code = """
from datasets import load_dataset
print(load_dataset("owner/pictures", data_files="data/test-*.parquet")["train"].num_rows)
"""
    assert clients.run(code).stdout == "3\n"
    hub_code = """
from betwixt.hub import locate
print(*sorted(path.name for path in (locate("pictures") / "data").iterdir()))
"""
    whole = "test-00000-of-00001.parquet train-00000-of-00001.parquet\n"
    assert clients.run(hub_code, BETWIXT_NAMESPACE="owner").stdout == whole
    hub.requests.clear()
    assert clients.run(hub_code, BETWIXT_NAMESPACE="owner").stdout == whole
    assert hub.requests == []


def test_the_suite_itself_travels_through_the_hub(hub, clients, tmp_path):
    """What is published here is uploaded, pulled, and classifies: with nothing of this checkout beside the Space."""
    (tmp_path / "hub").symlink_to(PROJECT / "hub_upload")
    (tmp_path / "spaces").symlink_to(PROJECT / "spaces")
    models = sorted(folder.name for folder in (PROJECT / "hub_upload/models").iterdir())
    for what, names in (("model", models), ("dataset", ["clocks-crocodiles"]), ("space", ["clocks-crocodiles"])):
        for name in names:
            finished = upload(clients, tmp_path, what, name)
            assert finished.returncode == 0, finished.output
    pulled = clients.run(
        "from datasets import load_dataset\n"
        "from huggingface_hub import snapshot_download\n"
        "data = load_dataset('owner/clocks-crocodiles')\n"
        "print(sorted(data), data['morphs'][0]['image'].size, 0 < data['morphs'][0]['t'] < 1)\n"
        f"snapshot_download('owner/clocks-crocodiles', repo_type='space', local_dir={str(tmp_path / 'run')!r})\n"
    )
    assert pulled.stdout == "['morphs', 'test', 'train'] (64, 64) True\n", pulled.output
    code = (
        "import app, betwixt, finder\n"
        "from PIL import Image\n"
        "print(betwixt.__file__)\n"
        "for file in sorted(app.FOLDER.glob('examples/*.png')):\n"
        "    best = app.classify(Image.open(file))[0]\n"
        "    print(best.model, best.answer, file.stem)\n"
        "found = app.search('rendered', features='clocks-crocodiles-shallow')\n"
        "print(len([step for step in found.prepare()]) > 0, len(finder.rank(found).rows))\n"
    )
    started = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "run", env=clients.environment, capture_output=True, text=True
    )
    where, *answers, ranked = started.stdout.splitlines() or [""] * 2
    assert where == str(tmp_path / "run/betwixt/__init__.py"), started.stderr
    assert ranked == "True 430"  # the collection came from the Hub as well
    assert len(answers) == 6
    for line in answers:
        model, answer, example = line.split()
        assert model == "clocks-crocodiles-classifier"
        assert answer in ("clock", "crocodile", "neither")
        assert answer == "neither" or answer in example, line
