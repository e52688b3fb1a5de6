"""Checks hub_upload/datasets/NAME (Parquet, card, indexes) and uploads it to the Hub in one commit.

python hub_upload/upload_dataset.py clocks-crocodiles --namespace YOU            # shows what would go
python hub_upload/upload_dataset.py clocks-crocodiles --namespace YOU --apply --tag v1
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import publishing
from PIL import Image

from betwixt.hub import HubError, read_json
from betwixt.search import EmbeddingIndex

MAX_JSON_BYTES = 1_000_000
SPLIT = re.compile(r"(?:(?P<config>[\w.-]+)/)?(?P<split>\w+)(?:-\d+-of-\d+)?\.parquet")


def main() -> None:
    publishing.upload_folder("dataset", __doc__.splitlines()[0], check_dataset)


def check_dataset(folder: Path) -> list[str]:
    """Returns rows and features of every split, in words.

    Raises:
        HubError: a file that does not belong there or does not open, splits whose features differ, no Image
            or ClassLabel column, or numbers of rows that are not those of the card.
    """
    metadata, _ = publishing.read_card(folder / "README.md")
    if not metadata.get("license"):
        raise HubError(f"{folder / 'README.md'}: the front matter has no license")
    rows: dict[tuple[str, str], int] = {}
    indexes: set[Path] = set()
    features: dict[str, dict[str, Any]] = {}
    for name, path in publishing.list_files(folder).items():
        if path.suffix == ".json" and "/" not in name and path.stat().st_size <= MAX_JSON_BYTES:
            read_json(path)
        elif name.startswith("index/") and name.count("/") == 2:
            indexes.add(path.parent)
        elif path.suffix == ".parquet" and (parts := SPLIT.fullmatch(name)):
            config, split = parts["config"] or "data", parts["split"]
            file_rows, file_features = read_parquet(path)
            rows[config, split] = rows.get((config, split), 0) + file_rows
            if features.setdefault(config, file_features) != file_features:
                raise HubError(f"{path}: its features are not those of the other files of {config}/")
        elif name != "README.md":
            raise HubError(f"{path}: does not belong into a published dataset (card, Parquet named after splits)")
    if not rows:
        raise HubError(f"{folder}: holds no Parquet files such as data/train-00000-of-00001.parquet")
    _check_numbers(metadata.get("dataset_info"), rows, folder / "README.md")
    numbers = {split: number for (config, split), number in rows.items() if config == "data"}
    facts = [check_index(index, numbers) for index in sorted(indexes)]
    facts += [f"{config}/{split}: {number:,} rows" for (config, split), number in sorted(rows.items())]
    return facts + [f"{config}: {', '.join(sorted(columns))}" for config, columns in sorted(features.items())]


def check_index(folder: Path, rows: dict[str, int]) -> str:
    """Returns what an index of the dataset's pictures holds. Raises HubError: a faulty file, an id that is no row."""
    index = EmbeddingIndex.from_pretrained(folder)
    for identity in index.ids:
        split, _, row = identity.rpartition("/")
        if not row.isdigit() or int(row) >= rows.get(split, 0):
            raise HubError(f"{folder}: has the id {identity!r}, which is no row of the dataset")
    extra = {path.name for path in folder.iterdir()} - {"index.json"}
    if any(not re.fullmatch(r"shard-\d{5}\.(safetensors|parquet)", name) for name in extra):
        raise HubError(f"{folder}: has files that are none of an index: {', '.join(sorted(extra))}")
    return f"index/{folder.name}: {len(index):,} embeddings of {index.encoder}"


def read_parquet(path: Path) -> tuple[int, dict[str, Any]]:
    """Opens a file and one of its pictures; returns its rows and its features as `datasets` writes them."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise HubError('pyarrow is missing; install it with pip install -e ".[training]"') from None
    image_storage = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    try:
        file = pyarrow.parquet.ParquetFile(path)
        info = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        features = info.get("info", {}).get("features", {})
        kinds = {name: feature.get("_type") for name, feature in features.items() if isinstance(feature, dict)}
        images = [name for name, kind in kinds.items() if kind == "Image"]
        if not images or "ClassLabel" not in kinds.values():
            raise HubError(f"{path}: must have an Image and a ClassLabel column; write it with `datasets`")
        for column in images:
            if file.schema_arrow.field(column).type != image_storage:
                raise HubError(f"{path}: column {column} must be stored as {image_storage}")
        num_rows = file.metadata.num_rows
        if num_rows == 0:
            raise HubError(f"{path}: has no rows")
        first = next(file.iter_batches(batch_size=1, columns=images)).to_pylist()[0]
        for column in images:
            Image.open(io.BytesIO(first[column]["bytes"])).load()
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise HubError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
    return num_rows, features


def _check_numbers(dataset_info: Any, rows: dict[tuple[str, str], int], path: Path) -> None:
    """Compares the card's dataset_info, where it has one, with what the files hold."""
    if dataset_info is None:
        return
    entries = dataset_info if isinstance(dataset_info, list) else [dataset_info]
    configs = {config for config, _ in rows}
    for entry in entries:
        config = entry.get("config_name", "default")
        config = next(iter(configs)) if config == "default" and len(configs) == 1 else config
        for split in entry.get("splits", []):
            found = rows.get((config, split["name"]), 0)
            if split["num_examples"] != found:
                raise HubError(f"{path}: says {split['num_examples']} rows in {split['name']}, the files have {found}")


if __name__ == "__main__":
    publishing.run(main)
