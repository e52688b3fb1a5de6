"""Pictures out of a visitor's zip: read one by one into memory, within limits, and never written anywhere.

What an archive says of itself is not believed: its names are only shown, and sizes are bounded while reading.
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from betwixt.collection import SUFFIXES
from betwixt.images import MAX_FILE_BYTES, ImageError

MOST_FILES = 5000  # in an archive, pictures or not
MOST_BYTES = 600_000_000  # of all its files, unpacked
MOST_DIRECTORY_BYTES = 2_000_000  # of the list of its files, which is read at once
LONGEST_NAME = 60
STARTS = (b"PK\x03\x04", b"PK\x05\x06")
END, END_SIZE, LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
LOCATOR, LOCATOR_SIZE = b"PK\x06\x07", 20  # of archives over 4 GB or of over 65,535 files
NO_ONES = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")  # put in by systems, missed by nobody


@dataclass(frozen=True)
class Member:
    """A file of an archive: its name and folder for people, and what it holds or why that cannot be used."""

    name: str
    folder: str
    data: bytes | Path = b""  # a file of its own is read when it is its turn
    fault: str = ""


def is_zip(file: Path) -> bool:
    """Whether it begins as one, whatever its name."""
    with open(file, "rb") as opened:
        return opened.read(4) in STARTS


def members(file: Path) -> tuple[int, Iterator[Member]]:
    """How many files an archive has, and these one by one.

    Raises:
        ImageError: it is damaged, or has or would become too much; in one line for the visitor.
    """
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir() and not _is_nobodys(info.filename)]
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, OSError, struct.error):
        raise ImageError("The zip is damaged and cannot be opened.") from None
    if not infos:
        raise ImageError("The zip is empty.")
    if len(infos) > MOST_FILES:
        raise ImageError(f"The zip holds {len(infos):,} files: please bring one of {MOST_FILES:,} at most.")
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise ImageError(f"The zip would unpack to more than {MOST_BYTES // 1_000_000} MB: please bring a smaller one.")
    return len(infos), _read_all(file, infos)


def _check_directory(file: Path) -> None:
    """Python reads the whole list of files at once, and each entry takes many times its room: so it must be short."""
    size = file.stat().st_size
    with open(file, "rb") as opened:
        opened.seek(max(0, size - END_SIZE - LONGEST_COMMENT - LOCATOR_SIZE))
        tail = opened.read()
    plain = len(tail) - END_SIZE
    start = plain if tail[plain : plain + 4] == END and tail.endswith(b"\0\0") else tail.rfind(END)
    if start < 0 or start + END_SIZE > len(tail):
        raise ImageError("The zip is damaged and cannot be opened.")
    count, length = struct.unpack("<HI", tail[start + 10 : start + 16])
    is_large = start >= LOCATOR_SIZE and tail[start - LOCATOR_SIZE :][:4] == LOCATOR
    if is_large or length > MOST_DIRECTORY_BYTES:
        files = "too many" if is_large else f"{count:,}"
        raise ImageError(f"The zip holds {files} files: please bring one of {MOST_FILES:,} at most.")


def _read_all(file: Path, infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in infos:
            name, folder = names_of(info.filename)
            fault = _fault_of(info)
            if fault:
                yield Member(name, folder, fault=fault)
                continue
            try:
                with archive.open(info) as opened:
                    data = opened.read(MAX_FILE_BYTES + 1)
                yield Member(name, folder, data)
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError):
                yield Member(name, folder, fault="The file is damaged inside the zip.")


def _fault_of(info: zipfile.ZipInfo) -> str:
    suffix = Path(info.filename).suffix.lower()
    if info.flag_bits & 0x1:
        return "It is encrypted."
    if suffix in (".zip", ".rar", ".7z", ".gz", ".tar"):
        return "An archive inside the archive is not opened."
    if suffix not in SUFFIXES:
        return "It is no picture."
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "It is packed in a way that is not read here."
    if info.file_size > MAX_FILE_BYTES:
        return f"It is over {MAX_FILE_BYTES // 1_000_000} MB."
    return ""


def names_of(path: str) -> tuple[str, str]:
    """A file's own name and that of its folder, for people: neither is ever used as a path."""
    parts = [part for part in path.replace("\\", "/").split("/") if part.strip(". ")]
    shown = ["".join(letter for letter in part if letter.isprintable())[:LONGEST_NAME] for part in parts]
    return (shown[-1] if shown else "a file"), (shown[-2] if len(shown) > 1 else "")


def _is_nobodys(name: str) -> bool:
    return name.startswith(NO_ONES[0]) or name.replace("\\", "/").rsplit("/", 1)[-1].startswith((*NO_ONES[1:], "._"))
