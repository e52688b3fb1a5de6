"""The tab *Clusters*: pictures grouped by what networks see in them, and whether groups are breeds or poses."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
import panel
import torch
import uploads
from album import KEPT, TILE, Album
from checks import sentence
from words import WORDS, both, breed_name, fault

from betwixt.clusters import METHODS, NOISE, Clusters, adjusted_mutual_information, find, purity
from betwixt.images import ImageError, fit
from betwixt.linked_maps import SCRIPT, STYLE, TEMPLATE, Side, linked_maps
from betwixt.page import into_view

FORGET_AFTER = 3000  # seconds
NEAREST = 5
TYPICAL, ODD = 6, 3  # pictures of each cluster
MOSTLY = 0.5  # share of a cluster that names it
FEWEST = 5  # pictures that a map can be made of
MOST_COUNT = 60
NAMES = {"kmeans": "k-means", "hdbscan": "HDBSCAN"}
QUESTIONS = {
    "species": ("Species", "Espèce"),
    "breed": ("Breed", "Race"),
    "pose": ("Pose", "Pose"),
    "background": ("Background", "Fond"),
    "folder": ("Folder", "Dossier"),
}
ANSWERS = {"cat": "chat", "dog": "chien", "left": "à gauche", "right": "à droite", "ahead": "de face"}


@dataclass(eq=False)
class Visit:
    """What one visitor brought, and the newest run."""

    own: Album | None = None
    left_out: Sequence[tuple[str, str]] = ()
    turn: int = 0


def create_tab(
    tab: gr.Tab,
    shared: Callable[[str], Album],
    collections: Sequence[tuple[str, str]],
    features: Sequence[tuple[tuple[str, str], str]],
) -> None:
    """Fill the tab; the first clusters are made when it is opened.

    Args:
        shared: key -> a collection that all visitors share.
        collections: name for people and key of each, the default first.
        features: the same, with names in both languages.
    """
    names = {key: words[0] if words[0] == words[1] else f"{words[0]} · {words[1]}" for words, key in features}
    choices = [(words, key) for key, words in names.items()]

    def run(
        files: list[dict] | None, collection: str, seen_by: str, other: str, method: str, count: float, visit: Visit
    ) -> Iterator[tuple]:
        """The progress, the maps, their legend, the clusters, the table, no picture to look at, and the visit."""
        turn = visit.turn = visit.turn + 1
        visit.left_out = ()
        if not count:  # it is being typed
            yield (gr.skip(),) * 7
            return

        def so_far(text: str, share: float) -> tuple:
            return panel.progress(text, share), *(gr.skip(),) * 5, visit

        try:
            album = None
            for step in own_album(files, visit) if files else (shared(collection),):
                if visit.turn != turn:
                    break
                if isinstance(step, Album):
                    album = step
                else:
                    yield so_far(OPENING, step)
            for share in embedded(album, [seen_by, other, *names]) if album else ():
                if visit.turn != turn:
                    break
                yield so_far(LOOKING, share)
            if visit.turn != turn or album is None:
                yield (gr.skip(),) * 7
                return
            yield so_far(GROUPING, 1.0)
            count = min(int(count), max(2, len(album) // 3))  # a visitor's pictures may be few
            clusters = find(album.features(seen_by), method, count)
            shown = *mapped(album, clusters, seen_by, other), gallery(album, clusters)
            table = comparison(album, seen_by, clusters, method, count)
        except (ValueError, gr.Error) as error:
            yield panel.refusal(_said(error), visit.left_out), {}, "", "", "", "", visit
            return
        if visit.turn != turn:
            yield (gr.skip(),) * 7
            return
        yield summary(album, clusters), *shown, table, "", visit

    def own_album(files: list[dict], visit: Visit) -> Iterator[float | Album]:
        """A visitor's pictures; those that are there already are not opened again."""
        paths = sorted(str(file.get("path")) for file in files)
        key = hashlib.sha256("\n".join(paths).encode()).hexdigest()  # the page is told it
        if visit.own is None or visit.own.key != key:
            total, brought = uploads.all_of(files)
            used, left_out = [], []
            for one in brought:
                if one.picture is None:
                    left_out.append((one.name, one.fault))
                else:
                    used.append(one)
                    yield min(1.0, len(used) / total)
            visit.left_out = left_out
            if len(used) < FEWEST:
                raise ImageError(f"There are {len(used)} pictures that can be used: at least {FEWEST} are needed.")
            folders = [one.folder for one in used]
            truth = {"folder": folders} if len(set(folders)) > 1 else {}
            pictures = [fit(one.picture, min(KEPT, *one.picture.size)) for one in used]
            visit.own = Album(key, pictures, [one.folder or one.name for one in used], truth, left_out)
        visit.left_out = visit.own.left_out
        yield visit.own

    def embedded(album: Album, wanted: Sequence[str]) -> Iterator[float]:
        """Have the pictures looked at, and say how far that is."""
        wanted = list(dict.fromkeys(wanted))
        for number, name in enumerate(wanted):
            yield number / len(wanted)
            album.features(name)

    def mapped(album: Album, clusters: Clusters, seen_by: str, other: str) -> tuple[dict, str]:
        rest, none = len(panel.COLORS) - 2, len(panel.COLORS) - 1
        groups = [none if label == NOISE else min(int(label), rest) for label in clusters.labels]
        sides = [
            Side(names[name], album.map(name).positions, nearest(album.features(name))) for name in (seen_by, other)
        ]
        value = linked_maps(album.key, album.names, tuple(sides), album.sheet, TILE, groups, hint=HINT)
        value["frames"] = [*panel.COLORS]
        shown = {_short(album, clusters, label): label for label in range(min(clusters.count, rest))}
        shown |= {both("others", "autres"): rest} if rest in groups else {}
        return value, panel.legend(shown | ({BETWEEN: none} if none in groups else {}))

    def comparison(album: Album, seen_by: str, found: Clusters, method: str, count: int) -> str:
        """How well clusters by each of the features fit what is known; nothing where nothing is known."""
        if not album.truth:
            return ""
        rows = []
        for name, words in names.items():
            labels = (found if name == seen_by else find(album.features(name), method, count)).labels
            figures = [(purity(labels, t), adjusted_mutual_information(labels, t)) for t in album.truth.values()]
            rows.append((words, figures))
        questions = [both(*QUESTIONS[question]) for question in album.truth]
        return panel.table(questions, rows, [*names].index(seen_by))

    def clusters_of(
        files: list[dict] | None = None,
        collection: str = collections[0][1],
        seen_by: str = features[0][1],
        method: str = METHODS[0],
        count: int = 16,
    ) -> dict[str, Any]:
        """Group pictures by what a network sees in them.

        Args:
            files: up to 300 pictures, or a zip, whose folders are compared with the clusters; none: a collection.
            collection: rendered, or photos where the owner of the Space offers some.
            seen_by: mammals-breeds, mammals-vae or landmarks-pretrained (ImageNet).
            method: kmeans, or hdbscan, which finds out how many clusters there are.
            count: clusters of kmeans, or the fewest pictures in one of hdbscan, 2 to 60.

        Returns:
            found: names of the pictures, truth (question -> of each picture what is known), the cluster of each (-1:
                none), members (rows of each cluster, the most typical first), known (question -> purity and adjusted
                mutual information), left_out (which files, and why).
        """
        visit = Visit()
        if type(count) is not int or not 2 <= count <= MOST_COUNT:
            raise gr.Error(
                f"count must be a whole number from 2 to {MOST_COUNT}, not {count!r}.", print_exception=False
            )
        if not isinstance(seen_by, str) or seen_by not in names:
            raise gr.Error(f"seen_by must be one of {', '.join(names)}, not {seen_by!r}.", print_exception=False)
        try:
            if not isinstance(collection, str) or not isinstance(files, list | None):
                raise ValueError("collection must be a name, and files a list")
            album = [*own_album(files, visit)][-1] if files else shared(collection)
            found = find(album.features(seen_by), method, count)
        except ValueError as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        return {
            "names": album.names,
            "truth": album.truth,
            "cluster": found.labels.tolist(),
            "members": [found.members(cluster) for cluster in range(found.count)],
            "known": {
                question: {
                    "purity": round(purity(found.labels, truth), 4),
                    "adjusted_mutual_information": round(adjusted_mutual_information(found.labels, truth), 4),
                }
                for question, truth in album.truth.items()
            },
            "left_out": [{"file": name, "why": why} for name, why in visit.left_out],
        }

    def on_method(method: str) -> Any:
        return gr.update(
            label=WORDS("count" if method == "kmeans" else "smallest"), value=16 if method == "kmeans" else 6
        )

    visit = gr.State(Visit(), time_to_live=FORGET_AFTER)
    with gr.Row(elem_id="clusters-choices"):
        collection = gr.Dropdown(collections, value=collections[0][1], label=WORDS("pictures"), elem_id="collection")
        seen_by = gr.Dropdown(choices, value=choices[0][1], label=WORDS("features"), elem_id="seen-by")
        other = gr.Dropdown(choices, value=choices[1][1], label=WORDS("other_features"), elem_id="other-features")
        method = gr.Radio(
            [(NAMES[key], key) for key in METHODS], value=METHODS[0], label=WORDS("method"), elem_id="method"
        )
        count = gr.Slider(2, MOST_COUNT, 16, step=1, label=WORDS("count"), elem_id="count")
    files = gr.File(label=WORDS("own"), file_count="multiple", height=120, elem_id="own-pictures")
    told = gr.HTML(panel.note(*EMPTY), elem_id="told", js_on_load=None)
    legend = gr.HTML("", elem_id="legend", js_on_load=None)
    maps = gr.HTML(
        {},
        html_template=TEMPLATE.replace(">Show all<", ">Show all · Tout<"),
        css_template=STYLE,
        js_on_load=SCRIPT,
        elem_id="maps",
        label=WORDS("maps"),
    )
    closer = gr.HTML("", elem_id="closer", js_on_load=None)
    shown = gr.HTML("", elem_id="clusters", js_on_load=None)
    table = gr.HTML("", elem_id="which", js_on_load=None)
    inputs = [files, collection, seen_by, other, method, count, visit]
    outputs = [told, maps, legend, shown, table, closer, visit]
    quiet = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    running = {**quiet, "preprocess": False, "concurrency_limit": 3}
    starts = [tab.select, files.change, collection.input, seen_by.input, other.input, count.change]
    gr.on(starts, run, inputs, outputs, **running)
    method.input(on_method, method, count, **quiet).success(run, inputs, outputs, **running)

    def look_closer(collection: str, files: list[dict] | None, visit: Visit, event: gr.EventData) -> str:
        album, row = visit.own if files else shared(collection), event.index
        if album is None or type(row) is not int or not 0 <= row < len(album):
            return ""
        return one(album, row)

    looked = maps.select(
        look_closer, [collection, files, visit], closer, preprocess=False, concurrency_limit=8, **quiet
    )
    looked.success(None, js=into_view("closer"))
    gr.Button(visible=False).click(
        clusters_of,
        [
            gr.File(label="files", file_count="multiple", visible=False),
            gr.Textbox(collections[0][1], label="collection", visible=False),
            gr.Textbox(features[0][1], label="seen_by", visible=False),
            gr.Textbox(METHODS[0], label="method", visible=False),
            gr.Number(16, precision=0, label="count", visible=False),
        ],
        gr.JSON(label="found", visible=False),
        preprocess=False,
        api_name="clusters",
        concurrency_limit=2,
    )


def nearest(features: torch.Tensor, count: int = NEAREST) -> torch.Tensor:
    """(N, count) rows of the nearest others of each."""
    likeness = (features @ features.T).fill_diagonal_(-2.0)
    return likeness.topk(min(count, len(features) - 1)).indices


def summary(album: Album, clusters: Clusters) -> str:
    """How many there are, in a line."""
    total, none = len(album), len(clusters.members(NOISE))
    english, french = f"{total} pictures, {clusters.count} clusters", f"{total} images, {clusters.count} groupes"
    if none:
        english, french = f"{english}, {none} in none", f"{french}, {none} dans aucun"
    if clusters.count == 0:
        english += ": nothing stands out. Fewer pictures in a cluster, or k-means, give some."
        french += " : rien ne se détache. Essayez moins d'images par groupe, ou k-means."
    return f'<p class="quiet">{both(english, french)}</p>{panel.files_left_out(album.left_out)}'


def gallery(album: Album, clusters: Clusters) -> str:
    """Every cluster with its most typical pictures and the odd ones; at last what is in none."""
    sections = []
    for cluster in [*range(clusters.count), NOISE]:
        rows = clusters.members(cluster)
        if rows:
            odd = rows[max(TYPICAL, len(rows) - ODD) :][::-1] if cluster != NOISE else []
            typical = [album.thumbnail(row) for row in rows[:TYPICAL]]
            name = BETWEEN if cluster == NOISE else cluster_name(_name(cluster))
            sections.append((name, _holds(album, rows), typical, [album.thumbnail(row) for row in odd], len(rows)))
    return panel.gallery(sections)


def _short(album: Album, clusters: Clusters, label: int) -> str:
    """A cluster's number, and what most of it is, for the legend."""
    known = album.truth.get("breed") or album.truth.get("folder")
    best, share = _most(known, clusters.members(label)) if known else ("", 0.0)
    return f"{label + 1} {_answer(best)}" if best and share >= MOSTLY else f"{label + 1}"


def _most(answers: Sequence[str], rows: Sequence[int]) -> tuple[str, float]:
    """The most frequent answer of these rows, and its share."""
    here = [answers[row] for row in rows]
    best = max(sorted(set(here)), key=here.count)
    return best, here.count(best) / len(here)


def _holds(album: Album, rows: Sequence[int]) -> str:
    """What most of a cluster's pictures have in common, as far as it is known."""
    parts = []
    for question, least in (("breed", MOSTLY), ("folder", MOSTLY), ("pose", 0.7)):
        if question in album.truth:
            best, share = _most(album.truth[question], rows)
            if share >= least and best:
                parts.append(f"{panel.percent(share)} {_answer(best)}")
    if parts or not {"breed", "folder"} & {*album.truth}:
        return ", ".join(parts)
    return both("mixed", "hétérogène")


def _answer(answer: str) -> str:
    """What is known of a picture, as HTML."""
    english, french = (answer, ANSWERS[answer]) if answer in ANSWERS else breed_name(answer)
    return both(escape(english), escape(french))


def one(album: Album, row: int) -> str:
    """A picture that was clicked."""
    known = ", ".join(
        f"{both(*QUESTIONS[question])}: {_answer(str(answers[row]))}" for question, answers in album.truth.items()
    )
    words = known or escape(album.names[row])
    return f'<div class="one"><img src="{album.thumbnail(row)}" alt=""><div><p>{words}</p></div></div>'


def cluster_name(number: str) -> str:
    """A cluster's heading."""
    return both(f"Cluster {number}", f"Groupe {number}")


def _name(label: int) -> str:
    return "none" if label == NOISE else str(int(label) + 1)


def _said(error: Exception) -> str:
    message = str(getattr(error, "message", error))
    if message.startswith("There are") and "needed" in message:
        return both(message, f"Il faut au moins {FEWEST} images utilisables.")
    if message.startswith("there are"):
        return both(
            f"{message[0].upper()}{message[1:]}.",
            "Il y a trop peu d'images pour ce nombre : choisissez-en un plus petit.",
        )
    return fault(message)


HINT = "Point at a picture: its nearest light up on both. · Pointez une image : ses voisines s'éclairent."
OPENING = both("Opening your pictures", "Ouverture de vos images")
LOOKING = both("Looking at the pictures", "Examen des images")
GROUPING = both("Grouping them", "Regroupement")
BETWEEN = both("In none", "Dans aucun")
EMPTY = (
    both("Who belongs together?", "Qui va ensemble ?"),
    both("The pictures are being looked at.", "Examen des images…"),
)
