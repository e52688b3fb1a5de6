"""Rendered pictures as rows of a dataset, in parts that survive a kill."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
from tables import encode, write_parquet
from worlds.factors import Factors

PART = 400  # pictures, some 15 seconds


def rendered(
    world: ModuleType,
    factors: Callable[[int, int], Factors],
    count: int,
    image_size: int,
    parts: Path,
    key: str,
    quality: int = 100,
) -> list[dict]:
    """`count` pictures of a world with their factors; what is in the folder `parts` already is not rendered again.

    Args:
        factors: (start, size) -> what the pictures from that number on show.
        key: names the stream of pictures, seed included: each has files of its own.
        quality: of the WebP that is stored; 100: lossless.
    """
    records: list[dict] = []
    for start in range(0, count, PART):
        size = min(PART, count - start)
        part = parts / f"{key}-{image_size}-{quality}-{start:06d}-{size}.parquet"
        if not part.exists():
            parts.mkdir(parents=True, exist_ok=True)
            shown = factors(start, size)
            # Starting a second process takes as long as some fifty pictures.
            processes = (os.cpu_count() or 1) if size > 100 else 1
            pixels = world.render(shown, image_size, processes=processes).permute(0, 2, 3, 1).numpy()
            rows = [
                {"image": encode(p, quality), "label": 0, **f} for p, f in zip(pixels, shown.records(), strict=True)
            ]
            write_parquet(part, rows, [key])
            print(f"rendered {start + size} of {count} {key}", file=sys.stderr)
        rows = pq.read_table(part).to_pylist()
        records += [{**row, "image": row["image"]["bytes"], "source": "rendered"} for row in rows]
    return records
