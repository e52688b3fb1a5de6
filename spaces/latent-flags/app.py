"""Latent Flags: the world's flags on maps, by what they look like and not only by their colours.

python spaces/latent-flags/app.py
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
import functools
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import atlas
import gradio as gr
import tab_map
import tab_mash_up
import tab_neighbours
import torch
from PIL import Image

from betwixt.flags import Flag, draw, read
from betwixt.images import fit, to_images, to_tensor
from betwixt.mashups import mash_up

FOLDER = Path(__file__).parent
EXAMPLES = [
    (file, file.stem.split("_", 1)[1].replace("_", " ")) for file in sorted((FOLDER / "examples").glob("*.png"))
]
DRAWN = (144, 96)  # width and height of what latents give, in pixels
HIGH = 192  # of the grammar's mash-ups, as wide as their layout is, in pixels
PAGE = {  # what both launch() and mount_gradio_app() take
    "theme": gr.themes.Base(
        primary_hue="red",
        neutral_hue="slate",
        radius_size="lg",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "monospace"],
    ).set(
        body_background_fill="#f6f8fb",
        body_background_fill_dark="#101418",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a2027",
        block_border_color="#dde4ec",
        block_border_color_dark="#2d3742",
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
  <h1>Latent <i>Flags</i></h1>
  <p>Which flags look alike? A map of their pixels groups them <b>by colour</b>. A network that learned to tell form
  from colours lays out the same flags <b>by their bands, crosses and emblems</b>.</p>
</header>
"""
ABOUT_MAP = """
<div class="about">
  <section><h2>What you see</h2>
  <p>The same flags twice; what lies together is alike by what stands above the map. Point at a flag, and it lights up
  on both with its nearest: how different they are is the whole story. Wheel or pinch to zoom, drag to move.</p>
  </section>
  <section><h2>How it works</h2>
  <p>t-SNE turns long lists of numbers into places on a plane, neighbours first. “Form, learned” comes from an
  autoencoder that saw flags that never were, and had to draw each from the form of its twin in other colours, and from
  colours that a flag of another form wears.</p></section>
  <section><h2>Its limits</h2>
  <p>Only who is next to whom means something on such a map: not how far groups are apart, nor which way is up. Small
  emblems are drawn from a few shapes. A picture that is no flag gets a place too, with a note.</p></section>
</div>
"""
ABOUT_NEIGHBOURS = """
<div class="about">
  <section><h2>What you see</h2>
  <p>The flags most like one, three times over. The number is how alike they are: 1 is the same.</p></section>
  <section><h2>How it works</h2>
  <p>Every flag becomes a list of numbers: its pixels, or one of the two parts of a latent. The nearest lists win.</p>
  </section>
  <section><h2>Its limits</h2>
  <p>Numbers of different rows cannot be compared with each other. Pictures of yours are squashed to a square, as the
  flags are; they are deleted within an hour.</p></section>
</div>
"""
ABOUT_MASH_UP = """
<div class="about">
  <section><h2>What you see</h2>
  <p>New flags: all ways to share out layout, colours and emblem; what one network draws between two flags, and
  another of the form of one in the colours of the other.</p>
  </section>
  <section><h2>How it works</h2>
  <p>Each flag is a line of text in a small grammar of bands, crosses, stars and the like, so that parts can be
  exchanged. The networks learned from thousands of such mash-ups and saw no real flag whole.</p></section>
  <section><h2>Its limits</h2>
  <p>Emblems are simplified, and not every layout has room for one. Through the latents everything is blurred, and
  what is rare melts: so few numbers hold a layout, but no fine emblem.</p></section>
</div>
"""


def warm_up() -> None:
    """Make the first maps in the background: the page is there at once, and the first visitor waits less."""

    def load() -> None:
        with contextlib.suppress(gr.Error):  # said in the log; the next visitor tries again
            for space in ("pixels", "form"):
                atlas.flag_map("flags", space)
                atlas.neighbours("flags", space)

    threading.Thread(target=load, daemon=True).start()


# What the tab *Mash up* asks for


@functools.cache
def designs() -> dict[str, Flag]:
    """Code -> the line of the grammar; of flags of the same design the first."""
    return {flag.code: flag for flag in read() if not flag.same_as}


def mash_up_of(layout: str, palette: str, emblems: Sequence[str]) -> tab_mash_up.MashUp:
    """The grammar's mash-up of flags by their codes; the emblem is of the first that has one."""
    known = designs()
    giver = next((code for code in emblems if known[code].emblem), None)
    made = mash_up(known[layout], known[palette], known[giver] if giver else None)
    return tab_mash_up.MashUp(
        draw(made, (round(made.ratio * HIGH), HIGH)), layout, palette, giver if made.emblem else None
    )


def blends(first: str, second: str, shares: Sequence[float]) -> list[Image.Image]:
    """What the plain autoencoder draws of the latents between two flags."""
    one, other = encoded(atlas.PLAIN, first), encoded(atlas.PLAIN, second)
    return drawn(atlas.PLAIN, torch.stack([torch.lerp(one, other, share) for share in shares]))


def swap(form: str, colors: str) -> Image.Image:
    """The form of one flag in the colours of another, through the latent of the form autoencoder."""
    end = atlas.autoencoder(atlas.FORM).form_dim
    (picture,) = drawn(
        atlas.FORM, torch.cat([encoded(atlas.FORM, form)[:end], encoded(atlas.FORM, colors)[end:]])[None]
    )
    return picture


@functools.lru_cache(maxsize=512)
def encoded(name: str, code: str) -> torch.Tensor:
    """A flag by its code -> its latent (latent_dim,) of an autoencoder."""
    model = atlas.autoencoder(name)
    with torch.inference_mode():
        return model.encode(to_tensor([draw(designs()[code], DRAWN)], model.image_size, "squash"))[0]


def drawn(name: str, z: torch.Tensor) -> list[Image.Image]:
    """Latents (N, latent_dim) -> flags, as wide as others."""
    atlas.autoencoder(name)  # loaded here, where a GPU's worker finds it
    x = next(iter(decode(name, z)))
    return [fit(picture, DRAWN, "squash") for picture in to_images(x)]


@on_gpu
def decode(name: str, z: torch.Tensor) -> Iterator[torch.Tensor]:
    """Latents -> (N, 3, S, S). So little work that it stays on the CPU, but ZeroGPU wants one such function."""
    with torch.inference_mode():
        x = atlas.autoencoder(name).decode(z)
    yield x


def surprise() -> tuple[str, str, str]:
    """Three flags at random, the last with an emblem."""
    known = designs()
    third = random.choice([code for code, flag in known.items() if flag.emblem])
    first, second = random.sample([code for code in known if code != third], 2)
    return first, second, third


# The page


def build_demo() -> gr.Blocks:
    """The page. Loads nothing: see `warm_up`."""
    names = {code: flag.name for code, flag in sorted(designs().items(), key=lambda item: item[1].name)}
    with gr.Blocks(title="Latent Flags", delete_cache=(300, 3000), analytics_enabled=False) as demo:
        gr.HTML(INTRODUCTION, js_on_load=None)
        with gr.Tab("Map", elem_id="tab-map"):
            functions = tab_map.Functions(atlas.flags, atlas.flag_map, atlas.neighbours, atlas.place)
            tab_map.create_tab(demo, functions, EXAMPLES)
            gr.HTML(ABOUT_MAP, js_on_load=None)
        with gr.Tab("Neighbours", elem_id="tab-neighbours") as tab:
            choices = sorted((flag.name, flag.code) for flag in read())  # those with the flag of another country too
            tab_neighbours.create_tab(tab, atlas.nearest, atlas.flag_of, choices, EXAMPLES)
            gr.HTML(ABOUT_NEIGHBOURS, js_on_load=None)
        with gr.Tab("Mash up", elem_id="tab-mash-up") as tab:
            tab_mash_up.create_tab(tab, tab_mash_up.Functions(mash_up_of, blends, swap, surprise), names)
            gr.HTML(ABOUT_MASH_UP, js_on_load=None)
    return demo.queue(max_size=100)


if __name__ == "__main__":
    warm_up()
    build_demo().launch(**PAGE)
