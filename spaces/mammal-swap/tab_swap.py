"""The tab *Swap identity and pose*: the breed of one picture in the pose of another."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import panel_swap
import uploads
from boxes import Visit, picker
from checks import in_range, line, said
from PIL import Image
from swaps import ANGLES, Looked, Swap
from words import WORDS, both

from betwixt import page
from betwixt.images import ImageError

FORGET_AFTER = 3000  # seconds
MOST_TURN = 3.0  # deviations
MOST_SIDE = 8  # pictures along each side of a grid
BY_CHANCE = (4, 6)  # identities and poses of a grid for which nothing was brought
GONE = gr.update(visible=False)


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    look: Callable[[Image.Image], Looked]
    swap: Callable[[str, Looked, Looked, Sequence[float]], Swap]  # of amounts in the order of `turns`
    draw: Callable[[str, Sequence[Image.Image], Sequence[Image.Image]], list[Image.Image]]
    turns: Callable[[str], Sequence[str]]  # which of ANGLES a swapper can turn a head by
    target: Callable[[Path, Path], Image.Image | None]  # of two examples, what the world has there
    surprise: Callable[[int], list[Path]]  # pictures at random


def create_tab(functions: Functions, swappers: Sequence[tuple[str, str]], examples: Sequence[tuple[Path, str]]) -> None:
    """Fill the tab.

    Args:
        swappers: what draws: words for people, and its name.
        examples: pictures to click on, and what they show.
    """
    example_of = {path.name: path for path, _ in examples}

    def show(name: str, first: dict | None, second: dict | None, *rest: Any) -> tuple[Any, Visit]:
        """The swap beside both pictures."""
        *amounts, visit = rest
        if None in amounts:  # a number that is being typed
            return gr.skip(), visit
        try:
            both_sides = [visit.seen(file, functions.look) for file in (first, second)]
            if None in both_sides:
                return panel_swap.EMPTY if not any(both_sides) else panel_swap.ONE, visit
            turned = [amount for angle, amount in zip(ANGLES, amounts, strict=True) if angle in functions.turns(name)]
            found = functions.swap(name, *both_sides, turned)
        except (ImageError, gr.Error, ValueError) as error:
            return panel.refusal(said(error)), visit
        return panel_swap.swap(found, None if any(turned) else target_of(name, first, second)), visit

    def target_of(name: str, first: dict, second: dict) -> Image.Image | None:
        paths = [example_of.get(Path(str(file.get("orig_name") or file["path"])).name) for file in (first, second)]
        return functions.target(*paths) if all(paths) and name == swappers[0][1] else None

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
            return panel.refusal(said(error)), GONE
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
        try:
            for word, amount in amounts.items():
                in_range(word, amount, -MOST_TURN, MOST_TURN)
            known = [name for _, name in swappers]
            if network not in known:
                raise ValueError(f"network must be one of {', '.join(known)}, not {network!r}")
            there, wanted = functions.turns(network), dict(zip(ANGLES, amounts.items(), strict=True))
            for angle, (word, amount) in wanted.items():
                if amount and angle not in there:
                    raise ValueError(f"{network} does not know how to {word} a head")
            both_sides = [functions.look(uploads.read(file)) for file in (identity, attributes)]
        except ValueError as error:
            raise gr.Error(line(error), print_exception=False) from None
        found = functions.swap(network, *both_sides, [wanted[angle][1] for angle in there])
        said = {
            what: {
                "breed": None if one.verdict.breed == panel.NEITHER else one.verdict.breed,
                "probability": round(one.verdict.share, 4),
                "pose": one.verdict.pose
                and {angle: round(v, 1) for angle, v in zip(ANGLES, one.verdict.pose, strict=True)},
            }
            for what, one in zip(
                ("identity", "attributes", "swap"), (found.identity, found.attributes, found.drawn), strict=True
            )
        }
        for what, strange in zip(("identity", "attributes"), found.strange, strict=True):
            said[what]["strange"] = bool(strange)
        return found.drawn.picture, said

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
    chosen.select(picker(examples), [first, second, visit], [first, second, visit], trigger_mode="multiple", **quiet)
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
