"""Where a published name is found: on the Hub, in its local cache, or in a folder; and failures in words."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import errors as hub_errors

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
KINDS = ("model", "dataset")
TIMEOUT_SECONDS = 10.0  # for one answer of the Hub; downloads have the client's HF_HUB_DOWNLOAD_TIMEOUT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FILE_SUFFIXES = {
    ".bin",
    ".ckpt",
    ".json",
    ".md",
    ".onnx",
    ".pkl",
    ".pt",
    ".pth",
    ".safetensors",
    ".tar",
    ".zip",
}
_TOKEN = re.compile(r"\b(hf|api_org)_[A-Za-z0-9_-]{4,}")


class HubError(RuntimeError):
    """A name that cannot be found, or a checkpoint that cannot be used. One line, and never a token in it."""


# Failures of the Hub, in words


def redact(text: str, *tokens: str | None) -> str:
    """Returns `text` without anything that is, or looks like, an access token."""
    known = [*tokens, os.environ.get("HF_TOKEN"), os.environ.get("HUGGING_FACE_HUB_TOKEN")]
    for token in filter(None, known):
        text = text.replace(token, "[token]")
    return _TOKEN.sub("[token]", text)


def explain(error: BaseException, doing: str, token: str | None = None) -> str:
    """Turns an exception of the Hub's client into one line that says what failed and what to do.

    Args:
        error: what the client raised; what it was raised from is asked as well.
        doing: what was being done, such as "uploading to someone/name".
        token: the token in use, which must not show.
    """
    fault, cause = None, error
    while fault is None and cause is not None:
        fault = _fault_of_class(cause) or fault_of_response(getattr(cause, "response", None))
        cause = cause.__cause__
    if fault is None:
        fault = f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
    return redact(" ".join(f"{doing}: {fault}".split()), token)


def _fault_of_class(error: BaseException) -> str | None:
    host = urlsplit(huggingface_hub.constants.ENDPOINT).hostname
    if isinstance(error, HubError):
        return str(error)
    if isinstance(error, hub_errors.OfflineModeIsEnabled):
        return "the client is offline and the local cache lacks it; unset HF_HUB_OFFLINE and run it again"
    if isinstance(error, hub_errors.LocalTokenNotFoundError):
        return "no access token; log in with `hf auth login` or set HF_TOKEN"
    if isinstance(error, hub_errors.HFValidationError):
        return f"not a valid Hub name ({str(error).splitlines()[0]})"
    if isinstance(error, hub_errors.RevisionNotFoundError):
        return "the repo exists, but has no such branch, tag or commit; check the part after @"
    if isinstance(error, hub_errors.GatedRepoError):
        return "access must be requested on its page first, then log in with `hf auth login`"
    if isinstance(error, hub_errors.RepositoryNotFoundError):
        return (
            "no such repo, or it is private and the token may not read it; "
            "check the name, or log in with `hf auth login`"
        )
    if isinstance(error, hub_errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        return None  # the client wraps a refused request into this
    if isinstance(error, hub_errors.EntryNotFoundError):
        return "the repo lacks a needed file; upload it again"
    if isinstance(error, hub_errors.HfHubHTTPError):
        return None
    if "Timeout" in type(error).__name__:
        return f"{host} does not answer; check the network and run it again"
    if isinstance(error, (hub_errors.HTTPError, ConnectionError)):
        return f"{host} cannot be reached, or broke off; check the network and HF_ENDPOINT and run it again"
    return None


def fault_of_response(response: Any) -> str | None:
    """What an answer of the Hub means, in words with what to do; None when it is no refusal."""
    status = getattr(response, "status_code", 0)
    if status < 400:
        return None
    if status == 401:
        return "the access token is not valid (401); log in again with `hf auth login` or set HF_TOKEN"
    if status == 403:
        return "the access token may not do this (403); use a token with write permission for this namespace"
    if status == 404:
        return "the Hub does not have it (404); check the name"
    if status == 412:
        return "someone else committed at the same time (412); look at what changed and run it again"
    if status == 413:
        return "a file is too large for the Hub (413)"
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        pause = f"wait {wait} s" if wait.isdigit() else "wait a few minutes"
        return f"too many requests (429); {pause} and run it again"
    if status >= 500:
        return f"the Hub has a fault of its own ({status}); run it again later"
    said = response.headers.get("X-Error-Message") or "no reason given"
    return f"the Hub refused it ({status}: {said})"


# Where a name is found


def locate(name: str, kind: str | None = None, *, token: str | None = None) -> Path:
    """Finds the folder of a published model or dataset.

    With a namespace (variable `BETWIXT_NAMESPACE`, else `hub.json` beside the running app) it comes from the
    Hub at the commit that `hub.json` pins: out of the local cache without asking the Hub, or else
    downloaded. Where nothing pins a commit the cached `main` serves too; `hf download` renews it. Without a
    namespace it is a folder in `BETWIXT_HUB`, else in `hub_upload/` of the checkout.

    Args:
        name: such as "clocks-crocodiles-classifier".
        kind: "model", "dataset", or None for whichever has that name (models first).
        token: access token for a private repo; by default that of `hf auth login` or `HF_TOKEN`.

    Raises:
        HubError: not found; the message names every place that was tried.
    """
    if not _NAME.fullmatch(name):
        raise HubError(f"{name!r} is not a published name (letters, digits, '-', '_' and '.' only)")
    if kind not in (None, *KINDS):
        raise ValueError(f"kind must be one of {KINDS} or None, not {kind!r}")
    pins, namespace = _namespace_and_pins()
    kinds = KINDS if kind is None else (kind,)
    if namespace:
        return _locate_on_hub(f"{namespace}/{name}", kinds, pins, token)
    tried = []
    for hub in _local_hubs():
        for folder_kind in kinds:
            folder = hub / f"{folder_kind}s" / name
            if folder.is_dir():
                return folder
            tried.append(str(folder))
    raise HubError(
        f"{name} is not found; tried {', '.join(tried)}; set BETWIXT_NAMESPACE to take it from the Hub, "
        "or BETWIXT_HUB to a folder that has models/ and datasets/"
    )


def _locate_on_hub(repo_id: str, kinds: Iterable[str], pins: Mapping[str, Any], token: str | None) -> Path:
    name = repo_id.split("/")[1]
    pinned = {kind: pins[f"{kind}s"][name] for kind in kinds if name in pins.get(f"{kind}s", {})}
    places = list(pinned.items()) or [(kind, None) for kind in kinds]
    for kind, commit in places:
        if (folder := _cached_folder(repo_id, kind, commit)) is not None:
            return folder
    tried = []
    for kind, commit in places:
        try:
            return _download(repo_id, kind, commit, token)
        except hub_errors.RepositoryNotFoundError as error:
            tried.append(explain(error, f"{kind} {repo_id}{f'@{commit}' if commit else ''} on the Hub", token))
        except Exception as error:
            raise HubError(explain(error, f"getting {kind} {repo_id} from the Hub", token)) from None
    raise HubError(f"{name} is not found; tried the local cache and {'; '.join(tried)}")


def _namespace_and_pins() -> tuple[dict[str, Any], str | None]:
    """Reads `hub.json` and `BETWIXT_NAMESPACE`; pins hold for the namespace of `hub.json` only."""
    settings: dict[str, Any] = {}
    for folder in _app_folders():
        path = folder / "hub.json"
        if path.is_file():
            settings = read_json(path)
            if not isinstance(settings.get("namespace"), str):
                raise HubError(f"{path}: has no namespace; write it anew with hub_upload/upload_space.py")
            break
    namespace = os.environ.get("BETWIXT_NAMESPACE", "").strip() or settings.get("namespace")
    pins = settings if settings.get("namespace") == namespace else {}
    return pins, namespace


def _app_folders() -> list[Path]:
    """Where the running app lies: the started script's folder, and where a Space holds the library."""
    started = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = [Path(started).resolve().parent] if started else []
    return [*folders, Path(__file__).resolve().parents[1]]


def _local_hubs() -> list[Path]:
    chosen = os.environ.get("BETWIXT_HUB", "").strip()
    embedded = Path(__file__).resolve().parents[2] / "hub_upload"
    return [*([Path(chosen).expanduser()] if chosen else []), embedded]


def _cached_folder(repo_id: str, kind: str, revision: str | None) -> Path | None:
    """The complete snapshot in the local cache, or None. Makes no request."""
    try:
        folder = Path(
            huggingface_hub.snapshot_download(
                repo_id, repo_type=kind, revision=revision, local_files_only=True, library_name="betwixt"
            )
        )
    except hub_errors.LocalEntryNotFoundError:
        return None
    except hub_errors.HFValidationError as error:
        raise HubError(explain(error, repo_id)) from None
    # A snapshot of which the client has no listing may be a part: what other programs needed of it.
    complete = (folder / WEIGHTS_FILE).is_file() if kind == "model" else _is_whole_dataset(folder)
    return folder if complete else None


def _is_whole_dataset(folder: Path) -> bool:
    """Whether every data file that the card lists and every numbered part of a split is there."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    if not names or not (folder / "README.md").is_file():
        return False
    card = huggingface_hub.metadata_load(folder / "README.md") or {}
    listed = [file["path"] for config in card.get("configs", []) for file in config.get("data_files", [])]
    parts = [re.fullmatch(r"(.+-)\d{5}(-of-)(\d{5})\.parquet", name) for name in names]
    wanted = {f"{p[1]}{i:05d}{p[2]}{p[3]}.parquet" for p in parts if p for i in range(int(p[3]))}
    return wanted <= names and all(fnmatch.filter(names, pattern) for pattern in listed)


def _download(repo_id: str, kind: str, revision: str | None, token: str | None) -> Path:
    """Downloads what the cache lacks. A dead Hub is noticed by the first request, which is not retried."""
    client = huggingface_hub.get_session()
    if getattr(client.timeout, "read", None) is None:
        client.timeout = TIMEOUT_SECONDS  # the client's own default waits for ever
    api = huggingface_hub.HfApi(token=token, library_name="betwixt")
    info = api.repo_info(repo_id, repo_type=kind, revision=revision, timeout=TIMEOUT_SECONDS)
    folder = api.snapshot_download(repo_id, repo_type=kind, revision=info.sha, max_workers=4)
    _remember_revision(Path(folder), revision or "main", info.sha)
    return Path(folder)


def _remember_revision(snapshot: Path, revision: str, commit: str) -> None:
    """Notes which commit a branch or tag was, as the client does when it is asked by that name."""
    if _COMMIT.fullmatch(revision):
        return
    path = snapshot.parent.parent / "refs" / revision
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda temporary: temporary.write_text(commit))


def resolve(name_or_folder: str | os.PathLike, kind: str = "model", *, token: str | None = None) -> Path:
    """Turns what `from_pretrained` is given into a folder.

    An existing folder wins; then a bare published name (see `locate`), `namespace/name` and
    `namespace/name@revision` (branch, tag or commit). A commit that is in the cache costs no request; for the
    others the Hub is asked, and the cached copy serves when it cannot answer. What looks like a path is
    never looked up on the Hub.

    Raises:
        HubError: there is no such folder, name or revision.
    """
    text = os.fspath(name_or_folder)
    folder = Path(text).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise HubError(f"{text}: is a file; give the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    name, _, revision = text.partition("@")
    if isinstance(name_or_folder, os.PathLike) or _looks_like_path(name):
        raise HubError(f"{text}: there is no such folder")
    if "/" not in name:
        if revision:
            raise HubError(f"{text}: a revision needs a namespace, as in someone/{name}@{revision}")
        return locate(name, kind, token=token)
    if text.endswith("@"):
        raise HubError(f"{text}: the revision after @ is empty")
    return _resolve_on_hub(name, revision or None, kind, token)


def _looks_like_path(name: str) -> bool:
    if name.startswith((".", "/", "~")) or name.endswith("/") or "\\" in name or ":" in name:
        return True
    return name.count("/") > 1 or Path(name).suffix.lower() in _FILE_SUFFIXES


def _resolve_on_hub(repo_id: str, revision: str | None, kind: str, token: str | None) -> Path:
    if revision and _COMMIT.fullmatch(revision) and (folder := _cached_folder(repo_id, kind, revision)):
        return folder
    shown = f"{repo_id}@{revision}" if revision else repo_id
    try:
        return _download(repo_id, kind, revision, token)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", 500)
        if status >= 429 and (folder := _cached_folder(repo_id, kind, revision)):  # not for want of permission
            return folder
        line = explain(error, f"{shown} is no folder here; getting it from the Hub", token)
        raise HubError(line) from None


# Files


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes through a temporary file: `path` is the old or the new file whole, even after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(path.parent.stat().st_mode & 0o666)  # safetensors makes files that only their owner may read
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubError(f"{path}: is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise HubError(f"{path}: is not readable JSON ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict):
        raise HubError(f"{path}: must hold a JSON object, not a {type(content).__name__}")
    return content
