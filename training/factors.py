"""What can be said of a picture of a head without anyone's labels: by networks that know, and by its pixels."""

import math
from collections.abc import Callable, Sequence

import torch
from loop import folder_of
from PIL import Image
from worlds.breeds import BREEDS

import betwixt
from betwixt import ImageClassifier, PoseRegressor
from betwixt.breeds import species_of
from betwixt.hub import read_json
from betwixt.images import to_tensor

Values = dict[str, torch.Tensor]  # factor -> of each picture (B,)
Judge = Callable[[Sequence[Image.Image]], Values]
SIDE = 32  # at which pixels are looked at
HEAD, SURROUNDINGS = 0.5, 0.9  # in half sides: within the one from the middle is coat, beyond the other none
UPRIGHT = ("prick", "bat")  # ears
SUREST = 4.0  # log odds: how sure a network is beyond these says nothing more
KNOWN = 0.5  # share of the probability that breeds must have before their builds are asked about


def judges_of(names: Sequence[str]) -> list[Judge]:
    """The networks of these names, runs or folders, each with what it can say; the pixels come last."""
    return [*map(judge_of, names), pixels]


def judge_of(name: str) -> Judge:
    """A classifier of breeds says species, ears and fur, a network of poses its four numbers.

    Raises:
        HubError: it cannot be loaded.
        ValueError: it is a network of something else.
    """
    folder = folder_of(name)
    model_class = read_json(folder / "config.json").get("model_class", "")
    kind = getattr(betwixt, model_class) if model_class in betwixt.__all__ else None
    if kind is ImageClassifier:
        return breeds_by(kind.from_pretrained(folder))
    if kind is not PoseRegressor:
        raise ValueError(f"--judges must be classifiers of breeds or networks of poses, not {name}: {model_class}")
    return poses_by(kind.from_pretrained(folder))


def breeds_by(model: ImageClassifier) -> Judge:
    """Species as log odds; ears and fur as those of the breeds that are likely, where rendered ones are."""
    kinds = [species_of(name) for name in model.class_names]
    dogs, cats = (torch.tensor([kind == wanted for kind in kinds]).float() for wanted in ("dog", "cat"))
    built = torch.tensor([name in BREEDS for name in model.class_names]).float()
    builds = [BREEDS[name].build if name in BREEDS else None for name in model.class_names]
    upright = torch.tensor([float(build is not None and build.ears in UPRIGHT) for build in builds])
    fur = torch.tensor([build.fur if build else 0.0 for build in builds])

    def judge(pictures: Sequence[Image.Image]) -> Values:
        shares = model.predict(list(pictures))
        odds = (shares @ dogs).clamp_min(1e-6).log() - (shares @ cats).clamp_min(1e-6).log()
        found = {"dog": odds.clamp(-SUREST, SUREST)}
        known = shares @ built
        if known.mean() > KNOWN:
            found |= {"ears": shares @ upright / known, "fur": shares @ fur / known}
        return found

    return judge


def poses_by(model: PoseRegressor) -> Judge:
    """The angles in degrees, and how far the mouth is open."""
    return lambda pictures: dict(zip(model.FACTORS, model.predict(list(pictures)).T, strict=True))


def pixels(pictures: Sequence[Image.Image]) -> Values:
    """How light and how red the middle is, where the coat is, and what is around and above the head."""
    x = to_tensor(pictures, SIDE)
    coat, around = regions(SIDE)
    light = x.mean(1)
    red = x[:, 0] - x[:, 2]
    return {
        f"{part}_{name}": values[:, mask].mean(1)
        for part, mask in (("coat", coat), ("background", around))
        for name, values in (("lightness", light), ("redness", red))
    }


def regions(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(side, side) each: where the middle of a head is, and where above and around it its background."""
    places = torch.linspace(-1, 1, side)
    radius = (places[:, None].square() + places.square()).sqrt()
    return radius < HEAD, (radius > SURROUNDINGS) & (places[:, None] < 0)


def judged(judges: Sequence[Judge], pictures: Sequence[Image.Image]) -> Values:
    """All that the judges say of the pictures. A factor that is no number of any picture is left out."""
    found = {name: values for judge in judges for name, values in judge(pictures).items()}
    return {name: values.double() for name, values in found.items() if math.isfinite(float(values.sum()))}
