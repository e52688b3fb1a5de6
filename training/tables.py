"""Image datasets as Parquet that `datasets.load_dataset` understands, written and read with pyarrow alone.

<folder>/README.md                      the dataset's card
<folder>/data/<split>-00000-of-00001.parquet    image {bytes, path}, label, any further columns
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from betwixt.collection import read_collection
from betwixt.hub import locate
from betwixt.images import fit, open_image

DATASETS = Path("runs/datasets")
NEITHER = "neither"  # the class of pictures of none of the others
DRAWN = "drawn"  # that of pictures by a generator that is told of no classes


@dataclass
class ImageTable:
    """Pictures in memory: pixels uint8 (N, 3, S, S), labels int64 (N,), and the other columns as lists."""

    pixels: torch.Tensor
    labels: torch.Tensor
    class_names: list[str]
    columns: dict[str, list]

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """Names the pictures and labels, in their order: another digest, another table."""
        content = hashlib.sha256(self.pixels.numpy().tobytes())
        content.update(self.labels.numpy().tobytes())
        return content.hexdigest()[:16]

    def select(self, rows: Sequence[int] | torch.Tensor) -> "ImageTable":
        """The rows given by index or by a boolean mask."""
        index = torch.as_tensor(rows)
        index = index.nonzero().flatten() if index.dtype == torch.bool else index
        columns = {name: [values[i] for i in index.tolist()] for name, values in self.columns.items()}
        return ImageTable(self.pixels[index], self.labels[index], self.class_names, columns)

    def among(self, names: Sequence[str]) -> "ImageTable":
        """All rows, labelled by their class's place in `names`, which may have others too."""
        labels = torch.tensor([names.index(name) for name in self.class_names])[self.labels]
        return ImageTable(self.pixels, labels, list(names), self.columns)

    def as_class(self, name: str) -> "ImageTable":
        """All rows as pictures of one class."""
        return ImageTable(self.pixels, torch.zeros_like(self.labels), [name], self.columns)

    def of_classes(self, names: Sequence[str]) -> "ImageTable":
        """The rows of the named classes, labelled by their place in `names`."""
        wanted = [self.class_names.index(name) for name in names]
        table = self.select(torch.isin(self.labels, torch.tensor(wanted)))
        table.labels = torch.tensor([wanted.index(label) for label in table.labels.tolist()], dtype=torch.int64)
        table.class_names = list(names)
        return table


def counterexample_weights(targets: torch.Tensor, class_names: Sequence[str], share: float) -> torch.Tensor:
    """Targets (B, K) in {0, 1} -> (B, K) how much each answer counts: `share` for a class that another is shown in
    place of, else 1.

    Told mainly from "neither", a class may be seen in a picture beside another one; told from the other, hardly.
    """
    known = torch.tensor([name != NEITHER for name in class_names], device=targets.device)
    shows_another = (targets * known).amax(1, keepdim=True) > 0.5
    return torch.where(shows_another & known & (targets < 0.5), share, 1.0)


class Pictures:
    """A table as the training loop wants it: batches of pixels and labels."""

    def __init__(self, table: ImageTable):
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.table.pixels[indices], self.table.labels[indices]


def encode(pixels: np.ndarray, quality: int = 100) -> bytes:
    """uint8 (H, W, 3) -> WebP; of quality 100 it is lossless, and still a quarter smaller than PNG."""
    options = {"lossless": True} if quality == 100 else {"quality": quality}  # of lossless ones it is the effort
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", **options, method=4)
    return buffer.getvalue()


def encode_again(picture: bytes, quality: int) -> bytes:
    """A stored picture -> the same as WebP of another quality."""
    return encode(np.asarray(open_image(picture)), quality)


def write_dataset(folder: Path, splits: dict[str, list[dict]], class_names: list[str], card: str) -> None:
    """Write splits of records {"image": bytes, "label": int, ...} and the card; all of it appears, or nothing."""
    temporary = folder.with_name(f".{folder.name}.incomplete")
    shutil.rmtree(temporary, ignore_errors=True)
    (temporary / "data").mkdir(parents=True)
    types = _column_types([record for records in splits.values() for record in records])
    for split, records in splits.items():
        write_parquet(temporary / "data" / f"{split}-00000-of-00001.parquet", records, class_names, types)
    (temporary / "README.md").write_text(card)
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old)
    else:
        temporary.rename(folder)


def write_parquet(
    path: Path, records: list[dict], class_names: list[str], types: dict[str, pa.DataType] | None = None
) -> None:
    """One file, atomically; columns beside image and label are numbers or texts, null where a record has none.

    `types` are those columns' (default: as these records have them); a dataset's files must have the same. Vectors may
    be among them.
    """
    features: dict[str, dict] = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": class_names},
    }
    columns = {
        "image": pa.array(
            [{"bytes": record["image"], "path": None} for record in records],
            pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        ),
        "label": pa.array([record["label"] for record in records], pa.int64()),
    }
    for name, kind in (_column_types(records) if types is None else types).items():
        columns[name] = pa.array([record.get(name) for record in records], kind)
        features[name] = _feature(kind)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table(columns).replace_schema_metadata(metadata)
    temporary = path.with_name(f".{path.name}.incomplete")
    with open(temporary, "wb") as file:
        pq.write_table(table, file, row_group_size=256)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _feature(kind: pa.DataType) -> dict:
    """A column's type as `datasets` writes it down."""
    if pa.types.is_list(kind):
        return {"_type": "List", "feature": _feature(kind.value_type), "length": -1}
    return {"_type": "Value", "dtype": str(kind)}


def _column_types(records: list[dict]) -> dict[str, pa.DataType]:
    """The type of every column beside image and label; text where all is null."""
    types = {}
    for name in dict.fromkeys(key for record in records for key in record if key not in ("image", "label")):
        values = [record.get(name) for record in records]
        kind = pa.float32() if any(isinstance(value, float) for value in values) else pa.array(values).type
        types[name] = pa.string() if pa.types.is_null(kind) else kind
    return types


def read_dataset(name: str, split: str, image_size: int, how: str = "crop") -> ImageTable:
    """Read a split of a dataset: a folder, a name under runs/datasets, or a published name.

    Raises:
        FileNotFoundError: no such split, or it has no pictures.
        ValueError: the Parquet is damaged, or labels and pictures do not match.
    """
    collection = read_collection(dataset_folder(name), split)
    pictures = [np.asarray(fit(collection.open(row), image_size, how)) for row in range(len(collection))]
    return ImageTable(
        torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(collection.labels, dtype=torch.int64),
        collection.class_names,
        collection.columns,
    )


def dataset_folder(name: str) -> Path:
    """Where a dataset is: a folder, a name under runs/datasets, or a published name."""
    own = next((folder for folder in (Path(name), DATASETS / name) if (folder / "data").is_dir()), None)
    return own or locate(name, kind="dataset")


def read_splits(names: Sequence[str], image_size: int, join: bool = False) -> tuple[ImageTable, ImageTable]:
    """What is trained on, and what is held out, of several datasets with the same classes, or to `join` with different
    ones. Raises as `read_dataset`."""
    training, test = ([read_dataset(name, split, image_size) for name in names] for split in ("train", "test"))
    return tuple(concatenate(joined(tables) if join else tables) for tables in (training, test))


def joined(tables: Sequence[ImageTable]) -> list[ImageTable]:
    """Tables of different classes with one list of all of them."""
    names = list(dict.fromkeys(name for table in tables for name in table.class_names))
    return [table.among(names) for table in tables]


def folds(table: ImageTable, num_folds: int, seed: int) -> torch.Tensor:
    """(N,) which fold each row is in: by the hash of its group, so that near-duplicates are never parted."""
    groups = table.columns["group"]
    source_of = dict(zip(reversed(groups), reversed(table.columns["source"]), strict=True))  # of its first picture
    keys = [f"{seed}/{source_of[group]}/{group}" for group in groups]
    return torch.tensor([int(hashlib.sha256(key.encode()).hexdigest(), 16) % num_folds for key in keys])


def concatenate(tables: Sequence[ImageTable]) -> ImageTable:
    """One table of several with the same classes; a column that one lacks is filled with None.

    Groups of near-duplicates, which each dataset numbers from 0, are numbered on; where a dataset knows none, each
    picture is one of its own.
    """
    if any(table.class_names != tables[0].class_names for table in tables):
        raise ValueError(f"datasets name different classes: {[table.class_names for table in tables]}")
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {name: [v for t in tables for v in t.columns.get(name, [None] * len(t))] for name in names}
    if "group" in columns:
        columns["group"], start = [], 0
        for table in tables:
            columns["group"] += [start + group for group in table.columns.get("group", range(len(table)))]
            start = max(columns["group"], default=-1) + 1
    return ImageTable(
        torch.cat([table.pixels for table in tables]),
        torch.cat([table.labels for table in tables]),
        tables[0].class_names,
        columns,
    )
