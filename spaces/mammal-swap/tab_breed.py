"""The tab *Breed*: which breed an animal is of, how sure that is, and what in the picture says so."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import uploads
from checks import line, said
from panel import NEITHER
from PIL import Image
from words import both

from betwixt import page
from betwixt.images import ImageError

Opinion = list[tuple[str, float]]  # classes and probabilities, the likeliest first


def create_tab(
    ask: Callable[[Image.Image], Opinion],
    explain: Callable[[Image.Image, str], Image.Image],
    pictured: Callable[[str], str | None],
    examples: Sequence[tuple[Path, str]],
) -> None:
    """Fill the tab.

    Args:
        explain: picture and class -> the picture, warm where it speaks for the class. Slower than `ask`.
        pictured: class -> a picture of it as a data URI, where the Space may show one.
        examples: pictures to click on, and what they show.
    """

    def answer(file: dict | None) -> str:
        if not file:
            return panel.note(*EMPTY)
        try:
            picture = uploads.read(file)
            opinion = ask(picture)
        except (ImageError, gr.Error) as error:
            return panel.refusal(said(error))
        return panel.breed(picture, opinion, pictured)

    def look(file: dict | None) -> Any:
        """The same, with what in the picture decided."""
        try:
            picture = uploads.read(file)
            opinion = ask(picture)
            if opinion[0][0] == NEITHER:
                return gr.skip()
            return panel.breed(picture, opinion, pictured, explain(picture, opinion[0][0]))
        except (ImageError, gr.Error):  # `answer` has said so
            return gr.skip()

    def breed_of(photo: dict | None, explained: bool = False) -> tuple[dict[str, Any], Image.Image | None]:
        """Say which breed of dog or cat a picture shows, or that there is neither.

        Args:
            photo: a picture, best of a head; the square in its middle counts.
            explained: also give a heat map of what speaks for the answer.

        Returns:
            found: breed (null: neither), species, and the probabilities of all classes, the likeliest first.
            heat: the picture, warm where it speaks for the answer.
        """
        try:
            picture = uploads.read(photo)
        except ImageError as error:
            raise gr.Error(line(error), print_exception=False) from None
        opinion = ask(picture)
        best = opinion[0][0]
        found = {
            "breed": None if best == NEITHER else best,
            "species": None if best == NEITHER else panel.species(opinion)[0],
            "probabilities": {name: round(share, 5) for name, share in opinion},
        }
        return found, explain(picture, best) if explained and best != NEITHER else None

    def pick(event: gr.EventData) -> Path:
        return examples[event.index][0]

    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            photo = uploads.box("photo", "photo", 280)
            chosen = gr.HTML(
                page.examples(examples, heading=both("Or try one of these", "Ou essayez l'une de celles-ci")),
                elem_id="breed-examples",
                js_on_load=page.ON_EXAMPLE_CLICK,
            )
        with gr.Column(scale=2, min_width=320):
            shown = gr.HTML(panel.note(*EMPTY), elem_id="breed", js_on_load=None)
    quiet = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    chosen.select(pick, None, photo, **quiet)
    asked = photo.change(answer, photo, shown, preprocess=False, concurrency_limit=8, **quiet)
    asked.success(None, js=page.into_view("breed"))
    asked.success(look, photo, shown, preprocess=False, concurrency_limit=2, **quiet)
    gr.Button(visible=False).click(
        breed_of,
        [
            gr.Image(label="photo", type="filepath", visible=False),
            gr.Checkbox(False, label="explained", visible=False),
        ],
        [gr.JSON(label="found", visible=False), gr.Image(label="heat", format="jpeg", visible=False)],
        preprocess=False,
        api_name="breed",
        concurrency_limit=4,
    )


EMPTY = (
    both("Who is this?", "Qui est-ce ?"),
    both(
        "Drop a picture of a dog or a cat, best of its head, or click one of the examples.",
        "Déposez une image de chien ou de chat, de préférence de la tête, ou cliquez sur un exemple.",
    ),
)
