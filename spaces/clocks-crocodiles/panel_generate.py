"""What the tab *Generate hybrids* shows, as HTML: the sheet of drawn pictures, and one of them along the slider."""

from collections.abc import Sequence
from html import escape

from finder import CLASSES, Picture
from generators import MOST, Verdict, Wanted
from panel import note, percent, progress
from PIL import Image

from betwixt.page import data_uri

ON_SHEET_CLICK = """
let picture = null, focused = null, marked = null;  // of the sheet that is shown: its first, and two indices
element.addEventListener("focusin", (event) => { focused = event.target.closest("button")?.dataset.index ?? null; });
new MutationObserver(() => { // Gradio renders it once more when the drawing has ended
  const first = element.querySelector("button[data-index] img")?.src;
  if (!first) return;
  const find = (index) => element.querySelector(`button[data-index="${index}"]`);
  if (first !== picture) { picture = first; focused = marked = null; return; }
  find(marked)?.setAttribute("aria-current", "true");
  if (document.activeElement === document.body) find(focused)?.focus({ preventScroll: true });
}).observe(element, { childList: true, subtree: true });
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-index]");
  if (!button) return;
  element.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  button.setAttribute("aria-current", "true");
  marked = button.dataset.index;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const closer = document.getElementById("closer");
  if (innerWidth < 760) new MutationObserver((_, observer) => { // it opens far below what was touched
    observer.disconnect();
    closer.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  }).observe(closer, { childList: true, subtree: true });
  trigger("select", { index: Number(button.dataset.index) });
});
"""


def refusal(message: str) -> str:
    """One line on why nothing can be drawn."""
    return note("That did not work", message, role="alert")


def begun(count: int) -> str:
    """Places for pictures of which nothing is to be seen yet."""
    places = '<li><span class="forming"><i class="open"></i></span></li>' * max(0, min(count, MOST))
    return f'<div class="answers">{progress("Drawing", 0, 1)}<ol class="drawn">{places}</ol></div>'


def forming(images: Sequence[Image.Image], step: int, steps: int) -> str:
    """The sheet while it forms."""
    items = "".join(f'<li><span class="forming">{_picture(image, "")}</span></li>' for image in images)
    words = progress(f"Forming out of noise: step {step} of {steps}", step, steps)
    return f'<div class="answers">{words}<ol class="drawn">{items}</ol></div>'


def sheet(wanted: Wanted, images: Sequence[Image.Image], verdicts: Sequence[Verdict]) -> str:
    """All pictures, each with what the judges say; to click on."""
    both = sum(verdict.both for verdict in verdicts)
    headline = f"{both} of {len(images)} look like both to the judges." if len(images) > 1 else _said(verdicts[0])
    text = f"{_where(wanted)} Click on a picture to follow it from clock to crocodile."
    items = "".join(_item(wanted, i, image, verdicts[i]) for i, image in enumerate(images))
    return (
        f'<div class="answers"><div class="sentence" role="status"><h2>{escape(headline)}</h2>'
        f"<p>{escape(text)}</p></div>"
        f'<ol class="drawn">{items}</ol>{_legend()}</div>'
    )


def _where(wanted: Wanted) -> str:
    if wanted.share in (0, 1):
        return f"Plain {CLASSES[int(wanted.share)]}s, to compare with."
    if wanted.share == 0.5:
        return "Half clock, half crocodile was asked for."
    return f"{percent(1 - wanted.share)} clock, {percent(wanted.share)} crocodile was asked for."


def _item(wanted: Wanted, index: int, image: Image.Image, verdict: Verdict) -> str:
    spoken = f"Seed {wanted.seed + index}: {_said(verdict)}"
    mark = '<span class="both">both</span>' if verdict.both else ""
    return (
        f'<li><button type="button" data-index="{index}" aria-label="{escape(spoken)}">'
        f"{_picture(image, '')}{mark}{_bars(verdict)}</button></li>"
    )


def _bars(verdict: Verdict) -> str:
    bars = ""
    for tone, level in zip(("first", "second"), verdict.levels.values(), strict=True):
        bars += f'<i class="{tone}"><b style="width:{level:.1%}"></b></i>'
    return f'<span class="says">{bars}</span>'


def _legend() -> str:
    first, second = CLASSES
    return (
        f'<p class="judged"><i class="dot first"></i>{first} <i class="dot second"></i>{second}: how sure five '
        "networks are that it is there, which had no part in the drawing; past the mark it is a yes</p>"
    )


def _said(verdict: Verdict) -> str:
    seen = [f"a {name}" for name, yes in verdict.yes.items() if yes]
    also = ", but nothing that is either" if verdict.neither and seen else ""
    return f"The judges see {' and '.join(seen) or 'neither'}{also}."


def _picture(image: Image.Image, alt: str, kind: str = "PNG") -> str:
    return f'<img src="{data_uri(image, kind)}" alt="{escape(alt)}">'


# One picture


def closer(
    wanted: Wanted,
    image: Image.Image,
    verdict: Verdict,
    near: Sequence[Picture],
    strip: Sequence[Image.Image],
    length: int,
) -> str:
    """One picture large, the training pictures that are nearest to it, and all the way from clock to crocodile.

    Args:
        wanted: of this picture alone.
        strip: as much as is there of its `length` pictures along the slider.
    """
    frames = "".join(
        f"<li>{_picture(frame, f'{percent(number / (length - 1))} {CLASSES[1]}')}</li>"
        for number, frame in enumerate(strip)
    )
    frames += '<li class="open"></li>' * (length - len(strip))
    ends = f"<span>{CLASSES[0]}</span><span>{CLASSES[1]}</span>"
    row = f'<figure class="strip-row"><ol>{frames}</ol><figcaption>{ends}</figcaption></figure>'
    captions = ("the nearest plain picture of the collection", "the next")
    neighbours = "".join(
        f'<figure class="neighbour"><img src="{picture.thumbnail}" alt="{escape(picture.name)}">'
        f"<figcaption>{caption}</figcaption></figure>"
        for picture, caption in zip(near, captions, strict=False)
    )
    return (
        f'<div class="answers closer"><div class="pair"><figure class="large">{_picture(image, "The picked picture")}'
        f"<figcaption>seed {wanted.seed}</figcaption></figure>{neighbours}"
        f'<div class="sentence" role="status"><p>{escape(_said(verdict))}</p></div></div>{row}</div>'
    )
