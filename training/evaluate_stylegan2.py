"""Measure generators of heads on test splits: how real, how varied and how smooth is what they draw, and what is new?

    python training/evaluate_stylegan2.py --model mammals-stylegan2 --dataset mammals-many --beside mammals-gan \\
        --weights SQUEEZENET.pth --output benchmarks/results/stylegan2.json

Beside a StyleGAN2Generator stand other generators, a ConditionalGAN too, and pictures of the data: those of the
training split, which are as near to the test split as those of a perfect generator, and those of the test split where
judges are asked. All are read at the side that the generators draw, classes as frequent as in the test split.

The kernel distance (Binkowski et al. 2018) is in the features of a SqueezeNet; its size is that between two breeds, a
mean over all pairs. Precision and recall (Kynkaanniemi et al. 2019) are of as many pictures on both sides. The range of
a pose is from its 5th to its 95th percentile. Path lengths (Karras et al. 2019, section 4.1) are in the same network.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from beside import beside, check_sides
from encoders import imagenet
from judges import Figures, Judges
from loop import folder_of
from options import option, parse, report, run
from poses import knows_pose
from tables import NEITHER, ImageTable, read_dataset

import betwixt
from betwixt import ConditionalGAN, ImageClassifier, PoseRegressor, StyleGAN2Generator, metrics
from betwixt.generation import shares_of
from betwixt.hub import read_json
from betwixt.images import from_bytes, to_bytes
from betwixt.layers import clipped
from betwixt.losses import feature_distance
from betwixt.perceptual import HALVED, layers_of

OF_CLASS = 50  # pictures of a breed, of generators that are told of it, for the judge of breeds
PATHS = 300
BATCH = 50

Generator = StyleGAN2Generator | ConditionalGAN


@dataclass
class Recipe:
    """What to measure."""

    model: str = option(help="a StyleGAN2Generator: a run, a published name or a folder")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    beside: list[str] = option([], "other generators of pictures of this side, for the same figures")
    count: int = option(2000, "pictures drawn by each", range=(20, 100_000))
    truncation: float = option(1.0, "psi, of StyleGAN2Generators", range=(0.0, 2.0))
    weights: str | None = option(None, "ImageNet weights of SqueezeNet, whose features are used")
    features: str = option("landmarks-pretrained", "a SqueezeNet of ours, where these are not given")
    breeds: str = option("mammals-breeds", "a classifier that says which breed is shown")
    pose: str = option("mammals-pose", "a network that reads the pose, where the data's is known")
    seed: int = option(0, range=(0, 2**31 - 1))
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    generators = {name: load(name) for name in (recipe.model, *recipe.beside)}
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in generators.items()}
    own = generators[recipe.model]
    check_sides(recipe.model, own, generators)
    results = {}
    for dataset in recipe.dataset:
        judges = judges_of(dataset, own, recipe)
        figures: dict = {"pictures": len(judges.test)}
        if judges.between_breeds:
            figures["kernel distance between breeds"] = judges.between_breeds
        for name, model in generators.items():
            found = of_generator(model, judges, recipe)
            figures |= found if model is own else beside(found | {"parameters": sizes[name]}, Path(name).name)
        figures |= beside(judges.of_training(), "training pictures")
        results[Path(dataset).name] = figures | beside(judges.of_held_out(), "held-out pictures")
    return {"task": "unconditional-image-generation", "num_parameters": sizes[recipe.model], "results": results}


def load(name: str) -> Generator:
    """A generator of either class.

    Raises:
        ValueError: it is of another.
    """
    folder = folder_of(name)
    model_class = read_json(folder / "config.json").get("model_class")
    if model_class not in ("StyleGAN2Generator", "ConditionalGAN"):
        raise ValueError(f"{name} is a {model_class}, not a StyleGAN2Generator or a ConditionalGAN")
    return getattr(betwixt, model_class).from_pretrained(folder)


def judges_of(dataset: str, model: Generator, recipe: Recipe) -> Judges:
    """The dataset's pictures of the generator's classes, or else of all but "neither", and who can judge them."""
    training, test = (read(dataset, split, model, recipe.seed) for split in ("train", "test"))
    if recipe.weights:
        network = imagenet(recipe.weights)[0]
    else:
        network = ImageClassifier.from_pretrained(folder_of(recipe.features)).to(memory_format=torch.channels_last)
        if network.architecture not in HALVED:
            raise ValueError(f"--features must be one of {', '.join(HALVED)}, not {network.architecture}")
    classifier = ImageClassifier.from_pretrained(folder_of(recipe.breeds))
    classifier = classifier if {*test.class_names} <= {*classifier.class_names} else None
    pose = PoseRegressor.from_pretrained(folder_of(recipe.pose)) if knows_pose(test) else None
    return Judges(training, test, network, classifier, pose)


def read(dataset: str, split: str, model: Generator, seed: int) -> ImageTable:
    """The pictures of a split, in random order.

    Raises:
        ValueError: it lacks a class that the generator draws.
    """
    table = read_dataset(dataset, split, model.image_size)
    classes = model.class_names or [name for name in table.class_names if name != NEITHER]
    if unknown := [name for name in classes if name not in table.class_names]:
        raise ValueError(f"{dataset} has no class {', '.join(unknown)}, of which pictures are drawn")
    table.columns.setdefault("group", [*range(len(table))])
    table = table.of_classes(classes)
    return table.select(torch.randperm(len(table), generator=torch.Generator().manual_seed(seed)))


@torch.inference_mode()
def of_generator(model: Generator, judges: Judges, recipe: Recipe) -> Figures:
    """{figure: {"value", "low", "high"}} of what a generator draws.

    Raises:
        ValueError: it is told of classes, and not of all that the dataset has.
    """
    generator, names = torch.Generator().manual_seed(recipe.seed), judges.test.class_names
    if unknown := [name for name in names if model.class_names and name not in model.class_names]:
        raise ValueError(f"--beside: a generator has no class {', '.join(unknown)}")
    place = torch.tensor([model.class_names.index(name) if model.class_names else 0 for name in names])

    def noise(count: int) -> torch.Tensor:
        return torch.randn(count, model.z_dim, generator=generator)

    def draw(labels: torch.Tensor) -> torch.Tensor:
        parts = zip(noise(len(labels)).split(BATCH), place[labels].split(BATCH), strict=True)
        x = torch.cat([pictures(model, styles(model, *part, recipe.truncation)) for part in parts])
        return from_bytes(to_bytes(x))  # as they are saved

    labels = judges.test.labels[torch.randint(len(judges.test), (recipe.count,), generator=generator)]
    x = draw(labels)
    figures = judges.likeness(judges.features(x)) | judges.spread(x)
    if model.class_names:
        of_classes = torch.arange(len(place)).repeat(OF_CLASS)
        figures |= judges.breeds(draw(of_classes), of_classes)
    else:
        figures |= judges.breeds(x, None)
    ends = [noise(PATHS), noise(PATHS)]
    paths = smoothness(model, *ends, place[labels].repeat(PATHS)[:PATHS], judges.network, recipe.truncation)
    return figures | judges.copies(x) | paths


def smoothness(
    model: Generator,
    first: torch.Tensor,
    second: torch.Tensor,
    labels: torch.Tensor,
    network: ImageClassifier,
    psi: float,
) -> Figures:
    """Path lengths from latents (N, z_dim) to others, of the same class (N,): straight in w, along the sphere in z."""
    layers = layers_of(network)

    def distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        sides = zip(x.split(BATCH), y.split(BATCH), strict=True)
        return torch.cat([feature_distance(layers(a), layers(b)) for a, b in sides])

    def draw(w: torch.Tensor) -> torch.Tensor:
        return torch.cat([pictures(model, part) for part in w.split(BATCH)])

    in_w = [styles(model, z, labels, psi) for z in (first, second)]
    length = partial(metrics.perceptual_path_length, distance=distance)
    found = {
        "path length in w": length(draw, first=in_w[0], second=in_w[1]),
        "path length in z": length(
            lambda z: draw(styles(model, z, labels, psi)), first=first, second=second, way="spherical"
        ),
    }
    return {figure: metrics.with_interval(values) for figure, values in found.items()}


def styles(model: Generator, z: torch.Tensor, labels: torch.Tensor, psi: float) -> torch.Tensor:
    """z (B, z_dim), labels (B,) -> w (B, ...), as the generator has it."""
    c = shares_of(labels, len(model.class_names))
    return model.mapping(z, c, psi) if isinstance(model, StyleGAN2Generator) else model.mapping(z, c)


def pictures(model: Generator, w: torch.Tensor) -> torch.Tensor:
    """w (B, ...) -> (B, 3, S, S) in [-1, 1]."""
    return clipped(model.synthesis(w))


if __name__ == "__main__":
    main()
