"""What the pages of all Spaces show in the same way, as HTML."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from betwixt.images import fit

ON_EXAMPLE_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("select", { index: Number(button.dataset.index) });
});
"""  # for the gr.HTML that `examples` is in; `index` says which one


def examples(files: Sequence[tuple[Path, str]], size: tuple[int, int] | None = None) -> str:
    """Pictures to click on, each with the words that name it; squashed to (width, height) where that is given."""
    buttons = ""
    for index, (path, label) in enumerate(files):
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        source = data_uri(fit(small, size, "squash") if size else small)
        buttons += (
            f'<button type="button" data-index="{index}" title="{escape(label)}">'
            f'<img src="{source}" alt="{escape(label)}"></button>'
        )
    return (
        f'<div class="examples"><p>Or try one of these</p><div role="group" aria-label="Examples">{buttons}</div></div>'
    )


def note(title: str, text: str, pictures: str = "", role: str = "status") -> str:
    """A box that says what is missing; `pictures` is HTML."""
    return f'<div class="note" role="{role}">{pictures}<h2>{escape(title)}</h2><p>{escape(text)}</p></div>'


def data_uri(picture: Image.Image, kind: str = "JPEG") -> str:
    """A picture inside the page itself, so that a visitor's leaves no further file on the disk."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
