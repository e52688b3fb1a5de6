"""Batched ray marching of signed-distance-field scenes in PyTorch.

A scene is a list of coloured parts (ellipsoids, capsules, rounded boxes, cylinders, rings), some of them
melting into each other by a smooth union. A batch of scenes is cut into tiles of 8x8 pixels; each tile keeps
only the parts that its cone of rays can meet, so the cost follows what is visible. Sphere tracing after Hart
1996; ambient occlusion, soft shadows and the smooth minimum after Quilez (iquilezles.org/articles).

World axes: x right, y up, z towards the viewer. Every step of the arithmetic on a ray is element by element
or has a fixed order, so a picture's bytes do not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
import torch
from torch import Tensor

FAR_AWAY = 1e4  # distance of "no part", in world units
UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Openings:
    """A row of openings cut through a solid along its local z, from `bottom` up to a round or flat top, so
    that one wall makes an arcade, a bridge or battlements. Lengths in local units."""

    half_width: float
    top: float  # local y where a round top begins or where a flat one ends
    bottom: float = -FAR_AWAY
    spacing: float = 1.0  # between the middles of two openings
    copies: int = 0  # on either side of the middle one
    shift: float = 0.0  # local x of the middle one
    flat: bool = False
    crossed: bool = False  # the same openings are cut along local x too: four legs


@dataclass(frozen=True)
class Part:
    """One primitive with its paint. Build it with `ellipsoid`, `capsule`, `box`, `cylinder` or `ring`."""

    solid: bool  # box, cylinder, ring; otherwise a (scaled, tapered) capsule
    center: np.ndarray  # (3,)
    axes: np.ndarray  # (3, 3): rows are the local x, y, z axes
    scale: np.ndarray  # (3,) stretch of a capsule along its local axes; ones for a solid
    half: np.ndarray  # (3,) half extents without the rounding; a capsule uses only y
    radius: float  # rounding of a solid, radius of a capsule at its middle
    taper: tuple[float, float] = (
        0.0,
        0.0,
    )  # change of half x and half z (or of the radius) per unit of local y
    ring: float = -1.0  # >= 0: turned around local y at this distance (0 is a cylinder)
    repeat: tuple[float, int] = (0.0, 0)  # spacing along local x, copies on either side
    color: tuple[float, float, float] = (0.8, 0.8, 0.8)  # sRGB in [0, 1]
    accent: tuple[float, float, float] = (0.2, 0.2, 0.2)
    pattern: int = 0  # what the world's paint function does with color and accent
    pattern_scale: float = 1.0
    gloss: float = 0.2  # strength of the highlight, 0 to 1
    soft: bool = False  # melts into the other soft parts
    openings: Openings | None = None  # holes in a solid
    clip: tuple[float, float, float, float] | None = None  # keep the side a x + b y + c z < d of an ellipsoid or
    # capsule, in its own coordinates, in which an ellipsoid is a ball of radius 1
    shades: bool = True  # darkens what is near and casts a shadow; not worth its time for small trimmings


# --------------------------------------------------------------------------------------------------


def unit(vector: Sequence[float] | np.ndarray) -> np.ndarray:
    """(3,) scaled to length 1."""
    vector = np.asarray(vector, dtype=float)
    return vector / np.linalg.norm(vector)


def axes_along(direction: Sequence[float] | np.ndarray, up: np.ndarray = UP) -> np.ndarray:
    """Axes (3, 3) whose local y is `direction`; local x is as close to `up` as that allows, z points
    sideways."""
    y = unit(direction)
    if abs(float(y @ up)) > 0.999:
        up = np.array([0.0, 0.0, -1.0])
    x = unit(up - (up @ y) * y)
    return np.stack([x, y, np.cross(x, y)])


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Matrix (3, 3) that turns by roll around z, then pitch around x, then yaw around y; degrees."""
    a, b, c = np.radians([yaw, pitch, roll])
    turn_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return turn_y @ turn_x @ turn_z


def ellipsoid(center, radii, axes: np.ndarray | None = None, **paint) -> Part:
    """Ellipsoid (or sphere, when radii is one number)."""
    scale = np.broadcast_to(np.asarray(radii, dtype=float), (3,)).copy()
    return Part(
        False,
        np.asarray(center, float),
        np.eye(3) if axes is None else axes,
        scale,
        np.zeros(3),
        1.0,
        **paint,
    )


def capsule(start, end, radius: float, end_radius: float | None = None, flat=(1.0, 1.0), up=UP, **paint) -> Part:
    """Capsule between two points, tapering to `end_radius`; `flat` stretches its cross-section (upwards,
    sideways)."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    end_radius = radius if end_radius is None else end_radius
    half = float(np.linalg.norm(end - start)) / 2
    scale = np.array([flat[0], 1.0, flat[1]])
    taper = ((end_radius - radius) / (2 * half), 0.0)
    axes = axes_along(end - start, up)
    middle = (radius + end_radius) / 2
    return Part(False, (start + end) / 2, axes, scale, np.array([0, half, 0.0]), middle, taper, **paint)


def box(center, half, rounding: float = 0.03, axes: np.ndarray | None = None, taper=(0.0, 0.0), **paint) -> Part:
    """Box of half extents (3,), edges rounded inside them; `taper` widens x and z with local y."""
    half = np.asarray(half, float) - rounding
    axes = np.eye(3) if axes is None else axes
    return Part(True, np.asarray(center, float), axes, np.ones(3), half, rounding, taper, **paint)


def cylinder(center, axis, radius: float, half_height: float, rounding: float = 0.02, taper=0.0, **paint) -> Part:
    """Cylinder around `axis`; `taper` widens it along the axis (a cone when it ends at zero)."""
    return ring(center, axis, 0.0, radius, half_height, rounding, taper, **paint)


def ring(center, axis, major: float, half_width: float, half_height: float, rounding=0.02, taper=0.0, **paint) -> Part:
    """Ring around `axis` at distance `major`: a tube, or a torus when the rounding equals both half sizes."""
    half = np.array([half_width - rounding, half_height - rounding, FAR_AWAY])
    axes = axes_along(axis)
    return Part(True, np.asarray(center, float), axes, np.ones(3), half, rounding, (taper, 0.0), major, **paint)


def place(
    parts: Sequence[Part], turn: np.ndarray | None = None, shift=(0.0, 0.0, 0.0), scale: float = 1.0
) -> list[Part]:
    """Scale the parts around the origin, turn them by a matrix (3, 3), then shift them."""
    turn = np.eye(3) if turn is None else turn
    placed = []
    for part in parts:
        changes = {"center": turn @ (part.center * scale) + np.asarray(shift), "axes": part.axes @ turn.T}
        if scale != 1.0:
            changes["pattern_scale"] = part.pattern_scale * scale
            if part.solid:
                changes["half"] = np.minimum(part.half * scale, FAR_AWAY)
                changes["radius"] = part.radius * scale
                changes["ring"] = part.ring * scale if part.ring >= 0 else part.ring
                if part.openings is not None:
                    lengths = ("half_width", "top", "bottom", "spacing", "shift")
                    scaled = {name: getattr(part.openings, name) * scale for name in lengths}
                    changes["openings"] = replace(part.openings, **scaled)
            else:
                changes["scale"] = part.scale * scale
        placed.append(replace(part, **changes))
    return placed


def extent(part: Part) -> np.ndarray:
    """Half size (3,) of the part's box along the world axes (never too small)."""
    if not part.solid:
        thick = part.radius + abs(part.taper[0]) * part.half[1]
        round_part = np.sqrt((((thick * part.scale)[:, None] * part.axes) ** 2).sum(0))
        reach = np.array([part.repeat[0] * part.repeat[1], part.half[1], 0.0]) * part.scale
        return round_part + (reach[:, None] * np.abs(part.axes)).sum(0)
    half = part.half.copy()
    half[0] += abs(part.taper[0]) * half[1]
    half[2] += abs(part.taper[1]) * half[1]
    if part.ring < 0:
        return (half[:, None] * np.abs(part.axes)).sum(0) + part.radius
    across = np.sqrt(np.clip(1 - part.axes[1] ** 2, 0, 1))
    return (part.ring + half[0]) * across + half[1] * np.abs(part.axes[1]) + part.radius


def bounds(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) of the box that holds all parts."""
    centers = np.stack([part.center for part in parts])
    extents = np.stack([extent(part) for part in parts])
    return (centers - extents).min(0), (centers + extents).max(0)


def bound_radius(part: Part) -> float:
    """Radius of a sphere around the part's centre that holds it."""
    thick = abs(part.taper[0]) * part.half[1]
    if not part.solid:
        reach = np.hypot(part.half[1] * part.scale[1], part.repeat[0] * part.repeat[1] * part.scale[0])
        return float(reach + (part.radius + thick) * part.scale.max())
    if part.ring >= 0:
        return float(np.hypot(part.ring + part.half[0] + thick, part.half[1]) + part.radius)
    wide = part.half + np.array([thick, 0.0, abs(part.taper[1]) * part.half[1]])
    return float(np.linalg.norm(wide) + part.radius)


def hull(part: Part) -> np.ndarray:
    """Half axes (3, 3) of a box around the part, along its own axes."""
    slope = np.array([abs(part.taper[0]), 0.0, abs(part.taper[1])])
    if not part.solid:
        thick = part.radius + slope[0] * part.half[1]
        half = (thick + np.array([part.repeat[0] * part.repeat[1], part.half[1], 0.0])) * part.scale
        return half[:, None] * part.axes
    half = part.half + slope * part.half[1] + part.radius
    if part.ring >= 0:
        half[0] = half[2] = part.ring + half[0]
    return half[:, None] * part.axes


# --------------------------------------------------------------------------------------------------

ROUND = {
    "matrix": 9,
    "offset": 3,
    "half": 1,
    "radius": 1,
    "taper": 1,
    "gain": 1,
    "metric": 3,
    "spacing": 1,
    "copies": 1,
    "clip": 4,
}
SOLID = {"matrix": 9, "offset": 3, "half": 3, "radius": 1, "taper": 2, "gain": 1, "ring": 1, "openings": 8}
PAINT = {"color": 3, "accent": 3, "pattern": 1, "pattern_scale": 1, "gloss": 1, "matrix": 9, "offset": 3}


def _columns(layout: dict[str, int]) -> dict[str, slice]:
    ends = np.cumsum(list(layout.values()))
    return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(layout.items(), ends, strict=True)}


ROUND_AT, SOLID_AT, PAINT_AT = _columns(ROUND), _columns(SOLID), _columns(PAINT)


@dataclass
class Group:
    """Parts of one kind of B scenes, padded to P with parts that are far away: numbers (B, P, N), paint (B,
    P, M), bounding spheres (B, P, 4) with a negative radius for padding, soft (B, P) with 1 for parts that
    melt, shades (B, P) with 1 for parts that cast shadows, cut (B, P) with 1 for parts with something cut off, and
    how many of the first parts these are among (None: not counted yet); hulls (B, P, 3, 3) are the half axes of
    boxes around the parts."""

    numbers: Tensor
    paint: Tensor
    spheres: Tensor
    soft: Tensor
    shades: Tensor
    cut: Tensor
    hulls: Tensor
    cuts: int | None = None

    def choose(self, scene: Tensor, index: Tensor) -> Group:
        """The parts `index` (T, K) of the scenes `scene` (T,)."""
        return replace(self._pick((scene[:, None], index)), cuts=None).counted()

    def rows(self, keep: Tensor) -> Group:
        """The scenes (or tiles) `keep` only."""
        return self._pick(keep)

    def _pick(self, at) -> Group:
        fields = (self.numbers, self.paint, self.spheres, self.soft, self.shades, self.cut, self.hulls)
        return Group(*(field[at] for field in fields), self.cuts)

    def counted(self) -> Group:
        """The same parts, with `cuts`."""
        if self.cut.shape[1] == 0:
            return replace(self, cuts=0)
        places = torch.arange(1, self.cut.shape[1] + 1, device=self.cut.device)
        return replace(self, cuts=int((self.cut * places).max()))


def _numbers(part: Part) -> list[float]:
    matrix = part.axes / part.scale[:, None]
    numbers = [*matrix.flatten(), *(-matrix @ part.center)]
    if part.solid:
        gain = 1 / np.sqrt(1 + max(abs(part.taper[0]), abs(part.taper[1])) ** 2)
        holes = [0.0] * 8 if part.openings is None else [float(number) for number in astuple(part.openings)]
        return [*numbers, *part.half, part.radius, *part.taper, gain, part.ring, *holes]
    gain = 1 / np.sqrt(1 + part.taper[0] ** 2)
    spacing, copies = part.repeat
    metric = 1 / part.scale**2
    clip = np.zeros(4) if part.clip is None else np.array(part.clip)
    clip = clip / max(float(np.linalg.norm(clip[:3] / part.scale)), 1e-9)  # in units of length
    return [*numbers, part.half[1], part.radius, part.taper[0], gain, *metric, spacing or 1.0, float(copies), *clip]


def pack(scenes: Sequence[Sequence[Part]], solid: bool, device: str | torch.device = "cpu") -> Group:
    """Put the solid (or the round) parts of every scene into one `Group`: first those with something cut off
    them, which cost more, so that they stay together in every selection; the last part of each scene is padding."""
    chosen = [[part for part in parts if part.solid is solid] for parts in scenes]
    chosen = [sorted(parts, key=lambda part: part.openings is None and part.clip is None) for parts in chosen]
    count = max(len(parts) for parts in chosen) + 1
    width = sum((SOLID if solid else ROUND).values())
    nowhere = np.eye(3).flatten().tolist() + [FAR_AWAY, 0.0, 0.0] + [0.0] * (width - 12)
    if not solid:
        nowhere[ROUND_AT["gain"].start] = 1.0
        nowhere[ROUND_AT["metric"]] = [1.0, 1.0, 1.0]
        nowhere[ROUND_AT["spacing"].start] = 1.0
    else:
        nowhere[SOLID_AT["gain"].start] = 1.0
    numbers = np.tile(np.array(nowhere), (len(scenes), count, 1))
    paint = np.zeros((len(scenes), count, sum(PAINT.values())))
    spheres = np.tile(np.array([0.0, 0.0, 0.0, -1.0]), (len(scenes), count, 1))
    hulls = np.zeros((len(scenes), count, 3, 3))
    soft, shades, cut = (np.zeros((len(scenes), count)) for _ in range(3))
    for b, parts in enumerate(chosen):
        for p, part in enumerate(parts):
            numbers[b, p] = row = _numbers(part)
            paint[b, p] = [*part.color, *part.accent, part.pattern, part.pattern_scale, part.gloss, *row[:12]]
            spheres[b, p] = [*part.center, bound_radius(part)]
            soft[b, p], shades[b, p] = part.soft, part.shades
            hulls[b, p] = hull(part)
            cut[b, p] = part.openings is not None or part.clip is not None
    arrays = (numbers, paint, spheres, soft, shades, cut, hulls)
    return Group(*(torch.tensor(array, dtype=torch.float32, device=device) for array in arrays)).counted()


def _local(numbers: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points (T, 3, R) in the frames of the parts (T, P, N): three tensors (T, P, R)."""
    T, P, _ = numbers.shape
    # Rows in the order x of all parts, y of all parts, z of all parts, so that each axis is one block.
    matrix = numbers[:, :, :9].view(T, P, 3, 3).transpose(1, 2).reshape(T, 3 * P, 3)
    offset = numbers[:, :, 9:12].transpose(1, 2).reshape(T, 3 * P, 1)
    local = torch.bmm(matrix, points).add_(offset).view(T, 3, P, points.shape[2])
    return local[:, 0], local[:, 1], local[:, 2]


def round_distance(numbers: Tensor, points: Tensor, cuts: int = 0) -> Tensor:
    """Distances (T, P, R) from points (T, 3, R) to capsules and ellipsoids (T, P, N): exact for capsules, to
    first order for stretched and tapered ones. The first `cuts` parts may have something cut off."""

    def column(name: str, i: int = 0) -> Tensor:
        return numbers[:, :, ROUND_AT[name].start + i, None]

    x, y, z = _local(numbers, points)
    copies = column("copies")
    if bool(copies.any()):
        spacing = column("spacing")
        x = x - spacing * torch.maximum(torch.minimum(torch.round(x / spacing), copies), -copies)
    clip = numbers[:, :cuts, ROUND_AT["clip"], None]
    if cuts:
        a, b, c, d = clip.unbind(2)
        beyond = (a * x[:, :cuts]).add_(b * y[:, :cuts]).add_(c * z[:, :cuts]).sub_(d)
    half = column("half")
    along = torch.maximum(torch.minimum(y, half), -half)
    radius = column("taper") * along + column("radius")
    x, y, z = x * x, (y - along).square_(), z * z
    length = (x + y).add_(z).clamp_(min=1e-10).sqrt_()
    slope = (x * column("metric", 0)).add_(y.mul_(column("metric", 1))).add_(z.mul_(column("metric", 2)))
    slope = slope.clamp_(min=1e-10).sqrt_()
    distances = (length - radius).mul_(length).div_(slope).mul_(column("gain"))
    if cuts:
        whole = distances[:, :cuts]
        distances[:, :cuts] = torch.where((clip != 0).any(2), whole.maximum(beyond), whole)
    return distances


def solid_distance(numbers: Tensor, points: Tensor, cuts: int = 0) -> Tensor:
    """Distances (T, P, R) from points (T, 3, R) to rounded boxes, cylinders and rings (T, P, N): exact
    unless tapered. The first `cuts` parts may have openings."""

    def column(name: str, i: int = 0) -> Tensor:
        return numbers[:, :, SOLID_AT[name].start + i, None]

    x, y, z = _local(numbers, points)
    if cuts:
        openings = numbers[:, :cuts, SOLID_AT["openings"], None]
        holes = _opening_distance(openings, x[:, :cuts], y[:, :cuts], z[:, :cuts])
    turned = column("ring")
    around = (x * x).add_(z * z).sqrt_().sub_(turned)
    x = torch.where(turned >= 0, around, x).abs_()
    z = torch.where(turned >= 0, 0.0, z).abs_()
    half = column("half", 1)
    along = torch.maximum(torch.minimum(y, half), -half)
    x = x - (column("taper", 0) * along).add_(column("half", 0))
    z = z - (column("taper", 1) * along).add_(column("half", 2))
    y = y.abs() - half
    inside = torch.maximum(torch.maximum(x, y), z).clamp_(max=0)
    x, y, z = x.clamp_(min=0), y.clamp_(min=0), z.clamp_(min=0)
    length = x.square_().add_(y.square_()).add_(z.square_()).sqrt_()
    distances = length.add_(inside).sub_(column("radius")).mul_(column("gain"))
    if cuts:
        distances[:, :cuts] = distances[:, :cuts].maximum(-holes)
    return distances


def _opening_distance(numbers: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Distances (T, P, R) from local points to the openings (T, P, 8, 1) of solids; far away from a solid
    without any."""
    half_width, top, bottom, spacing, copies, shift, flat, crossed = numbers.unbind(2)

    def row(across: Tensor) -> Tensor:
        across = across - shift
        number = torch.round(across / spacing.clamp(min=1e-6))
        across = (across - spacing * torch.maximum(torch.minimum(number, copies), -copies)).abs()
        above = y - top
        arch = (across * across + above.clamp(min=0).square()).sqrt_() - half_width
        return torch.where(flat > 0, torch.maximum(across - half_width, above), arch)

    holes = row(x)
    if bool(crossed.any()):
        holes = torch.where(crossed > 0, torch.minimum(holes, row(z)), holes)
    return torch.where(half_width > 0, torch.maximum(holes, bottom - y), FAR_AWAY)


@dataclass
class Chunk:
    """The parts that T tiles may meet, round and solid, and the width (T,) of their scenes' smooth union."""

    round: Group
    solid: Group
    blend: Tensor

    def distances(self, points: Tensor) -> Tensor:
        """(T, 3, R) -> distance to every part (T, P, R), round ones first."""
        kinds = ((self.round, round_distance), (self.solid, solid_distance))
        some = [distance(group.numbers, points, group.cuts) for group, distance in kinds if group.numbers.shape[1]]
        return some[0] if len(some) == 1 else torch.cat(some, 1)

    def union(self, distances: Tensor) -> Tensor:
        """Distances (T, P, R) -> distance to the object (T, R): a smooth minimum of the soft parts, then a
        hard one. The order of the parts does not matter; two parts give the quadratic smooth minimum."""
        hard = (1 - torch.cat([self.round.soft, self.solid.soft], 1))[:, :, None]
        nearest = distances.amin(1)
        if bool(hard.all()):
            return nearest
        soft = distances + hard * FAR_AWAY
        lowest = soft.amin(1)
        near = soft.sub_(lowest[:, None]).div_(-self.blend[:, None, None]).add_(1).clamp_(min=0)
        bulge = near.square_().sum(1).sub_(1).mul_(self.blend[:, None] / 4)
        return torch.minimum(nearest, lowest - bulge)

    def distance(self, points: Tensor) -> Tensor:
        """(T, 3, R) -> (T, R)."""
        return self.union(self.distances(points))

    def rows(self, keep: Tensor) -> Chunk:
        """The tiles `keep` only."""
        return Chunk(self.round.rows(keep), self.solid.rows(keep), self.blend[keep])
