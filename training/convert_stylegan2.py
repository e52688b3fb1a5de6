"""Convert an official StyleGAN2-ADA network into a folder that `from_pretrained` reads, and the Hub takes.

    python training/convert_stylegan2.py --source afhqdog.pkl --name dogs --license NAME --license-link ADDRESS

writes runs/converted/NAME: config.json, model.safetensors and README.md, whose front matter states the licence of the
source, which is never guessed. What the folder draws is held against what the source draws: equal to the bit, unless
weights are stored in half precision.
"""

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from loop import RUNS
from options import option, parse, run

from betwixt import StyleGAN2Generator

CONVERTED = RUNS / "converted"
SEEDS, PSI = (0, 1, 2, 3), 0.7  # of the pictures that are compared
# Licences that the Hub has an identifier for, of those that generators come under; any other is "other", with a link
IDENTIFIERS = ("apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "cc0-1.0", "openrail", "creativeml-openrail-m")
IDENTIFIERS += tuple(f"cc-by{terms}-4.0" for terms in ("", "-sa", "-nc", "-nc-sa", "-nc-nd", "-nd"))


@dataclass
class Recipe:
    """What to convert, and what its card says."""

    source: str = option(help="an official .pkl, or its state dict as .safetensors")
    name: str = option(help="the folder is runs/converted/NAME")
    license: str = option(
        help="of the source: the Hub's identifier (as cc-by-nc-4.0), or its name, with --license-link"
    )
    license_link: str = option("", "where the text of that licence is")
    title: str = option("", "of the card; default: the name")
    url: str = option("", "where the source is from")
    trained_on: str = option("", "what the source was trained on, for the card")
    class_names: list[str] = option([], "of a network that is told of classes, in their order")
    half: bool = option(False, "store weights in half precision, in half the room")


def main() -> None:
    run(convert, parse(Recipe, {}, __doc__.splitlines()[0]))


def convert(recipe: Recipe) -> None:
    """Read, write, compare, and put the folder in its place in one rename."""
    license_lines = license_of(recipe)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", recipe.name):
        raise ValueError(f"--name must be of letters, digits and . _ - alone, not {recipe.name!r}")
    if recipe.url and not is_address(recipe.url):
        raise ValueError(f"--url must begin with https://, not {recipe.url!r}")
    source = StyleGAN2Generator.from_nvidia(recipe.source, recipe.class_names or None)
    CONVERTED.mkdir(parents=True, exist_ok=True)
    target = CONVERTED / recipe.name
    with tempfile.TemporaryDirectory(dir=CONVERTED, prefix=".convert-") as temporary:
        staged = Path(temporary) / "new"
        source.save_pretrained(staged, dtype=torch.float16 if recipe.half else torch.float32)
        difference = difference_of(source, StyleGAN2Generator.from_pretrained(staged))
        if difference and not recipe.half:
            raise ValueError(f"{recipe.source}: what was written draws other pictures, by up to {difference:.2g}")
        (staged / "README.md").write_text(card(recipe, source, license_lines, difference), encoding="utf-8")
        if target.exists():
            target.rename(Path(temporary) / "old")
        shutil.move(staged, target)
    size = (target / "model.safetensors").stat().st_size
    print(f"{target}: {size / 1e6:.1f} MB; its pictures are {described(difference)}")
    print(f'in Python: StyleGAN2Generator.from_pretrained("{target}")')
    print(f"to the Hub, if the licence allows it: hf upload YOU/{recipe.name} {target} . --private")


def license_of(recipe: Recipe) -> dict[str, str]:
    """What the front matter says of the licence.

    Raises:
        ValueError: one that the Hub has no identifier for, without a link to its text.
    """
    if recipe.license in IDENTIFIERS:
        return {"license": recipe.license}
    name = re.sub(r"[^a-z0-9.]+", "-", recipe.license.lower()).strip("-")
    if not name:
        raise ValueError("--license must name a licence")
    if not is_address(recipe.license_link):
        raise ValueError(
            f"--license-link is needed, https://..., for the Hub has no identifier for {recipe.license!r}; "
            f"those known here: {', '.join(IDENTIFIERS)}"
        )
    return {"license": "other", "license_name": name, "license_link": recipe.license_link}


def is_address(text: str) -> bool:
    """Whether it is one of the web, with nothing in it that would end a link."""
    return re.fullmatch(r"https?://[^\s()<>\[\]]+", text) is not None


@torch.inference_mode()
def difference_of(one: StyleGAN2Generator, other: StyleGAN2Generator) -> float:
    """By how much their pictures in [-1, 1] differ at most, of a few seeds, as a share of the largest value."""
    differences, most = [], 0.0
    for seed in SEEDS:  # one by one: many of 1024 pixels at once take much memory
        z, c = one.latents([seed])
        expected, got = one(z, c, PSI), other(z, c, PSI)
        differences.append((got - expected).abs().max().item())
        most = max(most, expected.abs().max().item())
    return max(differences) / most


def described(difference: float) -> str:
    """In words."""
    if difference == 0:
        return "equal to the bit to those of the source"
    return f"within {difference:.2g} of those of the source, as a share of the largest value"


def card(recipe: Recipe, model: StyleGAN2Generator, license_lines: dict[str, str], difference: float) -> str:
    """The card: where the weights are from and under which terms, how to use them, and how they were checked."""
    front = {
        **license_lines,
        "library_name": "betwixt",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["betwixt", "stylegan2"],
    }
    source = Path(recipe.source)
    terms = f"[{recipe.license}]({recipe.license_link})" if recipe.license_link else recipe.license
    classes = f" of {model.c_dim} classes" if model.c_dim else ""
    if model.class_names:
        classes += f" ({', '.join(model.class_names)})"
    origin = f" from <{recipe.url}>" if recipe.url else ""
    trained = f" It was trained on {recipe.trained_on}." if recipe.trained_on else ""
    precision = " They are stored in half precision." if recipe.half else ""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000).strip()}
---

# {recipe.title or recipe.name}

A StyleGAN2 network that draws pictures of {model.img_resolution}x{model.img_resolution} pixels{classes}.{trained}

The weights are those of `{source.name}`{origin} (SHA-256 `{digest}`), in the form of
Betwixt, and stay under the licence of the source: {terms}.{precision}

```python
from betwixt import StyleGAN2Generator

model = StyleGAN2Generator.from_pretrained("YOU/{recipe.name}")
model.generate(seeds=[0, 1], truncation_psi=0.7)  # a picture of each seed
```

## Checked

Pictures of the seeds {SEEDS[0]} to {SEEDS[-1]}, at `truncation_psi` {PSI}, are {described(difference)}.
{sum(parameter.numel() for parameter in model.parameters()) / 1e6:.2f} million parameters. Converted by
`training/convert_stylegan2.py`, which checked this and wrote it.
"""


if __name__ == "__main__":
    main()
