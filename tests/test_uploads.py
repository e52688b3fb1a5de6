"""hub_upload/upload_model.py: what is checked, what reaches the Hub, and what each failure looks like."""

import subprocess
import sys
from pathlib import Path

import pytest
from hub_client import PROJECT
from hub_fixtures import CARD, put, replace, upload, upload_all
from hub_server import TOKEN, Blob

from betwixt import ImageClassifier

# Models


def test_dry_run_shows_the_files_and_asks_nothing(hub, clients, source):
    finished = upload(clients, source, "model", "net", "--dry", HF_TOKEN="")
    assert finished.returncode == 0, finished.output
    assert "model owner/net: 3 files" in finished.stdout
    for name in ("README.md", "config.json", "model.safetensors"):
        size = (source / "hub/models/net" / name).stat().st_size
        assert name in finished.stdout
        assert f"{size:,}" in finished.stdout or name == "README.md"
    assert "ImageClassifier with" in finished.stdout
    assert "dry run: nothing was sent" in finished.stdout
    assert hub.requests == []


def test_model_is_one_commit_that_from_pretrained_reads(hub, clients, source):
    finished = upload(clients, source, "model", "net", "--tag", "v1")
    assert finished.returncode == 0, finished.output
    repo = hub.repo("net")
    sha = repo.branches["main"]
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert repo.tags == {"v1": sha}
    assert f"uploaded: {hub.url}/owner/net at commit {sha}, tag v1" in finished.stdout
    files = hub.files("net")
    assert sorted(files) == [".gitattributes", "README.md", "config.json", "model.safetensors"]
    assert files["README.md"].count(b"owner/pictures") == 2
    assert b'from_pretrained("owner/net"), and betwixt/net-two' in files["README.md"].replace(b"`", b"")
    local = ImageClassifier.from_pretrained(source / "hub/models/net")
    code = f"""
from betwixt import ImageClassifier
import torch
for revision in ("", "@v1", "@{sha}"):
    model = ImageClassifier.from_pretrained("owner/net" + revision)
    print(model.class_names, sum(value.double().sum().item() for value in model.state_dict().values()))
"""
    total = sum(value.double().sum().item() for value in local.state_dict().values())
    pulled = clients.run(code)
    assert pulled.stdout == f"['clock', 'crocodile'] {total}\n" * 3, pulled.output


def test_second_upload_changes_only_what_changed(hub, clients, source):
    upload_all(clients, source)
    repo = hub.repo("net")
    commits = len(repo.commits)
    again = upload(clients, source, "model", "net")
    assert again.stdout.splitlines()[-1].startswith(f"unchanged: {hub.url}/owner/net")
    assert len(repo.commits) == commits
    stale = repo.commits[repo.branches["main"]] | {"old.txt": Blob(b"old", False)}
    repo.commit("main", stale, "by hand")
    (source / "hub/models/net/evaluation.json").write_text("{}")
    hub.requests.clear()
    assert upload(clients, source, "model", "net", "--revision", "next", "--tag", "v2").returncode == 0
    assert "old.txt" in hub.files("net")
    assert sorted(hub.files("net", revision="next")) == sorted({*hub.files("net"), "evaluation.json"} - {"old.txt"})
    assert hub.files("net", revision="v2") == hub.files("net", revision="next")
    assert not any(method == "PUT" for method, _ in hub.requests)  # the weights were there
    taken = upload(clients, source, "model", "net", "--tag", "v2")
    assert taken.returncode == 1
    assert "the tag v2 is taken" in taken.stderr


def test_private_repo(hub, clients, source):
    assert upload(clients, source, "model", "net", "--private").returncode == 0
    assert hub.repo("net").private
    assert upload(clients, source, "dataset", "pictures").returncode == 0
    public = upload(clients, source, "dataset", "pictures", "--private")
    assert public.returncode == 1
    assert "is there already, and public" in public.stderr


def big(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"0" * 6_000_001)


MODEL_FAULTS = {
    "stray file": (put("notes.txt"), "notes.txt: does not belong into a published model"),
    "pickle": (put("training_state.pt"), "training_state.pt: does not belong into a published model"),
    "folder": (put("more/config.json", "{}"), "more/config.json: does not belong into a published model"),
    "hidden": (put(".DS_Store"), ".DS_Store: is a hidden file"),
    "link": (lambda folder: (folder / "a.json").symlink_to("config.json"), "a.json: is a link"),
    "broken json": (put("evaluation.json", "{"), "evaluation.json: is not readable JSON"),
    "big weights": (big, "model.safetensors: has 6,000,001 bytes, and the limit is 6,000,000"),
    "no card": (lambda folder: (folder / "README.md").unlink(), "README.md: is missing"),
    "no front matter": (put("README.md", "# Net"), "README.md: has no front matter"),
    "front matter not YAML": (
        put("README.md", "---\na: [\n---\n"),
        "README.md: the front matter is not YAML",
    ),
    "no license": (replace("README.md", "license", "licence"), "README.md: the front matter has no license"),
    "no results": (
        replace("README.md", "model-index", "results"),
        "README.md: the front matter has no model-index",
    ),
    "value in words": (
        replace("README.md", "0.5", "good"),
        "README.md: a metric of the model-index must have",
    ),
    "no dataset": (
        replace("README.md", "dataset:", "data:"),
        "a result of the model-index lacks its task or dataset",
    ),
    "unknown class": (
        replace("config.json", "ImageClassifier", "os.system"),
        "model_class is 'os.system'; known: ",
    ),
    "other weights": (
        replace("config.json", '"base_channels": 8', '"base_channels": 16'),
        "weights of another shape",
    ),
}


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_model_that_is_not_fit_to_publish(fault, hub, clients, source):
    breaking, message = MODEL_FAULTS[fault]
    breaking(source / "hub/models/net")
    finished = upload(clients, source, "model", "net")
    assert finished.returncode == 1
    assert message in finished.stderr
    assert hub.requests == []


def test_usage_errors(clients, source):
    assert upload(clients, source, "model", "net", "--publish").returncode == 2
    assert upload(clients, source, "model", "net", "--timeout", "0").returncode == 2
    unknown = upload(clients, source, "model", "nett")
    assert unknown.returncode == 1
    assert "there is no such folder; there are: net" in unknown.stderr
    assert upload(clients, source, "model", "../models/net").returncode == 1


# Failures of the Hub

API = "/api/models/owner/net"
FAILURES = {
    "bad token": (
        [],
        {"HF_TOKEN": "hf_wrongWrongWrong"},
        None,
        "the access token is not valid (401); log in again",
    ),
    "no token": ([], {"HF_TOKEN": ""}, None, "there is no access token; log in with `hf auth login`"),
    "empty variable": (["--token-env", "MY_TOKEN"], {}, None, "the variable MY_TOKEN is empty"),
    "other namespace": (["--namespace", "other"], {}, None, "the access token may not do this (403)"),
    "bad namespace": (["--namespace", "a/b"], {}, None, "not a valid Hub name"),
    "read-only token": ([], {}, ("POST", f"{API}/preupload", 403), "use a token with write permission"),
    "repo vanishes": (
        [],
        {},
        ("POST", f"{API}/commit", 404),
        "the Hub does not have it (404); check the name",
    ),
    "stale parent": ([], {}, ("POST", f"{API}/commit", 412), "someone else committed at the same time (412)"),
    "too large": ([], {}, ("POST", f"{API}/commit", 413), "a file is too large for the Hub (413)"),
    "rate limit": (
        [],
        {},
        ("POST", f"{API}/preupload", 429, "77"),
        "too many requests (429); wait 77 s and run it",
    ),
    "rate limit, no hint": (
        [],
        {},
        ("POST", f"{API}/commit", 429),
        "too many requests (429); wait a few minutes",
    ),
    "500 first": ([], {}, ("GET", API, 500), "the Hub has a fault of its own (500); run it again later"),
    "500 for the card": ([], {}, ("POST", "/api/validate-yaml", 500), "the Hub has a fault of its own (500)"),
    "500 at storage": ([], {}, ("PUT", "/lfs/", 500), "the Hub has a fault of its own (500)"),
    "500 at the commit": ([], {}, ("POST", f"{API}/commit", 500), "the Hub has a fault of its own (500)"),
    "stall": (["--timeout", "0.3"], {}, ("POST", f"{API}/commit", "stall"), "127.0.0.1 does not answer"),
    "stall at storage": (["--timeout", "0.3"], {}, ("PUT", "/lfs/", "stall"), "127.0.0.1 does not answer"),
    "breaks off": ([], {}, ("POST", f"{API}/commit", "break"), "127.0.0.1 cannot be reached, or broke off"),
    "dies at storage": ([], {}, ("PUT", "/lfs/", "die"), "127.0.0.1 cannot be reached, or broke off"),
    "dies at the commit": (
        [],
        {},
        ("POST", f"{API}/commit", "die"),
        "127.0.0.1 cannot be reached, or broke off",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_is_one_line_and_publishes_nothing(failure, hub, clients, source):
    options, environment, fault, message = FAILURES[failure]
    if fault:
        headers = {"Retry-After": fault[3]} if len(fault) > 3 else {}
        hub.fail(*fault[:3], **headers)
    finished = upload(clients, source, "model", "net", *options, **environment)
    if not hub.thread.is_alive() or (fault and fault[2] == "die"):
        hub.stop()
        hub.start()
    assert finished.returncode == 1, finished.output
    assert message in finished.stderr
    assert "wrongWrong" not in finished.output
    for repo in hub.repos.values():
        assert sorted(repo.commits[repo.branches["main"]]) == [".gitattributes"]
        assert "the repo was created and may be empty; the same command goes on" in finished.stderr
    hub.faults.clear()
    assert upload(clients, source, "model", "net").returncode == 0
    assert hub.files("net")["model.safetensors"] == (source / "hub/models/net/model.safetensors").read_bytes()


def test_failure_leaves_the_published_version(hub, clients, source):
    upload_all(clients, source)
    before = hub.files("net")
    ImageClassifier(architecture="cnn", class_names=["a", "b"], base_channels=8).save_pretrained(
        source / "hub/models/net"
    )
    hub.fail("POST", f"{API}/commit", "break")
    finished = upload(clients, source, "model", "net")
    assert finished.returncode == 1
    assert "created" not in finished.stderr
    assert hub.files("net") == before


def test_commit_of_someone_else_in_the_middle_is_not_overwritten(hub, clients, source):
    upload_all(clients, source)
    repo = hub.repo("net")
    (source / "hub/models/net/evaluation.json").write_text("{}")
    theirs = repo.commits[repo.branches["main"]] | {"notes.md": Blob(b"theirs", False)}
    answer = hub.preupload

    async def commit_first(request, groups):
        repo.commit("main", theirs, "theirs")
        return await answer(request, groups)

    route = next(i for i, (_, pattern, _) in enumerate(hub.routes) if "preupload" in pattern)
    original = hub.routes[route]
    hub.routes[route] = (*original[:2], lambda server, request, groups: commit_first(request, groups))
    try:
        finished = upload(clients, source, "model", "net")
    finally:
        hub.routes[route] = original
    assert finished.returncode == 1
    assert "someone else committed at the same time (412)" in finished.stderr
    assert hub.files("net")["notes.md"] == b"theirs"
    assert "evaluation.json" not in hub.files("net")


def test_one_failure_in_passing_is_not_noticed(hub, clients, source):
    hub.fail("PUT", "/lfs/", 503, times=1)
    assert upload(clients, source, "model", "net").returncode == 0
    assert "model.safetensors" in hub.files("net")


# Other unmodified clients


def test_hf_command_line_and_timm(hub, clients, source, tmp_path):
    def hf(*arguments: str | Path) -> str:
        command = [Path(sys.executable).parent / "hf", *arguments]
        finished = subprocess.run(command, env=clients.environment, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert TOKEN not in finished.stdout + finished.stderr
        return finished.stdout

    assert "owner" in hf("auth", "whoami")
    hf("upload", "owner/by-hand", source / "hub/models/net")
    assert hub.files("by-hand").keys() == {".gitattributes", "README.md", "config.json", "model.safetensors"}
    hf("download", "owner/by-hand", "--local-dir", tmp_path / "down")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "down" / name).read_bytes() == (source / "hub/models/net" / name).read_bytes()

    backbone = ImageClassifier(architecture="test_resnet", class_names=["clock", "crocodile"], image_size=32)
    folder = backbone.save_pretrained(source / "hub/models/backbone")
    (folder / "README.md").write_text(CARD)
    assert upload(clients, source, "model", "backbone").returncode == 0
    code = """
import timm, torch
from betwixt import ImageClassifier
ours = ImageClassifier.from_pretrained("owner/backbone")
theirs = timm.create_model("hf-hub:owner/backbone", pretrained=True).eval()
x = torch.zeros(1, 3, 32, 32)
print(torch.equal(ours.network(x), theirs(x)), theirs.pretrained_cfg["label_names"])
timm.models.push_to_hf_hub(theirs, "owner/from-timm", safe_serialization=True)
again = timm.create_model("hf-hub:owner/from-timm", pretrained=True).eval()
print(torch.equal(again(x), theirs(x)))
"""
    finished = clients.run(code)
    assert finished.stdout == "True ['clock', 'crocodile']\nTrue\n", finished.output


def test_the_script_itself(hub, clients, source):
    command = [
        sys.executable,
        "hub_upload/upload_model.py",
        "net",
        "--hub",
        source / "hub",
        "--namespace",
        "owner",
    ]
    environment = {**clients.environment, "MY_TOKEN": TOKEN, "HF_TOKEN": ""}
    options = {"cwd": PROJECT, "env": environment, "capture_output": True, "text": True}
    finished = subprocess.run([*command, "--apply", "--token-env", "MY_TOKEN"], **options)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1].startswith(f"uploaded: {hub.url}/owner/net at commit ")
    assert TOKEN not in finished.stdout + finished.stderr
