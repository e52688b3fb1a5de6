"""Turn scenes of signed distances (`sdf.py`) into small anti-aliased pictures.

Pipeline for a batch: tiles of rays -> parts that each tile's cone meets -> sphere tracing -> paint ->
ambient occlusion and soft shadow -> light; then once more with four rays for every pixel whose colour
differs from a neighbour's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from worlds.scene import BackdropFunction, PaintFunction, Scene, Surface
from worlds.sdf import FAR_AWAY, PAINT_AT, Chunk, pack
from worlds.trace import AO_REACH, march, near_cone, occlusion

Row = TypeVar("Row")

TILE = 8  # a tile is TILE x TILE pixels, and as many rays
RAYS = TILE * TILE
EDGE = 0.05  # sRGB difference between neighbours from which a pixel gets more rays
SUBPIXELS = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))  # rotated grid
FEWEST_PARTS = 3  # with fewer parts or rays, matrix products take another code path with another rounding
CHUNK_NUMBERS = {"cpu": 500_000, "cuda": 30_000_000}  # tiles x parts x rays at once: what fits the cache


class Renderer:
    """Shades rays of a batch of scenes. Holds the packed scenes; every method takes tiles of rays with
    `scene` (T,)."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        paint: PaintFunction,
        backdrop: BackdropFunction,
        image_size: int,
        device: str | torch.device = "cpu",
        tight: bool = False,
    ):
        def table(rows: list) -> Tensor:
            return torch.tensor(rows, dtype=torch.float32, device=device)

        self.paint, self.backdrop, self.device = paint, backdrop, torch.device(device)
        self.tight = tight  # whether a tile also leaves out parts that only their sphere, not their box, brings near
        self.round = pack([scene.parts for scene in scenes], False, device)
        self.solid = pack([scene.parts for scene in scenes], True, device)
        self.origin = table([scene.camera.position.tolist() for scene in scenes])
        self.camera = table([scene.camera.axes.tolist() for scene in scenes])
        self.tan_half = table([scene.camera.tan_half for scene in scenes])
        self.pixel = self.tan_half * (2 / image_size)  # size of a pixel at distance 1
        self.light = table([list(scene.light) for scene in scenes])
        self.light_color, self.sky_color, self.ground_color = (
            table([list(getattr(scene, name)) for scene in scenes])
            for name in ("light_color", "sky_color", "ground_color")
        )
        self.blend = table([scene.blend for scene in scenes])
        self.frame = table([scene.frame.tolist() for scene in scenes])
        self.numbers = table([list(scene.backdrop) for scene in scenes])
        self.extra = table([list(scene.extra) for scene in scenes])

    def rays(self, scene: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Unit directions (T, 3, R) through the picture positions u (right), v (up), (T, R) in [-1, 1]."""
        right, up, forward = self.camera[scene].unbind(1)
        tan_half = self.tan_half[scene, None, None]
        direction = (
            right[:, :, None] * (u[:, None] * tan_half) + up[:, :, None] * (v[:, None] * tan_half) + forward[:, :, None]
        )
        return _normalized(direction)

    def shade(self, scene: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Linear colours (T, 3, R) of the rays through u, v (T, R)."""
        rays = self.rays(scene, u, v)
        origin = self.origin[scene][:, :, None]
        behind = self.backdrop(self.numbers[scene], origin, rays, self.pixel[scene, None])
        t, normal, parts, albedo, gloss = self._object(scene, origin, rays, behind.t)
        seen = parts >= 0
        normal = torch.where(seen[:, None], normal, behind.normal)
        albedo = torch.where(seen[:, None], albedo, behind.albedo)
        glow = torch.where(seen, 0.0, behind.glow)
        position = origin + rays * t[:, None]
        ambient, shadow = self._occlusion(scene, position, normal, glow < 1)
        return self._lit(scene, rays, normal, albedo, gloss, glow, ambient, shadow)

    def _object(self, scene: Tensor, origin: Tensor, rays: Tensor, behind: Tensor) -> tuple[Tensor, ...]:
        """First hits: t (T, R), normal (T, 3, R), part (T, R) or -1, albedo (T, 3, R), gloss (T, R)."""
        t, part = behind.clone(), torch.full_like(behind, -1, dtype=torch.long)
        normal, albedo = torch.zeros_like(rays), torch.zeros_like(rays)
        gloss = torch.zeros_like(behind)
        axis = _normalized(rays.mean(2, keepdim=True))
        cosine = (rays * axis).sum(1).amin(1)
        spread = (1 - cosine * cosine).clamp(min=0).sqrt() / cosine
        cone = (origin[:, :, 0], axis[:, :, 0], torch.zeros_like(cosine), spread)
        for tiles, chunk in self._chunks(scene, *cone, margin=0.06, shades=False):
            pixel = self.pixel[scene[tiles], None]
            start, ray = origin[tiles], rays[tiles]
            hit, at = march(chunk, start, ray, pixel, behind[tiles])
            keep = hit.any(1)
            tiles, hit, at, chunk = tiles[keep], hit[keep], at[keep], chunk.rows(keep)
            if len(tiles) == 0:
                continue
            surface, shine = self._surface(scene[tiles], chunk, origin[tiles], rays[tiles], at)
            t[tiles] = torch.where(hit, at, behind[tiles])
            part[tiles] = torch.where(hit, 0, -1)
            normal[tiles], albedo[tiles], gloss[tiles] = (
                surface.normal,
                self.paint(surface),
                torch.where(hit, shine, 0.0),
            )
        return t, normal, part, albedo, gloss

    def _surface(self, scene: Tensor, chunk: Chunk, origin: Tensor, rays: Tensor, t: Tensor) -> tuple[Surface, Tensor]:
        """Everything a paint function may ask about the points at distance t, and their gloss (T, R)."""
        position = origin + rays * t[:, None]
        footprint = self.pixel[scene, None] * t
        distances = chunk.distances(position)
        paint = torch.cat([chunk.round.paint, chunk.solid.paint], 1)
        soft = torch.cat([chunk.round.soft, chunk.solid.soft], 1)[:, :, None]
        nearest = distances.argmin(1, keepdim=True)
        chosen = torch.zeros_like(distances).scatter_(1, nearest, 1.0)
        # Soft parts mix their colours where they melt; hard ones keep theirs.
        gap = distances - distances.gather(1, nearest)
        mixed = (1 - gap / (0.6 * chunk.blend[:, None, None])).clamp(min=0).square_() * soft
        weights = torch.where(soft.expand_as(distances).gather(1, nearest) > 0, mixed, chosen)
        weights = weights / weights.sum(1, keepdim=True)
        colors = (weights[:, :, None] * paint[:, :, :6, None]).sum(1)
        at = torch.arange(len(paint), device=paint.device)[:, None]
        own = paint[at, nearest[:, 0]].transpose(1, 2)  # (T, M, R): numbers of the nearest part
        matrix, offset = own[:, PAINT_AT["matrix"]].unflatten(1, (3, 3)), own[:, PAINT_AT["offset"]]
        frame = self.frame[scene][:, :, :, None]
        surface = Surface(
            position=position,
            object=_turned(frame, position),
            local=_turned(matrix, position) + offset,
            normal=self._normal(chunk, position, footprint),
            color=colors[:, :3],
            accent=colors[:, 3:],
            pattern=own[:, PAINT_AT["pattern"].start],
            pattern_scale=own[:, PAINT_AT["pattern_scale"].start],
            footprint=footprint,
            extra=self.extra[scene],
            matrix=matrix,
        )
        return surface, own[:, PAINT_AT["gloss"].start]

    def _normal(self, chunk: Chunk, position: Tensor, footprint: Tensor) -> Tensor:
        """Unit normals (T, 3, R) from four distances around each point."""
        step = (0.3 * footprint).clamp(min=2e-3)[:, None]
        normal = torch.zeros_like(position)
        for corner in ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0)):
            corner = torch.tensor(corner, device=position.device)[:, None]
            normal += corner * chunk.distance(position + corner * step)[:, None]
        return _normalized(normal)

    def _occlusion(self, scene: Tensor, position: Tensor, normal: Tensor, lit: Tensor) -> tuple[Tensor, Tensor]:
        """Share of the ambient light and of the light that reaches each point, (T, R) both."""
        ambient, shadow = torch.ones_like(position[:, 0]), torch.ones_like(position[:, 0])
        inside = (
            torch.where(lit[:, None], position, float("inf")).amin(2),
            torch.where(lit[:, None], position, -float("inf")).amax(2),
        )
        some = lit.any(1)
        low, high = (torch.where(some[:, None], corner, 0.0) for corner in inside)
        radius = ((high - low) * (high - low)).sum(1).sqrt() / 2
        radius = torch.where(some, radius, -FAR_AWAY)
        sweep = ((low + high) / 2, self.light[scene], radius, torch.zeros_like(radius))
        for tiles, chunk in self._chunks(scene, *sweep, margin=AO_REACH, shades=True):
            ambient[tiles], shadow[tiles] = occlusion(chunk, position[tiles], normal[tiles], self.light[scene[tiles]])
        return ambient, shadow

    def _lit(self, scene, rays, normal, albedo, gloss, glow, ambient, shadow) -> Tensor:
        """Linear colours (T, 3, R): light from above and below, the light itself, its highlight, a faint
        rim."""
        light = self.light[scene][:, :, None]
        facing = (normal * light).sum(1)
        upwards = (0.5 + 0.5 * normal[:, 1])[:, None]
        sky, ground = self.sky_color[scene][:, :, None], self.ground_color[scene][:, :, None]
        soft = (ground + (sky - ground) * upwards) * ambient[:, None]
        direct = self.light_color[scene][:, :, None] * (facing.clamp(min=0) * shadow)[:, None]
        half = _normalized(light - rays)
        shine = (normal * half).sum(1).clamp(min=0)
        for _ in range(5):
            shine = shine * shine
        edge = (1 + (rays * normal).sum(1)).clamp(min=0, max=1)
        rim = edge * edge * edge * upwards[:, 0] * ambient
        flat = albedo * albedo  # sRGB to linear light, nearly, and exactly rounded
        color = flat * (0.58 * soft + 0.84 * direct + (0.25 * (gloss > 0) * rim)[:, None])
        color = color + (gloss * shine * shadow * (facing > 0))[:, None]
        return torch.where(glow[:, None] > 0, color + (flat - color) * glow[:, None], color)

    def _chunks(
        self,
        scene: Tensor,
        start: Tensor,
        axis: Tensor,
        radius: Tensor,
        slope: Tensor,
        margin: float,
        shades: bool,
    ) -> Iterator[tuple[Tensor, Chunk]]:
        """Tiles whose cone (from `start` along `axis`, `radius` wide, widening by `slope`) meets parts,
        tiles with as many parts together, and those parts; all parts or only those that cast shadows."""
        groups = (self.round, self.solid)
        cones = (start, axis, radius, slope, margin)
        touched = [
            near_cone(group.spheres[scene], *cones, group.hulls[scene] if self.tight else None) for group in groups
        ]
        if shades:
            touched = [mask & (group.shades[scene] > 0) for mask, group in zip(touched, groups, strict=True)]
        indices = [torch.argsort((~mask).to(torch.uint8), dim=1, stable=True) for mask in touched]
        counts = torch.stack([mask.sum(1) for mask in touched], 1)
        # Tiles without any round (or any solid) part stay apart: they skip that kind altogether.
        kinds = (counts[:, 0] > 0) * 1000 + (counts[:, 1] > 0) * 2000
        order = torch.argsort(kinds + counts.sum(1), stable=True)
        order = order[counts[order].sum(1) > 0]
        budget = CHUNK_NUMBERS.get(self.device.type, CHUNK_NUMBERS["cuda"]) // RAYS
        for first, last in _runs(counts[order].tolist(), budget):
            tiles, chosen = order[first:last], []
            widths = counts[tiles].amax(0).tolist()
            for group, mask, index, width in zip(groups, touched, indices, widths, strict=True):
                width = max(width, FEWEST_PARTS) if width else 0
                nowhere = mask.shape[1] - 1
                kept = index[tiles, :width]
                kept = torch.where(mask[tiles].gather(1, kept), kept, nowhere)
                kept = torch.nn.functional.pad(kept, (0, width - kept.shape[1]), value=nowhere)
                chosen.append(group.choose(scene[tiles], kept))
            yield tiles, Chunk(*chosen, self.blend[scene[tiles]])


def _runs(counts: list[list[int]], budget: int) -> Iterator[tuple[int, int]]:
    """Cut a list of tiles with (round, solid) parts into runs of at most `budget` tiles times parts, alike
    in kinds."""
    first, widths = 0, [0, 0]
    for i, count in enumerate(counts):
        wider = [max(pair) for pair in zip(widths, count, strict=True)]
        other = i > first and [n > 0 for n in count] != [n > 0 for n in counts[first]]
        if i > first and (other or (i + 1 - first) * sum(wider) > budget):
            yield first, i
            first, wider = i, count
        widths = wider
    if counts:
        yield first, len(counts)


def _normalized(vectors: Tensor) -> Tensor:
    return vectors / (vectors * vectors).sum(1, keepdim=True).clamp(min=1e-12).sqrt()


def _turned(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Matrices (T, 3, 3, R or 1) times vectors (T, 3, R), in a fixed order of sums."""
    return (
        matrix[:, :, 0] * vectors[:, None, 0]
        + matrix[:, :, 1] * vectors[:, None, 1]
        + matrix[:, :, 2] * vectors[:, None, 2]
    )


def tile_pixels(image_size: int, device: torch.device) -> Tensor:
    """Pixel numbers (tiles, RAYS) of a square picture, tile by tile."""
    numbers = torch.arange(image_size * image_size, device=device).view(image_size, image_size)
    tiles = numbers.unfold(0, TILE, TILE).unfold(1, TILE, TILE)
    return tiles.reshape(-1, RAYS)


def _edges(image: Tensor, least: float) -> Tensor:
    """Pixels (B, H, W) of an sRGB picture (B, 3, H, W) that differ from a neighbour by more than `least`."""
    edge = torch.zeros_like(image[:, 0], dtype=torch.bool)
    down = (image[:, :, 1:] - image[:, :, :-1]).abs().amax(1) > least
    across = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs().amax(1) > least
    edge[:, 1:] |= down
    edge[:, :-1] |= down
    edge[:, :, 1:] |= across
    edge[:, :, :-1] |= across
    return edge


def render(
    rows: Sequence[Row],
    scene: Callable[[Row], Scene],
    paint: PaintFunction,
    backdrop: BackdropFunction,
    image_size: int = 64,
    device: str | torch.device = "cpu",
    batch_size: int | None = None,
    processes: int = 1,
    edge: float = EDGE,
    tight: bool = False,
) -> Tensor:
    """Pictures of the scenes that `scene` makes of the rows: uint8 (B, 3, image_size, image_size), sRGB, on
    the CPU.

    `batch_size` (default 32 on a CPU, 128 elsewhere) and `processes` change speed and memory, not the pictures. Every
    process draws on one core and takes seconds to start, so several are for many hundred pictures; the
    functions must then be importable. Pixels that differ from a neighbour by more than `edge` (sRGB) get four rays.
    `tight` saves time where parts are long and thin, and is for unions no wider than 0.06. Raises ValueError when
    image_size is not a multiple of the tile size, 8, or when batch_size or processes is not positive.
    """
    if image_size <= 0 or image_size % TILE:
        raise ValueError(f"image_size must be a positive multiple of {TILE}, got {image_size}")
    batch_size = (32 if torch.device(device).type == "cpu" else 128) if batch_size is None else batch_size
    if min(batch_size, processes) < 1:
        raise ValueError(f"batch_size and processes must be positive, got {batch_size} and {processes}")
    batches = [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    settings = {"image_size": image_size, "device": str(device), "edge": edge, "tight": tight}
    draw = partial(_draw, scene=scene, paint=paint, backdrop=backdrop, **settings)
    threads = torch.get_num_threads()
    # These small operations are slower when split over threads, which wait for each other, most of all on a busy
    # machine: so one thread of its own per process, without splitting.
    single: dict[str, Any] = {"initializer": torch.set_num_threads, "initargs": (1,)}
    if processes > 1 and len(batches) > 1:
        workers = min(processes, len(batches))
        pool: Executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), **single)
    else:
        pool = ThreadPoolExecutor(1, **single)
    try:
        with pool:
            drawn = [torch.from_numpy(images) for images in pool.map(draw, batches)]
    finally:
        torch.set_num_threads(threads)  # torch hands a thread's setting on to threads that start later
    return torch.cat([torch.empty(0, 3, image_size, image_size, dtype=torch.uint8), *drawn])


def _draw(rows: Sequence[Row], scene: Callable[[Row], Scene], **settings: Any) -> np.ndarray:
    return render_batch([scene(row) for row in rows], **settings).numpy()


@torch.inference_mode()
def render_batch(
    scenes: Sequence[Scene],
    paint: PaintFunction,
    backdrop: BackdropFunction,
    image_size: int,
    device: str | torch.device,
    edge: float = EDGE,
    tight: bool = False,
) -> Tensor:
    """Pictures of a batch of scenes that fits into memory, uint8 (B, 3, image_size, image_size) on the
    CPU."""
    renderer = Renderer(scenes, paint, backdrop, image_size, device, tight)
    B, pixels = len(scenes), tile_pixels(image_size, renderer.device)

    def position(pixel: Tensor, dx: Tensor | float, dy: Tensor | float) -> tuple[Tensor, Tensor]:
        x, y = pixel % image_size, torch.div(pixel, image_size, rounding_mode="floor")
        return (x + 0.5 + dx) * (2 / image_size) - 1, 1 - (y + 0.5 + dy) * (2 / image_size)

    scene = torch.arange(B, device=renderer.device).repeat_interleave(len(pixels))
    u, v = (grid.repeat(B, 1) for grid in position(pixels, 0.0, 0.0))
    linear = torch.empty(B, 3, image_size * image_size, device=renderer.device)
    color = renderer.shade(scene, u, v).view(B, len(pixels), 3, RAYS).transpose(1, 2)
    linear[:, :, pixels.flatten()] = color.reshape(B, 3, -1)

    rough = _edges(linear.clamp(0, 1).sqrt().view(B, 3, image_size, image_size), edge).flatten(1)
    tile = rough[:, pixels.flatten()].view(-1, RAYS)  # (B * tiles, RAYS)
    number, slot = tile.nonzero(as_tuple=True)
    if len(number):
        count = tile.sum(1)
        per_tile = RAYS // len(SUBPIXELS)  # pixels that fit one tile of rays
        blocks = (count + per_tile - 1) // per_tile
        rank = torch.cumsum(tile, 1)[number, slot] - 1
        block = (torch.cumsum(blocks, 0) - blocks)[number] + rank // per_tile
        place = rank % per_tile
        owner = torch.arange(len(tile), device=renderer.device).repeat_interleave(blocks)
        pixel = pixels[number % len(pixels), slot]
        chosen = pixels[owner % len(pixels), 0][:, None].repeat(1, per_tile)
        chosen[block, place] = pixel
        shift = torch.tensor(SUBPIXELS, device=renderer.device)
        u, v = position(chosen[:, :, None], shift[:, 0], shift[:, 1])
        color = renderer.shade(scene[owner], u.flatten(1), v.flatten(1)).clamp(0, 1)
        four = color.view(-1, 3, per_tile, len(SUBPIXELS))
        mean = (four[..., 0] + four[..., 1] + four[..., 2] + four[..., 3]) * 0.25
        image = torch.div(number, len(pixels), rounding_mode="floor")
        linear[image, :, pixel] = mean[block, :, place]
    image = linear.clamp(0, 1).sqrt().view(B, 3, image_size, image_size)
    return (image * 255 + 0.5).to(torch.uint8).cpu()
