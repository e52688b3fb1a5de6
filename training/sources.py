"""Where pictures of datasets come from, beside the rendered worlds: folders, the Hub, an API; and how they split."""

import json
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import torch
from near_duplicates import is_test, near_duplicate_groups
from PIL import Image
from tables import NEITHER, encode

from betwixt.images import ImageError, fit, open_image

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"}
TIMEOUT, ATTEMPTS, CONNECTIONS = 20.0, 3, 8  # seconds, and numbers of them
MOST_BYTES = 8 << 20  # of a picture from elsewhere
COMPARED_SIZE = 32  # near-duplicates and the test split are decided at this size, whatever size is stored


def pictures_below(folder: Path, at_most: int | None = None) -> Iterator[tuple[Path, Image.Image]]:
    """The pictures in a folder and those in it, evenly chosen if there are more than `at_most`; bad ones are named.

    Raises:
        FileNotFoundError: there are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))})")
    if at_most is not None and len(files) > at_most:
        files = [files[round(i * (len(files) - 1) / max(1, at_most - 1))] for i in range(at_most)]
    for path in files:
        if picture := opened(path, str(path)):
            yield path, picture


def opened(file, name: str, min_side: int | None = None) -> Image.Image | None:
    """The picture, RGB; what cannot be read is named, and None. `min_side` as in `open_image`."""
    try:
        return open_image(file, min_side=min_side)
    except ImageError as error:
        print(f"skipped {name}: {error}", file=sys.stderr)
        return None


def hub_splits(dataset_id: str) -> dict:
    """All splits of a dataset on the Hub, as `datasets` has them.

    Raises:
        ConnectionError: it could not be loaded; in one line.
    """
    return _loaded(dataset_id)


def hub_streams(dataset_id: str) -> dict:
    """The same, whose rows come one by one as they are asked for. Raises as `hub_splits`."""
    return _loaded(dataset_id, streaming=True)


def streams_of_folder(folder: Path) -> dict:
    """The splits of a dataset's folder, whose rows are read from its Parquet as they are asked for."""
    files: dict[str, list[str]] = {}
    for file in sorted(folder.glob("data/*.parquet")):
        files.setdefault(re.sub(r"-\d+-of-\d+$", "", file.stem), []).append(str(file))
    return _loaded("parquet", data_files=files, streaming=True)


def _loaded(dataset_id: str, **options) -> dict:
    import datasets

    try:
        return datasets.load_dataset(dataset_id, **options)
    except Exception as error:  # the client raises many types; their first line says which
        raise ConnectionError(f"{dataset_id} could not be loaded: {str(error).splitlines()[0]}") from None


def image_column_of(features: dict) -> str | None:
    """The first column of pictures."""
    import datasets

    return next((name for name, feature in features.items() if isinstance(feature, datasets.Image)), None)


def hub_pictures(dataset_id: str, image: str | None, label: str | None) -> Iterator[tuple[Image.Image, str]]:
    """All pictures of a dataset on the Hub with the names of their labels; bad ones are named and left out.

    Args:
        image, label: the columns; default: the first of pictures, and the first that names classes.

    Raises:
        ConnectionError: it could not be loaded.
        ValueError: it has no such columns.
    """
    import datasets

    splits = hub_splits(dataset_id)
    features = next(iter(splits.values())).features
    image = image or image_column_of(features)
    label = label or next((name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)), None)
    if image not in features or not isinstance(features.get(label), datasets.ClassLabel):
        raise ValueError(f"{dataset_id} has no column of pictures and one of labels that name them: {list(features)}")
    for name, rows in splits.items():
        for number, value in enumerate(rows[label]):
            picture = hub_picture(rows, number, image, name) if value is not None and value >= 0 else None
            if picture:
                yield picture, features[label].int2str(value)


def hub_picture(rows, index: int, column: str, split: str) -> Image.Image | None:
    """One picture of a split; what cannot be read is named, and None."""
    try:
        return open_image(rows[index][column])
    except Exception as error:  # datasets decodes lazily and passes on what Pillow raises
        print(f"skipped {split} {index}: {error}", file=sys.stderr)
        return None


@dataclass(frozen=True)
class Listed:
    """One picture that an API lists."""

    code: str
    name: str
    address: str


def flags_of_api(address: str, kept: Path) -> Iterator[tuple[Listed, Image.Image]]:
    """Every flag that `address`/all lists, as restcountries.com does; what cannot be had or read is named.

    Files are kept in the folder `kept` until it is deleted, so that a run that was stopped goes on.

    Raises:
        ConnectionError: the list cannot be had; in one line.
        ValueError: the address is none, or what it lists are no flags.
    """
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"{address} is no address of an API: it begins with http:// or https://")
    kept.mkdir(parents=True, exist_ok=True)
    with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client, ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            answer = json.loads(_fetch(client, f"{address.rstrip('/')}/all?fields=cca2,name,flags"))
        except (httpx.HTTPError, ImageError) as error:
            raise ConnectionError(f"{address} cannot be reached: {error}") from None
        except ValueError:
            raise ValueError(f"{address} does not list flags: its answer is no JSON") from None
        listed = [_listed(entry) for entry in answer] if isinstance(answer, list) else []
        if not any(listed):
            raise ValueError(f"{address} does not list flags: no entry has cca2 and flags.png")
        jobs = {one: pool.submit(_download, client, one, kept) for one in listed if one}
        for one, job in jobs.items():
            try:
                file = job.result()
            except (httpx.HTTPError, ImageError) as error:
                print(f"skipped {one.code}: {error}", file=sys.stderr)
                continue
            if picture := opened(file, one.code):
                yield one, picture


def _listed(entry) -> Listed | None:
    try:
        code, address = entry["cca2"].lower(), entry["flags"]["png"]
        name = entry.get("name", {}).get("common", code)
    except (AttributeError, KeyError, TypeError):
        return None
    safe = code.replace("-", "").isalnum() and str(address).startswith(("http://", "https://"))
    return Listed(code, str(name), address) if safe else None


def _download(client: httpx.Client, one: Listed, kept: Path) -> Path:
    file = kept / one.code
    if not file.exists():
        content = _fetch(client, one.address)
        temporary = file.with_name(f".{one.code}.incomplete")
        temporary.write_bytes(content)
        temporary.rename(file)
    return file


def _fetch(client: httpx.Client, address: str) -> bytes:
    """At most MOST_BYTES; tried again where the other side may only have been busy."""
    for attempt in range(ATTEMPTS):
        try:
            with client.stream("GET", address) as answer:
                answer.raise_for_status()
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise ImageError(f"larger than {MOST_BYTES >> 20} MiB")
                return bytes(content)
        except httpx.HTTPError as error:
            refused = isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500
            if refused or attempt == ATTEMPTS - 1:
                raise
            time.sleep(2**attempt / 2)
    raise AssertionError("the last attempt returns or raises")


def split(records: list[dict], names: list[str]) -> tuple[str, dict[str, list[dict]]]:
    """Train and test rows; near-duplicates share a `group` and a side. The summary says how many there are."""
    pictures = [np.asarray(fit(open_image(record["image"]), COMPARED_SIZE, "squash")) for record in records]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    groups = near_duplicate_groups(pixels)
    sizes = np.bincount(groups)
    test = is_test(pixels, groups)
    splits: dict[str, list[dict]] = {"train": [], "test": []}
    for record, group, in_test in zip(records, groups.tolist(), test, strict=True):
        splits["test" if in_test else "train"].append(finished(record, names, group))
    near = sizes[sizes > 1]
    return f"{near.sum()} pictures have near-duplicates, in {len(near)} groups, each on one side", splits


def photo(picture: Image.Image, class_name: str, image_size: int, quality: int, **columns: str) -> dict:
    """A row, but for its label: the picture in its own proportions, its short side no longer than `image_size`."""
    scale = min(1.0, image_size / min(picture.size))
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    small = np.asarray(fit(picture, size, "squash"))
    return {"image": encode(small, quality), "class": class_name, "source": "photos", **columns}


def one_of_each(rows: list[dict]) -> Iterator[dict]:
    """The first picture of each group of near-duplicates."""
    seen: set[int] = set()
    for row in rows:
        if row["group"] not in seen:
            seen.add(row["group"])
            yield row


def finished(record: dict, names: list[str], group: int) -> dict:
    """The row of a dataset: the class becomes a label, "neither" where it is none of the names."""
    class_name = record.pop("class")
    label = names.index(class_name) if class_name in names else names.index(NEITHER)
    return {**record, "label": label, "group": group}


def front_matter(splits: dict[str, list[dict]], license_name: str, tasks: list[str]) -> str:
    """What the Hub reads of a dataset's card."""
    count = sum(map(len, splits.values()))
    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (10**9, "10K<n<100K"))
    files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in splits)
    return f"""---
license: {license_name}
task_categories:
{"".join(f"- {task}{chr(10)}" for task in tasks)}size_categories:
- {next(name for limit, name in sizes if count < limit)}
tags:
- betwixt
configs:
- config_name: default
  data_files:
{files}---"""
