"""Embed a collection of any size, so that its pictures can be searched for the nearest.

    python training/make_index.py --name my-photos --source folder PHOTOS --encoder landmarks-transfer
    python training/make_index.py --name landmarks-transfer --source dataset landmarks --encoder landmarks-transfer
    python training/make_index.py --name places --source hub SOMEONE/PLACES --encoder landmarks-transfer

writes runs/indexes/NAME, as `betwixt.search.EmbeddingIndex` reads it. Pictures are read one shard at a time, however
many there are. Stopped at any time, the same command goes on behind the last whole shard; `accelerate launch` before it
shares the shards among devices and machines that write to the same disk.
"""

import dataclasses
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
import torch
from encoders import embed, load
from loop import check_same_recipe, folder_of, weights_digest
from options import option, parse, run
from sources import SUFFIXES, hub_streams, image_column_of, opened, streams_of_folder
from tables import dataset_folder
from tqdm import tqdm

from betwixt.hub import HubError, replace_file
from betwixt.images import BATCH, to_tensor
from betwixt.search import METRICS, EmbeddingIndex, read_shard, shard_file, write_index, write_shard

INDEXES = Path("runs/indexes")
AHEAD = 3  # batches that are decoded while the network is busy


@dataclass
class Recipe:
    """What to embed, and with what."""

    name: str = option(help="the index is written to runs/indexes/NAME")
    source: list[str] = option(help="folder PATH, dataset NAME, or hub ID")
    encoder: str = option(help="a run or a published name; NAME#LAYER: another layer of it")
    split: str | None = option(None, "of a dataset; default: all of them")
    metric: str = option("cosine", "how embeddings are compared", choices=list(METRICS))
    publish: bool = option(False, "of a dataset: also put the index into its folder, in 8 bits a number")
    shard_size: int = option(2000, "pictures in a shard", range=(1, 1_000_000))


@dataclass(frozen=True)
class Item:
    """A picture that was not opened yet."""

    identity: str
    place: str
    file: Path | bytes


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Every process embeds its shards; when all are there the first one makes them an index."""
    from accelerate import PartialState

    state = PartialState()
    folder = INDEXES / recipe.name
    name, _, layer = recipe.encoder.partition("#")
    encoder_folder = folder_of(name)
    model, _ = load(str(encoder_folder))
    model = model.eval().to(state.device)
    dimensions = embedded(model, layer, torch.zeros(1, 3, model.image_size, model.image_size)).shape[1]
    if recipe.publish and recipe.source[:-1] != ["dataset"]:
        raise ValueError("--publish needs a --source dataset, whose folder the index goes into")
    published = dataset_folder(recipe.source[-1]) / "index" / Path(name).name if recipe.publish else None
    about = {**dataclasses.asdict(recipe), "weights": weights_digest(encoder_folder), "pictures": listing(recipe)}
    check_same_recipe(folder, folder / "recipe.json", about)
    count = 0
    with (
        ThreadPoolExecutor(2) as pool,
        tqdm(desc=recipe.name, unit="picture", disable=not state.is_main_process) as bar,
    ):
        for number, items in enumerate(shards(recipe)):
            if number == 0 and state.is_main_process:
                folder.mkdir(parents=True, exist_ok=True)
                replace_file(folder / "recipe.json", lambda file: file.write_text(json.dumps(about, indent=2)))
            if number % state.num_processes == state.process_index:
                if not is_whole(folder, number):
                    parts = read_ahead(pool, items, model.image_size)
                    write(folder, number, [(kept, embedded(model, layer, x)) for kept, x in parts], dimensions)
                bar.update(len(items))
            count = number + 1
    state.wait_for_everyone()
    if state.is_main_process:
        files = [shard_file(folder, number).with_suffix(".parquet") for number in range(count)]
        sizes = [pq.read_metadata(file).num_rows for file in files]
        write_index(folder, recipe.encoder, recipe.metric, dimensions, sizes)
        if recipe.publish:
            EmbeddingIndex.from_pretrained(folder).save(published, torch.int8)
        print(f"{folder}: {sum(sizes)} pictures in {count} shards")


def shards(recipe: Recipe) -> Iterator[list[Item]]:
    """The pictures of the source, always in the same order, `shard_size` at a time."""
    match recipe.source:
        case ["folder", path]:
            items = in_folder(Path(path))
        case ["dataset", name]:
            items = in_dataset(streams_of_folder(dataset_folder(name)), recipe.split)
        case ["hub", dataset_id]:
            items = in_dataset(hub_streams(dataset_id), recipe.split)
        case other:
            raise ValueError(f"--source must be folder PATH, dataset NAME or hub ID, not {' '.join(other)}")
    while shard := list(islice(items, recipe.shard_size)):
        yield shard


def listing(recipe: Recipe) -> str | None:
    """Names the files of a folder: others, another digest. What a dataset holds is known by its name alone."""
    if recipe.source[:-1] != ["folder"]:
        return None
    names = "\n".join(item.identity for item in in_folder(Path(recipe.source[1])))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def in_folder(folder: Path) -> Iterator[Item]:
    """Every picture below a folder; its place is the folder that it is in."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))})")
    for file in files:
        yield Item(file.relative_to(folder).as_posix(), file.parent.name if file.parent != folder else "", file)


def in_dataset(splits: dict, split: str | None) -> Iterator[Item]:
    """Every picture of a dataset; its place is its label, where there is one."""
    import datasets

    if split and split not in splits:
        raise ValueError(f"there is no split {split!r}: there are {', '.join(splits)}")
    for name, rows in splits.items():
        if split not in (None, name):
            continue
        features = rows.features or {}
        image = image_column_of(features)
        if image is None:
            raise ValueError(f"the split {name} has no column of pictures: {', '.join(features) or 'none'}")
        label = next((key for key, kind in features.items() if isinstance(kind, datasets.ClassLabel)), None)
        for number, row in enumerate(rows.cast_column(image, datasets.Image(decode=False))):
            known = label is not None and row[label] is not None and row[label] >= 0
            place = features[label].int2str(row[label]) if known else ""
            yield Item(f"{name}/{number:06d}", place, row[image]["bytes"] or Path(row[image]["path"]))


def is_whole(folder: Path, number: int) -> bool:
    """Whether a shard was finished."""
    try:
        read_shard(folder, number)
    except HubError:
        return False
    return True


def read_ahead(pool: Executor, items: Sequence[Item], side: int) -> Iterator[tuple[list[Item], torch.Tensor]]:
    """Batches of pictures (B, 3, side, side), in order, with what they are of; the next ones are decoded meanwhile."""
    waiting: deque[Future] = deque()
    for first in range(0, len(items), BATCH):
        waiting.append(pool.submit(decoded, items[first : first + BATCH], side))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    for job in waiting:
        yield job.result()


def decoded(items: Sequence[Item], side: int) -> tuple[list[Item], torch.Tensor]:
    """What can be read; the rest is named and left out."""
    pictures = [(item, opened(item.file, item.identity, min_side=side)) for item in items]
    kept = [(item, picture) for item, picture in pictures if picture]
    return [item for item, _ in kept], to_tensor([picture for _, picture in kept], side)


def embedded(model: torch.nn.Module, layer: str, x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1] -> (B, D), rows of length 1, on the CPU; of no pictures no rows."""
    if not len(x):
        return torch.empty(0, 0)
    return embed(model, layer or None, x.to(next(model.parameters()).device)).cpu()


def write(folder: Path, number: int, parts: list[tuple[list[Item], torch.Tensor]], dimensions: int) -> None:
    """Write a shard of what its batches gave."""
    kept = [item for items, _ in parts for item in items]
    embeddings = torch.cat([torch.empty(0, dimensions), *(part for _, part in parts if len(part))])
    write_shard(folder, number, embeddings, [item.identity for item in kept], {"place": [item.place for item in kept]})


if __name__ == "__main__":
    main()
