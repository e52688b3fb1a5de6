"""The tab *Your photos*: a search of a visitor's own pictures, kept for the visit and then forgotten."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import panel
import results
import uploads
from album import Answer, Query
from own import MOST, MOST_BYTES, Own, Step
from results import Match, Shown
from tab_search import COUNT, FORGET_AFTER

from betwixt.images import ImageError
from betwixt.page import progress

WELCOME = panel.welcome(
    "A search of your own", f"Drop up to {MOST} pictures, or a zip of them: they can be searched within a minute."
)


@dataclass(eq=False)
class Visit(Shown):
    """What one visitor sees, and the pictures that were brought."""

    own: Own | None = None
    building: int = 0  # of the newest collection


def create_tab(
    build: Callable[[Sequence[dict] | None], Iterator[Step | Own]],
    search: Callable[[Query, Own, int], Answer],
    match: Match,
) -> None:
    """Fill the tab.

    Args:
        build: a visitor's files -> how far it has come, and at last the collection.
    """

    def bring(files: list[dict] | None, visit: Visit) -> Iterator[tuple]:
        """The visitor's pictures, the emptied results and comparison, the box for one more, and the visit."""
        turn = visit.building = visit.building + 1
        visit.own = visit.answer = None
        gone = gr.update(visible=False)
        if not files:
            yield WELCOME, "", "", gone, visit
            return
        yield progress("Opening your files", 0, 1), "", "", gone, visit
        try:
            for step in build(files):
                if visit.building != turn:
                    yield (gr.skip(),) * 5
                    return
                if isinstance(step, Own):
                    visit.own = step
                else:
                    text = f"Looking at your pictures: {step.done} of {step.total}"
                    yield progress(text, step.done, step.total), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        except (ImageError, gr.Error) as error:
            yield panel.refusal(str(getattr(error, "message", error))), "", "", gone, visit
            return
        yield panel.own(visit.own.album, visit.own.left_out), "", "", gr.update(visible=True), visit

    def answered(query: Query, visit: Visit) -> tuple[str, str, Visit]:
        """The results, the comparison, and the visit."""
        visit.answer, visit.rank = search(query, visit.own, COUNT), 0
        return panel.found(visit.answer), panel.match(visit.answer, 0, None), visit

    def look_for_own(visit: Visit, event: gr.EventData) -> tuple[Any, Any, Visit]:
        own, row = visit.own, event.index
        if own is None:
            return panel.refusal("Your pictures were forgotten after a while: please bring them again."), "", visit
        if type(row) is not int or not 0 <= row < len(own.album):
            return gr.skip(), gr.skip(), visit
        return answered(Query(own.album.open_or_blank(row), own.album, row), visit)

    def look_for_other(file: dict | None, visit: Visit) -> tuple[Any, Any, Visit]:
        if not file:
            return gr.skip(), gr.skip(), visit
        try:
            query = Query(uploads.read(file))
            if visit.own is None:
                raise ImageError("Your pictures were forgotten after a while: please bring them again.")
            return answered(query, visit)
        except (ImageError, gr.Error) as error:
            visit.answer = None
            return panel.refusal(str(getattr(error, "message", error))), "", visit

    def your_photos(files: list[dict] | None, photo: dict | None = None, count: int = COUNT) -> dict[str, Any]:
        """Make pictures of yours searchable, and look for one among them.

        Args:
            files: up to 500 pictures, or a zip of them; its folders are names of places.
            photo: the picture to look for; without one, the first of them.
            count: how many of the nearest to give, 1 to 50.

        Returns:
            found: how many pictures there are, their places, what was left out and why, and what `search` gives.
        """
        if type(count) is not int or not 1 <= count <= 50:
            raise gr.Error(f"count must be a whole number from 1 to 50, not {count!r}.", print_exception=False)
        try:
            *_, own = build(files)
            query = Query(uploads.read(photo)) if photo else Query(own.album.open_or_blank(0), own.album, 0)
            answer = search(query, own, count)
        except ImageError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return {
            "count": len(own.album),
            "places": sorted({*own.album.places}) if own.album.has_places else [],
            "left_out": [{"file": name, "why": why} for name, why in own.left_out],
            **results.as_json(answer),
        }

    visit = gr.State(Visit(), time_to_live=FORGET_AFTER)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            files = gr.File(
                label="Pictures, or one zip",
                file_count="multiple",
                file_types=["image", ".zip"],
                height=150,
                elem_id="own-files",
            )
            with gr.Column(visible=False) as one_more:
                other = uploads.box("Look for another photo", "own-query", 200)
            gr.HTML(
                f'<p class="quiet">Up to {MOST} pictures, {MOST_BYTES // 1_000_000} MB in all. In a zip, folders are '
                "names of places. Only you can search what you bring, and within an hour it is forgotten.</p>",
                js_on_load=None,
            )
        with gr.Column(scale=3, min_width=320):
            matched = gr.HTML("", elem_id="own-match", js_on_load=None)
            found = gr.HTML("", elem_id="own-found", js_on_load=panel.ON_RESULT_CLICK.replace("STAGE", "own-match"))
            pictures = gr.HTML(
                WELCOME, elem_id="own-pictures", js_on_load=panel.ON_RESULT_CLICK.replace("STAGE", "own-match")
            )
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    raw = {**quiet, "preprocess": False}
    comparing = {**quiet, "concurrency_limit": 4, "concurrency_id": "match", "trigger_mode": "multiple"}
    files.change(
        bring,
        [files, visit],
        [pictures, found, matched, one_more, visit],
        concurrency_limit=2,
        concurrency_id="own photos",
        trigger_mode="multiple",
        **raw,
    )
    for looked in (
        pictures.select(
            look_for_own, visit, [found, matched, visit], concurrency_limit=8, trigger_mode="always_last", **quiet
        ),
        other.change(
            look_for_other,
            [other, visit],
            [found, matched, visit],
            concurrency_limit=8,
            trigger_mode="always_last",
            **raw,
        ),
        found.select(results.pick, visit, None, queue=False, **quiet),
    ):
        looked.success(results.explain(match), visit, matched, **comparing)
    gr.Button(visible=False).click(
        your_photos,
        [
            gr.File(label="files", file_count="multiple", visible=False),
            gr.Image(label="photo", type="filepath", visible=False),
            gr.Number(COUNT, precision=0, label="count", visible=False),
        ],
        gr.JSON(label="found", visible=False),
        preprocess=False,
        api_name="your_photos",
        concurrency_limit=2,
        concurrency_id="own photos of programs",
    )
