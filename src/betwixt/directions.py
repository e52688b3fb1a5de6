"""Directions in the styles w of a StyleGAN2: along which its pictures differ most, and along which one thing changes.

Principal directions as Harkonen et al. 2020, "GANSpace"; those of the weights as Shen and Zhou 2021, "Closed-Form
Factorization of Latent Semantics in GANs" (SeFa); those of a factor by ridge regression on w.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from betwixt.hub import HubError, read_json
from betwixt.stylegan2 import StyleGAN2Generator

DIRECTIONS_FILE = "directions.json"  # beside a published generator's weights
DIGITS = 5  # of the numbers in it
REACH = 3.0  # deviations


@dataclass(frozen=True)
class Direction:
    """A way in which pictures can be changed.

    Args:
        vector: (w_dim,), of length 1.
        deviation: how far in w an amount of 1 moves: a deviation of what the direction is of.
        layers: of the styles of all layers, those from the first number on and before the second are moved.
        names: language ("en", "fr") -> what it changes; none where nothing is clear.
        changes: factor -> by how much an amount of 1 changes it, in its deviations, as it was measured.
        reach: the largest amount worth asking for, and the smallest is minus that.
    """

    vector: torch.Tensor
    deviation: float
    layers: tuple[int, int]
    names: dict[str, str] = field(default_factory=dict)
    changes: dict[str, float] = field(default_factory=dict)
    reach: float = REACH

    def moved(self, w: torch.Tensor, amount: float) -> torch.Tensor:
        """w (B, num_ws, w_dim) by `amount` deviations."""
        return move(w, self.vector, amount * self.deviation, self.layers)


def move(
    w: torch.Tensor, direction: torch.Tensor, amount: float, layers: tuple[int, int] | None = None
) -> torch.Tensor:
    """w (B, w_dim) or (B, num_ws, w_dim), by `amount` along a direction (w_dim,), of some layers or of all.

    Raises:
        ValueError: a direction of another length, or layers of a w that has none of its own.
    """
    if direction.shape != w.shape[-1:]:
        raise ValueError(f"a direction of shape {tuple(direction.shape)} does not suit w of shape {tuple(w.shape)}")
    step = amount * direction.to(w)
    if layers is None:
        return w + step
    if w.ndim != 3:
        raise ValueError(f"layers can be moved where w is (B, num_ws, w_dim), not {tuple(w.shape)}")
    moved = w.clone()
    moved[:, layers[0] : layers[1]] += step
    return moved


@torch.no_grad()
def styles_of(generator: StyleGAN2Generator, count: int, seed: int = 0) -> torch.Tensor:
    """w (count, w_dim) of random z, of each class in turn where there are classes."""
    device = generator.mapping.w_avg.device
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed)).to(device)
    c = torch.eye(generator.c_dim, device=device)[torch.arange(count) % generator.c_dim] if generator.c_dim else None
    return generator.mapping(z, c)[:, 0]


def principal(w: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The directions in which w (N, w_dim) varies most.

    Returns:
        directions (count, w_dim), of length 1 and at right angles, and the deviations of w along them (count,), the
        largest first.

    Raises:
        ValueError: more directions than numbers in w, or fewer than two w.
    """
    if not 1 <= count <= w.shape[1] or len(w) < 2:
        raise ValueError(f"w of shape {tuple(w.shape)} has no {count} principal directions")
    values, vectors = torch.linalg.eigh(torch.cov(w.double().T))
    deviations = values.flip(0)[:count].clamp_min(0).sqrt()
    return _signed(vectors.T.flip(0)[:count]).to(w), deviations.to(w)


def factorised(
    generator: StyleGAN2Generator, count: int, layers: tuple[int, int] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """SeFa: the directions in w that change the styles of the layers most, as their weights A alone tell.

    Args:
        layers: only the styles from the first number on and before the second; default: all.

    Returns:
        The first eigenvectors of A^T A (count, w_dim), of length 1, and the roots of their eigenvalues (count,): by how
        much a step of length 1 changes the styles.

    Raises:
        ValueError: no such layers, or more directions than there can be.
    """
    first, last = layers or (0, generator.num_ws)
    weights = [weight for number, weight in _style_weights(generator) if first <= number < last]
    if not weights or not 1 <= count <= generator.w_dim:
        raise ValueError(f"layers {first} to {last} of {generator.num_ws} have no {count} directions")
    a = torch.cat(weights).double() / math.sqrt(generator.w_dim)
    values, vectors = torch.linalg.eigh(a.T @ a)
    strengths = values.flip(0)[:count].clamp_min(0).sqrt()
    return _signed(vectors.T.flip(0)[:count]).float(), strengths.float()


def _style_weights(generator: StyleGAN2Generator) -> list[tuple[int, torch.Tensor]]:
    """Of each layer which of the styles it has, and the weights (C, w_dim) that turn w into it."""
    found = []
    for number, side in enumerate(generator.synthesis.sides):
        block = getattr(generator.synthesis, f"b{side}")
        for style, name in enumerate(("conv0", "conv1", "torgb"), 2 * number - 1):
            if hasattr(block, name):
                found.append((style, getattr(block, name).affine.weight.detach()))
    return found


def _signed(vectors: torch.Tensor) -> torch.Tensor:
    """Eigenvectors have no sign of their own: the largest number of each is made positive."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()


# Directions of factors


def ridge(w: torch.Tensor, values: torch.Tensor, strength: float = 0.01) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear regression of values (N, F) on w (N, w_dim), with a penalty of `strength` times the mean variance of w.

    Returns:
        weights (F, w_dim) and biases (F,): w @ weights.T + biases is near the values.
    """
    w, values = w.double(), values.double()
    centred = w - w.mean(0)
    gram = centred.T @ centred / len(w)
    gram += strength * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=w.device)
    weights = torch.linalg.solve(gram, centred.T @ (values - values.mean(0)) / len(w)).T
    return weights, values.mean(0) - weights @ w.mean(0)


def r_squared(values: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """(N, F) each -> (F,) the share of the variance that is predicted: 1 all of it, 0 no more than by the mean."""
    error = (values - predicted).square().sum(0)
    return 1 - error / (values - values.mean(0)).square().sum(0).clamp_min(1e-12)


def carriers(w: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """How w changes, on average, where one factor is predicted to be more by 1 and all others to be the same.

    The likeliest such change if w (N, w_dim) is about Gaussian. The weights (F, w_dim) themselves would change the
    prediction by the shortest step, which may lead away from all w that there are.

    Returns:
        (F, w_dim)
    """
    covariance = torch.cov(w.double().T)
    along = weights.double() @ covariance
    return torch.linalg.pinv(along @ weights.double().T) @ along  # two factors may be one


def unexplained(w: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """w (N, w_dim) less what goes with the factors that the weights (F, w_dim) predict."""
    centred = (w - w.mean(0)).double()
    return (centred - centred @ weights.double().T @ carriers(w, weights)).to(w)


# The file beside a generator


def save_directions(directions: Sequence[Direction], folder: str | os.PathLike) -> None:
    """Write `directions.json` into a generator's folder."""
    rows = [
        {
            "names": one.names,
            "layers": [*one.layers],
            "reach": round(one.reach, 2),
            "deviation": round(one.deviation, DIGITS),
            "changes": {factor: round(change, 3) for factor, change in one.changes.items()},
            "vector": [round(number, DIGITS) for number in one.vector.tolist()],
        }
        for one in directions
    ]
    text = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    (Path(folder) / DIRECTIONS_FILE).write_text(f'{{"directions": [\n{text}\n]}}\n', encoding="utf-8")


def read_directions(folder: str | os.PathLike, generator: StyleGAN2Generator) -> list[Direction]:
    """The directions of a generator's folder, the named ones first; none where it has no such file.

    Raises:
        HubError: the file is damaged, or is of another generator; names the file and the field.
    """
    path = Path(folder) / DIRECTIONS_FILE
    if not path.is_file():
        return []
    rows = read_json(path).get("directions")
    if not isinstance(rows, list):
        raise HubError(f"{path}: has no list of directions")
    found = [_read(row, generator, f"{path}: direction {number}") for number, row in enumerate(rows)]
    return sorted(found, key=lambda one: not one.names)


def _read(row: dict, generator: StyleGAN2Generator, what: str) -> Direction:
    if not isinstance(row, dict):
        raise HubError(f"{what} must have fields")
    vector, layers = row.get("vector"), row.get("layers")
    if not _numbers(vector, generator.w_dim):
        raise HubError(f"{what}: vector must be {generator.w_dim} numbers, as many as the generator's w_dim")
    inside = _numbers(layers, 2) and all(type(number) is int for number in layers)
    if not inside or not 0 <= layers[0] < layers[1] <= generator.num_ws:
        raise HubError(f"{what}: layers must be a first and a last of {generator.num_ws}, not {layers}")
    for key in ("deviation", "reach"):
        if not _numbers([row.get(key)], 1) or row[key] <= 0:
            raise HubError(f"{what}: {key} must be a number over 0, not {row.get(key)}")
    names, changes = row.get("names", {}), row.get("changes", {})
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise HubError(f"{what}: names must be texts, by language")
    if not isinstance(changes, dict) or not _numbers([*changes.values()], len(changes)):
        raise HubError(f"{what}: changes must be numbers, by factor")
    length = torch.tensor(vector).norm().clamp_min(1e-12)
    vector = torch.tensor(vector) / length  # rounding has made it a little longer or shorter
    return Direction(vector, float(row["deviation"]), tuple(layers), names, changes, float(row["reach"]))


def _numbers(values: object, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    )
