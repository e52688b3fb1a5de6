"""Does a map of flags group them by layout or by colour? Measured on pictures of real flags.

    python training/evaluate_maps.py --pictures $PHOTOS/flags --models flags-autoencoder \\
        --output benchmarks/results/maps.json

The labels are those of `betwixt/flags.txt`; of each design one picture is measured. A twin is a picture whose regions
were given other colours (`recoloring.py`): among all flags, is its original the nearest?
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from loop import folder_of
from options import option, parse, report, run
from PIL import Image
from recoloring import recolored
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import trustworthiness
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sources import opened

from betwixt import flags, metrics, plain_features
from betwixt.autoencoder import ConvAutoencoder
from betwixt.images import to_tensor
from betwixt.maps import TSNEMap

Embed = Callable[[list[Image.Image]], torch.Tensor]  # pictures -> features (N, D)
SIDE = 64  # of the squares that pictures are squashed to
LEAST = 4  # flags of a palette, for it to be asked about
NEIGHBOURS, AROUND = 5, 10  # for the purity; for how faithful a map is


@dataclass
class Recipe:
    """What to measure."""

    pictures: str = option(help="a folder of flags that are named by their codes")
    models: list[str] = option([], "runs or published names of autoencoders")
    twins: int = option(3, "of each flag", range=(1, 100))
    folds: int = option(5, "of the linear probes", range=(2, 20))
    seed: int = option(0)
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"flags": number, "chance": {...}, "spaces": {name: figures}}."""
    known = {flag.code: flag for flag in flags.read() if not flag.same_as}
    files = {code: Path(recipe.pictures) / f"{code}.png" for code in known}
    pictures = {code: opened(file, str(file)) for code, file in files.items() if file.is_file()}
    pictures = {code: picture for code, picture in pictures.items() if picture}
    if len(pictures) <= NEIGHBOURS:
        raise ValueError(f"{recipe.pictures} has {len(pictures)} flags that are named by their codes: too few")
    random = np.random.default_rng(recipe.seed)
    twins = [recolored(picture, random) for picture in pictures.values() for _ in range(recipe.twins)]
    labels = {
        "layout": [known[code].layout for code in pictures],
        "palette": [flags.palette_label(known[code]) for code in pictures],
    }
    return {
        "flags": len(pictures),
        "chance": {what: chance(numbers(values)) for what, values in labels.items()},
        "spaces": {
            name: measure(embed, [*pictures.values()], twins, labels, recipe)
            for name, embed in spaces(recipe.models).items()
        },
    }


def spaces(models: list[str]) -> dict[str, Embed]:
    """Name -> features: those that need no network, then the autoencoders' latents."""
    plain = {
        "raw pixels": plain_features.pixels,
        "grey pixels": plain_features.grey,
        "edges": plain_features.edges,
        "colours": plain_features.color_histogram,
    }
    found: dict[str, Embed] = {
        name: (lambda pictures, features=features: features(to_tensor(pictures, SIDE, "squash")))
        for name, features in plain.items()
    }
    for name in models:
        model = ConvAutoencoder.from_pretrained(folder_of(name))
        for part in model.PARTS if model.form_dim else ("all",):
            found[f"{name}: {part}" if model.form_dim else name] = partial(model.embed, part=part)
    return found


def measure(
    embed: Embed, pictures: list[Image.Image], twins: list[Image.Image], labels: dict[str, list[str]], recipe: Recipe
) -> dict:
    """The figures of one space."""
    features, of_twins = embed(pictures), embed(twins)
    figures = {}
    for what, values in labels.items():
        classes = numbers(values)
        asked = torch.tensor([values.count(value) >= LEAST for value in values])
        figures[f"{what} purity"] = metrics.with_interval(metrics.neighbour_purity(features, classes)[asked])
        figures[f"{what} by a linear probe"] = metrics.with_interval(probed(features[asked], classes[asked], recipe))
    own = torch.arange(len(pictures)).repeat_interleave(recipe.twins)
    found = metrics.retrieval_ranks(of_twins, features, own) == 0
    figures["twin recall at 1"] = metrics.with_interval(found.double(), own)
    positions = TSNEMap.fit(features, seed=recipe.seed).positions
    figures["trustworthiness"] = float(trustworthiness(features, positions, n_neighbors=AROUND))
    figures["continuity"] = float(trustworthiness(positions, features, n_neighbors=AROUND))
    return figures


def numbers(values: list[str]) -> torch.Tensor:
    """(N,) equal texts, equal numbers."""
    order = sorted(set(values))
    return torch.tensor([order.index(value) for value in values])


def chance(classes: torch.Tensor) -> float:
    """The purity of neighbours drawn at random."""
    counts = torch.bincount(classes)[classes].double()
    asked = counts >= LEAST
    share = (counts - 1) / (len(classes) - 1)
    return float((share * NEIGHBOURS / (counts - 1).clamp(1, NEIGHBOURS))[asked].mean())


def probed(features: torch.Tensor, classes: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """(N,) whether a linear probe, trained on the other folds, tells the class of each."""
    x = StandardScaler().fit_transform(features.numpy())
    folds = StratifiedKFold(
        min(recipe.folds, int(torch.bincount(classes)[classes].min())), shuffle=True, random_state=0
    )
    told = cross_val_predict(RidgeClassifier(alpha=x.shape[1] / 10), x, classes.numpy(), cv=folds)
    return torch.from_numpy(told == classes.numpy()).double()


if __name__ == "__main__":
    main()
