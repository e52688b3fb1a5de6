"""The tab *Find hybrids*: pictures in; out comes a ranking of how far each lies between two classes."""

import functools
from typing import Any

import gradio as gr
import panel_find as panel
from api_find import MOST, Api, Functions
from events_find import Events, Visit

from betwixt.between import METHODS
from betwixt.few_shot import MIN_PICTURES

COLLECTIONS = {
    "rendered": "Rendered pictures",
    "photos": "Photos",
    "yours": "Your pictures",
    "classes": "Your own two classes",
}
LABELS = {  # of METHODS; a method that is new there is shown by its name
    "default": "Yes to both (the best)",
    "heads": "Yes to both, as fitted here",
    "original": "As far from both (first version)",
    "original_first_edge": "From the left end (first version)",
    "original_second_edge": "From the right end (first version)",
    "entropy": "A network cannot decide",
    "ensemble": "Several networks cannot decide",
    "nearness": "Near the middle of both",
    "density": "Likely as either",
    "neighbours": "Mixed neighbours",
}
FORGET_AFTER = 3000  # seconds after the last search; the files themselves go after as many


def create_tab(tab: gr.Tab, functions: Functions, collections: list[str], features: dict[str, str]) -> None:
    """Fill the tab.

    Args:
        tab: the first search starts when it is opened.
        functions: what it asks for.
        collections: the keys of COLLECTIONS that all visitors share.
        features: what pictures may be compared by, key -> words; the default first.
    """
    with gr.Row(elem_id="find"):
        with gr.Column(scale=1, min_width=280, elem_id="choose"):
            choices = [(COLLECTIONS[key], key) for key in [*collections, "yours", "classes"]]
            collection = gr.Radio(choices, value=choices[0][1], label="Search in", elem_id="collection")
            with gr.Column(visible=False) as own_pictures:
                yours = _files(f"Up to {MOST} pictures", "yours")
            with gr.Column(visible=False, elem_id="classes") as own_classes:
                first_name = _name("First class", "mug")
                first = _files(f"{MIN_PICTURES} or more pictures of it", "first")
                second_name = _name("Second class", "jug")
                second = _files(f"{MIN_PICTURES} or more pictures of it", "second")
                third = _files("Search in (if empty: in those two)", "third")
                learn = gr.Button("Learn and search", variant="primary", elem_id="learn")
            methods = [(LABELS.get(key, key.replace("_", " ")), key) for key in METHODS]
            method = gr.Dropdown(methods, value="default", label="Rank by", elem_id="method")
            words = gr.HTML(_describe("default"), elem_id="method-words", js_on_load=None)
            named = [(label, key) for key, label in features.items()]
            encoder = gr.Dropdown(named, value=named[0][1], label="As seen by", elem_id="features")
            table = gr.DownloadButton("↓ The ranking (CSV)", size="sm", visible=False, elem_id="csv")
            checkpoint = gr.DownloadButton("↓ What was learned (ZIP)", size="sm", visible=False, elem_id="zip")
        with gr.Column(scale=3, min_width=320):
            stage = gr.HTML("", elem_id="stage", js_on_load=panel.ON_STAGE_CLICK)
            gallery = gr.HTML("", elem_id="gallery", js_on_load=panel.ON_GALLERY_CLICK)

    quick = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    collection.change(_show_boxes, collection, [own_pictures, own_classes], **quick)
    method.change(_describe, method, words, **quick)

    events, visit = Events(functions), gr.State(Visit(), time_to_live=FORGET_AFTER)
    chosen = [collection, method, encoder, yours, first_name, first, second_name, second, third, visit]
    shown = [stage, gallery, table, checkpoint, visit]
    private = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    raw = private | {"preprocess": False}  # the stored files as they came: see the tab *Classify*
    changed = [collection.change, method.change, encoder.change, yours.change, third.change]
    searches = [
        tab.select(events.open_tab, chosen, shown, concurrency_limit=8, **raw),
        gr.on(changed, events.search, chosen, shown, concurrency_limit=8, **raw),
        learn.click(events.learn_and_search, chosen, shown, concurrency_limit=2, **raw | {"trigger_mode": "once"}),
        stage.click(events.try_example, chosen, shown, concurrency_limit=2, **raw | {"trigger_mode": "once"}),
        gr.on([gallery.select, stage.select], events.pick, visit, stage, concurrency_limit=8, **private),
        gallery.click(events.browse, visit, [stage, gallery], concurrency_limit=8, **private),
    ]
    for event in searches:
        explained = event.success(
            events.explain, visit, stage, concurrency_id="explain hybrids", concurrency_limit=2, **private
        )
        explained.success(
            events.write_table, visit, [table, gallery], concurrency_id="write", concurrency_limit=2, **private
        )

    api, published = Api(functions), {"preprocess": False, "concurrency_limit": 2}
    rows, left_out = gr.JSON(label="rows", visible=False), gr.JSON(label="left_out", visible=False)
    csv, packed = gr.File(label="csv", visible=False), gr.File(label="checkpoint", visible=False)
    outputs, button = [rows, left_out, csv], functools.partial(gr.Button, visible=False)
    button().click(api.find_hybrids, [yours, method, encoder], outputs, api_name="find_hybrids", **published)
    button().click(
        api.learn_two_classes,
        [first_name, first, second_name, second, third, method, encoder],
        [*outputs, packed],
        api_name="learn_two_classes",
        **published,
    )


def _files(label: str, name: str) -> gr.File:
    return gr.File(label=label, file_count="multiple", file_types=["image"], height=130, elem_id=name)


def _name(label: str, example: str) -> gr.Textbox:
    return gr.Textbox(label=label, placeholder=example, max_lines=1, max_length=40)


def _show_boxes(chosen: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return gr.update(visible=chosen == "yours"), gr.update(visible=chosen == "classes")


def _describe(method: str) -> str:
    return panel.words(METHODS[method])
