"""The tab *Swap identity and pose*: the breed of one picture in the pose of another."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import panel_swap
import uploads
from PIL import Image
from swaps import ANGLES, Swap
from words import WORDS, both, fault

from betwixt import page
from betwixt.images import ImageError

FORGET_AFTER = 3000  # seconds
KEPT = 12  # a visitor's last pictures
MOST_TURN = 3.0  # deviations
MOST_SIDE = 8  # pictures along each side of a grid
BY_CHANCE = (4, 6)  # identities and poses of a grid for which nothing was brought
GONE = gr.update(visible=False)


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    swap: Callable[[str, Image.Image, Image.Image, Sequence[float]], Swap]  # of amounts in the order of `turns`
    draw: Callable[[str, Sequence[Image.Image], Sequence[Image.Image]], list[Image.Image]]
    turns: Callable[[str], Sequence[str]]  # which of ANGLES a swapper can turn a head by
    target: Callable[[Path, Path], Image.Image | None]  # of two examples, what the world has there
    surprise: Callable[[int], list[Path]]  # pictures at random


@dataclass(eq=False)
class Visit:
    """What one visitor brought last: file -> picture; and which example a file is."""

    known: dict[str, Image.Image] = field(default_factory=dict)
    turn: int = 0  # which box the next example goes into


def create_tab(functions: Functions, swappers: Sequence[tuple[str, str]], examples: Sequence[tuple[Path, str]]) -> None:
    """Fill the tab.

    Args:
        swappers: what draws: words for people, and its name.
        examples: pictures to click on, and what they show.
    """
    example_of = {path.name: path for path, _ in examples}

    def seen(file: dict | None, visit: Visit) -> Image.Image | None:
        """The picture of a file, None of none. Raises ImageError."""
        if not file:
            return None
        if file["path"] not in visit.known:
            visit.known[file["path"]] = uploads.read(file)
            while len(visit.known) > KEPT:
                visit.known.pop(next(iter(visit.known)))
        return visit.known[file["path"]]

    def show(name: str, first: dict | None, second: dict | None, *rest: Any) -> tuple[Any, Visit]:
        """The swap beside both pictures."""
        *amounts, visit = rest
        if None in amounts:  # a number that is being typed
            return gr.skip(), visit
        try:
            pictures = seen(first, visit), seen(second, visit)
            if None in pictures:
                return panel_swap.EMPTY if not any(pictures) else panel_swap.ONE, visit
            turned = [amount for angle, amount in zip(ANGLES, amounts, strict=True) if angle in functions.turns(name)]
            found = functions.swap(name, *pictures, turned)
        except (ImageError, gr.Error, ValueError) as error:
            return panel.refusal(fault(str(getattr(error, "message", error)))), visit
        return panel_swap.swap(*pictures, found, None if any(turned) else target_of(name, first, second)), visit

    def target_of(name: str, first: dict, second: dict) -> Image.Image | None:
        paths = [example_of.get(Path(str(file.get("orig_name") or file["path"])).name) for file in (first, second)]
        return functions.target(*paths) if all(paths) and name == swappers[0][1] else None

    def pick(first: dict | None, second: dict | None, visit: Visit, event: gr.EventData) -> tuple[Any, Any, Visit]:
        """An example goes into the box that is empty; else, or with two quick clicks, into one after the other."""
        box = visit.turn if bool(first) == bool(second) else int(bool(first))
        visit.turn = 1 - box
        path = examples[event.index][0]
        return (path, gr.skip(), visit) if box == 0 else (gr.skip(), path, visit)

    def exchanged(first: dict | None, second: dict | None) -> tuple[Any, Any]:
        try:
            return tuple(uploads.path_of(file) if file else None for file in (second, first))
        except ImageError:  # `show` says so
            return gr.skip(), gr.skip()

    def turnable(name: str) -> list[dict]:
        there = functions.turns(name)
        return [gr.update(visible=angle in there) for angle in ANGLES]

    def many(name: str, identities: list | None, attributes: list | None) -> tuple[str, Any]:
        """All identities by all poses; what was not brought is chosen by chance."""
        try:
            sides = [brought(files, count) for files, count in zip((identities, attributes), BY_CHANCE, strict=True)]
            first, second = (pictures for pictures, _ in sides)
            sheet = panel_swap.grid(first, second, swaps_of(name, first, second))
        except (ImageError, gr.Error) as error:
            return panel.refusal(fault(str(getattr(error, "message", error)))), GONE
        left_out = [file for _, faults in sides for file in faults]
        shown = panel_swap.grid_shown(sheet) + panel.files_left_out(left_out)
        return shown, gr.update(value=uploads.offer(_png(sheet), "swaps.png"), visible=True)

    def swaps_of(name: str, first: Sequence[Image.Image], second: Sequence[Image.Image]) -> list[Image.Image]:
        return [swap for one in first for swap in functions.draw(name, [one] * len(second), second)]

    def brought(files: list | None, count: int) -> tuple[list[Image.Image], list[tuple[str, str]]]:
        """The pictures of files, or some by chance; and which could not be used. Raises ImageError: none could."""
        if not files:
            return [uploads.kept(path) for path in functions.surprise(count)], []
        pictures, left_out = [], []
        for one in uploads.all_of(files)[1]:
            reason = one.fault or ("Only 8 pictures are taken on each side." if len(pictures) == MOST_SIDE else "")
            if reason or one.picture is None:
                left_out.append((one.name, reason))
            else:
                pictures.append(one.picture)
        if not pictures:
            raise ImageError(left_out[0][1])
        return pictures, left_out

    def swap_pictures(
        identity: dict | None,
        attributes: dict | None,
        network: str = swappers[0][1],
        turn: float = 0.0,
        lift: float = 0.0,
        lean: float = 0.0,
    ) -> tuple[Image.Image, dict[str, Any]]:
        """Draw the breed of one picture in the pose of another.

        Args:
            identity: a picture of a head, whose breed is taken; the square in its middle counts.
            attributes: another, whose pose, light and background are taken.
            network: what draws.
            turn, lift, lean: turn the head further, in deviations from -3 to 3, where the network knows how.

        Returns:
            swap: the picture.
            said: of identity, attributes and swap the breed (null: neither), its probability, and yaw, pitch and tilt
                in degrees; and of the two pictures whether they are far from what the network learned.
        """
        amounts = {"turn": turn, "lift": lift, "lean": lean}
        for word, amount in amounts.items():
            is_number = isinstance(amount, int | float) and not isinstance(amount, bool) and math.isfinite(amount)
            if not is_number or abs(amount) > MOST_TURN:
                raise gr.Error(f"{word} must be from -3 to 3, not {amount!r}.", print_exception=False)
        known = [name for _, name in swappers]
        if network not in known:
            raise gr.Error(f"network must be one of {', '.join(known)}, not {network!r}.", print_exception=False)
        try:
            pictures = uploads.read(identity), uploads.read(attributes)
        except ImageError as error:
            raise gr.Error(f"{str(error).rstrip('.')}.", print_exception=False) from None
        there = functions.turns(network)
        wanted = dict(zip(ANGLES, amounts.values(), strict=True))
        if lacking := [
            word for word, angle in zip(amounts, ANGLES, strict=True) if wanted[angle] and angle not in there
        ]:
            raise gr.Error(f"{network} does not know how to {lacking[0]} a head.", print_exception=False)
        found = functions.swap(network, *pictures, [wanted[angle] for angle in there])
        said = {
            what: {
                "breed": None if one.breed == panel.NEITHER else one.breed,
                "probability": round(one.share, 4),
                "pose": None if one.pose is None else dict(zip(ANGLES, (round(a, 1) for a in one.pose), strict=True)),
            }
            for what, one in zip(("identity", "attributes", "swap"), found.verdicts, strict=True)
        }
        for what, strange in zip(("identity", "attributes"), found.strange, strict=True):
            said[what]["strange"] = bool(strange)
        return found.image, said

    visit = gr.State(Visit(), time_to_live=FORGET_AFTER)
    network = gr.Radio(
        list(swappers), value=swappers[0][1], label=WORDS("drawer"), visible=len(swappers) > 1, elem_id="swapper"
    )
    with gr.Row(elem_id="swap-boxes"):
        first, second = uploads.box("identity", "identity"), uploads.box("attributes", "attributes")
    with gr.Row(elem_id="swap-choices"):
        chosen = gr.HTML(
            page.examples(examples, heading=both("Or click two of these", "Ou cliquez sur deux de celles-ci")),
            elem_id="swap-examples",
            js_on_load=page.ON_EXAMPLE_CLICK,
        )
    with gr.Row():
        surprise = gr.Button(WORDS("surprise"), elem_id="swap-surprise", min_width=140)
        exchange = gr.Button(WORDS("exchange"), elem_id="swap-exchange", min_width=140)
    shown = gr.HTML(panel_swap.EMPTY, elem_id="swapped", js_on_load=None)
    with gr.Row(elem_id="swap-turns"):
        sliders = [
            gr.Slider(-MOST_TURN, MOST_TURN, 0, step=0.25, label=WORDS(angle), visible=False, elem_id=f"swap-{angle}")
            for angle in ANGLES
        ]
    with gr.Accordion(WORDS("many"), open=False):
        with gr.Row():
            files = [
                gr.File(label=WORDS(label), file_count="multiple", height=120, elem_id=f"many-{label}")
                for label in ("identities", "poses")
            ]
        make = gr.Button(WORDS("make_grid"), variant="primary", elem_id="make-grid")
        sheet = gr.HTML("", elem_id="grid", js_on_load=None)
        save = gr.DownloadButton(WORDS("save_png"), size="sm", visible=False)
    quiet = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    chosen.select(pick, [first, second, visit], [first, second, visit], trigger_mode="multiple", **quiet)
    surprise.click(lambda: tuple(functions.surprise(2)), None, [first, second], **quiet)
    exchange.click(exchanged, [first, second], [first, second], preprocess=False, **quiet)
    changed = gr.on(
        [first.change, second.change, network.input, *(slider.change for slider in sliders)],
        show,
        [network, first, second, *sliders, visit],
        [shown, visit],
        preprocess=False,
        trigger_mode="always_last",
        **quiet,
    )
    changed.success(None, js=page.into_view("swapped"))
    gr.on([first.change, network.input], turnable, network, sliders, **quiet)
    drawing = {**quiet, "show_progress": "full", "show_progress_on": sheet, "concurrency_limit": 2}
    drawn = make.click(many, [network, *files], [sheet, save], preprocess=False, **drawing)
    drawn.success(None, js=page.into_view("grid"))
    gr.Button(visible=False).click(
        swap_pictures,
        [
            gr.Image(label="identity", type="filepath", visible=False),
            gr.Image(label="attributes", type="filepath", visible=False),
            gr.Textbox(swappers[0][1], label="network", visible=False),
            *(gr.Number(0.0, label=word, visible=False) for word in ("turn", "lift", "lean")),
        ],
        [gr.Image(label="swap", format="png", visible=False), gr.JSON(label="said", visible=False)],
        preprocess=False,
        api_name="swap",
        concurrency_limit=4,
    )


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
