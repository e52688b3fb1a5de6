"""The tab *Blend*: what lies between the latents of two to four pictures, and beyond them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import torch
import uploads
from boxes import Visit, picker
from checks import in_range, line, said
from PIL import Image
from words import WORDS, both

from betwixt import latents, page
from betwixt.films import FORMATS, film
from betwixt.images import ImageError

FORGET_AFTER = 3000  # seconds
LEAST, MOST = -0.5, 1.5  # how far the slider goes beyond both pictures
STRIP = [LEAST + number / 4 for number in range(9)]
STEPS = 16  # pictures of a film from each picture to the next
WAYS = [("Straight · droit", "linear"), ("Spherical · sphérique", "spherical")]


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    encode: Callable[[Sequence[Image.Image]], torch.Tensor]  # (N, D)
    decode: Callable[[torch.Tensor], list[Image.Image]]
    surprise: Callable[[int], list[Path]]  # pictures at random


def create_tab(functions: Functions, examples: Sequence[tuple[Path, str]]) -> None:
    """Fill the tab.

    Args:
        examples: pictures to click on, and what they show.
    """

    def with_latent(picture: Image.Image) -> tuple[Image.Image, torch.Tensor]:
        return picture, functions.encode([picture])[0]

    def show(first, second, third, fourth, share, of_third, of_fourth, way, visit) -> tuple[str, Visit]:
        """The blend between its pictures, then the whole way."""
        if None in (share, of_third, of_fourth):  # a number that is being typed
            return gr.skip(), visit
        try:
            known = [visit.seen(file, with_latent) for file in (first, second, third, fourth)]
        except (ImageError, gr.Error) as error:
            return panel.refusal(said(error)), visit
        if known[0] is None or known[1] is None:
            return panel.note(*(EMPTY if not any(known) else ONE)), visit
        return blended(known, _shares(known, share, of_third, of_fourth), share, way), visit

    def blended(known: list, shares: list[float], share: float, way: str) -> str:
        pictures, points = zip(*[one for one in known if one], strict=True)
        points = torch.stack(points)
        strip = latents.between(points[0], points[1], torch.tensor(STRIP), way)
        middle = latents.combine(points, shares, way)
        on_the_way = share if len(points) == 2 else None
        drawn = functions.decode(torch.cat([middle[None], points, strip]))
        ends = [*zip(pictures, drawn[1 : 1 + len(points)], shares, strict=True)]
        return panel.blend(drawn[0], ends, [*zip(STRIP, drawn[1 + len(points) :], strict=True)], on_the_way)

    def make_film(first, second, third, fourth, way, visit) -> tuple[str, Any, Any]:
        """The film on the page, and as two files."""
        try:
            known = [visit.seen(file, with_latent) for file in (first, second, third, fourth)]
        except (ImageError, gr.Error) as error:
            return panel.refusal(said(error)), GONE, GONE
        if known[0] is None or known[1] is None:
            return panel.note(*(ONE if any(known) else EMPTY)), GONE, GONE
        points = torch.stack([one[1] for one in known if one])
        frames = functions.decode(latents.path(points, STEPS, way, len(points) > 2))
        files = {kind: _film(frames, len(points), kind) for kind in FORMATS}
        buttons = [gr.update(value=uploads.offer(files[kind], f"blend.{kind}"), visible=True) for kind in FORMATS]
        return panel.film(files["webp"]), *buttons

    def blend_pictures(
        first: dict | None,
        second: dict | None,
        share: float = 0.5,
        third: dict | None = None,
        of_third: float = 0.0,
        fourth: dict | None = None,
        of_fourth: float = 0.0,
        way: str = "linear",
        frames: int = 0,
        kind: str = "webp",
    ) -> tuple[Image.Image, str | None]:
        """Blend two to four pictures of animals in the latents of a variational autoencoder.

        Args:
            first: a picture; the square in its middle counts.
            second: another.
            share: how far from the first to the second, -1 to 2: 0 gives the first, as it is drawn, 1 the second.
            third: one more, or none.
            of_third: its share, -1 to 2; what is left goes to the first two.
            fourth, of_fourth: the same.
            way: linear or spherical.
            frames: pictures of a film from each picture to the next, 0 (no film) to 60.
            kind: of the film, webp or gif.

        Returns:
            blend: the picture.
            film: all the way there and back, or round all of more than two.
        """
        try:
            for name, value in (("share", share), ("of_third", of_third), ("of_fourth", of_fourth)):
                in_range(name, value, -1, 2)
            if type(frames) is not int or not 0 <= frames <= 60:
                raise ValueError(f"frames must be a whole number from 0 to 60, not {frames!r}")
            if kind not in FORMATS:
                raise ValueError(f"kind must be one of {', '.join(FORMATS)}, not {kind!r}")
            files = [first, second, *(file for file in (third, fourth) if file)]
            points = functions.encode([uploads.read(file) for file in files])
            shares = _shares([first, second, third, fourth], share, of_third, of_fourth)
            (picture,) = functions.decode(latents.combine(points, shares, way)[None])
            moving = latents.path(points, frames, way, len(points) > 2) if frames else None
        except ValueError as error:
            raise gr.Error(line(error), print_exception=False) from None
        if moving is None:
            return picture, None
        return picture, uploads.offer(_film(functions.decode(moving), len(points), kind), f"blend.{kind}")

    visit = gr.State(Visit(), time_to_live=FORGET_AFTER)
    with gr.Row(elem_id="blend-boxes"):
        first, second = uploads.box("first", "first"), uploads.box("second", "second")
    chosen = gr.HTML(
        page.examples(examples, heading=both("Or click two of these", "Ou cliquez sur deux de celles-ci")),
        elem_id="blend-examples",
        js_on_load=page.ON_EXAMPLE_CLICK,
    )
    share = gr.Slider(LEAST, MOST, 0.5, step=0.05, label=WORDS("share"), elem_id="share")
    shown = gr.HTML(panel.note(*EMPTY), elem_id="blended", js_on_load=None)
    with gr.Row(elem_id="blend-choices"):
        way = gr.Radio(WAYS, value="linear", label=WORDS("way"), elem_id="way")
        surprise = gr.Button(WORDS("surprise"), elem_id="blend-surprise", min_width=140)
        make = gr.Button(WORDS("film"), elem_id="make-film", variant="primary", min_width=140)
    with gr.Row():
        moving = gr.HTML("", elem_id="film", js_on_load=None)
        with gr.Column(min_width=120, scale=0):
            saves = [gr.DownloadButton(WORDS(f"save_{kind}"), size="sm", visible=False) for kind in FORMATS]
    with gr.Accordion(WORDS("more"), open=False), gr.Row():
        with gr.Column():
            third = uploads.box("third", "third", 160)
            of_third = gr.Slider(-1, 1, 0.33, step=0.05, label=WORDS("share_third"))
        with gr.Column():
            fourth = uploads.box("fourth", "fourth", 160)
            of_fourth = gr.Slider(-1, 1, 0.25, step=0.05, label=WORDS("share_fourth"))
    boxes = [first, second, third, fourth]
    quiet = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    chosen.select(picker(examples), [first, second, visit], [first, second, visit], trigger_mode="multiple", **quiet)
    surprise.click(lambda: tuple(functions.surprise(2)), None, [first, second], **quiet)
    gr.on(
        [*(box.change for box in boxes), share.change, of_third.change, of_fourth.change, way.input],
        show,
        [*boxes, share, of_third, of_fourth, way, visit],
        [shown, visit],
        preprocess=False,
        trigger_mode="always_last",
        **quiet,
    )
    gone = lambda: ("", GONE, GONE)  # noqa: E731 - a film of other pictures says nothing of these
    gr.on([*(box.change for box in boxes), way.input], gone, None, [moving, *saves], queue=False, **quiet)
    making = {**quiet, "show_progress": "full", "show_progress_on": moving, "concurrency_limit": 2}
    made = make.click(make_film, [*boxes, way, visit], [moving, *saves], preprocess=False, **making)
    made.success(None, js=page.into_view("film"))
    gr.Button(visible=False).click(
        blend_pictures,
        [
            gr.Image(label="first", type="filepath", visible=False),
            gr.Image(label="second", type="filepath", visible=False),
            gr.Number(0.5, label="share", visible=False),
            gr.Image(label="third", type="filepath", visible=False),
            gr.Number(0.0, label="of_third", visible=False),
            gr.Image(label="fourth", type="filepath", visible=False),
            gr.Number(0.0, label="of_fourth", visible=False),
            gr.Textbox("linear", label="way", visible=False),
            gr.Number(0, precision=0, label="frames", visible=False),
            gr.Textbox("webp", label="kind", visible=False),
        ],
        [gr.Image(label="blend", format="png", visible=False), gr.File(label="film", visible=False)],
        preprocess=False,
        api_name="blend",
        concurrency_limit=4,
    )


def _film(frames: Sequence[Image.Image], stops: int, kind: str) -> bytes:
    """Between two pictures there and back, and round and round where there are more."""
    return film(frames, kind=kind, milliseconds=90, there_and_back=stops == 2)


def _shares(known: Sequence, share: float, of_third: float, of_fourth: float) -> list[float]:
    """Of the pictures that there are: what the third and the fourth leave is dealt between the first two."""
    others = [part for one, part in zip(known[2:], (of_third, of_fourth), strict=True) if one is not None]
    left = 1 - sum(others)
    return [left * (1 - share), left * share, *others]


GONE = gr.update(visible=False)
EMPTY = (
    both("What lies between two animals?", "Qu'y a-t-il entre deux animaux ?"),
    both(
        "Choose two pictures, best of heads, and move the slider from one to the other, and beyond.",
        "Choisissez deux images, de préférence des têtes, puis allez de l'une à l'autre, et au-delà.",
    ),
)
ONE = (
    both("One more", "Encore une"),
    both("Now choose a second picture.", "Choisissez maintenant une seconde image."),
)
