"""Datasets whose label is a name, a place or a breed: rendered, from folders of photos, or from the Hub."""

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from options import option
from rendering import rendered
from sources import front_matter, hub_pictures, one_of_each, photo, pictures_below, split
from tables import DATASETS, encode_again, write_dataset
from worlds.factors import Factors


@dataclass
class LabelledRecipe:
    """What to make; a recipe overrides some of the defaults."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    source: list[str] = option(["rendered"], "rendered, or folder PATH, or hub ID")
    count: int = option(60, "rendered pictures of each label", range=(1, 100_000))
    image_size: int = option(96, "side of rendered pictures, and short side of photos, in pixels", range=(32, 512))
    quality: int = option(90, "of the WebP that is stored, 1 to 100; 100: lossless", range=(1, 100))
    image_column: str | None = option(None, "of a Hub dataset; default: its first image column")
    label_column: str | None = option(None, "of a Hub dataset; default: its first ClassLabel")
    seed: int = option(0, "of the rendered pictures")
    excerpt: str | None = option(None, "also write this dataset: the first rendered pictures, on the same sides")
    excerpt_count: int = option(6, "pictures of each label in the excerpt", range=(1, 100_000))
    excerpt_quality: int | None = option(None, "of the WebP of the excerpt; default: as all", range=(1, 100))


@dataclass(frozen=True)
class Labels:
    """What a rendered world is labelled by, and what its datasets' cards say."""

    world: ModuleType
    column: str  # of the factors
    names: tuple[str, ...]
    rendered: str  # sentences
    photos: str  # with {count}
    tasks: tuple[str, ...]  # as the Hub names them


def in_turn(labels: Labels, seed: int, start: int, size: int) -> Factors:
    """Pictures `start` to `start + size - 1` of a seed, of each label in turn; no two show the same view."""
    names = labels.names
    shown = [
        labels.world.sample_factors(1, seed, names[number % len(names)], start=number)
        for number in range(start, start + size)
    ]
    return Factors(tuple(row for factors in shown for row in factors.rows))


def make(recipe: LabelledRecipe, labels: Labels) -> None:
    """Gather the records, split them, write the dataset and its card; of near-duplicate photos one is kept."""
    parts, stored = DATASETS / f".{recipe.name}.parts", (recipe.image_size, recipe.quality)
    match recipe.source:
        case ["rendered"]:
            records = rendered(
                labels.world,
                partial(in_turn, labels, recipe.seed),
                recipe.count * len(labels.names),
                recipe.image_size,
                parts,
                f"{recipe.name}-{recipe.seed}",
                recipe.quality,
            )
            records = [{**record, "class": record.pop(labels.column)} for record in records]
        case ["folder", path]:
            found = pictures_below(Path(path))
            records = [photo(picture, file.parent.name, *stored, file=file.name) for file, picture in found]
        case ["hub", dataset]:
            found = hub_pictures(dataset, recipe.image_column, recipe.label_column)
            records = [photo(picture, name, *stored) for picture, name in found]
        case other:
            raise ValueError(f"--source must be rendered, folder PATH or hub ID, not {' '.join(other)}")
    names = sorted({record["class"] for record in records})
    summary, splits = split(records, names)
    if recipe.source != ["rendered"]:
        before = sum(map(len, splits.values()))
        splits = {name: list(one_of_each(rows)) for name, rows in splits.items()}
        summary += f"; one of each group was kept, {sum(map(len, splits.values()))} of {before} pictures"
    elif recipe.excerpt:
        first = {record["image"] for record in records[: recipe.excerpt_count * len(names)]}
        excerpt = {name: [row for row in rows if row["image"] in first] for name, rows in splits.items()}
        stored, note = _excerpt_of(excerpt, recipe, labels)
        _write(recipe.excerpt, recipe, labels, stored, names, f"{summary}. {note}")
    _write(recipe.name, recipe, labels, splits, names, summary)
    shutil.rmtree(parts, ignore_errors=True)


def _excerpt_of(
    splits: dict[str, list[dict]], recipe: LabelledRecipe, labels: Labels
) -> tuple[dict[str, list[dict]], str]:
    """The rows of an excerpt as they are stored, and what its card says of them."""
    note = f"This is an excerpt of what {recipe.count} of each {labels.column} are, {recipe.excerpt_count} of each"
    quality = recipe.excerpt_quality
    if quality is None:
        return splits, note
    stored = {
        name: [{**row, "image": encode_again(row["image"], quality)} for row in rows] for name, rows in splits.items()
    }
    return stored, f"{note}, in WebP of quality {quality}"


def _write(
    name: str, recipe: LabelledRecipe, labels: Labels, splits: dict[str, list[dict]], names: list[str], summary: str
) -> None:
    """Write a dataset and its card, and say so."""
    splits = {split: rows for split, rows in splits.items() if rows}
    write_dataset(DATASETS / name, splits, names, _card(name, recipe, labels, splits, names, summary))
    print(f"{DATASETS / name}: {', '.join(f'{len(rows)} {split}' for split, rows in splits.items())}; {summary}")


def _card(
    name: str, recipe: LabelledRecipe, labels: Labels, splits: dict[str, list[dict]], names: list[str], summary: str
) -> str:
    """The dataset's card, with the front matter that the Hub reads."""
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in splits.items())
    is_rendered = recipe.source == ["rendered"]
    what = labels.rendered if is_rendered else labels.photos.format(count=len(names))
    license_name = "apache-2.0" if is_rendered else "other"
    return f"""{front_matter(splits, license_name, [*labels.tasks])}

# {name}

{what} The label is the {labels.column}.

{counts}. The test split is a fixed fifth by content. {summary[0].upper() + summary[1:]}.

```python
from datasets import load_dataset

load_dataset("betwixt/{name}")["train"][0]["image"]
```
"""
