"""Networks that give features of pictures, whatever class of model they are."""

import torch
import torch.nn.functional as F
from tables import ImageTable

import betwixt
from betwixt.autoencoder import ConvAutoencoder
from betwixt.classifier import ImageClassifier
from betwixt.generation import shares_of
from betwixt.hub import read_json, resolve
from betwixt.images import BATCH, from_bytes
from betwixt.vae import VAE


def load(name: str) -> tuple[torch.nn.Module, str | None]:
    """A model of any class that embeds, and the layer asked for."""
    name, _, layer = name.partition("#")
    folder = resolve(name)
    model_class = read_json(folder / "config.json").get("model_class")
    if model_class not in ("ImageClassifier", "ConvAutoencoder"):
        raise ValueError(f"{name} is a {model_class}, which has no features to compare")
    model = getattr(betwixt, model_class).from_pretrained(folder)
    return model.to(memory_format=torch.channels_last), layer or None


def imagenet(weights: str) -> tuple[ImageClassifier, None]:
    """SqueezeNet as it came from ImageNet."""
    model = ImageClassifier(architecture="torchvision/squeezenet1_0", class_names=["any"], network_size=128)
    model.load_backbone(weights)
    return model.eval().to(memory_format=torch.channels_last), None


@torch.inference_mode()
def embed(model: torch.nn.Module, layer: str | None, x: torch.Tensor) -> torch.Tensor:
    """(N, D), rows of length 1: of pictures (N, 3, H, W) in [-1, 1] what `model.embed` gives of files."""
    if isinstance(model, ImageClassifier):
        parts = [model.features(part.contiguous(memory_format=torch.channels_last), layer) for part in x.split(BATCH)]
    else:
        parts = [model.encode(part) for part in x.split(BATCH)]
    return F.normalize(torch.cat(parts).float(), dim=1)


@torch.inference_mode()
def encoded(model: ConvAutoencoder, pixels: torch.Tensor) -> torch.Tensor:
    """uint8 pictures (N, 3, H, W) -> latents (N, latent_dim), where the model is."""
    device = next(model.parameters()).device
    return torch.cat([model.encode(from_bytes(part.to(device))) for part in pixels.split(BATCH)])


@torch.inference_mode()
def squared_errors(model: VAE, table: ImageTable) -> torch.Tensor:
    """(N,) of each picture, the mean squared error of what is drawn from its latent's mean and its class."""
    device = next(model.parameters()).device
    errors = []
    for pixels, labels in zip(table.pixels.split(256), table.labels.split(256), strict=True):
        x, shares = from_bytes(pixels.to(device)), shares_of(labels.to(device), len(model.class_names))
        errors.append((model.decode(model.encode(x)[0], shares) - x).square().mean((1, 2, 3)).cpu())
    return torch.cat(errors)
