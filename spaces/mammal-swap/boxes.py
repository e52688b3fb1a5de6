"""Boxes for pictures: what a visitor brought last is kept, and examples go into one of two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import uploads
from PIL import Image

KEPT = 12  # of a visitor's last pictures


@dataclass(eq=False)
class Visit:
    """What one visitor brought last, so that a slider does not open it again: file -> what was made of its picture."""

    known: dict[str, Any] = field(default_factory=dict)
    turn: int = 0  # which box the next example goes into

    def seen(self, file: dict | None, make: Callable[[Image.Image], Any]) -> Any:
        """What `make` gives of a file's picture, None where there is no file. Raises ImageError, and as `make`."""
        if not file:
            return None
        if file["path"] not in self.known:
            self.known[file["path"]] = make(uploads.read(file))
            while len(self.known) > KEPT:
                self.known.pop(next(iter(self.known)))
        return self.known[file["path"]]


def picker(examples: Sequence[tuple[Path, str]]) -> Callable:
    """The handler of a click on one of the examples."""

    def pick(first: dict | None, second: dict | None, visit: Visit, event: gr.EventData) -> tuple[Any, Any, Visit]:
        """An example goes into the box that is empty; else, or with two quick clicks, into one after the other."""
        box = visit.turn if bool(first) == bool(second) else int(bool(first))
        visit.turn = 1 - box
        path = examples[event.index][0]
        return (path, gr.skip(), visit) if box == 0 else (gr.skip(), path, visit)

    return pick
