"""How like the real pictures are the flags that `betwixt/flags.txt` constructs?

    python training/evaluate_flags.py --pictures $PHOTOS/flags --output benchmarks/results/flags.json

Structural similarity at 96 by 64 pixels, of every picture that is named by a code; the least alike are listed.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

from options import option, parse, report, run
from sources import opened

from betwixt import flags
from betwixt.images import to_tensor
from betwixt.metrics import structural_similarity

REASONS = {  # why a few shapes cannot draw it
    "aq": "a continent's outline",
    "gb-wls": "a dragon",
    "vi": "an eagle, a shield and letters",
    "sz": "a shield with feathers across the bands",
    "af": "a mosque and script",
    "pn": "arms with an anchor, a barrow and a plant",
    "lk": "a lion with a sword",
    "mp": "a wreath of flowers around a stone",
    "bt": "a dragon",
    "gs": "arms with a lion, a seal and a penguin",
    "io": "a palm tree before many waves",
}


@dataclass
class Recipe:
    """What to measure."""

    pictures: str = option(help="a folder of flags that are named by their codes")
    worst: int = option(10, "how many of the least alike are listed", range=(0, 300))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"flags": number, "median": ..., "10th percentile": ..., "worst": {name: figures}}."""
    known = {flag.code: flag for flag in flags.read()}
    files = {code: Path(recipe.pictures) / f"{code}.png" for code in known}
    pictures = {code: opened(file, str(file)) for code, file in files.items() if file.is_file()}
    pictures = {code: picture for code, picture in pictures.items() if picture}
    if len(pictures) < 2:
        raise ValueError(f"{recipe.pictures} has {len(pictures)} flags that are named by their codes: too few")
    real, drawn = (
        to_tensor(found, flags.SIZE, "squash")
        for found in ([*pictures.values()], [flags.draw(known[code]) for code in pictures])
    )
    similarity = dict(zip(pictures, structural_similarity(drawn, real).tolist(), strict=True))
    worst = sorted(similarity, key=similarity.__getitem__)[: recipe.worst]
    return {
        "flags": len(pictures),
        "median": statistics.median(similarity.values()),
        "10th percentile": statistics.quantiles(similarity.values(), n=10)[0],
        "worst": {
            known[code].name: {"similarity": similarity[code], "reason": REASONS.get(code, "a detailed emblem")}
            for code in worst
        },
    }


if __name__ == "__main__":
    main()
