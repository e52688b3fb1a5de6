"""Make a dataset of places: rendered, from a folder of photos, or from any image dataset on the Hub.

    python training/make_landmarks.py --name landmarks --count 10
    python training/make_landmarks.py --name landmarks-photos --source folder PHOTOS
    python training/make_landmarks.py --name their-places --source hub ID

PHOTOS holds a folder of pictures for each place. Of near-duplicates one is kept, since finding a copy is no art. A
fifth of all, by content, becomes the test split. A render that was killed goes on with the same command.
"""

from labelled import LabelledRecipe, Labels, make
from options import parse, run
from worlds import landmarks


def main() -> None:
    run(make, parse(LabelledRecipe, {}, __doc__.splitlines()[0]), PLACES)


PLACES = Labels(
    landmarks,
    "place",
    landmarks.PLACES,
    f"Rendered landmarks: {len(landmarks.STRUCTURES)} kinds of structure, {landmarks.INDIVIDUALS} places of each, "
    "seen from all sides, near and far, in every season and light, with the factors that made each picture.",
    "Pictures of {count} places.",
    ("image-feature-extraction", "image-classification"),
)


if __name__ == "__main__":
    main()
