"""The landmarks: for each structure a builder, the proportions and colours of its places, and the land that
they stand in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from worlds import antiquity, bridges, buildings, monuments, towers
from worlds.landmark_paint import CHECKED, SPIRAL
from worlds.sdf import Part


@dataclass(frozen=True)
class Structure:
    """One kind of landmark: `places` are the arguments of its individuals."""

    build: Callable[..., list[Part]]
    places: tuple[dict[str, Any], ...]
    setting: dict[str, Any] = field(default_factory=dict)
    tree: float = 0.3  # height of a tree beside it, in world units: small beside what is large

    @property
    def family(self) -> str:
        """Antiquity, bridges, buildings, monuments or towers."""
        return self.build.__module__.rpartition(".")[2]


def _bridge(**more: Any) -> dict[str, Any]:
    return {"water": "river", "width": 1.9, "horizon": "hills", **more}


STRUCTURES: dict[str, Structure] = {
    "lattice_tower": Structure(
        towers.lattice_tower,
        (
            {"color": "#8a6244", "width": 0.62, "waist": 0.2, "head": "gallery"},
            {"color": "#d8503a", "width": 0.5, "waist": 0.26, "head": "cabin"},
            {"color": "#9aa4ad", "width": 0.72, "waist": 0.15, "head": "bare", "bands": "#c8453a"},
            {"color": "#c9a14a", "width": 0.56, "waist": 0.3, "head": "ball"},
        ),
        {"horizon": "city", "plaza": 0.75},
        tree=0.16,
    ),
    "stepped_pyramid": Structure(
        antiquity.stepped_pyramid,
        (
            {"color": "#c9b58e", "tiers": 9, "width": 1.0, "height": 0.95, "head": "temple", "stairs": 4},
            {"color": "#b9824f", "tiers": 3, "width": 1.15, "height": 0.9, "head": "bare", "stairs": 1, "top": 0.62},
            {"color": "#a9a797", "tiers": 7, "width": 0.8, "height": 1.5, "head": "comb", "stairs": 2, "top": 0.32},
            {"color": "#d8bf8a", "tiers": 5, "width": 1.1, "height": 0.8, "head": "hut", "stairs": 2, "top": 0.5},
        ),
        {"ground": "heath", "horizon": "hills"},
        tree=0.26,
    ),
    "pyramid": Structure(
        antiquity.pyramid,
        (
            {"color": "#d6b77c", "width": 1.0, "height": 1.25, "kind": "capped"},
            {"color": "#cf9f6a", "width": 1.0, "height": 1.05, "kind": "bent"},
            {"color": "#b58a5e", "width": 0.52, "height": 1.35, "kind": "portal"},
            {"color": "#e0c48c", "width": 0.95, "height": 0.95, "kind": "family"},
        ),
        {"ground": "sand"},
        tree=0.14,
    ),
    "domed_mosque": Structure(
        buildings.domed_mosque,
        (
            {"color": "#f2ede2", "roof": "#efe9dc", "minarets": 4, "kind": "onion"},
            {"color": "#c9bfae", "roof": "#7f8f98", "minarets": 6, "kind": "stacked", "slender": 0.055},
            {"color": "#dcd2bc", "roof": "#e4b43c", "minarets": 1, "kind": "gold", "slender": 0.1},
            {"color": "#e3c9a0", "roof": "#4f9a94", "minarets": 2, "kind": "many", "slender": 0.085},
        ),
        {"plaza": 1.15, "ground": "grass"},
        tree=0.22,
    ),
    "leaning_tower": Structure(
        towers.leaning_tower,
        (
            {"color": "#efe8da", "storeys": 7, "lean": 6.0, "radius": 0.36, "top": "belfry"},
            {"color": "#c98a66", "storeys": 5, "lean": -8.0, "radius": 0.34, "top": "cone", "arches": 8},
            {"color": "#d9c79a", "storeys": 4, "lean": 11.0, "radius": 0.5, "top": "flat", "arches": 12},
            {"color": "#c3c9cc", "storeys": 9, "lean": -5.0, "radius": 0.3, "top": "dome"},
        ),
        {"plaza": 0.6, "horizon": "hills"},
        tree=0.3,
    ),
    "suspension_bridge": Structure(
        bridges.suspension_bridge,
        (
            {"color": "#c8472e", "kind": "portal", "reach": 1.7, "tall": 1.3},
            {"color": "#b5a081", "kind": "stone", "reach": 1.5, "tall": 1.15},
            {"color": "#e3e8ea", "kind": "slim", "reach": 1.9, "tall": 1.45, "towers": 3},
            {"color": "#4f8a7c", "kind": "lattice", "reach": 1.35, "tall": 1.05, "deck": 0.34},
        ),
        _bridge(width=1.6),
        tree=0.14,
    ),
    "arch_bridge": Structure(
        bridges.arch_bridge,
        (
            {"color": "#b8a88c", "kind": "stone", "arches": 5, "reach": 1.4, "rise": 0.4},
            {"color": "#c9a46c", "kind": "houses", "arches": 3, "reach": 1.3, "rise": 0.42},
            {"color": "#6f8494", "kind": "steel", "arches": 1, "reach": 1.5, "rise": 0.85},
            {"color": "#c4c2b6", "kind": "moon", "arches": 1, "reach": 1.1, "rise": 0.8},
        ),
        _bridge(width=1.75),
        tree=0.22,
    ),
    "windmill": Structure(
        towers.windmill,
        (
            {"color": "#6f5a48", "roof": "#4a3c34", "shape": "smock", "sails": 4, "turn": 20.0, "width": 0.42},
            {"color": "#f2efe6", "roof": "#8a6a48", "shape": "round", "sails": 6, "turn": 10.0},
            {"color": "#4f7a5c", "roof": "#a5503c", "shape": "post", "sails": 4, "turn": 45.0},
            {"color": "#b8623f", "roof": "#e9e6de", "shape": "brick", "sails": 5, "turn": 0.0, "width": 0.34},
        ),
        {"ground": "grass", "horizon": "plain"},
        tree=0.5,
    ),
    "lighthouse": Structure(
        towers.lighthouse,
        (
            {"color": "#f4f1ea", "second": "#d23c34", "pattern": "bands", "height": 1.7, "foot": 0.26, "head": 0.15},
            {"color": "#f4f1ea", "second": "#26303c", "pattern": "spiral", "height": 2.1, "foot": 0.2, "head": 0.13},
            {"color": "#f0e8d4", "second": "#2f6f8f", "pattern": "checks", "height": 1.3, "foot": 0.34, "head": 0.24},
            {
                "color": "#e0b848",
                "second": "#a33a2c",
                "pattern": "square",
                "height": 1.25,
                "foot": 0.24,
                "head": 0.17,
                "house": True,
            },
        ),
        {"ground": "heath", "water": "shore", "level": -0.7},
        tree=0.36,
    ),
    "atom": Structure(
        monuments.atom,
        (
            {"color": "#ccd6dd", "kind": "cube", "radius": 0.24},
            {"color": "#d8b25c", "kind": "tetra", "radius": 0.32, "tube": 0.09},
            {"color": "#c87a5a", "kind": "ring", "radius": 0.25},
            {"color": "#86b0c4", "kind": "column", "radius": 0.23, "tube": 0.05},
        ),
        {"plaza": 0.9, "horizon": "city"},
        tree=0.24,
    ),
    "opera": Structure(
        buildings.opera,
        (
            {
                "color": "#f6f2e8",
                "shells": ((0.35, 0.3, 0, 1.0), (-0.2, 0.3, 0, 0.78), (0.3, -0.32, 0, 0.85), (-0.25, -0.32, 0, 0.62)),
            },
            {
                "color": "#e8dcc0",
                "shells": ((0.45, 0.0, 0, 1.1), (-0.45, 0.0, 180, 1.1), (0.0, 0.45, -90, 0.6)),
                "base": "#a58a78",
            },
            {
                "color": "#dfe7ea",
                "shells": ((0.55, 0.1, 0, 1.15), (0.1, 0.1, 0, 0.95), (-0.3, 0.1, 0, 0.75), (-0.62, 0.1, 0, 0.55)),
                "base": "#8f979c",
            },
            {
                "color": "#f4d9c8",
                "shells": tuple(
                    (0.42 * np.cos(a), -0.42 * np.sin(a), np.degrees(a), 0.85) for a in np.arange(5) * 1.2566
                ),
                "base": "#b58f80",
            },
        ),
        {"ground": "paving", "water": "shore", "level": -0.85, "horizon": "hills"},
        tree=0.2,
    ),
    "obelisk": Structure(
        towers.obelisk,
        (
            {"color": "#c9a08a", "width": 0.19, "taper": 0.62, "base": "steps"},
            {"color": "#e8e6e0", "width": 0.24, "taper": 0.72, "base": "lions", "tip": "#d8d8d4"},
            {"color": "#b9a888", "width": 0.15, "taper": 0.7, "base": "fountain"},
            {"color": "#8f6f62", "width": 0.22, "taper": 0.55, "base": "columns", "tip": "#8f6f62"},
        ),
        {"ground": "paving", "plaza": 1.1, "horizon": "city"},
        tree=0.36,
    ),
    "arena": Structure(
        antiquity.arena,
        (
            {"color": "#d9c096", "tiers": 4, "radius": 1.1, "height": 0.95, "broken": True, "arches": 24},
            {"color": "#c9a27c", "tiers": 2, "radius": 1.1, "height": 0.52, "arches": 20},
            {"color": "#d8d2c4", "tiers": 3, "radius": 1.0, "height": 0.95, "arches": 14},
            {"color": "#b98a64", "tiers": 3, "radius": 1.15, "height": 0.62, "broken": True, "arches": 30},
        ),
        {"plaza": 1.3, "horizon": "city"},
        tree=0.2,
    ),
    "pagoda": Structure(
        towers.pagoda,
        (
            {"color": "#b5352c", "roof": "#4a5560", "storeys": 5, "width": 0.5, "shrink": 0.86},
            {"color": "#e9e2d2", "roof": "#5f7f62", "storeys": 3, "width": 0.6, "shrink": 0.8, "height": 0.4},
            {"color": "#c9a070", "roof": "#7a4a38", "storeys": 7, "width": 0.46, "shrink": 0.9, "plan": "round"},
            {"color": "#7a5a44", "roof": "#8c949c", "storeys": 9, "width": 0.42, "shrink": 0.93, "height": 0.22},
        ),
        {"horizon": "mountains", "rise": 0.13},
        tree=0.36,
    ),
    "castle": Structure(
        buildings.castle,
        (
            {"color": "#b8ab98", "roof": "#5a6c84", "kind": "round"},
            {"color": "#c9a97a", "roof": "#8a5a40", "kind": "square"},
            {"color": "#ece8e0", "roof": "#3f6a9a", "kind": "fairy", "width": 0.62},
            {"color": "#9c978c", "roof": "#a5503c", "kind": "shell"},
        ),
        {"horizon": "mountains", "rise": 0.1},
        tree=0.24,
    ),
    "stone_circle": Structure(
        antiquity.stone_circle,
        (
            {"color": "#a8a69a", "kind": "ring", "count": 12, "radius": 1.0, "height": 0.62},
            {"color": "#b3a48c", "kind": "ruin", "count": 12, "radius": 0.95, "height": 0.6},
            {"color": "#8f948f", "kind": "menhirs", "count": 9, "radius": 0.9, "height": 0.7},
            {"color": "#b0aaa4", "kind": "shoe", "count": 9, "radius": 1.05, "height": 0.45},
        ),
        {"ground": "heath", "horizon": "hills"},
        tree=0.42,
    ),
    "stepped_skyscraper": Structure(
        towers.stepped_skyscraper,
        (
            {
                "color": "#c9c2b4",
                "glass": "#6a7078",
                "steps": ((0.55, 0.42, 0.35), (0.42, 0.34, 0.75), (0.3, 0.25, 2.1), (0.2, 0.18, 2.3)),
                "crown": "needle",
            },
            {
                "color": "#d6d2ca",
                "glass": "#59636c",
                "steps": ((0.48, 0.48, 0.5), (0.36, 0.36, 1.1), (0.26, 0.26, 1.9)),
                "crown": "arcs",
                "pattern": "windows",
            },
            {
                "color": "#b98f6c",
                "glass": "#5c4a40",
                "steps": ((0.6, 0.4, 0.9), (0.3, 0.3, 1.7), (0.22, 0.22, 1.9)),
                "crown": "roof",
                "pattern": "windows",
            },
            {
                "color": "#8fa0ac",
                "glass": "#3f5468",
                "steps": ((0.62, 0.34, 0.5), (0.54, 0.3, 1.55)),
                "crown": "twins",
            },
        ),
        {"ground": "paving", "horizon": "city", "rise": 0.16},
        tree=0.13,
    ),
    "twisted_skyscraper": Structure(
        towers.twisted_skyscraper,
        (
            {"color": "#e8ecee", "glass": "#5f8aa8", "shape": "square", "twist": 100.0},
            {"color": "#3c4a58", "glass": "#9cc4d8", "shape": "round", "twist": 0.0, "width": 0.42},
            {"color": "#f2f2f0", "glass": "#6f8a9a", "shape": "stacked", "twist": 80.0, "width": 0.34},
            {"color": "#c9a468", "glass": "#4a6478", "shape": "long", "twist": 180.0, "width": 0.46, "top": 0.34},
        ),
        {"ground": "paving", "horizon": "city", "rise": 0.16},
        tree=0.13,
    ),
    "temple": Structure(
        antiquity.temple,
        (
            {"color": "#efe6d2", "kind": "whole", "front": 3, "side": 4},
            {"color": "#d9bd8c", "kind": "ruin", "front": 3, "side": 4},
            {"color": "#e4dccb", "kind": "podium", "front": 2, "side": 3, "roof": "#8f8a82"},
            {"color": "#e9e4da", "kind": "tholos", "front": 14, "side": 0, "roof": "#b8684a"},
        ),
        {"ground": "heath", "horizon": "mountains", "rise": 0.08},
        tree=0.3,
    ),
    "triumphal_arch": Structure(
        monuments.triumphal_arch,
        (
            {"color": "#d8cbb0", "kind": "single", "width": 0.72, "height": 1.5, "depth": 0.42},
            {"color": "#cdb48c", "kind": "triple", "width": 1.05, "height": 1.25, "depth": 0.3},
            {"color": "#e3ddd0", "kind": "chariot", "width": 0.78, "height": 1.15, "depth": 0.3},
            {"color": "#c9b894", "kind": "columns", "width": 1.1, "height": 0.85, "depth": 0.32},
        ),
        {"ground": "paving", "plaza": 1.2, "horizon": "city"},
        tree=0.3,
    ),
    "cathedral": Structure(
        buildings.cathedral,
        (
            {"color": "#9f958a", "roof": "#5c6a6c", "kind": "spires", "spire": 1.15},
            {"color": "#d8cbb0", "roof": "#6f7f8c", "kind": "flat"},
            {"color": "#c2a88c", "roof": "#5f8f80", "kind": "unequal", "spire": 1.0, "length": 0.85},
            {"color": "#b8694c", "roof": "#3f4a54", "kind": "cross", "spire": 0.6, "length": 0.65},
        ),
        {"ground": "paving", "plaza": 1.0, "horizon": "city"},
        tree=0.24,
    ),
    "onion_church": Structure(
        buildings.onion_church,
        (
            {"color": "#f2ede2", "domes": (("#e6b84a"),), "towers": 4, "spread": 0.36, "radius": 0.17, "middle": 1.15},
            {
                "color": "#b8503c",
                "domes": ("#3f8f5a", "#e0b040", "#2f6fae", "#c8433a", "#f0ead8"),
                "towers": 8,
                "spread": 0.5,
                "radius": 0.16,
                "middle": 1.35,
                "pattern": SPIRAL,
            },
            {"color": "#a8855c", "domes": ("#8f9499",), "towers": 2, "spread": 0.4, "radius": 0.24, "middle": 1.0},
            {
                "color": "#8fb8d8",
                "domes": ("#2f5fa8", "#e8c45c"),
                "towers": 4,
                "spread": 0.48,
                "radius": 0.22,
                "middle": 1.3,
                "pattern": CHECKED,
            },
        ),
        {"plaza": 0.8},
        tree=0.28,
    ),
    "ferris_wheel": Structure(
        monuments.ferris_wheel,
        (
            {"color": "#e8ecee", "cabins": 16, "frame": "lean", "tints": ("#cfe0ea", "#e8f0f4")},
            {"color": "#c8453a", "cabins": 8, "frame": "pair", "tints": ("#a82f2a",)},
            {"color": "#f2efe6", "cabins": 12, "frame": "station", "tints": ("#d8433a", "#f0b63a", "#3d8fc6")},
            {"color": "#5f7fb8", "cabins": 20, "frame": "double", "tints": ("#f0d23a", "#e86a9a", "#5fc08a")},
        ),
        {"ground": "paving", "water": "shore", "level": -0.8, "horizon": "city"},
        tree=0.28,
    ),
    "statue": Structure(
        monuments.statue,
        (
            {"color": "#7fb5a0", "kind": "torch", "base": 0.75},
            {"color": "#e3e0d8", "kind": "open", "base": 0.3, "stone": "#6f6a64"},
            {"color": "#5a6a52", "kind": "rider", "base": 0.6, "stone": "#c4b49c"},
            {"color": "#b5924a", "kind": "seated", "base": 0.35, "stone": "#a8645a"},
        ),
        {"plaza": 0.9, "horizon": "hills"},
        tree=0.4,
    ),
    "torii": Structure(
        monuments.torii,
        (
            {"color": "#d8432c", "kind": "legs", "width": 0.75, "height": 1.3, "thick": 0.1},
            {"color": "#a8a69c", "kind": "stone", "width": 0.62, "height": 1.3},
            {"color": "#e0603a", "kind": "row", "width": 0.5, "height": 1.15, "thick": 0.07},
            {"color": "#b5382c", "kind": "red", "width": 0.9, "height": 1.05, "thick": 0.12},
        ),
        {"ground": "sand", "water": "shore", "level": -0.3, "horizon": "mountains", "rise": 0.1},
        tree=0.4,
    ),
    "aqueduct": Structure(
        bridges.aqueduct,
        (
            {"color": "#cdb288", "tiers": ((0.5, 5), (0.42, 7), (0.18, 17)), "reach": 1.3},
            {"color": "#b5ada0", "tiers": ((0.62, 9), (0.42, 9)), "reach": 1.4, "thick": 0.1},
            {"color": "#c08a64", "tiers": ((0.85, 5),), "reach": 1.3, "thick": 0.15},
            {"color": "#d9c9a0", "tiers": ((0.36, 3), (0.36, 5), (0.3, 9)), "reach": 1.0, "thick": 0.2},
        ),
        _bridge(width=0.8, ground="heath"),
        tree=0.2,
    ),
    "bell_tower": Structure(
        towers.bell_tower,
        (
            {"color": "#b8623f", "roof": "#5f9a80", "shape": "pyramid"},
            {"color": "#a8845c", "roof": "#8a5a40", "shape": "battlements", "width": 0.36, "height": 1.3},
            {"color": "#a5a79f", "roof": "#8d8f88", "shape": "cone", "width": 0.3, "height": 1.5},
            {"color": "#dcc08c", "roof": "#4f8a9a", "shape": "tiers", "width": 0.34, "height": 1.35},
        ),
        {"ground": "paving", "plaza": 0.8, "horizon": "hills"},
        tree=0.36,
    ),
    "needle_tower": Structure(
        towers.needle_tower,
        (
            {"color": "#c9ccce", "pod": "#d5dade", "shape": "ball"},
            {"color": "#f0eee6", "pod": "#e0a83a", "shape": "saucer", "height": 1.7},
            {"color": "#b8bcc4", "pod": "#c2476a", "shape": "stack", "height": 2.4},
            {"color": "#d6d0c2", "pod": "#e6e8e8", "shape": "crown", "height": 2.6},
        ),
        {"horizon": "city", "rise": 0.14, "plaza": 0.6},
        tree=0.14,
    ),
    "stone_heads": Structure(
        monuments.stone_heads,
        (
            {"color": "#8f8878", "count": 5, "height": 1.0},
            {"color": "#7d7468", "count": 1, "height": 1.6, "platform": False},
            {"color": "#a39682", "count": 3, "height": 1.2, "hats": "#a5503a"},
            {"color": "#6f7069", "count": 2, "height": 1.4},
        ),
        {"ground": "grass", "water": "shore", "level": -1.2},
        tree=0.36,
    ),
}
