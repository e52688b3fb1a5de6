"""Check, measure and describe a run's last checkpoint, and put it where the uploads and the Spaces find it.

    python training/publish.py RUN NAME --dataset clocks-crocodiles my-photos --others OTHER_PHOTOS

writes hub_upload/models/NAME: config.json, model.safetensors (in fewer bits, where that costs nothing measurable) and
README.md, whose figures come from `evaluate_<task>.py`, run here on the weights as published. A generator is measured
beside others, in as many bits as it has: publish it, run `evaluate_hybrids.py` on the published name, and publish it
again with its --table; so are swappers, with `evaluate_swap.py`. What measures a generator of heads takes options after
--measure, last on the line:

    python training/publish.py RUN mammals-stylegan2 --dataset mammals-many --measure --beside mammals-gan
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from blends import ALL_BLENDS
from loop import RUNS, last_checkpoint, recipe_of, weights_digest
from options import run
from PIL import Image
from samples import ROW, grid
from tables import dataset_folder

import betwixt
from betwixt import VAE, ConditionalGAN, DiffusionModel, StyleGAN2Generator

ROOT = Path(__file__).parents[1]
MAX_LOSS = 0.005  # of the quality, for storing fewer bytes
PRECISIONS = {8: torch.int8, 16: torch.float16, 32: torch.float32}  # by bits


@dataclass(frozen=True)
class Kind:
    """What publishing must know of a class.

    Args:
        stem: train_<stem>.py makes its checkpoints, evaluate_<stem>.py measures them, where it is not said otherwise.
        quality: the figure that fewer bits must not lower.
        usage: lines of Python for the card, that use `model` and `image`.
        measure: what measures them, where that is another script or command.
        distance: whether it is worse, the higher that figure is.
        shows: what is on the sheet of samples.
        draws: whether that is drawn here, where no --samples are given.
        measured: how, for the card.
        limits: for the card, beside the licences of what it was trained on.
    """

    stem: str
    quality: str
    usage: str
    measure: tuple[str, ...] = ()
    distance: bool = False
    shows: str = "Pictures in equal shares, true hybrids first"
    draws: bool = False
    measured: str = ""
    limits: str = ""


SEARCHES = Kind(  # of classifiers, if they are to search with
    "classifier", "mAP, seen places", "model.embed([image])  # (1, D), of length 1: alike where their product is near 1"
)
CLASSIFY = (
    "model.class_names\n"
    "model.predict([image])  # probabilities (1, num_classes)\n"
    "model.embed([image])  # features (1, D), of length 1"
)
BREEDS = Kind("classifier", "accuracy", CLASSIFY, ("evaluate_breeds.py", "checkpoint"))  # of classifiers
CODES = Kind(  # of VAEs that were told of no classes
    "vae",
    "class by a linear probe",
    "model.embed([image])  # the latent's mean, of length 1\n"
    "model.reconstruct([image])[0]  # the picture as drawn from it\n"
    "model.sample(4, seed=0)  # 4 pictures of latents that are drawn",
    ("evaluate_vae.py",),
)
GENERATE = (
    "model.generate(count=4, seed=0)  # 4 pictures in equal shares of model.class_names\n"
    "model.generate({model.class_names[0]: 0.8, model.class_names[1]: 0.2}, combine=model.COMBINATIONS[0])[0]"
)
DRAWN = """What it draws, at psi 1 if no --truncation is named below, beside pictures held out of training (a fixed
fifth), with the weights as they are here. In brackets, what else was measured so: other generators; *training
pictures*, which are what a perfect generator would draw; *held-out pictures*, where a judge was asked about them. How
each figure is taken is in `training/evaluate_stylegan2.py`. Intervals: 95 %, those of kernel distances over random
subsets."""
HEADS = """It draws small heads of the kinds that it was trained on, and nothing else; towards a psi of 0 they are
cleaner and more alike. Breed and pose were judged by networks, which err."""
POSES = """It learned from rendered heads of dogs and cats, turned by up to 45 degrees. It answers for any picture, and
of photos nobody measured how well."""
SWAPPED = """Pairs of pictures of animals that no network saw before (a fixed fifth), each ordered pair of two breeds as
often, with the weights as they are here, by `training/evaluate_swap.py`. *breed_accuracy*: a second classifier finds
the breed of the identity picture; *breed_leak*: that of the attribute picture; *joint_success*: the right breed, within
10 degrees of the right pose. In brackets stand ceilings and floors: the target, rendered or inverted into the
generator; the pictures as they are, the mean style, styles mixed at a layer, a conditional VAE. Intervals: 95 %,
bootstrap over the identity pictures."""
SWAPS = """It draws the small heads that its generator knows. A picture unlike those that it learned from is read as the
nearest of them: `model.strangeness` says how far off it is."""
KINDS = {
    "ImageClassifier": Kind("classifier", "accuracy", CLASSIFY),
    "ConvAutoencoder": Kind(
        "autoencoder",
        "structural similarity",
        'model.embed([image])  # the latent, of length 1; where form has a part of it, that: part="all" gives all\n'
        "model.reconstruct([image])[0]  # the picture as drawn from its latent",
    ),
    "ClassifierEnsemble": Kind(
        "ensemble",
        "yes to clock, of its pictures",
        "model.class_names, model.thresholds  # for pictures like those of each dataset\n"
        "yes = model.predict_multilabel([image])  # that it shows a class, whatever else it shows (1, num_classes)\n"
        "model.says_yes(yes, model.class_names[:2])  # to both of them",
    ),
    "VAE": Kind("vae", "", GENERATE),
    "ConditionalGAN": Kind("gan", "", GENERATE),
    "DiffusionModel": Kind("diffusion", "", GENERATE),
    "StyleGAN2Generator": Kind(
        "stylegan2",
        "kernel distance, share of that between breeds",
        "model.generate(seeds=[0, 1], truncation_psi=0.7)  # 2 pictures; of model.class_names, if any, one by chance\n"
        "weights = dict.fromkeys(model.class_names[:1], 1.0)  # or shares of several; of a model without, none\n"
        "model.generate(seeds=range(4), weights=weights)[0]",
        ("evaluate_stylegan2.py",),
        distance=True,
        shows="What it draws at psi 0.7, of classes one a row",
        draws=True,
        measured=DRAWN,
        limits=HEADS,
    ),
    "PoseRegressor": Kind(
        "pose",
        "correlation of yaw",
        "model.FACTORS\nmodel.predict([image])  # (1, 4): yaw, pitch and tilt in degrees, mouth from 0 to 1",
        ("evaluate_pose.py",),
        limits=POSES,
    ),
    "IdentityPoseSwapper": Kind(
        "identity_pose",
        "joint_success",
        'other = Image.open("other.jpg")\n'
        "model.swap([image], [other])[0]  # the breed of the first, the pose and the place of the other",
        ("evaluate_swap.py",),
        shows="Columns: whose breed is wanted, whose pose is wanted, the swap, and the target where it is known",
        measured=SWAPPED,
        limits=SWAPS,
    ),
}

SAMPLES = "samples.webp"
RAW_PIXELS = "raw pixels"
HELD_OUT = """On pictures held out of every published model's training (a fixed fifth of each dataset, near-duplicates
on one side), with the weights as they are here. Intervals: 95 %, bootstrap over groups of near-duplicates."""
FLAGS = """On pictures of real flags, one of each design, which no network was trained on, by
`training/evaluate_maps.py`, with the weights as they are here; beside them features that need no network. Intervals:
95 %, bootstrap over the flags."""
SEARCH = """Pictures held out of training (a fixed fifth), and all pictures of places that it was not trained on, each
looked for among all others of its dataset, with the weights as they are here; beside raw pixels of 32x32. Right is what
shows the same place. Intervals: 95 %, bootstrap over the pictures."""
HYBRIDS = """Pictures in equal shares of both classes, with the weights as they are here. A *true hybrid* passes every
gate of `training/hybrid_gates.py`: judges that had no part in the drawing see *both*, and do not call it neither; it
lies among held-out pictures (*real*); it is no copy of a training picture (*new*); it is not put together of two (*one
thing*). Intervals: 95 %, those of the kernel distance over random halves of the pictures."""
YES_OR_NO = "\nmodel.predict_multilabel([image])  # that it shows a class, whatever else it shows (1, num_classes)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a folder below runs/")
    parser.add_argument("name", help="the published name")
    parser.add_argument("--dataset", nargs="+", required=True, help="measured on the test split of each")
    parser.add_argument("--others", nargs="+", default=[], help="folders of neither class, from other collections")
    parser.add_argument("--search", action="store_true", help="a classifier is there to search with: measure that")
    parser.add_argument("--breeds", action="store_true", help="a classifier is of breeds: measure that")
    parser.add_argument(
        "--table", help="what evaluate_hybrids.py wrote of generators, evaluate_maps.py of features, evaluate_swap.py"
    )
    parser.add_argument("--samples", help="a sheet of a generator's pictures, for its card")
    parser.add_argument(
        "--bits", type=int, choices=PRECISIONS, default=16, help="a weight, where nothing is lost by it"
    )
    parser.add_argument("--about", default="", help="a sentence for the card: what it is for")
    parser.add_argument("--output", default=ROOT / "hub_upload" / "models", type=Path)
    parser.add_argument(
        "--measure", nargs=argparse.REMAINDER, default=[], help="options of what measures it, last on the line"
    )
    run(publish, parser.parse_args())


def publish(options: argparse.Namespace) -> None:
    """Stage the checkpoint, measure it, write its card, and replace the published folder in one rename."""
    checkpoint = last_checkpoint(RUNS / options.run)
    if checkpoint is None:
        raise FileNotFoundError(f"{RUNS / options.run} has no checkpoint")
    recipe = recipe_of(checkpoint)
    model_class = json.loads((checkpoint / "model" / "config.json").read_text())["model_class"]
    model = getattr(betwixt, model_class).from_pretrained(checkpoint / "model")
    kind = SEARCHES if options.search else BREEDS if options.breeds else KINDS[model_class]
    if model_class == "VAE" and not model.class_names:
        kind = CODES
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output, prefix=".publish-") as temporary:
        staged = Path(temporary) / options.name
        tried = kind.quality and not options.table
        full = measured(checkpoint / "model", model_class, kind, options) if tried else None
        for bits in (bits for bits in PRECISIONS if bits >= options.bits):
            model.save_pretrained(staged, dtype=PRECISIONS[bits])
            table = full if full and bits == 32 else measured(staged, model_class, kind, options)
            lost = loss(full, table, kind) if full else 0.0
            if lost <= MAX_LOSS:
                break
            print(f"{bits} bits a weight cost {lost:.3f}: more are stored")
        if options.samples:
            with Image.open(options.samples) as sheet:
                sheet.save(staged / SAMPLES, quality=85)
        elif kind.draws:
            drawn(StyleGAN2Generator.from_pretrained(staged)).save(staged / SAMPLES, quality=85)
        (staged / "README.md").write_text(card(options, recipe, model_class, kind, table))
        target = options.output / options.name
        old = Path(temporary) / "old"
        if target.exists():
            target.rename(old)
        shutil.move(staged, target)
    size = (target / "model.safetensors").stat().st_size
    print(f"{target}: {size / 1e6:.2f} MB")


def measured(folder: Path, model_class: str, kind: Kind, options: argparse.Namespace) -> dict:
    """The table of the class's evaluation."""
    if options.table and model_class == "IdentityPoseSwapper":
        return of_swaps(options, folder)
    generates = kind.usage == GENERATE
    if generates or options.table or kind is SEARCHES:
        model = getattr(betwixt, model_class).from_pretrained(folder)
        if generates:
            results = of_generator(options, model, folder)
        else:
            results = of_search(options, folder) if kind is SEARCHES else {"real flags": of_maps(options)}
        return {
            "task": "unconditional-image-generation" if generates else "image-feature-extraction",
            "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
            "results": results,
        }
    command = kind.measure or (f"evaluate_{kind.stem}.py", "checkpoint")
    command = [*command, "--model", str(folder), "--dataset", *options.dataset, *options.measure]
    return output_of([*command, *(["--others", *options.others] if options.others else [])])


def drawn(model: StyleGAN2Generator) -> Image.Image:
    """A sheet of what it draws, one row a class, or as many pictures of a network without."""
    requests = [{name: 1.0} for name in model.class_names] or [None] * ROW
    rows = [model.generate(range(ROW * i, ROW * (i + 1)), weights=weights) for i, weights in enumerate(requests)]
    return grid(rows, scale=1)


def output_of(command: list[str]) -> dict:
    """What a script of this folder writes to its --output."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        script = str(Path(__file__).with_name(command[0]))
        subprocess.run(
            [sys.executable, script, *command[1:], "--output", file.name], check=True, stdout=subprocess.DEVNULL
        )
        return json.loads(Path(file.name).read_text())


def of_search(options: argparse.Namespace, folder: Path) -> dict:
    """{dataset: {figure: ...}}, beside raw pixels."""
    command = ["evaluate_search.py", "published", "--encoders", str(folder), "--dataset", *options.dataset]
    return {
        dataset: {
            f"{figure}, {places} places{' (raw pixels)' if name == RAW_PIXELS else ''}": row[figure]
            for places, asked in table["places"].items()
            for figure in ("mAP", "recall at 1", "MAP at R")
            for name, row in reversed(asked["encoders"].items())
        }
        for dataset, table in output_of(command).items()
    }


def of_generator(options: argparse.Namespace, model: DiffusionModel | ConditionalGAN | VAE, folder: Path) -> dict:
    """{dataset: {figure: ...}} from the table, beside the planted mix that is most often taken for a hybrid."""
    if not options.table:
        return {}
    table, figures = json.loads(Path(options.table).read_text()), {}
    for name, row in table["generators"].items():
        published, _, combine = name.partition(":")
        if published == options.name:
            check_weights(row, options, folder)
            way = f" ({combine or model.COMBINATIONS[0]})"
            figures[f"true hybrids{way}"] = row["hybrid"]
            figures |= {f"pass the gate {gate}{way}": row[gate] for gate in ("both", "real", "new", "one thing")}
            figures[f"kernel distance{way}"] = row["kernel distance"]
            figures[f"different hybrids{way}"] = {"value": row["different hybrids"]}
    if not figures:
        raise ValueError(f"{options.table} has no row of {options.name}")
    planted = {name: table["known"][name]["hybrid"] for name in ALL_BLENDS}
    worst = max(planted, key=lambda name: planted[name]["value"])
    figures[f"true hybrids (planted mixes, the worst: {worst})"] = planted[worst]
    return {"+".join(options.dataset): figures}


def of_swaps(options: argparse.Namespace, folder: Path) -> dict:
    """What `evaluate_swap.py` wrote of the same weights."""
    table = json.loads(Path(options.table).read_text())
    check_weights(table, options, folder)
    return table


def check_weights(row: dict, options: argparse.Namespace, folder: Path) -> None:
    """Raises ValueError: what a table says is of other weights than those in a folder."""
    if row["weights"] != weights_digest(folder):
        raise ValueError(f"{options.table} is of other weights of {options.name}: measure these first")


def of_maps(options: argparse.Namespace) -> dict:
    """{figure: ...} from the table, of each part of the latent beside what needs no network."""
    spaces = json.loads(Path(options.table).read_text())["spaces"]
    own = {space: row for space, row in spaces.items() if space.partition(":")[0] == options.name}
    if not own:
        raise ValueError(f"{options.table} has no row of {options.name}")
    shown = own | {space: spaces[space] for space in (RAW_PIXELS, "edges", "colours")}
    return {
        f"{figure} ({space.removeprefix(f'{options.name}: ')})": row[figure]
        for figure in ("layout purity", "palette purity", "twin recall at 1")
        for space, row in shown.items()
    }


def loss(full: dict, table: dict, kind: Kind) -> float:
    """By how much a table is worse than that of the weights in full, on the dataset where it is most."""
    sign = -1 if kind.distance else 1
    figure = kind.quality
    return max(sign * (quality(full, name, figure) - quality(table, name, figure)) for name in table["results"])


def quality(table: dict, name: str, figure: str) -> float:
    """The named figure of a result, else its first."""
    figures = {key: value for key, value in table["results"][name].items() if "value" in _as_figure(value)}
    return figures.get(figure, next(iter(figures.values())))["value"]


def card(options: argparse.Namespace, recipe: dict, model_class: str, kind: Kind, table: dict) -> str:
    """The card, with all figures as `model-index` results for the Hub and as a table for people."""
    results, rows = [], []
    for dataset, figures in table["results"].items():
        entries = []
        for name, figure in figures.items():
            figure = _as_figure(figure)
            if "value" not in figure:
                continue
            interval = {key: round(figure[key], 4) for key in ("low", "high") if key in figure}
            entry = {
                "type": re.sub(r"\W+", "_", name.split(" (")[0]).lower(),
                "name": name,
                "value": round(figure["value"], 4),
            }
            entries.append({**entry, **({"args": interval} if interval else {})})
            between = f"{interval['low']:.3f} to {interval['high']:.3f}" if interval else ""
            rows.append(f"| {dataset} | {name} | {figure['value']:.3f} | {between} |")
        dataset_entry = {"name": dataset, "type": dataset.replace("/", "-"), "split": "test"}
        results.append({"task": {"type": table["task"]}, "dataset": dataset_entry, "metrics": entries})
    front = {
        "license": "apache-2.0",
        "library_name": "betwixt",
        "pipeline_tag": table["task"],
        "tags": ["betwixt"],
        "model-index": [{"name": options.name, "results": results}],
    }
    command = " ".join(["python training/publish.py", options.run, options.name, "--dataset", *options.dataset])
    for option in ("table", "samples"):
        if getattr(options, option):
            command += f" --{option} {getattr(options, option)}"
    for option in ("search", "breeds"):
        if getattr(options, option):
            command += f" --{option}"
    if options.others:
        command += " --others " + " ".join(Path(folder).name for folder in options.others)
    if options.measure:
        command += " --measure " + " ".join(Path(word).name for word in options.measure)
    steps = stages(recipe, kind.stem)
    pretrained = {done["architecture"] for _, done in steps if done.get("weights") or done.get("pretrained")}
    start = (
        f"It started from weights of `{'`, `'.join(pretrained)}` trained on ImageNet (SqueezeNet's: BSD licence)."
        if pretrained
        else "It was trained from scratch."
    )
    trained = "\n\nThen ".join(
        f"`training/train_{stem}.py` with\n\n```json\n{json.dumps(shown(options), indent=2)}\n```"
        for stem, options in steps
    )
    generates = kind.usage == GENERATE
    load = f'{model_class}.from_pretrained("betwixt/{options.name}")'
    opening = f"from betwixt import {model_class}\n"
    if "[image]" not in kind.usage:
        opening += f"\nmodel = {load}"
    else:
        opening += f'from PIL import Image\n\nmodel, image = {load}, Image.open("photo.jpg")'
    sheet = f"![{kind.shows}]({SAMPLES})\n\n" if options.samples or kind.draws else ""
    limits = f"## Limits\n\n{kind.limits} {trained_on(recipe)}\n\n" if kind.limits else ""
    beaten = f"\n\nBeaten by: {'; '.join(table['beaten by'])}." if table.get("beaten by") else ""
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True).strip()}
---

# {options.name}

{options.about or f"A {model_class} of the Betwixt suite."} {start}

```python
{opening}
{kind.usage}{YES_OR_NO if steps[-1][0] == "multilabel" else ""}
```

{sheet}## Measured

{kind.measured or (SEARCH if kind is SEARCHES else HYBRIDS if generates else FLAGS if options.table else HELD_OUT)}

| pictures | figure | value | interval |
|---|---|---|---|
{chr(10).join(rows)}{beaten}

{table["num_parameters"] / 1e6:.2f} million parameters. Measured and written by `{command}`.

{limits}## Trained

{trained}
"""


def trained_on(recipe: dict) -> str:
    """A sentence that gives the licences of the datasets, as their cards do."""
    licences = []
    for name in recipe["dataset"]:
        front = yaml.safe_load((dataset_folder(name) / "README.md").read_text().split("---")[1])
        licences.append(f"{Path(name).name} (licence: {front['license']})")
    return f"It was trained on {', '.join(licences)}."


def stages(recipe: dict, stem: str) -> list[tuple[str, dict]]:
    """What was run with which options, in order: heads were trained on a classifier that had its own."""
    if "recipes" in recipe:
        own = {key: value for key, value in recipe.items() if key != "recipes"}
        return [stage for member in recipe["recipes"].values() for stage in stages(member, "classifier")] + [
            (stem, own)
        ]
    if "teachers" in recipe:
        own = {key: value for key, value in recipe.items() if key != "teachers"}
        taught = [stage for stem, teacher in recipe["teachers"].items() for stage in stages(teacher, stem)]
        return [*taught, (stem, own)]
    if recipe.get("started_from"):
        own = {key: value for key, value in recipe.items() if key != "started_from"}
        return [*stages(recipe["started_from"], stem), (stem, own)]
    if "classifier" not in recipe:
        return [("form_autoencoder" if "form_dim" in recipe else stem, recipe)]
    heads = {key: value for key, value in recipe.items() if key != "classifier"}
    return [*([(stem, recipe["classifier"])] if recipe["classifier"] else []), ("multilabel", heads)]


def shown(recipe: dict) -> dict:
    """The options that a card names."""
    kept = {key: value for key, value in recipe.items() if key not in ("name", "log") and value is not None}
    return kept | ({"weights": Path(kept["weights"]).name} if "weights" in kept else {})


def _as_figure(figure) -> dict:
    return figure if isinstance(figure, dict) else {}


if __name__ == "__main__":
    main()
