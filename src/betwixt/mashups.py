"""New flags: the layout of one, the palette of another and the emblem of a third."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from betwixt.flags import Color, Command, Emblem, Flag, areas, color_places, draw

SLOTS = {  # layout -> x, y and size of an emblem, where a flag has none of its own; the other layouts have no room
    "horizontal bands": (0.5, 0.5, 0.2),
    "vertical bands": (0.5, 0.5, 0.16),
    "plain with emblem": (0.5, 0.5, 0.3),
    "triangle": (0.14, 0.5, 0.14),
    "diagonal": (0.17, 0.24, 0.15),
    "bar at the hoist": (0.66, 0.5, 0.2),
    "union jack in the canton": (0.75, 0.5, 0.25),
    "canton": (0.75, 0.72, 0.14),
}
LEAST_SIZE = 0.12  # of an emblem; some flags have a very small one
SPARE = ((255, 255, 255), (0, 0, 0), (252, 209, 22), (206, 17, 38), (0, 56, 168), (0, 122, 61))
APART = 90.0  # of 441: how far colours must be from each other to be told apart
UNLIKE = 6.0  # of 255: the mean difference from every other flag


def mash_up(layout: Flag, palette: Flag, emblem: Flag | None = None) -> Flag:
    """The first's field in the second's colours, the most common for the most common, with the third's emblem upon it.

    Where the second has too few colours, spare ones that can be told from them are added. An emblem goes where the
    first has its own, else to a place that its layout has for one, and is painted in the colours that stand out there.
    """
    ranked = _by_area(layout)
    colors = _enough([palette.palette[index] for index in _by_area(palette)], len(ranked))
    recolored = list(layout.palette)
    for index, color in zip(ranked, colors, strict=False):
        recolored[index] = color
    parents = [flag for flag in (layout, palette, emblem) if flag]
    code, name = "+".join(flag.code for flag in parents), " + ".join(flag.name for flag in parents)
    bare = replace(layout, code=code, name=name, palette=tuple(recolored), emblem=None, same_as=None)
    slot = SLOTS.get(layout.layout)
    if layout.emblem:
        slot = layout.emblem.x, layout.emblem.y, max(LEAST_SIZE, layout.emblem.size)
    if not (emblem and emblem.emblem and slot):
        return bare
    used = list(dict.fromkeys(int(number) for command in emblem.emblem.commands for number in _colors_of(command)))
    below = _color_at(bare, *slot[:2])
    others = sorted(
        [color for color in colors if _apart(color, below) > APART], key=lambda color: -_apart(color, below)
    )
    shown = _enough(others, len(used), below)
    renamed = {index: len(recolored) + rank for rank, index in enumerate(used)}
    commands = tuple(_renamed(command, renamed) for command in emblem.emblem.commands)
    return replace(bare, palette=(*recolored, *shown), emblem=Emblem(*slot, commands))


def mash_ups(flags: Sequence[Flag], count: int, seed: int = 0) -> Iterator[Flag]:
    """`count` mash-ups of three different designs drawn at random, none like any of the flags or like one before.

    Raises:
        ValueError: too few designs to make that many.
    """
    designs = [flag for flag in flags if not flag.same_as]
    with_emblem = [flag for flag in designs if flag.emblem]
    random = np.random.default_rng(seed)
    known = np.stack([_pixels(flag) for flag in designs] + [_pixels(designs[0])] * count)
    made = refused = 0
    while made < count:
        layout, palette = (designs[i] for i in random.choice(len(designs), 2, replace=False))
        new = mash_up(layout, palette, with_emblem[random.integers(len(with_emblem))])
        pixels = _pixels(new)
        if np.abs(known[: len(designs) + made] - pixels).mean((1, 2, 3)).min() > UNLIKE:
            known[len(designs) + made] = pixels
            made, refused = made + 1, 0
            yield new
        elif (refused := refused + 1) > 1000:
            raise ValueError(f"{len(designs)} designs give no more than {made} mash-ups, not {count}")


def _pixels(flag: Flag) -> np.ndarray:
    return np.asarray(draw(flag, (24, 16)), dtype=np.int16)


def _by_area(flag: Flag) -> list[int]:
    """The colours that the field shows, those of the largest area first."""
    shares = areas(flag)
    return [int(index) for index in np.argsort(-shares, kind="stable") if shares[index]]


def _enough(colors: Sequence[Color], count: int, *avoided: Color) -> list[Color]:
    """The first `count` of the colours, and spare ones where there are not so many."""
    found = list(colors[:count])
    for color in (*SPARE, *SPARE):
        if len(found) == count:
            break
        if all(_apart(color, other) > APART for other in (*found, *avoided)):
            found.append(color)
    return found + [found[-1] if found else SPARE[0]] * (count - len(found))


def _apart(one: Color, other: Color) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))


def _color_at(flag: Flag, x: float, y: float) -> Color:
    picture = draw(flag, (24, 16))
    return picture.getpixel((min(23, int(x * 24)), min(15, int(y * 16))))


def _colors_of(command: Command) -> list[float]:
    name, numbers = command
    return [numbers[place] for place in color_places(name, len(numbers))]


def _renamed(command: Command, names: dict[int, int]) -> Command:
    name, numbers = command
    places = color_places(name, len(numbers))
    return name, tuple(float(names[int(n)]) if place in places else n for place, n in enumerate(numbers))
