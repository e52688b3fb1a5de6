"""Prepare photos of animals for the other recipes: heads cut out, backgrounds, copies and other pictures taken away.

    python training/prepare_photos.py --name dogs --source Images --boxes Annotation
    python training/prepare_photos.py --name heads --source images --boxes annotations/xmls --class-name cat
    python training/prepare_photos.py --name cats --source WEB --examples GOOD --counterexamples BAD --weights FILE
    python training/prepare_photos.py --name cut-out --source images --background remove --masks annotations/trimaps

Writes runs/photos/NAME/CLASS/STEM.png, for further boxes of a photo STEM-2.png and on; runs/photos/NAME/report.jsonl
says what became of each photo. A class is the photo's folder, else the box's name. What was stopped, even by kill -9,
goes on with the same command; so does one whose source has more photos now. The source stays as it is.

Without boxes photos stay whole, in their own proportions. Squares that do not fit into a photo go on with the colours
of its edge, or with --color where the background is taken away. Whether a photo is wanted, and whether two are the
same, is seen from whole photos, whatever is cut out.
"""

import os
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path, PurePath

import numpy as np
import torch
from options import option, parse, run
from photo_backgrounds import MaskError, Segmenter, alpha_of_mask, mask_file, on_color, segmenter
from photo_boxes import BoxError, FolderOfBoxes, Found, TableOfBoxes
from photo_crops import Square, crop, shrunk, square_around
from photo_filter import SIZE, learn_filter, pictures_of, seen, wanted
from photo_report import BAD, FILTERED, KEPT, UNBOXED, Report, Result, look_of
from PIL import Image, ImageColor
from sources import SUFFIXES
from tables import encode
from tqdm import tqdm

from betwixt.classifier import ImageClassifier
from betwixt.images import ImageError, open_image

PHOTOS = Path("runs/photos")
ALONE = 60  # photos that one process has made before others have started


@dataclass
class Recipe:
    """What to make of which photos."""

    name: str = option(help="the photos are written to runs/photos/NAME")
    source: str = option(help="the folder of photos, or of folders of them")
    class_name: str | None = option(None, "of all photos; default: the photo's folder, else the box's name")
    boxes: str | None = option(None, "a folder of annotations (Pascal VOC's XML, or nine points), or a CSV")
    box_column: str | None = option(None, "of a CSV: four numbers relative to the photo; default: see photo_boxes.py")
    margin: float = option(0.1, "left free on each side of a box, in sides of the box", range=(0.0, 2.0))
    image_size: int = option(128, "side of a crop, and short side of a whole photo, in pixels", range=(16, 2048))
    enlarge: bool = option(False, "also enlarge what is smaller")
    background: str = option(
        "keep", "keep it, or remove it by --masks, else by --segmenter", choices=("keep", "remove")
    )
    color: str = option("white", "of what was removed, a name or #rrggbb")
    masks: str | None = option(None, "a folder of PNGs of the photos' stems: masks of 0 to 255, or Oxford's trimaps")
    segmenter: str | None = option(None, "a network of the transformers library, for photos without a mask")
    segments: list[str] = option(["cat", "dog", "animal"], "what the segmenter names and is kept")
    trust_remote_code: bool = option(False, "run the code that the segmenter's repository brings")
    examples: str | None = option(None, "a folder of wanted photos, at least 8: keep only photos like them")
    counterexamples: str | None = option(None, "a folder of unwanted pictures, at least 8")
    weights: str | None = option(None, "ImageNet weights of SqueezeNet for that; default: download them")
    threshold: float = option(0.5, "probability of being wanted from which a photo is kept", range=(0.0, 1.0))
    near_duplicates: str = option("drop", "drop all but the first of each group", choices=("drop", "keep"))
    format: str = option("png", "of what is written; both are lossless", choices=("png", "webp"))
    processes: int | None = option(None, "that work at a time; default: one for each core", range=(1, 256))


@dataclass(frozen=True)
class Task:
    """A photo, by its path below the source, and the class and stem of what is made of it."""

    file: str
    class_name: str | None
    stem: str


@dataclass
class Maker:
    """Makes what is wanted of one photo after another, in any process."""

    recipe: Recipe
    boxes: FolderOfBoxes | TableOfBoxes | None
    judge: ImageClassifier | None
    segment: Segmenter | None

    def __call__(self, task: Task) -> Result:
        photo, result = PurePath(task.file), Result(task.file, task.stem)
        found = self.boxes.of(photo) if self.boxes else None
        if found:
            result.faults += found.faults
            if not found.boxes:
                result.outcome = BAD if found.faults else UNBOXED
                return result
        # Boxes are in the pixels of the file, which a JPEG that is decoded at a half no longer has.
        min_side = None if found else max(SIZE, self.recipe.image_size)
        try:
            picture = open_image(Path(self.recipe.source) / photo, min_side=min_side)
            if self.judge and wanted(self.judge, [seen(picture)]) < self.recipe.threshold:
                result.outcome = FILTERED
                return result
            places = self._places(found, picture.size, result.faults) if found else [(None, None)]
            if places:
                pixels, alpha = np.asarray(picture), self._alpha(picture, photo)
                for number, (name, square) in enumerate(places, 1):
                    cut = self._cut(pixels, alpha, square)
                    result.crops.append(self._write(cut, task, number, name))
                result.outcome, result.look = KEPT, look_of(picture)
        except (ImageError, MaskError) as error:
            result.faults.append(str(error))
        return result

    def _places(self, found: Found, size: tuple[int, int], faults: list[str]) -> list[tuple[str | None, Square]]:
        """The name and the square of each box that can be used; what is wrong with another is added to `faults`."""
        places = []
        for box in found.boxes:
            try:
                places.append((box.name, square_around(box.within(*size), self.recipe.margin, *size)))
            except BoxError as error:
                faults.append(str(error))
        return places

    def _alpha(self, picture: Image.Image, photo: PurePath) -> np.ndarray | None:
        if self.recipe.background == "keep":
            return None
        file = mask_file(Path(self.recipe.masks), photo) if self.recipe.masks else None
        if file:
            return alpha_of_mask(file, picture.size)
        if self.segment is None:
            raise MaskError("it has no mask")
        return self.segment(picture)

    def _cut(self, pixels: np.ndarray, alpha: np.ndarray | None, square: Square | None) -> Image.Image:
        if square:
            pixels = crop(pixels, square, mode="edge")
            alpha = None if alpha is None else crop(alpha, square)
        if alpha is not None:
            pixels = on_color(pixels, alpha, ImageColor.getrgb(self.recipe.color)[:3])
        return shrunk(Image.fromarray(pixels), self.recipe.image_size, self.recipe.enlarge)

    def _write(self, picture: Image.Image, task: Task, number: int, name: str | None) -> str:
        class_name = task.class_name or folder_name(name or Path(self.recipe.source).resolve().name)
        stem = task.stem if number == 1 else f"{task.stem}-{number}"
        file = PHOTOS / self.recipe.name / class_name / f"{stem}.{self.recipe.format}"
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.incomplete")
        if self.recipe.format == "webp":
            temporary.write_bytes(encode(np.asarray(picture)))
        else:
            picture.save(temporary, "PNG")
        temporary.rename(file)
        return f"{class_name}/{file.name}"


def main() -> None:
    run(prepare, parse(Recipe, {}, __doc__.splitlines()[0]))


def prepare(recipe: Recipe) -> None:
    """Make what is not made yet, drop near-duplicates, and say what became of all photos.

    Raises:
        ValueError: options that do not go together, or another recipe's folder.
        FileNotFoundError: what an option names is not there.
    """
    check(recipe)
    out, source = PHOTOS / recipe.name, Path(recipe.source)
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"{source}: no pictures ({', '.join(sorted(SUFFIXES))})")
    report = Report(out, {key: value for key, value in asdict(recipe).items() if key != "processes"})
    todo = [task for task in tasks(files, recipe, report.results) if not report.is_done(task.file)]
    for result in made(todo, recipe):
        report.add(result)
        for fault in result.faults:
            print(f"skipped {result.file}: {fault}", file=sys.stderr)
    if recipe.near_duplicates == "drop":
        report.drop_near_duplicates()
    print(f"{out}: {report.summary()}")


def check(recipe: Recipe) -> None:
    """Find what is wrong with the options before any photo is opened. Raises as `prepare`."""
    for path in (recipe.source, recipe.boxes, recipe.masks, recipe.examples, recipe.counterexamples, recipe.weights):
        if path and not Path(path).exists():
            raise FileNotFoundError(f"{path} is not there")
    if (PHOTOS / recipe.name).resolve().is_relative_to(Path(recipe.source).resolve()):
        raise ValueError(f"{PHOTOS / recipe.name} is inside of {recipe.source}, which must stay as it is")
    if recipe.background == "remove" and not (recipe.masks or recipe.segmenter):
        raise ValueError("--background remove needs --masks or --segmenter")
    if bool(recipe.examples) != bool(recipe.counterexamples):
        raise ValueError("--examples and --counterexamples go together")
    ImageColor.getrgb(recipe.color)


def tasks(files: Sequence[PurePath], recipe: Recipe, known: Mapping[str, Result]) -> Iterator[Task]:
    """Every photo, and names for what is made of it that no other has; those `known` keep theirs."""
    classes = {file: recipe.class_name or file.parent.name or None for file in files}
    taken: dict[str, set[str | None]] = defaultdict(set)
    for file in files:
        if result := known.get(file.as_posix()):
            taken[result.stem].add(classes[file])
    for file, name in classes.items():
        result = known.get(file.as_posix())
        stem = result.stem if result else _free_stem(file.stem, name, taken, recipe)
        taken[stem].add(name)
        yield Task(file.as_posix(), folder_name(name) if name else None, stem)


def _free_stem(stem: str, class_name: str | None, taken: defaultdict[str, set[str | None]], recipe: Recipe) -> str:
    if recipe.boxes and re.search(r"-\d+$", stem):
        stem += "_"  # or else it might be another photo's second box
    # A photo without a class of its own may get any.
    while {class_name, None} & taken[stem] or (class_name is None and taken[stem]):
        stem += "_"
    return stem


def folder_name(text: str) -> str:
    """A class as a folder's name, whatever an annotation says: it leads nowhere else."""
    return re.sub(r"[^\w .()+-]", "_", text).strip(" .")[:100] or "unnamed"


def made(todo: Sequence[Task], recipe: Recipe) -> Iterator[Result]:
    """What becomes of each photo, by as many processes as are worth it.

    Raises:
        OSError: a process died.
    """
    if not todo:
        return
    maker = maker_of(recipe)
    processes = recipe.processes or ((os.cpu_count() or 1) if len(todo) > ALONE else 1)
    progress = {"total": len(todo), "unit": "photo", "disable": None}
    if processes == 1 or maker.segment:  # a segmenter takes all cores, and much memory
        yield from tqdm(map(maker, todo), **progress)
        return
    spawn = get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_start, initargs=(maker,)) as pool:
            yield from tqdm(pool.map(_make, todo, chunksize=4), **progress)
    except BrokenProcessPool:
        raise OSError("a process died, perhaps of too little memory: try again with fewer --processes") from None


def maker_of(recipe: Recipe) -> Maker:
    """Load and learn what the recipe asks for. Raises as `TableOfBoxes`, `learn_filter` and `segmenter`."""
    boxes = judge = segment = None
    if recipe.boxes:
        path = Path(recipe.boxes)
        boxes = FolderOfBoxes(path) if path.is_dir() else TableOfBoxes(path, recipe.box_column)
    if recipe.examples and recipe.counterexamples:
        judge = learn_filter(pictures_of(recipe.examples), pictures_of(recipe.counterexamples), recipe.weights)
    if recipe.segmenter and recipe.background == "remove":
        segment = segmenter(recipe.segmenter, recipe.segments, recipe.trust_remote_code)
    return Maker(recipe, boxes, judge, segment)


def _start(maker: Maker) -> None:
    """Make this process one that works for another, and ends with it even if that is killed."""
    global _maker
    _maker = maker
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _make(task: Task) -> Result:
    return _maker(task)


if __name__ == "__main__":
    main()
