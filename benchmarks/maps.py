"""How fast flags are drawn, maps are made, flags are placed on them, and the page's canvas moves; all in one run.

    python benchmarks/maps.py --output benchmarks/results/maps_speed.json

Maps are of form-like features, as many numbers as the published autoencoder gives. Frames are counted in Chromium, on a
page with nothing but the two maps, while one of them zooms.
"""

import argparse
import json
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F
from playwright.sync_api import sync_playwright
from timing import seconds

from betwixt.flags import draw, read
from betwixt.linked_maps import SCRIPT, STYLE, TEMPLATE, Side, linked_maps, sheet_of
from betwixt.maps import TSNEMap

ROUNDS = 5
DIMENSIONS = 64
MAPS = (255, 5000)
CANVASES = (200, 1000, 5000)
FRAMES = 120
TILE = (48, 32)
PAGE = """<!doctype html><style>body {{ margin: 20px; }} {style}</style>{template}<script>
const element = document.body, props = {{ value: {value} }}, watch = () => {{}}, trigger = () => {{}};
{script}</script>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    table = {"threads": torch.get_num_threads(), **drawing(), **maps(), **canvases()}
    text = json.dumps(table, indent=2)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def drawing() -> dict[str, float]:
    flags = read()
    return {"flags drawn a second": len(flags) / seconds(lambda: [draw(flag) for flag in flags], ROUNDS)}


def maps() -> dict[str, float]:
    """Seconds; the first map of a process also loads the library."""
    table = {}
    for count in MAPS:
        features = clusters(count)
        found: list[TSNEMap] = []
        rounds = ROUNDS if count < 1000 else 1
        table[f"map of {count}"] = seconds(lambda: found.append(TSNEMap.fit(features)), rounds)  # noqa: B023
        table[f"placing one among {count}"] = seconds(lambda: found[-1].transform(features[:1]), ROUNDS)  # noqa: B023
    return table


def canvases() -> dict[str, float]:
    """Frames a second."""
    pictures, table = [draw(flag) for flag in read()], {}
    random = np.random.default_rng(0)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        for count in CANVASES:
            sides = tuple(
                Side(name, random.normal(size=(count, 2)), torch.randint(count, (count, 5)))
                for name in ("one", "other")
            )
            sheet = sheet_of([pictures[i % len(pictures)] for i in range(count)], TILE)
            value = linked_maps("all", [str(i) for i in range(count)], sides, sheet, TILE)
            file = Path(folder) / f"{count}.html"
            file.write_text(PAGE.format(style=STYLE, template=TEMPLATE, value=json.dumps(value), script=SCRIPT))
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.goto(file.as_uri())
            page.wait_for_timeout(1000)
            measure = f"document.querySelector('.linked-maps').measure({FRAMES})"
            table[f"frames a second with {count} pictures"] = statistics.median(
                page.evaluate(measure) for _ in range(3)
            )
            page.close()
        chromium.close()
    return table


def clusters(count: int) -> torch.Tensor:
    """(count, DIMENSIONS) around 12 centres, rows of length 1."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(12, DIMENSIONS, generator=generator)
    return F.normalize(centres[torch.arange(count) % 12] + torch.randn(count, DIMENSIONS, generator=generator), dim=1)


if __name__ == "__main__":
    main()
