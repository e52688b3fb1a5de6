"""Measure generators of hybrids, and first the measure itself: how many of their pictures are true hybrids?

    python training/evaluate_hybrids.py --dataset clocks-crocodiles-photos --detectors mix-detector \\
        --generators diffusion-photos diffusion-photos:midpoint --count 300 --output runs/hybrids.json

A true hybrid passes each gate of `hybrid_gates.py`. Before the generators come pictures of which the answer is known:
plain ones, noise, blur, pictures of neither class, pictures put together of two, and the rendered world's true morphs.
Rows that are in the --output already, of the same weights measured by the same gates, are kept.
"""

import json
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from augmentation import random_blur
from blends import ALL_BLENDS, pairs
from encoders import embed, imagenet, load
from hybrid_gates import Embed, Gates, Plain
from loop import folder_of, weights_digest
from options import option, parse, report, run
from samples import grid
from tables import NEITHER, ImageTable, read_dataset, read_splits
from tqdm import tqdm

import betwixt
from betwixt import metrics
from betwixt.classifier import ImageClassifier
from betwixt.ensemble import ClassifierEnsemble
from betwixt.generation import Steering
from betwixt.hub import read_json, replace_file
from betwixt.images import from_bytes, resized, to_images, to_tensor

Parts = list[tuple[Gates, torch.Tensor]]  # pictures (N, 3, S, S), and the gates that they are asked about by
LAYER = "features.7"  # of SqueezeNet, for the gates; its last one knows things, and half a thing is far from all
HALFWAY = (0.4, 0.6)  # t of the morphs that must pass
STEERED = "steered"
ALONE = "alone"  # each class by itself: what gates take for hybrids though nobody meant one


@dataclass
class Recipe:
    """What to measure."""

    dataset: list[str] = option(help="what the generators were trained on; several are joined")
    held_out: list[str] | None = option(None, "whose test splits set the gates; default: those of --dataset")
    image_size: int = option(32, "side of the generators' pictures", range=(8, 256))
    classes: list[str] = option(["clock", "crocodile"], "two of the dataset's classes")
    generators: list[str] = option(
        [], f"runs or published names, each with :COMBINE to draw in another way, or with :{ALONE}"
    )
    judges: str = option("clocks-crocodiles-judges", "an ensemble that nothing else was made with")
    guides: str | None = option(None, f"another one, for generators with :{STEERED}")
    detectors: list[str] = option(["mix-detector"], "runs of train_mix_detector.py, whose mean counts")
    features: str = option("clocks-crocodiles-autoencoder", "a network not trained on the classes")
    weights: str | None = option(None, "ImageNet weights of SqueezeNet, as features in place of those")
    morphs: str | None = option(None, "a dataset with a split of morphs")
    whole: float = option(0.95, 'share of plain pictures that pass each part of "one thing"', range=(0.5, 1.0))
    count: int = option(300, "pictures of each kind", range=(10, 1024))
    grids: str | None = option(None, "write what is drawn into this folder, true hybrids first")
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"measured by": thresholds and networks, "known": {kind: figures}, "generators": {name: figures}}."""
    training, test = read_splits(recipe.dataset, recipe.image_size)
    if recipe.held_out:
        _, test = read_splits(recipe.held_out, recipe.image_size)
    gates = Gates(
        recipe.classes,
        ClassifierEnsemble.from_pretrained(folder_of(recipe.judges)),
        [ImageClassifier.from_pretrained(folder_of(name)) for name in recipe.detectors],
        features_of(recipe, LAYER),
        plain(training, recipe.classes),
        plain(test, recipe.classes),
        from_bytes(test.of_classes([NEITHER]).pixels) if NEITHER in test.class_names else None,
        recipe.whole,
    )
    measured_by = {
        "both": [round(value, 3) for value in gates.both],
        "neither": gates.neither and round(gates.neither, 3),
        **{name: round(getattr(gates, name), 3) for name in ("real", "mixed", "residual")},
        "count": recipe.count,
        "judges": weights_digest(folder_of(recipe.judges)),
        "detectors": [weights_digest(folder_of(name)) for name in recipe.detectors],
        "guides": recipe.guides and weights_digest(folder_of(recipe.guides)),
    }
    table = {"measured by": measured_by, **begun(recipe, measured_by)}
    whole = Whole(features_of(recipe))
    known = morphs(gates, recipe) | held_out_pictures(gates, test, recipe) | no_hybrids(gates, training, recipe)
    bar = tqdm([*known, *recipe.generators], disable=None)
    for name in bar:
        bar.set_description(name)
        rows, weights = table["known" if name in known else "generators"], {}
        if name in recipe.generators:
            weights = {"weights": weights_digest(folder_of(name.partition(":")[0]))}
        if name in rows and rows[name].get("weights") == weights.get("weights"):
            continue
        parts = known[name] if name in known else [(gates, draw(name, recipe))]
        rows[name] = weights | measure(parts, whole, name, recipe)
        keep(table, recipe)
    return table


def begun(recipe: Recipe, measured_by: dict) -> dict[str, dict]:
    """The rows that are in the table already, where they were measured in the same way."""
    path = Path(recipe.output or "")
    table = json.loads(path.read_text()) if path.is_file() else {}
    same = table.get("measured by") == measured_by
    return {part: table[part] if same else {} for part in ("known", "generators")}


def keep(table: dict, recipe: Recipe) -> None:
    """Write what there is, so that a run that was stopped goes on."""
    if recipe.output:
        Path(recipe.output).parent.mkdir(parents=True, exist_ok=True)
        replace_file(Path(recipe.output), lambda temporary: temporary.write_text(json.dumps(table, indent=2) + "\n"))


class Whole:
    """How pictures are as a whole, in features that know things; a kernel wants features of deviation 1."""

    def __init__(self, embed: Embed):
        self.embed = embed
        self.of_held_out = cache(lambda gates: embed(gates.held_out.pictures))

    def __call__(self, parts: Parts, hybrid: torch.Tensor) -> dict:
        """Pictures (M, 3, S, S) of all parts, and (M,) which are true hybrids -> figures.

        The distance is that of the first part to the held-out pictures of its gates.
        """
        features = torch.cat([self.embed(x) for _, x in parts])
        scale = features.shape[1] ** 0.5
        gates, first = parts[0]
        references = self.of_held_out(gates)
        return {
            "kernel distance": metrics.kernel_distance(features[: len(first)] * scale, references * scale),
            "different pictures": metrics.vendi_score(features),
            "different hybrids": metrics.vendi_score(features[hybrid]) if hybrid.any() else 0.0,
        }


def measure(parts: Parts, whole: Whole, name: str, recipe: Recipe) -> dict:
    """The share of pictures that passes each gate, and how they are as a whole."""
    asked = [gates.ask(x) for gates, x in parts]
    passed = {gate: torch.cat([one[gate] for one in asked]) for gate in asked[0]}
    x = torch.cat([x for _, x in parts])
    if recipe.grids and name in recipe.generators:
        save_grid(Path(recipe.grids) / f"{name.replace(':', '-')}.png", x, passed["hybrid"])
    shares = {gate: metrics.with_interval(values.double()) for gate, values in passed.items()}
    return {"pictures": len(x), **shares, **whole(parts, passed["hybrid"])}


def save_grid(path: Path, x: torch.Tensor, hybrid: torch.Tensor, most: int = 64) -> None:
    """Half of a sheet for true hybrids, then the others, in the order in which they were drawn."""
    order = hybrid.int().argsort(descending=True, stable=True)
    number = min(int(hybrid.sum()), most // 2)
    shown = torch.cat([order[:number], order[int(hybrid.sum()) :][: most - number]])
    pictures = to_images(x[shown])
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [pictures[:number], pictures[number:]]
    grid([part[i : i + 16] for part in parts for i in range(0, len(part), 16)]).save(path)


# What is known


def morphs(gates: Gates, recipe: Recipe) -> dict[str, Parts]:
    """{kind: pictures} that are hybrids, where there are any."""
    if not recipe.morphs:
        return {}
    table = read_dataset(recipe.morphs, "morphs", recipe.image_size)
    t = torch.tensor(table.columns["t"])
    kinds = {"half": (t >= HALFWAY[0]) & (t <= HALFWAY[1]), "a quarter": (t < 0.3) | (t > 0.7)}
    return {f"morph, {name}": [(gates, from_bytes(table.pixels[rows]))] for name, rows in kinds.items()}


def held_out_pictures(gates: Gates, test: ImageTable, recipe: Recipe) -> dict[str, Parts]:
    """{kind: pictures} held out, of which it is known that they are no hybrids.

    None of them set the thresholds by which it is asked about: they are of datasets that are not among those, or else
    each half is asked about with thresholds of the other.
    """
    if strangers := [name for name in recipe.dataset if recipe.held_out and name not in recipe.held_out]:
        asked = [(gates, *both_kinds(read_splits(strangers, recipe.image_size)[1], recipe))]
    else:
        plain, neither = both_kinds(test, recipe)
        asked = [(half, plain[rows], neither[others]) for half, rows, others in gates.halves()]
    found: dict[str, Parts] = {"plain": [], "neither": [], "blur": []}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for by, *kinds in asked:
            plain, neither = (x[torch.randperm(len(x))[: recipe.count // len(asked)]] for x in kinds)
            found["plain"].append((by, plain))
            found["blur"].append((by, random_blur(plain, 1.0, (2.0, 4.0))))
            if len(neither):
                found["neither"].append((by, neither))
    return {name: parts for name, parts in found.items() if parts}


def both_kinds(table: ImageTable, recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of the two classes, and of neither."""
    plain = from_bytes(table.of_classes(recipe.classes).pixels)
    return plain, from_bytes(table.of_classes([NEITHER]).pixels) if NEITHER in table.class_names else plain[:0]


def no_hybrids(gates: Gates, training: ImageTable, recipe: Recipe) -> dict[str, Parts]:
    """{kind: pictures} that were made: noise, and what is put together of two or three."""
    generator = torch.Generator().manual_seed(0)
    sources = training.of_classes(recipe.classes)
    x = from_bytes(sources.pixels)
    first, second = pairs(sources.labels, recipe.count, generator)
    made = {"noise": noises(recipe.count, recipe.image_size, generator)}
    made |= {name: blend(x[first], x[second], generator) for name, blend in ALL_BLENDS.items()}
    return {name: [(gates, pictures)] for name, pictures in made.items()}


def noises(count: int, size: int, generator: torch.Generator) -> torch.Tensor:
    """(count, 3, size, size) of noise from white to smooth: its amplitude falls with a power, 0 to 2, of frequency."""
    power = torch.rand(count, 1, 1, 1, generator=generator) * 2
    spectrum = torch.fft.rfft2(torch.randn(count, 3, size, size, generator=generator))
    cycles = (torch.fft.fftfreq(size)[:, None] ** 2 + torch.fft.rfftfreq(size) ** 2).sqrt() * size
    x = torch.fft.irfft2(spectrum / cycles.clamp_min(1) ** power, s=(size, size))
    return (x / x.std((1, 2, 3), keepdim=True) / 2).clamp(-1, 1)


# What is measured with what


def draw(name: str, recipe: Recipe) -> torch.Tensor:
    """Pictures (count, 3, S, S) in equal shares of the classes, as a visitor would get them, or half of each alone."""
    name, _, combine = name.partition(":")
    folder = folder_of(name)
    model = getattr(betwixt, read_json(folder / "config.json")["model_class"]).from_pretrained(folder)
    steering = None
    if combine == STEERED:
        if not recipe.guides:
            raise ValueError(f"{name}:{STEERED} needs --guides")
        guides = ClassifierEnsemble.from_pretrained(folder_of(recipe.guides))
        own = next((Path(name).name for name in recipe.dataset if Path(name).name in guides.thresholds), None)
        steering = Steering(guides, dataset=own)
    if combine == ALONE:
        combine, requests = "midpoint", [{name: 1.0} for name in recipe.classes]
    else:
        requests = [dict.fromkeys(recipe.classes, 1.0)]
    pictures, count = [], recipe.count // len(requests)
    for number, weights in enumerate(requests):
        for seed in range(0, count, 50):
            some = min(50, count - seed)
            pictures += model.generate(weights, some, number * count + seed, combine or None, steering=steering)
    return to_tensor(pictures, recipe.image_size)


def features_of(recipe: Recipe, layer: str | None = None) -> Embed:
    """Pictures -> features (N, D) of length 1; `layer` is SqueezeNet's."""
    if recipe.weights:
        return partial(embed, imagenet(recipe.weights)[0], layer)
    model, own = load(recipe.features)
    return lambda x: embed(model, own, resized(x, model.image_size))


def plain(table: ImageTable, classes: list[str]) -> Plain:
    """The rows of the two classes."""
    table = table.of_classes(classes)
    return Plain(from_bytes(table.pixels), table.labels, torch.tensor(table.columns["group"]))


if __name__ == "__main__":
    main()
