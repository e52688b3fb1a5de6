"""Make a dataset of flags: the world's by construction, mash-ups of them, or flags from elsewhere.

    python training/make_flags.py --name flags --kind national
    python training/make_flags.py --name flag-mashups-many --count 4000 --excerpt flag-mashups
    python training/make_flags.py --name my-flags --source folder FLAGS
    python training/make_flags.py --name their-flags --source api        (restcountries.com, or give an address)
    python training/make_flags.py --name hub-flags --source hub ID

The flags of the world are all in the test split: nothing trains on them. Of others a fifth is, by content,
near-duplicates together.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from options import option, parse, run
from PIL import Image
from sources import (
    finished,
    flags_of_api,
    front_matter,
    hub_picture,
    hub_splits,
    image_column_of,
    pictures_below,
    split,
)
from tables import DATASETS, encode, write_dataset
from tqdm import tqdm

from betwixt import flags, mashups
from betwixt.images import FITS, fit

API = "https://restcountries.com/v3.1"


@dataclass
class Recipe:
    """What to make."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    source: list[str] = option(["rendered"], "rendered, or folder PATH, or hub ID, or api [ADDRESS]")
    kind: str = option("mash-ups", "of rendered flags", choices=["mash-ups", "national"])
    count: int = option(3000, "mash-ups", range=(1, 100_000))
    flags: str | None = option(None, "a file of one's own like src/betwixt/flags.txt, to render")
    width: int = option(96, "of the stored pictures, in pixels", range=(16, 512))
    height: int = option(64, "as high as wide: squares", range=(16, 512))
    fit: str = option("squash", "the whole flag, or the middle of it", choices=list(FITS))
    image_column: str | None = option(None, "of a Hub dataset; default: its first image column")
    seed: int = option(0, "of the mash-ups")
    excerpt: str | None = option(None, "also write this dataset: the first mash-ups, on the same sides")
    excerpt_count: int = option(1200, "mash-ups in the excerpt", range=(1, 100_000))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Gather the records, split them, write the dataset and its card."""
    kept = DATASETS / f".{recipe.name}.parts"
    names = ["flag"]
    if recipe.excerpt and (recipe.source != ["rendered"] or recipe.kind != "mash-ups"):
        raise ValueError("--excerpt is of rendered mash-ups only")
    match recipe.source:
        case ["rendered"]:
            known = flags.read(Path(recipe.flags) if recipe.flags else flags.FILE)
            names = sorted({flag.layout for flag in known})
            records = list(rendered(known, recipe))
        case ["folder", path]:
            pictures = pictures_below(Path(path))
            records = [record(picture, recipe, code=file.stem) for file, picture in pictures]
        case ["hub", dataset]:
            records = list(of_hub(dataset, recipe))
        case ["api", *address] if len(address) < 2:
            found = flags_of_api(address[0] if address else API, kept)
            records = [record(picture, recipe, code=one.code, name=one.name) for one, picture in found]
        case other:
            raise ValueError(f"--source must be rendered, folder PATH, hub ID or api [ADDRESS], not {' '.join(other)}")
    if recipe.source == ["rendered"] and recipe.kind == "national":
        summary = "Nothing trains on them: all are in the test split"
        splits = {"test": [finished(row, names, group) for group, row in enumerate(records)]}
    else:
        summary, splits = split(records, names)
    write(recipe.name, recipe, splits, names, summary)
    if recipe.excerpt:
        first = {record["image"] for record in records[: recipe.excerpt_count]}
        excerpt = {name: [row for row in rows if row["image"] in first] for name, rows in splits.items()}
        note = f"This is an excerpt: the first {len(first)} of {recipe.count} mash-ups"
        write(recipe.excerpt, recipe, excerpt, names, f"{summary}. {note}")
    shutil.rmtree(kept, ignore_errors=True)


def write(name: str, recipe: Recipe, splits: dict[str, list[dict]], names: list[str], summary: str) -> None:
    """Write a dataset and its card, and say so."""
    splits = {split: rows for split, rows in splits.items() if rows}
    write_dataset(DATASETS / name, splits, names, card(name, recipe, splits, summary))
    print(f"{DATASETS / name}: {', '.join(f'{len(rows)} {split}' for split, rows in splits.items())}; {summary}")


def rendered(known: list[flags.Flag], recipe: Recipe) -> Iterator[dict]:
    """The flags of a file, one of each design, or mash-ups of them."""
    designs = [flag for flag in known if not flag.same_as]
    size = recipe.width, recipe.height
    made = designs if recipe.kind == "national" else mashups.mash_ups(known, recipe.count, recipe.seed)
    for flag in tqdm(made, total=len(designs) if recipe.kind == "national" else recipe.count, disable=None):
        yield {
            **record(flags.draw(flag, size), recipe, code=flag.code, name=flag.name),
            "class": flag.layout,
            "palette": flags.palette_label(flag),
            "colors": " ".join(bytes(color).hex() for color in flag.palette),
            "ratio": flag.ratio,
        }


def of_hub(dataset: str, recipe: Recipe) -> Iterator[dict]:
    """All pictures of a dataset on the Hub."""
    splits = hub_splits(dataset)
    features = next(iter(splits.values())).features
    column = recipe.image_column or image_column_of(features)
    if column not in features:
        raise ValueError(f"{dataset} has no image column: {list(features)}")
    for name, rows in splits.items():
        for i in range(len(rows)):
            if picture := hub_picture(rows, i, column, name):
                yield record(picture, recipe, code=f"{name}-{i}")


def record(picture: Image.Image, recipe: Recipe, **columns: str) -> dict:
    """A row, but for its label."""
    pixels = np.asarray(fit(picture, (recipe.width, recipe.height), recipe.fit))
    return {"image": encode(pixels), "class": "flag", "source": recipe.source[0], **columns}


def card(name: str, recipe: Recipe, splits: dict[str, list[dict]], summary: str) -> str:
    """The dataset's card, with the front matter that the Hub reads."""
    counts = ", ".join(f"{len(rows)} {split}" for split, rows in splits.items())
    is_rendered = recipe.source == ["rendered"]
    what = {
        "national": "The flags of the world, drawn by construction: bands, crosses, stars and simplified emblems.",
        "mash-ups": "Flags that never were: the layout of one, the palette of another, the emblem of a third, as "
        "`code` names them.",
    }[recipe.kind]
    license_name = "apache-2.0" if is_rendered else "other"
    return f"""{front_matter(splits, license_name, ["image-classification", "image-feature-extraction"])}

# {name}

{f"{what} The label is the layout." if is_rendered else "Pictures of flags."}

{counts}, {recipe.width} by {recipe.height} pixels. {summary}.

```python
from datasets import load_dataset

load_dataset("betwixt/{name}", split="{next(iter(splits))}")[0]["image"]
```
"""


if __name__ == "__main__":
    main()
