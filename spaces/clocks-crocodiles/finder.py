"""Finding pictures that lie between two classes: what networks make of pictures, and how these then rank."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from betwixt import ImageClassifier, between
from betwixt.collection import Collection
from betwixt.few_shot import learn_classes
from betwixt.images import ImageError, fit, open_image
from betwixt.page import data_uri

BATCH = 16
SMALL_SIDE = 256  # pictures are decoded to no less a side: twice what the largest network sees
THUMBNAIL_SIZE = 128
MAX_NAME = 40  # letters of a class of one's own
BLEND = "blend"  # the kind of a picture that was made to lie between the classes
CLASSES = ("clock", "crocodile")


@dataclass(eq=False)
class Picture:
    """One picture, what is known of it, and what networks made of it."""

    name: str
    source: bytes | Path
    kind: str = ""  # its class or BLEND; empty where nothing is known
    shape: str = ""  # what it shows more precisely, where that is known
    t: float | None = None  # of a blend: how far it was made to be from the first class to the second
    turn: threading.Lock = field(default_factory=threading.Lock)  # shared by pictures that came together
    thumbnail: str = ""  # a data URI, once it has been opened
    fault: str = ""  # why it cannot be used, where it cannot
    seen: dict[str, "Glance"] = field(default_factory=dict)  # by network
    heats: dict[str, list[str]] = field(default_factory=dict)  # by network: data URIs of the maps of both classes

    def open(self, min_side: int = SMALL_SIDE) -> Image.Image:
        """Raises ImageError as `open_image`."""
        image = open_image(self.source, min_side=min_side)
        if not self.thumbnail:
            self.thumbnail = data_uri(fit(image, min(THUMBNAIL_SIZE, *image.size)))
        return image


def pictures_of(collection: Collection) -> list[Picture]:
    """Those of a collection that has the classes of CLASSES, their pictures first.

    Raises:
        ValueError: it lacks one of them.
    """
    for name in CLASSES:
        if name not in collection.class_names or collection.class_names.index(name) not in collection.labels:
            raise ValueError(f"the collection has no pictures of the class {name!r}, only of {collection.class_names}")
    ts, shapes = (collection.columns.get(name, [None] * len(collection)) for name in ("t", "shape"))
    turn, pictures = threading.Lock(), []
    for row, (t, shape) in enumerate(zip(ts, shapes, strict=True)):
        t = t if t is not None and 0 < t < 1 else None
        kind = collection.class_names[collection.labels[row]] if t is None else BLEND
        pictures.append(Picture(collection.names[row], collection.sources[row], kind, shape or "", t, turn))
    return sorted(pictures, key=lambda picture: picture.kind not in CLASSES)


# What networks make of them


@dataclass(frozen=True)
class Eye:
    """A network that looks at pictures."""

    key: str
    label: str  # for people
    model: Any  # has `embed`; an ImageClassifier has `see`

    def see(self, images: list[Image.Image]) -> list["Glance"]:
        if not self.can_classify:
            return [Glance(row.clone()) for row in self.model.embed(images)]  # a view would keep the whole batch
        seen = self.model.see(images)
        answers = zip(seen.probabilities, repeat(None) if seen.multilabel is None else seen.multilabel, strict=False)
        return [Glance(row.clone(), *answer) for row, answer in zip(seen.embedding, answers, strict=False)]

    @property
    def can_classify(self) -> bool:
        return isinstance(self.model, ImageClassifier)

    @property
    def has_heads(self) -> bool:
        """Whether it can say yes to two classes at once."""
        return self.can_classify and self.model.multilabel_head is not None


@dataclass(frozen=True)
class Glance:
    """What one network makes of one picture."""

    embedding: torch.Tensor  # (D,)
    probabilities: torch.Tensor | None = None  # (K,) of classifiers
    multilabel: torch.Tensor | None = None  # (K,) of classifiers that can say yes to two classes at once


@dataclass(frozen=True)
class Step:
    """How far a search has come."""

    text: str
    done: int
    total: int


def look(pictures: Sequence[Picture], eye: Eye) -> Iterator[int]:
    """Put what a network makes of each picture into `seen`; yields how many are done. Faults are noted.

    Visitors who wait for the same pictures take turns: nothing is done twice, and nobody depends on another to go on.
    """
    key = eye.key
    while todo := [picture for picture in pictures if key not in picture.seen and not picture.fault]:
        turn = todo[0].turn
        with turn:
            batch = [p for p in todo if p.turn is turn and key not in p.seen and not p.fault][:BATCH]
            opened: dict[Picture, Image.Image] = {}
            for picture in batch:
                try:
                    opened[picture] = picture.open()
                except ImageError as error:
                    picture.fault = str(error)
            if opened:
                for picture, glance in zip(opened, eye.see(list(opened.values())), strict=True):
                    picture.seen[key] = glance
        yield len(pictures) - len(todo) + len(batch)


# A search, and what it finds


@dataclass(frozen=True)
class Search:
    """What is searched among, between which classes, by which method on whose features."""

    candidates: Sequence[Picture]
    references: Sequence[Picture]  # pictures whose kind is one of the two classes
    classes: tuple[str, str]
    method: str
    eye: Eye  # its features
    reader: Eye  # the classifier whose probabilities are shown
    members: tuple[Eye, ...] = ()  # classifiers of these classes, for the methods that ask several
    among: str = "pictures"

    def answer(self, picture: Picture) -> tuple[str, float] | None:
        """The reader's most probable class; None where it has not looked yet."""
        return max(self.probabilities(picture).items(), key=lambda item: item[1], default=None)

    @property
    def knows_references(self) -> bool:
        """Whether the network has looked at all that the candidates are compared with."""
        return all(self.eye.key in picture.seen or picture.fault for picture in self.references)

    @property
    def asks_heads(self) -> bool:
        """Whether the method asks the network itself for a yes or no to each class."""
        return self.method == "default" and self.eye.has_heads

    @property
    def explainer(self) -> Eye:
        """The classifier whose heat maps are shown: of two yes-or-no questions, where the network answers those."""
        return self.eye if self.eye.has_heads else self.reader

    @property
    def judges(self) -> tuple[Eye, ...]:
        """The classifiers that the method itself asks."""
        if self.asks_heads:
            return (self.eye,)
        if self.method == "ensemble":
            return self.members
        if self.method == "entropy" and self.members:  # or else it learned from these very pictures
            return (self.eye if self.eye.can_classify else self.reader,)
        return ()

    def prepare(self) -> Iterator[Step]:
        """Let the networks look at what `rank` needs: first the references, then the candidates."""
        yield from _steps(self.references, self.eye, "pictures to compare with")
        for eye in dict.fromkeys([*self.judges, self.eye]):
            yield from _steps(self.candidates, eye, self.among)

    def read(self, pictures: Sequence[Picture] | None = None) -> Iterator[Step]:
        """Let the reader classify some pictures, or all."""
        yield from _steps(self.candidates if pictures is None else pictures, self.reader, self.among)

    def probabilities(self, picture: Picture) -> dict[str, float]:
        """What the reader said; empty where it has not looked yet."""
        glance = picture.seen.get(self.reader.key)
        shares = glance.probabilities.tolist() if glance else []
        return dict(zip(self.reader.model.class_names, shares, strict=True)) if shares else {}


def _steps(pictures: Sequence[Picture], eye: Eye, among: str) -> Iterator[Step]:
    for done in look(pictures, eye):
        yield Step(f"{eye.label} looks at {done} of {len(pictures)} {among}", done, len(pictures))


@dataclass(frozen=True)
class Row:
    """A picture's place in a ranking."""

    picture: Picture
    rank: int  # from 1
    score: float  # higher: more between; comparable within a method only
    position: float  # 0: as the mean of the first class, 1: as that of the second
    nearest: tuple[Picture, Picture]  # the most similar other picture of each class


@dataclass(frozen=True)
class Ranking:
    search: Search
    rows: list[Row]  # the best first
    references: list[Picture]  # those that could be used
    reference_positions: list[float]

    def row(self, picture: Picture) -> Row | None:
        return next((row for row in self.rows if row.picture is picture), None)

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Names of pictures that cannot be used, and why."""
        both = dict.fromkeys([*self.search.references, *self.search.candidates])
        return [(picture.name, picture.fault) for picture in both if picture.fault]


def rank(search: Search) -> Ranking:
    """Rank the candidates that were looked at so far.

    Raises:
        ValueError: as `between.score`.
    """
    key = search.eye.key
    references = [picture for picture in search.references if key in picture.seen]
    needed = {key, *(judge.key for judge in search.judges)}
    candidates = [picture for picture in search.candidates if needed <= picture.seen.keys()]
    if not candidates:
        return Ranking(search, [], [], [])
    labels = torch.tensor([search.classes.index(picture.kind) for picture in references])
    features = torch.stack([picture.seen[key].embedding for picture in candidates])
    known = torch.stack([picture.seen[key].embedding for picture in references]) if references else torch.empty(0, 1)
    probabilities = None
    if search.judges:
        probabilities = torch.stack([_answers(candidates, judge, search) for judge in search.judges])
    scores = between.score(features, known, labels, search.method, probabilities=probabilities)
    positions = between.position(features, known, labels).tolist()
    nearest = between.nearest(features, known, labels).tolist()
    order = scores.argsort(descending=True, stable=True).tolist()
    rows = [
        Row(candidates[i], place, float(scores[i]), positions[i], tuple(references[j] for j in nearest[i]))
        for place, i in enumerate(order, start=1)
    ]
    return Ranking(search, rows, references, between.position(known, known, labels).tolist())


def _answers(pictures: Sequence[Picture], judge: Eye, search: Search) -> torch.Tensor:
    """(N, 2) what a judge says of the two classes."""
    glances = [picture.seen[judge.key] for picture in pictures]
    answers = torch.stack([glance.multilabel if search.asks_heads else glance.probabilities for glance in glances])
    return answers[:, [judge.model.class_names.index(name) for name in search.classes]]


# Two classes of one's own


def learn(backbone: Eye, names: Sequence[str], sets: Sequence[Sequence[Picture]], key: str) -> Eye:
    """A classifier of classes of one's own, on the backbone's features; it sets the `kind` of the pictures.

    Raises:
        ValueError: as `learn_classes`; in one line.
    """
    names = [str(name or "").strip()[:MAX_NAME] for name in names]
    if taken := [name for name in names if name.lower() in ("neither", BLEND)]:
        raise ValueError(f"a class cannot be called {taken[0]}: the page calls other pictures so")
    if not all(names):
        raise ValueError("every class needs a name")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError(f"the classes need different names, not {' and '.join(names)}")
    opened: dict[str, list[Image.Image]] = {name: [] for name in names}
    for name, pictures in zip(names, sets, strict=True):
        for picture in pictures:
            try:
                opened[name].append(fit(picture.open(), SMALL_SIDE // 2))
            except ImageError as error:
                picture.fault = str(error)
    model = learn_classes(backbone.model, opened).to(memory_format=torch.channels_last)
    for name, pictures in zip(model.class_names, sets, strict=True):
        for picture in pictures:
            picture.kind = name
    return Eye(key, "Your network", model)
