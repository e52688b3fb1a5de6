"""What happens in the tab *Find hybrids*: a search with progress, a pick, a download."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import panel_find as panel
from api_find import MOST, Functions, checked, faults, offer_checkpoint, offer_table, said
from finder import Eye, Picture, Ranking, Search, rank
from uploads import gather

from betwixt.few_shot import MIN_PICTURES
from betwixt.images import ImageError
from betwixt.page import data_uri

PAGE = 48  # pictures that the gallery shows at first, and more on each click
SECONDS_BETWEEN_UPDATES = 0.5


@dataclass
class Choice:
    """What a visitor set in the left column; files as Gradio stored them."""

    collection: str
    method: str
    features: str
    yours: list[dict] | None = None
    first_name: str = ""
    first: list[dict] | None = None
    second_name: str = ""
    second: list[dict] | None = None
    third: list[dict] | None = None


Task = tuple[tuple[str, str], tuple[list[Picture], list[Picture]]]  # names of two classes, and pictures of each


@dataclass(frozen=True)
class Lesson:
    """Two classes that a visitor taught."""

    task: Task
    features: str
    learned: Eye


@dataclass
class Visit:
    """What one visitor looks at: the same object in all events, so that a slow one notices that it is outdated."""

    turn: int = 0  # of the newest search
    ranking: Ranking | None = None
    show: str | None = None  # the kind that the gallery shows; None: all
    count: int = PAGE
    picked: Picture | None = None
    known: dict[tuple[str, str], Picture] = field(default_factory=dict)  # uploads that networks have looked at
    lesson: Lesson | None = None
    written: Ranking | None = None  # the one that the CSV has

    def gather(self, choice: Choice) -> dict[str, list[Picture]]:
        """The pictures in the boxes that the visitor sees."""
        boxes = {"yours": ("yours",), "classes": ("first", "second", "third")}.get(choice.collection, ())
        found = {box: gather(getattr(choice, box), MOST, box, self.known) for box in boxes}
        self.known = {key: picture for key, picture in self.known.items() if key[0] not in boxes}
        self.known |= {(box, str(p.source)): p for box, pictures in found.items() for p in pictures if p.source}
        return found

    def pick(self, picture: Picture) -> None:
        self.picked = picture
        if self.ranking:
            for _ in self.ranking.search.read([picture]):
                pass

    def stage(self) -> str | dict:
        ranking, picked = self.ranking, self.picked
        row = ranking and picked and ranking.row(picked)
        if row is None:  # a newer search has begun meanwhile
            return gr.skip()
        heats = picked.heats.get(ranking.search.explainer.key)
        return panel.stage(ranking, row, panel.shown(ranking, self.show), heats)

    def gallery(self) -> str:
        return panel.gallery(self.ranking, self.show, self.count, self.picked)


NOTHING_NEW = (gr.skip(),) * 5
GONE = gr.update(visible=False)
FORGOTTEN = panel.refusal("What you saw here is forgotten after a while: please search again.")


class Events:
    """The handlers. Those of a search give the stage, the gallery, the buttons for CSV and ZIP, and the Visit.

    The Visit is given only so that Gradio notes the time: what is no output of any event it keeps for ever.
    """

    def __init__(self, functions: Functions):
        self.functions = functions

    def open_tab(self, *chosen: Any) -> Iterator[tuple]:
        """The first search of a visit; later the tab is found as it was left."""
        if chosen[-1].turn:
            yield NOTHING_NEW
        else:
            yield from self.search(*chosen)

    def search(self, *chosen: Any) -> Iterator[tuple]:
        """Search as the left column says; `chosen` are the values of a Choice, then the Visit."""
        yield from self._search(Choice(*chosen[:-1]), chosen[-1], learn=False)

    def learn_and_search(self, *chosen: Any) -> Iterator[tuple]:
        """Learn a visitor's own two classes, then search."""
        yield from self._search(Choice(*chosen[:-1]), chosen[-1], learn=True)

    def try_example(self, *chosen: Any) -> Iterator[tuple]:
        """Learn two classes without a visitor's pictures, then search."""
        example = self.functions.example_pair()
        task = (tuple(example), tuple(example.values())) if example else None
        yield from self._search(Choice(*chosen[:-1]), chosen[-1], learn=True, task=task)

    def _search(self, choice: Choice, visit: Visit, learn: bool, task: Task | None = None) -> Iterator[tuple]:
        turn = visit.turn = visit.turn + 1
        yield *NOTHING_NEW[:-1], visit
        if learn:
            visit.known = {}
        boxes, checkpoint = visit.gather(choice), GONE
        try:
            if choice.collection == "classes":
                own = ((choice.first_name, choice.second_name), (boxes["first"], boxes["second"]))
                task = task or (own if learn else visit.lesson and visit.lesson.task)
                if task and (learn or visit.lesson.features != choice.features):
                    count = sum(map(len, task[1]))
                    yield panel.waiting(f"Learning from {count} pictures", 0, 1), "", GONE, GONE, gr.skip()
                    learned = self.functions.learn_pair(*task, choice.features, f"learned-{turn}")
                    visit.lesson = Lesson(task, choice.features, learned)
                if visit.lesson:
                    checkpoint = gr.update(value=offer_checkpoint(visit.lesson.learned), visible=True)
            search = self._wanted(choice, visit, boxes)
            if search is None:
                visit.ranking = None
                yield self._invitation(choice), "", GONE, GONE, gr.skip()
                return
            for stage, gallery in _watched(search, visit, turn):
                yield stage, gallery, gr.skip(), gr.skip(), gr.skip()
            if visit.turn == turn:
                yield visit.stage(), visit.gallery(), GONE, checkpoint, gr.skip()
            else:
                yield NOTHING_NEW  # Gradio sends the last again, which must not be that of an outdated search
        except (ValueError, gr.Error) as error:
            if visit.turn != turn:
                yield NOTHING_NEW
                return
            visit.ranking = None
            left_out = faults([*boxes.values(), *(task[1] if task else [])])
            yield panel.refusal(said(error), left_out), "", GONE, GONE, gr.skip()

    def _wanted(self, choice: Choice, visit: Visit, boxes: dict[str, list[Picture]]) -> Search | None:
        """None where there is nothing to search yet."""
        if choice.collection == "classes":
            lesson = visit.lesson
            return lesson and self.functions.search_pair(lesson.learned, lesson.task[1], choice.method, boxes["third"])
        if choice.collection == "yours" and not boxes["yours"]:
            return None
        return self.functions.search(choice.collection, choice.method, choice.features, boxes.get("yours", []))

    def _invitation(self, choice: Choice) -> str:
        if choice.collection == "yours":
            return panel.invitation(MOST)
        return panel.invitation_to_classes(MIN_PICTURES, self.functions.example_pair())

    # What follows a search

    def pick(self, event: gr.EventData, visit: Visit) -> str | dict:
        """Another picture on the stage: number `event.index` of the candidates."""
        ranking, index = visit.ranking, int(event.index)
        if ranking is None:
            return FORGOTTEN
        if 0 <= index < len(ranking.search.candidates) and ranking.row(ranking.search.candidates[index]):
            visit.pick(ranking.search.candidates[index])
        return visit.stage()

    def browse(self, event: gr.EventData, visit: Visit) -> tuple:
        """More of the gallery (`event.more`), or the pictures of a kind (`event.show`) with the best of them picked."""
        if visit.ranking is None or not visit.ranking.rows:
            return FORGOTTEN, gr.skip()
        if event.more:
            visit.count += PAGE
            return gr.skip(), visit.gallery()
        visit.show, visit.count = event.show, PAGE
        rows = panel.shown(visit.ranking, visit.show)
        if rows:
            visit.pick(rows[0].picture)
        return visit.stage(), visit.gallery()

    def explain(self, visit: Visit) -> Iterator[str | dict]:
        """The stage again, with what makes the picture like each class."""
        yield gr.skip()
        ranking, picked = visit.ranking, visit.picked
        if ranking is None or picked is None or ranking.search.explainer.key in picked.heats:
            return
        try:
            heats = self.functions.compare(ranking.search, picked)
        except ImageError:  # uploaded so long ago that it was deleted
            return
        picked.heats[ranking.search.explainer.key] = [data_uri(heat) for heat in heats]
        if visit.ranking is ranking and visit.picked is picked:
            yield visit.stage()

    def write_table(self, visit: Visit) -> Iterator[tuple]:
        """The CSV, for which the reader classifies every picture; and the gallery with what it says of unknown ones."""
        yield gr.skip(), gr.skip()
        ranking = visit.ranking
        if ranking is None or visit.written is ranking:
            return
        for _ in ranking.search.read():
            if visit.ranking is not ranking:
                return
        visit.written = ranking
        known = all(row.picture.kind for row in ranking.rows)
        yield gr.update(value=offer_table(ranking), visible=True), gr.skip() if known else visit.gallery()


def _watched(search: Search, visit: Visit, turn: int) -> Iterator[tuple[str, str | dict]]:
    """Stage and gallery on the way to `visit.ranking`, the gallery growing; then the best is picked."""
    visit.picked, visit.count, pause, last = None, PAGE, SECONDS_BETWEEN_UPDATES, time.monotonic()
    for step in search.prepare():
        if visit.turn != turn:
            return
        if time.monotonic() - last < pause:
            continue
        gallery = gr.skip()
        if search.knows_references:
            begun = time.monotonic()
            visit.ranking = rank(search)
            gallery = visit.gallery() if visit.ranking.rows else gr.skip()
            pause = max(SECONDS_BETWEEN_UPDATES, 4 * (time.monotonic() - begun))
        yield panel.waiting(step.text, step.done, step.total), gallery
        last = time.monotonic()
    ranking = checked(rank(search))
    if visit.turn != turn:
        return
    visit.ranking = ranking
    if not panel.shown(ranking, visit.show):
        visit.show = None
    if visit.picked is None or ranking.row(visit.picked) is None:
        visit.pick(panel.shown(ranking, visit.show)[0].picture)
