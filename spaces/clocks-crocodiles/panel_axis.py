"""Where pictures lie between two classes, as a histogram; and how kinds of pictures are called and coloured."""

from collections import Counter
from html import escape
from statistics import median

from finder import BLEND, Ranking, Row

NUM_BINS = 48
KINDS = {"clock": "Clocks", "crocodile": "Crocodiles", BLEND: "Blends", "neither": "Other things"}


def axis(ranking: Ranking, row: Row) -> str:
    """A histogram of the positions between the classes; the picked picture is pinned to it."""
    classes = ranking.search.classes
    groups: dict[str, list[float]] = {}
    for other in ranking.rows:
        groups.setdefault(other.picture.kind, []).append(other.position)
    compared = {}
    if not set(groups) & set(classes):  # of the visitor's pictures nothing is known: show what they are compared with
        for picture, position in zip(ranking.references, ranking.reference_positions, strict=True):
            compared.setdefault(picture.kind, []).append(position)
    every = sorted(value for values in [*groups.values(), *compared.values()] for value in values)
    cut = len(every) // 100  # the farthest hundredth is drawn at the edge
    low, high = min(-0.2, every[cut]), max(1.2, every[-1 - cut])
    low, high = min(low, row.position), max(high, row.position)

    def percent_of(value: float) -> str:
        return f"{100 * min(max((value - low) / (high - low), 0), 1):.2f}%"

    order = {classes[0]: 0, classes[1]: 1, BLEND: 2}
    bars = _bars(compared, low, high, classes, order, " faint") + _bars(groups, low, high, classes, order, "")
    first, second = (name.replace("_", " ") for name in classes)
    every_group = sorted([*compared.items(), *groups.items()], key=lambda group: order.get(group[0], 3))
    middles = "; ".join(
        f"{len(values)} {label_of(k).lower()}, half below {median(values):.2f}" for k, values in every_group
    )
    spoken = f"Histogram from {first} at 0 to {second} at 1: {middles}. The picked picture lies at {row.position:.2f}."
    legend = "".join(f'<span><i class="dot {tone_of(k, classes)}"></i>{escape(label_of(k))}</span>' for k in compared)
    legend += f'<span><i class="dot"></i>{label_of("")}</span>' if compared else ""
    return (
        f'<figure class="axis"><div class="pin" aria-hidden="true" style="left:{percent_of(row.position)}">'
        f'<img src="{row.picture.thumbnail}" alt=""></div>'
        f'<svg viewBox="0 0 {NUM_BINS} 100" preserveAspectRatio="none" role="img" aria-label="{escape(spoken)}">'
        f'{bars}</svg><div class="ends" aria-hidden="true">'
        f'<span class="first" style="left:{percent_of(0)}">{escape(first)}</span>'
        f'<span style="left:{percent_of(0.5)}">halfway</span>'
        f'<span class="second" style="left:{percent_of(1)}">{escape(second)}</span></div>'
        f"{f'<figcaption>{legend}</figcaption>' if legend else ''}</figure>"
    )


def _bars(
    groups: dict[str, list[float]], low: float, high: float, classes: tuple[str, str], order: dict[str, int], state: str
) -> str:
    """Columns on top of each other, the highest as high as the picture."""
    counts = {
        kind: Counter(min(max(int((v - low) / (high - low) * NUM_BINS), 0), NUM_BINS - 1) for v in values)
        for kind, values in sorted(groups.items(), key=lambda item: order.get(item[0], 3))
    }
    tallest = max((sum(count[i] for count in counts.values()) for i in range(NUM_BINS)), default=0)
    drawn, floor = "", [100.0] * NUM_BINS
    for kind, count in counts.items():
        for i, number in sorted(count.items()):
            height = 100 * number / tallest
            floor[i] -= height
            tone = tone_of(kind, classes)
            drawn += f'<rect class="{tone}{state}" x="{i}.06" y="{floor[i]:.2f}" width="0.88" height="{height:.2f}"/>'
    return drawn


def tone_of(kind: str, classes: tuple[str, str]) -> str:
    tones = {classes[0]: "first", classes[1]: "second", BLEND: "blend", "": ""}
    return tones.get(kind, "other")


def label_of(kind: str) -> str:
    return KINDS.get(kind, kind.replace("_", " ")) if kind else "Your pictures"
