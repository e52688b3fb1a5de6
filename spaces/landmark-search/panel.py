"""What the page shows, as HTML: what a search found, where two pictures match, what lies between clusters."""

from collections.abc import Mapping, Sequence
from html import escape

from album import THUMBNAIL, Album, Answer
from between import Between, Findings
from PIL import Image

from betwixt.images import fit
from betwixt.linked_maps import FRAMES
from betwixt.page import data_uri, files_left_out, note

ON_RESULT_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-index]");
  if (!button) return;
  element.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  button.setAttribute("aria-current", "true");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, stage = document.getElementById("STAGE");
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  trigger("select", { index: Number(button.dataset.index) });
});
"""  # STAGE: the id of where the picked picture is shown


RENDERED = "These places are rendered, and do not exist: real photos find each other in the tab Your photos."


def refusal(message: str, left_out: Sequence[tuple[str, str]] = ()) -> str:
    """One line on what did not work, and which files are to blame."""
    return note("That did not work", message, role="alert") + files_left_out(left_out)


def welcome(title: str, text: str) -> str:
    """What stands where the results will be."""
    return note(title, text)


def small(picture: Image.Image) -> str:
    """A visitor's picture or a heat map for the page."""
    return data_uri(fit(picture, 256))


def percent(share: float) -> str:
    """0.5 -> "50 %"; never 0 or 100 where it is not quite that."""
    if 0 < share < 0.005:
        return "under 1\N{NO-BREAK SPACE}%"
    return "over 99\N{NO-BREAK SPACE}%" if 0.995 <= share < 1 else f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


# What a search found


def verdict(answer: Answer) -> tuple[str, str]:
    """A headline on which place a picture shows, and a line on why."""
    likeness = f"{answer.scores[0]:.2f} like yours (1 would be the same)" if answer.scores else ""
    near = f"The nearest picture is {likeness}"
    calibration = answer.calibration
    if not answer.rows:
        return "There is nothing to search in.", "The collection is empty."
    if calibration is None or not answer.album.has_places:
        return f"Nearest: {answer.album.titles[answer.rows[0]]}.", f"{near}."
    if answer.place is None:
        closest = f"{near}, which is not enough: {calibration.threshold:.2f} would be. Here is what comes closest."
        return "Not in this collection.", closest + (f" {RENDERED}" if answer.album.is_rendered else "")
    voters = [
        answer.album.places[row] == answer.place
        for row, score in zip(answer.rows, answer.scores, strict=True)
        if score >= calibration.threshold
    ]
    sure = "" if answer.share >= 0.6 and len(voters) > 1 else "Perhaps "
    if len(voters) == 1:
        why = f"Only the nearest picture is near enough to vote: {likeness}."
    else:
        why = f"Of {len(voters)} pictures that are near enough to vote {sum(voters)} show it. {near}."
    return f"{sure}{answer.title}.", why


def found(answer: Answer) -> str:
    """The nearest pictures, to click on, and how far the verdict is to be trusted."""
    return f'<div class="found">{nearest(answer, 0)}{_honesty(answer)}</div>'


def _verdict(answer: Answer) -> str:
    headline, text = verdict(answer)
    truth, told = answer.query.place, ""
    if truth is not None:
        right = sum(answer.album.places[row] == truth for row in answer.rows)
        title = escape(answer.query.album.titles[answer.query.row])
        told = f"<p>It shows {title}, as do {right} of these {len(answer.rows)}.</p>"
    return f'<div class="verdict" role="status"><h2>{escape(headline)}</h2><p>{escape(text)}</p>{told}'


def _honesty(answer: Answer) -> str:
    known = answer.calibration
    if not known or not answer.album.has_places:
        return ""
    likened = (
        ""
        if known.likened is None
        else f" Where others of its kind are here, as another pagoda is, {percent(known.likened)} are."
    )
    return (
        f'<p class="quiet">How sure is that? A place is named from a likeness of {known.threshold:.2f} on. Tried on '
        f"pictures of {known.places} places, {percent(known.found)} were named rightly and {percent(known.mistaken)} "
        f"wrongly. Of pictures of places that are not here {percent(known.claimed)} are named all the same.{likened}"
        "</p>"
    )


def nearest(answer: Answer, picked: int | None = None, clickable: bool = True) -> str:
    """The nearest pictures, right ones marked where that is known."""
    items, truth = "", answer.query.place
    for number, (row, score) in enumerate(zip(answer.rows, answer.scores, strict=True)):
        album = answer.album
        right = truth is not None and album.places[row] == truth
        mark = '<i class="right" title="the right place">✓</i>' if right else ""
        words = f"{album.titles[row]}, {score:.2f} alike" + (", the right place" if right else "")
        inner = (
            f'<img src="{album.thumbnail(row)}" alt="" loading="lazy">{mark}'
            f"<b>{escape(album.titles[row])}</b><small>{score:.2f}</small>"
            f'<span class="track" aria-hidden="true"><span style="width:{max(0.0, score):.0%}"></span></span>'
        )
        state = ' class="is-right"' if right else ""
        if clickable:
            current = ' aria-current="true"' if number == picked else ""
            inner = (
                f'<button type="button" data-index="{number}"{current} aria-label="{escape(words)}">{inner}</button>'
            )
        else:
            inner = f'<span class="item">{inner}</span>'
        items += f"<li{state}>{inner}</li>"
    return f'<ol class="nearest">{items}</ol>'


def match(answer: Answer, rank: int, heats: Sequence[str] | None) -> str:
    """What a search says; and the query and one of the results side by side, with heat (data URIs) once there is some.

    Of an empty collection there is no result, and the verdict says so.
    """
    if not answer.rows:
        return f'<div class="match">{_verdict(answer)}</div></div>'
    row = answer.rows[rank]
    pictures = heats or (small(answer.query.picture), answer.album.thumbnail(row))
    words = (
        "What the encoder finds alike glows orange; what speaks against it is blue."
        if heats
        else "Looking for what they have in common …"
    )
    titles = ("Your picture", f"{answer.album.titles[row]}, {answer.scores[rank]:.2f} alike")
    figures = "".join(
        f'<figure><img src="{source}" alt="{"Heat map: " if heats else ""}{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for source, title in zip(pictures, titles, strict=True)
    )
    return (
        f'<div class="match{"" if heats else " looking"}">{figures}{_verdict(answer)}'
        f'<p class="quiet">{words}</p></div></div>'
    )


# Encoders side by side


def columns(answers: Sequence[tuple[Answer, str, str]], caption: str) -> str:
    """What each encoder finds nearest: (answer, the encoder's name for people, what it is)."""
    first = answers[0][0]
    truth, parts = first.query.place, ""
    for answer, title, text in answers:
        right = sum(answer.album.places[row] == truth for row in answer.rows)
        could_be = min(len(answer.rows), answer.album.places.count(truth) - 1)
        score = f'<p class="score"><b>{right} of {could_be}</b> found</p>' if truth is not None else ""
        headline, _ = verdict(answer)
        says = "" if truth is not None else f'<p class="score"><b>{escape(headline)}</b></p>'
        parts += f"<section><h3>{escape(title)}</h3><p>{escape(text)}</p>{score}{says}"
        parts += f"{nearest(answer, clickable=False)}</section>"
    what = f"A picture of {escape(first.query.album.titles[first.query.row])}" if truth is not None else escape(caption)
    return (
        f'<div class="columns"><figure class="asked"><img src="{small(first.query.picture)}" alt="{what}">'
        f"<figcaption>{what}</figcaption></figure><div>{parts}</div></div>"
    )


# The map


def legend(numbers: Mapping[str, int]) -> str:
    """The frames' colours and what they mean; those of the most pictures first."""
    items = "".join(
        f'<li><i style="background:{FRAMES[number]}"></i>{escape(label.replace("_", " "))}</li>'
        for label, number in numbers.items()
    )
    return f'<ul class="legend">{items}</ul>'


def one(album: Album, row: int, reasons: Sequence[str]) -> str:
    """A picture of the map, large, with what is known of it."""
    known = f"<p>{escape(_sentence(reasons))}</p>" if reasons else ""
    return (
        f'<div class="one"><img src="{data_uri(album.open_or_blank(row, THUMBNAIL))}" alt="">'
        f"<div><h3>{escape(album.titles[row])}</h3>{known}</div></div>"
    )


def _sentence(reasons: Sequence[str]) -> str:
    text = "; ".join(reasons)
    return text[:1].upper() + text[1:] + "." if text else ""


def between(album: Album, findings: Findings, encoder: str, shown: int) -> str:
    """The pictures between clusters, the clearest first, and why."""
    count = len(findings.pictures)
    if not count:
        return note("Nothing between clusters", f"By {encoder}, every picture lies among others of its own place.")
    items = "".join(_between_item(album, picture) for picture in findings.pictures[:shown])
    first = f" Here are the clearest {shown}." if count > shown else ""
    return (
        f'<div class="between"><h2>Between clusters</h2><p>By {escape(encoder)}, {count:,} of {findings.total:,} '
        f"pictures have mostly other places as their nearest.{first}</p>{_why(findings.shares)}<ol>{items}</ol></div>"
    )


def _between_item(album: Album, picture: Between) -> str:
    other, times = picture.like
    title, like = album.titles[picture.row], album.titles[other]
    return (
        f'<li><span class="pair"><img src="{album.thumbnail(picture.row)}" alt="{escape(title)}" loading="lazy">'
        f'<img src="{album.thumbnail(other)}" alt="looks like {escape(like)}" loading="lazy"></span>'
        f"<b>{escape(title)}</b><span>looks like {escape(like)} ({times} of {picture.asked} nearest)</span>"
        f"<small>{escape(_sentence(picture.reasons))}</small></li>"
    )


def _why(shares: Mapping[str, tuple[float, float]]) -> str:
    telling = sorted(
        ((here - everywhere, reason, here, everywhere) for reason, (here, everywhere) in shares.items()), reverse=True
    )
    rows = "".join(
        f"<li><b>{escape(reason)}</b> {percent(here)} of these, {percent(everywhere)} of all</li>"
        for gain, reason, here, everywhere in telling[:3]
        if gain > 0.02
    )
    return f'<ul class="why" aria-label="What they have in common">{rows}</ul>' if rows else ""


# A visitor's own pictures


def own(album: Album, left_out: Sequence[tuple[str, str]]) -> str:
    """All of a visitor's pictures, to click on."""
    items = "".join(
        f'<li><button type="button" data-index="{row}" '
        f'aria-label="Look for what is like {escape(album.titles[row])}"><img src="{album.thumbnail(row)}" alt="" '
        f'loading="lazy"><small>{escape(album.titles[row])}</small></button></li>'
        for row in range(len(album))
    )
    places = f" of {len(set(album.places))} places" if album.has_places else ""
    count = "1 picture" if len(album) == 1 else f"{len(album)} pictures"
    return (
        f'<div class="own"><h2>{count}{places}</h2><p>Click one: what is most like it?</p>'
        f'<ol tabindex="0" role="group" aria-label="Your pictures">{items}</ol></div>{files_left_out(left_out)}'
    )
