"""The breeds of the mammal world: how a head is built, and how its coat is marked."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Build:
    """Form of a head. Lengths in units of an average skull's radius."""

    skull: tuple[float, float, float] = (1.0, 0.92, 0.95)  # half width, height and depth
    muzzle: tuple[float, float, float] = (0.5, 0.4, 0.34)  # length beyond the skull, half width, half height
    muzzle_drop: float = 0.32  # how far its middle lies below the head's
    cheeks: float = 0.2  # how full
    ears: str = "prick"  # or bat, folded, rose, drop, long, pompom
    ear: tuple[float, float] = (0.95, 0.42)  # length, half width
    ear_spread: float = 30.0  # degrees from upright
    eye: float = 0.23
    eye_apart: float = 0.42
    eye_height: float = 0.12
    eye_slant: float = -3.0  # degrees, outer corners up
    lid: float = 0.6  # how far down the upper lid comes: 1 none, 0 to the pupil's middle
    nose: float = 0.17
    fur: float = 0.3  # length
    ruff: float = 0.0  # how much fur stands off cheeks and neck


@dataclass(frozen=True)
class Coat:
    """Colours (sRGB, "#rrggbb") of a coat and of what lies on it, in this order. A marking without a colour is
    not there."""

    base: str
    chest: str | None = None
    ears: str | None = None
    inner_ear: str = "#d99a94"
    nose: str = "#2b2526"
    eyes: tuple[str, ...] = ("#5a3418", "#6d4420")
    markings: dict[str, tuple] = field(default_factory=dict)  # name of a marking -> colour, its numbers
    grain: float = 0.1  # how much hairs differ in brightness


@dataclass(frozen=True)
class Breed:
    """A breed of a species."""

    species: str
    build: Build
    coat: Coat


def _dog(build: dict, coat: dict) -> Breed:
    return Breed("dog", Build(**build), Coat(**coat))


def _cat(build: dict, coat: dict) -> Breed:
    shape = {
        "skull": (0.98, 0.86, 0.86),
        "muzzle": (0.12, 0.3, 0.24),
        "muzzle_drop": 0.36,
        "cheeks": 0.28,
        "ear": (0.86, 0.44),
        "eye": 0.26,
        "eye_apart": 0.41,
        "eye_height": 0.04,
        "eye_slant": 8.0,
        "lid": 0.62,
        "nose": 0.1,
    }
    return Breed("cat", Build(**(shape | build)), Coat(**({"nose": "#c97b78"} | coat)))


BLUE_EYES, GOLD_EYES, GREEN_EYES = ("#6fb7e8", "#4f9bd8"), ("#e0a52c", "#d88a20"), ("#a8c24a", "#7fae4a")

BREEDS: dict[str, Breed] = {
    "border_collie": _dog(
        {"muzzle": (0.58, 0.36, 0.3), "ears": "rose", "ear": (0.8, 0.4), "ear_spread": 42, "fur": 0.7, "ruff": 0.6},
        {
            "base": "#26252b",
            "chest": "#f2efe9",
            "markings": {"blaze": ("#f4f1ea", 0.2), "muzzle": ("#f4f1ea", -0.12)},
        },
    ),
    "corgi": _dog(
        {
            "muzzle": (0.5, 0.34, 0.28),
            "ear": (1.05, 0.46),
            "ear_spread": 32,
            "skull": (1.02, 0.88, 0.92),
            "cheeks": 0.3,
            "ruff": 0.3,
        },
        {
            "base": "#d9893e",
            "chest": "#faf5ea",
            "markings": {"blaze": ("#faf5ea", 0.13), "muzzle": ("#faf5ea", -0.2)},
        },
    ),
    "dachshund": _dog(
        {
            "skull": (0.86, 0.82, 0.95),
            "muzzle": (0.78, 0.28, 0.24),
            "ears": "long",
            "ear": (1.15, 0.4),
            "ear_spread": 14,
            "eye": 0.18,
            "cheeks": 0.05,
            "fur": 0.05,
        },
        {
            "base": "#4a2a1c",
            "chest": "#5a3422",
            "markings": {"muzzle": ("#c07a3c", -0.3), "brows": ("#c98442", 0.13)},
            "grain": 0.04,
        },
    ),
    "dalmatian": _dog(
        {"muzzle": (0.62, 0.4, 0.33), "ears": "drop", "ear": (0.85, 0.42), "ear_spread": 20, "fur": 0.05},
        {
            "base": "#f6f4f1",
            "chest": "#f6f4f1",
            "ears": "#2a2729",
            "markings": {"spots": ("#262325", 4.4, 0.64)},
            "grain": 0.03,
        },
    ),
    "french_bulldog": _dog(
        {
            "skull": (1.1, 0.92, 0.86),
            "muzzle": (0.16, 0.56, 0.4),
            "muzzle_drop": 0.36,
            "ears": "bat",
            "ear": (0.85, 0.4),
            "ear_spread": 26,
            "eye": 0.23,
            "eye_apart": 0.56,
            "cheeks": 0.4,
            "nose": 0.19,
            "fur": 0.05,
        },
        {
            "base": "#c9a27c",
            "chest": "#dcbf9d",
            "markings": {"mask": ("#3a2d2a", 0.62)},
            "grain": 0.04,
        },
    ),
    "golden_retriever": _dog(
        {
            "skull": (1.04, 0.94, 0.96),
            "muzzle": (0.56, 0.44, 0.36),
            "ears": "drop",
            "ear": (0.95, 0.44),
            "ear_spread": 18,
            "fur": 0.7,
            "ruff": 0.35,
        },
        {
            "base": "#e2b267",
            "chest": "#f0d199",
            "ears": "#cf9447",
            "markings": {"muzzle": ("#f0d199", -0.3)},
            "grain": 0.16,
        },
    ),
    "husky": _dog(
        {"muzzle": (0.52, 0.38, 0.3), "ear": (0.85, 0.36), "ear_spread": 22, "fur": 0.5, "ruff": 0.55, "eye_slant": 4},
        {
            "base": "#f1f1f2",
            "chest": "#f5f5f5",
            "ears": "#4c535d",
            "eyes": BLUE_EYES,
            "markings": {"cap": ("#4c535d", 0.36, 0.55)},
        },
    ),
    "poodle": _dog(
        {
            "skull": (0.86, 0.9, 0.9),
            "muzzle": (0.72, 0.26, 0.24),
            "ears": "pompom",
            "ear": (0.95, 0.46),
            "ear_spread": 16,
            "cheeks": 0.05,
            "fur": 1.0,
        },
        {
            "base": "#c58a63",
            "chest": "#cf9870",
            "markings": {},
            "grain": 0.3,
        },
    ),
    "burmese": _cat(
        {"skull": (1.0, 0.9, 0.86), "ear": (0.72, 0.4), "ear_spread": 34, "fur": 0.05},
        {
            "base": "#6b4632",
            "chest": "#7d5640",
            "ears": "#452c22",
            "inner_ear": "#8a6158",
            "nose": "#3a2622",
            "eyes": ("#f0c83c", "#e6b52e"),
            "markings": {"mask": ("#422a20", 0.72)},
            "grain": 0.04,
        },
    ),
    "chartreux": _cat(
        {"skull": (1.08, 0.9, 0.86), "cheeks": 0.5, "ear": (0.74, 0.4), "ear_spread": 28, "fur": 0.35},
        {
            "base": "#7c8797",
            "chest": "#8d98a8",
            "inner_ear": "#a08e98",
            "nose": "#4d5360",
            "eyes": ("#f08a24", "#e87a1c"),
            "markings": {},
            "grain": 0.08,
        },
    ),
    "norwegian_forest": _cat(
        {
            "skull": (0.96, 0.88, 0.88),
            "muzzle": (0.2, 0.3, 0.26),
            "ear": (0.95, 0.44),
            "ear_spread": 26,
            "fur": 0.9,
            "ruff": 1.0,
        },
        {
            "base": "#9a7a56",
            "chest": "#efe4d0",
            "eyes": GREEN_EYES,
            "markings": {"tabby": ("#3c2c20", 0.85, 2.6), "muzzle": ("#f3eadb", -0.26)},
            "grain": 0.16,
        },
    ),
    "ocicat": _cat(
        {"skull": (0.9, 0.86, 0.88), "muzzle": (0.2, 0.28, 0.24), "ear": (0.98, 0.46), "ear_spread": 32, "cheeks": 0.1},
        {
            "base": "#e0bf8c",
            "chest": "#ecd4aa",
            "eyes": GREEN_EYES,
            "markings": {"spots": ("#5c3820", 6.4, 0.6), "muzzle": ("#f5e6c8", -0.32)},
        },
    ),
    "scottish_fold": _cat(
        {
            "skull": (1.1, 0.92, 0.86),
            "cheeks": 0.5,
            "ears": "folded",
            "ear": (0.5, 0.42),
            "ear_spread": 36,
            "eye": 0.29,
        },
        {
            "base": "#c9cbd0",
            "chest": "#eceded",
            "eyes": GOLD_EYES,
            "markings": {"tabby": ("#5f636d", 0.75, 2.2), "muzzle": ("#f2f2f2", -0.3)},
        },
    ),
    "snowshoe": _cat(
        {"skull": (0.94, 0.88, 0.86), "ear": (0.95, 0.46), "ear_spread": 28},
        {
            "base": "#efe3d0",
            "chest": "#fbf7ef",
            "ears": "#5a4438",
            "eyes": BLUE_EYES,
            "markings": {"mask": ("#5f483b", 0.95), "blaze": ("#fbf7f0", 0.09), "muzzle": ("#fbf7f0", -0.28)},
            "grain": 0.05,
        },
    ),
    "toyger": _cat(
        {"skull": (0.96, 0.86, 0.88), "muzzle": (0.22, 0.36, 0.28), "ear": (0.62, 0.4), "ear_spread": 36},
        {
            "base": "#e8932f",
            "chest": "#f6dcae",
            "eyes": GREEN_EYES,
            "markings": {"tabby": ("#2e1a12", 1.0, 1.7), "muzzle": ("#fbeed2", -0.3), "brows": ("#fbeed2", 0.15)},
        },
    ),
    "turkish_van": _cat(
        {
            "skull": (0.98, 0.88, 0.88),
            "muzzle": (0.18, 0.3, 0.26),
            "ear": (0.9, 0.44),
            "ear_spread": 27,
            "fur": 0.6,
            "ruff": 0.5,
        },
        {
            "base": "#fbf8f2",
            "chest": "#fbf8f2",
            "ears": "#c8713a",
            "eyes": ("#6fb7e8", "#e0a52c"),
            "markings": {"cap": ("#c8713a", 0.42, -0.4)},
            "grain": 0.05,
        },
    ),
}
