"""What the tab *Classify* shows, as HTML: pictures, bars, and what happens when something is missing."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from PIL import Image

from betwixt.images import fit
from betwixt.page import data_uri, note

UNSURE = 0.6  # a lower probability is called "perhaps"
LEANS = 0.15  # a smaller fall of the probability is not called leaning on something


@dataclass(frozen=True)
class Opinion:
    """What one network thinks of a picture."""

    network: str  # a name for people, "ResNet-9"
    model: str  # the published name
    description: str  # what it is, in a few words
    measured: str  # how often it is right, in words out of its card; empty where the card has no figure
    probabilities: dict[str, float]  # class -> [0, 1]; they sum to 1

    @property
    def answer(self) -> str:
        """The class with the highest probability."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class Variant:
    """A picture as the networks see it, whole or with something taken away."""

    removed: str  # "no colour"; empty for the whole picture
    caption: str  # "in grey"
    picture: Image.Image  # as small as the networks see it


@dataclass(frozen=True)
class Reason:
    """What decided one network's answer."""

    heat_map: Image.Image  # orange speaks for the answer, blue against it
    without: dict[str, float] = field(default_factory=dict)  # removed -> probability that its answer still has


def welcome(files: list[tuple[Path, str]], size: int = 32) -> str:
    """What stands where the answers will be: the examples in as many pixels as the networks see."""
    pictures = ""
    for path, _ in files:
        with Image.open(path) as picture:
            small = fit(picture.convert("RGB"), size)
        pictures += f'<img class="pixels" src="{data_uri(small, "PNG")}" alt="">'
    text = f"The networks see no more of it than {size} by {size} pixels. Is that enough? And what do they go by?"
    return note("Your picture, please", text, f'<div class="strip">{pictures}</div>')


def refusal(message: str) -> str:
    """One line on why a picture cannot be used."""
    return note("This picture cannot be used", message, role="alert")


def answers(
    photo: Image.Image, variants: list[Variant], opinions: list[Opinion], reasons: list[Reason], done: bool
) -> str:
    """The whole panel.

    Args:
        photo: the picture, cut to a square.
        variants: first the whole picture as the networks see it, then what the what-if test took away.
        opinions: of the best network first.
        reasons: those known so far, in the same order.
        done: whether no more reasons will come.
    """
    cards = [
        _card(photo, opinion, reasons[i] if i < len(reasons) else None, i == 0, done)
        for i, opinion in enumerate(opinions)
    ]
    text = f"Finding out what decided: network {min(len(reasons) + 1, len(opinions))} of {len(opinions)}"
    waiting = "" if done else progress(text, len(reasons), len(opinions))
    what_if = _what_if(variants, opinions, reasons) if done and reasons else ""
    return (
        f'<div class="answers">{_verdict(photo, variants[0].picture, opinions)}{waiting}'
        f'<ol class="networks">{"".join(cards)}</ol>{_legend() if reasons else ""}{what_if}</div>'
    )


# The sentence


def verdict(opinions: list[Opinion]) -> tuple[str, str]:
    """The best network's answer as a headline, and in a sentence how sure it is and who disagrees."""
    best = opinions[0]
    classes = [name for name in best.probabilities if name != "neither"]
    share = best.probabilities[best.answer]
    if best.answer == "neither":
        headline = f"Neither {' nor '.join(map(with_article, classes))}."
        sentence = f"{best.network}, the best network here, is {percent(share)} sure that it is neither."
    else:
        said = with_article(best.answer)
        headline = f"Perhaps {said}." if share < UNSURE else f"{said[0].upper()}{said[1:]}."
        only = "only " if share < UNSURE else ""
        sentence = f"{best.network}, the best network here, is {only}{percent(share)} sure."
    others = [opinion for opinion in opinions[1:] if opinion.answer != best.answer]
    if others:
        sentence += " " + "; ".join(f"{other.network} says {other.answer.replace('_', ' ')}" for other in others) + "."
    elif len(opinions) > 1:
        sentence += " All the others agree."
    return headline, sentence


def with_article(class_name: str) -> str:
    """ "clock" -> "a clock"."""
    return f"{'an' if class_name[0] in 'aeiou' else 'a'} {class_name.replace('_', ' ')}"


def percent(share: float) -> str:
    """0.974 -> "97 %"; never 0 or 100 where it is not quite so."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{share:.0%}".replace("%", " %")


def _verdict(photo: Image.Image, seen: Image.Image, opinions: list[Opinion]) -> str:
    headline, sentence = verdict(opinions)
    size = f"{seen.width} by {seen.height}"
    return (
        '<section class="verdict">'
        f'<figure><img src="{data_uri(photo)}" alt="Your picture, cut to a square">'
        "<figcaption>your picture</figcaption></figure>"
        '<span class="becomes" aria-hidden="true">→</span>'
        f'<figure><img class="pixels" src="{data_uri(seen, "PNG")}" alt="The same picture in {size} pixels">'
        f"<figcaption>all they see: {size} pixels</figcaption></figure>"
        f'<div class="sentence" role="status"><h2>{escape(headline)}</h2>'
        f"<p>{escape(sentence)}</p></div></section>"
    )


# One card per network


def _card(photo: Image.Image, opinion: Opinion, reason: Reason | None, best: bool, done: bool) -> str:
    if reason is None:
        alt, state = "Your picture", "" if done else " looking"
        picture = photo
    else:
        alt, state = f"Heat map: where the picture speaks for {opinion.answer} to {opinion.network}", " heat"
        picture = reason.heat_map
    badge = '<span class="badge">best</span>' if best else ""
    measured = f'<p class="measured">{escape(opinion.measured)}</p>' if opinion.measured else ""
    bars = "".join(_bar(name, share, name == opinion.answer) for name, share in opinion.probabilities.items())
    return (
        f'<li class="network{" best" if best else ""}" data-model="{escape(opinion.model)}">'
        f'<div class="picture{state}"><img src="{data_uri(picture)}" alt="{escape(alt)}"></div>'
        f'<div class="words"><h3>{escape(opinion.network)} {badge}</h3>'
        f'<p class="what">{escape(opinion.description)}</p><dl>{bars}</dl>{measured}</div></li>'
    )


def _bar(name: str, share: float, chosen: bool) -> str:
    return (
        f'<div class="bar{" chosen" if chosen else ""}"><dt>{escape(name.replace("_", " "))}</dt>'
        f"<dd>{percent(share)}</dd>"
        f'<span class="track" aria-hidden="true"><span style="width:{100 * share:.1f}%"></span></span></div>'
    )


def progress(text: str, done: int, total: int) -> str:
    """A bar with words above it."""
    bar = f'<progress max="{max(total, 1)}" value="{done}"></progress>'
    return f'<div class="progress"><label>{escape(text)}{bar}</label></div>'


def _legend() -> str:
    return '<p class="legend"><span>against the answer</span><i aria-hidden="true"></i><span>for it</span></p>'


# What if something were missing?


def leaning(opinion: Opinion, reason: Reason) -> str:
    """What a network's answer leans on, in a few words: the loss that lowers its probability most."""
    falls = {
        removed: opinion.probabilities[opinion.answer] - share
        for removed, share in reason.without.items()
        if removed.startswith("no ")
    }
    if not falls:
        return ""
    removed = max(falls, key=falls.__getitem__)
    return f"leaning on {removed.removeprefix('no ')}" if falls[removed] >= LEANS else "leaning on no single one"


def _what_if(variants: list[Variant], opinions: list[Opinion], reasons: list[Reason]) -> str:
    heads = "".join(
        f'<th scope="col"><img class="pixels" src="{data_uri(variant.picture, "PNG")}" alt="">'
        f"<b>{escape(variant.removed or 'all of it')}</b><small>{escape(variant.caption)}</small></th>"
        for variant in variants
    )
    rows = ""
    for opinion, reason in zip(opinions, reasons, strict=True):
        whole = opinion.probabilities[opinion.answer]
        cells = f"<td>{_share(whole, whole)}</td>" + "".join(
            f"<td>{_share(reason.without[variant.removed], whole)}</td>" for variant in variants[1:]
        )
        said = f"says “{opinion.answer.replace('_', ' ')}”, {leaning(opinion, reason)}"
        name = f"<b>{escape(opinion.network)}</b><small>{escape(said)}</small>"
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return (
        '<section class="what-if"><h2>What if something were missing?</h2>'
        "<p>How sure each network still is of the answer that it gave to the whole picture. "
        "A deep fall tells what it relied on.</p>"
        f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _share(share: float, whole: float) -> str:
    change = round(100 * share) - round(100 * whole)
    short = percent(share).replace("under", "<").replace("over", ">").replace("< ", "&lt;").replace("> ", "&gt;")
    kind = "fall" if change <= -5 else "rise" if change >= 5 else "same"
    arrow = f"<small>{'▼' if change < 0 else '▲'} {abs(change)}</small>" if kind != "same" else "<small>&nbsp;</small>"
    return (
        f'<div class="share {kind}"><span class="column" aria-hidden="true">'
        f'<span style="height:{100 * share:.0f}%"></span></span>'
        f"<b>{short}</b>{arrow}</div>"
    )
