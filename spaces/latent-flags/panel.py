"""What the page shows, as HTML."""

from collections.abc import Mapping, Sequence
from html import escape

from atlas import Flag, Placed
from PIL import Image

from betwixt.images import fit
from betwixt.linked_maps import FRAMES
from betwixt.page import data_uri, note

SIZE = 144, 96  # of flags on the page: width and height in pixels


def refusal(message: str) -> str:
    """One line on what did not work."""
    return note("That did not work", message, role="alert")


def legend(numbers: Mapping[str, int]) -> str:
    """The frames' colours and what they mean; those of the most flags first."""
    items = "".join(
        f'<li><i style="background:{FRAMES[number]}"></i>{escape(label.replace("+", ", "))}</li>'
        for label, number in numbers.items()
    )
    return f'<ul class="legend">{items}</ul>'


def about_flag(flag: Flag) -> str:
    """One flag, large, with what is known of it."""
    known = f"{flag.layout}; {flag.palette.replace('+', ', ')}"
    words = f"<h3>{escape(flag.name)}</h3><p>{escape(known)}</p>"
    return f'<div class="one"><img src="{small(flag.picture)}" alt=""><div>{words}</div></div>'


def about_guest(placed: Sequence[Placed], titles: Sequence[str]) -> str:
    """What is to say of a visitor's picture on the maps."""
    far = [
        f"by “{title}” the nearest flag is {max(0.0, one.likeness):.2f} like it, and nine of ten flags have one that "
        f"is {one.usual:.2f} like it or more"
        for title, one in zip(titles, placed, strict=True)
        if one.is_far
    ]
    if not far:
        return '<p class="quiet">Your flag is framed on both maps.</p>'
    return (
        '<p class="quiet">Your picture is framed on both maps, but it is far from every flag: '
        f"{escape('; '.join(far))}. So its place there means little.</p>"
    )


def rows(title: str, found: Sequence[tuple[str, str, Sequence[tuple[Flag, float]], bool]]) -> str:
    """For each kind of likeness, (its name, in a few words, flags with how alike, whether all are far), a row."""
    sections = ""
    for name, words, flags, is_far in found:
        far = ' <b class="far">far from every flag</b>' if is_far else ""
        items = "".join(
            f'<li><img src="{small(flag.picture)}" alt=""><b>{escape(flag.name)}</b><small>{value:.2f}</small></li>'
            for flag, value in flags
        )
        sections += f"<section><h3>{escape(name)}{far}</h3><p>{escape(words)}</p><ol>{items}</ol></section>"
    return f'<div class="rows"><h2>{escape(title)}</h2>{sections}</div>'


def sheet(headline: str, text: str, pictures: Sequence[tuple[Image.Image, str]]) -> str:
    """Pictures with a line below each."""
    items = "".join(
        f'<li><img src="{in_proportion(picture)}" alt="{escape(words)}"><span>{escape(words)}</span></li>'
        for picture, words in pictures
    )
    return f'<div class="sheet"><h2>{escape(headline)}</h2><p>{escape(text)}</p><ol>{items}</ol></div>'


def strip(pictures: Sequence[Image.Image]) -> str:
    """Pictures side by side, small, that the words around them explain."""
    row = "".join(f'<img src="{small(picture)}" alt="">' for picture in pictures)
    return f'<div class="strip" aria-hidden="true">{row}</div>'


def in_proportion(picture: Image.Image) -> str:
    """A flag for the page, as wide as it is."""
    height = SIZE[1]
    return data_uri(fit(picture, (round(height * picture.width / picture.height), height), "squash"), "WEBP")


def small(picture: Image.Image) -> str:
    """A flag for the page."""
    return data_uri(fit(picture, SIZE, "squash"), "WEBP")
