"""What all recipes of generators share: what they learn from, and what is drawn while they learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tables import NEITHER, ImageTable, read_splits

from betwixt import metrics
from betwixt.images import from_bytes, to_tensor

ROW = 8


def load(recipe, join: bool = False) -> tuple[ImageTable, ImageTable]:
    """The plain pictures to train on and those held out, of the recipe's classes in its datasets; `join`: which may
    have different ones."""
    training, test = read_splits(recipe.dataset, recipe.image_size, join)
    classes = recipe.classes or [name for name in training.class_names if name != NEITHER]
    return training.of_classes(classes), test.of_classes(classes)


Rows = list[list[Image.Image]]


def rows_of(model) -> Rows:
    """A row of each class, then one of what lies in the middle of all; of a network without classes, one row."""
    rows = [model.generate({name: 1.0}, ROW, seed=0) for name in model.class_names]
    return [*rows, model.generate(None, ROW, seed=0) if model.class_names else model.sample(ROW, seed=0)]


class Watch:
    """Called with a generator, writes RUN/samples/NUMBER.png and gives {"copies": share of copies among them}.

    A copy is nearer than a third of the distance to the second nearest training picture.
    """

    def __init__(self, run: Path, training: ImageTable, rows: Callable[[Any], Rows] = rows_of):
        self.rows = rows
        self.run, self.pictures = run, from_bytes(training.pixels)
        self.groups = torch.tensor(training.columns.get("group", [*range(len(training))]))

    def __call__(self, model) -> dict[str, float]:
        rows = self.rows(model)
        save_sheet(self.run, rows)
        drawn = to_tensor([picture for row in rows for picture in row], model.image_size)
        ratio = metrics.copy_ratio(metrics.shifted_distances(drawn, self.pictures), self.groups)
        return {"copies": (ratio < metrics.COPY_RATIO).float().mean().item()}


def save_sheet(run: Path, rows: Rows) -> None:
    """Write RUN/samples/NUMBER.png, of the next number."""
    folder = run / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    grid(rows).save(folder / f"{len(list(folder.glob('*.png'))):04d}.png")


def grid(rows: list[list[Image.Image]], scale: int = 2, gap: int = 2) -> Image.Image:
    """Rows of pictures of one size as one picture, each enlarged by a whole number."""
    side = rows[0][0].width * scale + gap
    sheet = Image.new("RGB", (side * max(map(len, rows)) - gap, side * len(rows) - gap), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            enlarged = picture.resize((side - gap, side - gap), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (left * side, top * side))
    return sheet
