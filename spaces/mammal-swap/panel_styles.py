"""What the page shows of styles, as HTML in both languages."""

from collections.abc import Sequence

from panel import note, progress, strip_of
from PIL import Image
from styles import Sight
from words import both

from betwixt.images import fit
from betwixt.page import data_uri


def blend(
    picture: Image.Image,
    ends: tuple[Image.Image, Image.Image],
    strip: Sequence[tuple[float, Image.Image]],
    share: float,
) -> str:
    """The blend beside its ends, then the whole way; `strip`: how far along, and what is drawn there."""
    words = both("the blend", "le mélange")
    captions = both("the one", "l'une"), both("the other", "l'autre")
    figures = "".join(
        f'<figure><img src="{data_uri(fit(image, 192), "PNG")}" alt=""><figcaption>{caption}</figcaption></figure>'
        for image, caption in zip(ends, captions, strict=True)
    )
    return (
        f'<div class="blend"><figure class="made"><img src="{data_uri(fit(picture, 320), "PNG")}" '
        f'alt="blend · mélange"><figcaption>{words}</figcaption></figure><div class="ends">{figures}</div>'
        f"<h3>{both('All the way', 'Tout le chemin')}</h3>{strip_of(strip, share)}</div>"
    )


def waiting(ahead: int) -> str:
    """Others have their turn first."""
    return progress(both(f"Waiting: {ahead} before you", f"En attente : {ahead} avant vous"), 0.0)


def searching(picture: Image.Image, sight: Sight) -> str:
    """The picture, and what is drawn of the style that is found so far."""
    words = both(f"Looking: step {sight.step} of {sight.steps}", f"Recherche : pas {sight.step} sur {sight.steps}")
    return f"{_pair(picture, sight)}{progress(words, sight.step / sight.steps)}"


def found(picture: Image.Image, sight: Sight) -> str:
    """The last that was found."""
    words = both(
        f"Found in {sight.step} steps: it is the one end of the blend now. “Taken from” changes that.",
        f"Retrouvée en {sight.step} pas : c'est maintenant une extrémité du mélange. « Tirée de » permet d'en changer.",
    )
    return f'{_pair(picture, sight)}<p class="quiet" role="status">{words}</p>'


def _pair(picture: Image.Image, sight: Sight) -> str:
    captions = both("your picture", "votre image"), both("as it draws it", "comme il la dessine")
    figures = "".join(
        f'<figure><img src="{data_uri(fit(image, 192))}" alt=""><figcaption>{caption}</figcaption></figure>'
        for image, caption in zip((picture, sight.image), captions, strict=True)
    )
    return f'<div class="found">{figures}</div>'


EMPTY = note(
    both("What does StyleGAN make of it?", "Qu'en fait StyleGAN ?"),
    both("Bring a picture, best of a head, and have it found.", "Apportez une image, de préférence une tête."),
)
