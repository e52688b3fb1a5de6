"""Pictures that can be searched, and what a search finds in them. Knows no encoder: it is handed embeddings."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from betwixt.collection import Collection
from betwixt.images import ImageError, fit, open_image
from betwixt.page import data_uri
from betwixt.recognition import Calibration, vote
from betwixt.search import EmbeddingIndex

THUMBNAIL = 160  # side in pixels
SIDE = 320  # of a picture that is looked at closely
SMALL_WORDS = {"of", "the", "de", "and", "la", "du", "in"}


def title_of(place: str) -> str:
    """ "taj_mahal" -> "Taj Mahal"; "dome_of_the_rock" -> "Dome of the Rock"."""
    words = place.replace("_", " ").split()
    return " ".join(
        word if word in SMALL_WORDS and number else word[:1].upper() + word[1:] for number, word in enumerate(words)
    )


@dataclass(eq=False)
class Album:
    """Pictures as they are stored, and what is known of them; all lists are of the same length."""

    key: str  # names it for people who call the API
    ids: list[str]
    sources: list[bytes | Path]
    places: list[str]  # of each; where nothing is known, the name of the file
    titles: list[str]  # the same for people
    truth: dict[str, list] = field(default_factory=dict)  # what is known of a rendered picture
    splits: list[str] = field(default_factory=list)
    has_places: bool = True  # whether places are more than the names of files

    def __post_init__(self) -> None:
        self.thumbnail = functools.lru_cache(maxsize=4096)(self._thumbnail)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_rendered(self) -> bool:
        """Whether it is known how its pictures were made."""
        return "azimuth" in self.truth

    def open(self, row: int, side: int = SIDE) -> Image.Image:
        """The square in the middle of a picture. Raises ImageError."""
        picture = open_image(self.sources[row], min_side=side)
        return fit(picture, min(side, *picture.size))

    def open_or_blank(self, row: int, side: int = SIDE) -> Image.Image:
        """As `open`; grey in place of one that cannot be opened."""
        try:
            return self.open(row, side)
        except ImageError:
            return Image.new("RGB", (side, side), "#888888")

    def _thumbnail(self, row: int) -> str:
        return data_uri(self.open_or_blank(row, THUMBNAIL))


def album_of(key: str, collection: Collection) -> Album:
    """The pictures of a published dataset, or of a folder with one of each place; ids as those of its indexes."""
    places = [collection.class_names[label] for label in collection.labels]
    counts: dict[str, int] = {}
    ids = []
    for name, split in zip(collection.names, collection.splits, strict=True):
        number = counts.get(split, 0)
        counts[split] = number + 1
        ids.append(f"{split}/{number:06d}" if split else name)
    titles = [title_of(place) for place in places]
    return Album(key, ids, collection.sources, places, titles, collection.columns, collection.splits)


@dataclass(frozen=True)
class Query:
    """A picture to look for: a visitor's, or one of an album."""

    picture: Image.Image
    album: Album | None = None
    row: int | None = None  # where it is in that album

    @property
    def place(self) -> str | None:
        """What it shows, where that is known."""
        return None if self.row is None or not self.album.has_places else self.album.places[self.row]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a search found, the nearest first, and what that says."""

    query: Query
    album: Album
    encoder: str
    rows: list[int]
    scores: list[float]
    place: str | None  # that the nearest pictures vote for; None: none of them is near enough, or has no place
    share: float  # of the votes
    calibration: Calibration | None

    @property
    def title(self) -> str:
        """The place for people."""
        return self.album.titles[self.rows[self._first()]]

    def _first(self) -> int:
        return next(number for number, row in enumerate(self.rows) if self.album.places[row] == self.place)


def search(
    query: Query,
    embedding: torch.Tensor,
    album: Album,
    index: EmbeddingIndex,
    calibration: Calibration | None,
    count: int,
) -> Answer:
    """Look for a picture, whose embedding is (1, D), in an album; in its own not for itself."""
    inside = query.album is album
    scores, found = index.search_rows(embedding, count + inside)
    pairs = [
        (row, score)
        for row, score in zip(found[0].tolist(), scores[0].tolist(), strict=True)
        if not inside or row != query.row
    ][:count]
    rows, values = [row for row, _ in pairs], [min(1.0, score) for _, score in pairs]
    place, share = None, 0.0
    if calibration and album.has_places:
        place, share = vote(values, [album.places[row] for row in rows], calibration.threshold)
    return Answer(query, album, index.encoder, rows, values, place, share, calibration)


def neighbours(
    embeddings: torch.Tensor, count: int, of: Sequence[int] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each picture (of those rows, or of all) the nearest others: similarities and rows (M, count)."""
    rows = torch.arange(len(embeddings)) if of is None else torch.tensor(list(of), dtype=torch.int64)
    count = min(count, len(embeddings) - 1)
    parts = [(embeddings[part] @ embeddings.T).scatter(1, part[:, None], -2.0).topk(count) for part in rows.split(512)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])
