"""Render examples of Mammal Swap, one of each breed named, and what the world has where any two of them are swapped.

    python training/make_swap_examples.py --output spaces/mammal-swap/examples

writes NN_BREED.png, and targets/NN_MM.webp: the animal of example NN in the pose, light and place of example MM.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from options import option, parse, run
from PIL import Image
from tables import encode
from worlds import mammals
from worlds.factors import Factors

from betwixt.images import from_bytes, to_images

BREEDS = ["husky", "corgi", "scottish_fold", "golden_retriever", "turkish_van", "border_collie", "toyger", "dalmatian"]
BREEDS += ["chartreux", "poodle"]
QUALITY = 85  # of the targets' WebP


@dataclass
class Recipe:
    """What to render."""

    output: str = option(help="a folder; of the same names, pictures in it are replaced")
    breeds: list[str] = option(BREEDS, "in their order")
    image_size: int = option(256, "side of the examples; targets have half of it", range=(32, 512))
    seed: int = option(7, "of the animals and their poses", range=(0, 2**31 - 1))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Render and write."""
    folder = Path(recipe.output)
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    drawn = [mammals.sample_factors(1, recipe.seed, name, start=n).rows[0] for n, name in enumerate(recipe.breeds)]
    factors = Factors(tuple(drawn))
    for number, (name, picture) in enumerate(zip(recipe.breeds, rendered(factors, recipe.image_size), strict=True)):
        picture.save(folder / f"{number:02}_{name}.png", optimize=True)
    pairs = [(a, b) for a in range(len(factors)) for b in range(len(factors)) if a != b]
    first, second = (factors[list(side)] for side in zip(*pairs, strict=True))
    targets = rendered(mammals.swapped(first, second), recipe.image_size // 2)
    for (a, b), picture in zip(pairs, targets, strict=True):
        (folder / "targets" / f"{a:02}_{b:02}.webp").write_bytes(encode(np.asarray(picture), QUALITY))
    print(f"{folder}: {len(factors)} examples and {len(pairs)} targets")


def rendered(factors: Factors, side: int) -> list[Image.Image]:
    """Pictures of the factors."""
    return to_images(from_bytes(mammals.render(factors, side, processes=torch.get_num_threads())))


if __name__ == "__main__":
    main()
