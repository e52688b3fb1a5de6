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

from betwixt import ConditionalGAN, metrics
from betwixt.diffusion import DiffusionModel
from betwixt.generation import Steering
from betwixt.images import to_images, to_tensor

JUDGES, GUIDES = "clocks-crocodiles-judges", "clocks-crocodiles-guides"
STEPS = 18
MOST = 32  # pictures at once
STRIP = 9  # pictures along the slider
FRAME = 256  # side of the film's pictures, in pixels
COMPARED = 32  # at which side pictures are compared with those of the training


@dataclass(frozen=True)
class Generator:
    """A published model, and the ways in which it combines classes, the default first."""

    name: str
    combinations: tuple[str, ...]


GENERATORS = {  # kind of picture -> generator; the default first
    "photos": {
        "diffusion": Generator("clocks-crocodiles-diffusion-photos", DiffusionModel.COMBINATIONS),
        "gan": Generator("clocks-crocodiles-gan-photos", ConditionalGAN.COMBINATIONS),
    },
}


@dataclass(frozen=True)
class Wanted:
    """What a visitor asks for.

    Args:
        share: from a clock, 0, to a crocodile, 1.
        combine: one of the generator's COMBINATIONS.
    """

    kind: str
    generator: str
    combine: str
    share: float
    seed: int
    count: int

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
    """How sure the judges are that a picture shows each class, and whether that is a yes to both."""

    shares: dict[str, float]
    both: bool


def generator_of(kind: str, generator: str) -> Generator:
    """Raises ValueError where there is none; in one line."""
    if kind not in GENERATORS:
        raise ValueError(f"kind must be one of {', '.join(GENERATORS)}, not {kind!r}")
    if generator not in GENERATORS[kind]:
        raise ValueError(f"generator must be one of {', '.join(GENERATORS[kind])}, not {generator!r}")
    return GENERATORS[kind][generator]


def combinations(kind: str, generator: str) -> tuple[str, ...]:
    """The ways in which a generator combines classes, the default first. Raises as `generator_of`."""
    return generator_of(kind, generator).combinations


def draw(wanted: Wanted) -> Iterator[Drawing]:
    """Draw pictures, and show what they are becoming.

    Raises:
        ValueError: as `generate` of the models; in one line.
        gr.Error: a model cannot be loaded.
    """
    if isinstance(wanted.share, bool) or not isinstance(wanted.share, int | float) or not 0 <= wanted.share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {wanted.share!r}")
    if type(wanted.count) is not int or not 1 <= wanted.count <= MOST:
        raise ValueError(f"count must be a whole number from 1 to {MOST}, not {wanted.count!r}")
    model = published(generator_of(wanted.kind, wanted.generator).name)
    steering = Steering(published(GUIDES)) if wanted.combine == "steered" else None
    request = (wanted.weights, wanted.count, wanted.seed, wanted.combine)
    if not isinstance(model, DiffusionModel):
        yield Drawing(1, 1, model.generate(*request, steering=steering))
        return
    steps = 2 * STEPS if wanted.combine in ("composition", "steered") else STEPS
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
    judges = published(JUDGES)
    probabilities = judges.predict_multilabel(images)
    columns = [judges.class_names.index(name) for name in CLASSES]
    return [
        Verdict(dict(zip(CLASSES, row[columns].tolist(), strict=True)), bool(both))
        for row, both in zip(
            probabilities, judges.says_yes(probabilities, CLASSES, f"clocks-crocodiles-{kind}"), strict=True
        )
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
