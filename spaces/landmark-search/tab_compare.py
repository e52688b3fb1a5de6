"""The tab *Compare encoders*: one picture, and what each of three encoders finds nearest to it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import panel
import results
import uploads
from album import Query
from tab_search import FORGET_AFTER, Search, UntilReady

from betwixt.images import ImageError
from betwixt.page import progress

COUNT = 8


def create_tab(
    tab: gr.Tab,
    search: Search,
    until_ready: UntilReady,
    surprise: Callable[[str], Query],
    collections: Sequence[tuple[str, str]],
    encoders: Sequence[tuple[str, str, str]],
    examples: Sequence[tuple[Path, str]],
) -> None:
    """Fill the tab.

    Args:
        tab: a picture of the collection is looked for when it is opened first.
        surprise: collection -> one of its pictures, at random.
        encoders: key, name for people and words of each.
        examples: pictures to click on, and what they show.
    """

    def compared(query: Query, collection: str) -> Iterator[str]:
        for text, share in until_ready(collection, *(key for key, _, _ in encoders)):
            yield progress(text, round(100 * share), 100)
        answers = [(search(query, collection, key, COUNT), title, text) for key, title, text in encoders]
        yield panel.columns(answers, "Your picture")

    def compare_file(file: dict | None, collection: str) -> Iterator[str | dict]:
        if not file:
            yield gr.skip()
            return
        try:
            yield from compared(Query(uploads.read(file)), collection)
        except (ImageError, gr.Error) as error:
            yield panel.refusal(str(getattr(error, "message", error)))

    def compare_random(collection: str) -> Iterator[tuple[str, Any, bool]]:
        try:
            for html in compared(surprise(collection), collection):
                yield html, None, True
        except gr.Error as error:
            yield panel.refusal(str(error.message)), gr.skip(), False

    def open_tab(collection: str, has: bool) -> Iterator[tuple]:
        if has:
            yield (gr.skip(),) * 3
        else:
            yield from compare_random(collection)

    def compare_encoders(
        photo: dict | None = None, collection: str = collections[0][1], count: int = COUNT
    ) -> dict[str, Any]:
        """See what three encoders find nearest to one picture.

        Args:
            photo: the picture to look for; without one, a picture of the collection is taken at random.
            collection: where to look: rendered, or photos where the owner of the Space offers some.
            count: how many of the nearest to give, 1 to 50.

        Returns:
            found: for each encoder what `search` gives; and as "truth" the place, where it is known.
        """
        if type(count) is not int or not 1 <= count <= 50:
            raise gr.Error(f"count must be a whole number from 1 to 50, not {count!r}.", print_exception=False)
        try:
            query = Query(uploads.read(photo)) if photo else surprise(collection)
            found = {key: results.as_json(search(query, collection, key, count)) for key, _, _ in encoders}
        except ValueError as error:
            raise gr.Error(f"{str(error).rstrip('.')}.", print_exception=False) from None
        return {"truth": query.place} | found

    has = gr.State(False, time_to_live=FORGET_AFTER)
    with gr.Row():
        with gr.Column(scale=1, min_width=240):
            again = gr.Button("Surprise me", variant="primary", elem_id="surprise")
            upload = uploads.box("Or a photo of yours", "compared", 200)
            uploads.offer(examples, upload, "compare-examples")
            collection = gr.Radio(collections, value=collections[0][1], label="Search in", visible=len(collections) > 1)
        with gr.Column(scale=4, min_width=320):
            shown = gr.HTML("", elem_id="columns", js_on_load=None)
    quiet = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 8}
    tab.select(open_tab, [collection, has], [shown, upload, has], **quiet)
    again.click(compare_random, collection, [shown, upload, has], **quiet, trigger_mode="once")
    collection.change(compare_random, collection, [shown, upload, has], **quiet)
    upload.change(compare_file, [upload, collection], shown, preprocess=False, trigger_mode="always_last", **quiet)
    gr.Button(visible=False).click(
        compare_encoders,
        [
            gr.Image(label="photo", type="filepath", visible=False),
            gr.Textbox(collections[0][1], label="collection", visible=False),
            gr.Number(COUNT, precision=0, label="count", visible=False),
        ],
        gr.JSON(label="found", visible=False),
        preprocess=False,
        api_name="compare_encoders",
        concurrency_limit=2,
    )
