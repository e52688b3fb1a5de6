"""The tab *Search*: which pictures are most like a visitor's, which place that is, and where they match."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import results
import uploads
from album import Answer, Query
from PIL import Image
from results import Match, Shown

from betwixt.images import ImageError
from betwixt.page import into_view, progress
from betwixt.recognition import VOTERS

FORGET_AFTER = 3000  # seconds
COUNT = VOTERS  # as many as the figures below them were measured with
Search = Callable[[Query, str, str, int], Answer]  # query, collection, encoder, how many
UntilReady = Callable[..., Iterator[tuple[str, float]]]


def create_tab(
    search: Search,
    until_ready: UntilReady,
    match: Match,
    collections: Sequence[tuple[str, str]],
    encoders: Sequence[tuple[str, str]],
    examples: Sequence[tuple[Path, str]],
) -> gr.State:
    """Fill the tab.

    Args:
        until_ready: collection and encoders -> what is being done and its share, while visitors must wait.
        collections: name for people and key of each, the default first.
        encoders: the same.
        examples: pictures to click on, and what they show.

    Returns:
        the picture that a visitor looked for last, as a State.
    """

    def look(file: dict | None, collection: str, encoder: str, shown: Shown) -> Iterator[tuple]:
        """Results, the emptied comparison, the picture for other tabs, and what is shown."""
        turn = shown.turn = shown.turn + 1
        if not file:
            shown.answer = None
            yield WELCOME, "", None, shown
            return
        try:
            query = Query(uploads.read(file))
            for text, share in until_ready(collection, encoder):
                yield progress(text, round(100 * share), 100), "", gr.skip(), gr.skip()
            answer = search(query, collection, encoder, COUNT)
        except (ImageError, gr.Error) as error:
            shown.answer = None
            yield panel.refusal(str(getattr(error, "message", error))), "", gr.skip(), shown
            return
        if shown.turn != turn:
            yield (gr.skip(),) * 4
            return
        shown.answer, shown.rank = answer, 0
        yield panel.found(answer), panel.match(answer, 0, None), query.picture, shown

    def search_places(
        photo: dict | None,
        encoder: str = encoders[0][1],
        collection: str = collections[0][1],
        count: int = COUNT,
        explained: bool = False,
    ) -> tuple[dict[str, Any], list[tuple[Image.Image, str]]]:
        """Find the pictures that are most like a photo, and which place it shows, if it is one of the collection.

        Args:
            photo: the picture to look for; the square in its middle counts.
            encoder: what compares pictures: landmarks-transfer, landmarks-pretrained or landmarks-scratch.
            collection: where to look: rendered, or photos where the owner of the Space offers some.
            count: how many of the nearest to give, 1 to 50; all of them vote for the place.
            explained: also give heat maps of where photo and nearest picture match.

        Returns:
            found: the place or null, its share of the votes, the threshold, and the nearest with their similarity.
            matches: the photo and the nearest picture with heat, where they were asked for.
        """
        if type(count) is not int or not 1 <= count <= 50:
            raise gr.Error(f"count must be a whole number from 1 to 50, not {count!r}.", print_exception=False)
        try:
            answer = search(Query(uploads.read(photo)), collection, encoder, count)
        except ValueError as error:
            raise gr.Error(f"{str(error).rstrip('.')}.", print_exception=False) from None
        heats = match(answer, 0) if explained else ()
        return results.as_json(answer), list(zip(heats, ("the photo", "the nearest"), strict=False))

    shown, picture = gr.State(Shown(), time_to_live=FORGET_AFTER), gr.State(None, time_to_live=FORGET_AFTER)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            upload = uploads.box("Your photo", "photo")
            uploads.offer(examples, upload, "search-examples")
            collection = gr.Radio(
                collections,
                value=collections[0][1],
                label="Search in",
                visible=len(collections) > 1,
                elem_id="collection",
            )
            encoder = gr.Dropdown(encoders, value=encoders[0][1], label="As seen by", elem_id="encoder")
        with gr.Column(scale=3, min_width=320):
            matched = gr.HTML("", elem_id="match", js_on_load=None)
            found = gr.HTML(WELCOME, elem_id="found", js_on_load=panel.ON_RESULT_CLICK.replace("STAGE", "match"))
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    comparing = {**quiet, "concurrency_limit": 4, "concurrency_id": "match", "trigger_mode": "multiple"}
    looked = gr.on(
        [upload.change, collection.change, encoder.input],
        look,
        [upload, collection, encoder, shown],
        [found, matched, picture, shown],
        preprocess=False,
        concurrency_limit=8,
        trigger_mode="always_last",
        **quiet,
    )
    looked.success(results.explain(match), shown, matched, **comparing)
    looked.success(None, js=into_view("match"))
    picked = found.select(results.pick, shown, None, queue=False, **quiet)
    picked.success(results.explain(match), shown, matched, **comparing)
    gr.Button(visible=False).click(
        search_places,
        [
            gr.Image(label="photo", type="filepath", visible=False),
            gr.Textbox(encoders[0][1], label="encoder", visible=False),
            gr.Textbox(collections[0][1], label="collection", visible=False),
            gr.Number(COUNT, precision=0, label="count", visible=False),
            gr.Checkbox(False, label="explained", visible=False),
        ],
        [gr.JSON(label="found", visible=False), gr.Gallery(label="matches", format="jpeg", visible=False)],
        preprocess=False,
        api_name="search",
        concurrency_limit=4,
    )
    return picture


WELCOME = panel.welcome(
    "Where was this?",
    "Click an example, or drop a picture. The places here are rendered, and do not exist: to search among real photos, "
    "bring some to the tab Your photos.",
)
