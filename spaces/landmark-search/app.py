"""Landmark Search: which place a photo shows, by three encoders, and where the likeness lies.

python spaces/landmark-search/app.py
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if os.environ.get("SPACES_ZERO_GPU"):  # this package must be imported before torch
    import spaces

    on_gpu = spaces.GPU(duration=20)
else:

    def on_gpu(function):
        return function


import contextlib
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import album
import between
import gradio as gr
import library
import networks
import numpy as np
import own
import tab_compare
import tab_map
import tab_own
import tab_search
import torch
from album import Answer, Query
from PIL import Image

from betwixt.explain import match_maps, overlay
from betwixt.images import fit
from betwixt.once import once

FOLDER = Path(__file__).parent
EXAMPLES = [
    (file, file.stem.split("_", 1)[1].replace("_", " ")) for file in sorted((FOLDER / "examples").glob("*.png"))
]
SHOWN = 320  # side of pictures with heat
PAGE = {  # what both launch() and mount_gradio_app() take
    "theme": gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "monospace"],
    ).set(
        body_background_fill="#f7f2e8",
        body_background_fill_dark="#0c1718",
        block_background_fill="#fffdf8",
        block_background_fill_dark="#132324",
        block_border_color="#e3d9c6",
        block_border_color_dark="#28403f",
        block_shadow="none",
        button_primary_background_fill="#0f5c5c",
        button_primary_background_fill_hover="#0b4848",
        button_primary_background_fill_dark="#1d7f7c",
        button_primary_background_fill_hover_dark="#249a96",
        button_primary_text_color="#ffffff",
    ),
    "css_paths": FOLDER / "style.css",
    "allowed_paths": [str(FOLDER / "examples")],
    "footer_links": ["api", "settings"],
    "max_file_size": own.MOST_BYTES,
    "show_error": False,
    "run_history": False,  # it would keep visitors' pictures in their browsers
}
INTRODUCTION = """
<header class="intro">
  <h1>Landmark <i>Search</i></h1>
  <p>Which place does a picture show, which others are most like it, and <b>where</b> does the likeness lie? Among
  116 rendered places, or <b>among your own photos</b>. If nothing is near enough, it says so.</p>
</header>
"""
ABOUT_SEARCH = """
<div class="about">
  <section><h2>Three encoders</h2>
  <p>An encoder turns a picture into a few hundred numbers. One is a CNN that began <b>from scratch</b> and saw nothing
  but landmarks; one came <b>pretrained</b> on the thousand kinds of things of ImageNet; and one is that network after
  <b>transfer learning</b>: it went on to learn these landmarks.</p></section>
  <section><h2>How the search works</h2>
  <p>Pictures of one place should get numbers that point the same way. All pictures are turned into such numbers
  beforehand; yours is compared with every one of them, and the nearest vote for the place. What is near enough was
  measured by hiding places in turn, with all others of their kind.</p></section>
  <section><h2>Results</h2>
  <p>Of rendered places in new views the nearest picture is right <b>97</b> times of 100 by the encoder from scratch,
  <b>91</b> by transfer, <b>50</b> by the pretrained one. Of photos of places that none of them learned: <b>44</b>,
  <b>76</b> and <b>68</b>. Who has seen enough needs no lessons in anything else; who has not lives on them.</p>
  <p>Only the square in the middle of a photo is looked at. Photos are deleted within an hour.</p></section>
</div>
"""
ABOUT_MAP = """
<div class="about">
  <section><h2>What you see</h2>
  <p>The same pictures twice, laid out by t-SNE as two encoders see them; frames tell families of structures apart.
  Point at a picture, and it lights up on both with its nearest. Wheel or pinch to zoom, drag to move.</p></section>
  <section><h2>Between clusters</h2>
  <p>A picture is listed if most of its nearest in the left encoder's numbers, not on the map, show other places. The
  pictures are rendered, so it is known from where, in what light and behind what each was seen.</p></section>
  <section><h2>Its limits</h2>
  <p>Only who is next to whom means something on such a map: not how far groups are apart, nor which way is up. And what
  is unusual about a picture need not be why it is misplaced.</p></section>
</div>
"""
ABOUT_COMPARE = """
<div class="about">
  <section><h2>What you see</h2>
  <p>One picture, and what three encoders find nearest. Where the truth is known, right ones have a tick: pictures of
  that very place, not only of one of its kind.</p></section>
  <section><h2>Why they differ</h2>
  <p>What came from ImageNet looks for textures and parts of things, and for the weather; what learned landmarks looks
  past season, light and side. The one from scratch knows best the rendered places that it learned, and least the real
  ones that it did not.</p></section>
  <section><h2>Its limits</h2>
  <p>Eight pictures are an example, no measurement; the project's README has those. Two of the three learned most of
  these places, from other pictures. Numbers of different encoders cannot be compared with each other.</p></section>
</div>
"""
ABOUT_OWN = """
<div class="about">
  <section><h2>What you see</h2>
  <p>Your pictures, made searchable by the encoder <i>Transfer</i>. Click one, and see what is most like it and where;
  or look for a further one.</p></section>
  <section><h2>How it works</h2>
  <p>Each picture is opened in memory, made small, and turned into numbers once. Folders in a zip
  are taken for places; what cannot be opened is named and left out.</p></section>
  <section><h2>Its limits</h2>
  <p>It learned landmarks: buildings and monuments are told apart better than, say, faces. With folders of four
  places or more, it also says when a photo shows none of them.</p></section>
</div>
"""


def warm_up() -> None:
    """Load what the first visitors need in the background: the page is there at once."""

    def load() -> None:
        with contextlib.suppress(gr.Error):  # said in the log; the next visitor tries again
            for encoder in networks.ENCODERS:
                for _ in library.until_ready("rendered", encoder):
                    pass
            for encoder in (networks.DEFAULT, [*networks.ENCODERS][-1]):
                library.fitted_map("rendered", encoder)
            for collection in library.names()[1:]:
                for _ in library.until_ready(collection, *networks.ENCODERS):
                    pass

    threading.Thread(target=load, daemon=True).start()


# What the tabs ask for


def search(query: Query, collection: str, encoder: str, count: int) -> Answer:
    """Look for a picture in a collection that all visitors share.

    Raises:
        ValueError: no such collection or encoder; in one line.
        gr.Error: what it needs cannot be loaded.
    """
    library.check(collection)
    networks.check(encoder)
    shown, index = library.album(collection), library.index(collection, encoder)
    if query.album is shown:
        embedding = index.embeddings[query.row][None]
    else:
        embedding = networks.embed(encoder, 1, iter([query.picture]))
    return album.search(query, embedding, shown, index, library.calibration(collection, encoder), count)


def search_own(query: Query, brought: own.Own, count: int) -> Answer:
    """Look for a picture among a visitor's own. Raises gr.Error where the encoder cannot be loaded."""
    embedding = networks.embed(brought.index.encoder, 1, iter([query.picture]))
    return album.search(query, embedding, brought.album, brought.index, brought.calibration, count)


def build_own(files: Sequence[dict] | None) -> Iterator[own.Step | own.Own]:
    """A visitor's pictures, by the default encoder. Raises as `own.build`."""
    return own.build(files, networks.DEFAULT)


def match(answer: Answer, rank: int) -> tuple[Image.Image, Image.Image]:
    """A query and one of its results, with what is alike in both as heat. Raises gr.Error: no encoder."""
    pictures = [answer.query.picture, answer.album.open_or_blank(answer.rows[rank], SHOWN)]
    networks.load(answer.encoder)  # here, where a GPU's worker finds it
    maps = next(iter(compare(answer.encoder, *networks.pair_of(answer.encoder, pictures))))
    strength = float(max(heat.abs().max() for heat in maps))
    return tuple(overlay(fit(picture, SHOWN), heat, strength) for picture, heat in zip(pictures, maps, strict=True))


@on_gpu
def compare(name: str, x: torch.Tensor, y: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Two pictures as an encoder sees them -> what each place of both gives to their likeness. Little enough work to
    stay on the CPU, but ZeroGPU wants one such function."""
    _, of_x, of_y = match_maps(networks.load(name), x, y)
    yield of_x, of_y


def surprise(collection: str) -> Query:
    """A picture of a collection at random: of those that no encoder learned from, where these are known.

    Raises as `search`.
    """
    library.check(collection)
    shown, learned = library.album(collection), set()
    for encoder in networks.ENCODERS:
        learned |= set(networks.load(encoder).class_names)
    is_new = [split == "test" or place not in learned for split, place in zip(shown.splits, shown.places, strict=True)]
    rows = [row for row, new in enumerate(is_new) if new] or range(len(shown))
    row = random.choice(rows)
    return Query(shown.open_or_blank(row, networks.KEPT), shown, row)


def fitted_map(collection: str, encoder: str, on_progress: tab_map.Progress | None):
    """As `library.fitted_map`. Raises ValueError for what there is not."""
    library.check(collection)
    networks.check(encoder)
    return library.fitted_map(collection, encoder, on_progress)


def place(picture: Image.Image, collection: str, encoder: str, count: int) -> tuple[np.ndarray, torch.Tensor]:
    """Where a picture lies on a map, (2,), and its nearest there, (count,)."""
    embedding = networks.embed(encoder, 1, iter([picture]))
    features = library.index(collection, encoder).embeddings[library.shown_on_map(collection)]
    nearest = (embedding @ features.T)[0].topk(min(count, len(features))).indices
    return library.fitted_map(collection, encoder).transform(embedding)[0], nearest


@once
def findings(collection: str, encoder: str) -> between.Findings:
    """The pictures between clusters."""
    return between.find(library.album(collection), library.index(collection, encoder).embeddings)


# The page


def build_demo() -> gr.Blocks:
    """The page. Loads nothing: see `warm_up`."""
    collections = [(library.COLLECTIONS[name], name) for name in library.names()]
    named = [(words.title, name) for name, words in networks.ENCODERS.items()]
    with gr.Blocks(title="Landmark Search", delete_cache=(300, 3000), analytics_enabled=False) as demo:
        gr.HTML(INTRODUCTION, js_on_load=None)
        with gr.Tab("Search", elem_id="tab-search"):
            picture = tab_search.create_tab(search, library.until_ready, match, collections, named, EXAMPLES)
            gr.HTML(ABOUT_SEARCH, js_on_load=None)
        with gr.Tab("Map", elem_id="tab-map") as tab:
            functions = tab_map.Functions(
                library.album, library.shown_on_map, fitted_map, library.nearest_on_map, place, findings
            )
            tab_map.create_tab(tab, functions, collections, named, picture)
            gr.HTML(ABOUT_MAP, js_on_load=None)
        with gr.Tab("Compare encoders", elem_id="tab-compare") as tab:
            described = [(name, words.title, words.text) for name, words in reversed(networks.ENCODERS.items())]
            tab_compare.create_tab(tab, search, library.until_ready, surprise, collections, described, EXAMPLES)
            gr.HTML(ABOUT_COMPARE, js_on_load=None)
        with gr.Tab("Your photos", elem_id="tab-own"):
            tab_own.create_tab(build_own, search_own, match)
            gr.HTML(ABOUT_OWN, js_on_load=None)
    return demo.queue(max_size=100)


if __name__ == "__main__":
    warm_up()
    build_demo().launch(**PAGE)
