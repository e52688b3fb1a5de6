"""Fixtures of the tests of Spaces: a site started as its users start it, a browser, networks, pictures good and bad."""

import importlib.util
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect, sync_playwright
from tables import encode, write_dataset

from betwixt import (
    VAE,
    ClassifierEnsemble,
    ConditionalGAN,
    ConvAutoencoder,
    DiffusionModel,
    IdentityPoseSwapper,
    ImageClassifier,
    PoseRegressor,
    StyleGAN2Generator,
    flags,
)
from betwixt.breeds import species_of
from betwixt.directions import Direction, save_directions
from betwixt.mashups import mash_ups
from betwixt.search import EmbeddingIndex

PROJECT = Path(__file__).parents[1]
SPACES = PROJECT / "spaces"
SPACE = SPACES / "clocks-crocodiles"
EXAMPLES = sorted((SPACE / "examples").glob("*.png"))
HUB = Path(os.environ.get("BETWIXT_HUB", PROJECT / "hub_upload"))  # read here: some tests change the variable
SPACE_PATH = "/clocks-crocodiles/"
PATIENCE = 90_000  # milliseconds: the machine may have other work
CLASSES = ["clock", "crocodile", "neither"]
STAND_INS = {
    "clocks-crocodiles-classifier": {"architecture": "cnn", "num_convolutions": 3, "multilabel_width": 8},
    "clocks-crocodiles-resnet9": {"architecture": "resnet9", "base_channels": 8},
    "clocks-crocodiles-cnn": {"architecture": "cnn"},
    "clocks-crocodiles-shallow": {"architecture": "shallow"},
}
AUTOENCODER = "clocks-crocodiles-autoencoder"  # the search has it besides
GENERATORS = {
    "clocks-crocodiles-diffusion-photos": lambda: DiffusionModel(
        class_names=CLASSES[:2], patch_size=4, base_channels=8
    ),
    "clocks-crocodiles-gan-photos": lambda: ConditionalGAN(class_names=CLASSES[:2], base_channels=8),
    "clocks-crocodiles-vae-photos": lambda: VAE(class_names=CLASSES[:2], base_channels=4),
    "clocks-crocodiles-diffusion": lambda: DiffusionModel(class_names=CLASSES[:2], patch_size=4, base_channels=8),
    "clocks-crocodiles-gan": lambda: ConditionalGAN(class_names=CLASSES[:2], image_size=64, base_channels=8),
    "clocks-crocodiles-vae": lambda: VAE(class_names=CLASSES[:2], image_size=64, base_channels=4, downsamplings=4),
}
ENSEMBLES = ("clocks-crocodiles-judges", "clocks-crocodiles-guides")
FLAGS_SPACE, FLAGS_PATH = SPACES / "latent-flags", "/latent-flags/"
FLAG_AUTOENCODERS = {"flags-autoencoder": {}, "flags-form-autoencoder": {"form_dim": 8}}
FLAG_DATASETS = {"flags": 240, "flag-mashups": 40}  # how many of each the stand-ins have
DATASETS = ("clocks-crocodiles", *FLAG_DATASETS, "landmarks", "mammals")
LANDMARKS_SPACE, LANDMARKS_PATH = SPACES / "landmark-search", "/landmark-search/"
ENCODERS = ("landmarks-transfer", "landmarks-pretrained", "landmarks-scratch")
STAND_IN_PLACES = [
    f"{structure}_{number}" for structure in ("arena", "obelisk", "pagoda", "torii") for number in (1, 2)
]


MAMMALS_SPACE, MAMMALS_PATH = SPACES / "mammal-swap", "/mammal-swap/"
STAND_IN_BREEDS = ["corgi", "husky", "neither", "siamese", "toyger"]
MAMMALS = ("mammals-breeds", "mammals-vae")
STYLEGANS = ("mammals-stylegan2", "pets-stylegan2")
SWAPPERS = ("mammals-identity-pose", "pets-identity-pose")


class Site:
    """A Space or launch.py in a process of its own, at a free port."""

    def __init__(self, script: Path, folder: Path, **variables: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "log.txt"
        self.uploads = folder / "uploads"
        environment = {
            **os.environ,
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(self.uploads),
        }
        environment |= {"HF_HUB_OFFLINE": "1", **variables}
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script)], cwd=folder, env=environment, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait(self, seconds: float = 120) -> "Site":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log
            try:
                if httpx.get(self.url, timeout=5).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError(f"no page within {seconds} s; {self.log}")

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def published() -> Path | None:
    """The folder of the published networks, or None where they are not there."""
    models = [*STAND_INS, AUTOENCODER, *GENERATORS, *ENSEMBLES, *FLAG_AUTOENCODERS, *ENCODERS, *MAMMALS, STYLEGANS[0]]
    needed = [HUB / "models" / name / "config.json" for name in models]
    needed += [HUB / "datasets" / name / "README.md" for name in DATASETS]
    return HUB if all(file.is_file() for file in needed) else None


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory) -> Path:
    """A hub folder with small untrained networks, whose answers differ between pictures all the same."""
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    for name, arguments in STAND_INS.items():
        model = ImageClassifier(class_names=CLASSES, **arguments)
        with torch.no_grad():
            model.head[-1].weight.mul_(30)
        model.save_pretrained(folder / "models" / name)
    ConvAutoencoder(base_channels=4, latent_dim=16).save_pretrained(folder / "models" / AUTOENCODER)
    for name, build in GENERATORS.items():
        build().save_pretrained(folder / "models" / name)
    member = ImageClassifier(class_names=CLASSES, **STAND_INS["clocks-crocodiles-classifier"])
    yes = {"clock": 0.4, "crocodile": 0.4, "neither": 0.9}
    thresholds = {f"clocks-crocodiles-{kind}": yes for kind in ("photos", "rendered")}
    for name in ENSEMBLES:
        ensemble = ClassifierEnsemble(members=[member.config] * 2, thresholds=thresholds)
        ensemble.save_pretrained(folder / "models" / name)
    write_dataset(folder / "datasets" / "clocks-crocodiles", {"train": stand_in_rows()}, CLASSES, "# stand-ins")
    for name, arguments in FLAG_AUTOENCODERS.items():
        model = ConvAutoencoder(image_size=64, base_channels=4, latent_dim=16, fit="squash", **arguments)
        model.save_pretrained(folder / "models" / name)
    for name, count in FLAG_DATASETS.items():
        layouts = sorted({flag.layout for flag in flags.read()})
        write_dataset(folder / "datasets" / name, {"train": flag_rows(name, count, layouts)}, layouts, "# stand-ins")
    make_landmarks(folder)
    make_mammals(folder)
    return folder


def make_mammals(hub: Path) -> None:
    """A small untrained classifier and coder, and pictures with the truth of a rendered world."""
    model = ImageClassifier(
        architecture="resnet9", class_names=STAND_IN_BREEDS, base_channels=4, image_size=64, embedding_dim=16
    )
    model.save_pretrained(hub / "models" / "mammals-breeds")
    VAE(image_size=64, base_channels=4, latent_dim=16, downsamplings=4).save_pretrained(hub / "models" / "mammals-vae")
    make_stylegans(hub)
    make_swappers(hub, model)
    random, rows, names = np.random.default_rng(0), [], sorted({*STAND_IN_BREEDS} - {"neither"})
    for number in range(40):
        color, breed = random.integers(40, 220, 3), names[number % 4]
        picture = Image.fromarray(np.clip(random.normal(color, 30, (64, 64, 3)), 0, 255).astype(np.uint8))
        ImageDraw.Draw(picture).ellipse((10, 10, 54, 54), fill=("orange", "grey", "beige", "gold")[number % 4])
        known = {"species": species_of(breed), "yaw": 30.0 * (number % 3 - 1), "background": "studio"}
        rows.append({"image": encode(np.asarray(picture)), "label": names.index(breed), **known})
    write_dataset(hub / "datasets" / "mammals", {"train": rows[8:], "test": rows[:8]}, names, "# stand-ins")


def make_stylegans(hub: Path) -> None:
    """Two small untrained generators of unlike sizes, one of breeds and with directions, of which one has a name."""
    breeds = [name for name in STAND_IN_BREEDS if name != "neither"]
    rendered = StyleGAN2Generator(
        z_dim=16, w_dim=24, c_dim=len(breeds), class_names=breeds, channel_base=512, channel_max=16, mapping_layers=2
    )
    photos = StyleGAN2Generator(z_dim=8, w_dim=8, img_resolution=32, channel_base=256, channel_max=8, mapping_layers=2)
    for name, model in zip(STYLEGANS, (rendered, photos), strict=True):
        model.save_pretrained(hub / "models" / name)
    vectors = torch.linalg.qr(torch.randn(24, 2)).Q.T
    turn = Direction(vectors[0], 1.5, (0, 5), {"en": "Turn the head", "fr": "Tourner la tête"}, {"yaw": 0.9}, 2.0)
    save_directions([turn, Direction(vectors[1], 1.0, (0, 10))], hub / "models" / STYLEGANS[0])


def make_swappers(hub: Path, classifier: ImageClassifier) -> None:
    """Untrained swappers with these generators, whose swaps differ with both pictures, and an untrained judge of poses.

    To the second every picture is strange.
    """
    for name, generator, familiar in zip(SWAPPERS, STYLEGANS, (3.0, 0.0), strict=True):
        generator = StyleGAN2Generator.from_pretrained(hub / "models" / generator)
        swapper = IdentityPoseSwapper.of(generator, classifier, attribute_size=32, attribute_channels=4, hidden_dim=16)
        with torch.no_grad():
            swapper.familiar.fill_(familiar)
            for layer in swapper.latent_mapper.layers:
                layer.weight.mul_(8)
        swapper.save_pretrained(hub / "models" / name)
    PoseRegressor(base_channels=4).save_pretrained(hub / "models" / "mammals-pose")


def make_landmarks(hub: Path) -> None:
    """Small untrained encoders, and pictures with the truth of a rendered world.

    Of the indexes one is right, one was made with another encoder, and one is missing.
    """
    folder, rows = hub / "datasets" / "landmarks", landmark_rows()
    splits = {"test": rows[::4], "train": [row for number, row in enumerate(rows) if number % 4]}
    write_dataset(folder, splits, STAND_IN_PLACES, "# stand-ins")
    ids = [f"{split}/{number:06d}" for split, of_split in splits.items() for number in range(len(of_split))]
    pictures = [Image.open(io.BytesIO(row["image"])) for of_split in splits.values() for row in of_split]
    for name in ENCODERS:  # two places are kept from them, as are those that a threshold is measured on
        model = ImageClassifier(
            architecture="resnet9", class_names=STAND_IN_PLACES[:-2], base_channels=4, image_size=64, embedding_dim=16
        ).eval()
        model.save_pretrained(hub / "models" / name)
        if name != "landmarks-scratch":
            EmbeddingIndex(model.embed(pictures), ids, ENCODERS[0]).save(folder / "index" / name)


def landmark_rows() -> list[dict]:
    """Records of 6 pictures of each place: a shape of its structure in the colour of the individual."""
    random, rows = np.random.default_rng(0), []
    for label, place in enumerate(STAND_IN_PLACES):
        structure, number = place.split("_")
        for view in range(6):
            picture = Image.fromarray(random.integers(90, 170, (64, 64, 3), dtype=np.uint8))
            draw, color = ImageDraw.Draw(picture), (230, 60, 40) if number == "1" else (40, 70, 220)
            x, y = random.integers(4, 20, 2).tolist()
            match structure:
                case "arena":
                    draw.ellipse((x, y, x + 40, y + 24), fill=color)
                case "obelisk":
                    draw.rectangle((x + 16, y, x + 26, y + 42), fill=color)
                case "pagoda":
                    draw.polygon([(x, y + 40), (x + 40, y + 40), (x + 20, y)], fill=color)
                case _:
                    draw.rectangle((x, y + 4, x + 40, y + 12), fill=color)
            truth = {"azimuth": 60.0 * view, "elevation": 5.0 * view, "distance": 0.8 + 0.2 * view}
            weather = {"occluder": ["none", "tree"][view % 2], "sky": ["clear", "night"][view % 2], "season": "winter"}
            family = {"arena": "antiquity", "torii": "monuments"}.get(structure, "towers")
            known = {"family": family, "structure": structure, "individual": int(number), **truth, **weather}
            rows.append({"image": encode(np.asarray(picture)), "label": label, "place": place, **known})
    return rows


def flag_rows(name: str, count: int, layouts: list[str]) -> list[dict]:
    """Records of the world's flags, or of mash-ups of them."""
    known = flags.read()
    designs = [flag for flag in known if not flag.same_as]
    return [
        {
            "image": encode(np.asarray(flags.draw(flag, (48, 32)))),
            "label": layouts.index(flag.layout),
            "code": flag.code,
            "name": flag.name,
            "palette": flags.palette_label(flag),
        }
        for flag in (designs[:count] if name == "flags" else mash_ups(known, count))
    ]


def stand_in_rows() -> list[dict]:
    """Records of 12 discs, 12 bars, 9 empty pictures, and 6 discs on bars that are blends."""
    random, rows = np.random.default_rng(0), []
    for kind, count in (("clock", 12), ("crocodile", 12), ("neither", 9), ("blend", 6)):
        for i in range(count):
            picture = Image.fromarray(random.integers(0, 120, (64, 64, 3), dtype=np.uint8))
            draw, (x, y) = ImageDraw.Draw(picture), random.integers(10, 30, 2).tolist()
            if kind in ("crocodile", "blend"):
                draw.rectangle((4, y + 8, 60, y + 16), fill=(40, 160, 60))
            if kind in ("clock", "blend"):
                draw.ellipse((x, y, x + 24, y + 24), fill=(230, 220, 200))
            label = CLASSES.index("neither" if kind == "blend" else kind)
            t = {"clock": 0.0, "crocodile": 1.0, "neither": None, "blend": (i + 1) / 8}[kind]
            shape = {"clock": "tower", "crocodile": "curled", "neither": "house", "blend": "tower+curled"}[kind]
            rows.append({"image": encode(np.asarray(picture)), "label": label, "t": t, "shape": shape})
    return rows


@pytest.fixture(scope="session")
def hub_folder(published, stand_ins) -> Path:
    """The published networks, or else the stand-ins: what is tested with these is the page."""
    return published or stand_ins


@pytest.fixture(scope="session")
def site(hub_folder, tmp_path_factory):
    """The whole suite, started as the README says."""
    with Site(SPACES / "launch.py", tmp_path_factory.mktemp("site"), BETWIXT_HUB=str(hub_folder)) as started:
        yield started.wait()


@pytest.fixture(scope="session")
def styles_hub(hub_folder, stand_ins) -> Path:
    """Where there are StyleGAN2s: the published ones, or else stand-ins."""
    return hub_folder if all((hub_folder / "models" / name).is_dir() for name in STYLEGANS) else stand_ins


@pytest.fixture(scope="session")
def swaps_hub(hub_folder, stand_ins) -> Path:
    """Where there are swappers: the published ones, or else stand-ins."""
    return hub_folder if all((hub_folder / "models" / name).is_dir() for name in SWAPPERS) else stand_ins


@pytest.fixture(scope="session")
def swaps_site(swaps_hub, tmp_path_factory):
    """Mammal Swap alone, with swappers."""
    folder = tmp_path_factory.mktemp("swaps")
    with Site(MAMMALS_SPACE / "app.py", folder, BETWIXT_HUB=str(swaps_hub)) as started:
        yield started.wait()


@pytest.fixture(scope="session")
def styles_site(styles_hub, tmp_path_factory):
    """Mammal Swap alone, with StyleGAN2s."""
    folder = tmp_path_factory.mktemp("styles")
    with Site(MAMMALS_SPACE / "app.py", folder, BETWIXT_HUB=str(styles_hub)) as started:
        yield started.wait()


@pytest.fixture(scope="session")
def chromium():
    expect.set_options(timeout=PATIENCE)  # two workers share the machine
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path="/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        yield started
        started.close()


@pytest.fixture
def open_page(chromium, site):
    """open_page(path, **options of the browser) -> a page whose console and requests are watched."""
    contexts, faults = [], []

    def note(kind: str, text: str) -> None:
        faults.append(f"{kind}: {text[:200]}")

    def open_at(path: str = SPACE_PATH, **options) -> Page:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and note("console", message.text))
        page.on("pageerror", lambda error: note("script", str(error)))
        page.on("response", lambda answer: answer.status >= 400 and note(str(answer.status), answer.url))
        page.on(
            "request",
            lambda request: request.url.startswith((site.url, "data:", "blob:")) or note("outside", request.url),
        )
        page.goto(site.url + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert faults == []


def unnamed(page: Page) -> list[str]:
    """Things to click on, and pictures, that a screen reader could not name."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, img")].filter(e => {
        if (e.tagName === "IMG") return !e.hasAttribute("alt");
        if (!e.checkVisibility()) return false;
        const image = e.querySelector("img[alt]:not([alt=''])");
        return !(e.innerText?.trim() || e.ariaLabel || e.title || image || e.labels?.length);
        }).map(e => e.outerHTML.slice(0, 200))"""
    )


@pytest.fixture(scope="session")
def client(site):
    return Client(f"{site.url}{SPACE_PATH}", verbose=False)


@pytest.fixture(scope="session")
def launch():
    """The module spaces/launch.py."""
    spec = importlib.util.spec_from_file_location("launch_under_test", SPACES / "launch.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def thirty(photos) -> list[Path]:
    """Real photos: 10 clocks, 10 crocodiles, 10 cats."""
    folders = [photos / "clocks_crocodiles" / "clock", photos / "clocks_crocodiles" / "crocodile", photos / "cats"]
    return [file for folder in folders for file in sorted(folder.iterdir())[:10]]


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory) -> dict[Path, str]:
    """Files that are no usable pictures -> a word that the message must have."""
    folder = tmp_path_factory.mktemp("bad")
    whole = EXAMPLES[0].read_bytes()
    files = {
        "truncated.png": (whole[: len(whole) // 2], "damaged"),
        "empty.png": (b"", "empty"),
        "text.png": (b"I am no picture. " * 50, "not a picture"),
        "bomb.png": (saved(Image.new("1", (30000, 30000)), "PNG"), "pixels|large"),
        "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "HEIC"),
        "hostile.jpg": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8, "picture"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {folder / name: word for name, (_, word) in files.items()}


@pytest.fixture(scope="session")
def odd_files(tmp_path_factory) -> list[Path]:
    """Unusual files that are pictures all the same."""
    folder = tmp_path_factory.mktemp("odd")
    with Image.open(EXAMPLES[0]) as opened:
        picture = opened.convert("RGB")
    rotated = Image.Exif()
    rotated[274] = 6
    other = picture.rotate(90)
    grey16 = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    palette = picture.convert("P")
    files = {
        "one_pixel.png": saved(Image.new("RGB", (1, 1), "green"), "PNG"),
        "line.png": saved(Image.new("RGB", (30000, 1), "green"), "PNG"),
        "cmyk.jpg": saved(picture.convert("CMYK"), "JPEG"),
        "deep.png": saved(grey16, "PNG"),
        "palette.png": saved(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "rotated.jpg": saved(picture, "JPEG", exif=rotated),
        "animated.gif": saved(picture, "GIF", save_all=True, append_images=[other]),
        "animated.webp": saved(picture, "WEBP", save_all=True, append_images=[other]),
        "no_suffix": saved(picture, "PNG"),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]
