"""What stands beside what is measured: figures that are called after it, and pictures of the same side."""

from collections.abc import Mapping
from typing import Protocol


class Draws(Protocol):
    """A network that draws pictures of one side, in pixels."""

    @property
    def image_size(self) -> int: ...


def beside(figures: dict, name: str) -> dict:
    """The figures as they are called where they are those of something else."""
    return {f"{figure} ({name})": value for figure, value in figures.items()}


def check_sides(name: str, own: Draws, others: Mapping[str, Draws]) -> None:
    """Raises ValueError: one of the others draws pictures of another side."""
    for other, model in others.items():
        if model.image_size != own.image_size:
            raise ValueError(
                f"--beside {other} draws pictures of {model.image_size} pixels, {name} of {own.image_size}"
            )
