"""What the page shows, as HTML."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

from atlas import Flag
from PIL import Image

from betwixt.images import fit
from betwixt.linked_maps import FRAMES

WIDTH, HEIGHT = 144, 96  # of flags on the page, in pixels


def note(headline: str, text: str, role: str = "status") -> str:
    """A box that says what is missing."""
    return f'<div class="note" role="{role}"><h2>{escape(headline)}</h2><p>{escape(text)}</p></div>'


def refusal(message: str) -> str:
    """One line on what did not work."""
    return note("That did not work", message, role="alert")


def legend(numbers: Mapping[str, int]) -> str:
    """The frames' colours and what they mean; those of the most flags first."""
    shown = [*numbers.items()][: len(FRAMES)]
    items = "".join(f'<li><i style="background:{FRAMES[number]}"></i>{escape(label)}</li>' for label, number in shown)
    return f'<ul class="legend">{items}</ul>'


def about_flag(flag: Flag) -> str:
    """One flag, large, with what is known of it."""
    known = f"{flag.layout}; {flag.palette.replace('+', ', ')}"
    words = f"<h3>{escape(flag.name)}</h3><p>{escape(known)}</p>"
    return f'<div class="one"><img src="{data_uri(flag.picture)}" alt=""><div>{words}</div></div>'


def about_guest(is_far: Sequence[bool], titles: Sequence[str]) -> str:
    """What is to say of a visitor's picture on the maps."""
    far = [title for title, value in zip(titles, is_far, strict=True) if value]
    if not far:
        return '<p class="quiet">Your flag is framed on both maps.</p>'
    return (
        '<p class="quiet">Your picture is framed on both maps, but by '
        f"{escape(' and by '.join(far))} it is far from every flag: its place there means little.</p>"
    )


def rows(title: str, found: Sequence[tuple[str, str, Sequence[tuple[Flag, float]], bool]]) -> str:
    """For each kind of likeness, (its name, in a few words, flags with how alike, whether all are far), a row."""
    sections = ""
    for name, words, flags, is_far in found:
        far = ' <b class="far">far from every flag</b>' if is_far else ""
        items = "".join(
            f'<li><img src="{data_uri(flag.picture)}" alt=""><b>{escape(flag.name)}</b><small>{value:.2f}</small></li>'
            for flag, value in flags
        )
        sections += f"<section><h3>{escape(name)}{far}</h3><p>{escape(words)}</p><ol>{items}</ol></section>"
    return f'<div class="rows"><h2>{escape(title)}</h2>{sections}</div>'


def sheet(headline: str, text: str, pictures: Sequence[tuple[Image.Image, str]]) -> str:
    """Pictures with a line below each."""
    items = "".join(
        f'<li><img src="{data_uri(picture)}" alt="{escape(words)}"><span>{escape(words)}</span></li>'
        for picture, words in pictures
    )
    return f'<div class="sheet"><h2>{escape(headline)}</h2><p>{escape(text)}</p><ol>{items}</ol></div>'


def data_uri(picture: Image.Image) -> str:
    """A flag for the page."""
    buffer = io.BytesIO()
    fit(picture, (WIDTH, HEIGHT), "squash").save(buffer, "WEBP", quality=88)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
