"""Make a dataset of places: rendered, from a folder of photos, or from any image dataset on the Hub.

    python training/make_landmarks.py --name landmarks --count 10
    python training/make_landmarks.py --name landmarks-photos --source folder PHOTOS
    python training/make_landmarks.py --name their-places --source hub ID

PHOTOS holds a folder of pictures for each place. Of near-duplicates one is kept, since finding a copy is no art. A
fifth of all, by content, becomes the test split. A render that was killed goes on with the same command.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from options import option, parse, run
from PIL import Image
from rendering import rendered
from sources import front_matter, hub_pictures, pictures_below, split
from tables import DATASETS, encode, write_dataset
from worlds import landmarks
from worlds.factors import Factors

from betwixt.images import fit


@dataclass
class Recipe:
    """What to make."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    source: list[str] = option(["rendered"], "rendered, or folder PATH, or hub ID")
    count: int = option(60, "rendered pictures of each place", range=(1, 100_000))
    image_size: int = option(96, "side of rendered pictures, and short side of photos, in pixels", range=(32, 512))
    quality: int = option(90, "of the WebP that is stored, 1 to 100; 100: lossless", range=(1, 100))
    image_column: str | None = option(None, "of a Hub dataset; default: its first image column")
    label_column: str | None = option(None, "of a Hub dataset; default: its first ClassLabel")
    seed: int = option(0, "of the rendered pictures")
    excerpt: str | None = option(None, "also write this dataset: the first rendered pictures, on the same sides")
    excerpt_count: int = option(6, "pictures of each place in the excerpt", range=(1, 100_000))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Gather the records, split them, write the dataset and its card."""
    parts = DATASETS / f".{recipe.name}.parts"
    match recipe.source:
        case ["rendered"]:
            count = recipe.count * len(landmarks.PLACES)
            key = f"landmarks-{recipe.seed}"
            shown = partial(views, recipe.seed)
            records = rendered(landmarks, shown, count, recipe.image_size, parts, key, recipe.quality)
            records = [{**record, "class": record.pop("place")} for record in records]
        case ["folder", path]:
            found = pictures_below(Path(path))
            records = [photo(picture, file.parent.name, recipe, file=file.name) for file, picture in found]
        case ["hub", dataset]:
            found = hub_pictures(dataset, recipe.image_column, recipe.label_column)
            records = [photo(picture, place, recipe) for picture, place in found]
        case other:
            raise ValueError(f"--source must be rendered, folder PATH or hub ID, not {' '.join(other)}")
    places = sorted({record["class"] for record in records})
    summary, splits = split(records, places)
    if recipe.source != ["rendered"]:
        before = sum(map(len, splits.values()))
        splits = {name: list(one_of_each(rows)) for name, rows in splits.items()}
        summary += f"; one of each group was kept, {sum(map(len, splits.values()))} of {before} pictures"
    elif recipe.excerpt:
        first = {record["image"] for record in records[: recipe.excerpt_count * len(places)]}
        note = f"This is an excerpt of what {recipe.count} of each place are, {recipe.excerpt_count} of each"
        excerpt = {name: [row for row in rows if row["image"] in first] for name, rows in splits.items()}
        write(recipe.excerpt, recipe, excerpt, places, f"{summary}. {note}")
    write(recipe.name, recipe, splits, places, summary)
    shutil.rmtree(parts, ignore_errors=True)


def write(name: str, recipe: Recipe, splits: dict[str, list[dict]], places: list[str], summary: str) -> None:
    """Write a dataset and its card, and say so."""
    splits = {split: rows for split, rows in splits.items() if rows}
    write_dataset(DATASETS / name, splits, places, card(name, recipe, splits, places, summary))
    print(f"{DATASETS / name}: {', '.join(f'{len(rows)} {split}' for split, rows in splits.items())}; {summary}")


def views(seed: int, start: int, size: int) -> Factors:
    """Every place in turn, no two from the same side."""
    shown = [
        landmarks.sample_factors(1, seed, landmarks.PLACES[number % len(landmarks.PLACES)], start=number)
        for number in range(start, start + size)
    ]
    return Factors(tuple(row for factors in shown for row in factors.rows))


def photo(picture: Image.Image, place: str, recipe: Recipe, **columns: str) -> dict:
    """A row, but for its label: the picture no larger than need be, in its own proportions."""
    scale = min(1.0, recipe.image_size / min(picture.size))
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    small = np.asarray(fit(picture, size, "squash"))
    return {"image": encode(small, recipe.quality), "class": place, "source": "photos", **columns}


def one_of_each(rows: list[dict]) -> Iterator[dict]:
    """The first picture of each group of near-duplicates."""
    seen: set[int] = set()
    for row in rows:
        if row["group"] not in seen:
            seen.add(row["group"])
            yield row


def card(name: str, recipe: Recipe, splits: dict[str, list[dict]], places: list[str], summary: str) -> str:
    """The dataset's card, with the front matter that the Hub reads."""
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in splits.items())
    is_rendered = recipe.source == ["rendered"]
    what = (
        f"Rendered landmarks: {len(landmarks.STRUCTURES)} kinds of structure, {landmarks.INDIVIDUALS} places of each, "
        "seen from all sides, near and far, in every season and light, with the factors that made each picture."
        if is_rendered
        else f"Pictures of {len(places)} places."
    )
    license_name = "apache-2.0" if is_rendered else "other"
    return f"""{front_matter(splits, license_name, ["image-feature-extraction", "image-classification"])}

# {name}

{what} The label is the place.

{counts}. The test split is a fixed fifth by content. {summary[0].upper() + summary[1:]}.

```python
from datasets import load_dataset

load_dataset("betwixt/{name}")["train"][0]["image"]
```
"""


if __name__ == "__main__":
    main()
