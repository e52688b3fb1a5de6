"""Stages a Space with the library beside its app, pins every model and dataset, and uploads it in one commit.

    python hub_upload/upload_space.py clocks-crocodiles --namespace YOU            # shows what would go
    python hub_upload/upload_space.py clocks-crocodiles --namespace YOU --apply
    python hub_upload/upload_space.py all --namespace YOU --apply                  # every Space as one site

The models and datasets must be on the Hub first: their commits are written into the Space's hub.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import publishing
from huggingface_hub import HfApi
from publishing import PLACEHOLDER, Files

import betwixt
from betwixt.hub import HubError, explain

MAX_FILE_BYTES = 10_000_000
PREINSTALLED = {"gradio", "spaces", "huggingface-hub"}
PICKLES = {".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"}
COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
KINDS = ("models", "datasets")
Pins = dict[str, dict[str, str]]  # "models" and "datasets" -> name -> commit hash


def main() -> None:
    parser = publishing.make_parser(__doc__.splitlines()[0], "folder name in spaces/, or all for spaces/launch.py")
    parser.add_argument(
        "--spaces",
        type=Path,
        default=Path(__file__).parents[1] / "spaces",
        help="folder of the Spaces (default: spaces)",
    )
    parser.add_argument(
        "--repo-name", help="name of the Space on the Hub (default: that of the folder; betwixt for all)"
    )
    options = parser.parse_args()
    together = options.name == "all"
    root = options.spaces.resolve()
    metadata, body, files = read_site(root) if together else read_space(publishing.named_folder(root, options.name))
    options.name = options.repo_name or (PLACEHOLDER if together else options.name)
    api = publishing.connect(options) if options.apply else None
    pins, sizes = find_pins(api, metadata, options.namespace) if api else ({}, {})
    files |= library_files()
    files["README.md"] = own_card(metadata, body, options.namespace, pins, sizes)
    files["hub.json"] = hub_json(options.namespace, pins)
    uses = [f"{options.namespace}/{name}" for kind in KINDS for name in own_names(metadata, kind)]
    publishing.show_files(f"space {options.namespace}/{options.name}", files, [f"uses {', '.join(uses) or 'no repo'}"])
    if api:
        publishing.upload(options, api, "space", files)
    else:
        print("dry run: nothing was sent; hub.json gets the commits on upload; add --apply to upload")


# What a Space is made of


def read_space(folder: Path) -> tuple[dict[str, Any], str, Files]:
    """Returns front matter, text and files of one Space's folder, all checked."""
    metadata, body = publishing.read_card(folder / "README.md")
    check_front_matter(metadata, folder)
    check_requirements(folder / "requirements.txt")
    files = _tidy_files(folder)
    if "hub.json" in files or any(name.startswith("betwixt/") for name in files):
        raise HubError(f"{folder}: must hold neither hub.json nor betwixt/; both are made on upload")
    return metadata, body, files


def read_site(root: Path) -> tuple[dict[str, Any], str, Files]:
    """All Spaces below `root` with launch.py as one: the front matter lists what any of them needs."""
    if not (root / "launch.py").is_file():
        raise HubError(f"{root / 'launch.py'}: is missing")
    folders = sorted(path.parent for path in root.glob("*/README.md"))
    if not folders:
        raise HubError(f"{root}: holds no Space")
    files: Files = {path.name: path for path in root.glob("*.*") if path.is_file() and not path.name.startswith(".")}
    spaces, requirements = [], []
    for folder in folders:
        metadata, _, space_files = read_space(folder)
        spaces.append(metadata)
        requirements += _requirements(folder / "requirements.txt")
        files |= {f"{folder.name}/{name}": path for name, path in space_files.items()}
    versions = {metadata["sdk_version"] for metadata in spaces}
    if len(versions) > 1:
        raise HubError(
            f"{root}: the Spaces ask for different sdk_version ({', '.join(sorted(versions))}); agree on one"
        )
    site = {key: spaces[0][key] for key in ("emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "license")}
    site |= {
        "title": "Betwixt",
        "app_file": "launch.py",
        "short_description": "Demos about what lies between images",
    }
    for key in (*KINDS, "tags", "python_version", "suggested_hardware"):
        values = [metadata[key] for metadata in spaces if key in metadata]
        if values:
            site[key] = (
                values[0] if isinstance(values[0], str) else sorted({item for value in values for item in value})
            )
    titles = [f"- {metadata['title']}: {metadata['short_description']}" for metadata in spaces]
    files["requirements.txt"] = "".join(f"{line}\n" for line in sorted(set(requirements))).encode()
    return site, "\n" + "\n".join(["# Betwixt", "", *titles]) + "\n", files


def library_files() -> Files:
    """The library, as the folder betwixt/ beside the app."""
    package = Path(betwixt.__file__).parent
    return {f"betwixt/{name}": path for name, path in _tidy_files(package).items()}


def _tidy_files(folder: Path) -> Files:
    files = {
        name: path
        for name, path in publishing.list_files(folder).items()
        if "__pycache__" not in name and path.suffix != ".pyi"  # both are written by running a Space
    }
    for path in files.values():
        if path.suffix in PICKLES:
            raise HubError(f"{path}: may be a pickle, which no Space gets; remove it")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise HubError(f"{path}: is over {MAX_FILE_BYTES:,} bytes; put it into a dataset")
    return files


def check_front_matter(metadata: dict[str, Any], folder: Path) -> None:
    """Raises HubError for what the Hub refuses, ignores, or builds differently from day to day."""
    problems = [
        f"{key} is missing"
        for key in ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "app_file", "license")
        if not metadata.get(key)
    ]
    if metadata.get("sdk") not in (None, "gradio"):
        problems.append(f"sdk must be gradio, not {metadata['sdk']}")
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(metadata.get("sdk_version", "0.0.0"))):
        problems.append(f"sdk_version must be a full x.y.z, not {metadata['sdk_version']}")
    description = str(metadata.get("short_description") or "")
    if not 0 < len(description) <= 60:
        problems.append(f"short_description must have 1 to 60 characters, and has {len(description)}")
    problems += [
        f"{key} must be one of {', '.join(sorted(COLORS))}"
        for key in ("colorFrom", "colorTo")
        if metadata.get(key) and metadata[key] not in COLORS
    ]
    if "hardware" in metadata:
        problems.append("hardware is ignored by the Hub; write suggested_hardware")
    if metadata.get("app_file") and not (folder / str(metadata["app_file"])).is_file():
        problems.append(f"app_file {metadata['app_file']} does not exist")
    problems += [
        f"{key} must be a list of names"
        for key in KINDS
        if not all(isinstance(item, str) for item in metadata.get(key) or [])
    ]
    if problems:
        raise HubError(f"{folder / 'README.md'}: {'; '.join(problems)}")


def _requirements(path: Path) -> list[str]:
    if not path.is_file():
        raise HubError(f"{path}: is missing")
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def check_requirements(path: Path) -> None:
    """Raises HubError when the list has what the Hub installs itself, or lacks torchvision."""
    found = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in _requirements(path)}
    if found & PREINSTALLED:
        raise HubError(f"{path}: must not list {', '.join(sorted(found & PREINSTALLED))}; the Hub installs them itself")
    if "torchvision" not in found:
        raise HubError(f"{path}: must list torchvision")


# What is the owner's: namespace and pinned commits


def own_names(metadata: dict[str, Any], kind: str) -> list[str]:
    """The names under the placeholder namespace, without it."""
    entries: Iterable[str] = metadata.get(kind) or []
    return [entry.split("/")[1] for entry in entries if entry.startswith(f"{PLACEHOLDER}/")]


def find_pins(api: HfApi, metadata: dict[str, Any], namespace: str) -> tuple[Pins, dict[str, list[str]]]:
    """Asks the Hub for the newest commit of all that the Space uses, and for the files of its models."""
    pins: Pins = {kind: {} for kind in KINDS}
    model_files: dict[str, list[str]] = {}
    for kind in KINDS:
        for name in own_names(metadata, kind):
            one = kind.removesuffix("s")
            try:
                info = api.repo_info(f"{namespace}/{name}", repo_type=one)
            except Exception as error:
                line = explain(error, f"{one} {namespace}/{name}, which the Space needs", api.token)
                raise HubError(f"{line}; upload_{one}.py {name} uploads it") from None
            pins[kind][name] = info.sha
            if kind == "models":
                model_files[name] = sorted(file.rfilename for file in info.siblings or [])
    return pins, model_files


def own_card(
    metadata: dict[str, Any], body: str, namespace: str, pins: Pins, model_files: dict[str, list[str]]
) -> bytes:
    """The card with the owner's namespace, and with the pinned models fetched while the Space is built."""
    names = [name for kind in KINDS for name in own_names(metadata, kind)]
    card = dict(metadata)
    for kind in KINDS:
        if card.get(kind):
            card[kind] = [publishing.with_namespace(entry, names, namespace) for entry in card[kind]]
    foreign = [entry for entry in card.get("preload_from_hub") or [] if not str(entry).startswith(f"{PLACEHOLDER}/")]
    own = [
        f"{namespace}/{name} {','.join(model_files[name])} {commit}" for name, commit in pins.get("models", {}).items()
    ]
    card.pop("preload_from_hub", None)
    if own or foreign:
        card["preload_from_hub"] = own + foreign
    return publishing.write_card(card, publishing.with_namespace(body, names, namespace))


def hub_json(namespace: str, pins: Pins) -> bytes:
    return (json.dumps({"namespace": namespace, **pins}, indent=2) + "\n").encode()


if __name__ == "__main__":
    publishing.run(main)
