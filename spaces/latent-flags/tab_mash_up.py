"""The tab *Mash up*: what two or three flags make together, by the grammar of flags and through latents."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import gradio as gr
import panel
from PIL import Image

Parts = tuple[str, str, str | None]  # codes of the flags that give layout, palette and emblem
MashUp = Callable[[str, str, str | None], Image.Image]
Blend = Callable[[str, str, float], Image.Image]
Swap = Callable[[str, str], Image.Image]
STRIP = 9  # pictures along the slider


def create_tab(
    tab: gr.Tab,
    mash_up: MashUp,
    blend: Blend,
    swap: Swap,
    names: dict[str, str],
    fresh: Callable[[], tuple[str, str, str]],
) -> None:
    """Fill the tab.

    Args:
        tab: the first mash-ups are made when it is opened.
        mash_up: codes of layout, palette and emblem -> the flag that the grammar makes of them.
        blend: two codes and how much of the second -> what an autoencoder draws of the latent in between.
        swap: two codes -> the form of the first in the colours of the second, through latents.
        names: code -> name of the flags.
        fresh: three codes at random.
    """

    def by_grammar(codes: Sequence[str]) -> list[tuple[Image.Image, str, Parts]]:
        """Every way to share out the parts."""
        made = []
        for layout, palette, *rest in permutations(codes):
            emblem = rest[0] if rest else None
            words = f"layout of {names[layout]}, colours of {names[palette]}"
            if emblem:
                words += f", emblem of {names[emblem]}"
            made.append((mash_up(layout, palette, emblem), words, (layout, palette, emblem)))
        return made

    def show(first: str, second: str, third: str | None, share: float) -> tuple[str, str]:
        codes = [code for code in (first, second, third) if code]
        if len({*codes}) < len(codes) or not (first and second):
            return panel.refusal("Please choose two or three different flags."), ""
        text = "Bands and crosses of one, colours of another, the emblem of a third: the grammar that draws all flags."
        sheet = panel.sheet("By the grammar", text, [(picture, words) for picture, words, _ in by_grammar(codes)])
        return sheet, through_latents(first, second, share)

    def open_tab(*chosen: Any) -> tuple[Any, Any]:
        *values, has = chosen
        return (gr.skip(), gr.skip()) if has else show(*values)

    def through_latents(first: str, second: str, share: float) -> str:
        if not (first and second):
            return ""
        strip = [blend(first, second, number / (STRIP - 1)) for number in range(STRIP)]
        pictures = [(blend(first, second, share / 100), f"{share:.0f} % of {names[second]}")]
        pictures += [
            (swap(first, second), f"form of {names[first]}, colours of {names[second]}"),
            (swap(second, first), f"form of {names[second]}, colours of {names[first]}"),
        ]
        text = (
            "An autoencoder squeezes each flag into some numbers, its latent. In between two latents it draws no flag "
            "of bands and stars, but something that melts. Another one keeps form and colours apart, and swaps them."
        )
        above = panel.sheet("Through latents", text, pictures)
        row = "".join(f'<img src="{panel.data_uri(picture)}" alt="">' for picture in strip)
        return f'{above}<div class="strip" aria-hidden="true">{row}</div>'

    def mash_up_flags(first: str = "fr", second: str = "jp", third: str = "", share: float = 0.5) -> tuple[list, list]:
        """Make new flags of two or three.

        Args:
            first: code of a flag, like fr.
            second: code of another.
            third: code of a third, or empty.
            share: how much of the second there is in the latent that is drawn, 0 to 1.

        Returns:
            pictures: the grammar's mash-ups, then what is drawn of the latent in between.
            parts: of each which flags gave layout, palette and emblem; of the last the share.
        """
        codes = [code for code in (first, second, third) if code]
        unknown = [code for code in codes if code not in names]
        if unknown:
            raise gr.Error(f"There is no flag with the code {str(unknown[0])[:20]!r}.", print_exception=False)
        if not (first and second) or len({*codes}) < len(codes):
            raise gr.Error("Two or three different flags are needed.", print_exception=False)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise gr.Error(f"share must be from 0 to 1, not {share!r}.", print_exception=False)
        made = by_grammar(codes)
        pictures = [(picture, words) for picture, words, _ in made]
        parts: list[dict[str, Any]] = [
            {"layout": layout, "palette": palette, "emblem": emblem} for _, _, (layout, palette, emblem) in made
        ]
        pictures.append((blend(first, second, share), f"latent, {share:.0%} of {names[second]}"))
        return pictures, [*parts, {"latents": [first, second], "share": share}]

    choices = [(name, code) for code, name in names.items()]
    with gr.Row(elem_id="mash-choices"):
        first = gr.Dropdown(choices, value="jm", label="One flag", elem_id="first")
        second = gr.Dropdown(choices, value="no", label="Another", elem_id="second")
        third = gr.Dropdown([("none", ""), *choices], value="jp", label="Perhaps a third", elem_id="third")
        again = gr.Button("Surprise me", elem_id="surprise", min_width=120)
    grammar = gr.HTML("", elem_id="grammar", js_on_load=None)
    share = gr.Slider(0, 100, 50, step=1, label="How much of the other flag, in the latent (%)", elem_id="share")
    latents = gr.HTML("", elem_id="latents", js_on_load=None)
    inputs, outputs = [first, second, third, share], [grammar, latents]
    quiet = {"api_visibility": "private", "concurrency_limit": 4, "trigger_mode": "always_last"}
    tab.select(open_tab, [*inputs, grammar], outputs, **quiet)
    for box in (first, second, third):
        box.input(show, inputs, outputs, **quiet)
    share.input(through_latents, [first, second, share], latents, show_progress="hidden", **quiet)
    again.click(fresh, None, [first, second, third], **quiet).then(show, inputs, outputs, **quiet)
    fraction = gr.Number(0.5, label="share", visible=False)
    gr.Button(visible=False).click(
        mash_up_flags,
        [first, second, third, fraction],
        [gr.Gallery(label="pictures", format="png", visible=False), gr.JSON(label="parts", visible=False)],
        preprocess=False,
        api_name="mash_up",
        concurrency_limit=2,
    )
