"""Where results of a search are shown and clicked on: used by the tab *Search* and the tab *Your photos*."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gradio as gr
import panel
from album import Answer
from PIL import Image

Match = Callable[[Answer, int], tuple[Image.Image, Image.Image]]  # an answer, which result -> both with heat


@dataclass(eq=False)
class Shown:
    """What one visitor sees: the same object in all events, so that a slow one notices that it is outdated."""

    answer: Answer | None = None
    rank: int = 0  # of the result that is compared
    turn: int = 0  # of the newest search


def explain(match: Match) -> Callable[[Shown], Iterator[str | dict]]:
    """The handler that compares the query with the picked result: both at once, then with heat."""

    def handler(shown: Shown) -> Iterator[str | dict]:
        answer, rank = shown.answer, shown.rank
        if answer is None or not answer.rows:
            yield gr.skip()
            return
        yield panel.match(answer, rank, None)
        heats = [panel.small(picture) for picture in match(answer, rank)]
        is_newest = shown.answer is answer and shown.rank == rank
        yield panel.match(answer, rank, heats) if is_newest else gr.skip()

    return handler


def pick(shown: Shown, event: gr.EventData) -> None:
    """Note which result was clicked."""
    index = event.index
    if shown.answer and type(index) is int and 0 <= index < len(shown.answer.rows):
        shown.rank = index


def as_json(answer: Answer) -> dict:
    """What a search found, for people who call the API."""
    album = answer.album
    return {
        "collection": album.key,
        "encoder": answer.encoder,
        "place": answer.place,
        "share": round(answer.share, 4),
        "threshold": round(answer.calibration.threshold, 4) if answer.calibration else None,
        "nearest": [
            {"id": album.ids[row], "place": album.places[row], "similarity": round(score, 4)}
            for row, score in zip(answer.rows, answer.scores, strict=True)
        ],
    }
