"""What became of each photo, line by line, so that a run that was killed goes on where it was."""

import base64
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from near_duplicates import SIDE, near_duplicate_groups
from PIL import Image

from betwixt.images import fit

KEPT, FILTERED, DUPLICATE, UNBOXED, BAD = "kept", "filtered", "near-duplicate", "without a box", "bad"


@dataclass
class Result:
    """What became of a photo, by its path below the source."""

    file: str
    stem: str  # of the files that are made of it
    outcome: str = BAD
    crops: list[str] = field(default_factory=list)  # paths below the report's folder
    faults: list[str] = field(default_factory=list)
    look: str = ""  # see `look_of`
    like: str = ""  # the photo of which this is a near-duplicate


class Report:
    """FOLDER/report.jsonl: the options, then a `Result` on each line; of several of one photo the last counts.

    Raises:
        ValueError: there is one already, made with other options, or damaged.
    """

    def __init__(self, folder: Path, options: dict):
        self.folder, self.file = folder, folder / "report.jsonl"
        self.results: dict[str, Result] = {}
        folder.mkdir(parents=True, exist_ok=True)
        lines = self._whole_lines()
        if len(lines) < 2:  # nothing was made with these options, which were perhaps wrong
            self.file.unlink(missing_ok=True)
            self._append(options)
            return
        try:
            made_with, *rows = map(json.loads, lines)
            self.results = {row["file"]: Result(**row) for row in rows}
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{self.file} is damaged: delete {folder}") from None
        if changed := sorted(key for key, value in options.items() if made_with.get(key) != value):
            raise ValueError(f"{folder} was made with another {', '.join(changed)}: choose another name, or delete it")

    def _whole_lines(self) -> list[bytes]:
        content = self.file.read_bytes() if self.file.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:  # killed in the middle of a line
            os.truncate(self.file, len(whole))
        return whole.splitlines()

    def _append(self, row: dict) -> None:
        with open(self.file, "ab") as file:
            file.write(json.dumps(row).encode() + b"\n")

    def add(self, result: Result) -> None:
        """Write down what became of a photo."""
        self._append(asdict(result))
        self.results[result.file] = result

    def is_done(self, file: str) -> bool:
        """Whether all is there that is made of a photo. What was bad may have been put right, and is tried again."""
        result = self.results.get(file)
        if result is None or result.outcome in (BAD, UNBOXED):
            return False
        return result.outcome != KEPT or all((self.folder / crop).exists() for crop in result.crops)

    def drop_near_duplicates(self) -> None:
        """Keep the first photo of each group that looks the same, and delete what was made of the others."""
        rows = [self.results[file] for file in sorted(self.results) if self.results[file].outcome in (KEPT, DUPLICATE)]
        groups = near_duplicate_groups(pixels_of_looks([row.look for row in rows])) if rows else []
        first: dict[int, Result] = {}
        for group, row in zip(groups, rows, strict=True):
            if row.outcome == KEPT and first.setdefault(group, row) is not row:
                self.add(replace(row, outcome=DUPLICATE, like=first[group].file))
        for result in self.results.values():
            for crop in result.crops if result.outcome == DUPLICATE else []:
                (self.folder / crop).unlink(missing_ok=True)

    def summary(self) -> str:
        """How many photos each outcome has."""
        counts = Counter(result.outcome for result in self.results.values())
        crops = sum(len(result.crops) for result in self.results.values() if result.outcome == KEPT)
        shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (KEPT, FILTERED, DUPLICATE, UNBOXED, BAD))
        return f"{crops} pictures; of {len(self.results)} photos {shown}"


def look_of(picture: Image.Image) -> str:
    """The whole picture in so few pixels that near-duplicates can be told, as text."""
    return base64.b64encode(fit(picture, 2 * SIDE, "squash").reduce(2).tobytes()).decode()


def pixels_of_looks(looks: list[str]) -> torch.Tensor:
    """uint8 (N, 3, SIDE, SIDE) of what `look_of` gave."""
    pixels = [np.frombuffer(base64.b64decode(look), dtype=np.uint8).reshape(SIDE, SIDE, 3) for look in looks]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
