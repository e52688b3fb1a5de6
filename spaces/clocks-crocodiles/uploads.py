"""Files that visitors bring and take away: only what Gradio stored for them is opened, and it forgets all of it."""

import tempfile
import threading
from pathlib import Path

from finder import Picture
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from betwixt.images import ImageError, open_image, stored_upload


def stored(file: dict | None) -> Path:
    """Where Gradio stored a visitor's file.

    Raises:
        ImageError: there is none, or the path is none of Gradio's; in one line for the visitor.
    """
    # Gradio checks this only where the request marks the path as that of a file.
    return stored_upload(file, get_upload_folder())


def name_of(file: dict | None) -> str:
    """What the visitor calls the file."""
    given = file if isinstance(file, dict) else {}
    return Path(str(given.get("orig_name") or given.get("path") or "a file")).name[:80]


def read(file: dict | None, min_side: int) -> Image.Image:
    """Decode a visitor's picture; large ones to no less than `min_side` a side. Raises ImageError in one line."""
    return open_image(stored(file), min_side=min_side)


def gather(files: list[dict] | None, most: int, box: str, known: dict[tuple[str, str], Picture]) -> list[Picture]:
    """A visitor's files as pictures, not yet opened; what cannot be used has its `fault`.

    Args:
        most: further files are left out.
        box: where they were dropped; the same file in two boxes makes two pictures.
        known: pictures of earlier calls, by box and path, which are used again.
    """
    pictures: dict[str, Picture] = {}
    turn = threading.Lock()
    for count, file in enumerate(files if isinstance(files, list) else []):
        try:
            path = stored(file)
        except ImageError as error:
            pictures[f"{count}"] = Picture(name_of(file), b"", fault=str(error))
            continue
        new = Picture(name_of(file), path, turn=turn)
        if count >= most:
            new.fault = f"Only {most} pictures are taken at once."
        elif not path.is_file():
            new.fault = "It was deleted meanwhile: please bring it again."
        old = known.get((box, str(path)))
        pictures[str(path)] = new if new.fault or not old or old.fault else old
    return list(pictures.values())


def offer(data: bytes, name: str) -> str:
    """Store a file for a visitor to download, where Gradio serves and later deletes it (`delete_cache`)."""
    # By way of a file, as Gradio puts that in place whole: bytes it writes over a file that another may be fetching.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        return save_file_to_cache(file, get_upload_folder())
