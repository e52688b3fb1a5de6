"""What the three upload scripts share: options, front matter, one bounded commit, one-line errors."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub import errors as hub_errors

from betwixt.hub import HubError, explain, redact
from betwixt.hub_names import fault_of_response

PLACEHOLDER = "betwixt"  # the namespace that cards are written with; each upload puts the owner's in its place
TRIES = 3  # the client itself would try six times, and would wait for as long as the Hub tells it to
LONGEST_WAIT_SECONDS = 5

Files = dict[str, "Path | bytes"]


def make_parser(description: str, name_help: str) -> argparse.ArgumentParser:
    """The options that all uploads have."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("name", help=name_help)
    parser.add_argument("--namespace", required=True, help="your user or organisation name on the Hub")
    parser.add_argument("--apply", action="store_true", help="upload; without it, only show what would be uploaded")
    parser.add_argument("--private", action="store_true", help="create the repo as a private one")
    parser.add_argument("--revision", default="main", help="branch to upload to, made when missing (default: main)")
    parser.add_argument("--tag", help="name for the new commit, such as v1")
    parser.add_argument(
        "--token-env",
        metavar="VARIABLE",
        help="variable that holds the token (default: HF_TOKEN or `hf auth login`)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=30.0,
        help="seconds to wait for an answer of the Hub (default: 30)",
    )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("must be between 0 and 3600")
    return seconds


def run(main: Callable[[], None]) -> None:
    """Runs a script. A failure is one line and exit code 1: no traceback, for it could show a token."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("error: interrupted; the same command goes on from here")
    except HubError as error:
        sys.exit(f"error: {redact(str(error))}")
    except Exception as error:
        sys.exit(f"error: {explain(error, Path(sys.argv[0]).name)}")


# What is uploaded


def named_folder(root: Path, name: str) -> Path:
    """The folder `root/name`; an error lists those that there are."""
    folder = root / name
    if name not in [".", ".."] and "/" not in name and folder.is_dir():
        return folder
    names = sorted(path.name for path in root.glob("*") if path.is_dir())
    raise HubError(f"{folder}: there is no such folder; there are: {', '.join(names) or 'none'}")


def list_files(folder: Path) -> Files:
    """Every file below `folder` by its path in the repo; links and hidden files are errors."""
    files: Files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise HubError(f"{path}: is a link; put the file itself there")
        if any(part.startswith(".") for part in name.split("/")):
            raise HubError(f"{path}: is a hidden file; remove it")
        if path.is_file():
            files[name] = path
    return files


def size_of(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def show_files(repo: str, files: Mapping[str, Path | bytes], facts: list[str]) -> None:
    """Prints what the repo will hold."""
    print(f"{repo}: {len(files)} files, {sum(map(size_of, files.values())) / 1e6:.2f} MB")
    for name, content in sorted(files.items()):
        print(f"  {size_of(content):>12,}  {name}")
    for fact in facts:
        print(f"  {fact}")


def read_card(path: Path) -> tuple[dict[str, Any], str]:
    """Returns the front matter of a README.md and the text below it."""
    if not path.is_file():
        raise HubError(f"{path}: is missing")
    text = path.read_text(encoding="utf-8")
    parts = re.match(r"---\n(.*?)\n---\n(.*)", text, re.S)
    if parts is None:
        raise HubError(f"{path}: has no front matter (YAML between two lines of ---)")
    try:
        metadata = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise HubError(f"{path}: the front matter is not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(metadata, dict):
        raise HubError(f"{path}: the front matter must be a mapping")
    return metadata, parts[2]


def write_card(metadata: Mapping[str, Any], body: str) -> bytes:
    front = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{front}---\n{body}".encode()


def with_namespace(text: str, names: list[str], namespace: str) -> str:
    """Puts the owner's namespace before the given names, where the card has the placeholder."""
    choice = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w.-]){PLACEHOLDER}/({choice})(?![\w-])", rf"{namespace}/\1", text) if names else text


def card_of(folder: Path, namespace: str) -> bytes:
    """The card of `hub_upload/<kind>s/<name>` with the owner's namespace in it."""
    names = [path.name for kind in ("models", "datasets") for path in (folder.parents[1] / kind).glob("*")]
    return with_namespace((folder / "README.md").read_text(encoding="utf-8"), names, namespace).encode()


# How it is uploaded


def upload_folder(kind: str, description: str, check: Callable[[Path], list[str]]) -> None:
    """The command line of `upload_model.py` and `upload_dataset.py`: check a folder of hub_upload/, show it, send it.

    Args:
        kind: "model" or "dataset".
        check: raises HubError for a folder that is not fit to publish, else says what it holds.
    """
    parser = make_parser(description, f"folder name in {kind}s/")
    parser.add_argument(
        "--hub",
        type=Path,
        default=Path(__file__).parent,
        help=f"folder that has {kind}s/ (default: hub_upload)",
    )
    options = parser.parse_args()
    folder = named_folder(options.hub.resolve() / f"{kind}s", options.name)
    facts = check(folder)
    files = list_files(folder) | {"README.md": card_of(folder, options.namespace)}
    show_files(f"{kind} {options.namespace}/{options.name}", files, facts)
    if options.apply:
        upload(options, connect(options), kind, files)
    else:
        print("dry run: nothing was sent; add --apply to upload")


def connect(options: argparse.Namespace) -> HfApi:
    """Returns a client that has a token, waits a bounded time, and tells no log what it asks."""
    variable = options.token_env
    token = os.environ.get(variable, "").strip() if variable else huggingface_hub.get_token()
    if not token:
        where = f"the variable {variable} is empty" if variable else "there is no access token"
        raise HubError(f"{where}; log in with `hf auth login`, or set HF_TOKEN to a token that may write")
    os.environ["HF_TOKEN"] = token  # so that no message can show it
    huggingface_hub.logging.set_verbosity_error()  # its warnings hold addresses with signatures
    huggingface_hub.utils.disable_progress_bars()
    plain = huggingface_hub.get_session()
    failures: dict[tuple[str, str], int] = {}

    def make_client() -> Any:
        client = type(plain)(event_hooks=plain.event_hooks, follow_redirects=True, timeout=options.timeout)
        client.send = _impatient(client.send, failures)
        return client

    huggingface_hub.set_client_factory(make_client)
    return HfApi(token=token, library_name="betwixt")


def _impatient(send: Callable[..., Any], failures: dict[tuple[str, str], int]) -> Callable[..., Any]:
    """Ends the client's own retries after a few, and at once where the Hub asks for a long pause.

    `failures` counts them by method and path; it outlives connections, which some of them end.
    """

    def send_boundedly(request: Any, **options: Any) -> Any:
        key = (request.method, request.url.path)
        try:
            response = send(request, **options)
        except hub_errors.HTTPError as error:
            failures[key] = failures.get(key, 0) + 1
            if failures[key] >= TRIES:
                raise HubError(explain(error, f"after {TRIES} tries")) from None
            raise
        if request.url.path.endswith("/validate-yaml") and response.status_code not in (200, 400):
            raise HubError(fault_of_response(response))  # the client would read the body first, as JSON
        if response.status_code == 429 or response.status_code >= 500:
            failures[key] = failures.get(key, 0) + 1
            wait = response.headers.get("Retry-After", "0")
            if failures[key] >= TRIES or not wait.isdigit() or int(wait) > LONGEST_WAIT_SECONDS:
                raise HubError(fault_of_response(response))
        else:
            failures.pop(key, None)
        return response

    return send_boundedly


def upload(options: argparse.Namespace, api: HfApi, kind: str, files: Mapping[str, Path | bytes]) -> str:
    """Makes the repo hold exactly `files`, in one commit; creates it when missing. Returns the commit hash.

    A failure leaves the repo as it was, or new and empty; the same call then goes on. What has not changed is
    not sent again.
    """
    repo_id = f"{options.namespace}/{options.name}"
    created = False
    try:
        created = _create_when_missing(api, repo_id, kind, options.private)
        head = api.repo_info(repo_id, repo_type=kind)
        if options.revision != "main":
            api.create_branch(repo_id, repo_type=kind, branch=options.revision, exist_ok=True)
            head = api.repo_info(repo_id, repo_type=kind, revision=options.revision)
        tagged = _tagged_commit(api, repo_id, kind, options.tag)
        if tagged not in (None, head.sha):
            raise HubError(f"the tag {options.tag} is taken by the older commit {tagged[:8]}; choose another")
        stale = {file.rfilename for file in head.siblings or []} - {*files, ".gitattributes"}
        commit = api.create_commit(
            repo_id,
            repo_type=kind,
            revision=options.revision,
            parent_commit=head.sha,
            commit_message=f"Upload {options.name}",
            operations=[
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=files[name]) for name in sorted(files)),
                *(CommitOperationDelete(path_in_repo=name) for name in sorted(stale)),
            ],
        )
        if options.tag and tagged is None:
            api.create_tag(repo_id, repo_type=kind, tag=options.tag, revision=commit.oid)
        elif options.tag and tagged != commit.oid:
            raise HubError(f"uploaded as {commit.oid[:8]}, but the tag {options.tag} was already taken; choose another")
    except Exception as error:
        note = " (the repo was created and may be empty; the same command goes on)" if created else ""
        raise HubError(explain(error, f"{kind} {repo_id}", api.token) + note) from None
    state = "unchanged" if commit.oid == head.sha else "uploaded"
    prefix = "" if kind == "model" else f"{kind}s/"
    tag = f", tag {options.tag}" if options.tag else ""
    print(f"{state}: {api.endpoint}/{prefix}{repo_id} at commit {commit.oid}{tag}")
    return commit.oid


def _create_when_missing(api: HfApi, repo_id: str, kind: str, private: bool) -> bool:
    try:
        if not api.repo_info(repo_id, repo_type=kind).private and private:
            raise HubError(
                "the repo is there already, and public; make it private in its settings, or leave --private out"
            )
    except hub_errors.RepositoryNotFoundError:
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repo_id, repo_type=kind, private=private, space_sdk=sdk, exist_ok=True)
        return True
    return False


def _tagged_commit(api: HfApi, repo_id: str, kind: str, tag: str | None) -> str | None:
    if tag is None:
        return None
    refs = api.list_repo_refs(repo_id, repo_type=kind)
    return next((ref.target_commit for ref in refs.tags if ref.name == tag), None)
