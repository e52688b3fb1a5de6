"""What the page shows of swaps, as HTML in both languages."""

from collections.abc import Sequence
from html import escape

from panel import NEITHER, note, percent
from PIL import Image
from swaps import Swap, Verdict
from words import both, breed_name

from betwixt.images import fit
from betwixt.page import data_uri

SLIGHT = 4.0  # degrees, under which a head looks ahead, level or upright
WAYS = (  # of each angle: over 0 and under it, as the world of rendered heads has it
    (("right", "à droite"), ("left", "à gauche")),
    (("up", "en haut"), ("down", "en bas")),
    (("leaning left", "penché à gauche"), ("leaning right", "penché à droite")),
)
GRID_SIDE, GRID_GAP = 96, 4  # pixels


def swap(found: Swap, target: Image.Image | None) -> str:
    """Both pictures, the swap between them, and the exact target where the world's is known."""
    captions = both("the breed of this", "la race de celle-ci"), both("the pose of this", "la pose de celle-là")
    sides = [
        _figure(fit(one.picture, 192), caption, one.verdict, strange)
        for one, caption, strange in zip((found.identity, found.attributes), captions, found.strange, strict=True)
    ]
    middle = _figure(
        fit(found.drawn.picture, 320), both("the swap", "l'échange"), found.drawn.verdict, kind="PNG", of="made"
    )
    exact = ""
    if target:
        words = both("what the rendered world has there", "ce qu'y a le monde de synthèse")
        exact = _figure(fit(target, 192), words)
    return f'<div class="swap">{sides[0]}{middle}{sides[1]}{exact}</div>'


def _figure(
    picture: Image.Image,
    caption: str,
    said: Verdict | None = None,
    strange: bool = False,
    kind: str = "JPEG",
    of: str = "",
) -> str:
    words = f"<b>{caption}</b>"
    if said:
        words += f"<span>{_breed(said)}</span>" + (f"<span>{pose(said.pose)}</span>" if said.pose else "")
    if said and said.breed == NEITHER:
        words += f"<em>{UNSEEN}</em>"
    elif strange:
        words += f"<em>{STRANGE}</em>"
    shown = f'<img src="{data_uri(picture, kind)}" alt="{"swap · échange" if of else ""}">'
    return f'<figure class="{of}">{shown}<figcaption>{words}</figcaption></figure>'


def _breed(said: Verdict) -> str:
    if said.breed == NEITHER:
        return both("neither dog nor cat", "ni chien ni chat")
    english, french = (escape(name) for name in breed_name(said.breed))
    return both(f"{english} {percent(said.share)}", f"{french} {percent(said.share)}")


def pose(angles: Sequence[float]) -> str:
    """Degrees of yaw, pitch and tilt in words."""
    parts = [
        (f"{abs(angle):.0f}° {one}", f"{abs(angle):.0f}° {une}")
        for angle, (over, under) in zip(angles, WAYS, strict=True)
        for one, une in [over if angle > 0 else under]
        if abs(angle) >= SLIGHT
    ]
    if not parts:
        return both("straight ahead", "droit devant")
    return both(*(", ".join(words) for words in zip(*parts, strict=True)))


def grid(
    identities: Sequence[Image.Image], attributes: Sequence[Image.Image], swaps: Sequence[Image.Image]
) -> Image.Image:
    """One picture: a row for each identity, a column for each pose, their pictures at the edges."""
    step = GRID_SIDE + GRID_GAP
    sheet = Image.new("RGB", (step * (len(attributes) + 1), step * (len(identities) + 1)), "white")
    rows = [[None, *attributes]]
    for number, identity in enumerate(identities):
        rows.append([identity, *swaps[number * len(attributes) : (number + 1) * len(attributes)]])
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            if picture:
                sheet.paste(fit(picture, GRID_SIDE), (left * step, top * step))
    return sheet.crop((0, 0, sheet.width - GRID_GAP, sheet.height - GRID_GAP))


def grid_shown(sheet: Image.Image) -> str:
    """The grid on the page."""
    words = both(
        "Each row is the animal on its left, each column in the pose of the one above.",
        "Chaque ligne : l'animal de gauche ; chaque colonne : dans la pose de celui du haut.",
    )
    shown = f'<img src="{data_uri(sheet)}" alt="grid · grille">'
    return f'<figure class="grid">{shown}<figcaption>{words}</figcaption></figure>'


EMPTY = note(
    both("The breed of one, the pose of the other", "La race de l'une, la pose de l'autre"),
    both(
        "Choose two pictures of heads, or click two examples: the left one lends its breed, the right one its pose.",
        "Choisissez deux images de têtes, ou cliquez sur deux exemples : la gauche prête sa race, la droite sa pose.",
    ),
)
ONE = note(
    both("One more", "Encore une"), both("Now choose the other picture.", "Choisissez maintenant l'autre image.")
)
UNSEEN = both("No head of a dog or a cat is seen here.", "On ne voit là ni tête de chien ni tête de chat.")
STRANGE = both("Far from what it learned: expect little.", "Loin de ce qu'il a appris : n'en attendez pas trop.")
METHOD = f"""<div class="method" role="img" aria-label="identity picture and attribute picture to style to swap">
  <span class="in">{both("identity picture", "image d'identité")}</span>
  <span class="box">{both("breed classifier, frozen", "classifieur de races, figé")}</span>
  <span class="in">{both("attribute picture", "image d'attributs")}</span>
  <span class="box learns">{both("attribute encoder, trained", "encodeur d'attributs, appris")}</span>
  <span class="box learns join">{both("mapper, trained", "réseau de passage, appris")}</span>
  <span class="w">w</span>
  <span class="box join">{both("StyleGAN2, frozen", "StyleGAN2, figé")}</span>
  <span class="in join">{both("swap", "échange")}</span>
</div>"""
