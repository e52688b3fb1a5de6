"""betwixt.hub against a Hub: by name, tag and commit, from a warm cache, and when the Hub fails."""

import json
from pathlib import Path

import pytest
from hub_client import Clients
from hub_server import TOKEN, Blob, HubServer, Repo

from betwixt import ImageClassifier


@pytest.fixture
def versions(hub, tmp_path):
    """A model on the Hub in two versions (image_size 8, tagged v1, then 16); returns their commits."""
    return put_versions(hub, tmp_path, "net")


def put_versions(hub: HubServer, folder: Path, name: str, private: bool = False) -> list[str]:
    repo = hub.repos["models", f"owner/{name}"] = Repo("models", private)
    shas = []
    for size in (8, 16):
        model = ImageClassifier(architecture="shallow", class_names=["clock", "crocodile"], image_size=size)
        path = model.save_pretrained(folder / f"{name}-{size}")
        files = {file.name: Blob(file.read_bytes(), file.suffix == ".safetensors") for file in path.iterdir()}
        hub.lfs |= {blob.oid: blob.content for blob in files.values()}
        shas.append(repo.commit("main", files, "version"))
    repo.tags["v1"] = shas[0]
    return shas


LOAD = """
from betwixt import ImageClassifier
for name in {names!r}:
    try:
        print("size", ImageClassifier.from_pretrained(name).image_size)
    except RuntimeError as error:
        print("error", error)
"""


def load(clients: Clients, *names: str, **environment: str) -> list[str]:
    finished = clients.run(LOAD.format(names=names), **environment)
    assert finished.returncode == 0, finished.output
    assert TOKEN not in finished.output
    return finished.stdout.splitlines()


def test_pull_by_name_tag_and_commit(hub, clients, versions):
    first, second = versions
    names = ["owner/net", "owner/net@main", "owner/net@v1", f"owner/net@{first}", f"owner/net@{second}"]
    assert load(clients, *names) == ["size 16", "size 16", "size 8", "size 8", "size 16"]
    revision, repo = load(clients, "owner/net@v9", "owner/nothing")
    assert revision.startswith("error owner/net@v9 is no folder here; getting it from the Hub: the repo exists, but")
    assert repo.startswith("error owner/nothing is no folder here; getting it from the Hub: no such repo, or it is")


def test_private_repo_needs_the_token(hub, clients, tmp_path):
    put_versions(hub, tmp_path, "secret", private=True)
    assert load(clients, "owner/secret") == ["size 16"]
    without = load(clients, "owner/secret", HF_TOKEN="", HF_HOME=str(tmp_path))
    assert "no such repo, or it is private" in without[0]
    bad = load(clients, "owner/secret", HF_TOKEN="hf_wrongWrongWrong")
    assert "the access token is not valid (401)" in bad[0]
    assert "wrongWrong" not in bad[0]


def test_warm_cache_serves_when_the_hub_is_down(hub, clients, versions):
    pinned = f"owner/net@{versions[0]}"
    assert load(clients, "owner/net", pinned, "owner/net@v1") == ["size 16", "size 8", "size 8"]
    hub.stop()
    try:
        assert load(clients, "owner/net", pinned, "owner/net@v1") == ["size 16", "size 8", "size 8"]
        [cold] = load(clients, "owner/other")
    finally:
        hub.start()
    assert "127.0.0.1 cannot be reached" in cold
    hub.requests.clear()
    assert load(clients, pinned) == ["size 8"]
    assert hub.requests == []


def test_new_commit_is_seen_by_name(hub, clients, versions):
    repo = hub.repo("net")
    assert load(clients, "owner/net") == ["size 16"]
    repo.commit("main", repo.commits[versions[0]], "back to the first")
    assert load(clients, "owner/net") == ["size 8"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (401, "the access token is not valid (401)"),
        (403, "the access token may not do this (403)"),
        (429, "too many requests (429); wait a few minutes"),
        (500, "the Hub has a fault of its own (500)"),
        (503, "the Hub has a fault of its own (503)"),
        ("break", "127.0.0.1 cannot be reached, or broke off"),
        ("stall", "127.0.0.1 does not answer"),
    ],
)
def test_failing_hub_is_one_line(how, message, hub, clients, versions):
    hub.fail("GET", "/api/models", how)
    code = "import betwixt.hub_names\nbetwixt.hub_names.TIMEOUT_SECONDS = 0.5\n" + LOAD.format(names=["owner/net"])
    finished = clients.run(code)
    assert finished.returncode == 0, finished.output
    [line] = finished.stdout.splitlines()
    assert line.startswith("error owner/net is no folder here; getting it from the Hub: ")
    assert message in line
    assert TOKEN not in finished.output
    hub.faults.clear()
    assert load(clients, "owner/net") == ["size 16"]


def test_broken_download_leaves_no_half_model(hub, clients, versions):
    hub.fail("GET", "/cdn/", 404)
    [line] = load(clients, "owner/net")
    assert line.startswith("error owner/net")
    hub.faults.clear()
    assert load(clients, "owner/net") == ["size 16"]


SPACE = """
from betwixt.hub import locate
for name in {names!r}:
    try:
        print(*sorted(path.name for path in locate(name).iterdir()))
    except RuntimeError as error:
        print("error", error)
"""


def make_space(folder: Path, hub_json: dict | str, names: list[str]) -> Path:
    folder.mkdir()
    text = hub_json if isinstance(hub_json, str) else json.dumps(hub_json)
    (folder / "hub.json").write_text(text)
    (folder / "app.py").write_text(SPACE.format(names=names))
    return folder / "app.py"


def test_space_starts_from_a_warm_cache_without_asking(hub, clients, versions, tmp_path):
    pins = {"namespace": "owner", "models": {"net": versions[0]}, "datasets": {}}
    app = make_space(tmp_path / "space", pins, ["net"])
    cold = clients.run_script(app)
    assert cold.stdout == "config.json model.safetensors\n", cold.output
    hub.requests.clear()
    warm = clients.run_script(app)
    assert (warm.stdout, hub.requests) == (cold.stdout, [])
    assert load(clients, "net", BETWIXT_NAMESPACE="owner") == ["size 16"]  # unpinned: main
    hub.requests.clear()
    assert load(clients, "net", BETWIXT_NAMESPACE="owner") == ["size 16"]
    assert hub.requests == []


def test_missing_file_of_a_pinned_model_is_fetched_again(hub, clients, versions, tmp_path):
    app = make_space(tmp_path / "space", {"namespace": "owner", "models": {"net": versions[0]}}, ["net"])
    assert clients.run_script(app).returncode == 0
    cache = Path(clients.environment["HF_HOME"]) / "hub" / "models--owner--net"
    (cache / "snapshots" / versions[0] / "model.safetensors").unlink()
    assert clients.run_script(app).stdout == "config.json model.safetensors\n"


def test_space_says_what_was_tried(hub, clients, versions, tmp_path):
    app = make_space(tmp_path / "space", {"namespace": "owner", "models": {"net": "0" * 40}}, ["net", "nothing"])
    lines = clients.run_script(app).stdout.splitlines()
    assert lines[0].startswith("error getting model owner/net from the Hub: ")
    assert "no such branch, tag or commit" in lines[0]
    assert lines[1].startswith("error nothing is not found; tried the local cache and model owner/nothing on the Hub")
    assert "dataset owner/nothing on the Hub" in lines[1]
    other = clients.run_script(app, BETWIXT_NAMESPACE="someone-else").stdout.splitlines()
    assert "model someone-else/net on the Hub" in other[0]
    broken = make_space(tmp_path / "broken", "{", ["net"])
    assert "hub.json: is not readable JSON" in clients.run_script(broken).stdout
    nameless = make_space(tmp_path / "nameless", {}, ["net"])
    assert "hub.json: has no namespace" in clients.run_script(nameless).stdout
