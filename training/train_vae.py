"""Train a variational autoencoder on plain pictures of its classes, told of them or not.

    python training/train_vae.py --name vae --dataset clocks-crocodiles --preset small
    python training/train_vae.py --name digits-vae --dataset digits --preset digits     (see make_digits.py)
    python training/train_vae.py --name plain --dataset digits --preset digits --no-conditional

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from dataclasses import dataclass

import torch
from augmentation import mixup, moved
from encoders import squared_errors
from loop import PRECISIONS, RUNS, LoopSettings, train
from options import option, parse, run
from perceptual import Layers, layers_of
from samples import Watch, load
from tables import Pictures
from torch import nn

from betwixt.generation import shares_of
from betwixt.images import from_bytes
from betwixt.losses import feature_distance, free_bits, gaussian_divergence
from betwixt.vae import VAE


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; several are joined")
    classes: list[str] | None = option(None, 'default: all of the dataset but "neither"')
    join: bool = option(False, "the datasets may have different classes: all of them are learned")
    conditional: bool = option(True, "tell the decoder the class, and draw pictures of each")
    image_size: int = option(64, "side that pictures are fitted to", range=(8, 256))
    architecture: str = option("conv", "convolutions, or fully-connected layers", choices=list(VAE.ARCHITECTURES))
    base_channels: int = option(24, "of conv", range=(2, 512))
    hidden_dim: int = option(512, "width of the hidden layers of mlp", range=(1, 65_536))
    latent_dim: int = option(64, range=(1, 4096))
    blocks: int = option(1, "residual blocks at each side of conv, hidden layers of mlp", range=(0, 8))
    downsamplings: int = option(4, "of conv", range=(1, 6))
    free_bits: float = option(0.0, "nats of each latent that cost nothing (Kingma et al. 2016)", range=(0.0, 100.0))
    beta: float = option(1.0, "weight of the latent's divergence (Higgins et al. 2017)", range=(0.0, 100.0))
    perceptual: float = option(0.0, "weight of the distance in the layers of a network", range=(0.0, 100.0))
    perceptual_model: str = option("clocks-crocodiles-resnet9", "that network: a ResNet-9 or SqueezeNet of ours")
    augmentation: float = option(0.4, "strength of the random changes of position", range=(0.0, 2.0))
    mixed_labels: float = option(0.0, "alpha of pictures and labels mixed in pairs; 0: none", range=(0.0, 10.0))
    steps: int = option(6000, range=(1, 10_000_000))
    batch_size: int = option(64, range=(1, 65_536))
    learning_rate: float = option(1e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    ema: float = option(0.998, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"steps": 300, "base_channels": 8},
    "full": {},
    # Enlarged and grey, 768 values are no more than 64: beta 12 counts each once. Never mirrored: a 2 would be none.
    "digits": {
        "architecture": "mlp", "image_size": 16, "downsamplings": 3, "latent_dim": 16, "augmentation": 0.0,
        "beta": 12.0, "steps": 4000, "checkpoint_every": 1000,
    },
}  # fmt: skip


def main() -> None:
    run(train_vae, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_vae(recipe: Recipe) -> None:
    """Load, build, train."""
    training, held_out = load(recipe, recipe.join)
    torch.manual_seed(recipe.seed)
    model = VAE(
        class_names=training.class_names if recipe.conditional else None,
        image_size=recipe.image_size,
        base_channels=recipe.base_channels,
        latent_dim=recipe.latent_dim,
        blocks=recipe.blocks,
        downsamplings=recipe.downsamplings,
        architecture=recipe.architecture,
        hidden_dim=recipe.hidden_dim,
    )
    watch = Watch(RUNS / recipe.name, training)
    train(
        RUNS / recipe.name,
        {**dataclasses.asdict(recipe), "training_pictures": training.digest()},
        model,
        make_loss(recipe, len(model.class_names), layers_of(recipe.perceptual_model) if recipe.perceptual else None),
        Pictures(training),
        LoopSettings.of(recipe, len(training)),
        evaluate=lambda average: {
            "held_out_error": squared_errors(average, held_out).mean().item(),
            **watch(average),
        },
    )


def make_loss(recipe: Recipe, num_classes: int, layers: Layers | None = None):
    """The evidence lower bound, with the decoder's deviation at its best value (Rybkin et al. 2021, equation 6)."""

    def loss(model: nn.Module, pixels: torch.Tensor, labels: torch.Tensor):
        x, targets = from_bytes(pixels), shares_of(labels, num_classes)
        x = moved(x, recipe.augmentation)
        x, targets = mixup(x, targets, recipe.mixed_labels)
        x_hat, mean, log_variance = model(x.contiguous(memory_format=torch.channels_last), targets)
        error = (x_hat.float() - x).square().mean()
        divergence = gaussian_divergence(mean, log_variance)
        values = x[0].numel()
        if layers:
            error = error + recipe.perceptual * feature_distance(layers(x_hat), layers(x)).mean()
        counted = free_bits(divergence, recipe.free_bits)
        return error.log() / 2 + recipe.beta * counted / values, {"error": error, "nats": divergence.sum(1).mean()}

    return loss


if __name__ == "__main__":
    main()
