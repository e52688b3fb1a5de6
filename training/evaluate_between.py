"""Measure how well hybrids are found: hybrids planted among held-out pictures, and the rendered world's true morphs.

    python training/evaluate_between.py --dataset clocks-crocodiles-photos clocks-crocodiles-rendered \\
        --features clocks-crocodiles-classifier clocks-crocodiles-autoencoder --output runs/between.json

The references are the training split's clocks and crocodiles. The pool is the test split's, with PLANTED hybrids of
one kind of their pairs, and as many blends of two clocks or of two crocodiles made in the same way, which must not be
found. Each method of `betwixt.between` on each network's features ranks the pool; average precision says how far up the
hybrids are, also where the test split's pictures of neither class are in the pool. "default" takes the network's own
heads, a yes or no for each class, where it has them. For the autoencoder's midpoints all of the pool passes its
decoder: or else blur would be found.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from blends import BLENDS, pairs
from encoders import embed, imagenet, load
from options import option, parse, report, run
from scipy.stats import spearmanr
from tables import ImageTable, read_dataset
from tqdm import tqdm

import betwixt
from betwixt import between, metrics
from betwixt.images import BATCH, from_bytes

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
    """What is ranked together: rows (N,) of the pictures, and what each is."""

    rows: torch.Tensor
    hybrid: torch.Tensor  # (N,)
    same_class: torch.Tensor  # (N,) blends of one class
    other: torch.Tensor  # (N,) plain pictures of neither class


@dataclass
class Planted:
    """All pictures (M, 3, H, W), and the pools {kind: one for each seed} of their rows."""

    pictures: torch.Tensor
    pools: dict[str, list[Pool]]
    morphs: torch.Tensor  # rows of the true morphs, empty where there are none
    t: torch.Tensor  # how far each morph is from the first class to the second


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
    test = read_dataset(name, "test", image_size)
    planted = plant(test, recipe, decoder, read_morphs(name, image_size))
    weights = bootstrap_weights(planted.pools, groups_of(test))
    table: dict = {}
    for features, (model, layer) in tqdm(networks.items(), desc=Path(name).name, disable=None):
        references = embed(model, layer, from_bytes(training.pixels))
        embedded, own = embed(model, layer, planted.pictures), heads_of(model, layer, planted.pictures)
        scores = {
            method: between.score(
                embedded, references, training.labels, method, probabilities=own if method == "default" else None
            )
            for method in recipe.methods
        }
        table[features] = figures(scores, planted.pools, weights)
        table[features]["random"] = {"average precision": {"macro": expected_at_random(planted.pools)}}
        if len(planted.morphs):
            where = between.position(embedded, references, training.labels)
            correlations(table[features], scores, where, planted)
    return table


# The pools


def plant(
    test: ImageTable,
    recipe: Recipe,
    decoder: "betwixt.ConvAutoencoder | None" = None,
    morphs: ImageTable | None = None,
) -> Planted:
    """Hybrids and blends of one class among a test split's pictures, by kind and seed."""
    pictures: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        pictures.append(x)
        return torch.arange(len(x)) + sum(map(len, pictures[:-1]))

    table = test.of_classes(CLASSES)
    x, others = from_bytes(table.pixels), from_bytes(others_of(test).pixels)
    plain = keep(torch.cat([x, others]))
    decoded = keep(decode(decoder, pictures[0], pictures[0])) if decoder else None
    pools: dict[str, list[Pool]] = {}
    for seed in range(recipe.seeds):
        for kind, blend in [*BLENDS.items(), *([(MIDPOINTS, None)] if decoder else [])]:
            generator = torch.Generator().manual_seed(seed)
            hybrids, same = (
                (x[first], x[second])
                for first, second in (
                    pairs(table.labels, recipe.planted, generator, same_class=is_same) for is_same in (False, True)
                )
            )
            if blend is None:
                first, *made = decoded, decode(decoder, *hybrids), decode(decoder, *same)
            else:
                first, *made = plain, blend(*hybrids, generator), blend(*same, generator)
            rows = torch.cat([first, *map(keep, made)])
            pools.setdefault(kind, []).append(pool_of(rows, len(x), len(others), recipe.planted, recipe.planted))
    if morphs is None:
        return Planted(torch.cat(pictures), pools, torch.empty(0, dtype=torch.int64), torch.empty(0))
    t, rows = torch.tensor(morphs.columns["t"]), keep(from_bytes(morphs.pixels))
    middle = rows[(t >= MORPHS_BETWEEN[0]) & (t <= MORPHS_BETWEEN[1])]
    pools[MORPHS] = [pool_of(torch.cat([plain, middle]), len(x), len(others), len(middle), 0)]
    return Planted(torch.cat(pictures), pools, rows, t)


def pool_of(rows: torch.Tensor, plain: int, other: int, hybrid: int, same_class: int) -> Pool:
    """A pool of rows in that order."""
    what = torch.arange(4).repeat_interleave(torch.tensor([plain, other, hybrid, same_class]))
    return Pool(rows, hybrid=what == 2, same_class=what == 3, other=what == 1)


def others_of(test: ImageTable) -> ImageTable:
    """The rows of other classes than CLASSES."""
    wanted = [test.class_names.index(name) for name in CLASSES]
    return test.select(~torch.isin(test.labels, torch.tensor(wanted)))


def groups_of(test: ImageTable) -> torch.Tensor:
    """The groups of near-duplicates of the plain pictures, in the pools' order."""
    groups = [*test.of_classes(CLASSES).columns["group"], *others_of(test).columns["group"]]
    return torch.tensor(groups).unique(return_inverse=True)[1]


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


# The networks


@torch.inference_mode()
def heads_of(model: torch.nn.Module, layer: str | None, x: torch.Tensor) -> torch.Tensor | None:
    """(1, N, 2) of the network's own heads, a yes or no for each class; None where it has none."""
    if layer or getattr(model, "multilabel_head", None) is None:
        return None
    columns = [model.class_names.index(name) for name in CLASSES]
    parts = [
        model.multilabel_probabilities(part.contiguous(memory_format=torch.channels_last)) for part in x.split(BATCH)
    ]
    return torch.cat(parts)[None, :, columns]


# The figures

OTHERS_TOO = "average precision among others too"
PRECISIONS = {  # which pictures of a pool each figure ranks
    "average precision": lambda pool: ~pool.other,
    "average precision without same-class blends": lambda pool: ~pool.other & ~pool.same_class,
    OTHERS_TOO: lambda pool: torch.ones_like(pool.other),
}


def figures(
    scores: dict[str, torch.Tensor], pools: dict[str, list[Pool]], weights: dict[str, list[torch.Tensor]]
) -> dict:
    """{method: {"average precision": {"macro": figure, kind: figure, ...}, "precision at 10": ...}} of scores (M,)."""
    table: dict = {method: {} for method in scores}
    for name, ranked in PRECISIONS.items():
        if name == OTHERS_TOO and not any(pool.other.any() for of_kind in pools.values() for pool in of_kind):
            continue
        draws = {
            method: {
                kind: torch.stack(
                    [
                        metrics.average_precision(
                            of_all[pool.rows[ranked(pool)]], pool.hybrid[ranked(pool)], drawn[:, ranked(pool)]
                        )
                        for pool, drawn in zip(of_kind, weights[kind], strict=True)
                    ]
                ).mean(0)
                for kind, of_kind in pools.items()
            }
            for method, of_all in scores.items()
        }
        macro = {method: torch.stack(list(kinds.values())).mean(0) for method, kinds in draws.items()}
        for method, kinds in draws.items():
            table[method][name] = {
                "macro": with_bounds(macro[method]),
                **{kind: with_bounds(values) for kind, values in kinds.items()},
            }
            if "original" in macro:
                table[method][name]["times the original rule"] = with_bounds(macro[method] / macro["original"])
    for method, of_all in scores.items():
        kinds = {
            kind: float(np.mean([precision_at_10(of_all, pool) for pool in of_kind])) for kind, of_kind in pools.items()
        }
        table[method]["precision at 10"] = {"macro": float(np.mean(list(kinds.values()))), **kinds}
    return table


def with_bounds(draws: torch.Tensor) -> dict[str, float]:
    """The first draw is the figure, all together its 95 % interval."""
    low, high = torch.quantile(draws, torch.tensor([0.025, 0.975], dtype=draws.dtype)).tolist()
    return {"value": float(draws[0]), "low": low, "high": high}


def precision_at_10(scores: torch.Tensor, pool: Pool) -> float:
    """The share of hybrids among the ten best, others left out."""
    kept = ~pool.other
    return float(pool.hybrid[kept][scores[pool.rows[kept]].topk(10).indices].double().mean())


def expected_at_random(pools: dict[str, list[Pool]]) -> dict[str, float]:
    """What a random order gets: nearly the hybrids' share."""
    shares = [pool.hybrid[~pool.other].double().mean() for of_kind in pools.values() for pool in of_kind]
    return {"value": float(np.mean(shares))}


def correlations(table: dict, scores: dict[str, torch.Tensor], where: torch.Tensor, planted: Planted) -> None:
    """Adds rank correlations (Spearman) over the morphs: of the position with t, of each score with nearness to 1/2."""
    t = planted.t
    table["position"] = {"rank correlation with t": correlation(where[planted.morphs], t)}
    for method, of_all in scores.items():
        of_morphs = of_all[planted.morphs]
        table[method]["rank correlation with 1 - |2t - 1|"] = correlation(of_morphs, 1 - (2 * t - 1).abs())
        table[method]["rank correlation with t"] = correlation(of_morphs, t)


def correlation(a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    """Spearman's, with its interval."""

    def of_rows(rows: torch.Tensor) -> float:
        if len(a[rows].unique()) < 2:
            raise ValueError("there is no order among equal scores")
        return float(spearmanr(a[rows], b[rows]).statistic)

    return metrics.with_bootstrap(of_rows, len(a))


if __name__ == "__main__":
    main()
