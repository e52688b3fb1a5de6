"""Draw what a generator knows, each picture with the style that it was drawn of: what a mapping network learns from.

    python training/make_latent_pairs.py --name mammals-pairs --model mammals-stylegan2 --count 20000
    python training/make_latent_pairs.py --name dogs-pairs --model dogs-256 --truncation 0.7 --cutoff 8

Of a generator that is told of classes the label is the class, in turn; of another it is "drawn". A fifth, by content,
is the test split. A picture's number is its seed: the same command gives the same pictures, a larger count more of
them, and one that was killed goes on.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from loop import folder_of, weights_digest
from near_duplicates import is_test
from options import option, parse, run
from sources import front_matter
from tables import DATASETS, DRAWN, encode, write_dataset, write_parquet
from tqdm import tqdm

from betwixt import StyleGAN2Generator
from betwixt.images import BATCH, to_bytes

PART = 2000  # pictures, some 10 seconds


@dataclass
class Recipe:
    """What to draw."""

    name: str = option(help="the dataset is written to runs/datasets/NAME")
    model: str = option(help="the generator: a run, a published name or a folder")
    count: int = option(20_000, "pictures", range=(5, 10_000_000))
    truncation: float = option(0.8, "psi", range=(0.0, 2.0))
    cutoff: int | None = option(None, "so many of the first styles are truncated; default: all", range=(0, 64))
    quality: int = option(95, "of the WebP that is stored, 1 to 100; 100: lossless", range=(1, 100))


def main() -> None:
    run(make, parse(Recipe, {}, __doc__.splitlines()[0]))


def make(recipe: Recipe) -> None:
    """Draw the pictures in parts, and write the dataset and its card."""
    folder = folder_of(recipe.model)
    generator = StyleGAN2Generator.from_pretrained(folder).to(memory_format=torch.channels_last)
    whose, parts = weights_digest(folder), DATASETS / f".{recipe.name}.parts"
    splits: dict[str, list[dict]] = {"train": [], "test": []}
    for start in tqdm(range(0, recipe.count, PART), desc=recipe.name, unit="part"):
        seeds = range(start, min(start + PART, recipe.count))
        for row in part_of(generator, recipe, seeds, parts, whose):
            splits["test" if row.pop("test") else "train"].append(row)
    classes = generator.class_names or [DRAWN]
    card = f"""{front_matter(splits, "apache-2.0", ["image-feature-extraction"])}

# {recipe.name}

Pictures of {generator.image_size} pixels that the StyleGAN2 `{Path(recipe.model).name}` (weights `{whose}`) drew at psi
{recipe.truncation}, each with its style `w`: {generator.w_dim} numbers for each of {generator.num_ws} layers.
"""
    write_dataset(DATASETS / recipe.name, splits, classes, card)
    shutil.rmtree(parts)
    print(f"{DATASETS / recipe.name}: {', '.join(f'{len(rows)} {name}' for name, rows in splits.items())}")


def part_of(generator: StyleGAN2Generator, recipe: Recipe, seeds: range, parts: Path, whose: str) -> list[dict]:
    """The rows of these seeds; they are drawn unless they lie in the folder `parts` already."""
    how = f"{whose}-{recipe.truncation}-{recipe.cutoff}-{recipe.quality}"
    file = parts / f"{how}-{seeds.start:08d}-{seeds.stop:08d}.parquet"
    if not file.exists():
        parts.mkdir(parents=True, exist_ok=True)
        drawn = [draw(generator, recipe, seeds[first : first + BATCH]) for first in range(0, len(seeds), BATCH)]
        pixels, w = (torch.cat(tensors) for tensors in zip(*drawn, strict=True))
        test = is_test(pixels, np.arange(len(pixels)))
        rows = [
            {
                "image": encode(picture, recipe.quality),
                "label": seed % max(1, generator.c_dim),
                "source": DRAWN,
                "seed": seed,
                "test": bool(held_out),
                "generator": whose,
                "w": style,
            }
            for seed, picture, style, held_out in zip(
                seeds, pixels.permute(0, 2, 3, 1).numpy(), w.flatten(1).numpy(), test, strict=True
            )
        ]
        write_parquet(file, rows, [DRAWN])
    return [{**row, "image": row["image"]["bytes"]} for row in pq.read_table(file).to_pylist()]


@torch.inference_mode()
def draw(generator: StyleGAN2Generator, recipe: Recipe, seeds: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels uint8 (N, 3, S, S) and styles (N, num_ws, w_dim)."""
    z, _ = generator.latents(seeds)
    c = torch.eye(generator.c_dim)[torch.tensor(seeds) % generator.c_dim] if generator.c_dim else None
    w = generator.mapping(z, c, recipe.truncation, recipe.cutoff)
    return to_bytes(generator.synthesis(w)), w


if __name__ == "__main__":
    main()
