"""What a number of rendered pictures show: the part that every world shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

AnyFactors = TypeVar("AnyFactors", bound="Factors")


@dataclass(frozen=True)
class Factors:
    """What a number of pictures show, one flat dict each. Index with a number, a slice or a list of
    numbers."""

    rows: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self: AnyFactors, index: int | slice | Iterable[int]) -> AnyFactors:
        if isinstance(index, slice):
            return type(self)(self.rows[index])
        index = [index] if isinstance(index, int) else index
        return type(self)(tuple(self.rows[int(i)] for i in index))

    def __add__(self: AnyFactors, other: AnyFactors) -> AnyFactors:
        return type(self)(self.rows + other.rows)

    def records(self) -> list[dict[str, Any]]:
        """Flat rows of plain types with the same keys in each, for a table."""
        return [dict(row) for row in self.rows]
