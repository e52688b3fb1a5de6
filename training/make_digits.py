"""Make a dataset of the handwritten digits that come with scikit-learn, to see a recipe at work within a minute.

    python training/make_digits.py --name digits
    python training/train_vae.py --name digits-vae --dataset digits --preset digits

1,797 pictures of 8x8 in 17 shades of grey (Alpaydin and Kaynak 1998), enlarged. A fixed fifth, by content, becomes the
test split; of these digits so many look alike that near-duplicates would all be one group, so each stands alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from near_duplicates import is_test
from options import option, parse, run
from PIL import Image
from sklearn.datasets import load_digits
from sources import finished, front_matter
from tables import DATASETS, encode, write_dataset

from betwixt.images import fit

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
WHITE = 16  # the brightest of scikit-learn's values


@dataclass
class Recipe:
    """What to make."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    image_size: int = option(16, "side that the pictures are enlarged to", range=(8, 256))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Enlarge, split, write the dataset and its card."""
    digits = load_digits()
    grey = (digits.images / WHITE * 255).round().astype(np.uint8)  # (N, 8, 8)
    test = is_test(torch.from_numpy(grey), np.arange(len(grey)))
    splits: dict[str, list[dict]] = {"train": [], "test": []}
    for number, (values, label, in_test) in enumerate(zip(grey, digits.target, test, strict=True)):
        picture = fit(Image.fromarray(values).convert("RGB"), recipe.image_size)
        row = {"image": encode(np.asarray(picture)), "class": NAMES[label], "source": "scikit-learn"}
        splits["test" if in_test else "train"].append(finished(row, NAMES, number))
    write_dataset(DATASETS / recipe.name, splits, NAMES, card(recipe, splits))
    print(f"{DATASETS / recipe.name}: {', '.join(f'{len(rows)} {name}' for name, rows in splits.items())}")


def card(recipe: Recipe, splits: dict[str, list[dict]]) -> str:
    """The dataset's card, with the front matter that the Hub reads."""
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in splits.items())
    return f"""{front_matter(splits, "cc-by-4.0", ["image-classification", "unconditional-image-generation"])}

# {recipe.name}

Handwritten digits, those of scikit-learn's `load_digits`: 8x8, enlarged to {recipe.image_size}x{recipe.image_size}.

{counts}. The test split is a fixed fifth by content.

Source: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998.
"""


if __name__ == "__main__":
    main()
