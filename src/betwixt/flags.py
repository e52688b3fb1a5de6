"""The flags of the world by construction: a line of text each, drawn by a small grammar of bands, crosses and stars.

`flags.txt` has one flag a line, `code | name | ratio | layout | palette | field | emblem`:

- ratio: width by height; palette: colours as hexadecimal digits; in commands, a colour is its place in the palette.
- field: commands, separated by semicolons, painted one over the other. x is a share of the width, y of the height, a
  length or radius of the height.
- emblem: `x y size: commands`, what a flag can lend to another. Its commands have their origin at (x, y), size is 1.

Commands (colour c; what is in brackets may be left out):

    h c[*weight] ...            bands from top to bottom      v c[*weight] ...       bands from hoist to fly
    cross c w [x y]             arms of width w               saltire c w            the two diagonals
    diagonal c w [-1]           from the lower hoist; -1: from the upper
    triangle c depth [tip]      at the hoist; depth a share of the width; tip: how high the cut-off tip is
    teeth c x n depth           fly with n teeth that point to the hoist, from x
    union x0 y0 x1 y1 b w r     the Union Flag                border c w
    wave c y w height count [x] a band across that goes up and down, from x
    rect c x0 y0 x1 y1          polygon c x y x y ...         line c w x y x y ...
    disc c x y r [from to]      ring c x y r w                ellipse c x y rx ry
    star c x y r [points turn inner]                          stars c r x y x y ...
    sun c x y r rays [inner]    crescent c x y r shift [share turn]
    shield c x y r              leaf c x y r                  tree c x y r           bird c x y r       beast c x y r
"""

import colorsys
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FILE = Path(__file__).with_suffix(".txt")
OVERSAMPLING = 4
SIZE = (96, 64)  # width and height, in pixels, to which all flags are squashed
COLORS = {  # name -> up to which hue, in degrees; the grey ones have none
    "red": 18, "orange": 38, "yellow": 66, "green": 170, "blue": 262, "violet": 320, "black": 0, "white": 0,
}  # fmt: skip
GOOD_PART = 0.08  # of the field
FIELDS = ("code", "name", "ratio", "layout", "palette", "field", "emblem")

Command = tuple[str, tuple[float, ...]]
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Emblem:
    """What is drawn at (x, y), shares of width and height; `size`, of the height, is the unit of its commands."""

    x: float
    y: float
    size: float
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Flag:
    """One flag; see the module for its parts. `same_as`: the code of the flag that has the same design."""

    code: str
    name: str
    ratio: float
    layout: str
    palette: tuple[Color, ...]
    field: tuple[Command, ...]
    emblem: Emblem | None = None
    same_as: str | None = None


def draw(flag: Flag, size: tuple[int, int] = SIZE) -> Image.Image:
    """The flag, squashed to `size` (width, height) pixels."""
    width, height = (side * OVERSAMPLING for side in size)
    image = Image.new("RGB", (width, height), flag.palette[0])
    units = width / flag.ratio, height
    canvas = Canvas(image, flag.palette, (0.0, 0.0), (width, height), units)
    canvas.paint(flag.field)
    if flag.emblem:
        own = tuple(unit * flag.emblem.size for unit in units)
        replace(canvas, origin=(flag.emblem.x * width, flag.emblem.y * height), places=own, units=own).paint(
            flag.emblem.commands
        )
    return image.resize(size, Image.Resampling.BOX)


def areas(flag: Flag) -> np.ndarray:
    """(len(palette),) the share of the field that each colour fills, without the emblem."""
    marked = tuple((index, 0, 0) for index in range(len(flag.palette)))
    picture = np.asarray(draw(replace(flag, palette=marked, emblem=None)))[..., 0]
    return np.bincount(picture.flatten(), minlength=len(marked)) / picture.size


def palette_label(flag: Flag) -> str:
    """The names of the colours that fill a good part of the field, as "red+white+blue"."""
    filled = dict.fromkeys(COLORS, 0.0)
    for color, area in zip(flag.palette, areas(flag), strict=True):
        filled[color_name(color)] += area
    return "+".join(name for name, area in filled.items() if area > GOOD_PART)


def color_name(color: Color) -> str:
    """One of COLORS."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in color))
    if lightness > 0.85 or (saturation < 0.15 and lightness > 0.6):
        return "white"
    if lightness < 0.1 or saturation < 0.15:
        return "black"
    return next((name for name, end in COLORS.items() if hue * 360 < end), "red")


@dataclass(frozen=True)
class Canvas:
    """Where commands paint: pixels of 1 in x and y of a place, and of 1 in x and y of a length."""

    image: Image.Image
    palette: tuple[Color, ...]
    origin: tuple[float, float]
    places: tuple[float, float]
    units: tuple[float, float]

    def paint(self, commands: Sequence[Command]) -> None:
        for name, numbers in commands:
            COMMANDS[name].paint(self, *numbers)

    def color(self, index: float) -> Color:
        return self.palette[int(index)]

    def fill(self, color: float, points: np.ndarray) -> None:
        """Fill the polygon of places (N, 2), in pixels."""
        ImageDraw.Draw(self.image).polygon([tuple(point) for point in points.tolist()], fill=self.color(color))

    def at(self, x: float, y: float, offsets: np.ndarray | Sequence = ((0.0, 0.0),)) -> np.ndarray:
        """(N, 2) offsets, in lengths, from a place -> pixels."""
        return np.asarray(self.origin) + np.multiply((x, y), self.places) + np.asarray(offsets) * self.units

    def corners(self, *places: float) -> np.ndarray:
        """x y x y ... -> (N, 2) pixels."""
        return np.asarray(self.origin) + np.reshape(places, (-1, 2)) * self.places


# Commands


def bands(canvas: Canvas, upright: bool, *colors_and_weights: float) -> None:
    pairs = np.reshape(colors_and_weights, (-1, 2))
    ends = np.concatenate([[0], pairs[:, 1].cumsum() / pairs[:, 1].sum()])
    for (color, _), (start, end) in zip(pairs, pairwise(ends), strict=True):
        rectangle(canvas, color, *((start, 0, end, 1) if upright else (0, start, 1, end)))


def rectangle(canvas: Canvas, color: float, x0: float, y0: float, x1: float, y1: float) -> None:
    canvas.fill(color, canvas.corners(x0, y0, x1, y0, x1, y1, x0, y1))


def cross(canvas: Canvas, color: float, width: float, x: float = 0.5, y: float = 0.5) -> None:
    ends = (0, width / 2), (1, -width / 2)
    canvas.fill(color, np.concatenate([canvas.at(x, end, [[-side, 0], [side, 0]]) for end, side in ends]))
    canvas.fill(color, np.concatenate([canvas.at(end, y, [[0, -side], [0, side]]) for end, side in ends]))


def diagonal(canvas: Canvas, color: float, width: float, direction: float = 1) -> None:
    ends = ((0.0, 1.0), (1.0, 0.0)) if direction > 0 else ((0.0, 0.0), (1.0, 1.0))
    stroke(canvas, color, width, *ends[0], *ends[1], beyond=0.3)


def saltire(canvas: Canvas, color: float, width: float) -> None:
    for direction in (1, -1):
        diagonal(canvas, color, width, direction)


def stroke(canvas: Canvas, color: float, width: float, *places: float, beyond: float = 0.0) -> None:
    ratio = np.divide(canvas.places, canvas.units)
    points = np.reshape(places, (-1, 2)) * ratio  # in lengths, where an angle is an angle
    for start, end in pairwise(points):
        along = (end - start) / np.linalg.norm(end - start)
        across = np.array([-along[1], along[0]]) * width / 2
        start, end = start - beyond * along, end + beyond * along
        canvas.fill(color, canvas.at(0, 0, [start + across, end + across, end - across, start - across]))


def triangle(canvas: Canvas, color: float, depth: float, tip: float = 0.0) -> None:
    canvas.fill(color, canvas.corners(0, 0, depth, 0.5 - tip / 2, depth, 0.5 + tip / 2, 0, 1))


def teeth(canvas: Canvas, color: float, x: float, count: float, depth: float) -> None:
    steps = np.arange(2 * int(count) + 1) / (2 * int(count))
    edge = [value for i, y in enumerate(steps) for value in (x + depth * (i % 2), y)]
    canvas.fill(color, canvas.corners(*edge, 1, 1, 1, 0))


def wave(canvas: Canvas, color: float, y: float, width: float, height: float, count: float, x0: float = 0) -> None:
    x = np.linspace(x0, 1, 97)
    middle = y - height * np.cos(2 * math.pi * count * (x - x0) / (1 - x0))
    upper, lower = (np.stack([x, middle + side * width / 2], 1) for side in (-1, 1))
    canvas.fill(color, canvas.corners(*np.concatenate([upper, lower[::-1]]).flatten()))


def border(canvas: Canvas, color: float, width: float) -> None:
    x = width * canvas.units[0] / canvas.places[0]
    for place in ((0, 0, 1, width), (0, 1 - width, 1, 1), (0, 0, x, 1), (1 - x, 0, 1, 1)):
        rectangle(canvas, color, *place)


def union(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, blue: float, white: float, red: float) -> None:
    """The red saltire lies on the one side of the white one's middle, and changes it there."""
    width, height = (round(side) for side in ((x1 - x0) * canvas.places[0], (y1 - y0) * canvas.places[1]))
    image = Image.new("RGB", (max(1, width), max(1, height)), canvas.color(blue))
    inner = Canvas(image, canvas.palette, (0, 0), (width, height), (width / 2, height))
    saltire(inner, white, 0.2)
    for turned in (False, True):
        for ends in (((0, 0), (0.5, 0.5)), ((1, 0), (0.5, 0.5))):
            (ax, ay), (bx, by) = [(1 - x, 1 - y) if turned else (x, y) for x, y in ends]
            along = np.array([(bx - ax) * 2, by - ay])
            along /= np.linalg.norm(along)
            across = np.array([-along[1], along[0]]) / 15
            a, b = inner.at(ax, ay, [-along, -along + across]), inner.at(bx, by, [across, 0 * across])
            inner.fill(red, np.concatenate([a, b]))
    cross(inner, white, 1 / 3)
    cross(inner, red, 0.2)
    corner = canvas.corners(x0, y0)[0]
    canvas.image.paste(image, tuple(corner.round().astype(int).tolist()))


def polygon(canvas: Canvas, color: float, *places: float) -> None:
    canvas.fill(color, canvas.corners(*places))


def ellipse(canvas: Canvas, color: float, x: float, y: float, rx: float, ry: float) -> None:
    canvas.fill(color, canvas.at(x, y, _circle(48) * (rx, ry)))


def disc(canvas: Canvas, color: float, x: float, y: float, r: float, start: float = 0, end: float = 360) -> None:
    canvas.fill(color, canvas.at(x, y, _arc(start, end) * r))


def ring(canvas: Canvas, color: float, x: float, y: float, r: float, width: float) -> None:
    around = _circle(48)
    inner = around[::-1] * (r - width)
    canvas.fill(color, canvas.at(x, y, np.concatenate([around * r, around[:1] * r, inner[-1:], inner])))


def star(
    canvas: Canvas, color: float, x: float, y: float, r: float, points: float = 5, turn: float = 0, inner: float = 0.382
) -> None:
    canvas.fill(color, canvas.at(x, y, _star(int(points), turn, inner) * r))


def stars(canvas: Canvas, color: float, r: float, *places: float) -> None:
    for x, y in np.reshape(places, (-1, 2)):
        star(canvas, color, x, y, r)


def sun(canvas: Canvas, color: float, x: float, y: float, r: float, rays: float, inner: float = 0.6) -> None:
    star(canvas, color, x, y, r, rays, 0, inner)


def crescent(
    canvas: Canvas, color: float, x: float, y: float, r: float, shift: float, share: float = 0.8, turn: float = 0
) -> None:
    """A disc less one of `share` of its radius, moved by `shift` radii towards `turn` degrees, clockwise from fly."""
    away = abs(shift) or 1e-9
    # Where the circles meet, as angles seen from the middle of each; where they do not, one end of both.
    cosines = (1 + away**2 - share**2) / (2 * away), (1 - away**2 - share**2) / (2 * away * share)
    outer, inner = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    around, hole = _arc(outer, 360 - outer)[:-1], _arc(inner, 360 - inner)[-2::-1] * share + (abs(shift), 0)
    shape = np.concatenate([around, hole]) * (math.copysign(1, shift), 1)
    angle = math.radians(turn)
    turned = shape @ [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    canvas.fill(color, canvas.at(x, y, turned * r))


def outline(points: Sequence[float]) -> Callable:
    """A command that fills a fixed outline of lengths, given by its right half from top to bottom, mirrored."""
    half = np.reshape(points, (-1, 2))
    return silhouette(np.concatenate([half, half[::-1] * (-1, 1)]))


def silhouette(points: Sequence[float] | np.ndarray) -> Callable:
    """A command that fills a fixed outline of lengths."""
    whole = np.reshape(points, (-1, 2))
    return lambda canvas, color, x, y, r: canvas.fill(color, canvas.at(x, y, whole * r))


SHIELD = (0, -1, 0.75, -1, 0.75, 0.1, 0.6, 0.5, 0.3, 0.8, 0, 1)
LEAF = (
    0, -1, 0.18, -0.65, 0.38, -0.75, 0.28, -0.2, 0.55, -0.45, 0.62, -0.3, 0.95, -0.35, 0.85, -0.05, 1, 0.05, 0.5, 0.42,
    0.55, 0.6, 0.05, 0.52, 0.05, 1,
)  # fmt: skip
TREE = (0, -1, 0.3, -0.6, 0.2, -0.6, 0.6, -0.2, 0.4, -0.2, 0.9, 0.25, 0.6, 0.3, 1, 0.6, 0.15, 0.6, 0.15, 1)
BIRD = (
    -1, -0.6, -0.4, -0.45, -0.15, -0.2, 0, -0.7, 0.15, -0.2, 0.4, -0.45, 1, -0.6, 0.85, 0, 0.5, 0.3, 0.3, 0.35, 0.25,
    0.9, 0, 0.6, -0.25, 0.9, -0.3, 0.35, -0.5, 0.3, -0.85, 0,
)  # fmt: skip
BEAST = (  # a lion that walks towards the hoist, a paw and the tail raised
    -0.95, -0.4, -0.85, -0.75, -0.6, -0.95, -0.35, -0.85, -0.2, -0.55, 0.1, -0.4, 0.5, -0.4, 0.7, -0.5, 0.75, -0.8, 0.6,
    -0.95, 0.75, -1, 0.95, -0.8, 0.9, -0.4, 0.75, -0.1, 0.7, 0.25, 0.85, 0.5, 0.8, 0.95, 0.5, 0.95, 0.6, 0.75, 0.5, 0.4,
    0.3, 0.2, -0.15, 0.25, -0.15, 0.8, -0.05, 0.95, -0.4, 0.95, -0.4, 0.25, -0.6, 0.1, -0.8, 0.35, -0.95, 0.25, -0.75,
    -0.05, -0.7, -0.2, -0.9, -0.2,
)  # fmt: skip


@cache
def _circle(count: int) -> np.ndarray:
    angle = np.arange(count) * 2 * math.pi / count
    return np.stack([np.cos(angle), np.sin(angle)], 1)


@cache
def _arc(start: float, end: float, count: int = 49) -> np.ndarray:
    """A sector of the unit disc, clockwise from the fly, in degrees; its last point is the middle."""
    angle = np.radians(np.linspace(start, end, count))
    around = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.concatenate([around, around[:1] if end - start >= 360 else np.zeros((1, 2))])


@cache
def _star(points: int, turn: float, inner: float) -> np.ndarray:
    angle = np.arange(2 * points) * math.pi / points + math.radians(turn - 90)
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)[:, None]
    return np.stack([np.cos(angle), np.sin(angle)], 1) * radius


@dataclass(frozen=True)
class Kind:
    """A command: what paints it, and how many numbers it takes; `most` None: as many as there are."""

    paint: Callable
    least: int
    most: int | None


COMMANDS = {
    "h": Kind(lambda canvas, *numbers: bands(canvas, False, *numbers), 2, None),
    "v": Kind(lambda canvas, *numbers: bands(canvas, True, *numbers), 2, None),
    "rect": Kind(rectangle, 5, 5),
    "cross": Kind(cross, 2, 4),
    "diagonal": Kind(diagonal, 2, 3),
    "saltire": Kind(saltire, 2, 2),
    "line": Kind(stroke, 6, None),
    "triangle": Kind(triangle, 2, 3),
    "teeth": Kind(teeth, 4, 4),
    "border": Kind(border, 2, 2),
    "wave": Kind(wave, 5, 6),
    "union": Kind(union, 7, 7),
    "polygon": Kind(polygon, 7, None),
    "ellipse": Kind(ellipse, 5, 5),
    "disc": Kind(disc, 4, 6),
    "ring": Kind(ring, 5, 5),
    "star": Kind(star, 4, 7),
    "stars": Kind(stars, 4, None),
    "sun": Kind(sun, 5, 6),
    "crescent": Kind(crescent, 5, 7),
    "shield": Kind(outline(SHIELD), 4, 4),
    "leaf": Kind(outline(LEAF), 4, 4),
    "tree": Kind(outline(TREE), 4, 4),
    "bird": Kind(silhouette(BIRD), 4, 4),
    "beast": Kind(silhouette(BEAST), 4, 4),
}


# The data file


def read(file: Path = FILE) -> list[Flag]:
    """All flags of a data file.

    Raises:
        ValueError: a fault; the message names the flag and the field.
    """
    lines = {}  # where -> values
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            values = [value.strip() for value in line.split("|")]
            lines[f"{file.name}, line {number}, {values[0]}"] = values
    own = {values[0]: _flag(values, where) for where, values in lines.items() if len(values) != 3}
    flags: dict[str, Flag] = {}
    for where, values in lines.items():
        code, name, other = values[0], values[1], values[2].removeprefix("=").strip()
        if code in flags:
            raise ValueError(f"{where}, code: it is there already")
        if code not in own and other not in own:
            raise ValueError(f"{where}, ratio: there is no flag {other!r}")
        flags[code] = own[code] if code in own else replace(own[other], code=code, name=name, same_as=other)
    return [*flags.values()]


def _flag(given: list[str], where: str) -> Flag:
    if len(given) != len(FIELDS):
        raise ValueError(f"{where}: needs {' | '.join(FIELDS)}, or code | name | = code of the same design")
    values = dict(zip(FIELDS, given, strict=True))

    def parsed(field: str, parse: Callable):
        try:
            return parse(values[field])
        except (ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise ValueError(f"{where}, {field}: {error}") from None

    palette = parsed("palette", _palette)

    def commands(text: str) -> tuple[Command, ...]:
        return tuple(_command(part, len(palette)) for part in text.split(";") if part.strip())

    def emblem(text: str) -> Emblem | None:
        if not text:
            return None
        place, _, painted = text.partition(":")
        x, y, size = map(float, place.split())
        return Emblem(x, y, size, commands(painted))

    return Flag(
        values["code"],
        values["name"],
        parsed("ratio", _ratio),
        values["layout"],
        palette,
        parsed("field", commands),
        parsed("emblem", emblem),
    )


def _ratio(text: str) -> float:
    ratio = float(text.split(":")[0]) / float(text.split(":")[1])
    if not 0.1 <= ratio <= 10:
        raise ValueError(f"{text!r} is no ratio of width to height between 1:10 and 10:1")
    return ratio


def _palette(text: str) -> tuple[Color, ...]:
    if not text:
        raise ValueError("there is no colour")
    for color in text.split():
        if len(color) != 6:
            raise ValueError(f"{color!r} is no colour of six hexadecimal digits")
    return tuple(tuple(bytes.fromhex(color)) for color in text.split())


def _command(text: str, num_colors: int) -> Command:
    name, *words = text.split()
    if name not in COMMANDS:
        raise ValueError(f"there is no command {name!r}")
    kind = COMMANDS[name]
    if name in ("h", "v"):
        words = [number for word in words for number in [*word.split("*"), "1"][:2]]
    numbers = tuple(map(float, words))
    if len(numbers) < kind.least or (kind.most is not None and len(numbers) > kind.most):
        raise ValueError(f"{name!r} takes {kind.least} numbers{'' if kind.most == kind.least else ' or more'}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name!r} takes finite numbers")
    if kind.most is None and (len(numbers) - kind.least) % 2:
        raise ValueError(f"{name!r} takes places in pairs, x and y")
    colors = [numbers[place] for place in color_places(name, len(numbers))]
    if any(color != int(color) or not 0 <= color < num_colors for color in colors):
        raise ValueError(f"{name!r} asks for a colour that is not among the {num_colors}")
    return name, numbers


def color_places(name: str, count: int) -> range:
    """Which of a command's `count` numbers are colours."""
    return range(0, count, 2) if name in ("h", "v") else range(4, 7) if name == "union" else range(1)
