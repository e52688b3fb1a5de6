"""Measure how well held-out pictures are drawn again by a StyleGAN2 from the styles that inversion finds, in W and W+.

    python training/evaluate_inversion.py --model mammals-stylegan2 --dataset mammals-many

Beside both stand the mean picture and the nearest of some random styles, where the search starts. The distance in the
layers of a network that had no part in the search is the fairer one: pixels and the searcher's own layers are what was
made small.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from loop import folder_of
from options import option, parse, report, run
from perceptual import layers_of
from tables import read_dataset

from betwixt import StyleGAN2Generator, metrics
from betwixt.directions import styles_of
from betwixt.images import from_bytes
from betwixt.inversion import SPACES, Inversion, invert
from betwixt.losses import feature_distance

BATCH = 8


@dataclass
class Recipe:
    """What to measure."""

    model: str = option(help="the generator: a run, a folder, or a published name")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    perceptual_model: str = option("landmarks-pretrained", "whose layers the search looks at")
    judge: str = option("clocks-crocodiles-resnet9", "whose layers measure besides")
    count: int = option(32, "pictures of each dataset, evenly from its test split", range=(2, 100_000))
    steps: int = option(300, "of each search", range=(1, 10_000))
    seed: int = option(0, "of the searches", range=(0, 2**31 - 1))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    model = StyleGAN2Generator.from_pretrained(folder_of(recipe.model))
    return {
        "task": "image-to-image",
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "results": {Path(name).name: measure(recipe, model, name) for name in recipe.dataset},
    }


def measure(recipe: Recipe, model: StyleGAN2Generator, dataset: str) -> dict:
    """{figure: {"value", "low", "high"}} of each way."""
    table = read_dataset(dataset, "test", model.image_size)
    rows = torch.linspace(0, len(table) - 1, min(recipe.count, len(table))).long()
    x, groups = from_bytes(table.pixels[rows]), torch.tensor(table.columns.get("group", [*range(len(table))]))[rows]
    judge, deviation = layers_of(recipe.judge), styles_of(model, 2000).std(0).square().mean().sqrt()
    figures = {}
    for way, w in styles_found(recipe, model, x).items():
        with torch.no_grad():
            drawn = torch.cat([model.synthesis(some) for some in w.split(BATCH)]).clamp(-1, 1)
            values = {
                "PSNR (dB)": psnr(drawn, x),
                "distance in other layers": feature_distance(judge(drawn), judge(x)),
                "distance from the mean style (deviations)": far(w, model, deviation),
            }
        figures |= {f"{name}, {way}": metrics.with_interval(value, groups) for name, value in values.items()}
    return {"pictures": len(x), **figures}


def styles_found(recipe: Recipe, model: StyleGAN2Generator, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Way -> w (N, num_ws, w_dim) of the pictures x (N, 3, S, S)."""
    layers = layers_of(recipe.perceptual_model)
    found = {"mean style": model.mapping.w_avg.expand(len(x), model.num_ws, -1)}
    for space in SPACES:
        how, parts = Inversion(space, recipe.steps, seed=recipe.seed), []
        for some in x.split(BATCH):
            first, *_, last = invert(model, some, how, layers, every=recipe.steps)
            parts.append((first.w, last.w))
            print(f"{space}: {len(parts) * BATCH} of {len(x)}", flush=True)
        found.setdefault("nearest random style", torch.cat([first for first, _ in parts]))
        found[space.upper()] = torch.cat([last for _, last in parts])
    return found


def psnr(drawn: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(B,) in dB, of pictures (B, C, H, W) in [-1, 1]."""
    return 10 * (4 / (drawn - x).square().mean((1, 2, 3)).clamp_min(1e-10)).log10()


def far(w: torch.Tensor, model: StyleGAN2Generator, deviation: torch.Tensor) -> torch.Tensor:
    """(B,) the root of the mean square distance from the mean style, in deviations of w: about 1 of random ones."""
    return ((w - model.mapping.w_avg) / deviation).square().mean((1, 2)).sqrt()


if __name__ == "__main__":
    main()
