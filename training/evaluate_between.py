"""Measure how well hybrids are found: hybrids planted among held-out pictures, and the rendered world's true morphs.

    python training/evaluate_between.py --dataset clocks-crocodiles-photos clocks-crocodiles-rendered \\
        --features clocks-crocodiles-classifier clocks-crocodiles-autoencoder --output runs/between.json

The references are the training split's clocks and crocodiles. The pool is the test split's, with PLANTED hybrids of
one kind of their pairs, and as many blends of two clocks or of two crocodiles made in the same way, which must not be
found. Each method of `betwixt.between` on each network's features ranks the pool; average precision says how far up the
hybrids are. "default" takes the network's own heads, one class against the rest, where it has them. For the
autoencoder's midpoints all of the pool passes its decoder: or else blur would be found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from blends import BLENDS, pairs
from options import option, parse, report, run
from scipy.stats import spearmanr
from tables import ImageTable, read_dataset
from tqdm import tqdm

import betwixt
from betwixt import between, metrics
from betwixt.classifier import ImageClassifier
from betwixt.hub import read_json, resolve
from betwixt.images import from_bytes

CLASSES = ["clock", "crocodile"]
MIDPOINTS, MORPHS = "autoencoder midpoint", "morph"
MORPHS_BETWEEN = (0.3, 0.7)  # t of the morphs that count as hybrids
IMAGENET = "imagenet-squeezenet"
DRAWS = 500


@dataclass
class Recipe:
    """What to measure."""

    dataset: list[str] = option(help="datasets, each reported alone; a split of morphs is measured too")
    features: list[str] = option(["clocks-crocodiles-classifier"], "networks; NAME#LAYER takes another layer")
    references: str | None = option(None, "a dataset whose training split gives the references; default: the same")
    decoder: str | None = option(None, "autoencoder for the midpoints; without, that kind is left out")
    weights: str | None = option(None, f"ImageNet weights of SqueezeNet: adds the features {IMAGENET}")
    methods: list[str] = option(list(between.METHODS))
    planted: int = option(40, "hybrids of each kind", range=(2, 1000))
    seeds: int = option(5, "times that hybrids are planted", range=(1, 100))
    output: str | None = option(None, "write the table here as JSON as well")


@dataclass
class Pool:
    """What is ranked: plain pictures, which pools share, then planted ones (N, 3, H, W); of all, what is what."""

    plain: torch.Tensor
    planted: torch.Tensor
    hybrid: torch.Tensor  # (N,)
    same_class: torch.Tensor  # (N,) blends of one class


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{dataset: {features: {method: figures}}}."""
    if unknown := [name for name in recipe.methods if name not in between.METHODS]:
        raise ValueError(f"no method {', '.join(unknown)}: choose of {', '.join(between.METHODS)}")
    networks = {name: load(name) for name in recipe.features}
    if recipe.weights:
        networks[IMAGENET] = imagenet(recipe.weights)
    decoder = load(recipe.decoder)[0] if recipe.decoder else None
    return {Path(name).name: measure_dataset(name, networks, decoder, recipe) for name in recipe.dataset}


def measure_dataset(name: str, networks: dict, decoder, recipe: Recipe) -> dict:
    """{features: {method: figures}} on one dataset."""
    image_size = next(iter(networks.values()))[0].image_size
    training = read_dataset(recipe.references or name, "train", image_size).of_classes(CLASSES)
    test = read_dataset(name, "test", image_size).of_classes(CLASSES)
    groups = torch.tensor(test.columns["group"]).unique(return_inverse=True)[1]
    pools = plant(test, recipe.planted, recipe.seeds, decoder)
    morphs = read_morphs(name, image_size)
    if morphs is not None:
        pools[MORPHS] = [with_morphs(test, morphs)]
    weights = bootstrap_weights(pools, groups)
    table: dict = {}
    for features, (model, layer) in networks.items():
        references = embed(model, layer, from_bytes(training.pixels))
        embedded = through(lambda x, m=model, name=layer: embed(m, name, x), pools, features)
        heads = through(lambda x, m=model, name=layer: heads_of(m, name, x), pools, features)
        found = {
            method: {
                kind: [
                    between.score(x, references, training.labels, method, probabilities=own_if_default(method, own))
                    for x, own in zip(of_kind, heads[kind], strict=True)
                ]
                for kind, of_kind in embedded.items()
            }
            for method in recipe.methods
        }
        table[features] = figures(found, pools, weights)
        table[features]["random"] = {"average precision": {"macro": expected_at_random(pools)}}
        if morphs is not None:
            correlations(table[features], model, layer, morphs, references, training.labels, recipe.methods)
    return table


# The pools


def plant(
    test: ImageTable, planted: int, seeds: int, decoder: "betwixt.ConvAutoencoder | None"
) -> dict[str, list[Pool]]:
    """{kind: a pool for each seed}."""
    x = from_bytes(test.pixels)
    decoded = decode(decoder, x, x) if decoder else None
    pools: dict[str, list[Pool]] = {}
    for seed in range(seeds):
        for kind, blend in [*BLENDS.items(), *([(MIDPOINTS, None)] if decoder else [])]:
            generator = torch.Generator().manual_seed(seed)
            hybrids, same = (
                (x[first], x[second])
                for first, second in (pairs(test.labels, planted, generator, same_class=s) for s in (False, True))
            )
            if blend is None:
                plain, parts = decoded, [decode(decoder, *hybrids), decode(decoder, *same)]
            else:
                plain, parts = x, [blend(*hybrids, generator), blend(*same, generator)]
            what = torch.arange(3).repeat_interleave(torch.tensor([len(x), planted, planted]))
            pools.setdefault(kind, []).append(Pool(plain, torch.cat(parts), what == 1, what == 2))
    return pools


@torch.inference_mode()
def decode(decoder: "betwixt.ConvAutoencoder", a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The pictures at the midpoints of two latents each."""
    codes = [torch.cat([decoder.encode(part) for part in side.split(256)]) for side in (a, b)]
    return torch.cat([decoder.decode(z).clamp(-1, 1) for z in torch.lerp(*codes, 0.5).split(256)])


def read_morphs(name: str, image_size: int) -> ImageTable | None:
    """The split of morphs, None where there is none."""
    try:
        return read_dataset(name, "morphs", image_size)
    except FileNotFoundError:
        return None


def with_morphs(test: ImageTable, morphs: ImageTable) -> Pool:
    """The plain pictures and the morphs that are about half-way."""
    t = torch.tensor(morphs.columns["t"])
    middle = from_bytes(morphs.pixels[(t >= MORPHS_BETWEEN[0]) & (t <= MORPHS_BETWEEN[1])])
    hybrid = torch.arange(len(test) + len(middle)) >= len(test)
    return Pool(from_bytes(test.pixels), middle, hybrid, torch.zeros_like(hybrid))


def bootstrap_weights(pools: dict[str, list[Pool]], groups: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    """(DRAWS, N) for each pool: how often each picture was drawn. The first draw has each once.

    Plain pictures, near-duplicates together, are drawn alike in all pools; what was planted, in each anew.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(count: int) -> torch.Tensor:
        rows = torch.randint(count, (DRAWS, count), generator=generator)
        counts = torch.zeros(DRAWS, count).scatter_add_(1, rows, torch.ones(DRAWS, count))
        counts[0] = 1
        return counts

    plain = drawn(int(groups.max()) + 1)[:, groups]
    return {
        kind: [
            torch.cat(
                [plain, *(drawn(int(part.sum())) for part in (pool.hybrid, pool.same_class) if part.any())], dim=1
            )
            for pool in of_kind
        ]
        for kind, of_kind in pools.items()
    }


def through(function: Callable[[torch.Tensor], torch.Tensor | None], pools: dict[str, list[Pool]], title: str) -> dict:
    """{kind: what a function of pictures gives of each pool}; plain pictures that pools share pass it once."""
    plain: dict[int, torch.Tensor | None] = {}
    found: dict = {}
    for kind, of_kind in tqdm(pools.items(), desc=title, leave=False, disable=None):
        for pool in of_kind:
            if id(pool.plain) not in plain:
                plain[id(pool.plain)] = function(pool.plain)
            parts = [plain[id(pool.plain)], function(pool.planted)]
            found.setdefault(kind, []).append(None if parts[0] is None else torch.cat(parts, dim=-2))
    return found


# The networks


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
    model = ImageClassifier(architecture="torchvision/squeezenet1_0", class_names=CLASSES, network_size=128)
    model.load_backbone(weights)
    return model.eval().to(memory_format=torch.channels_last), None


@torch.inference_mode()
def embed(model: torch.nn.Module, layer: str | None, x: torch.Tensor) -> torch.Tensor:
    """(N, D), rows of length 1: of pictures (N, 3, H, W) in [-1, 1] what `model.embed` gives of files."""
    if isinstance(model, ImageClassifier):
        parts = [model.features(part.contiguous(memory_format=torch.channels_last), layer) for part in x.split(128)]
    else:
        parts = [model.encode(part) for part in x.split(128)]
    return F.normalize(torch.cat(parts).float(), dim=1)


@torch.inference_mode()
def heads_of(model: torch.nn.Module, layer: str | None, x: torch.Tensor) -> torch.Tensor | None:
    """(1, N, 2) of the network's own heads, one class against the rest; None where it was trained without."""
    if layer or not getattr(model, "one_versus_rest", False):
        return None
    columns = [model.class_names.index(name) for name in CLASSES]
    parts = [
        model.multilabel_probabilities(part.contiguous(memory_format=torch.channels_last)) for part in x.split(128)
    ]
    return torch.cat(parts)[None, :, columns]


def own_if_default(method: str, own: torch.Tensor | None) -> torch.Tensor | None:
    """The network's own heads, for the default alone: the other methods are compared on features."""
    return own if method == "default" else None


# The figures


def figures(found: dict, pools: dict[str, list[Pool]], weights: dict[str, list[torch.Tensor]]) -> dict:
    """{method: {"average precision": {kind: figure, "macro": figure, ...}, "precision at 10": ...}}."""
    draws = {
        method: {
            kind: torch.stack(
                [
                    metrics.average_precision(scores, pool.hybrid, drawn)
                    for scores, pool, drawn in zip(of_kind, pools[kind], weights[kind], strict=True)
                ]
            ).mean(0)
            for kind, of_kind in kinds.items()
        }
        for method, kinds in found.items()
    }
    macro = {method: torch.stack(list(kinds.values())).mean(0) for method, kinds in draws.items()}
    table = {}
    for method, kinds in draws.items():
        table[method] = {
            "average precision": {
                "macro": with_bounds(macro[method]),
                **{kind: with_bounds(values) for kind, values in kinds.items()},
            },
            "average precision without same-class blends": mean_over_pools(found[method], pools, plain_precision),
            "precision at 10": mean_over_pools(found[method], pools, precision_at_10),
        }
        if "original" in macro:
            table[method]["times the original rule"] = with_bounds(macro[method] / macro["original"])
    return table


def with_bounds(draws: torch.Tensor) -> dict[str, float]:
    """The first draw is the figure, all together its 95 % interval."""
    low, high = torch.quantile(draws, torch.tensor([0.025, 0.975], dtype=draws.dtype)).tolist()
    return {"value": float(draws[0]), "low": low, "high": high}


def mean_over_pools(found: dict[str, list[torch.Tensor]], pools: dict[str, list[Pool]], figure) -> dict[str, float]:
    """A figure by kind, and their mean."""
    kinds = {
        kind: float(np.mean([figure(scores, pool) for scores, pool in zip(of_kind, pools[kind], strict=True)]))
        for kind, of_kind in found.items()
    }
    return {"macro": float(np.mean(list(kinds.values()))), **kinds}


def plain_precision(scores: torch.Tensor, pool: Pool) -> float:
    """Average precision among hybrids and plain pictures alone."""
    kept = ~pool.same_class
    return float(metrics.average_precision(scores[kept], pool.hybrid[kept]))


def precision_at_10(scores: torch.Tensor, pool: Pool) -> float:
    """The share of hybrids among the ten best."""
    return float(pool.hybrid[scores.topk(10).indices].double().mean())


def expected_at_random(pools: dict[str, list[Pool]]) -> dict[str, float]:
    """What a random order gets: nearly the hybrids' share."""
    return {"value": float(np.mean([pool.hybrid.double().mean() for of_kind in pools.values() for pool in of_kind]))}


def correlations(table: dict, model, layer, morphs: ImageTable, references, labels, methods: list[str]) -> None:
    """Adds rank correlations (Spearman) over the morphs: of the position with t, of each score with nearness to 1/2."""
    t = torch.tensor(morphs.columns["t"])
    x = embed(model, layer, from_bytes(morphs.pixels))
    where = between.position(x, references, labels)
    table["position"] = {"rank correlation with t": correlation(where, t)}
    own = heads_of(model, layer, from_bytes(morphs.pixels))
    for method in methods:
        scores = between.score(x, references, labels, method, probabilities=own_if_default(method, own))
        table[method]["rank correlation with 1 - |2t - 1|"] = correlation(scores, 1 - (2 * t - 1).abs())
        table[method]["rank correlation with t"] = correlation(scores, t)


def correlation(a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    """Spearman's, with its interval."""
    return metrics.with_bootstrap(lambda rows: float(spearmanr(a[rows], b[rows]).statistic), len(a))


if __name__ == "__main__":
    main()
