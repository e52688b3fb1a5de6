"""The networks: loaded once for all visitors, and what they say of pictures."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

import gradio as gr
import torch
from PIL import Image
from torch import nn

from betwixt import VAE, IdentityPoseSwapper, ImageClassifier, PoseRegressor, StyleGAN2Generator
from betwixt.hub import HubError, locate
from betwixt.images import to_images, to_tensor
from betwixt.once import once

CLASSIFIER, CODER, PRETRAINED = "mammals-breeds", "mammals-vae", "landmarks-pretrained"
GENERATORS = {  # published name -> what it draws, for people, in both languages
    "mammals-stylegan2": ("Rendered", "rendu"),
    "pets-stylegan2": ("Photo-like", "comme en photo"),
}
SWAPPERS = {  # published name -> the generator that it draws with
    "mammals-identity-pose": "mammals-stylegan2",
    "pets-identity-pose": "pets-stylegan2",
}
POSE = "mammals-pose"
KINDS = {
    CODER: VAE,
    POSE: PoseRegressor,
    **dict.fromkeys(GENERATORS, StyleGAN2Generator),
    **dict.fromkeys(SWAPPERS, IdentityPoseSwapper),
}
KEPT = 320  # side of the square of a visitor's picture that is kept: twice what the largest network sees
FEATURES = {  # published name -> for people, in both languages, and which layer (None: the last)
    CLASSIFIER: (("Breeds", "races"), None),
    CODER: (("VAE", "VAE"), None),
    PRETRAINED: (("ImageNet", "ImageNet"), "features"),
}


@contextlib.contextmanager
def told_in_a_line(what: str, *faults: type[Exception]) -> Iterator[None]:
    """The reason of a HubError or other `faults` goes into the log, for it names folders; visitors get a line.

    Raises:
        gr.Error: that line, in place of them.
    """
    try:
        yield
    except (HubError, *faults) as error:
        print(f"mammal-swap: {error}", file=sys.stderr, flush=True)
        raise gr.Error(f"The {what} could not be loaded; please come back later.", print_exception=False) from None


def is_there(name: str) -> bool:
    """Whether a network is published; it is not loaded."""
    try:
        return locate(name, "model").is_dir()
    except HubError:
        return False


@once
def load(name: str) -> nn.Module:
    """A published network. Raises gr.Error where it cannot be loaded."""
    torch.set_num_threads(1)  # pictures of several visitors run side by side, and would wait for each other
    kind = KINDS.get(name, ImageClassifier)
    with told_in_a_line("network"):
        return kind.from_pretrained(locate(name, "model")).to(memory_format=torch.channels_last)


def opinion(picture: Image.Image) -> list[tuple[str, float]]:
    """Classes and their probabilities, the likeliest first. Raises as `load`."""
    model = load(CLASSIFIER)
    found = model.predict([picture])[0]
    return [(model.class_names[row], float(found[row])) for row in found.argsort(descending=True).tolist()]


@torch.inference_mode()
def encode(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Pictures -> the means of their latents (N, latent_dim). Raises as `load`."""
    coder = load(CODER)
    return coder.encode(to_tensor(pictures, coder.image_size))[0]


@torch.inference_mode()
def decode(latents: torch.Tensor) -> list[Image.Image]:
    """(N, latent_dim) -> pictures. Raises as `load`."""
    return to_images(load(CODER).decode(latents))


def embed(name: str, pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Pictures -> features (N, D), rows of length 1, by one of FEATURES. Raises as `load`."""
    model, layer = load(name), FEATURES[name][1]
    if layer and f"network.{layer}" in dict(model.named_modules()):
        return model.embed(pictures, layer)
    return model.embed(pictures)  # also where it has another backbone
