"""Clocks vs. Crocodiles: what networks think of a picture, which pictures look like both, and new ones that do.

python spaces/clocks-crocodiles/app.py
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
import copy
import functools
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import tab_classify
import tab_find
import tab_generate
import torch
from api_find import Functions
from finder import Picture, Search
from generators import GENERATORS, GUIDES, JUDGES, draw, draw_strip, generator_of, judge, nearest
from networks import FEATURES, eye, networks, published
from panel import Opinion, Reason, Variant
from PIL import Image
from searches import example_pair, learn_pair, search, search_pair, shared_collections

from betwixt import ImageClassifier
from betwixt.explain import CUES, occlusion_map, occlusion_maps, overlay, without
from betwixt.images import fit, to_images, to_tensor

FOLDER = Path(__file__).parent
HEAT_MAP_SIZE = 320
PAGE = {  # what both launch() and mount_gradio_app() take
    "theme": gr.themes.Base(
        primary_hue="amber",
        neutral_hue="stone",
        radius_size="lg",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "monospace"],
    ).set(
        body_background_fill="#faf7f2",
        body_background_fill_dark="#161412",
        block_background_fill="#ffffff",
        block_background_fill_dark="#211e1b",
        block_border_color="#e7e0d5",
        block_border_color_dark="#37322d",
        block_shadow="none",
    ),
    "css_paths": FOLDER / "style.css",
    "allowed_paths": [str(FOLDER / "examples")],
    "footer_links": ["api", "settings"],
    "max_file_size": "50mb",
    "show_error": False,
    "run_history": False,  # it would keep visitors' pictures in their browsers
}
INTRODUCTION = """
<header class="intro">
  <h1>Clocks <i>vs.</i> Crocodiles</h1>
  <p>Is it a clock, a crocodile, or neither? Four networks answer, and show <b>where they looked</b>.
  Then they find the pictures that <b>look like both</b>, and others <b>draw new ones</b>.</p>
</header>
"""
ABOUT_CLASSIFY = """
<div class="about">
  <section><h2>What you see</h2>
  <p>Each card is one network: its heat map, and how probable it finds each answer.
  <b class="for">Orange</b> places speak for its answer, <b class="against">blue</b> ones against it;
  grey ones do not matter to it.</p></section>
  <section><h2>How it works</h2>
  <p>The picture is cut to a square and shrunk to 32 by 32 pixels. For the heat map each place is blurred
  away in turn: the more the answer suffers, the more that place counted. For the last test the whole
  picture loses its colour, its shape or its texture.</p></section>
  <section><h2>Its limits</h2>
  <p>It knows clocks, crocodiles and a sample of everything else, in 1,024 pixels: a small clock in a large
  room is lost on the way. A heat map tells what counted for the network, not what is in the picture.
  Your picture stays on this server for an hour at most, and in no log.</p></section>
</div>
"""
ABOUT_FIND = """
<div class="about">
  <section><h2>What you see</h2>
  <p>The picked picture, between the most similar picture of each class. <b class="for">Orange</b> places make
  it more like that class, <b class="against">blue</b> ones less. Below, where all of them lie between the
  two, and who looks most like both. Click on any other.</p></section>
  <section><h2>How it works</h2>
  <p>A network turns every picture into some hundred numbers. Heads that learned from pictures put together
  of two say yes or no to each class; what gets yes twice comes first. Other rules are there to compare,
  also that of the first version. Two classes of your own are a new last layer on the same network.</p></section>
  <section><h2>Its limits</h2>
  <p>It is the network's view: to it a blue car may lie between, so read what it says of the picture. Yours
  are compared with rendered ones. Classes of your own know no “neither”: everything gets a place between
  them. Yours are forgotten within two hours of your last search, and are in no log.</p></section>
</div>
"""
ABOUT_GENERATE = """
<div class="about">
  <section><h2>What you see</h2>
  <p>Pictures that never were. The bars are what five judges say, networks that had no part in the drawing:
  <b>both</b> where each class gets a yes. Click on one for all the way from clock to crocodile.</p></section>
  <section><h2>How it works</h2>
  <p>The generators saw plain clocks and plain crocodiles only. While a picture forms, two guides, which are not
  among the judges, say which class it lacks and which way to go. “Make it more hybrid” lets them move it
  further. Other ways of putting two classes together are there to compare; without guides few succeed.</p></section>
  <section><h2>Its limits</h2>
  <p>Thumbnails: 32 by 32 pixels of a diffusion model or of photo-like ones, learned from a few hundred photos; 64 of
  the others, learned from thousands of drawings. The judges can be pleased by what no person would call a crocodile;
  the models' cards say how often all tests are passed.</p></section>
</div>
"""


def warm_up() -> None:
    """Load the networks in the background, then let the best one look at the rendered pictures.

    The page is there at once, and the first visitors wait less.
    """

    def load() -> None:
        with contextlib.suppress(gr.Error):  # said in the log; the next visitor's picture tries again
            networks()
            rendered = search("rendered")
            for _ in itertools.chain(rendered.prepare(), rendered.read()):
                pass
            for name in (GENERATORS["photos"]["diffusion"].name, GUIDES, JUDGES):
                published(name)

    threading.Thread(target=load, daemon=True).start()


# What the tab *Classify* asks for


def classify(image: Image.Image) -> list[Opinion]:
    """What each network thinks of a picture of any size, the best network first."""
    x = functools.cache(lambda size: to_tensor([image], size))
    opinions = []
    for network in networks():
        probabilities = network.model.probabilities(x(network.model.image_size))[0]
        shares = dict(zip(network.model.class_names, probabilities.tolist(), strict=True))
        opinions.append(Opinion(network.words[0], network.name, network.words[1], network.measured, shares))
    return opinions


def vary(image: Image.Image) -> list[Variant]:
    """The picture as the best network sees it: whole, then with each cue taken away."""
    x = to_tensor([image], networks()[0].model.image_size)
    variants = [Variant("", "as it is", to_images(x)[0])]
    return variants + [Variant(cue, caption, to_images(without(x, cue))[0]) for cue, caption in CUES.items()]


def explain(image: Image.Image) -> Iterator[Reason]:
    """For each network, in the order of `classify`: where it looked, and how sure it is without each cue."""
    sizes = {network.model.image_size for network in networks()}  # loaded here, where a GPU's worker finds them
    square = fit(image, HEAT_MAP_SIZE)
    for heat, shares in decide({size: to_tensor([image], size) for size in sizes}):
        yield Reason(overlay(square, heat), dict(zip(CUES, shares, strict=True)))


@on_gpu
def decide(pictures: dict[int, torch.Tensor]) -> Iterator[tuple[torch.Tensor, list[float]]]:
    """For each network: a map (H, W) of what speaks for its answer, and the probability without each cue.

    Args:
        pictures: image size -> the picture at it, (1, 3, H, W) in [-1, 1].
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for network in networks():
        # Classifying stays on the CPU, where the one visitor's picture is ready before a GPU would be.
        model = network.model if device == "cpu" else copy.deepcopy(network.model).to(device)
        x = pictures[model.image_size].to(device)
        answer = int(model.probabilities(x).argmax())
        shares = model.probabilities(torch.cat([without(x, cue) for cue in CUES]))[:, answer]
        yield occlusion_map(model, x, answer).cpu(), shares.tolist()


# What the tab *Find hybrids* asks for: for the rest see searches.py


def compare(found: Search, picture: Picture) -> list[Image.Image]:
    """Two heat maps over a picture: what makes it like the first class, and like the second."""
    image, asked = picture.open(HEAT_MAP_SIZE), found.explainer
    classes = [asked.model.class_names.index(name) for name in found.classes]
    network = asked.key if asked.key in FEATURES else asked.model  # a GPU's worker has the published ones already
    heats = next(iter(map_classes(network, to_tensor([image], asked.model.image_size), classes, asked.has_heads)))
    return [overlay(fit(image, HEAT_MAP_SIZE), heat) for heat in heats]


@on_gpu
def map_classes(
    model: str | ImageClassifier, x: torch.Tensor, class_indices: list[int], multilabel: bool
) -> Iterator[torch.Tensor]:
    """One tensor (K, H, W) of what speaks for each class in a picture (1, 3, H, W) in [-1, 1]."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = eye(model).model if isinstance(model, str) else model
    model = model if device == "cpu" else copy.deepcopy(model).to(device)
    yield occlusion_maps(model, x.to(device), class_indices, multilabel=multilabel).cpu()


# The page


def build_demo() -> gr.Blocks:
    """The page. Loads nothing: see `warm_up`."""
    files = sorted((FOLDER / "examples").glob("*.png"))
    examples = [(file, file.stem.split("_", 1)[-1].replace("_", " ")) for file in files]
    with gr.Blocks(title="Clocks vs. Crocodiles", delete_cache=(300, 3000), analytics_enabled=False) as demo:
        gr.HTML(INTRODUCTION, js_on_load=None)
        with gr.Tab("Classify", elem_id="tab-classify"):
            tab_classify.create_tab(classify, explain, vary, examples)
            gr.HTML(ABOUT_CLASSIFY, js_on_load=None)
        with gr.Tab("Find hybrids", elem_id="tab-find") as tab:
            functions = Functions(search, learn_pair, search_pair, compare, example_pair)
            tab_find.create_tab(tab, functions, shared_collections(), FEATURES)
            gr.HTML(ABOUT_FIND, js_on_load=None)
        with gr.Tab("Generate hybrids", elem_id="tab-generate") as tab:
            functions = tab_generate.Functions(draw, draw_strip, judge, nearest, generator_of)
            tab_generate.create_tab(tab, functions, {kind: [*known] for kind, known in GENERATORS.items()})
            gr.HTML(ABOUT_GENERATE, js_on_load=None)
    return demo.queue(max_size=100)


if __name__ == "__main__":
    warm_up()
    build_demo().launch(**PAGE)
