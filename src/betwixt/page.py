"""What the pages of all Spaces show in the same way, as HTML."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from betwixt.images import fit

NAMED = 5  # files left out are named up to so many
ON_EXAMPLE_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("select", { index: Number(button.dataset.index) });
});
"""  # for the gr.HTML that `examples` is in; `index` says which one


def examples(
    files: Sequence[tuple[Path, str]], size: tuple[int, int] | None = None, heading: str = "Or try one of these"
) -> str:
    """Pictures to click on, each with the words that name it; squashed to (width, height) where that is given.

    `heading` is HTML.
    """
    buttons = ""
    for index, (path, label) in enumerate(files):
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        source = data_uri(fit(small, size, "squash") if size else small)
        buttons += (
            f'<button type="button" data-index="{index}" title="{escape(label)}">'
            f'<img src="{source}" alt="{escape(label)}"></button>'
        )
    return f'<div class="examples"><p>{heading}</p><div role="group" aria-label="Examples">{buttons}</div></div>'


def note(title: str, text: str, pictures: str = "", role: str = "status") -> str:
    """A box that says what is missing; `pictures` is HTML."""
    return f'<div class="note" role="{role}">{pictures}<h2>{escape(title)}</h2><p>{escape(text)}</p></div>'


def progress(text: str, done: int, total: int) -> str:
    """How far something has come."""
    bar = f'<progress max="{max(total, 1)}" value="{done}"></progress>'
    return f'<div class="progress"><label>{escape(text)}{bar}</label></div>'


def into_view(elem_id: str) -> str:
    """The `js` of an event after which something is to be seen: brought into view if it lies below."""
    return f"""() => {{
  const shown = document.getElementById("{elem_id}");
  if (!shown || !shown.innerText.trim() || shown.getBoundingClientRect().top < innerHeight * 0.8) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  shown.scrollIntoView({{ behavior: calm ? "auto" : "smooth", block: "center" }});
}}"""


def files_left_out(files: Sequence[tuple[str, str]]) -> str:
    """Which files could not be used, and why: the first NAMED by name."""
    if not files:
        return ""
    named = "".join(f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in files[:NAMED])
    more = f"<li>and {len(files) - NAMED} more</li>" if len(files) > NAMED else ""
    count = "1 file was" if len(files) == 1 else f"{len(files)} files were"
    return f'<div class="left-out" role="status"><p>{count} left out:</p><ul>{named}{more}</ul></div>'


def data_uri(picture: Image.Image, kind: str = "JPEG") -> str:
    """A picture inside the page itself, so that a visitor's leaves no further file on the disk."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
