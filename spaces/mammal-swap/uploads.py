"""Pictures that visitors bring: only what Gradio stored for them is opened, and little of it is kept."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from networks import KEPT
from PIL import Image
from words import WORDS

from betwixt import zips
from betwixt.images import ImageError, fit, open_image, stored_upload

SMALLEST = 24  # side in pixels
MOST = 300  # pictures at once
MOST_BYTES = 200_000_000  # of all files that are brought


def box(label: str, elem_id: str, height: int = 200) -> gr.Image:
    """Where a picture is dropped. Handlers read it without preprocessing, as Gradio's message for a damaged file
    would help nobody."""
    return gr.Image(
        label=WORDS(label),
        type="filepath",
        sources=["upload", "clipboard", "webcam"],
        height=height,
        buttons=[],
        elem_id=elem_id,
        placeholder=WORDS("drop"),
    )


def read(file: dict | None) -> Image.Image:
    """A visitor's picture: the square in its middle, no larger than KEPT. Raises ImageError in one line."""
    return kept(path_of(file))


def path_of(file: dict | None) -> Path:
    """Where Gradio stored a visitor's file. Raises ImageError: it did not."""
    return stored_upload(file, get_upload_folder())


def kept(source: Path | bytes) -> Image.Image:
    """A picture as a square of KEPT pixels at most. Raises ImageError: it cannot be read, or is tiny; in one line."""
    picture = open_image(source, min_side=KEPT)
    if min(picture.size) < SMALLEST:
        width, height = picture.size
        raise ImageError(f"The picture has only {width} by {height} pixels: {SMALLEST} by {SMALLEST} are needed.")
    return fit(picture, min(KEPT, *picture.size))


@dataclass(frozen=True)
class Brought:
    """A picture out of a visitor's files, or why it cannot be used; `folder` is that of a zip."""

    name: str
    folder: str
    picture: Image.Image | None = None
    fault: str = ""


def all_of(files: Sequence[dict] | None) -> tuple[int, Iterator[Brought]]:
    """How many files there are, those of zips one by one; and all of them, as they are opened.

    Raises:
        ImageError: there are none, or they are too large; in one line.
    """
    files = list(files or [])[: zips.MOST_FILES]
    if not files:
        raise ImageError("There are no pictures: please choose some first.")
    total, parts, size = 0, [], 0
    for file in files:
        path = path_of(file)
        if not path.is_file():
            raise ImageError("It was deleted meanwhile: please bring it again.")
        size += path.stat().st_size
        if size > MOST_BYTES:
            raise ImageError(f"The files are over {MOST_BYTES // 1_000_000} MB: please bring less at once.")
        name = Path(str(file.get("orig_name") or path.name)).name[: zips.LONGEST_NAME]
        count, members = zips.members(path) if zips.is_zip(path) else (1, iter([zips.Member(name, "", path)]))
        total += count
        parts.append(members)
    return min(total, MOST), _opened(parts)


def _opened(parts: Sequence[Iterator[zips.Member]]) -> Iterator[Brought]:
    used = 0
    for member in (member for part in parts for member in part):
        fault = member.fault or (f"Only {MOST} pictures are taken at once." if used >= MOST else "")
        try:
            picture = None if fault else kept(member.data)
        except ImageError as error:
            picture, fault = None, str(error)
        used += picture is not None
        yield Brought(member.name, member.folder, picture, fault)


def offer(data: bytes, name: str) -> str:
    """Store a file for a visitor to download, where Gradio serves and later deletes it (`delete_cache`)."""
    # By way of a file, as Gradio puts that in place whole: bytes it writes over a file that another may be fetching.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        return save_file_to_cache(file, get_upload_folder())
