"""Find directions in a StyleGAN2's w, name those that change one thing, and write directions.json beside it.

    python training/name_directions.py --model mammals-stylegan2 --judges mammals-pose mammals-breeds

Many pictures are drawn, and judges say of each what is to be seen: pose, species, ears, how light the coat is. Where a
factor can be read from w by ridge regression, on w that were held out, there is a direction along which it changes and
the others stay; what of w goes with no factor has principal directions (or those of the weights, SeFa). Then every
direction is walked: pictures are drawn along it, the judges look again, and it is named after what it changes if that
is clear: by at least half a deviation a step, always the same way, and anything else by half of that at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from factors import Judge, Values, judged, judges_of
from loop import folder_of
from options import option, parse, run

from betwixt import StyleGAN2Generator
from betwixt.directions import (
    DIRECTIONS_FILE,
    REACH,
    Direction,
    carriers,
    factorised,
    principal,
    r_squared,
    ridge,
    save_directions,
    styles_of,
    unexplained,
)
from betwixt.images import to_images

NAMES = {  # factor -> what a slider is called: more of it to the right
    "yaw": {"en": "Turn the head", "fr": "Tourner la tête"},
    "pitch": {"en": "Lift the head", "fr": "Lever la tête"},
    "tilt": {"en": "Lean the head", "fr": "Pencher la tête"},
    "mouth": {"en": "Open the mouth", "fr": "Ouvrir la gueule"},
    "dog": {"en": "Cat to dog", "fr": "Du chat au chien"},
    "ears": {"en": "Upright ears", "fr": "Oreilles dressées"},
    "fur": {"en": "Longer fur", "fr": "Poil plus long"},
    "coat_lightness": {"en": "Lighter coat", "fr": "Pelage plus clair"},
    "coat_redness": {"en": "Redder coat", "fr": "Pelage plus roux"},
    "background_lightness": {"en": "Lighter background", "fr": "Fond plus clair"},
    "background_redness": {"en": "Warmer background", "fr": "Fond plus chaud"},
}
READABLE = 0.3  # share of a factor's variance that w must tell before a direction of it is looked for
CLEAR, STEADY, ALONE = 0.5, 0.6, 0.5  # deviations a step, correlation, share of it that anything else may change
STEPS = (-1.5, -0.75, 0.0, 0.75, 1.5)  # deviations at which pictures are drawn along a direction
FARTHEST = 5.0  # deviations of w from where a slider begins: beyond is nothing that the generator learned to draw
HELD_OUT = 5  # every so manyth w
BATCH = 64


@dataclass
class Recipe:
    """What to look for."""

    model: str = option(help="the generator: a run, a published name or a folder, into which the file is written")
    judges: list[str] = option([], "networks that look: of poses, of breeds; runs, published names or folders")
    count: int = option(4000, "pictures that are drawn to learn from", range=(100, 100_000))
    walked: int = option(100, "pictures that are moved along each direction", range=(10, 10_000))
    unnamed: int = option(4, "further directions of what has no name", range=(0, 50))
    method: str = option("principal", "how these are found", choices=["principal", "factorised"])
    seed: int = option(0, "of the pictures", range=(0, 2**31 - 1))


def main() -> None:
    run(find, parse(Recipe, {}, __doc__.splitlines()[0]))


def find(recipe: Recipe) -> None:
    """Find, name, write, and print a table."""
    folder = folder_of(recipe.model)
    generator, judges = StyleGAN2Generator.from_pretrained(folder), judges_of(recipe.judges)
    w = styles_of(generator, recipe.count, recipe.seed)
    values = look(generator, judges, w)
    scales = {factor: value.std() for factor, value in values.items() if value.std() > 1e-6}
    table = torch.stack([values[factor] / scale for factor, scale in scales.items()], 1)
    held_out = torch.arange(len(w)) % HELD_OUT == 0
    read = readable(w, table, held_out)
    print("read from w that were held out, share of the variance (R^2):")
    for factor, share in zip(scales, read.tolist(), strict=True):
        print(f"  {factor:22} {share:6.2f}")
    kept = [factor for factor, share in zip(scales, read.tolist(), strict=True) if share >= READABLE]
    weights, _ = ridge(w, table[:, [[*scales].index(factor) for factor in kept]])
    walked = w[held_out][: recipe.walked]
    named = [
        best_layers(generator, judges, walked, scales, factor, one)
        for factor, one in zip(kept, directions_of(w, weights, generator.num_ws) if kept else (), strict=True)
    ]
    named = [one for one in named if one.names]
    others = [
        walk(generator, judges, walked, scales, one) for one in further(generator, w, weights if kept else None, recipe)
    ]
    found = [*named, *without_doubles(others, named)]
    save_directions(found, folder)
    print(f"{folder / DIRECTIONS_FILE}: {sum(bool(one.names) for one in found)} of {len(found)} are named")
    for one in found:
        most = sorted(one.changes.items(), key=lambda change: -abs(change[1]))[:3]
        changes = ", ".join(f"{factor} {change:+.2f}" for factor, change in most)
        print(f"  {one.names.get('en', '(no name)'):22} layers {one.layers[0]} to {one.layers[1]}: {changes}")


def look(generator: StyleGAN2Generator, judges: Sequence[Judge], w: torch.Tensor) -> Values:
    """What the judges say of the pictures of w (N, w_dim) or (N, num_ws, w_dim)."""
    seen: list[Values] = []
    with torch.inference_mode():
        for some in w.split(BATCH):
            seen.append(judged(judges, to_images(generator.synthesis(some))))
    everywhere = [factor for factor in seen[0] if all(factor in values for values in seen)]
    return {factor: torch.cat([values[factor] for values in seen]) for factor in everywhere}


def readable(w: torch.Tensor, table: torch.Tensor, held_out: torch.Tensor) -> torch.Tensor:
    """(F,) how much of each factor (N, F) a ridge regression on w tells where it did not learn."""
    weights, biases = ridge(w[~held_out], table[~held_out])
    return r_squared(table[held_out], w[held_out].double() @ weights.T + biases)


def directions_of(w: torch.Tensor, weights: torch.Tensor, num_ws: int) -> list[Direction]:
    """Of each factor that the weights (F, w_dim) predict, in all layers; where w is rare soon, the reach is short."""
    inverse, found = torch.linalg.pinv(torch.cov(w.double().T)), []
    for step in carriers(w, weights):
        length, rare = float(step.norm()), float((step @ inverse @ step).sqrt())
        found.append(Direction((step / length).float(), length, (0, num_ws), reach=min(REACH, FARTHEST / rare)))
    return found


def best_layers(
    generator: StyleGAN2Generator,
    judges: Sequence[Judge],
    w: torch.Tensor,
    scales: dict[str, torch.Tensor],
    factor: str,
    whole: Direction,
) -> Direction:
    """The direction of a factor, of all layers or of the coarse or fine ones alone: where it does most besides the
    least else."""
    half = generator.num_ws // 2
    tried = [
        walk(generator, judges, w, scales, replace(whole, layers=layers), factor)
        for layers in (whole.layers, (0, half), (half, generator.num_ws))
    ]
    return max(tried, key=lambda one: (bool(one.names), one.changes.get(factor, 0.0) - aside(one.changes, factor)))


def further(
    generator: StyleGAN2Generator, w: torch.Tensor, weights: torch.Tensor | None, recipe: Recipe
) -> list[Direction]:
    """Directions of what no factor explains, or of the weights of the layers."""
    if not recipe.unnamed:
        return []
    if recipe.method == "factorised":
        vectors, _ = factorised(generator, recipe.unnamed)
        deviations = ((w - w.mean(0)) @ vectors.T).std(0)
    else:
        vectors, deviations = principal(w if weights is None else unexplained(w, weights), recipe.unnamed)
    every = (0, generator.num_ws)
    pairs = zip(vectors, deviations.tolist(), strict=True)
    return [Direction(vector, deviation, every) for vector, deviation in pairs if deviation > 1e-6]


def walk(
    generator: StyleGAN2Generator,
    judges: Sequence[Judge],
    w: torch.Tensor,
    scales: dict[str, torch.Tensor],
    direction: Direction,
    wanted: str | None = None,
) -> Direction:
    """The direction with what it changes, as it is seen along it, and with its name where that is clear; `wanted`: the
    only name that it may get."""
    styles = w[:, None].repeat(1, generator.num_ws, 1)
    seen = [look(generator, judges, direction.moved(styles, amount)) for amount in STEPS]
    start = seen[STEPS.index(0.0)]
    amounts = torch.tensor(STEPS, dtype=torch.float64)[:, None].expand(-1, len(w))
    changes, steady = {}, {}
    for factor, scale in scales.items():
        if all(factor in values for values in seen):
            moved = torch.stack([(values[factor] - start[factor]) / scale for values in seen])
            changes[factor] = float((amounts * moved).sum() / amounts.square().sum())
            steady[factor] = float(torch.corrcoef(torch.stack([amounts.flatten(), moved.flatten()]))[0, 1])
    walked = replace(direction, changes=changes)
    best = max(changes, key=lambda factor: abs(changes[factor]), default=None)
    clear = (
        best is not None
        and wanted in (None, best)
        and abs(changes[best]) >= CLEAR
        and abs(steady[best]) >= STEADY
        and aside(changes, best) <= ALONE * abs(changes[best])
    )
    if not clear:
        return walked
    if changes[best] < 0:  # so that more of it is to the right
        walked = replace(walked, vector=-walked.vector, changes={name: -value for name, value in changes.items()})
    return replace(walked, names=NAMES.get(best, {"en": best, "fr": best}))


def aside(changes: dict[str, float], factor: str) -> float:
    """The most that anything else changes."""
    return max((abs(value) for name, value in changes.items() if name != factor), default=0.0)


def without_doubles(others: Sequence[Direction], named: Sequence[Direction]) -> list[Direction]:
    """The others; where one would have a name that is there already, it has none."""
    taken, found = [one.names for one in named], []
    for one in others:
        found.append(replace(one, names={}) if one.names in taken else one)
        taken += [one.names] if one.names else []
    return found


if __name__ == "__main__":
    main()
