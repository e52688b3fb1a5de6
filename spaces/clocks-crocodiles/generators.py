"""The published generators of hybrids: which there are, what they draw, and what the judges say of it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from finder import CLASSES, Picture
from networks import published
from PIL import Image
from searches import pictures_in, shared_collections

from betwixt import VAE, ConditionalGAN, metrics
from betwixt.diffusion import DiffusionModel
from betwixt.generation import Steering
from betwixt.images import ImageError, to_images, to_tensor
from betwixt.once import once

NEITHER = "neither"
JUDGES, GUIDES = "clocks-crocodiles-judges", "clocks-crocodiles-guides"
STEPS = 18
MOST = 32  # pictures at once
STRIP = 9  # pictures along the slider
COMPARED = 32  # at which side pictures are compared with those of the training


@dataclass(frozen=True)
class Generator:
    """A published model.

    Args:
        combinations: ways in which it combines classes, the best first.
        strongest: how far it may be steered: a GAN's pictures fall apart far from the latents it was trained on.
    """

    name: str
    combinations: tuple[str, ...]
    strongest: float


def _generator(name: str, model: type, strongest: float) -> Generator:
    others = [way for way in model.COMBINATIONS if way != STEERED]
    return Generator(f"clocks-crocodiles-{name}", (STEERED, *others), strongest)


STEERED = "steered"
GENERATORS = {  # kind of picture -> generator; the default first
    "photos": {
        "diffusion": _generator("diffusion-photos", DiffusionModel, 3),
        "gan": _generator("gan-photos", ConditionalGAN, 1),
        "vae": _generator("vae-photos", VAE, 3),
    },
    "rendered": {
        "diffusion": _generator("diffusion", DiffusionModel, 3),
        "gan": _generator("gan", ConditionalGAN, 1),
        "vae": _generator("vae", VAE, 3),
    },
}


@dataclass(frozen=True)
class Wanted:
    """What a visitor asks for.

    Args:
        share: from a clock, 0, to a crocodile, 1.
        combine: one of the generator's COMBINATIONS.
        strength: how far "steered" may move what is drawn.
    """

    kind: str
    generator: str
    combine: str
    share: float
    seed: int
    count: int
    strength: float = 1.0

    @property
    def weights(self) -> dict[str, float]:
        return dict(zip(CLASSES, (1 - self.share, self.share), strict=True))


@dataclass(frozen=True)
class Drawing:
    """What has formed so far, and whether it is finished."""

    step: int
    steps: int
    images: list[Image.Image]

    @property
    def done(self) -> bool:
        return self.step == self.steps


@dataclass(frozen=True)
class Verdict:
    """What the judges say of a picture.

    Args:
        shares: how sure they are that it shows each class.
        bounds: over which that is a yes; they differ between kinds of pictures.
        neither: whether they say "neither" of it all the same.
    """

    shares: dict[str, float]
    bounds: dict[str, float]
    neither: bool

    @property
    def yes(self) -> dict[str, bool]:
        return {name: share > self.bounds[name] for name, share in self.shares.items()}

    @property
    def both(self) -> bool:
        return all(self.yes.values()) and not self.neither

    @property
    def levels(self) -> dict[str, float]:
        """The shares bent so that a half is where a yes begins."""
        return {name: _bent(share, self.bounds[name]) for name, share in self.shares.items()}


def _bent(share: float, bound: float) -> float:
    odds = share * (1 - bound)
    return odds / max(1e-12, odds + bound * (1 - share))


def generator_of(kind: str, generator: str) -> Generator:
    """Raises ValueError where there is none; in one line."""
    if not isinstance(kind, str) or kind not in GENERATORS:
        raise ValueError(f"kind must be one of {', '.join(GENERATORS)}, not {kind!r}")
    if not isinstance(generator, str) or generator not in GENERATORS[kind]:
        raise ValueError(f"generator must be one of {', '.join(GENERATORS[kind])}, not {generator!r}")
    return GENERATORS[kind][generator]


def dataset_of(kind: str) -> str:
    """By which judges and guides know what is a yes for such pictures."""
    return f"clocks-crocodiles-{kind}"


def draw(wanted: Wanted) -> Iterator[Drawing]:
    """Draw pictures, and show what they are becoming.

    Raises:
        ValueError: as `generate` of the models; in one line.
        gr.Error: a model cannot be loaded.
    """
    generator = generator_of(wanted.kind, wanted.generator)
    for name, value, most in (("share", wanted.share, 1), ("strength", wanted.strength, generator.strongest)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError(f"{name} must be from 0 to {most:g}, not {value!r}")
    if type(wanted.count) is not int or not 1 <= wanted.count <= MOST:
        raise ValueError(f"count must be a whole number from 1 to {MOST}, not {wanted.count!r}")
    model = published(generator.name)
    steering = None
    if wanted.combine == STEERED:
        steering = Steering(published(GUIDES), wanted.strength, dataset=dataset_of(wanted.kind))
    request = (wanted.weights, wanted.count, wanted.seed, wanted.combine)
    if not isinstance(model, DiffusionModel):
        yield Drawing(1, 1, model.generate(*request, steering=steering))
        return
    steps = 2 * STEPS if wanted.combine in ("composition", STEERED) else STEPS
    for step, x in enumerate(model.generate_steps(*request, steps=STEPS, steering=steering), 1):
        yield Drawing(step, steps, to_images(x))


def draw_strip(wanted: Wanted) -> Iterator[list[Image.Image]]:
    """One picture, that of the seed, all the way from clock to crocodile: more of the STRIP each time."""
    images: list[Image.Image] = []
    for number in range(STRIP):
        *_, last = draw(replace(wanted, share=number / (STRIP - 1), count=1))
        images += last.images
        yield images


def judge(images: Sequence[Image.Image], kind: str) -> list[Verdict]:
    """What the judges say, who had no part in the drawing.

    Raises:
        gr.Error: they cannot be loaded.
    """
    judges, dataset = published(JUDGES), dataset_of(kind)
    probabilities = judges.predict_multilabel(images)
    columns = [judges.class_names.index(name) for name in CLASSES]
    bounds = dict(zip(CLASSES, judges.thresholds_of(CLASSES, dataset).tolist(), strict=True))
    neither = judges.says_yes(probabilities, [NEITHER], dataset).tolist()
    return [
        Verdict(dict(zip(CLASSES, row, strict=True)), bounds, no)
        for row, no in zip(probabilities[:, columns].tolist(), neither, strict=True)
    ]


def nearest(image: Image.Image, kind: str, count: int = 2) -> list[Picture]:
    """The most similar plain pictures of those that the Space may show; none of a kind of which it has none."""
    if kind not in shared_collections():
        return []
    known, references = _references(kind)
    distances = metrics.shifted_distances(to_tensor([image], COMPARED), references)[0]
    return [known[row] for row in distances.topk(min(count, len(known)), largest=False).indices.tolist()]


@once
def _references(kind: str) -> tuple[list[Picture], torch.Tensor]:
    known, opened = [], []
    for picture in pictures_in(kind):
        if picture.kind in CLASSES:
            with contextlib.suppress(ImageError):  # a damaged one of the owner's spoils no other
                opened.append(picture.open(COMPARED))
                known.append(picture)
    return known, to_tensor(opened, COMPARED)
