"""Make the clocks and crocodiles dataset: rendered, from a folder of photos, or from any image dataset on the Hub.

    python training/make_clocks_crocodiles.py --source rendered --name clocks-crocodiles
    python training/make_clocks_crocodiles.py --source folder PHOTOS --neither OTHER_PHOTOS --name my-photos
    python training/make_clocks_crocodiles.py --source hub --name cifar                      (CIFAR-100, or give an ID)

PHOTOS holds a folder of pictures per class, OTHER_PHOTOS pictures of anything else in any folders. A fifth of all, by
content, near-duplicates together, becomes the test split. A render that was killed goes on with the same command.
"""

import dataclasses
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from options import option, parse, run
from rendering import rendered
from sources import finished, front_matter, hub_picture, hub_splits, image_column_of, pictures_below, split
from tables import DATASETS, NEITHER, encode, encode_again, write_dataset
from worlds import clocks_crocodiles, textures
from worlds.factors import Factors

from betwixt.images import fit

CIFAR_100 = "uoft-cs/cifar100"


@dataclass
class Recipe:
    """What to make."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    source: list[str] = option(["rendered"], "rendered, or folder PATH, or hub ID (default: CIFAR-100)")
    class_names: list[str] = option(["clock", "crocodile"], "the classes; other Hub classes become neither")
    image_size: int = option(
        64, "side of the stored pictures, in pixels; smaller ones are not enlarged", range=(16, 512)
    )
    count: int = option(1000, "rendered pictures of each class", range=(1, 1_000_000))
    morphs: int = option(100, "rendered pictures between the classes, for evaluation only", range=(0, 100_000))
    neither: list[str] = option([], "folders with pictures of neither class")
    num_neither: int = option(1000, "at most so many pictures of neither class from each place", range=(0, 1_000_000))
    textures: int = option(100, "pictures of nothing (noise, stripes, ...) among neither", range=(0, 100_000))
    seed: int = option(0, "of the rendered pictures")
    excerpt: str | None = option(None, "also write this dataset: the first rendered pictures, on the same sides")
    excerpt_count: int = option(110, "rendered pictures of each class in the excerpt", range=(1, 1_000_000))
    excerpt_quality: int = option(85, "of the excerpt's WebP, 1 to 100; 100: lossless", range=(1, 100))
    image_column: str | None = option(None, "of a Hub dataset; default: its first image column")
    label_column: str | None = option(None, "of a Hub dataset; default: the first that names all the classes")


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Gather the records, split them, write the dataset and its card."""
    parts = DATASETS / f".{recipe.name}.parts"
    names = [*recipe.class_names, NEITHER]
    match recipe.source:
        case ["rendered"]:
            records = [r for kind in names for r in of_kind(recipe, kind, recipe.count, parts)]
        case ["folder", path]:
            own_neither = [NEITHER] if (Path(path) / NEITHER).is_dir() else []
            kinds = [*recipe.class_names, *own_neither]
            records = [record for name in kinds for record in photos(Path(path) / name, name, recipe)]
        case ["hub", *dataset] if len(dataset) < 2:
            records = list(from_hub(dataset[0] if dataset else CIFAR_100, recipe))
        case other:
            raise ValueError(f"--source must be rendered, folder PATH or hub ID, not {' '.join(other)}")
    found = {record["class"] for record in records} - {NEITHER}
    if missing := [name for name in recipe.class_names if name not in found]:
        raise ValueError(f"{' '.join(recipe.source)}: no picture of {', '.join(missing)}")
    for other in recipe.neither:
        records += list(photos(Path(other), NEITHER, recipe, recipe.num_neither))
    records += rendered_textures(recipe)
    summary, splits = split(records, names)
    if recipe.source == ["rendered"]:
        splits["morphs"] = [finished(r, names, group=-1) for r in of_kind(recipe, "morph", recipe.morphs, parts)]
    write(recipe.name, recipe, splits, summary)
    if recipe.excerpt:
        kept = {
            r["image"] for kind in names for r in of_kind(recipe, kind, recipe.count, parts)[: recipe.excerpt_count]
        }
        of_excerpt = {
            name: [r for r in rows if name == "morphs" or r["image"] in kept] for name, rows in splits.items()
        }
        write(recipe.excerpt, recipe, *excerpt_of(of_excerpt, recipe, summary))
    shutil.rmtree(parts, ignore_errors=True)


def write(name: str, recipe: Recipe, splits: dict[str, list[dict]], summary: str) -> None:
    """Write a dataset and its card, and say so."""
    splits = {split: rows for split, rows in splits.items() if rows}
    write_dataset(DATASETS / name, splits, [*recipe.class_names, NEITHER], card(name, recipe, splits, summary))
    print(f"{DATASETS / name}: {', '.join(f'{len(rows)} {split}' for split, rows in splits.items())}; {summary}")


def excerpt_of(splits: dict[str, list[dict]], recipe: Recipe, summary: str) -> tuple[dict[str, list[dict]], str]:
    """The rows of an excerpt as they are stored, and what its card says of them."""
    quality = recipe.excerpt_quality
    stored = {name: [{**r, "image": encode_again(r["image"], quality)} for r in rows] for name, rows in splits.items()}
    note = f"This is an excerpt of what the command below renders, {recipe.excerpt_count} of each class"
    return stored, f"{summary}. {note}, in {'lossless WebP' if quality == 100 else f'WebP of quality {quality}'}"


def of_kind(recipe: Recipe, kind: str, count: int, parts: Path) -> list[dict]:
    """Rendered pictures of one kind with their factors."""

    def factors(start: int, size: int) -> Factors:
        return clocks_crocodiles.sample_factors(size, recipe.seed, kind, start=start)

    key = f"{kind}-{recipe.seed}"
    records = rendered(clocks_crocodiles, factors, count, recipe.image_size, parts, key)
    return [{**record, "class": kind} for record in records]


def rendered_textures(recipe: Recipe) -> list[dict]:
    """Pictures of nothing."""
    pixels = textures.render(recipe.textures, recipe.seed, recipe.image_size) if recipe.textures else []
    return [
        {"image": encode(picture.permute(1, 2, 0).numpy()), "class": NEITHER, "source": "textures"}
        for picture in pixels
    ]


def photos(folder: Path, class_name: str, recipe: Recipe, at_most: int | None = None) -> Iterator[dict]:
    """The pictures below a folder, evenly chosen if there are more than `at_most`; what cannot be read is named."""
    for path, picture in pictures_below(folder, at_most):
        yield {
            "image": encode(_shrunk(picture, recipe.image_size)),
            "class": class_name,
            "source": folder.name if class_name == NEITHER else "photos",
            "file": str(path.relative_to(folder)),
        }


def from_hub(dataset_id: str, recipe: Recipe) -> Iterator[dict]:
    """All splits of an image dataset on the Hub: the wanted classes, and some of every other class as neither."""
    import datasets

    splits = hub_splits(dataset_id)
    features = next(iter(splits.values())).features
    image_column = recipe.image_column or image_column_of(features)
    label_columns = {n: f for n, f in features.items() if isinstance(f, datasets.ClassLabel)}
    wanted = set(recipe.class_names)
    label_column = recipe.label_column or next((n for n, f in label_columns.items() if wanted <= set(f.names)), None)
    if image_column not in features or label_column not in label_columns:
        raise ValueError(f"{dataset_id} has no image column and label column naming {sorted(wanted)}: {list(features)}")
    class_names = label_columns[label_column].names
    per_class = max(1, recipe.num_neither // max(1, len(class_names) - len(wanted)))
    taken = dict.fromkeys(class_names, 0)
    for split_name, rows in splits.items():
        labels = rows[label_column]
        for i, label in enumerate(labels):
            if label is None or label < 0:  # as the Hub marks what has no label
                continue
            name = class_names[label]
            if name not in wanted and taken[name] >= per_class:
                continue
            picture = hub_picture(rows, i, image_column, split_name)
            if picture is None:
                continue
            taken[name] += 1
            in_class = name in wanted
            yield {
                "image": encode(_shrunk(picture, recipe.image_size)),
                "class": name if in_class else NEITHER,
                "source": "photos" if in_class else name,
            }


def card(name: str, recipe: Recipe, splits: dict[str, list[dict]], summary: str) -> str:
    """The dataset's card, with the front matter that the Hub reads."""
    counts = "".join(
        f"| {split} | "
        + " | ".join(str(sum(r["label"] == k for r in rows)) for k in range(len(recipe.class_names) + 1))
        + " |\n"
        for split, rows in splits.items()
        if split != "morphs"
    )
    header = [*recipe.class_names, NEITHER]
    is_rendered = recipe.source == ["rendered"]
    what = (
        "Small rendered pictures of clocks, crocodiles and other things, with the factors that made them. The\n"
        "background is independent of the class. The split `morphs` goes from clock (`t` = 0) to crocodile\n"
        "(`t` = 1): it is for measuring, never for training; its label is `neither` throughout."
        if is_rendered
        else "Pictures of two classes and of neither."
    )
    license_name = "apache-2.0" if is_rendered else "other"
    return f"""{front_matter(splits, license_name, ["image-classification"])}

# {name}

{what}

| split | {" | ".join(header)} |
|---|{"---|" * len(header)}
{counts}
The test split is a fixed fifth by content. {summary[0].upper() + summary[1:]}.

```python
from datasets import load_dataset

load_dataset("betwixt/{name}")["train"][0]["image"]
```

Made by `{command_of(recipe)}`.
"""


def command_of(recipe: Recipe) -> str:
    """The command line that makes it; of folders only the names, since where they lie is nobody's business."""
    words = ["python training/make_clocks_crocodiles.py"]
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if value != (field.default if field.default_factory is dataclasses.MISSING else field.default_factory()):
            values = value if isinstance(value, list) else [value]
            is_path = field.name == "neither" or (field.name == "source" and value[0] == "folder")
            shown = [Path(v).name if is_path else str(v) for v in values]
            words.append(f"--{field.name.replace('_', '-')} {' '.join(shown)}")
    return " ".join(words)


def _shrunk(picture, image_size: int) -> np.ndarray:
    return np.asarray(fit(picture, min(image_size, picture.width, picture.height)))


if __name__ == "__main__":
    main()
