"""A visitor's own pictures: taken out of files and zips, embedded with progress, and searched."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import networks
import torch
import uploads
from album import Album, title_of
from PIL import Image

from betwixt import zips
from betwixt.images import BATCH, ImageError
from betwixt.recognition import Calibration, calibrate
from betwixt.search import EmbeddingIndex

MOST = 500  # pictures
MOST_BYTES = 200_000_000  # of all files that are brought
PLACES_TO_CALIBRATE, PICTURES_TO_CALIBRATE = 4, 24
TOO_MANY = f"Only {MOST} pictures are taken at once."


@dataclass(frozen=True)
class Own:
    """A visitor's collection, embedded.

    Args:
        left_out: the files that could not be used, and why.
        calibration: of these pictures, where they have enough places; else None.
    """

    album: Album
    index: EmbeddingIndex
    left_out: Sequence[tuple[str, str]]
    calibration: Calibration | None


@dataclass(frozen=True)
class Step:
    """How far it has come."""

    done: int
    total: int


def build(files: Sequence[dict] | None, encoder: str) -> Iterator[Step | Own]:
    """Take the pictures out of a visitor's files; the last that is given is the Own.

    Raises:
        ImageError: there is not one picture among them, or they are too large; in one line.
        gr.Error: the encoder cannot be loaded.
    """
    files = list(files or [])[: zips.MOST_FILES]
    if not files:
        raise ImageError("There are no pictures: please choose some first.")
    total, brought = _opened(files)
    left_out: list[tuple[str, str]] = []
    names, folders, sources, parts, batch = [], [], [], [], []
    yield Step(0, min(total, MOST))
    for number, member in enumerate(brought, 1):
        fault = member.fault or (TOO_MANY if len(sources) >= MOST else "")
        if not fault:
            try:
                picture = uploads.kept(member.data)
            except ImageError as error:
                fault = str(error)
        if fault:
            left_out.append((member.name, fault))
        else:
            names.append(member.name)
            folders.append(member.folder)
            sources.append(_packed(picture))
            batch.append(picture)
        if batch and (len(batch) == BATCH or number == total):
            parts.append(networks.embed(encoder, len(batch), iter(batch)))
            batch = []
            yield Step(len(sources), min(total - len(left_out), MOST))
    if batch:  # some file that was counted never came
        parts.append(networks.embed(encoder, len(batch), iter(batch)))
    if not sources:
        name, why = left_out[0]
        more = f" The same goes for {len(left_out) - 1} more." if len(left_out) > 1 else ""
        raise ImageError(f"There is no picture among these files that can be used. {name}: {why}{more}")
    yield _owned(encoder, names, folders, sources, torch.cat(parts), left_out)


def _owned(encoder: str, names: list[str], folders: list[str], sources: list, embeddings, left_out: list) -> Own:
    in_folders = [folder for folder in folders if folder]
    has_places = len(set(in_folders)) > 1 and 2 * len(in_folders) >= len(folders)
    places = [folder or name for folder, name in zip(folders, names, strict=True)] if has_places else names
    ids = [f"{number:03d}" for number in range(len(names))]
    titles = [
        title_of(folder) if has_places and folder else Path(name).stem or name
        for folder, name in zip(folders, names, strict=True)
    ]
    album = Album("yours", ids, sources, places, titles, has_places=has_places)
    calibration = None
    if has_places and len(set(places)) >= PLACES_TO_CALIBRATE and len(places) >= PICTURES_TO_CALIBRATE:
        try:
            calibration = calibrate(embeddings, places)
        except ValueError:
            calibration = None
    return Own(album, EmbeddingIndex(embeddings, ids, encoder), left_out, calibration)


def _opened(files: Sequence[dict]) -> tuple[int, Iterator[zips.Member]]:
    """How many files there are, those of zips counted one by one; and all of them."""
    total, parts, size, fault = 0, [], 0, None
    for file in files:
        try:
            path = uploads.stored(file)
            if not path.is_file():
                raise ImageError("It was deleted meanwhile: please bring it again.")
            size += path.stat().st_size
            if size > MOST_BYTES:
                raise ImageError(f"That is over {MOST_BYTES // 1_000_000} MB: please bring less at once.")
            if zips.is_zip(path):
                count, found = zips.members(path)
            else:
                count, found = 1, iter([_member(file, path)])
        except ImageError as error:
            fault = error
            count, found = 1, iter([zips.Member(uploads.name_of(file), "", fault=str(error))])
        total += count
        parts.append(found)
    if fault and len(files) == 1:
        raise fault
    return total, (member for part in parts for member in part)


def _member(file: dict, path: Path) -> zips.Member:
    return zips.Member(uploads.name_of(file), "", path)


def _packed(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
