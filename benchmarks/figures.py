"""Write the tables of benchmarks/results/*.json into README.md, between its markers: nobody types a number there.

python benchmarks/figures.py            rewrite the section
python benchmarks/figures.py --check    only say whether it is up to date
"""

import json
import sys
from pathlib import Path

import figures_mammals
from cells import bounds, interval

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
RECIPES = {
    "shallow": ("4 fully-connected layers, from scratch", "65 to 75 % (the original)"),
    "cnn-3": ("3 convolutions, from scratch", '"almost the same" as with 5 (the original)'),
    "cnn-5": ("5 convolutions, from scratch", "92 % (the original)"),
    "resnet9": ("ResNet-9, from scratch", "91.8 % (a plain small residual network)"),
    "squeezenet": ("a linear layer on ImageNet SqueezeNet", "97.7 % (the same, without augmentation)"),
}


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{section()}\n{END}{after}"
    if "--check" in sys.argv[1:]:
        sys.exit(
            0 if wanted == text else "README.md does not show benchmarks/results: run python benchmarks/figures.py"
        )
    readme.write_text(wanted)


def section() -> str:
    """The section in Markdown."""
    validation = json.loads((RESULTS / "cross_validation.json").read_text())
    checkpoints = json.loads((RESULTS / "checkpoints.json").read_text())
    between = json.loads((RESULTS / "between.json").read_text())
    depths = json.loads((RESULTS / "autoencoder_depth.json").read_text())
    pairs = json.loads((RESULTS / "few_shot.json").read_text())
    parts = [recipes(validation), published(checkpoints), methods(between), features(between), depth(depths)]
    parts.append(few_shot(pairs))
    parts += [hybrids(path.stem, json.loads(path.read_text())) for path in sorted(RESULTS.glob("hybrids_*.json"))]
    flags, spaces, speed = (RESULTS / f"{name}.json" for name in ("flags", "maps", "maps_speed"))
    if spaces.is_file():
        parts.append(maps(json.loads(spaces.read_text()), json.loads(flags.read_text()), json.loads(speed.read_text())))
    found = [RESULTS / f"search{name}.json" for name in ("", "_unseen", "_speed")]
    if found[0].is_file():
        parts.append(searches(*(json.loads(path.read_text()) for path in found)))
    parts += figures_mammals.tables(RESULTS)
    return "\n\n".join("\n".join(lines) for lines in parts)


def recipes(table: dict) -> list[str]:
    """Cross-validation: one row a recipe."""
    pictures = next(iter(table["recipes"].values()))["pictures"]
    lines = [
        f"Clock or crocodile, {pictures} photos of 32x32 pixels, {table['folds']} folds by {table['seeds']} seeds,",
        "near-duplicates never parted (`training/evaluate_classifier.py cross-validate`):",
        "",
        "| recipe | accuracy | AUC | calibration error | to beat | less than the best |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in table["recipes"].items():
        what, baseline = RECIPES.get(name, (name, ""))
        less = next((value for key, value in row.items() if key.startswith("less than")), None)
        p = next((value for key, value in row.items() if key.startswith("p against")), 1)
        gap = f"{less['value'] * 100:.1f} points (p = {p:.4f})" if less else "the best"
        cells = (what, interval(row["accuracy"]), f"{row['AUC']['value']:.4f}")
        lines.append(f"| {' | '.join(cells)} | {row['calibration error']['value']:.3f} | {baseline} | {gap} |")
    return lines


def published(tables: dict) -> list[str]:
    """The published checkpoints: one row a model, on each test split and on kinds of pictures never trained on."""
    models = list(next(iter(tables.values())))
    lines = [
        "The published checkpoints, trained on photos and rendered pictures together, on test splits that no published",
        "model was trained on, and on two collections of other pictures that none was trained on: web photos of cats,",
        "adverts and comics among them, and flags (`training/evaluate_classifier.py compare`):",
        "",
        "| pictures | figure | " + " | ".join(f"`{name.removeprefix('clocks-crocodiles-')}`" for name in models) + " |",
        "|---|---|" + "---|" * len(models),
    ]
    for pictures, found in tables.items():
        shown = [figure for figure, value in found[models[0]].items() if isinstance(value, dict)]
        if pictures == "clocks-crocodiles-rendered":  # all but solved: the rest is on the cards
            shown = ["accuracy"]
        for figure in shown:
            if not figure.startswith("less than"):
                cells = [interval(found[model][figure]) for model in models]
                lines.append(f"| {pictures} | {figure} | {' | '.join(cells)} |")
        lines += [f"| {pictures} | {key} | {' | '.join(row)} |" for key, row in paired(found).items()]
    return lines


BEST_FEATURES = "clocks-crocodiles-classifier"
DEFAULT, TIMES = "default", "times the original rule"


def methods(tables: dict) -> list[str]:
    """How well each method finds hybrids on the best network's features: one row a method, of each dataset."""
    lines = [
        f"What lies between: hybrids planted among held-out pictures, found by each method on `{BEST_FEATURES}`'s",
        "features. Average precision, mean of 5 plantings; in the pool are also blends of two clocks or two",
        "crocodiles, made in the same way, which must not be found, and in the last column pictures of neither",
        "(`training/evaluate_between.py`):",
    ]
    for pictures, by_features in tables.items():
        found = {name: row for name, row in by_features[BEST_FEATURES].items() if "average precision" in row}
        kinds = [kind for kind in found[DEFAULT]["average precision"] if kind not in ("macro", TIMES)]
        lines += [
            "",
            f"| {pictures}: method | all kinds | times the original | {' | '.join(kinds)} | precision at 10 "
            "| neither too |",
            "|---|---|---|---|---|" + "---|" * len(kinds),
        ]
        for name, row in found.items():
            precision = row["average precision"]
            times, others = precision.get(TIMES), row.get("average precision among others too")
            cells = [
                f"`{name}`" if name != "random" else "a random order",
                bounds(precision["macro"]),
                bounds(times) if times and name != "original" else "",
                *(f"{precision[kind]['value']:.3f}" if kind in precision else "" for kind in kinds),
                f"{row['precision at 10']['macro']:.2f}" if "precision at 10" in row else "",
                bounds(others["macro"]) if others else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        if "position" in by_features[BEST_FEATURES]:
            with_t = by_features[BEST_FEATURES]["position"]["rank correlation with t"]
            middle = [bounds(found[method]["rank correlation with 1 - |2t - 1|"]) for method in (DEFAULT, "original")]
            lines += [
                "",
                f"Rank correlation over the morphs: of the position on the axis with `t` {bounds(with_t)}; with",
                f"nearness to `t` = 0.5 of the default score {middle[0]}, of the first version's {middle[1]}.",
            ]
    return lines


def features(tables: dict) -> list[str]:
    """The same with each network's features: one row a network."""
    lines = [
        "The same with other features (all kinds together): the rule of the first version, and the default.",
        "",
        "| features | " + " | ".join(f"{pictures}: original | default | times" for pictures in tables) + " |",
        "|---|" + "---|" * (3 * len(tables)),
    ]
    for name in next(iter(tables.values())):
        cells = []
        for by_features in tables.values():
            row = by_features[name]
            cells += [bounds(row[method]["average precision"]["macro"]) for method in ("original", DEFAULT)]
            cells.append(f"{row[DEFAULT]['average precision'][TIMES]['value']:.2f}")
        name = name.removeprefix("runs/").split("/")[0]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def depth(tables: dict) -> list[str]:
    """Autoencoders of several depths and about as many parameters: one row each, of the photos."""
    found = next(iter(tables.values()))
    known = next(iter(found.values()))
    shown = [name for name, figure in known.items() if isinstance(figure, dict)]
    lines = [
        "Must an autoencoder be very deep? Residual blocks at each resolution, as many steps and about as many",
        f"parameters; {next(iter(tables))} (`training/evaluate_autoencoder.py compare`):",
        "",
        f"| what, blocks | parameters | {' | '.join(shown)} |",
        "|---|---|" + "---|" * len(shown),
    ]
    for name, row in found.items():
        what = name.replace("autoencoder-", "autoencoder, ")
        size = f"{row['parameters'] / 1e6:.2f} M" if "parameters" in row else ""
        lines.append(f"| {what} | {size} | {' | '.join(bounds(row[f]) if f in row else '' for f in shown)} |")
    return lines


def few_shot(table: dict) -> list[str]:
    """Classes of one's own: one row for each collection and number of pictures."""
    lines = [
        "Two classes of one's own, learned from a few pictures and tried on all others of both; mean over pairs of",
        "classes, bootstrap over the pairs (`benchmarks/few_shot.py`; times on 2 shared cores):",
        "",
        "| pictures | accuracy | the same regression on raw pixels | seconds to learn |",
        "|---|---|---|---|",
    ]
    for name, row in table.items():
        cells = [interval(row["accuracy"]), interval(row["accuracy of raw pixels"]), f"{row['seconds to learn']:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def hybrids(name: str, table: dict) -> list[str]:
    """Generators of one world, below the pictures of which the answer is known."""
    world = {"hybrids_photos": "photos, 32 px", "hybrids_rendered": "rendered, 32 px"}[name]
    lines = [
        f"True hybrids ({world}): the share of pictures that pass every gate, and each gate alone: five judges see",
        "*both*; among held-out pictures (*real*); no copy (*new*); not put together of two (*one thing*). The kernel",
        "distance is to held-out pictures of both classes; the last column says how many different pictures those that",
        "pass are worth (Vendi score). Above, pictures of which the answer is known; none of them set the thresholds",
        "by which it is asked about. `:alone` is each class by itself: what passes there was not meant to",
        "(`training/evaluate_hybrids.py`):",
        "",
        "| pictures | true hybrids | both | real | new | one thing | kernel distance | different |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part in ("known", "generators"):
        for row, figures in table[part].items():
            gates = [
                f"{figures[gate]['value']:.1%}".replace("%", " %") for gate in ("both", "real", "new", "one thing")
            ]
            distance, worth = f"{figures['kernel distance']['value']:.3f}", f"{figures['different hybrids']:.1f}"
            shown = row if part == "known" else f"`{row}`"
            lines.append(f"| {shown} | {' | '.join([interval(figures['hybrid']), *gates, distance, worth])} |")
    return lines


def maps(table: dict, drawn: dict, speed: dict) -> list[str]:
    """Likenesses of flags, one row each; how well the flags are drawn; how fast all of it is."""
    columns = (
        "layout purity", "palette purity", "twin recall at 1", "layout by a linear probe", "palette by a linear probe",
    )  # fmt: skip
    chance = table["chance"]
    worst = "; ".join(f"{name} {row['similarity']:.2f} ({row['reason']})" for name, row in drawn["worst"].items())
    lines = [
        f"What do maps of flags group by? {table['flags']} designs, real pictures that no network was trained on: of",
        "the 5 nearest flags how many have the same layout, or the same palette (of those that can); whether of all",
        "flags the one nearest to a flag in other colours is the same; what a linear probe reads out of the features;",
        "and how faithful the map is, trustworthiness and continuity (`training/evaluate_maps.py`):",
        "",
        f"| alike by | {' | '.join(columns)} | map: trustworthy, continuous |",
        f"|{'---|' * (len(columns) + 2)}",
    ]
    for name, row in table["spaces"].items():
        cells = [interval(row[column]) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['trustworthiness']:.2f}, {row['continuity']:.2f} |")
    lines.append(f"| chance | {chance['layout']:.1%} | {chance['palette']:.1%} | | | | |".replace("%", " %"))
    times = [f"{name} {value:.2f} s" for name, value in speed.items() if name.startswith(("map of", "placing"))]
    frames = [f"{value:.0f} {name}" for name, value in speed.items() if name.startswith("frames")]
    return [
        *lines,
        "",
        f"The constructed flags beside {drawn['flags']} real pictures: structural similarity {drawn['median']:.2f}",
        f"in the median, {drawn['10th percentile']:.2f} at the 10th percentile",
        f"(`training/evaluate_flags.py`); the least alike: {worst}.",
        "",
        f"Speed on {speed['threads']} threads (`benchmarks/maps.py`): {speed['flags drawn a second']:.0f} flags drawn a"
        f" second; {', '.join(times)}; {', '.join(frames)}.",
    ]


def searches(published: dict, unseen: dict, speed: dict) -> list[str]:
    """What is found of places: the published encoders, then recipes on places that they never saw; how fast."""
    lines = [
        "Is the picture found that shows the same place? Each is looked for among all others of its dataset: pictures",
        "of the test splits, and all pictures of places that no encoder was trained on. mAP: mean average precision;",
        "MAP@R: over the first R, of R pictures of the place (`training/evaluate_search.py published`):",
        "",
        "| pictures | encoder | recall@1 | mAP | MAP@R | mAP more than pretrained |",
        "|---|---|---|---|---|---|",
    ]
    for dataset, table in published.items():
        for kind, of in table["places"].items():
            what = f"{dataset}: {of['asked']} of {of['places']} {kind} places, among {table['pictures']}"
            lines += [f"| {what} | {row}" for row in found_by(of["encoders"])]
    for dataset, table in unseen.items():
        if dataset == "folds":
            continue
        lines += [
            "",
            f"Places that an encoder never saw: {dataset}, {table['pictures']} pictures of {table['places']} places,",
            f"{unseen['folds']} folds of places, trained on both datasets together, the same gallery for all",
            "(`training/evaluate_search.py unseen`); at last among the places of a fold alone, without those that were",
            "trained on:",
            "",
            "| encoder | recall@1 | mAP | MAP@R | mAP more than the plain backbone | mAP alone | more |",
            "|---|---|---|---|---|---|---|",
            *(f"| {row}" for row in found_by(table["encoders"])),
        ]
    (encoder, embedding), *_ = speed["embedding"].items()
    times = [
        f"of {count}, "
        + "; ".join(
            f"{name} {row['milliseconds']:.1f} ms, recall {row['recall at 10']:.3f}" for name, row in table.items()
        )
        for count, table in speed["search"].items()
    ]
    return [
        *lines,
        "",
        f"Speed on {speed['threads']} threads (`benchmarks/search.py`), the nearest 10 by {speed['dimensions']}",
        f"numbers: {'; '.join(times)}. `{encoder}` embeds a picture in",
        f"{embedding['milliseconds a picture, alone']:.0f} ms, or {embedding['pictures a second, decoded ones']:.0f} a",
        f"second; its backbone called plainly {embedding['pictures a second through the backbone alone']:.0f}.",
    ]


def found_by(encoders: dict[str, dict]) -> list[str]:
    """One row of cells an encoder."""
    rows = []
    for name, row in encoders.items():
        cells = [interval(row[key]) for key in ("recall at 1", "mAP", "MAP at R")]
        for figure in ("mAP", "mAP among these places alone"):
            if figure in row:
                more = next((value for key, value in row.items() if key.startswith(f"{figure} more")), None)
                cells += [interval(row[figure])] if figure != "mAP" else []
                cells.append(interval(more).replace(" %", " points") if more else "")
        rows.append(f"{name} | {' | '.join(cells)} |")
    return rows


def paired(found: dict) -> dict[str, list[str]]:
    """The paired test of each model against the best, as one row; none where there is none."""
    keys = {key for figures in found.values() for key in figures if key.startswith("p against")}
    return {
        f"paired test of the accuracy {key.removeprefix('p ')}": [
            f"p = {figures[key]:.4f}" if key in figures else "the best" for figures in found.values()
        ]
        for key in keys
    }


if __name__ == "__main__":
    main()
