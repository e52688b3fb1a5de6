"""In the tab *Blend*: what lies between two styles of a StyleGAN2, layer by layer, and along its directions."""

import random
from collections.abc import Sequence
from typing import Any

import gradio as gr
import panel_styles
import uploads
from album import title_of
from events_styles import DARING, FIRST, LEAST, MOST, OWN, SECOND, Events, Functions, Visit
from styles import MOST_DIRECTIONS, Known
from words import WORDS

from betwixt import page
from betwixt.films import FORMATS

FORGET_AFTER = 3000  # seconds
PSI = 0.7
LARGEST_SEED = 999_999  # that is drawn
SOURCES = [("Seed · graine", "seed"), ("My picture · mon image", OWN)]
PARTS = [("All · tout", "all"), ("Pose, shape · pose, forme", "coarse"), ("Colours · couleurs", "fine")]
SPACES = [("Near what it knows · proche de ce qu'il connaît (W)", "w"), ("As near as can be · au plus près (W+)", "w+")]
ANY = "Any · au hasard"


def create_panel(drawer: gr.Radio, functions: Functions, generators: Sequence[str]) -> None:
    """Fill the panel; it is opened where `drawer` has the name of one of the generators as its value."""
    events = Events(functions, generators)

    def open_generator(generator: str, visit: Visit) -> list[Any]:
        """What there is to choose of this generator; everything else stays. Nothing where none is chosen."""
        if generator not in generators:
            return [gr.skip()] * len(choices)
        known = functions.known(generator)
        breeds = [(ANY, ""), *((title_of(breed), breed) for breed in known.breeds)]
        has_own = generator in visit.own
        of_end = [
            gr.update(choices=breeds, value="", visible=bool(known.breeds)),
            gr.update(visible=has_own, **({} if has_own else {"value": "seed"})),
        ]
        numbers = [*range(len(known.layers))]
        names = [(f"{number + 1}: {side} px", number) for number, side in enumerate(known.layers)]
        return [*of_end, *of_end, "all", gr.update(choices=names, value=numbers), *sliders_of(known)]

    def part(which: str, generator: str) -> list[int]:
        """The layers of a part: the coarse ones are the first half."""
        numbers = [*range(len(functions.known(generator).layers))]
        half = len(numbers) // 2
        return {"coarse": numbers[:half], "fine": numbers[half:]}.get(which, numbers)

    def stop(visit: Visit) -> Visit:
        """The search ends at its next step, and what it has found stays."""
        visit.turn += 1
        return visit

    visit = gr.State(Visit(), time_to_live=FORGET_AFTER)
    with gr.Row(elem_id="styles"):
        with gr.Column(scale=1, min_width=300):
            first, second = _end("one", FIRST), _end("other", SECOND)
            surprise = gr.Button(WORDS("surprise"), elem_id="styles-surprise")
            parts = gr.Radio(PARTS, value="all", label=WORDS("parts"), elem_id="parts")
            psi = gr.Slider(0, DARING, PSI, step=0.05, label=WORDS("daring"), elem_id="daring")
        with gr.Column(scale=2, min_width=320):
            share = gr.Slider(LEAST, MOST, 0.5, step=0.05, label=WORDS("along"), elem_id="along")
            shown = gr.HTML("", elem_id="styled", js_on_load=None)
            with gr.Row(elem_id="directions"):
                sliders = [
                    gr.Slider(-3, 3, 0, step=0.1, label=str(number + 1), visible=False, min_width=220, buttons=[])
                    for number in range(MOST_DIRECTIONS)
                ]
            with gr.Row():
                reset = gr.Button(WORDS("reset"), elem_id="reset", min_width=120)
                make = gr.Button(WORDS("film"), elem_id="make-styles-film", variant="primary", min_width=140)
            with gr.Row():
                moving = gr.HTML("", elem_id="styles-film", js_on_load=None)
                with gr.Column(min_width=120, scale=0):
                    saves = [gr.DownloadButton(WORDS(f"save_{kind}"), size="sm", visible=False) for kind in FORMATS]
    with gr.Accordion(WORDS("layer_by_layer"), open=False, elem_id="layer-by-layer"):
        layers = gr.CheckboxGroup([], label=WORDS("layers"), elem_id="layers")
    with gr.Accordion(WORDS("own_style"), open=False, elem_id="own-style"), gr.Row():
        with gr.Column(scale=1, min_width=280):
            photo = uploads.box("photo", "own-photo", 240)
            space = gr.Radio(SPACES, value="w+", label=WORDS("space"), elem_id="space")
            with gr.Row():
                find = gr.Button(WORDS("find"), variant="primary", elem_id="find", min_width=120)
                stop_button = gr.Button(WORDS("stop"), elem_id="stop", min_width=100)
        with gr.Column(scale=2, min_width=320):
            search = gr.HTML(panel_styles.EMPTY, elem_id="search", js_on_load=None)

    choices = [first["breed"], first["source"], second["breed"], second["source"], parts, layers, *sliders]
    ends = [end[name] for end in (first, second) for name in ("seed", "breed", "source")]
    chosen = [*ends, layers, psi, *sliders]
    seen = [drawer, share, *chosen, visit]
    quick = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    quiet = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    showing = {**quiet, "preprocess": False, "trigger_mode": "always_last", "concurrency_id": "styles"}
    opened = drawer.change(open_generator, [drawer, visit], choices, **quiet)
    opened.success(events.show, seen, shown, **showing)
    gr.on([share.change, *(one.change for one in chosen)], events.show, seen, shown, **showing)
    for end in (first, second):
        end["dice"].click(lambda: random.randint(0, LARGEST_SEED), None, end["seed"], **quick)
    two = lambda: (random.randint(0, LARGEST_SEED), random.randint(0, LARGEST_SEED))  # noqa: E731
    surprise.click(two, None, [first["seed"], second["seed"]], **quick)
    parts.input(part, [parts, drawer], layers, **quick)
    reset.click(lambda: [0] * len(sliders), None, sliders, **quick)
    gone = lambda: ("", *[gr.update(visible=False)] * len(saves))  # noqa: E731 - a film of others says nothing of these
    gr.on([drawer.change, *(one.change for one in chosen)], gone, None, [moving, *saves], **quick)
    making = {**quiet, "show_progress": "full", "show_progress_on": moving, "concurrency_limit": 2}
    made = make.click(events.make_film, [drawer, *chosen, visit], [moving, *saves], preprocess=False, **making)
    made.success(None, js=page.into_view("styles-film"))
    looking = find.click(
        events.find,
        [drawer, photo, space, visit],
        [search, visit, first["source"], second["source"]],
        preprocess=False,
        concurrency_id="invert",
        **quiet,
    )
    looking.success(events.show, seen, shown, **showing)
    stop_button.click(stop, visit, visit, **quick)
    _add_api(events, generators)


def _end(name: str, seed: int) -> dict[str, Any]:
    """Where one end of a blend comes from."""
    with gr.Column(elem_id=f"end-{name}"), gr.Group():
        with gr.Row(equal_height=True):
            number = gr.Number(seed, label=WORDS(f"seed_{name}"), precision=0, minimum=0, min_width=110)
            dice = gr.Button(WORDS("another"), min_width=110, scale=0, elem_id=f"dice-{name}")
        breed = gr.Dropdown([(ANY, "")], value="", label=WORDS("of_breed"), visible=False)
        source = gr.Radio(SOURCES, value="seed", label=WORDS("taken_from"), visible=False)
    return {"seed": number, "dice": dice, "breed": breed, "source": source}


def sliders_of(known: Known) -> list[Any]:
    """A slider for each direction, in the middle; the rest is hidden."""
    updates: list[Any] = []
    for number, one in enumerate(known.directions, 1):
        names = [one.names[language] for language in ("en", "fr") if language in one.names]
        label = " · ".join(names) or f"Direction {number}"
        updates.append(gr.update(label=label, minimum=-one.reach, maximum=one.reach, value=0, visible=True))
    return updates + [gr.update(visible=False, value=0)] * (MOST_DIRECTIONS - len(updates))


def _add_api(events: Events, generators: Sequence[str]) -> None:
    """The events `blend_styles` and `invert`, which the page itself does not call."""
    gr.Button(visible=False).click(
        events.blend_styles,
        [
            gr.Textbox(generators[0], label="generator", visible=False),
            gr.Number(FIRST, label="first_seed", visible=False),
            gr.Number(SECOND, label="second_seed", visible=False),
            gr.Number(0.5, label="share", visible=False),
            gr.Textbox("", label="first_breed", visible=False),
            gr.Textbox("", label="second_breed", visible=False),
            gr.Number(PSI, label="truncation_psi", visible=False),
            gr.JSON(None, label="layers", visible=False),
            gr.JSON(None, label="moves", visible=False),
            gr.JSON(None, label="first_style", visible=False),
            gr.JSON(None, label="second_style", visible=False),
            gr.Number(0, label="frames", visible=False),
            gr.Textbox("webp", label="kind", visible=False),
        ],
        [
            gr.Image(label="blend", format="png", visible=False),
            gr.File(label="film", visible=False),
            gr.JSON(label="known", visible=False),
        ],
        preprocess=False,
        api_name="blend_styles",
        concurrency_limit=4,
    )
    gr.Button(visible=False).click(
        events.invert,
        [
            gr.Image(label="photo", type="filepath", visible=False),
            gr.Textbox(generators[0], label="generator", visible=False),
            gr.Textbox("w+", label="space", visible=False),
            gr.Number(240, label="steps", visible=False),
            gr.Number(0, label="seed", visible=False),
        ],
        [gr.Image(label="drawn", format="png", visible=False), gr.JSON(label="found", visible=False)],
        preprocess=False,
        api_name="invert",
        concurrency_id="invert",
        concurrency_limit=8,
    )
