"""Boxes around what photos show, in the forms in which datasets of animals have them.

A folder holds a file for each photo, below it as the photo is below its own folder, or by its name alone:

    PHOTO            without a suffix: Pascal VOC's XML, as Stanford Dogs has it
    PHOTO.xml        the same, as Oxford-IIIT Pet has it
    PHOTO.jpg.cat    nine points of a head, as the "cat dataset" of Zhang, Sun and Tang (2008) has them

Or a CSV has a row for each box: the photo's path in the column `file`, and x0, y0, x1, y1 in pixels, or one column of
four numbers relative to the photo's size.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MOST_BYTES = 1 << 20  # of one photo's file
EDGES = ("x0", "y0", "x1", "y1")
RELATIVE = "rel_x0y0x1y1"  # how a column of relative boxes ends, unless it is named
NUM_POINTS = 9
CHIN = 0.5  # how far below a cat's mouth its chin is, in distances from eyes to mouth
TOLERANCE = 0.02  # in proportions, which rounding changes


class BoxError(ValueError):
    """A box that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Box:
    """Edges, left and top to right and bottom, in a photo of `size` (width, height); None: of the photo's own size."""

    edges: tuple[float, float, float, float]
    name: str | None = None
    size: tuple[float, float] | None = None

    def within(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The edges in pixels of the photo as it is, clipped.

        Raises:
            BoxError: nothing of the box is inside, or it belongs to a photo of other proportions.
        """
        x0, y0, x1, y1 = self.edges
        if self.size:
            if self.size != (1, 1) and not same_proportions(self.size, (width, height)):
                raise BoxError(f"the box is of a picture of {self.size[0]:g}x{self.size[1]:g}, not {width}x{height}")
            across, down = width / self.size[0], height / self.size[1]
            x0, y0, x1, y1 = x0 * across, y0 * down, x1 * across, y1 * down
        if x1 <= x0 or y1 <= y0:
            raise BoxError(f"the box {_shown(self.edges)} is empty")
        clipped = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
        if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
            raise BoxError(f"the box {_shown(self.edges)} is outside the picture of {width}x{height}")
        return clipped


@dataclass
class Found:
    """What is known of one photo: its boxes, and what was wrong with others."""

    boxes: list[Box] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def same_proportions(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether pictures of these (width, height) may be the same one at two sizes."""
    return abs(first[0] * second[1] / (first[1] * second[0]) - 1) < TOLERANCE


class FolderOfBoxes:
    """A file of annotations for each photo."""

    def __init__(self, folder: Path):
        self.folder = folder

    def of(self, photo: PurePath) -> Found:
        """What is known of a photo, given by its path below the folder of photos; nothing of one that has no file."""
        for name in (photo.with_suffix(""), photo.with_suffix(".xml"), photo.with_name(f"{photo.name}.cat")):
            for file in (self.folder / name, self.folder / name.name):
                if file.is_file():
                    return _read(file)
        return Found()


class TableOfBoxes:
    """A CSV.

    Args:
        column: holds relative boxes; default: `x0`, `y0`, `x1`, `y1`, or the first whose name ends as RELATIVE.

    Raises:
        ValueError: it is no CSV with such columns.
    """

    def __init__(self, file: Path, column: str | None = None):
        self.found: dict[str, Found] = defaultdict(Found)
        try:
            with open(file, newline="", encoding="utf-8-sig") as lines:
                rows = csv.DictReader(lines)
                columns = rows.fieldnames or []
                if column is None and not set(EDGES) <= set(columns):
                    column = next((name for name in columns if name.endswith(RELATIVE)), None)
                needed = {"file", *(EDGES if column is None else [column])}
                if not needed <= set(columns):
                    raise ValueError(f"{file} has no column {', '.join(sorted(needed - set(columns)))}")
                for row in rows:
                    self._add(row, column)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{file} is no CSV: {error}") from None

    def _add(self, row: dict, column: str | None) -> None:
        values = [row[name] for name in EDGES] if column is None else (row[column] or "").replace(",", " ").split()
        if not any(values):  # a photo that was not annotated
            return
        found = self.found[PurePath(row["file"] or "").as_posix()]
        try:
            found.boxes.append(Box(_edges(values), size=None if column is None else (1, 1)))
        except BoxError as error:
            found.faults.append(str(error))

    def of(self, photo: PurePath) -> Found:
        """What is known of a photo, given by its path below the folder of photos."""
        return self.found.get(photo.as_posix(), Found())


def _read(file: Path) -> Found:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BoxError(f"it is larger than {MOST_BYTES >> 20} MiB")
        data = file.read_bytes()
        if file.suffix == ".cat":
            return Found([head_of_points(data.decode("ascii", "replace"))])
        return boxes_of_xml(data)
    except (BoxError, OSError) as error:
        return Found(faults=[f"{file.name}: {error}"])


def head_of_points(line: str) -> Box:
    """The head of a cat from a line `9 x0 y0 ... x8 y8`: left eye, right eye, mouth, three of each ear.

    It holds all points, and the chin.

    Raises:
        BoxError: there are not nine points.
    """
    count, *values = line.split() or [""]
    if count != str(NUM_POINTS) or len(values) != 2 * NUM_POINTS:
        raise BoxError(f"not {NUM_POINTS} points")
    numbers = [_number(value) for value in values]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    (left_x, left_y), (right_x, right_y), (mouth_x, mouth_y) = points[:3]
    chin_x = mouth_x + CHIN * (mouth_x - (left_x + right_x) / 2)
    chin_y = mouth_y + CHIN * (mouth_y - (left_y + right_y) / 2)
    across, down = zip(*points, (chin_x, chin_y), strict=True)
    return Box((min(across), min(down), max(across), max(down)))


def boxes_of_xml(data: bytes) -> Found:
    """The boxes of a file of Pascal VOC's; what is wrong with one of them costs none of the others.

    Raises:
        BoxError: it is no XML, declares a type or entities, or has no object.
    """
    root = _parsed(data)
    width, height = (root.findtext(f"size/{side}", "0") for side in ("width", "height"))
    size = (_number(width), _number(height))
    found = Found()
    for thing in root.iter("object"):
        try:
            edges = _edges([thing.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")])
            found.boxes.append(Box(edges, thing.findtext("name"), size if min(size) > 0 else None))
        except BoxError as error:
            found.faults.append(str(error))
    if not found.boxes and not found.faults:
        raise BoxError("it has no object")
    return found


def _parsed(data: bytes) -> Element:
    """The root of an XML; entities, which may blow up or read other files, need a DOCTYPE, and none passes."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except BoxError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two of encodings
        raise BoxError(f"it is no XML: {error}") from None
    return builder.close()


def _refuse(*declaration: object) -> None:
    raise BoxError("it has a DOCTYPE, which is never read")


def _edges(values: Sequence[str | None]) -> tuple[float, float, float, float]:
    if len(values) != 4:
        raise BoxError(f"a box has 4 numbers, not {len(values)}")
    x0, y0, x1, y1 = map(_number, values)
    return x0, y0, x1, y1


def _number(text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BoxError(f"{text!r} is no number")
    return value


def _shown(edges: Sequence[float]) -> str:
    return " ".join(f"{edge:g}" for edge in edges)
