"""Put classifiers with yes-or-no heads together, and set from where on each class is a yes.

    python training/train_ensemble.py --name judges --members judge-0-heads judge-1-heads --dataset clocks-crocodiles

Nothing is trained: the members are runs of `train_multilabel.py`. A class's threshold lets a small share of the other
classes' held-out pictures pass; pictures of neither do not count there, and as small a share of them does not get a yes
to "neither". Each dataset has thresholds of its own.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from loop import RUNS, last_checkpoint, save_checkpoint
from options import option, parse, run
from tables import NEITHER, read_dataset

from betwixt.classifier import ImageClassifier
from betwixt.ensemble import ClassifierEnsemble
from betwixt.images import BATCH, from_bytes


@dataclass
class Recipe:
    """What is put together."""

    name: str = option(help="the run is written to runs/NAME")
    members: list[str] = option(help="runs of train_multilabel.py")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; thresholds come from each test split")
    share: float = option(0.02, "of the other classes' held-out pictures may pass for a class", range=(0.0, 1.0))


def main() -> None:
    run(train_ensemble, parse(Recipe, {}, __doc__.splitlines()[0]))


def train_ensemble(recipe: Recipe) -> None:
    """Load the members, set the thresholds, save."""
    checkpoints = {name: last_checkpoint(RUNS / name) for name in recipe.members}
    if missing := [name for name, checkpoint in checkpoints.items() if checkpoint is None]:
        raise FileNotFoundError(f"no checkpoint in {', '.join(str(RUNS / name) for name in missing)}")
    trained = [ImageClassifier.from_pretrained(checkpoint / "model") for checkpoint in checkpoints.values()]
    model = ClassifierEnsemble(members=[member.config for member in trained])
    for own, member in zip(model.members, trained, strict=True):
        own.load_state_dict(member.state_dict())
    thresholds = {Path(name).name: thresholds_of(model.eval(), name, recipe.share) for name in recipe.dataset}
    finished = ClassifierEnsemble(members=model.config["members"], thresholds=thresholds)
    finished.load_state_dict(model.state_dict())
    recipes = {name: json.loads((folder / "recipe.json").read_text()) for name, folder in checkpoints.items()}
    begun = {**dataclasses.asdict(recipe), "recipes": recipes}
    print(save_checkpoint(RUNS / recipe.name, 1, begun, finished, thresholds))


def thresholds_of(model: ClassifierEnsemble, dataset: str, share: float) -> dict[str, float]:
    """Class -> what all but the share of the other classes' held-out pictures stay under, and those of neither over."""
    held_out = read_dataset(dataset, "test", model.image_size)
    if held_out.class_names != model.class_names:
        raise ValueError(f"{dataset} has the classes {held_out.class_names}, the members {model.class_names}")
    yes = torch.cat([model.multilabel_probabilities(from_bytes(pixels)) for pixels in held_out.pixels.split(BATCH)])
    known = [name for name in model.class_names if name != NEITHER]
    thresholds = {}
    for name in known:
        others = torch.tensor([model.class_names.index(other) for other in known if other != name])
        of_others = yes[torch.isin(held_out.labels, others), model.class_names.index(name)]
        thresholds[name] = float(of_others.quantile(1 - share))
    if NEITHER in model.class_names:
        index = model.class_names.index(NEITHER)
        thresholds[NEITHER] = float(yes[held_out.labels == index, index].quantile(share))
    return thresholds


if __name__ == "__main__":
    main()
