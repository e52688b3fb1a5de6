"""Clocks vs. Crocodiles: what several networks think of a picture, and what decided.

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
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import torch
from huggingface_hub import ModelCard
from panel import Opinion, Reason, Variant
from PIL import Image
from tab_classify import create_tab

from betwixt import ImageClassifier
from betwixt.explain import CUES, occlusion_map, overlay, without
from betwixt.hub import HubError, locate
from betwixt.images import fit, to_images, to_tensor

FOLDER = Path(__file__).parent
NETWORKS = (  # the best first
    "clocks-crocodiles-classifier",
    "clocks-crocodiles-resnet9",
    "clocks-crocodiles-cnn",
    "clocks-crocodiles-shallow",
)
PICTURES = {  # what the datasets of the cards hold
    "clocks-crocodiles-rendered": "rendered pictures",
    "clocks-crocodiles-photos": "photos",
}
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
  <p>Is it a clock, a crocodile, or neither? Four networks answer, and each shows <b>where it looked</b>
  and whether colour, shape or texture decided.</p>
</header>
"""
EXPLANATION = """
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


@dataclass(frozen=True)
class Network:
    """A loaded model with what the page says about it."""

    name: str
    model: ImageClassifier
    words: tuple[str, str]
    measured: str


# The networks


_loading = threading.Lock()


def networks() -> tuple[Network, ...]:
    """The networks, the best first; the first call loads them, which takes seconds.

    Raises:
        gr.Error: one of them cannot be loaded. The reason goes into the log, for it names folders.
    """
    with _loading:
        try:
            return _load_networks()
        except HubError as error:
            print(f"clocks-crocodiles: {error}", file=sys.stderr, flush=True)
            raise gr.Error("The networks could not be loaded; please come back later.", print_exception=False) from None


@functools.cache
def _load_networks() -> tuple[Network, ...]:
    torch.set_num_threads(1)  # pictures of several visitors run side by side, and would wait for each other
    return tuple(_load_network(name) for name in NETWORKS)


def _load_network(name: str) -> Network:
    folder = locate(name, "model")
    model = ImageClassifier.from_pretrained(folder).to(memory_format=torch.channels_last)  # twice as quick
    return Network(name, model, words_for(model), measured(folder / "README.md"))


def warm_up() -> None:
    """Load the networks in the background: the page is there at once, and the first visitor waits less."""

    def load() -> None:
        with contextlib.suppress(gr.Error):  # said in the log; the next visitor's picture tries again
            networks()

    threading.Thread(target=load, daemon=True).start()


def words_for(model: ImageClassifier) -> tuple[str, str]:
    """A network's name for people, and what it is."""
    own = {
        "shallow": ("Shallow", "4 fully-connected layers, trained from scratch"),
        "cnn": (
            "CNN",
            f"{model.config['num_convolutions']} convolutions and global pooling, trained from scratch",
        ),
        "resnet9": ("ResNet-9", "8 convolutions with shortcuts, trained from scratch"),
        "torchvision/squeezenet1_0": (
            "SqueezeNet",
            "26 convolutions that first learned the 1,000 classes of ImageNet, then these",
        ),
    }
    name = model.architecture.removeprefix("torchvision/")
    return own.get(model.architecture, (name, f"the architecture {name}, fitted to these classes"))


def measured(card: Path) -> str:
    """The accuracies that a model's card states (`model-index`), in words; empty where it states none."""
    if not card.is_file():
        return ""
    results = ModelCard.load(card).data.eval_results or []
    shares = [
        f"{result.metric_value:.1%} of {PICTURES.get(result.dataset_name, result.dataset_name)}".replace("%", " %")
        for result in results
        if result.metric_type == "accuracy"
    ]
    return f"Right on {' and '.join(shares)} that it had not seen" if shares else ""


# What the tab asks for


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


# The page


def build_demo() -> gr.Blocks:
    """The page. Loads nothing: see `warm_up`."""
    files = sorted((FOLDER / "examples").glob("*.png"))
    examples = [(file, file.stem.split("_", 1)[-1].replace("_", " ")) for file in files]
    with gr.Blocks(title="Clocks vs. Crocodiles", delete_cache=(300, 3000), analytics_enabled=False) as demo:
        gr.HTML(INTRODUCTION, js_on_load=None)
        with gr.Tab("Classify", elem_id="tab-classify"):
            create_tab(classify, explain, vary, examples)
        gr.HTML(EXPLANATION, js_on_load=None)
    return demo.queue(max_size=100)


if __name__ == "__main__":
    warm_up()
    build_demo().launch(**PAGE)
