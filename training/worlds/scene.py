"""What one picture shows, and the two functions that a world gives the renderer: its paint and its
backdrop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor
from worlds.sdf import UP, Part, bound_radius, extent, rotation, unit


@dataclass(frozen=True)
class Camera:
    """Pinhole camera: position (3,), axes (3, 3) with rows right, up, forward; tangent of half the field of
    view."""

    position: np.ndarray
    axes: np.ndarray
    tan_half: float


@dataclass(frozen=True)
class Scene:
    """What one picture shows. `frame` (3, 3) turns world into object coordinates for patterns; `extra` goes
    to paint."""

    parts: Sequence[Part]
    camera: Camera
    light: np.ndarray  # (3,) unit vector towards the light
    light_color: tuple[float, float, float] = (1.0, 0.97, 0.9)
    sky_color: tuple[float, float, float] = (0.75, 0.85, 1.0)  # ambient light from above
    ground_color: tuple[float, float, float] = (0.45, 0.4, 0.35)  # ambient light from below
    blend: float = 0.08  # width of the smooth union
    frame: np.ndarray = field(default_factory=lambda: np.eye(3))
    backdrop: Sequence[float] = ()  # numbers that the backdrop function understands
    extra: Sequence[float] = ()  # numbers that the paint function understands


@dataclass
class Surface:
    """Points that a paint function colours: T tiles of R rays. Fields are (T, R) or (T, 3, R), `extra` is
    (T, E)."""

    position: Tensor  # world coordinates
    object: Tensor  # coordinates in the scene's frame
    local: Tensor  # coordinates in the part's frame (a capsule's are divided by its scale)
    normal: Tensor
    color: Tensor
    accent: Tensor
    pattern: Tensor
    pattern_scale: Tensor
    footprint: Tensor  # size of a pixel at the point, world units
    extra: Tensor
    matrix: Tensor  # (T, 3, 3, R), turns world into the part's axes

    @property
    def local_normal(self) -> Tensor:
        """Normal in the part's axes (not of length 1 where the part is stretched)."""
        x, y, z = (self.normal[:, None, i] for i in range(3))
        return self.matrix[:, :, 0] * x + self.matrix[:, :, 1] * y + self.matrix[:, :, 2] * z


@dataclass
class Backdrop:
    """What rays meet behind the object: distance t (T, R), normal and albedo (T, 3, R); `glow` (T, R) in [0,
    1] is the share of the colour that ignores the light (1 for a sky)."""

    t: Tensor
    normal: Tensor
    albedo: Tensor
    glow: Tensor


PaintFunction = Callable[[Surface], Tensor]  # -> albedo (T, 3, R), sRGB in [0, 1]
BackdropFunction = Callable[[Tensor, Tensor, Tensor, Tensor], Backdrop]  # numbers (T, N), origin, rays, footprint


def frame_camera(
    parts: Sequence[Part],
    azimuth: float,
    elevation: float,
    fill: float,
    shift=(0.0, 0.0),
    field_of_view: float = 30.0,
) -> Camera:
    """Camera that looks from `azimuth`, `elevation` (degrees) and is as near as lets the parts fill the
    share `fill` of the picture; `shift` moves them off the middle, in half pictures."""
    away = rotation(azimuth, -elevation) @ np.array([0.0, 0.0, 1.0])
    right = unit(np.cross(UP, away))
    axes = np.stack([right, np.cross(away, right), -away])
    centers = np.stack([part.center for part in parts]) @ axes.T
    extents = np.stack([(extent(part)[None] * np.abs(axes)).sum(1) for part in parts])
    # A part's box, turned into camera axes, is larger than the part: its sphere bounds it too.
    extents = np.minimum(extents, np.array([bound_radius(part) for part in parts])[:, None])
    low, high = (centers - extents).min(0), (centers + extents).max(0)
    tan_half = float(np.tan(np.radians(field_of_view / 2)))
    half = max(high[0] - low[0], high[1] - low[1]) / 2
    depth = half / (fill * tan_half) + 0.35 * (high[2] - low[2]) / 2
    middle = (low + high) / 2
    middle[:2] -= np.asarray(shift) * depth * tan_half
    return Camera(axes.T @ middle + away * depth, axes, tan_half)
