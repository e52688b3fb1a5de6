"""What the tab *Find hybrids* shows, as HTML: the picked picture between its neighbours, the axis, the ranking."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from finder import BLEND, Picture, Ranking, Row, Search
from panel import note, percent, progress, with_article
from panel_axis import axis, label_of, tone_of

from betwixt.images import ImageError, fit
from betwixt.page import data_uri

PICKED_SIZE = 320
NAMED = 5  # files left out are named up to so many

ON_GALLERY_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { index, show, more } = button.dataset;
  if (index === undefined) return trigger("click", { show: show ?? null, more: Boolean(more) });
  element.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  button.setAttribute("aria-current", "true");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const stage = document.getElementById("stage");
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  trigger("select", { index: Number(index) });
});
"""
ON_STAGE_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.example) return trigger("click");
  // From where the gallery is by now: the stage may still show the picture before.
  const all = [...document.querySelectorAll("#gallery button[data-index]")];
  const now = all.findIndex((other) => other.hasAttribute("aria-current"));
  const next = (now >= 0 && all[now + Number(button.dataset.step)]) || null;
  const index = next ? next.dataset.index : button.dataset.index;
  all.forEach((other) => other.removeAttribute("aria-current"));
  all.find((other) => other.dataset.index === index)?.setAttribute("aria-current", "true");
  trigger("select", { index: Number(index) });
});
"""


def invitation(most: int) -> str:
    """What stands where the ranking will be, before a visitor's pictures are there."""
    return note("Your pictures, please", f"Up to {most} at once: they are ranked while you watch.")


def invitation_to_classes(least: int, example: dict[str, list[Picture]]) -> str:
    """The same for two classes of the visitor's own, with an example to try where there is one."""
    text = f"Name them, drop in {least} or more pictures of each, and see which look like both."
    panel = note("Two classes of your own", text)
    if not example:
        return panel
    strip = ""
    for pictures in example.values():
        for picture in pictures[:3]:
            strip += f'<img src="{picture.thumbnail}" alt="">' if picture.thumbnail else ""
    button = f'<button type="button" class="more" data-example="1">Try it: {escape(" or ".join(example))}?</button>'
    return panel.replace("</p></div>", f'</p><div class="strip">{strip}</div>{button}</div>')


def refusal(message: str, left_out: Sequence[tuple[str, str]] = ()) -> str:
    """One line on why nothing can be ranked, and which files are to blame."""
    return note("That did not work", message, role="alert") + _left_out(left_out)


def words(text: str) -> str:
    """What a method asks for, as a sentence."""
    return f"<p>{escape(text[0].upper() + text[1:])}.</p>"


def waiting(text: str, done: int, total: int) -> str:
    """What stands in place of the picked picture while networks look."""
    return f'<div class="answers">{progress(text, done, total)}</div>'


# The picked picture between its neighbours


def stage(ranking: Ranking, row: Row, shown: Sequence[Row], heats: Sequence[str] | None) -> str:
    """A picture of the ranking, what it lies between, and where.

    Args:
        ranking: the whole.
        row: the picked one.
        shown: the rows that the gallery shows, to step through.
        heats: data URIs of what makes it like the first class, and like the second; None while they are being made.
    """
    headline, text = sentence(ranking, row)
    (first, second), (near_first, near_second) = ranking.search.classes, row.nearest
    source = _large(row.picture)
    kinds = [first.replace("_", " "), second.replace("_", " ")]
    return (
        f'<div class="answers"><div class="sentence" role="status"><h2>{escape(headline)}</h2>'
        f"<p>{escape(text)}</p></div>"
        f'<div class="between">{_near(near_first, kinds[0], "first")}{_heat(source, heats, 0, kinds[0])}'
        f"{_picked(ranking, row, shown, source)}"
        f"{_heat(source, heats, 1, kinds[1])}{_near(near_second, kinds[1], 'second')}</div>"
        f"{axis(ranking, row)}</div>"
    )


def _large(picture: Picture) -> str:
    try:
        image = picture.open(PICKED_SIZE)
    except ImageError:  # uploaded so long ago that it was deleted
        return picture.thumbnail
    return data_uri(fit(image, min(PICKED_SIZE, *image.size)))


def sentence(ranking: Ranking, row: Row) -> tuple[str, str]:
    """A headline on a picture's place, and what else is known of it."""
    search, kind, total = ranking.search, row.picture.kind, len(ranking.rows)
    alike = [other for other in ranking.rows if other.picture.kind == kind]
    place = alike.index(row) + 1
    if search.method.endswith("_edge"):
        end = search.classes[search.method != "original_first_edge"]
        headline = f"Number {row.rank} of {total} from the {end.replace('_', ' ')} end."
    elif kind in search.classes:
        other = with_article(search.classes[1 - search.classes.index(kind)])
        headline = _superlative(f"This {kind.replace('_', ' ')}", f"like {other}", place, len(alike))
    elif total == 1:
        headline = "Here it lies."
    else:
        answer = search.answer(row.picture)
        unlikely = "Probably neither, but it" if answer and answer[0] == "neither" else "This one"
        subject = "This is neither, but it" if kind == "neither" else unlikely
        headline = _superlative(subject, "like both", row.rank, total)
    shares = sorted(search.probabilities(row.picture).items(), key=lambda item: -item[1])
    said = ", ".join(f"{name.replace('_', ' ')} {percent(share)}" for name, share in shares)
    text = f"{search.reader.label} says: {said}." if said else ""
    if row.picture.t is not None:
        first, second = search.classes
        text += f" It was made as a blend, {percent(row.picture.t)} of the way from {first} to {second}."
    return headline, text


def _superlative(subject: str, like: str, place: int, count: int) -> str:
    if place == 1:
        return f"{subject} looks most {like}."
    return f"{subject} looks least {like}." if place == count else f"{subject} is the {ordinal(place)} most {like}."


def ordinal(number: int) -> str:
    """3 -> "3rd"."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _near(picture: Picture, kind: str, tone: str) -> str:
    return (
        f'<figure class="near {tone}"><img src="{picture.thumbnail}" alt="{escape(picture.name)}">'
        f"<figcaption>the nearest {escape(kind)}</figcaption></figure>"
    )


def _heat(source: str, heats: Sequence[str] | None, which: int, kind: str) -> str:
    like, tone = f"what makes it like {with_article(kind)}", ("first", "second")[which]
    source, state = (source, " looking") if heats is None else (heats[which], "")
    return (
        f'<figure class="heat {tone}{state}"><span><img src="{source}" alt="Heat map: {escape(like)}"></span>'
        f"<figcaption>{escape(like)}</figcaption></figure>"
    )


def _picked(ranking: Ranking, row: Row, shown: Sequence[Row], source: str) -> str:
    index = {candidate: i for i, candidate in enumerate(ranking.search.candidates)}
    caption = f"number {row.rank} of {len(ranking.rows)}"
    caption = caption if row.picture.kind else f"{row.picture.name}: {caption}"
    place = next((i for i, other in enumerate(shown) if other.picture is row.picture), None)
    steps = ""
    for step, sign, word in ((-1, "←", "Previous"), (1, "→", "Next")):
        if place is not None and 0 <= place + step < len(shown):
            target = index[shown[place + step].picture]
            leads = f'data-index="{target}" data-step="{step}"'
        else:
            leads = "disabled"
        steps += f'<button type="button" {leads} aria-label="{word} picture">{sign}</button>'
    return (
        f'<figure class="picked"><img src="{source}" alt="The picked picture: {escape(row.picture.name)}">'
        f"<figcaption>{escape(caption)}</figcaption>{steps}</figure>"
    )


# The ranking


def gallery(ranking: Ranking, show: str | None, count: int, picked: Picture | None) -> str:
    """The ranking, as pictures to click on.

    Args:
        show: the kind to show; None: all.
        count: how many at most.
        picked: the one that the stage shows.
    """
    search = ranking.search
    rows = shown(ranking, show)
    index = {candidate: i for i, candidate in enumerate(search.candidates)}
    items = "".join(_item(search, row, index[row.picture], row.picture is picked) for row in rows[:count])
    left = len(rows) - count
    more = f'<button type="button" class="more" data-more="1">Show more ({left} left)</button>' if left > 0 else ""
    return (
        f'<div class="answers">{_chips(ranking, show)}<ol class="ranked">{items}</ol>{more}'
        f"{_left_out(ranking.left_out)}</div>"
    )


def shown(ranking: Ranking, show: str | None) -> list[Row]:
    """The rows of a kind, or all."""
    return [row for row in ranking.rows if show is None or row.picture.kind == show]


def _chips(ranking: Ranking, show: str | None) -> str:
    counts = Counter(row.picture.kind for row in ranking.rows)
    if len(counts) < 2:
        return ""
    classes = ranking.search.classes
    kinds = sorted(counts, key=lambda kind: {classes[0]: 0, classes[1]: 1, BLEND: 2}.get(kind, 3))
    chips = ""
    for kind, label, number in [(None, "All", len(ranking.rows)), *((k, label_of(k), counts[k]) for k in kinds)]:
        value = "" if kind is None else f' data-show="{escape(kind)}"'
        dot = "" if kind is None else f'<i class="dot {tone_of(kind, classes)}"></i>'
        pressed = "true" if kind == show else "false"
        chips += f'<button type="button"{value} aria-pressed="{pressed}">{dot}{escape(label)} <b>{number}</b></button>'
    return f'<div class="chips" role="group" aria-label="Show">{chips}</div>'


def _item(search: Search, row: Row, index: int, picked: bool) -> str:
    classes = search.classes
    kind = row.picture.kind.replace("_", " ") or row.picture.name
    dot = f'<i class="dot {tone_of(row.picture.kind, classes)}"></i>' if row.picture.kind else ""
    name = "" if row.picture.kind else f'<span class="name">{escape(row.picture.name)}</span>'
    if not row.picture.kind and (answer := search.answer(row.picture)):
        tone = tone_of(answer[0], classes)
        name += f'<span class="name"><i class="dot {tone}"></i>{escape(answer[0])} {_brief(answer[1])}</span>'
    current = ' aria-current="true"' if picked else ""
    spoken = f"Number {row.rank}: {kind}, score {_score(row.score)}"
    return (
        f'<li><button type="button" data-index="{index}"{current} aria-label="{escape(spoken)}">'
        f'<img src="{row.picture.thumbnail}" alt="" loading="lazy"><span class="place">{row.rank}</span>'
        f'<span class="score">{dot}{_score(row.score)}</span>'
        f"{name}</button></li>"
    )


def _brief(share: float) -> str:
    return escape(percent(share).replace("under ", "<").replace("over ", ">"))


def _score(score: float) -> str:
    return (f"{round(score, 2) + 0:.2f}" if abs(score) < 100 else f"{score:,.0f}").replace("-", "\N{MINUS SIGN}")


def _left_out(files: Sequence[tuple[str, str]]) -> str:
    if not files:
        return ""
    named = "".join(f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in files[:NAMED])
    more = f"<li>and {len(files) - NAMED} more</li>" if len(files) > NAMED else ""
    count = "1 file was" if len(files) == 1 else f"{len(files)} files were"
    return f'<div class="left-out" role="status"><p>{count} left out:</p><ul>{named}{more}</ul></div>'
