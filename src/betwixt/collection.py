"""Labelled pictures on disk: a published image dataset (Parquet), or a folder with one sub-folder for each class."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from betwixt.images import open_image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}


@dataclass
class Collection:
    """Pictures as they are stored, undecoded, and what is known of each; all lists are of the same length."""

    sources: list[bytes | Path]
    names: list[str]  # the file's name, else split and row
    splits: list[str]  # empty in a folder of pictures
    labels: list[int]
    class_names: list[str]
    columns: dict[str, list]  # whatever else the dataset says; None where it says nothing

    def __len__(self) -> int:
        return len(self.sources)

    def open(self, row: int, min_side: int | None = None) -> Image.Image:
        """Decode a picture; `min_side` and what it raises as in `open_image`."""
        return open_image(self.sources[row], min_side=min_side)


def read_collection(folder: Path, split: str | None = None) -> Collection:
    """Read a split of a published dataset, or all of them; or a folder of pictures, which has no splits.

    Pictures are not decoded: a damaged one shows when it is opened.

    Raises:
        FileNotFoundError: there are no pictures, or none of that split.
        ValueError: the Parquet cannot be read or lacks a column, or its labels or paths do not match classes or files.
    """
    tables = sorted(folder.glob("data/*.parquet")) or sorted(folder.glob("*.parquet"))
    if not tables:
        return _read_folder(folder, split)
    files = [file for file in tables if split is None or _split_of(file) == split]
    if not files:
        raise FileNotFoundError(f"{folder} has no split {split!r}")
    parts = [_read_parquet(file, folder) for file in files]
    class_names = parts[0].class_names
    if any(part.class_names != class_names for part in parts):
        raise ValueError(f"{folder}: its files name different classes: {[part.class_names for part in parts]}")
    columns = dict.fromkeys(name for part in parts for name in part.columns)
    merged = Collection(
        [source for part in parts for source in part.sources],
        [name for part in parts for name in part.names],
        [name for part in parts for name in part.splits],
        [label for part in parts for label in part.labels],
        class_names,
        {name: [v for part in parts for v in part.columns.get(name, [None] * len(part))] for name in columns},
    )
    if not len(merged):
        raise FileNotFoundError(f"{folder} has no pictures")
    return merged


def _split_of(file: Path) -> str:
    numbered = re.fullmatch(r"(.+)-\d+-of-\d+", file.stem)
    return numbered[1] if numbered else file.stem


def _read_parquet(file: Path, folder: Path) -> Collection:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{file}: cannot be read ({str(error).splitlines()[0]})") from None
    rows = {name: table[name].to_pylist() for name in table.column_names}
    missing = [name for name in ("image", "label") if name not in rows]
    if missing:
        raise ValueError(f"{file}: lacks the column {' and '.join(missing)}")
    class_names, labels = _classes(rows.pop("label"), table.schema.metadata or {}, file)
    split = _split_of(file)
    sources, names = [], []
    for row, image in enumerate(rows.pop("image")):
        if not isinstance(image, dict) or not (image.get("bytes") or image.get("path")):
            raise ValueError(f"{file}: row {row} has no picture")
        sources.append(image.get("bytes") or _beside(folder, image["path"], f"{file}: row {row}"))
        names.append(Path(image["path"]).name if image.get("path") else f"{split}-{row:04d}")
    return Collection(sources, names, [split] * len(names), labels, class_names, rows)


def _classes(labels: list, metadata: dict[bytes, bytes], file: Path) -> tuple[list[str], list[int]]:
    """Class names and each row's label; labels that are words name their classes themselves."""
    if labels and all(isinstance(label, str) for label in labels):
        class_names = sorted(set(labels))
        return class_names, [class_names.index(label) for label in labels]
    try:
        class_names = json.loads(metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{file}: its labels are numbers, and nothing says which classes they are") from None
    for row, label in enumerate(labels):
        if not isinstance(label, int) or not 0 <= label < len(class_names):
            raise ValueError(f"{file}: row {row} has the label {label!r}, but there are {len(class_names)} classes")
    return class_names, labels


def _beside(folder: Path, path: str, where: str) -> Path:
    """A picture that is not in the Parquet itself, but a file of the dataset."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ValueError(f"{where} names the file {path}, which is not there")
    return file


def _read_folder(folder: Path, split: str | None) -> Collection:
    if split is not None:
        raise FileNotFoundError(f"{folder} has no split {split!r}: it has no data/*.parquet")
    found = {name: files for name, files in _folders(folder) if files}
    if not found:
        raise FileNotFoundError(f"{folder} has no pictures: neither data/*.parquet nor a folder of them for each class")
    files = [file for files in found.values() for file in files]
    return Collection(
        list(files),
        [f"{file.parent.name}/{file.name}" for file in files],
        [""] * len(files),
        [label for label, files in enumerate(found.values()) for _ in files],
        list(found),
        {},
    )


def _folders(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for below in sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith(".")):
        yield below.name, sorted(path for path in below.iterdir() if path.suffix.lower() in SUFFIXES)
