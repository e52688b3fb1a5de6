"""Figures with their bounds, as the tables show them."""


def bounds(figure: dict) -> str:
    """`0.512 (0.471 to 0.560)`."""
    return f"{figure['value']:.3f}" + (f" ({figure['low']:.3f} to {figure['high']:.3f})" if "low" in figure else "")


def interval(figure: dict) -> str:
    """`97.1 % (95.8 to 98.2)`."""
    if "low" not in figure:
        return f"{figure['value']:.3f}"
    low, high = (f"{figure[key] * 100:.1f}" for key in ("low", "high"))
    return f"{figure['value'] * 100:.1f} % ({low} to {high})"
