"""The tab *Classify*: a picture in; out come the networks' opinions, and what decided them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import panel
from panel import Opinion, Reason, Variant
from PIL import Image
from uploads import read

from betwixt import page
from betwixt.images import ImageError, fit

PICTURE_SIZE = 320  # side of the pictures on the page, in pixels
Classify = Callable[[Image.Image], list[Opinion]]
Explain = Callable[[Image.Image], Iterator[Reason]]
Vary = Callable[[Image.Image], list[Variant]]


def create_tab(classify: Classify, explain: Explain, vary: Vary, examples: list[tuple[Path, str]]) -> None:
    """Fill the tab.

    Args:
        classify: picture -> opinions, of the best network first. Quick.
        explain: picture -> for each of these networks what decided. Slow, so one after the other.
        vary: picture -> as the networks see it, then with something taken away.
        examples: files to click on, and what they show.
    """

    def show_answers(photo: dict | None, visit: dict) -> str:
        visit["photo"] = photo and photo["path"]
        try:
            image = read(photo, 2 * PICTURE_SIZE)
        except ImageError as error:
            if not photo:
                return panel.welcome(examples)
            gr.Warning(str(error))
            return panel.refusal(str(error))
        return panel.answers(fit(image, PICTURE_SIZE), vary(image), classify(image), [], done=False)

    def show_reasons(photo: dict | None, visit: dict) -> Iterator[str | dict]:
        yield gr.skip()  # a generator that ends before it yields anything would empty the panel
        try:
            image = read(photo, 2 * PICTURE_SIZE)
        except ImageError:  # show_answers has said so
            return
        square, variants, opinions = fit(image, PICTURE_SIZE), vary(image), classify(image)
        reasons: list[Reason] = []
        for reason in explain(image):
            if visit["photo"] != photo["path"]:  # the visitor has gone on to another picture
                yield gr.skip()  # Gradio sends the last again, which must not be that of an outdated one
                return
            reasons.append(reason)
            yield panel.answers(square, variants, opinions, reasons, done=len(reasons) == len(opinions))

    def pick_example(event: gr.EventData) -> Path:
        return examples[event.index][0]

    def classify_photo(photo: dict, explained: bool = True) -> tuple[list[dict], list[tuple[Image.Image, str]]]:
        """Say what several networks think a picture shows: a clock, a crocodile or neither; and what decided.

        Args:
            photo: a picture of any size (JPEG, PNG, WebP, GIF).
            explained: also make the heat maps and the what-if test, which takes a few seconds.

        Returns:
            opinions: of each network, the best first: network, model, description, measured, answer,
                probabilities (class -> 0 to 1) and, where explained, without (what is taken away -> the
                probability that the answer then has).
            heat_maps: where explained, the picture for each network in the same order; orange speaks for the
                answer, blue against it.
        """
        try:
            image = read(photo, 2 * PICTURE_SIZE)
        except ImageError as error:
            raise gr.Error(str(error), print_exception=False) from None
        opinions = classify(image)
        reasons = list(explain(image)) if explained else []
        described = [
            {
                "network": opinion.network,
                "model": opinion.model,
                "description": opinion.description,
                "measured": opinion.measured,
                "answer": opinion.answer,
                "probabilities": opinion.probabilities,
                **({"without": reasons[i].without} if reasons else {}),
            }
            for i, opinion in enumerate(opinions)
        ]
        captions = [f"{opinion.network}: {opinion.answer}" for opinion in opinions]
        return described, [(reason.heat_map, caption) for reason, caption in zip(reasons, captions, strict=False)]

    visit = gr.State({})  # the same dict in all events of one visitor: tells a slow one that it is outdated
    with gr.Row(elem_id="classify"):
        with gr.Column(scale=1, min_width=280, elem_id="bring"):
            photo = gr.Image(
                label="Your picture",
                type="filepath",
                sources=["upload", "clipboard", "webcam"],
                height=300,
                buttons=[],
                elem_id="photo",
                alt_text="The picture that you chose",
                placeholder="# Drop a picture here\nor click to choose one",
            )
            chosen = gr.HTML(page.examples(examples), elem_id="examples", js_on_load=page.ON_EXAMPLE_CLICK)
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML(panel.welcome(examples), elem_id="answers", js_on_load=None)
    chosen.select(pick_example, None, photo, api_visibility="private", show_progress="hidden")

    # Without preprocessing the handlers get the stored file as it came. Gradio would open it first, and
    # answer a damaged one with a message that helps nobody.
    looking = photo.change(
        show_answers,
        [photo, visit],
        shown,
        preprocess=False,
        api_visibility="private",
        concurrency_limit=4,
        trigger_mode="always_last",
        show_progress="minimal",
    )
    looking.success(
        show_reasons,
        [photo, visit],
        shown,
        preprocess=False,
        api_visibility="private",
        concurrency_limit=2,
        trigger_mode="multiple",
        show_progress="hidden",
    )

    explained = gr.Checkbox(True, label="explained", visible=False)
    opinions = gr.JSON(label="opinions", visible=False)
    heat_maps = gr.Gallery(label="heat maps", format="jpeg", visible=False)
    gr.Button(visible=False).click(
        classify_photo,
        [photo, explained],
        [opinions, heat_maps],
        preprocess=False,
        api_name="classify",
        concurrency_limit=2,
    )
