"""Measure swaps: is it the breed of the one, is it the pose of the other, is it what the world itself would draw?

    python training/evaluate_swap.py --model mammals-identity-pose --dataset mammals-many --judge BREEDS --vae VAE \\
        --output benchmarks/results/swap.json
    python training/evaluate_swap.py --model pets-identity-pose --dataset pets-heads --judge BREEDS --sheet sheet.webp

Where the factors of pictures are known the target of each pair is rendered: the animal of the identity picture in the
pose, light and place of the attribute picture. All pictures are from the test split, so no network ever saw one of
these animals, and each ordered pair of two breeds is asked as often. Judges: a second classifier of breeds (--judge)
and a network of poses (--pose), neither used in training. Beside the swapper stand ceilings, which are the targets and
the best inversion of each into W; and floors, which are both pictures as they are, the mean style, the styles of both
pictures mixed at every layer, and a conditional VAE (--vae) told of the other's breed. Inversions take long: what needs
them is measured on --inverted pairs, and so is the swapper again, beside them. Other swappers (--beside), each trained
without one of the losses, say, answer the same pairs.

Where no factors are known, breeds are judged, and what the swap has of its attribute picture is a distance in layers.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from baselines import probe
from beside import beside, check_sides
from factors import regions
from loop import folder_of, weights_digest
from options import option, parse, report, run
from perceptual import Layers, layers_of
from poses import knows_pose, predicted
from samples import grid
from tables import NEITHER, ImageTable, read_dataset
from worlds import mammals
from worlds.breeds import BREEDS
from worlds.factors import Factors

from betwixt import VAE, IdentityPoseSwapper, ImageClassifier, PoseRegressor, metrics
from betwixt.breeds import species_of
from betwixt.directions import r_squared, ridge
from betwixt.generation import shares_of
from betwixt.images import BATCH, from_bytes, resized, to_bytes, to_images, to_tensor
from betwixt.inversion import Inversion, invert
from betwixt.layers import clipped
from betwixt.losses import feature_distance

NEAR = 10.0  # degrees, within which a pose is the one that was asked for
RENDERED = 128  # side at which targets are rendered, as the dataset's pictures are
PROBED = 2000  # training pictures that probes of codes learn from
AT_ONCE = 20  # pictures that are inverted together
SHEET = 12  # pairs side by side on a sheet
OWN = ""  # the way whose figures have no name in brackets

Values = dict[str, torch.Tensor]  # figure -> of each pair
Swappers = dict[str, IdentityPoseSwapper]


@dataclass
class Recipe:
    """What to measure."""

    model: str = option(help="an IdentityPoseSwapper: a run, a published name or a folder")
    dataset: list[str] = option(help="datasets whose test split is used, each reported alone")
    judge: str = option("mammals-breeds", "a classifier of breeds that had no part in training")
    pose: str = option("mammals-pose", "a network of poses that had no part in training")
    perceptual_model: str = option("landmarks-pretrained", "whose layers measure distances")
    vae: str | None = option(None, "a VAE told of the breeds, for a floor")
    beside: list[str] = option([], "other swappers of pictures of this side, for the same figures")
    pairs: int = option(2160, "asked, nearly", range=(2, 100_000))
    inverted: int = option(240, "of them, whose pictures are inverted; 0: none", range=(0, 100_000))
    inversion_steps: int = option(200, range=(1, 10_000))
    seed: int = option(0, "of the pairs", range=(0, 2**31 - 1))
    sheet: str | None = option(None, "also draw some swaps here: identity, attributes, swap, and target if known")
    shown: int = option(SHEET, "pairs on the sheet", range=(1, 1000))
    by_eye: str | None = option(None, 'what a person said of those on it: {"weights": ..., "pose right": [true, ...]}')
    output: str | None = option(None, "write the table here as JSON as well")


def main() -> None:
    run(report, evaluate, parse(Recipe, {}, __doc__.splitlines()[0]))


def evaluate(recipe: Recipe) -> dict:
    """{"task", "num_parameters", "results": {dataset: {figure: {"value", "low", "high"}}}} on held-out pictures."""
    swapper = load(recipe, recipe.model)
    others = {Path(name).name: load(recipe, name) for name in recipe.beside}
    check_sides(recipe.model, swapper, others)
    return {
        "task": "image-to-image",
        "weights": weights_digest(folder_of(recipe.model)),
        "num_parameters": sum(p.numel() for p in swapper.parameters()),
        "results": {Path(name).name: measure(recipe, swapper, others, name) for name in recipe.dataset},
    }


def load(recipe: Recipe, name: str) -> IdentityPoseSwapper:
    """A swapper by the name of its run or published, or its folder. Raises ValueError as `refuse_teachers`."""
    folder = folder_of(name)
    refuse_teachers(recipe, folder)
    return IdentityPoseSwapper.from_pretrained(folder).to(memory_format=torch.channels_last)


def refuse_teachers(recipe: Recipe, folder: Path) -> None:
    """Raises ValueError: what is to judge a run had a part in its training."""
    file = folder.parent / "recipe.json"
    trained = json.loads(file.read_text()) if file.is_file() else {}
    teachers = {trained.get(name) for name in ("classifier", "pose_model", "perceptual_model")}
    for option_name in ("judge", "pose", "perceptual_model"):
        name = getattr(recipe, option_name)
        if name in teachers:
            raise ValueError(f"--{option_name.replace('_', '-')} {name} had a part in training: it cannot judge")


def measure(recipe: Recipe, swapper: IdentityPoseSwapper, others: Swappers, dataset: str) -> dict:
    """The figures of one dataset, those of other ways with their names in brackets."""
    training, test = (read_dataset(dataset, split, swapper.image_size) for split in ("train", "test"))
    named = [name for name in test.class_names if name != NEITHER]
    training, test = training.of_classes(named), test.of_classes(named)
    judges, vae = Judges.of(recipe, test.class_names), vae_of(recipe, test.class_names)
    pairs = Pairs.of(test, recipe)
    print(f"{dataset}: {len(pairs)} pairs of {len(test)} pictures", flush=True)
    seen = {"pose_right_by_eye": by_eye(recipe, pairs)} if recipe.by_eye else {}
    figures: dict = {"pairs": len(pairs)}
    few = spread(len(pairs), recipe.inverted)
    for way, rows, y in ways(recipe, swapper, others, vae, pairs, few):
        values = judges.values(pairs, y, rows)
        if way == OWN and recipe.sheet:
            draw_sheet(recipe.sheet, pairs, y, spread(len(pairs), recipe.shown))
        found = {name: metrics.with_interval(value, pairs.identity[rows]) for name, value in values.items()}
        figures |= found if way == OWN else beside(found, way)
    figures |= seen | probes(swapper, training, test)
    for name, other in others.items():
        figures |= beside(probes(other, training, test), name)
    frequent = {"value": float(test.labels.bincount().max() / len(test))}
    return figures | beside({"breed read from the attribute code": frequent}, "always the most frequent")


@dataclass
class Pairs:
    """Which pictures are asked: numbers (P,) in the table of the identity and of the attribute pictures; their pixels
    in [-1, 1]; and what the world draws of them, where it is known."""

    table: ImageTable
    identity: torch.Tensor
    attributes: torch.Tensor
    x: torch.Tensor
    target: torch.Tensor | None
    poses: torch.Tensor | None  # (P, 3, 3), those of the attribute pictures, as the world has them

    def __len__(self) -> int:
        return len(self.identity)

    @property
    def breeds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The labels of both sides (P,)."""
        return self.table.labels[self.identity], self.table.labels[self.attributes]

    @classmethod
    def of(cls, table: ImageTable, recipe: Recipe) -> "Pairs":
        """Each ordered pair of two breeds as often (some of them, if fewer pairs are wanted), its animals at random;
        targets are rendered where they can be."""
        generator = torch.Generator().manual_seed(recipe.seed)
        present = table.labels.unique().tolist()
        if len(present) < 2:
            raise ValueError(f"pictures of two breeds are needed, and there are {len(present)}")
        rows = {label: (table.labels == label).nonzero()[:, 0] for label in present}
        kinds = [(a, b) for a in present for b in present if a != b]
        kinds = [kinds[n] for n in spread(len(kinds), recipe.pairs)]
        chosen = [
            tuple(int(rows[label][torch.randint(len(rows[label]), (), generator=generator)]) for label in kind)
            for _ in range(round(recipe.pairs / len(kinds)))
            for kind in kinds
        ]
        identity, attributes = torch.tensor(chosen).T
        x = from_bytes(table.pixels)
        if not knows_pose(table):
            return cls(table, identity, attributes, x, None, None)
        factors = factors_of(table)
        target = from_bytes(rendered(mammals.swapped(factors[identity], factors[attributes]), table.pixels.shape[-1]))
        poses = torch.stack([torch.from_numpy(mammals.turn(row)) for row in factors[attributes].rows])
        return cls(table, identity, attributes, x, target, poses)


def factors_of(table: ImageTable) -> Factors:
    """What the pictures of a rendered table show."""
    names = [*table.columns]
    rows = zip(*table.columns.values(), strict=True)
    breeds = [table.class_names[label] for label in table.labels.tolist()]
    known = zip(breeds, rows, strict=True)
    return Factors(
        tuple(
            {**dict(zip(names, row, strict=True)), "breed": breed, "species": BREEDS[breed].species}
            for breed, row in known
        )
    )


def rendered(factors: Factors, side: int) -> torch.Tensor:
    """Pixels uint8 (N, 3, side, side), made smaller as a dataset's pictures are."""
    pixels = mammals.render(factors, RENDERED, processes=torch.get_num_threads())
    return to_bytes(to_tensor(to_images(from_bytes(pixels)), side))


def spread(count: int, wanted: int) -> torch.Tensor:
    """(wanted,) numbers under count, evenly."""
    return torch.linspace(0, count - 1, min(count, wanted)).long()


def ways(
    recipe: Recipe,
    swapper: IdentityPoseSwapper,
    others: Swappers,
    vae: VAE | None,
    pairs: Pairs,
    few: torch.Tensor,
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Each way to answer: its name, the numbers of the pairs that it answers (N,), and the pictures (N, 3, S, S)."""
    every, first, second = torch.arange(len(pairs)), pairs.x[pairs.identity], pairs.x[pairs.attributes]
    own = in_parts(swapper, first, second)
    yield OWN, every, own
    for name, other in others.items():
        yield name, every, in_parts(other, first, second)
    if pairs.target is not None:
        yield "ceiling: the target as rendered", every, pairs.target
    yield "floor: the identity picture", every, first
    yield "floor: the attribute picture", every, second
    generator = swapper.generator
    mean = generator.mapping.w_avg.expand(1, generator.num_ws, -1)
    yield "floor: the mean style", every, in_parts(generator.synthesis, mean).expand(len(pairs), -1, -1, -1)
    if vae is not None:
        yield "floor: a conditional VAE", every, by_vae(vae, pairs)
    if not len(few):
        return
    yield "on the inverted pairs", few, own[few]
    w = [inverted(swapper, x[few], recipe) for x in (first, second)]
    for layer in range(1, generator.num_ws):
        mixed = torch.cat([w[1][:, :layer], w[0][:, layer:]], 1)
        yield f"floor: styles mixed from layer {layer} on", few, in_parts(generator.synthesis, mixed)
    if pairs.target is not None:
        w_of_target = inverted(swapper, pairs.target[few], recipe)
        yield "ceiling: the target inverted", few, in_parts(generator.synthesis, w_of_target)


@torch.inference_mode()
def in_parts(function, *tensors: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 3, S, S) in [-1, 1] that a function draws of tensors (N, ...), a batch at a time."""
    parts = zip(*(tensor.split(BATCH) for tensor in tensors), strict=True)
    return torch.cat([clipped(function(*part)) for part in parts])


def inverted(swapper: IdentityPoseSwapper, x: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """The styles (N, num_ws, w_dim) in W of which pictures (N, 3, S, S) are drawn best."""
    how, layers, found = Inversion("w", recipe.inversion_steps), layers_of(recipe.perceptual_model), []
    for some in x.split(AT_ONCE):
        *_, last = invert(swapper.generator, some, how, layers, every=recipe.inversion_steps)
        found.append(last.w)
        print(f"inverted {AT_ONCE * len(found)} of {len(x)}", flush=True)
    return torch.cat(found)


def vae_of(recipe: Recipe, breeds: list[str]) -> VAE | None:
    """Raises ValueError: it was not told of all these breeds."""
    if recipe.vae is None:
        return None
    vae = VAE.from_pretrained(folder_of(recipe.vae))
    if unknown := [name for name in breeds if name not in vae.class_names]:
        raise ValueError(f"--vae {recipe.vae} was not told of {', '.join(unknown)}")
    return vae


@torch.inference_mode()
def by_vae(model: VAE, pairs: Pairs) -> torch.Tensor:
    """The latent of the attribute picture, decoded as one of the identity's breed."""
    place = torch.tensor([model.class_names.index(name) for name in pairs.table.class_names])
    wanted, shown = (shares_of(place[labels], len(model.class_names)) for labels in pairs.breeds)

    def draw(x: torch.Tensor, wanted: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        z = model.encode(resized(x, model.image_size))[0] - model.centre(shown) + model.centre(wanted)
        return resized(model.decode(z, wanted), pairs.x.shape[-1])

    return in_parts(draw, pairs.x[pairs.attributes], wanted, shown)


@dataclass
class Judges:
    """What is asked of answers to pairs."""

    breeds: ImageClassifier
    pose: PoseRegressor
    layers: Layers

    @classmethod
    def of(cls, recipe: Recipe, names: list[str]) -> "Judges":
        """Raises ValueError: the judge of breeds does not know one of these."""
        breeds = ImageClassifier.from_pretrained(folder_of(recipe.judge)).to(memory_format=torch.channels_last)
        if unknown := [name for name in names if name not in breeds.class_names]:
            raise ValueError(f"--judge {recipe.judge} does not know {', '.join(unknown)}")
        pose = PoseRegressor.from_pretrained(folder_of(recipe.pose))
        return cls(breeds, pose, layers_of(recipe.perceptual_model))

    @torch.inference_mode()
    def values(self, pairs: Pairs, y: torch.Tensor, rows: torch.Tensor) -> Values:
        """What the judges say of the answers y (N, 3, S, S) to the pairs of these numbers (N,)."""
        names = self.breeds.class_names
        answers = torch.cat(
            [self.breeds.probabilities(resized(part, self.breeds.image_size)).argmax(1) for part in y.split(BATCH)]
        )
        wanted, shown = (
            torch.tensor([names.index(pairs.table.class_names[label]) for label in labels[rows].tolist()])
            for labels in pairs.breeds
        )
        cats = torch.tensor([species_of(name) == "cat" for name in names])
        found = {
            "breed_accuracy": answers == wanted,
            "breed_leak": answers == shown,
            "species_accuracy": cats[answers] == cats[wanted],
        }
        if pairs.target is None:
            of_attributes = pairs.x[pairs.attributes[rows]]
            return doubles(found | {"distance in layers from the attribute picture": self.distance(y, of_attributes)})
        target = pairs.target[rows]
        angles = turned_by(predicted(self.pose, y), pairs.poses[rows])
        light = [light_of(x) for x in (y, target)]
        _, around = regions(y.shape[-1])
        return doubles(
            found
            | {
                "pose_error_degrees": angles,
                "joint_success": (answers == wanted) & (angles < NEAR),
                "target_ssim": metrics.structural_similarity(y, target),
                "target_distance": self.distance(y, target),
                "light_error": (light[0] - light[1]).norm(dim=1),
                "background_error": (y - target).abs().mean(1)[:, around].mean(1),
            }
        )

    def distance(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) each -> (N,), in layers of a network."""
        pairs = zip(x.split(BATCH), y.split(BATCH), strict=True)
        return torch.cat([feature_distance(self.layers(a), self.layers(b)) for a, b in pairs])


def doubles(values: Values) -> Values:
    return {name: value.double() for name, value in values.items()}


def turned_by(poses: torch.Tensor, facing: torch.Tensor) -> torch.Tensor:
    """The angle (N,) in degrees from heads of poses (N, 4), as a network reads them, to others' facing (N, 3, 3)."""
    names = PoseRegressor.FACTORS
    read = [mammals.turn(dict(zip(names, pose, strict=True))) for pose in poses.double().tolist()]
    trace = (torch.stack([torch.from_numpy(one) for one in read]) * facing).sum((1, 2))
    return ((trace - 1) / 2).clamp(-1, 1).acos() * 180 / math.pi


def light_of(x: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) -> (N, 2) how much lighter the head is to the right and below, a half side on."""
    places = torch.linspace(-1, 1, x.shape[-1])
    head, _ = regions(x.shape[-1])
    grey, across, down = x.mean(1)[:, head], places.expand_as(head)[head], places[:, None].expand_as(head)[head]
    slopes = [(grey * way).mean(1) / way.square().mean() for way in (across, down)]
    return torch.stack(slopes, 1)


def probes(swapper: IdentityPoseSwapper, training: ImageTable, test: ImageTable) -> dict:
    """How well the breed is read from attribute codes of pictures held out, and the pose from their identities."""
    training = training.select(torch.linspace(0, len(training) - 1, min(PROBED, len(training))).long())
    codes = [in_codes(swapper.attributes_of, table, swapper.image_size) for table in (training, test)]
    groups = torch.tensor(training.columns["group"])
    right = (probe(codes[0], training.labels, groups, codes[1]) == test.labels).double()
    figures = {"breed read from the attribute code": metrics.with_interval(right)}
    if not knows_pose(test):
        return figures
    identities = [in_codes(swapper.identity_of, table, swapper.image_size) for table in (training, test)]
    for name in PoseRegressor.FACTORS[:2]:
        known, truth = (torch.tensor(table.columns[name])[:, None].double() for table in (training, test))
        for what, (learned, asked) in {"identity": identities, "attribute code": codes}.items():
            weights, biases = ridge(learned, known)
            share = r_squared(truth, asked.double() @ weights.T + biases)
            figures[f"{name} read from the {what}, R^2"] = {"value": float(share)}
    return figures


@torch.inference_mode()
def in_codes(code, table: ImageTable, side: int) -> torch.Tensor:
    """(N, D) of the pictures of a table."""
    return torch.cat([code(resized(part, side)) for part in from_bytes(table.pixels).split(BATCH)])


def draw_sheet(path: str, pairs: Pairs, y: torch.Tensor, rows: torch.Tensor) -> None:
    """Pairs of these numbers, a column each: identity, attributes, what was drawn, and what the world would draw."""
    known = [pairs.x[pairs.identity], pairs.x[pairs.attributes], y, pairs.target]
    shown = [x[some] for some in rows.split(SHEET) for x in known if x is not None]
    grid([to_images(x) for x in shown]).save(path, quality=85)


def by_eye(recipe: Recipe, pairs: Pairs) -> dict:
    """How many of the pairs on the sheet have the pose that was asked for, as a person sees it.

    Raises:
        ValueError: the file is of other weights or of another number of pairs.
    """
    told, weights = json.loads(Path(recipe.by_eye).read_text()), weights_digest(folder_of(recipe.model))
    rows = spread(len(pairs), recipe.shown)
    if told["weights"] != weights or len(told["pose right"]) != len(rows):
        raise ValueError(f"{recipe.by_eye} is not of {len(rows)} pairs of the weights {weights}: draw --sheet and look")
    return metrics.with_interval(torch.tensor(told["pose right"]).double(), pairs.identity[rows])


if __name__ == "__main__":
    main()
