"""The tab *Mash up*: what two or three flags make together, by the grammar of flags and through latents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import gradio as gr
import panel
from PIL import Image

STRIP = [number / 8 for number in range(9)]  # shares along the strip


@dataclass(frozen=True)
class MashUp:
    """A flag of the grammar, and which flags its parts are of, by their codes; not each has an emblem."""

    picture: Image.Image
    layout: str
    palette: str
    emblem: str | None


@dataclass(frozen=True)
class Functions:
    """What the tab asks for, with flags by their codes; it knows no network and no grammar."""

    mash_up: Callable[[str, str, Sequence[str]], MashUp]  # layout, palette, who may give an emblem: the first that can
    blends: Callable[
        [str, str, Sequence[float]], list[Image.Image]
    ]  # drawn of latents between two, by the second's share
    swap: Callable[[str, str], Image.Image]  # the form of the first in the colours of the second, through latents
    surprise: Callable[[], tuple[str, str, str]]  # three flags at random


def create_tab(tab: gr.Tab, functions: Functions, names: dict[str, str]) -> None:
    """Fill the tab.

    Args:
        tab: the first mash-ups are made when it is opened.
        names: code -> name of the flags.
    """

    def by_grammar(codes: Sequence[str]) -> list[tuple[MashUp, str]]:
        """Every way to share out the parts, with a line on each."""
        made = []
        for layout, palette, *third in permutations(codes):
            new = functions.mash_up(layout, palette, [*third, layout, palette])
            words = f"layout of {names[layout]}, colours of {names[palette]}"
            made.append((new, f"{words}, emblem of {names[new.emblem]}" if new.emblem else words))
        return made

    def show(first: str, second: str, third: str | None, share: float) -> tuple[str, str, str]:
        """The grammar's mash-ups; what is drawn of the latent at the slider; what else latents give."""
        codes = [code for code in (first, second, third) if code]
        if len({*codes}) < len(codes) or not (first and second):
            return panel.refusal("Please choose two or three different flags."), "", ""
        text = "Bands and crosses of one, colours of another, an emblem: the grammar that draws all flags."
        sheet = panel.sheet("By the grammar", text, [(new.picture, words) for new, words in by_grammar(codes)])
        swaps = [
            (functions.swap(form, colors), f"form of {names[form]}, colours of {names[colors]}")
            for form, colors in ((first, second), (second, first))
        ]
        text = "Another autoencoder keeps form and colours apart, and swaps them."
        through = panel.strip(functions.blends(first, second, STRIP)) + panel.sheet("Form and colours", text, swaps)
        return sheet, between(first, second, share), through

    def open_tab(*chosen: Any) -> tuple[Any, ...]:
        *values, has = chosen
        return (gr.skip(),) * 3 if has else show(*values)

    def between(first: str, second: str, share: float) -> str:
        if not (first and second) or first == second:
            return ""
        (picture,) = functions.blends(first, second, [share / 100])
        text = (
            "An autoencoder squeezes each flag into some numbers, its latent. In between two latents it draws no flag "
            "of bands and stars, but something that melts."
        )
        return panel.sheet("Through latents", text, [(picture, f"{share:.0f} % of {names[second]}")])

    def mash_up_flags(first: str = "fr", second: str = "jp", third: str = "", share: float = 0.5) -> tuple[list, list]:
        """Make new flags of two or three.

        Args:
            first: code of a flag, like fr.
            second: code of another.
            third: code of a third, or empty.
            share: how much of the second there is in the latent that is drawn, 0 to 1.

        Returns:
            pictures: the grammar's mash-ups, then what is drawn of the latent in between.
            parts: of each which flags gave layout, palette and emblem (null: it has none); of the last the share.
        """
        codes = [code for code in (first, second, third) if code]
        unknown = [code for code in codes if not isinstance(code, str) or code not in names]
        if unknown:
            raise gr.Error(f"There is no flag with the code {str(unknown[0])[:20]!r}.", print_exception=False)
        if not (first and second) or len({*codes}) < len(codes):
            raise gr.Error("Two or three different flags are needed.", print_exception=False)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise gr.Error(f"share must be from 0 to 1, not {share!r}.", print_exception=False)
        made = by_grammar(codes)
        pictures = [(new.picture, words) for new, words in made]
        parts: list[dict[str, Any]] = [
            {"layout": new.layout, "palette": new.palette, "emblem": new.emblem} for new, _ in made
        ]
        (picture,) = functions.blends(first, second, [share])
        return [*pictures, (picture, f"latent, {share:.0%} of {names[second]}")], [
            *parts,
            {"latents": [first, second], "share": share},
        ]

    choices = [(name, code) for code, name in names.items()]
    with gr.Row(elem_id="mash-choices"):
        first = gr.Dropdown(choices, value="cu", label="One flag", elem_id="first")
        second = gr.Dropdown(choices, value="ca", label="Another", elem_id="second")
        third = gr.Dropdown([("none", ""), *choices], value="jp", label="Perhaps a third", elem_id="third")
        again = gr.Button("Surprise me", elem_id="surprise", min_width=120)
    grammar = gr.HTML("", elem_id="grammar", js_on_load=None)
    blended = gr.HTML("", elem_id="between", js_on_load=None)
    share = gr.Slider(0, 100, 50, step=1, label="How much of the other flag, in the latent (%)", elem_id="share")
    latents = gr.HTML("", elem_id="latents", js_on_load=None)
    inputs, outputs = [first, second, third, share], [grammar, blended, latents]
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    tab.select(open_tab, [*inputs, grammar], outputs, **quiet)
    gr.on([box.input for box in (first, second, third)], show, inputs, outputs, **quiet)
    surprised = again.click(functions.surprise, None, [first, second, third], **quiet)
    surprised.then(show, inputs, outputs, **quiet)
    share.change(between, [first, second, share], blended, show_progress="hidden", **quiet)
    for_the_api = [
        gr.Textbox(value, visible=False, label=name)
        for name, value in (("first", "fr"), ("second", "jp"), ("third", ""))
    ]
    gr.Button(visible=False).click(
        mash_up_flags,
        [*for_the_api, gr.Number(0.5, label="share", visible=False)],
        [gr.Gallery(label="pictures", format="png", visible=False), gr.JSON(label="parts", visible=False)],
        preprocess=False,
        api_name="mash_up",
        concurrency_limit=2,
    )
