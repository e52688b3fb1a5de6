"""Numbers that visitors give, and what went wrong in words."""

import math
from typing import Any

from words import fault


def whole(value: Any, name: str) -> int:
    """A number box gives 7.0 for 7. Raises ValueError: it is no whole number."""
    if not is_number(value) or value != int(value):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    return int(value)


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def in_range(name: str, value: Any, least: float, most: float) -> None:
    """Raises ValueError: it is no number from `least` to `most`."""
    if not is_number(value) or not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, not {value!r}")


def said(error: Exception) -> str:
    """What went wrong, as HTML in both languages."""
    return fault(sentence(error))


def sentence(error: Exception) -> str:
    """An error's words as a sentence."""
    words = line(error)
    return f"{words[:1].upper()}{words[1:]}"


def line(error: Exception) -> str:
    """The same, beginning as the library has it: an argument's name is in small letters."""
    return f"{str(getattr(error, 'message', error)).rstrip('.')}."
