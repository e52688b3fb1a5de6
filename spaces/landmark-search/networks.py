"""The three encoders that pictures are compared by: loaded once for all visitors, with what the page says of them."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import gradio as gr
import torch
from PIL import Image

from betwixt import ImageClassifier
from betwixt.hub import HubError, locate
from betwixt.images import BATCH, fit, to_tensor
from betwixt.once import once

KEPT = 320  # side of the square of a visitor's picture that is kept: twice what the largest encoder sees


@dataclass(frozen=True)
class Words:
    """What the page says of an encoder."""

    title: str
    text: str


ENCODERS = {  # published name -> words; the default first
    "landmarks-transfer": Words(
        "Transfer",
        "SqueezeNet, which came from ImageNet and then learned to tell landmarks apart.",
    ),
    "landmarks-pretrained": Words(
        "Pretrained",
        "SqueezeNet as it came from ImageNet: it knows a thousand kinds of things, and was taught no landmark.",
    ),
    "landmarks-scratch": Words(
        "From scratch",
        "A small CNN that began with nothing, and has never seen anything but landmarks.",
    ),
}
DEFAULT = next(iter(ENCODERS))


@contextlib.contextmanager
def told_in_a_line(what: str, *faults: type[Exception]) -> Iterator[None]:
    """The reason of a HubError or other `faults` goes into the log, for it names folders; visitors get a line.

    Raises:
        gr.Error: that line, in place of them.
    """
    try:
        yield
    except (HubError, *faults) as error:
        print(f"landmark-search: {error}", file=sys.stderr, flush=True)
        raise gr.Error(f"The {what} could not be loaded; please come back later.", print_exception=False) from None


def check(encoder: str) -> None:
    """Raises ValueError where there is no such encoder; in one line."""
    if not isinstance(encoder, str) or encoder not in ENCODERS:
        raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}, not {encoder!r}")


@once
def load(name: str) -> ImageClassifier:
    """A published encoder. Raises gr.Error where it cannot be loaded."""
    torch.set_num_threads(1)  # pictures of several visitors run side by side, and would wait for each other
    with told_in_a_line("encoder"):
        return ImageClassifier.from_pretrained(locate(name, "model")).to(memory_format=torch.channels_last)


def embed(
    name: str, count: int, pictures: Iterator[Image.Image], on_progress: Callable[[float], None] | None = None
) -> torch.Tensor:
    """Pictures -> (N, D), rows of length 1. They are opened one batch at a time, however many there are.

    Args:
        count: how many there are, for the progress.
        on_progress: called after each batch with the share that is done.
    """
    model, parts, batch = load(name), [], []
    for number, picture in enumerate(pictures, 1):
        batch.append(fit(picture, model.image_size))
        if len(batch) == BATCH or number == count:
            parts.append(model.embed(batch))
            batch = []
            if on_progress:
                on_progress(number / count)
    return torch.cat(parts)


def pair_of(name: str, pictures: Sequence[Image.Image]) -> list[torch.Tensor]:
    """Pictures, each as the encoder sees it: (1, 3, S, S) in [-1, 1]."""
    size = load(name).image_size
    return [to_tensor([picture], size) for picture in pictures]
