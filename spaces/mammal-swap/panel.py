"""What the page shows, as HTML in both languages."""

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape

from PIL import Image
from words import both, breed_name, fault

from betwixt.breeds import species_of
from betwixt.images import fit
from betwixt.page import data_uri

NEITHER = "neither"
SURE, UNSURE, CERTAIN = 0.6, 0.25, 0.75  # probabilities, the last of the species
SHOWN = 5  # breeds
SPECIES = {"cat": ("cat", "chat"), "dog": ("dog", "chien")}


def note(title: str, text: str, role: str = "status") -> str:
    """A box that says what is missing; both are HTML."""
    return f'<div class="note" role="{role}"><h2>{title}</h2><p>{text}</p></div>'


def refusal(text: str, left_out: Sequence[tuple[str, str]] = ()) -> str:
    """One line on what did not work, as HTML."""
    return note(both("That did not work", "Cela n'a pas marché"), text, "alert") + files_left_out(left_out)


def progress(text: str, share: float) -> str:
    """How far something has come."""
    return f'<div class="progress"><label>{text}<progress max="1" value="{share:.3f}"></progress></label></div>'


def percent(share: float) -> str:
    """0.5 -> "50 %"; never 0 or 100 where it is not quite that."""
    if 0 < share < 0.005:
        return "&lt;&thinsp;1&nbsp;%"
    return "&gt;&thinsp;99&nbsp;%" if 0.995 <= share < 1 else f"{100 * share:.0f}&nbsp;%"


def files_left_out(files: Sequence[tuple[str, str]], named: int = 5) -> str:
    """Which files could not be used, and why: the first by name."""
    if not files:
        return ""
    items = "".join(f"<li><b>{escape(name)}</b> {fault(why)}</li>" for name, why in files[:named])
    more = len(files) - named
    items += f"<li>{both(f'and {more} more', f'et {more} autres')}</li>" if more > 0 else ""
    count = both(f"Left out: {len(files)}", f"Laissés de côté : {len(files)}")
    return f'<div class="left-out" role="status"><p>{count}</p><ul>{items}</ul></div>'


# Blend


def blend(
    picture: Image.Image,
    ends: Sequence[tuple[Image.Image, Image.Image, float]],
    strip: Sequence[tuple[float, Image.Image]],
    share: float | None,
) -> str:
    """The blend beside what it is made of, then the whole way between the first two.

    Args:
        ends: pictures as they were brought, as the network draws them, and their shares.
        strip: how far along, and what is drawn there.
        share: how far along the blend is; None: it is not on that way.
    """
    stage = "".join(_end(*end) for end in ends)
    large = data_uri(fit(picture, 320), "PNG")
    words = both("the blend", "le mélange")
    first, second = (fit(brought, 96) for brought, *_ in ends[:2])
    # Beyond both Pillow extrapolates.
    crossfades = "".join(f'<li><img src="{data_uri(Image.blend(first, second, t))}" alt=""></li>' for t, _ in strip)
    return (
        f'<div class="blend"><figure class="made"><img src="{large}" alt="blend · mélange"><figcaption>{words}'
        f'</figcaption></figure><div class="ends">{stage}</div>'
        f"<h3>{both('All the way: through latents', 'Tout le chemin : par les latents')}</h3>{strip_of(strip, share)}"
        f"<h3>{both('For comparison: pixels laid over each other', 'Pour comparer : les pixels superposés')}</h3>"
        f'<ol class="plain">{crossfades}</ol></div>'
    )


def strip_of(strip: Sequence[tuple[float, Image.Image]], share: float | None) -> str:
    """Pictures along a way, each with how far it is; that which is nearest to `share` is marked."""
    steps = "".join(
        f"<li{' aria-current=true' if share is not None and abs(t - share) < 0.13 else ''}>"
        f'<img src="{data_uri(fit(image, 128), "PNG")}" alt=""><small>{t:g}</small></li>'
        for t, image in strip
    )
    return f"<ol>{steps}</ol>"


def _end(brought: Image.Image, drawn: Image.Image, share: float) -> str:
    first, second = (data_uri(fit(image, 128)) for image in (brought, drawn))
    words = both("as the network draws it", "tel que le réseau le dessine")
    return (
        f'<figure><span class="pair"><img src="{first}" alt=""><img src="{second}" alt=""></span>'
        f"<figcaption><b>{share:+.2f}</b> <small>{words}</small></figcaption></figure>"
    )


def film(data: bytes) -> str:
    """A film that plays."""
    source = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    return f'<img class="film" src="{source}" alt="film">'


# Breed


def breed(
    picture: Image.Image,
    opinion: Sequence[tuple[str, float]],
    pictured: Callable[[str], str | None],
    heat: Image.Image | None = None,
) -> str:
    """The answer, and the likeliest breeds with their probabilities."""
    best, share = opinion[0]
    seen = data_uri(fit(heat or picture, 320))
    caption = both("Warm: what speaks for it", "En chaud : ce qui plaide pour sa réponse") if heat else ""
    rows = "".join(_row(name, value, pictured(name)) for name, value in opinion[:SHOWN])
    return (
        f'<div class="breed"><div><h2>{_headline(best, share)}</h2><p>{_doubt(best, share, opinion)}</p>'
        f"<ol>{rows}</ol></div><figure{' class=looking' if heat is None and best != NEITHER else ''}>"
        f'<img src="{seen}" alt=""><figcaption>{caption}</figcaption></figure></div>'
    )


def _headline(best: str, share: float) -> str:
    english, french = (escape(name) for name in breed_name(best))
    if best == NEITHER and share >= SURE:
        return both("Neither dog nor cat", "Ni chien ni chat")
    if best == NEITHER:
        return both("Perhaps neither dog nor cat", "Peut-être ni chien ni chat")
    if share >= SURE:
        return both(english, french)
    if share >= UNSURE:
        return both(f"Perhaps: {english}", f"Peut-être : {french}")
    return both("Hard to say", "Difficile à dire")


def species(opinion: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """Dog or cat, by the sum over its breeds, as a share of both."""
    sums = {kind: sum(value for name, value in opinion if species_of(name) == kind) for kind in SPECIES}
    kind = max(sums, key=sums.get)
    return kind, sums[kind] / max(sum(sums.values()), 1e-9)


def _doubt(best: str, share: float, opinion: Sequence[tuple[str, float]]) -> str:
    if best == NEITHER:
        return both(
            "It sees no head of a dog or a cat here, or is not sure of one.",
            "Il ne voit ici ni tête de chien ni tête de chat, ou n'en est pas sûr.",
        )
    kind, sure = species(opinion)
    english, french = SPECIES[kind]
    text = (f"A {english}, by {percent(sure)}.", f"Un {french}, à {percent(sure)}.")
    if sure < CERTAIN:
        text = (f"Perhaps a {english} ({percent(sure)}).", f"Peut-être un {french} ({percent(sure)}).")
    if share < UNSURE:
        text = (
            f"{text[0]} No breed stands out: perhaps it is of one that it never saw, or of several.",
            f"{text[1]} Aucune race ne se détache : peut-être une qu'il n'a jamais vue, ou un croisement.",
        )
    return both(*text)


def _row(name: str, share: float, picture: str | None) -> str:
    words = ("Neither", "Ni l'un ni l'autre") if name == NEITHER else breed_name(name)
    english, french = (escape(word) for word in words)
    shown = f'<img src="{picture}" alt="" loading="lazy">' if picture else "<i></i>"
    return (
        f'<li>{shown}<span>{both(english, french)}</span><span class="track"><span style="width:{100 * share:.1f}%">'
        f"</span></span><b>{percent(share)}</b></li>"
    )


# Clusters

COLORS = (  # of clusters; the last but one is for all that are left, the last for what is in none
    "#e4572e", "#2e86ab", "#3ba55d", "#f2b134", "#8e5bd0", "#d6568f", "#2bb3a3", "#8c6d46", "#b7c334", "#4c5fd5",
    "#5b2333", "#ff9f7a", "#7fc8e8", "#1f6f3c", "#c79bff", "#a8481c", "#f7a8c8", "#0e5f59", "#6b6f1d", "#9aa3ad",
    "#3b3b3b",
)  # fmt: skip


def legend(numbers: Mapping[str, int]) -> str:
    """What the frames' colours mean: HTML -> the number of a colour."""
    items = "".join(f'<li><i style="background:{COLORS[number]}"></i>{name}</li>' for name, number in numbers.items())
    return f'<ul class="legend">{items}</ul>'


def gallery(clusters: Sequence[tuple[str, str, Sequence[str], Sequence[str], int]]) -> str:
    """The clusters, the largest first.

    Args:
        clusters: of each its name and what it holds, as HTML, the most typical and the odd ones as data URIs, and how
            many there are.
    """
    items = "".join(
        f"<section><h3>{name} <small>{count}</small></h3><p>{words}</p>{_pictures(typical)}"
        f"{_odd(odd) if odd else ''}</section>"
        for name, words, typical, odd, count in clusters
    )
    return f'<div class="clusters">{items}</div>'


def _odd(pictures: Sequence[str]) -> str:
    return f"<h4>{both('The odd ones', 'Les plus étranges')}</h4>{_pictures(pictures)}"


def _pictures(pictures: Sequence[str]) -> str:
    return "<ol>" + "".join(f'<li><img src="{one}" alt="" loading="lazy"></li>' for one in pictures) + "</ol>"


def table(questions: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[float, float]]]], chosen: int) -> str:
    """How well clusters by each of the features fit what is known: purity, and adjusted mutual information."""
    head = "".join(f"<th scope=col>{words}</th>" for words in questions)
    body = "".join(
        f"<tr{' aria-current=true' if number == chosen else ''}><th scope=row>{name}</th>"
        + "".join(f"<td>{percent(pure)} <small>{told:.2f}</small></td>" for pure, told in cells)
        + "</tr>"
        for number, (name, cells) in enumerate(rows)
    )
    words = both(
        "The share of pictures that are of the most frequent kind in their cluster (in none: wrong); small: how "
        "much clusters and kinds tell of each other, 0 by chance, 1 everything (adjusted mutual information). The "
        "classifier learned from most of the rendered animals that are shown here.",
        "La part des images qui sont de la catégorie la plus fréquente de leur groupe (dans aucun : faux) ; en "
        "petit : ce que groupes et catégories disent l'un de l'autre, 0 au hasard, 1 tout (information mutuelle "
        "ajustée). Le classifieur a appris de la plupart des animaux de synthèse montrés ici.",
    )
    heading = both("Which features separate what?", "Quelles caractéristiques séparent quoi ?")
    return (
        f'<div class="which"><h2>{heading}</h2>'
        f'<div class="scroll" tabindex="0"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'
        f'</div><p class="quiet">{words}</p></div>'
    )
