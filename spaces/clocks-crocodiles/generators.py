"""The published generators of hybrids: which there are, what they draw, and what the judges say of it."""

import functools
import io
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
from betwixt.images import to_images, to_tensor

NEITHER = "neither"
JUDGES, GUIDES = "clocks-crocodiles-judges", "clocks-crocodiles-guides"
STEPS = 18
MOST = 32  # pictures at once
STRIP = 9  # pictures along the slider
FRAME = 256  # side of the film's pictures, in pixels
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
    """How sure the judges are that a picture shows each class, and whether that is a yes to both, not to "neither"."""

    shares: dict[str, float]
    both: bool


def generator_of(kind: str, generator: str) -> Generator:
    """Raises ValueError where there is none; in one line."""
    if kind not in GENERATORS:
        raise ValueError(f"kind must be one of {', '.join(GENERATORS)}, not {kind!r}")
    if generator not in GENERATORS[kind]:
        raise ValueError(f"generator must be one of {', '.join(GENERATORS[kind])}, not {generator!r}")
    return GENERATORS[kind][generator]


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
    steering = Steering(published(GUIDES), wanted.strength) if wanted.combine == STEERED else None
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


def film(images: Sequence[Image.Image]) -> bytes:
    """There and back, as an animated WebP of FRAME pixels a side."""
    frames = [image.resize((FRAME, FRAME), Image.Resampling.BICUBIC) for image in images]
    frames += frames[-2:0:-1]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=160, loop=0, quality=90)
    return buffer.getvalue()


def judge(images: Sequence[Image.Image], kind: str) -> list[Verdict]:
    """What the judges say, who had no part in the drawing; what is a yes differs between kinds.

    Raises:
        gr.Error: they cannot be loaded.
    """
    judges, dataset = published(JUDGES), f"clocks-crocodiles-{kind}"
    probabilities = judges.predict_multilabel(images)
    columns = [judges.class_names.index(name) for name in CLASSES]
    both = judges.says_yes(probabilities, CLASSES, dataset) & ~judges.says_yes(probabilities, [NEITHER], dataset)
    return [
        Verdict(dict(zip(CLASSES, row[columns].tolist(), strict=True)), bool(yes))
        for row, yes in zip(probabilities, both, strict=True)
    ]


def nearest(image: Image.Image, kind: str, count: int = 2) -> list[Picture]:
    """The most similar of the pictures that a generator learned from; none where those are not at hand."""
    if kind not in shared_collections():
        return []
    known, references = _references(kind)
    distances = metrics.shifted_distances(to_tensor([image], COMPARED), references)[0]
    return [known[row] for row in distances.topk(min(count, len(known)), largest=False).indices.tolist()]


@functools.cache
def _references(kind: str) -> tuple[list[Picture], torch.Tensor]:
    known = [picture for picture in pictures_in(kind) if picture.kind in CLASSES]
    return known, to_tensor([picture.open(COMPARED) for picture in known], COMPARED)
