"""What happens where styles are blended: what visitors ask for is checked, drawn, and looked for."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import panel
import panel_styles
import torch
import uploads
from checks import in_range, is_number, said, sentence, whole
from line import Line
from PIL import Image
from styles import STEPS, Known, Sight

from betwixt import latents
from betwixt.films import FORMATS, film
from betwixt.images import ImageError
from betwixt.inversion import SPACES

LEAST, MOST = -0.5, 1.5  # how far the slider goes beyond both ends
STRIP = [LEAST + number / 4 for number in range(9)]
FRAMES = 16  # of a film from one end to the other
FIRST, SECOND = 18, 51  # seeds: pictures that turned out well
DARING = 1.2  # largest truncation_psi
FARTHEST = 10.0  # deviations along a direction
WAITING = 4  # visitors, beside the one whose picture is being looked for
OWN = "own"  # where an end comes from, beside "seed"
GONE = gr.update(visible=False)


@dataclass(frozen=True)
class Functions:
    """What is asked for; see `styles`. `search`: generator, picture, "w" or "w+", steps and seed -> what is found."""

    known: Callable[[str], Known]
    style_of: Callable[[str, int, str, float], torch.Tensor]
    draw: Callable[[str, torch.Tensor], list[Image.Image]]
    search: Callable[[str, Image.Image, str, int, int], Iterator[Sight]]


@dataclass(eq=False)
class Visit:
    """What one visitor has: the same object in all events, so that a search notices that it is to end.

    Args:
        own: generator -> the style that was found of the visitor's picture, and that picture.
        turn: of the newest search.
    """

    own: dict[str, tuple[torch.Tensor, Image.Image]] = field(default_factory=dict)
    turn: int = 0


@dataclass(frozen=True)
class Blend:
    """Two ends (num_ws, w_dim), and how they are put together.

    Args:
        layers: of which the style goes from the first end to the second; all others stay.
        moves: of each direction, how far along it everything is moved, in deviations.
    """

    generator: str
    first: torch.Tensor
    second: torch.Tensor
    layers: Sequence[int]
    moves: Sequence[float]

    def between(self, shares: Sequence[float]) -> torch.Tensor:
        """(N, num_ws, w_dim) at shares of the way."""
        target = self.first.clone()
        target[list(self.layers)] = self.second[list(self.layers)]
        points = latents.between(self.first.flatten(), target.flatten(), torch.tensor(shares))
        return points.view(-1, *self.first.shape)


class Events:
    """The handlers; `generators` are those that there are."""

    def __init__(self, functions: Functions, generators: Sequence[str]):
        self.functions, self.generators, self.line = functions, generators, Line(WAITING)

    def known(self, generator: Any) -> Known:
        """What can be asked of a generator. Raises ValueError: there is no such; gr.Error: it cannot be loaded."""
        if generator not in self.generators:
            raise ValueError(f"generator must be one of {', '.join(self.generators)}, not {generator!r}")
        return self.functions.known(generator)

    def drawn(self, blend: Blend, styles: torch.Tensor) -> list[Image.Image]:
        """Pictures of styles (N, num_ws, w_dim), moved along the directions."""
        directions = self.known(blend.generator).directions
        for direction, amount in zip(directions, blend.moves, strict=False):
            if amount:
                styles = direction.moved(styles, amount)
        return self.functions.draw(blend.generator, styles)

    def blend_of(self, visit: Visit, generator: str, *values: Any) -> Blend:
        """What the page's boxes say.

        Raises:
            ValueError: a number that is none, or out of range; in one line.
        """
        (first, second), (layers, psi, *moves) = (values[:3], values[3:6]), values[6:]
        in_range("truncation_psi", psi, 0, 2)
        for amount in moves:
            in_range("a direction", amount, -FARTHEST, FARTHEST)
        ends = []
        for seed, breed, source in (first, second):
            if source == OWN and generator in visit.own:
                ends.append(visit.own[generator][0])
            else:
                ends.append(self.functions.style_of(generator, whole(seed, "seed"), breed or "", psi))
        return Blend(generator, *ends, layers or [], moves)

    def show(self, generator: str, share: float | None, *values: Any) -> str:
        """The blend, its ends, and the whole way."""
        *chosen, visit = values
        if generator not in self.generators or None in (
            share,
            chosen[0],
            chosen[3],
            *chosen[7:],
        ):  # or a number is being typed
            return gr.skip()
        try:
            in_range("share", share, -1, 2)
            blend = self.blend_of(visit, generator, *chosen)
            images = self.drawn(blend, torch.cat([blend.between([share, *STRIP]), blend.second[None]]))
        except (ValueError, gr.Error) as error:
            return panel.refusal(said(error))
        strip = [*zip(STRIP, images[1:-1], strict=True)]
        return panel_styles.blend(images[0], (strip[STRIP.index(0.0)][1], images[-1]), strip, share)

    def make_film(self, generator: str, *values: Any) -> tuple[str, Any, Any]:
        """The film on the page, and as two files."""
        *chosen, visit = values
        try:
            frames = self.frames(self.blend_of(visit, generator, *chosen), FRAMES)
        except (ValueError, gr.Error) as error:
            return panel.refusal(said(error)), GONE, GONE
        files = {kind: film(frames, kind=kind, milliseconds=90) for kind in FORMATS}
        buttons = [gr.update(value=uploads.offer(files[kind], f"styles.{kind}"), visible=True) for kind in FORMATS]
        return panel.film(files["webp"]), *buttons

    def frames(self, blend: Blend, count: int) -> list[Image.Image]:
        """From one end to the other."""
        return self.drawn(blend, blend.between([number / count for number in range(count + 1)]))

    # Own pictures

    def find(self, generator: str, file: dict | None, space: str, visit: Visit) -> Iterator[tuple]:
        """Look for the style of a visitor's picture; gives what is seen, the Visit, and where both ends are from."""
        turn = visit.turn = visit.turn + 1
        same = gr.skip(), gr.skip()
        try:
            picture = uploads.read(file)
            for sight in self.searched(generator, picture, space, STEPS, 0):
                if isinstance(sight, int):
                    yield panel_styles.waiting(sight), visit, *same
                    if visit.turn != turn:
                        yield panel_styles.EMPTY, visit, *same
                        return
                    continue
                visit.own[generator] = (sight.style, picture)
                if visit.turn != turn or sight.done:
                    break
                yield panel_styles.searching(picture, sight), visit, *same
        except (ImageError, ValueError, FloatingPointError, gr.Error) as error:
            yield panel.refusal(said(error)), visit, *same
            return
        yield panel_styles.found(picture, sight), visit, gr.update(value=OWN, visible=True), gr.update(visible=True)
        yield gr.skip(), visit, *same  # or what comes again at the end would undo what a quick visitor chose since

    def searched(
        self, generator: str, picture: Image.Image, space: str, steps: int, seed: int
    ) -> Iterator[int | Sight]:
        """How many are ahead, as long as there are, then what is found; one search at a time leaves the others air.

        Raises:
            ValueError: too many wait, or as `styles.search`; in one line.
        """
        with self.line.place() as ahead:
            while others := ahead():
                yield others
                time.sleep(0.4)
            yield from self.functions.search(generator, picture, space, steps, seed)

    # The API

    def blend_styles(
        self,
        generator: str = "mammals-stylegan2",
        first_seed: int = FIRST,
        second_seed: int = SECOND,
        share: float = 0.5,
        first_breed: str = "",
        second_breed: str = "",
        truncation_psi: float = 0.7,
        layers: list[int] | None = None,
        moves: dict[str, float] | None = None,
        first_style: list[list[float]] | None = None,
        second_style: list[list[float]] | None = None,
        frames: int = 0,
        kind: str = "webp",
    ) -> tuple[Image.Image, str | None, dict[str, Any]]:
        """Blend two animals in the styles of a StyleGAN2.

        Args:
            generator: mammals-stylegan2 (rendered) or pets-stylegan2 (photo-like), where there is one.
            first_seed, second_seed: whole numbers: of each, another animal.
            share: how far from the first to the second, -1 to 2.
            first_breed, second_breed: of those that it knows; empty: one that the seed draws.
            truncation_psi: 0 for its mean picture to 1 for all that it knows, at most 2; of seeds.
            layers: numbers from 0 of those whose style goes along, default all: the first ones decide pose and shape,
                the last ones colours.
            moves: direction, by its number from 1 or its English name, and how far, in deviations.
            first_style, second_style: what `invert` found, in place of a seed.
            frames: pictures of a film from one to the other, 0 (no film) to 60.
            kind: of the film, webp or gif.

        Returns:
            blend: the picture.
            film: all the way there and back.
            known: breeds, layers (the side of the pictures at each) and directions that there are.
        """
        try:
            known = self.known(generator)
            for name, value in (("share", share), ("truncation_psi", truncation_psi)):
                in_range(name, value, -1 if name == "share" else 0, 2)
            if type(frames) is not int or not 0 <= frames <= 60:
                raise ValueError(f"frames must be a whole number from 0 to 60, not {frames!r}")
            if kind not in FORMATS:
                raise ValueError(f"kind must be one of {', '.join(FORMATS)}, not {kind!r}")
            ends = [
                self.functions.style_of(generator, whole(seed, f"{end}_seed"), breed, truncation_psi)
                for end, seed, breed in (("first", first_seed, first_breed), ("second", second_seed, second_breed))
            ]
            for number, style in enumerate((first_style, second_style)):
                if style is not None:
                    ends[number] = style_given(style, ends[number].shape)
            blend = Blend(generator, *ends, layers_given(layers, known), moves_given(moves or {}, known))
            (picture,) = self.drawn(blend, blend.between([share]))
            moving = film(self.frames(blend, frames), kind=kind, milliseconds=90) if frames else None
        except ValueError as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        names = [one.names.get("en") or f"{number}" for number, one in enumerate(known.directions, 1)]
        told = {"breeds": known.breeds, "layers": known.layers, "directions": names}
        return picture, uploads.offer(moving, f"styles.{kind}") if moving else None, told

    def invert(
        self, photo: dict, generator: str = "mammals-stylegan2", space: str = "w+", steps: int = STEPS, seed: int = 0
    ) -> Iterator[tuple[Image.Image | None, dict[str, Any]]]:
        """Look for the style of which a StyleGAN2 draws a picture.

        Args:
            photo: a picture, best of a head; the square in its middle counts.
            generator: mammals-stylegan2 (rendered) or pets-stylegan2 (photo-like), where there is one.
            space: w, one style, which stays among what it knows; or w+, one for each layer, which comes nearer.
            steps: of the search, 1 to 1000.
            seed: of the search.

        Returns:
            drawn: the picture of what is found so far.
            found: ahead (others whose turn it is first), step, steps, loss, and the style, for `blend_styles`.
        """
        try:
            self.known(generator)
            picture = uploads.read(photo)
            if space not in SPACES:
                raise ValueError(f"space must be one of {', '.join(SPACES)}, not {space!r}")
            if type(steps) is not int or not 1 <= steps <= 1000:
                raise ValueError(f"steps must be a whole number from 1 to 1000, not {steps!r}")
            for sight in self.searched(generator, picture, space, steps, whole(seed, "seed")):
                if isinstance(sight, int):
                    yield None, {"ahead": sight}
                    continue
                style = [[round(number, 5) for number in row] for row in sight.style.tolist()]
                yield (
                    sight.image,
                    {"ahead": 0, "step": sight.step, "steps": steps, "loss": sight.loss, "style": style},
                )
        except (ValueError, FloatingPointError) as error:
            raise gr.Error(sentence(error), print_exception=False) from None


def style_given(style: Any, shape: torch.Size) -> torch.Tensor:
    """What `invert` gave, as a tensor. Raises ValueError: it has another shape, or is not made of numbers."""
    rows, columns = shape
    is_table = isinstance(style, list) and len(style) == rows and all(isinstance(row, list) for row in style)
    if not is_table or not all(len(row) == columns and all(map(is_number, row)) for row in style):
        raise ValueError(f"a style must be {rows} lists of {columns} numbers, as invert gives it")
    return torch.tensor(style, dtype=torch.float32)


def layers_given(layers: Any, known: Known) -> list[int]:
    """The layers' numbers, default all. Raises ValueError: there are no such layers."""
    count = len(known.layers)
    if layers is None:
        return [*range(count)]
    if not isinstance(layers, list) or not all(type(layer) is int and 0 <= layer < count for layer in layers):
        raise ValueError(f"layers must be numbers from 0 to {count - 1}, not {layers!r}")
    return layers


def moves_given(moves: Any, known: Known) -> list[float]:
    """Of each direction how far, in order. Raises ValueError: there is no such direction, or it is no number."""
    names = {str(number): number - 1 for number in range(1, len(known.directions) + 1)}
    names |= {one.names["en"]: number for number, one in enumerate(known.directions) if "en" in one.names}
    amounts = [0.0] * len(known.directions)
    for name, amount in moves.items() if isinstance(moves, dict) else [(moves, None)]:
        if name not in names:
            raise ValueError(f"moves must name directions, of {', '.join(names)}, not {name!r}")
        in_range(f"the move along {name}", amount, -FARTHEST, FARTHEST)
        amounts[names[name]] = float(amount)
    return amounts
