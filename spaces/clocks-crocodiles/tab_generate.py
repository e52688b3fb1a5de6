"""The tab *Generate hybrids*: a point between clock and crocodile in; out come pictures that never were."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
import panel_generate as panel
from api_find import said
from finder import Picture
from generators import MOST, STEERED, STRIP, Drawing, Generator, Verdict, Wanted
from PIL import Image
from uploads import offer

from betwixt.films import film

KINDS = {"photos": "Photo-like", "rendered": "Rendered"}
NAMES = {"diffusion": "Diffusion", "gan": "GAN", "vae": "VAE"}
COMBINATIONS = {  # of the models; a way that is new there is shown by its name
    "composition": "Likely as both (composition)",
    "conjunction": "Both at fixed weights (conjunction)",
    "midpoint": "The label in the middle",
    "style_mixing": "Form of one, detail of the other (style mixing)",
    STEERED: "Steered by two guides",
}
STRONGER = 0.5  # each time that it shall be more hybrid
FORGET_AFTER = 3000  # seconds after the last drawing


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    draw: Callable[[Wanted], Iterator[Drawing]]
    draw_strip: Callable[[Wanted], Iterator[list[Image.Image]]]
    judge: Callable[[Sequence[Image.Image], str], list[Verdict]]
    nearest: Callable[[Image.Image, str], list[Picture]]
    generator_of: Callable[[str, str], Generator]


@dataclass
class Visit:
    """What one visitor looks at: the same object in all events, so that a slow one notices that it is outdated."""

    turn: int = 0  # of the newest drawing
    look: int = 0  # of the newest picture looked at
    chosen: tuple = ()  # what the left column said when it was drawn last
    wanted: Wanted | None = None
    images: list[Image.Image] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


NOTHING_NEW = (gr.skip(),) * 4
GONE = gr.update(visible=False)


class Events:
    """The handlers; those that draw give the sheet, what is below it, the film's button and the Visit."""

    def __init__(self, functions: Functions):
        self.functions = functions

    def open_tab(self, *chosen: Any) -> Iterator[tuple]:
        """The first drawing of a visit; later the tab is found as it was left."""
        if chosen[-1].turn:
            yield NOTHING_NEW
        else:
            yield from self.draw(*chosen)

    def change(self, *chosen: Any) -> Iterator[tuple]:
        """As `draw`, where something else is wanted: a slider says so too when the keyboard only passes through it."""
        if chosen[-1].chosen == chosen[:-1]:
            yield NOTHING_NEW
        else:
            yield from self.draw(*chosen)

    def draw(self, *chosen: Any) -> Iterator[tuple]:
        """Draw what the left column says; then the Visit."""
        *values, visit = chosen
        visit.chosen = tuple(values)
        turn = visit.turn = visit.turn + 1
        visit.look += 1
        try:
            wanted = wanted_of(*values)
            yield panel.begun(wanted.count), "", GONE, visit
            for drawing in self.functions.draw(wanted):
                if visit.turn != turn:
                    yield NOTHING_NEW  # Gradio sends the last again, which must not be that of an outdated drawing
                    return
                if not drawing.done:
                    yield panel.forming(drawing.images, drawing.step, drawing.steps), gr.skip(), gr.skip(), gr.skip()
            verdicts = self.functions.judge(drawing.images, wanted.kind)
        except (ValueError, gr.Error) as error:
            if visit.turn == turn:
                visit.wanted = None
                yield panel.refusal(said(error)), "", GONE, visit
            return
        if visit.turn != turn:
            yield NOTHING_NEW
            return
        visit.wanted, visit.images, visit.verdicts = wanted, drawing.images, verdicts
        yield panel.sheet(wanted, drawing.images, verdicts), "", GONE, gr.skip()
        yield NOTHING_NEW  # or what comes again at the end would wipe away what a quick visitor looks at already

    def look_closer(self, event: gr.EventData, visit: Visit) -> Iterator[tuple]:
        """One picture, and all the way from clock to crocodile; gives what is below the sheet, and the film."""
        index, wanted = int(event.index), visit.wanted
        look = visit.look = visit.look + 1
        if wanted is None or not 0 <= index < len(visit.images):
            yield panel.refusal("What you saw here is forgotten after a while: please draw again."), GONE
            return
        image, verdict = visit.images[index], visit.verdicts[index]
        alone = replace(wanted, seed=wanted.seed + index, count=1)
        near: list[Picture] = []
        strip: list[Image.Image] = []
        yield panel.closer(alone, image, verdict, near, strip, STRIP), GONE
        try:
            near = self.functions.nearest(image, wanted.kind)
            for strip in self.functions.draw_strip(alone):
                if visit.look != look:
                    break
                yield panel.closer(alone, image, verdict, near, strip, STRIP), gr.skip()
        except (ValueError, gr.Error) as error:
            if visit.look == look:
                yield panel.refusal(said(error)), GONE
            return
        if visit.look != look:
            yield gr.skip(), gr.skip()
            return
        yield gr.skip(), gr.update(value=offer(film(strip), f"clock-to-crocodile-{alone.seed}.webp"), visible=True)

    def generate_hybrids(
        self,
        kind: str = "photos",
        generator: str = "diffusion",
        share: float = 0.5,
        seed: int = 0,
        count: int = 8,
        combine: str = "",
        strength: float = 1.0,
    ) -> tuple[list[tuple[Image.Image, str]], list[dict[str, Any]]]:
        """Draw pictures between a clock and a crocodile.

        Args:
            kind: photos or rendered.
            generator: diffusion, gan or vae; the page shows which there are of each kind.
            share: from a clock, 0, to a crocodile, 1.
            seed: a whole number; picture i has the seed after it by i.
            count: 1 to 32 pictures.
            combine: a way of the generator's: composition, conjunction, midpoint, style_mixing or steered; empty: its
                best.
            strength: how far "steered" may move what is drawn, 0 to 3, for gan to 1.

        Returns:
            pictures: the pictures, with their seeds.
            verdicts: of each its seed, how sure the judges are of each class, and whether that is a yes to both.
        """
        try:
            combine = combine or self.functions.generator_of(kind, generator).combinations[0]
            *_, drawing = self.functions.draw(wanted_of(kind, generator, combine, share, seed, count, strength, most=1))
        except ValueError as error:
            raise gr.Error(said(error), print_exception=False) from None
        verdicts = self.functions.judge(drawing.images, kind)
        rows = [
            {"seed": seed + i, "probabilities": verdict.shares, "both": verdict.both}
            for i, verdict in enumerate(verdicts)
        ]
        return [(image, f"seed {row['seed']}") for image, row in zip(drawing.images, rows, strict=True)], rows


def wanted_of(
    kind: str,
    generator: str,
    combine: str,
    share: float,
    seed: float,
    count: float,
    strength: float,
    most: float = 100,
) -> Wanted:
    """What the boxes say; a number box gives 7.0 for 7, and the slider a share of `most`.

    Raises:
        ValueError: no number, a share out of range, or no whole number where one is needed.
    """
    if not _is_number(share) or not 0 <= share <= most:
        raise ValueError(f"share must be from 0 to {most:g}, not {share!r}")
    whole = {}
    for name, value in (("seed", seed), ("count", count)):
        if not _is_number(value) or value != int(value):
            raise ValueError(f"{name} must be a whole number, not {value!r}")
        whole[name] = int(value)
    return Wanted(kind, generator, combine, share / most, **whole, strength=strength)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def create_tab(tab: gr.Tab, functions: Functions, generators: dict[str, list[str]]) -> None:
    """Fill the tab.

    Args:
        tab: the first pictures are drawn when it is opened.
        functions: what it asks for.
        generators: kind -> generators of it; the default first.
    """
    first_kind = next(iter(generators))

    def of_kind(kind: str) -> dict:
        return {"choices": [(NAMES.get(key, key), key) for key in generators[kind]], "value": generators[kind][0]}

    def ways(known: Generator) -> dict:
        choices = [(COMBINATIONS.get(way, way), way) for way in known.combinations]
        return {"choices": choices, "value": known.combinations[0]}

    def force(known: Generator) -> dict:
        return {"maximum": known.strongest, "value": 1, "visible": known.combinations[0] == STEERED}

    def change_generator(kind: str, generator: str) -> tuple[dict, dict]:
        known = functions.generator_of(kind, generator)
        return gr.update(**ways(known)), gr.update(**force(known))

    def change_kind(kind: str) -> tuple[dict, dict, dict]:
        return gr.update(**of_kind(kind)), *change_generator(kind, generators[kind][0])

    def more_hybrid(kind: str, generator: str, combine: str, percent: float, strength: float | None) -> tuple[Any, ...]:
        """Steered, and not towards one class alone; where that was so already, more strongly."""
        towards = 50 if percent in (0, 100) else gr.skip()
        if combine != STEERED:
            return STEERED, towards, gr.update(visible=True)
        strongest = functions.generator_of(kind, generator).strongest
        if strength == strongest and percent not in (0, 100):
            gr.Info("It is steered as far as this generator bears. Other pictures may succeed where these do not.")
        return gr.skip(), towards, min(strongest, (strength or 0) + STRONGER)

    with gr.Row(elem_id="generate"):
        with gr.Column(scale=1, min_width=280, elem_id="ask"):
            share = gr.Slider(0, 100, 50, step=5, label="Clock to crocodile", elem_id="share")
            kinds = [(KINDS[kind], kind) for kind in generators]
            kind = gr.Radio(kinds, value=first_kind, label="Pictures", elem_id="kind", visible=len(kinds) > 1)
            several = any(len(known) > 1 for known in generators.values())
            generator = gr.Radio(**of_kind(first_kind), label="Generator", elem_id="generator", visible=several)
            first = functions.generator_of(first_kind, generators[first_kind][0])
            combine = gr.Dropdown(**ways(first), label="Put together", elem_id="combine")
            strength = gr.Slider(
                0, **force(first), step=STRONGER, label="How strongly steered", elem_id="strength", buttons=[]
            )
            with gr.Row():
                seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="seed", min_width=90)
                count = gr.Number(
                    8, label="How many", precision=0, minimum=1, maximum=MOST, elem_id="count", min_width=90
                )
            draw = gr.Button("Draw", variant="primary", elem_id="draw")
            more = gr.Button("Make it more hybrid", elem_id="more-hybrid")
            new = gr.Button("Other pictures", elem_id="other-seed")
        with gr.Column(scale=3, min_width=320):
            sheet = gr.HTML("", elem_id="sheet", js_on_load=panel.ON_SHEET_CLICK)
            below = gr.HTML("", elem_id="closer", js_on_load=None)
            taken = gr.DownloadButton("↓ The way as a film (WebP)", size="sm", visible=False, elem_id="film")

    quick = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    kind.input(change_kind, kind, [generator, combine, strength], **quick)
    generator.input(change_generator, [kind, generator], [combine, strength], **quick)
    combine.input(lambda way: gr.update(visible=way == STEERED), combine, strength, **quick)

    events, visit = Events(functions), gr.State(Visit(), time_to_live=FORGET_AFTER)
    chosen, shown = [kind, generator, combine, share, seed, count, strength, visit], [sheet, below, taken, visit]
    private = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    # As the boxes have it: a number out of range is answered on the page, like everything else that cannot be drawn.
    drawing = private | {"concurrency_id": "draw", "trigger_mode": "multiple", "preprocess": False}
    tab.select(events.open_tab, chosen, shown, **drawing)
    gr.on([draw.click, count.submit, seed.submit], events.draw, chosen, shown, **drawing)
    gr.on([share.release, strength.release], events.change, chosen, shown, **drawing)
    # In the queue, without which nobody would be told anything.
    steering = more.click(
        more_hybrid, [kind, generator, combine, share, strength], [combine, share, strength], **quick | {"queue": True}
    )
    steering.then(events.draw, chosen, shown, **drawing)
    new.click(lambda: random.randrange(1, 1_000_000), None, seed, **quick).then(events.draw, chosen, shown, **drawing)
    sheet.select(events.look_closer, visit, [below, taken], **private | {"trigger_mode": "multiple"})

    pictures = gr.Gallery(label="pictures", format="png", visible=False)
    verdicts = gr.JSON(label="verdicts", visible=False)
    portion = gr.Number(0.5, label="share", visible=False)
    how_strongly = gr.Number(1, label="strength", visible=False)
    gr.Button(visible=False).click(
        events.generate_hybrids,
        [kind, generator, portion, seed, count, combine, how_strongly],
        [pictures, verdicts],
        api_name="generate_hybrids",
        preprocess=False,
        concurrency_limit=2,
    )
