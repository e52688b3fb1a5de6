"""Finding hybrids through the API: all at once, and errors in one line that names the files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from downloads import records, to_csv, to_zip
from finder import Eye, Picture, Ranking, Search, rank
from PIL import Image
from uploads import gather, offer

MOST = 200  # pictures in one box
NAMED = 5  # files left out are named in an error up to so many


@dataclass(frozen=True)
class Functions:
    """What the tab asks for; it knows no network."""

    search: Callable[..., Search]  # (collection, method, features, pictures)
    learn_pair: Callable[..., Eye]  # (names, sets, features, key)
    search_pair: Callable[..., Search]  # (learned, sets, method, pictures)
    compare: Callable[[Search, Picture], list[Image.Image]]  # what makes it like the one class, and like the other
    example_pair: Callable[[], dict[str, list[Picture]]]  # two classes to try; empty where there are none


class Api:
    """The published events."""

    def __init__(self, functions: Functions):
        self.functions = functions

    def find_hybrids(
        self, files: list[dict] | None = None, method: str = "default", features: str = ""
    ) -> tuple[list[dict[str, Any]], list[dict[str, str]], str]:
        """Rank pictures by how far each lies between a clock and a crocodile.

        Args:
            files: up to 200 pictures (JPEG, PNG, WebP, GIF); none: the published rendered pictures.
            method: how to rank: default, original, entropy, nearness and others; the page lists them.
            features: the network whose features are compared, by its published name.

        Returns:
            rows: the best first: rank, name, class (where known), score (higher: more between), position (0: like
                the mean clock, 1: like the mean crocodile), probabilities, nearest (class -> name of the most
                similar known picture of it); of blends t, how far from clock to crocodile they were made to be.
            left_out: name and reason of each file that cannot be used.
            csv: the rows as a file.
        """
        pictures = gather(files, MOST, "yours", {})
        return self._answer(
            lambda: self.functions.search("yours" if pictures else "rendered", method, features, pictures), [pictures]
        )[:3]

    def learn_two_classes(
        self,
        first_name: str,
        first: list[dict],
        second_name: str,
        second: list[dict],
        search_in: list[dict] | None = None,
        method: str = "default",
        features: str = "",
    ) -> tuple[list[dict[str, Any]], list[dict[str, str]], str, str]:
        """Learn two classes of your own from 8 or more pictures of each, and rank pictures between the two.

        Args:
            first_name: name of the first class.
            first: pictures of it, 8 to 200.
            second_name: name of the second class.
            second: pictures of it.
            search_in: pictures to rank; none: those of the two classes.
            method: as in find_hybrids.
            features: the network that the classes are learned on, by its published name.

        Returns:
            rows: as in find_hybrids, with the probabilities that the learned network finds.
            left_out: name and reason of each file that cannot be used.
            csv: the rows as a file.
            checkpoint: a ZIP with a folder that `betwixt.ImageClassifier.from_pretrained` loads.
        """
        sets = gather(first, MOST, "first", {}), gather(second, MOST, "second", {})
        third = gather(search_in, MOST, "third", {})

        def search() -> Search:
            learned = self.functions.learn_pair((first_name, second_name), sets, features, "learned")
            return self.functions.search_pair(learned, sets, method, third)

        return self._answer(search, [*sets, third])

    def _answer(self, searching: Callable[[], Search], boxes: Sequence[list[Picture]]) -> tuple:
        try:
            search = searching()
            for _ in search.prepare():
                pass
            ranking = checked(rank(search))
        except ValueError as error:
            broken = faults(boxes)
            named = f" Left out: {'; '.join(f'{name} ({why})' for name, why in broken[:NAMED])}." if broken else ""
            raise gr.Error(f"{said(error)}{named}", print_exception=False) from None
        for _ in search.read():
            pass
        left_out = [{"name": name, "reason": reason} for name, reason in faults(boxes)]
        checkpoint = offer_checkpoint(search.reader) if search.reader.key == "learned" else None
        return records(ranking), left_out, offer_table(ranking), checkpoint


def checked(ranking: Ranking) -> Ranking:
    if not ranking.rows:
        raise ValueError("None of these pictures can be used")
    return ranking


def offer_table(ranking: Ranking) -> str:
    return offer(to_csv(ranking), "hybrids.csv")


def offer_checkpoint(learned: Eye) -> str:
    return offer(to_zip(learned), f"{'-'.join(learned.model.class_names)}.zip")


def faults(boxes: Iterable[list[Picture]]) -> list[tuple[str, str]]:
    """Names of pictures that cannot be used, and why."""
    every = dict.fromkeys(picture for pictures in boxes for picture in pictures)
    return [(picture.name, picture.fault) for picture in every if picture.fault]


def said(error: ValueError | gr.Error) -> str:
    """What went wrong, as a sentence."""
    text = str(error.message if isinstance(error, gr.Error) else error).splitlines()[0].rstrip(".")
    return f"{text[0].upper()}{text[1:]}." if text else "Something went wrong."
