"""Make a dataset of breeds: rendered heads, photos in a folder for each breed, or any image dataset on the Hub.

    python training/make_mammals.py --name mammals --count 600
    python training/make_mammals.py --name pets-heads --source folder PHOTOS        (as `prepare_photos.py` leaves them)
    python training/make_mammals.py --name their-pets --source hub ID

Of near-duplicate photos one is kept. A fifth of all, by content, becomes the test split; no rendered animal is in two
pictures, so that those of the test split were never seen. A render that was killed goes on with the same command.
"""

from dataclasses import dataclass

from labelled import LabelledRecipe, Labels, make
from options import option, parse, run
from worlds import mammals


@dataclass
class Recipe(LabelledRecipe):
    """What to make."""

    image_size: int = option(128, "side of rendered pictures, and short side of photos, in pixels", range=(32, 512))
    excerpt_count: int = option(30, "pictures of each breed in the excerpt", range=(1, 100_000))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]), BREEDS)


BREEDS = Labels(
    mammals,
    "breed",
    mammals.NAMES,
    f"Rendered heads of dogs and cats: {len(mammals.NAMES)} breeds, each picture another animal, turned and nodding by "
    "up to 45 degrees, in changing light and places, with the factors that made each picture. Breed, individual and "
    "pose are independent: `worlds.mammals.swapped` gives any animal in any other's pose.",
    "Pictures of {count} breeds.",
    ("image-classification", "unconditional-image-generation"),
)


if __name__ == "__main__":
    main()
