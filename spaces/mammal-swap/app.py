"""Mammal Swap: the breed of one animal in the pose of another, blends, breeds, and which pictures belong together.

python spaces/mammal-swap/app.py
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
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import album
import gradio as gr
import networks
import styles
import swaps
import tab_blend
import tab_breed
import tab_clusters
import tab_styles
import tab_swap
import torch
from events_styles import Functions
from networks import CLASSIFIER, CODER, GENERATORS
from panel_swap import METHOD
from PIL import Image
from words import WORDS, both

from betwixt.explain import occlusion_map, overlay
from betwixt.images import fit, to_tensor
from betwixt.once import once

FOLDER = Path(__file__).parent
EXAMPLES = [(file, album.title_of(file.stem.split("_", 1)[1])) for file in sorted((FOLDER / "examples").glob("*.png"))]
SHOWN = 320  # side of pictures with heat
PAGE = {  # what both launch() and mount_gradio_app() take
    "theme": gr.themes.Base(
        primary_hue="orange",
        neutral_hue="stone",
        radius_size="lg",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "monospace"],
    ).set(
        body_background_fill="#fbf6f0",
        body_background_fill_dark="#191310",
        block_background_fill="#fffdfa",
        block_background_fill_dark="#251c17",
        block_border_color="#e9dccb",
        block_border_color_dark="#43342a",
        block_shadow="none",
        button_primary_background_fill="#a8481c",
        button_primary_background_fill_hover="#8b3914",
        button_primary_background_fill_dark="#c05a2a",
        button_primary_background_fill_hover_dark="#d46a37",
        button_primary_text_color="#ffffff",
    ),
    "css_paths": FOLDER / "style.css",
    "allowed_paths": [str(FOLDER / "examples")],
    "footer_links": ["api", "settings"],
    "max_file_size": 200_000_000,
    "show_error": False,
    "run_history": False,  # it would keep visitors' pictures in their browsers
    "i18n": WORDS,
}
INTRODUCTION = f"""
<header class="intro">
  <h1>Mammal <i>Swap</i></h1>
  <p>{
    both(
        "What lies <b>between</b> two animals, which <b>breed</b> is it, and <b>who belongs together</b>? For dogs and "
        "cats of a rendered world, of which everything is known, and for your own photos.",
        "Qu'y a-t-il <b>entre</b> deux animaux, de quelle <b>race</b> est celui-ci, et <b>qui va ensemble</b> ? Pour "
        "les chiens et chats d'un monde de synthèse, dont on sait tout, et pour vos propres photos.",
    )
}</p>
</header>
"""


def about(*sections: tuple[str, str, str, str]) -> str:
    """What stands below a tab: of each section its heading and its text, in English and in French."""
    items = "".join(
        f"<section><h2>{both(heading, titre)}</h2><p>{both(text, texte)}</p></section>"
        for heading, titre, text, texte in sections
    )
    return f'<div class="about">{items}</div>'


ABOUT_SWAP = METHOD + about(
    (
        "What you see",
        "Ce que vous voyez",
        "Two pictures go in: of one the breed is taken, of the other all the rest, pose, light and place. What comes "
        "out was in neither. Networks that had no part in the drawing say which breed they see and how the head is "
        "turned, in all three.",
        "Deux images entrent : de l'une on prend la race, de l'autre tout le reste, pose, lumière et lieu. Ce qui "
        "sort n'était dans aucune. Des réseaux étrangers au dessin disent quelle race ils voient et comment la tête "
        "est tournée, sur les trois.",
    ),
    (
        "How it works",
        "Comment ça marche",
        "After Nitzan and others (2020): the features of a breed classifier say who it is, a small network says how "
        "it is shown, and a mapper puts both together as a style of a StyleGAN2 that never changes. No pair with a "
        "known answer was ever shown: that breed and pose come out right is all that was asked.",
        "D'après Nitzan et al. (2020) : les caractéristiques d'un classifieur de races disent qui c'est, un petit "
        "réseau comment on le voit, et un troisième réunit les deux en un style d'un StyleGAN2 qui ne change jamais. "
        "Aucune paire avec sa réponse n'a été montrée : race et pose devaient seulement être justes.",
    ),
    (
        "Its limits",
        "Ses limites",
        "It draws heads of 64 by 64 pixels, of the breeds that its generator knows, turned by up to 45 degrees. A "
        "picture that it cannot draw again by itself is called far from what it learned. Your pictures are forgotten "
        "within an hour.",
        "Il dessine des têtes de 64 pixels de côté, des races que connaît son générateur, tournées de 45 degrés au "
        "plus. Une image qu'il ne sait pas redessiner est dite loin de ce qu'il a appris. Vos images sont oubliées "
        "dans l'heure.",
    ),
)
ABOUT_BLEND = about(
    (
        "What you see",
        "Ce que vous voyez",
        "A network squeezes each picture into 128 numbers, its latent, and draws a picture from any 128 numbers. In "
        "the middle is what it draws of a combination of latents. Pixels laid over each other show two animals at "
        "once; latents, at best, one that is in between.",
        "Un réseau réduit chaque image à 128 nombres, son latent, et dessine une image à partir de 128 nombres "
        "quelconques. Au milieu, ce qu'il dessine d'une combinaison de latents. Des pixels superposés montrent deux "
        "animaux à la fois ; les latents, au mieux, un seul, entre les deux.",
    ),
    (
        "Beyond both",
        "Au-delà",
        "Before 0 and after 1 the difference of the two goes on growing: more of what makes one unlike the other. A "
        "third and a fourth picture may have shares too, even negative ones; all shares sum to 1.",
        "Avant 0 et après 1, la différence des deux continue de croître : davantage de ce qui distingue l'une de "
        "l'autre. Une troisième et une quatrième image peuvent avoir leur part, même négative ; la somme des parts "
        "est 1.",
    ),
    (
        "Its limits",
        "Ses limites",
        "It learned from 5,893 rendered heads and 458 photos, of 64 by 64 pixels: rendered heads come back nearly "
        "as they were, photos blurred, no better than by plain PCA. It never learned what a breed is, so what is in "
        "between is no crossbreed.",
        "Il a appris de 5 893 têtes de synthèse et de 458 photos, de 64 pixels de côté : les premières reviennent "
        "presque intactes, les photos floues, pas mieux que par une simple ACP. Il n'a jamais appris ce qu'est une "
        "race : l'entre-deux n'est pas un croisement.",
    ),
)
ABOUT_STYLES = about(
    (
        "What you see",
        "Ce que vous voyez",
        "A StyleGAN2 draws an animal from the noise that a seed gives: one network makes a style of it, and each layer "
        "of another draws by that style, from 4 by 4 pixels up. In the middle is what it draws of a mixture of "
        "two styles; none of these animals was ever there. Eyes and muzzles are often out of shape, less so the less "
        "daring it is.",
        "Un StyleGAN2 dessine un animal à partir du bruit que donne une graine : un réseau en fait un style, et chaque "
        "couche d'un autre dessine selon ce style, à partir de 4 pixels de côté. Au milieu, ce qu'il dessine d'un "
        "mélange de deux styles ; aucun de ces animaux n'a existé. Yeux et museaux sont souvent déformés, moins "
        "quand l'audace est petite.",
    ),
    (
        "Layers and directions",
        "Couches et directions",
        "Coarse layers decide pose and shape, fine ones colours: so one animal may lend the other its coat. Directions "
        "are ways in which styles differ. Those with a name change what they say more than anything else, as networks "
        "saw that know pose and breed; those without one change several things at once.",
        "Les premières couches décident de la pose et de la forme, les dernières des couleurs : un animal peut donc "
        "prêter son pelage à l'autre. Les directions sont ce en quoi les styles diffèrent. Celles qui ont un nom "
        "changent surtout ce qu'il dit, selon des réseaux qui connaissent pose et race ; les autres, plusieurs choses.",
    ),
    (
        "Your own picture",
        "Votre propre image",
        "Its style is searched step by step, until what is drawn of it looks like your picture. One style (W) stays "
        "among what the network knows; one for each layer (W+) comes nearer, but changes less well. Your picture is "
        "forgotten within an hour.",
        "Son style est cherché pas à pas, jusqu'à ce que le dessin ressemble à votre image. Un seul style (W) reste "
        "dans ce que le réseau connaît ; un par couche (W+) s'approche davantage, mais se modifie moins bien. Votre "
        "image est oubliée dans l'heure.",
    ),
)
ABOUT_BREED = about(
    (
        "What you see",
        "Ce que vous voyez",
        "Which of 53 breeds a network takes the animal for: 16 of the rendered world, 37 of photos; or that there is "
        "neither dog nor cat. Warm places speak for its answer: hiding them makes it less sure.",
        "Pour laquelle de 53 races un réseau prend l'animal : 16 du monde de synthèse, 37 de photos ; ou qu'il n'y "
        "a ni chien ni chat. Les endroits chauds plaident pour sa réponse : les cacher la rend moins sûre.",
    ),
    (
        "How it works",
        "Comment ça marche",
        "SqueezeNet, which came from ImageNet, turns a picture into 512 numbers. What varies in these <i>within</i> "
        "a breed is made small, and a picture is of the breed whose pictures point the same way.",
        "SqueezeNet, issu d'ImageNet, fait d'une image 512 nombres. Ce qui varie <i>au sein</i> d'une race y est "
        "réduit, et une image est de la race dont les images vont dans le même sens.",
    ),
    (
        "Its limits",
        "Ses limites",
        "Of rendered animals that it never saw it names nearly all, whatever their pose; of photos of heads "
        "<b>86</b> of 100 (<b>83</b> with every breed counting the same), having learned from some ten of most "
        "breeds. It is less sure than it could be, and takes about a third of pictures of clocks and crocodiles for "
        "cats or dogs. Show it a head.",
        "Des animaux de synthèse jamais vus, il nomme presque tous, quelle que soit leur pose ; des photos de têtes "
        "<b>86</b> sur 100 (<b>83</b> si chaque race compte autant), ayant appris d'une dizaine pour la plupart. Il "
        "est moins sûr qu'il ne pourrait, et prend un tiers d'images d'horloges et de crocodiles pour des chats ou "
        "des chiens. Montrez-lui une tête.",
    ),
)
ABOUT_CLUSTERS = about(
    (
        "What you see",
        "Ce que vous voyez",
        "Pictures grouped by what a network sees in them, without being told what they show. Frames on both maps "
        "are the colours of the clusters; point at a picture and its nearest light up on both.",
        "Des images groupées par ce qu'un réseau y voit, sans qu'on lui dise ce qu'elles montrent. Les cadres ont la "
        "couleur des groupes ; pointez une image, et ses voisines s'éclairent sur les deux cartes.",
    ),
    (
        "Which features separate what?",
        "Quelles caractéristiques séparent quoi ?",
        "The classifier's features group by breed, whatever the pose, and ImageNet's nearly as well. Of the VAE, "
        "which must draw the picture again, groups are breeds in part, and a little backgrounds and poses. On "
        "animals and photos that no network saw it is much the same: see the project's README.",
        "Celles du classifieur groupent par race, quelle que soit la pose, et celles d'ImageNet presque aussi bien. "
        "Celles du VAE, qui doit redessiner l'image, en partie par race, un peu par fond et par pose. Sur des "
        "animaux et des photos jamais vus, c'est à peu près pareil : voir le README du projet.",
    ),
    (
        "Two methods",
        "Deux méthodes",
        "<b>k-means</b> makes as many clusters as you ask for, and leaves nothing out. <b>HDBSCAN</b> finds out "
        "itself how many there are, and leaves out what lies between them. Your pictures are forgotten within an "
        "hour.",
        "<b>k-means</b> fait autant de groupes que demandé, sans rien laisser de côté. <b>HDBSCAN</b> trouve lui-même "
        "combien il y en a, et laisse ce qui est entre eux. Vos images sont oubliées dans l'heure.",
    ),
)


def warm_up() -> None:
    """Load what the first visitors need in the background: the page is there at once."""

    def load() -> None:
        with contextlib.suppress(gr.Error):  # said in the log; the next visitor tries again
            for name in networks.FEATURES:
                networks.load(name)
            shown = album.shared("rendered")
            for name in networks.FEATURES:
                shown.map(name)

    threading.Thread(target=load, daemon=True).start()


# What the tabs ask for


def explain(picture: Image.Image, class_name: str) -> Image.Image:
    """The picture, warm where it speaks for a class. Raises gr.Error: no classifier."""
    model = networks.load(CLASSIFIER)  # here, where a GPU's worker finds it
    heat = next(iter(hide_places(to_tensor([picture], model.image_size), model.class_names.index(class_name))))
    return overlay(fit(picture, SHOWN), heat)


@on_gpu
def hide_places(x: torch.Tensor, class_index: int) -> Iterator[torch.Tensor]:
    """A picture -> how much each place of it speaks for a class. Little enough work to stay on the CPU, but ZeroGPU
    wants one such function."""
    yield occlusion_map(networks.load(CLASSIFIER), x, class_index, grid=5)


def search(name: str, picture: Image.Image, space: str, steps: int, seed: int) -> Iterator[styles.Sight]:
    """Look for the style of a picture, and show what is found; see `styles.search`."""
    x = to_tensor([picture], networks.load(name).image_size)
    for step, style, loss in find_style(name, x, space, steps, seed):
        yield styles.Sight(step, steps, style, styles.draw(name, style[None])[0], loss)


@on_gpu
def find_style(name: str, x: torch.Tensor, space: str, steps: int, seed: int) -> Iterator[tuple]:
    """Step, style and loss, now and then; see `styles.steps_of`."""
    yield from styles.steps_of(name, x, space, steps, seed)


@once
def pictured(class_name: str) -> str | None:
    """A picture of a breed that the Space may show: a rendered one. Raises gr.Error where they cannot be read."""
    shown = album.shared("rendered")
    rows = [row for row, breed in enumerate(shown.truth["breed"]) if breed == class_name]
    ahead = [row for row in rows if shown.truth["pose"][row] == "ahead"]
    return shown.thumbnail((ahead or rows)[0]) if rows else None


def surprise(count: int) -> list[Path]:
    """Rendered pictures at random, as files. Raises gr.Error where they cannot be read."""
    shown = album.shared("rendered")
    return [_file_of(shown, row) for row in random.sample(range(len(shown)), count)]


def target(identity: Path, attributes: Path) -> Image.Image | None:
    """What the rendered world has where the animal of one example is in the pose of another."""
    file = FOLDER / "examples" / "targets" / f"{identity.stem[:2]}_{attributes.stem[:2]}.webp"
    return Image.open(file).convert("RGB") if file.is_file() else None


def _file_of(shown: album.Album, row: int) -> Path:
    file = _folder() / f"{row:04d}.png"
    if not file.exists():
        shown.pictures[row].save(file)
    return file


@once
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="betwixt-mammals-"))


# The page


def build_blend(generators: list[str]) -> None:
    """The tab *Blend*: in latents of pictures, and in styles where generators of these are there."""
    titles = [f"{' · '.join(GENERATORS[name])} (StyleGAN2)" for name in generators]
    drawers = [("Your pictures · vos images (VAE)", CODER), *zip(titles, generators, strict=True)]
    drawer = gr.Radio(drawers, value=CODER, label=WORDS("drawer"), visible=bool(generators), elem_id="drawer")
    with gr.Column() as of_pictures:
        tab_blend.create_tab(tab_blend.Functions(networks.encode, networks.decode, surprise), EXAMPLES)
        gr.HTML(ABOUT_BLEND, js_on_load=None)
    if not generators:
        return
    with gr.Column(visible=False) as of_styles:
        tab_styles.create_panel(drawer, Functions(styles.known, styles.style_of, styles.draw, search), generators)
        gr.HTML(ABOUT_STYLES, js_on_load=None)
    drawer.change(
        lambda name: (gr.update(visible=name == CODER), gr.update(visible=name != CODER)),
        drawer,
        [of_pictures, of_styles],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def build_demo() -> gr.Blocks:
    """The page. Loads no network: see `warm_up`."""
    titles = {"rendered": "Rendered · rendu", "photos": "Photos"}
    collections = [(titles[name], name) for name in album.names()]
    features = [(words, name) for name, (words, _) in networks.FEATURES.items()]
    with gr.Blocks(title="Mammal Swap", delete_cache=(300, 3000), analytics_enabled=False) as demo:
        gr.HTML(WORDS("hide_other"), elem_id="language", js_on_load=None)
        gr.HTML(INTRODUCTION, js_on_load=None)
        if swappers := [name for name in networks.SWAPPERS if networks.is_there(name)]:
            with gr.Tab(WORDS("swap"), elem_id="tab-swap"):
                words = [" · ".join(GENERATORS[networks.SWAPPERS[name]]) for name in swappers]
                functions = tab_swap.Functions(swaps.look, swaps.swap, swaps.draw, swaps.turns, target, surprise)
                tab_swap.create_tab(functions, [*zip(words, swappers, strict=True)], EXAMPLES)
                gr.HTML(ABOUT_SWAP, js_on_load=None)
        with gr.Tab(WORDS("blend"), elem_id="tab-blend"):
            build_blend([name for name in GENERATORS if networks.is_there(name)])
        with gr.Tab(WORDS("breed"), elem_id="tab-breed"):
            tab_breed.create_tab(networks.opinion, explain, pictured, EXAMPLES)
            gr.HTML(ABOUT_BREED, js_on_load=None)
        with gr.Tab(WORDS("clusters"), elem_id="tab-clusters") as tab:
            tab_clusters.create_tab(tab, album.shared, collections, features)
            gr.HTML(ABOUT_CLUSTERS, js_on_load=None)
    return demo.queue(max_size=100)


if __name__ == "__main__":
    warm_up()
    build_demo().launch(**PAGE)
