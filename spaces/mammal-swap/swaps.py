"""The swappers: the breed of one picture and the pose of another, what judges say of pictures, and grids of many."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from networks import POSE, SWAPPERS, is_there, load, opinion, told_in_a_line
from PIL import Image

from betwixt.directions import Direction, read_directions
from betwixt.hub import locate
from betwixt.images import to_images, to_tensor
from betwixt.layers import clipped
from betwixt.once import once

ANGLES = ("yaw", "pitch", "tilt")


@dataclass(frozen=True)
class Verdict:
    """What judges say of a picture: its breed and how sure that is, and its pose in degrees, in the order of ANGLES."""

    breed: str
    share: float
    pose: tuple[float, float, float] | None  # None where no judge of poses is published


@dataclass(frozen=True)
class Looked:
    """A picture, and what is said of it."""

    picture: Image.Image
    verdict: Verdict


@dataclass(frozen=True)
class Swap:
    """The pictures of the identity and of the attributes, what is drawn of them, and which of these two are strange to
    the network."""

    identity: Looked
    attributes: Looked
    drawn: Looked
    strange: tuple[bool, bool]


@once
def turns(name: str) -> dict[str, Direction]:
    """Angle -> the direction that turns a head by it, where the swapper's generator has such. Raises as `load`."""
    generator = SWAPPERS[name]
    if not is_there(generator):
        return {}
    with told_in_a_line("network"):
        directions = read_directions(locate(generator, "model"), load(name).generator)
    found: dict[str, Direction] = {}
    for one in directions:
        most = max(one.changes, key=lambda factor: abs(one.changes[factor]), default=None)
        if one.names and most in ANGLES:
            found.setdefault(most, one)
    return {angle: found[angle] for angle in ANGLES if angle in found}


@torch.inference_mode()
def draw(
    name: str,
    identity_images: Sequence[Image.Image],
    attribute_images: Sequence[Image.Image],
    amounts: Sequence[float] = (),
) -> list[Image.Image]:
    """The swaps of pairs, turned further by `amounts` of `turns`, in deviations. Raises as `load`."""
    model = load(name)
    w = model.encode(identity_images, attribute_images)
    for direction, amount in zip(turns(name).values(), amounts, strict=False):
        w = direction.moved(w, amount)
    return to_images(clipped(model.generator.synthesis(w)))


def swap(name: str, identity: Looked, attributes: Looked, amounts: Sequence[float] = ()) -> Swap:
    """One swap, judged. Raises as `load`."""
    pictures = identity.picture, attributes.picture
    (drawn,) = draw(name, *([picture] for picture in pictures), amounts)
    model = load(name)
    strange = model.strangeness(to_tensor(pictures, model.image_size)) > model.familiar
    return Swap(identity, attributes, look(drawn), tuple(strange.tolist()))


def look(picture: Image.Image) -> Looked:
    """A picture and what the judges say of it. Raises as `load`."""
    breed, share = opinion(picture)[0]
    pose = tuple(load(POSE).predict([picture])[0, : len(ANGLES)].tolist()) if is_there(POSE) else None
    return Looked(picture, Verdict(breed, share, pose))
