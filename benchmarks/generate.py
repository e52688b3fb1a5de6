"""How fast pictures are drawn and generators trained, beside the plain form of the same network, in one run.

    python benchmarks/generate.py --output benchmarks/results/generate.json

Plain is float32 in torch's ordinary layout. Fast is what the recipes and the Spaces use: channels last, and in training
bfloat16 where the processor computes in it. Rounds of both alternate, so that other work on the machine slows both.
Seconds are those of what a visitor waits for: pictures steered by the published guides and looked at by the judges.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import train_diffusion
import train_gan
import train_vae
from loop import computes_in_bf16

from betwixt import VAE, ClassifierEnsemble, DiffusionModel
from betwixt.generation import Steering

ROUNDS = 5
STEERED = 16  # pictures, as the page draws them
NAMES = ["clock", "crocodile"]
SIZES = (1, 16)  # pictures drawn at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    guides, judges = (ClassifierEnsemble.from_pretrained(f"clocks-crocodiles-{name}") for name in ("guides", "judges"))
    table = {name: measure(*build(), guides, judges) for name, build in NETWORKS.items()}
    text = json.dumps({"threads": torch.get_num_threads(), **table}, indent=2)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def diffusion():
    recipe = train_diffusion.Recipe(name="", image_size=32)
    torch.manual_seed(0)
    model = DiffusionModel(
        class_names=NAMES, patch_size=recipe.patch_size, base_channels=recipe.base_channels, blocks=1
    )
    return model, model, train_diffusion.make_loss(recipe, model), recipe.batch_size, 32


def gan():
    recipe = train_gan.Recipe(name="", image_size=32)
    game = train_gan.Game(recipe, NAMES)
    return game.generator, game, lambda game, x, y: game(x / 127.5 - 1, torch.eye(2)[y]), recipe.batch_size, 32


def vae():
    recipe = train_vae.Recipe(name="", image_size=32, downsamplings=3, base_channels=32)
    model = VAE(class_names=NAMES, base_channels=32)
    return model, model, train_vae.make_loss(recipe, 2), recipe.batch_size, 32


NETWORKS = {"diffusion": diffusion, "gan": gan, "vae": vae}


def measure(
    generator: nn.Module,
    trained: nn.Module,
    loss: Callable,
    batch_size: int,
    size: int,
    guides: ClassifierEnsemble,
    judges: ClassifierEnsemble,
) -> dict:
    """Pictures a second of drawing and of training, plain and fast: medians over the rounds, and their ratio."""
    x = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    labels = torch.arange(batch_size) % 2
    optimizer = torch.optim.AdamW(trained.parameters())

    steps = train_gan.R1_EVERY if isinstance(trained, train_gan.Game) else 1  # its penalty falls on one of so many

    def train(fast: bool) -> None:
        for _ in range(steps):
            step(fast)

    def step(fast: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=fast and computes_in_bf16("auto")):
            value, _ = loss(trained, x.float() if trained is not generator else x, labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    tasks = {f"draw {count}": (lambda _, count=count: generator.generate(count=count), count) for count in SIZES}
    tasks["train"] = (train, steps * batch_size)

    def steer(fast: bool) -> None:
        judges.predict_multilabel(generator.generate(count=STEERED, combine="steered", steering=Steering(guides)))

    tasks[f"draw {STEERED}, steered and judged"] = (steer, STEERED)
    figures = {}
    for name, (task, pictures) in tasks.items():
        rates: dict[bool, list[float]] = {False: [], True: []}
        for number in range(ROUNDS + 1):
            for fast in (False, True):
                trained.to(memory_format=torch.channels_last if fast else torch.contiguous_format)
                trained.train(name == "train")
                start = time.perf_counter()
                task(fast)
                if number:  # the first round warms up
                    rates[fast].append(pictures / (time.perf_counter() - start))
        plain, fast = statistics.median(rates[False]), statistics.median(rates[True])
        figures[name] = {"plain, pictures/s": plain, "fast, pictures/s": fast, "ratio": fast / plain}
        if task is steer:
            figures[name]["seconds"] = pictures / fast
    return figures


if __name__ == "__main__":
    main()
