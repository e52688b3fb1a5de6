"""The tables of Mammal Swap, for `figures.py`."""

import json
from pathlib import Path

from cells import bounds, interval


def tables(results: Path) -> list[list[str]]:
    """Those for which there are results in a folder, each as lines of Markdown."""
    parts = []
    found = [results / f"{name}.json" for name in ("breeds", "breeds_folds", "clusters", "mammals_speed")]
    if found[0].is_file():
        told, by_folds, separated, speed = (json.loads(path.read_text()) for path in found)
        parts += [["### Mammal Swap"], breeds(told), folds_of_breeds(by_folds), clusters(separated)]
        parts.append(speed_of_mammals(speed))
    for name, table in (("stylegan2", stylegan2), ("swap", swaps)):
        if datasets := by_dataset([results / f"{name}.json", results / f"{name}_photos.json"]):
            parts.append(table(datasets))
    if (results / "stylegan2_speed.json").is_file():
        parts.append(speed_of_stylegan2(json.loads((results / "stylegan2_speed.json").read_text())))
    return parts


def by_dataset(files: list[Path]) -> dict[str, dict]:
    """The figures of each dataset of the files that there are."""
    there = [json.loads(file.read_text())["results"] for file in files if file.is_file()]
    return {dataset: figures for results in there for dataset, figures in results.items()}


def ways(figures: dict) -> list[str]:
    """What figures are of: "" of what is measured, and the names in brackets of what stands beside it."""
    return [*dict.fromkeys(name.partition(" (")[2].rstrip(")") for name in figures)]


def cell(figures: dict, figure: str, way: str) -> str:
    """A figure of one of `ways`, empty where there is none."""
    found = figures.get(f"{figure} ({way})" if way else figure)
    return bounds(found) if found else ""


def breeds(table: dict) -> list[str]:
    """The published classifier: one row a figure, one column a dataset; and pictures of neither."""
    tables = {name: row for name, row in table["results"].items() if "pictures" in row}
    others = {name.removeprefix("others/"): row for name, row in table["results"].items() if name not in tables}
    shown = dict.fromkeys(key for row in tables.values() for key in row if key != "pictures")
    columns = " | ".join(f"{name}, {row['pictures']} pictures" for name, row in tables.items())
    lines = [
        "Which breed is it? Held-out pictures, each told among all breeds of both datasets and *neither*; no animal of",
        "the rendered ones was seen in training (`training/evaluate_breeds.py checkpoint`):",
        "",
        f"| figure | {columns} |",
        "|---|" + "---|" * len(tables),
    ]
    for figure in shown:
        write = bounds if figure == "calibration error" else interval
        cells = [write(row[figure]) if figure in row else "" for row in tables.values()]
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    if others:
        rows = "; ".join(f"of {name} {interval(row['called neither'])}" for name, row in others.items())
        lines += ["", f"Of other pictures, which show neither dog nor cat, so many are called *neither*: {rows}."]
    return lines


def folds_of_breeds(table: dict) -> list[str]:
    """Recipes for photos by cross-validation: one row each."""
    shown = dict.fromkeys(key for row in table["recipes"].values() for key in row)
    lines = [
        f"Breeds of photos alone, {' and '.join(table['dataset'])}: {table['pictures']} pictures of {table['classes']}",
        f"breeds, {table['folds']} folds by {table['seeds']} seeds, near-duplicates never parted",
        "(`training/evaluate_breeds.py folds`):",
        "",
        f"| recipe | {' | '.join(shown)} |",
        "|---|" + "---|" * len(shown),
    ]
    for name, row in table["recipes"].items():
        found = {key: interval(figure) for key, figure in row.items()}
        found |= {key: text.replace(" %", " points") for key, text in found.items() if key.startswith("gain")}
        cells = [found.get(key, "") for key in shown]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def clusters(tables: dict) -> list[str]:
    """What clusters of each network's features agree with: one row for each features and figure, of each dataset."""
    lines = [
        "Which features separate what? Clusters of pictures beside what is known of them: by k-means, told how many",
        "kinds there are, and by HDBSCAN, which is told nothing; and how many of the 5 nearest pictures are of the",
        "same kind (of those that can). Adjusted mutual information is 0 by chance, purity is not: see the random",
        "numbers (`training/evaluate_clusters.py`):",
    ]
    for name, table in tables.items():
        of = "test split" if table["splits"] == "test" else "all splits"
        kinds = " | ".join(f"{question} ({count})" for question, count in table["kinds"].items())
        lines += [
            "",
            f"| {name}, {of}, {table['pictures']} pictures: features | figure | {kinds} |",
            "|---|---|" + "---|" * len(table["kinds"]),
        ]
        for features, found in table["features"].items():
            rows, dense = found["questions"].values(), found["hdbscan"]
            by_density = f"HDBSCAN ({dense['clusters']} clusters, {dense['in none']:.0%} in none): mutual information"
            figures = {
                "k-means: mutual information": [bounds(row["adjusted mutual information"]) for row in rows],
                "k-means: purity": [interval(row["purity"]) for row in rows],
                "neighbours: purity": [interval(row["neighbour purity"]) for row in rows],
                by_density.replace("%", " %"): [bounds(row["hdbscan"]["adjusted mutual information"]) for row in rows],
            }
            lines += [f"| {features} | {figure} | {' | '.join(cells)} |" for figure, cells in figures.items()]
    return lines


def speed_of_mammals(table: dict) -> list[str]:
    """A sentence."""
    milliseconds = {
        what: f"{1000 * table[f'seconds for a {what}']:.0f} ms" for what in ("breed", "blend", "film of 17")
    }
    seconds = {what: f"{table[f'seconds for {what} of 1000']:.1f} s" for what in ("kmeans", "hdbscan", "a map")}
    rendered = {size: f"{table[f'rendered a second, {size} pixels']:.0f}" for size in (64, 128)}
    return [
        f"On {table['processes']} cores {rendered[64]} mammals of 64 pixels are rendered a second, {rendered[128]} of",
        f"128. In one thread a breed takes {milliseconds['breed']}, a blend {milliseconds['blend']}, a film's pictures",
        f"{milliseconds['film of 17']}; clusters of 1,000 embedded pictures {seconds['kmeans']} by k-means, by HDBSCAN",
        f"{seconds['hdbscan']}, and their map {seconds['a map']} (`benchmarks/mammals.py`).",
    ]


DRAWN = {  # figure -> what it is called
    "kernel distance, share of that between breeds": "KID, as a share of that between two breeds",
    "precision": "precision",
    "recall": "recall",
    "right breed": "of the breed that was asked for",
    "share of cats": "cats",
    "yaw range, share of the data's": "range of yaw, as a share of the data's",
    "pitch range, share of the data's": "range of pitch, as a share of the data's",
    "copies": "copies",
    "path length in w": "path length in w",
}


def stylegan2(results: dict[str, dict]) -> list[str]:
    """A table of each dataset: the generator, others beside it, and pictures of the data."""
    lines = ["What StyleGAN2 draws, beside pictures of the data (`training/evaluate_stylegan2.py`):"]
    for dataset, figures in results.items():
        names = ways(figures)
        heads = [name or "StyleGAN2" for name in names]
        lines += ["", f"| {dataset}, test split | {' | '.join(heads)} |", f"|{'---|' * (1 + len(heads))}"]
        for figure, words in DRAWN.items():
            cells = [cell(figures, figure, name) for name in names]
            if any(cells):
                lines.append(f"| {words} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Training pictures stand for a perfect generator. Of held-out pictures judges say what they say of drawn ones.",
    ]


SWAPPED = {  # figure -> what it is called
    "joint_success": "breed and pose right",
    "breed_accuracy": "breed right",
    "species_accuracy": "species right",
    "breed_leak": "breed of the attribute picture",
    "pose_error_degrees": "pose: degrees off",
    "pose_right_by_eye": "pose right, by eye",
    "target_ssim": "SSIM with the target",
    "target_distance": "distance from the target in layers",
    "light_error": "light: error",
    "background_error": "background: error",
    "distance in layers from the attribute picture": "distance from the attribute picture in layers",
    "breed read from the attribute code": "breed read from the attribute code",
}


def swaps(results: dict[str, dict]) -> list[str]:
    """A table of each dataset: a row for the swapper, and for each other way to answer the same pairs."""
    lines = ["The breed of one and the pose of another (`training/evaluate_swap.py`), beside other ways to answer:"]
    for dataset, figures in results.items():
        shown = [name for name in SWAPPED if name in figures]
        lines += ["", f"| {dataset}, {figures['pairs']} pairs | {' | '.join(SWAPPED[name] for name in shown)} |"]
        lines.append(f"|{'---|' * (1 + len(shown))}")
        for way in ways(figures):
            cells = [cell(figures, figure, way) for figure in shown]
            if any(cells):
                lines.append(f"| {way or 'the swapper'} | {' | '.join(cells)} |")
    return lines


def speed_of_stylegan2(table: dict) -> list[str]:
    """A table of the forms."""
    lines = [
        f"How fast a StyleGAN2 of {table['million parameters']} million parameters draws 256 pixels, on",
        f"{table['threads']} cores; *naive*: with weights scaled anew for each picture (`benchmarks/stylegan2.py`):",
        "",
        "| | seconds a picture: naive | float32 | bfloat16 | float32 against naive | bfloat16 | share of the peak of "
        "products: float32 | bfloat16 |",
        f"|{'---|' * 8}",
    ]
    for name, row in table.items():
        if isinstance(row, dict) and "naive, seconds a picture" in row:
            taken = [f"{row[f'{form}, seconds a picture']:.3f}" for form in ("naive", "float32", "bfloat16")]
            faster = [f"{row[f'{form}, times as fast as naive']:.1f} x" for form in ("float32", "bfloat16")]
            share = [f"{row[f'{form}, share of the peak of products']:.0%}" for form in ("float32", "bfloat16")]
            lines.append(f"| {name} | {' | '.join([*taken, *faster, *share])} |")
    peak, spent = table["peak of products, 10^9 operations a second"], table["where the time goes"]["float32"]
    parts = ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in spent.items())
    return [
        *lines,
        "",
        f"The peak is {peak['float32']} x 10^9 operations a second, {peak['bfloat16']} in bfloat16, and a picture",
        f"takes {table['operations in convolutions of a picture, 10^9']} x 10^9. Where the time in float32 goes:",
        f"{parts}. *Memory kept*: with `MALLOC_MMAP_THRESHOLD_=4000000000`",
        "`MALLOC_TRIM_THRESHOLD_=40000000000` in the environment Linux does not clear each large tensor's memory anew.",
    ]
