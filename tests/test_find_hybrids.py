"""Find hybrids through the API: rankings against the library, own two classes, bad input."""

import csv
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from spaces_fixtures import AUTOENCODER, EXAMPLES, SPACE_PATH

from betwixt import ImageClassifier, between
from betwixt.collection import read_collection


def find(client: Client, files: list[Path] | None, **options):
    """Rows, what was left out, and the rows of the CSV."""
    uploads = None if files is None else [handle_file(str(file)) for file in files]
    rows, left_out, table = client.predict(uploads, **options, api_name="/find_hybrids")
    return rows, left_out, read_csv(table)


def read_csv(path: str) -> list[dict]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def learn(client: Client, first: list[Path], second: list[Path], third: list[Path] | None = None, **options):
    names = {"first_name": "Disc", "second_name": "Long bar"} | options
    files = {"first": first, "second": second, "search_in": third}
    uploads = {key: value and [handle_file(str(file)) for file in value] for key, value in files.items()}
    return client.predict(**names, **uploads, api_name="/learn_two_classes")


# Rankings


def test_rendered_pictures_are_ranked(client, hub_folder, published):
    rows, left_out, table = find(client, None)
    collection = read_collection(hub_folder / "datasets" / "clocks-crocodiles")
    assert sorted(row["name"] for row in rows) == sorted(collection.names)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert left_out == []
    kind = {row["name"]: row["class"] for row in rows}
    for row, line in zip(rows, table, strict=True):
        assert (int(line["rank"]), line["name"], line["class"]) == (row["rank"], row["name"], row["class"])
        assert float(line["score"]) == pytest.approx(row["score"])
        assert float(line["position"]) == pytest.approx(row["position"])
        assert float(line["probability_crocodile"]) == pytest.approx(row["probabilities"]["crocodile"], abs=1e-4)
        assert line["t"] == ("" if "t" not in row else str(row["t"]))
        assert ("t" in row) == (row["class"] == "blend")
        for name in ("clock", "crocodile"):
            assert kind[row["nearest"][name]] == name
            assert line[f"nearest_{name}"] == row["nearest"][name] != row["name"]
    mean = {name: np.mean([row["position"] for row in rows if row["class"] == name]) for name in ("clock", "crocodile")}
    assert mean["clock"] < 0.35
    assert mean["crocodile"] > 0.65
    if published:
        assert {row["class"] for row in rows[:5]} == {"blend"}


def test_thirty_photos_are_ranked_as_the_library_does(client, hub_folder, thirty):
    rows, _, table = find(client, thirty, features="clocks-crocodiles-resnet9", method="nearness")
    assert (
        sorted(row["name"] for row in rows) == sorted(file.name for file in thirty) == sorted(r["name"] for r in table)
    )
    model = ImageClassifier.from_pretrained(hub_folder / "models" / "clocks-crocodiles-resnet9")
    best = ImageClassifier.from_pretrained(hub_folder / "models" / "clocks-crocodiles-classifier")
    collection = read_collection(hub_folder / "datasets" / "clocks-crocodiles")
    known = [row for row, label in enumerate(collection.labels) if label < 2]
    pictures = [Image.open(file) for file in thirty]
    features, references = model.embed(pictures), model.embed([collection.open(row) for row in known])
    labels = torch.tensor([collection.labels[row] for row in known])
    scores = between.score(features, references, labels, "nearness")
    positions = between.position(features, references, labels)
    nearest = between.nearest(features, references, labels)
    shares = best.predict(pictures)
    index = {file.name: i for i, file in enumerate(thirty)}
    for row in rows:
        i = index[row["name"]]
        assert row["score"] == pytest.approx(float(scores[i]), abs=2e-3)
        assert row["position"] == pytest.approx(float(positions[i]), abs=2e-3)
        assert list(row["probabilities"].values()) == pytest.approx(shares[i].tolist(), abs=2e-3)
        assert row["class"] is None
        assert row["nearest"] == {
            name: collection.names[known[int(nearest[i, column])]] for column, name in enumerate(("clock", "crocodile"))
        }


def test_every_method_and_every_network_ranks(client):
    orders = {}
    for method in between.METHODS:
        rows, _, _ = find(client, EXAMPLES, method=method, features="clocks-crocodiles-cnn")
        assert len(rows) == len(EXAMPLES)
        orders[method] = [row["name"] for row in rows]
    assert orders["default"] == orders["heads"]
    assert orders["original_first_edge"] == orders["original_second_edge"][::-1]
    for features in ("clocks-crocodiles-resnet9", "clocks-crocodiles-shallow"):
        assert len(find(client, EXAMPLES, features=features)[0]) == len(EXAMPLES)


# Classes of one's own


def test_own_two_classes_are_learned_and_leave_as_a_checkpoint(client, small_photos, tmp_path):
    discs, bars = (sorted((small_photos / name).iterdir()) for name in ("clock", "crocodile"))
    rows, left_out, table, packed = learn(client, discs[:20], bars[:20], discs[20:30] + bars[20:30])
    assert left_out == []
    assert sorted(row["name"] for row in rows) == sorted(file.name for file in discs[20:30] + bars[20:30])
    assert list(rows[0]["probabilities"]) == ["disc", "long_bar"]
    assert set(rows[0]["nearest"]) == {"disc", "long_bar"}
    assert len(read_csv(table)) == 20
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    assert sorted(path.name for path in (tmp_path / "disc-long_bar").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    model = ImageClassifier.from_pretrained(tmp_path / "disc-long_bar")
    assert model.class_names == ["disc", "long_bar"]
    by_name = {row["name"]: row for row in learn(client, discs[:20], bars[:20], discs[20:30])[0]}
    shares = model.predict([Image.open(file) for file in discs[20:30]])
    for file, share in zip(discs[20:30], shares.tolist(), strict=True):
        assert list(by_name[file.name]["probabilities"].values()) == pytest.approx(share, abs=1e-3)
    assert (shares[:, 0] > 0.5).float().mean() >= 0.7


def test_without_further_pictures_the_two_classes_are_ranked(client, small_photos):
    discs, bars = (sorted((small_photos / name).iterdir()) for name in ("clock", "crocodile"))
    rows, _, _, _ = learn(client, discs[:10], bars[:9], method="neighbours")
    assert [row["class"] for row in rows].count("disc") == 10
    assert [row["class"] for row in rows].count("long_bar") == 9


# Bad input


def test_bad_files_among_good_ones_are_named_and_skipped(client, bad_files, odd_files):
    rows, left_out, _ = find(client, [*EXAMPLES, *bad_files, *odd_files])
    assert {entry["name"] for entry in left_out} == {path.name for path in bad_files}
    assert all(entry["reason"] and "/" not in entry["reason"] for entry in left_out)
    assert sorted(row["name"] for row in rows) == sorted(path.name for path in [*EXAMPLES, *odd_files])
    with pytest.raises(AppError, match=r"None of these pictures can be used. Left out: .*truncated.png \(") as caught:
        find(client, list(bad_files))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_searched_is_one_line(client, site, small_photos, bad_files):
    discs, bars = (sorted((small_photos / name).iterdir()) for name in ("clock", "crocodile"))
    logged = len(site.log)
    same = [discs[0]] * 12
    copies = [bars[0].with_name(f"copy{i}.png") for i in range(8)]
    for copy in copies:
        copy.write_bytes(bars[0].read_bytes())
    cases = {
        "Disc: at least 8 pictures are needed, there are 0": ([], bars, {}),
        "Long_bar: at least 8 pictures are needed, there are 7": (discs, bars[:7], {}),
        "Disc: at least 8 pictures are needed, there are 1": (same, bars, {}),  # the same file counts once
        "are (all )?equal": (copies, copies, {}),
        r"there are 7. Left out: truncated.png \(": (discs[:7] + list(bad_files)[:1], bars, {}),
        "different names": (discs, bars, {"second_name": "disc "}),
        "needs a name": (discs, bars, {"first_name": " ?"}),
        "Every class needs a name": (discs, bars, {"first_name": "", "second_name": ""}),
        "cannot be called Neither": (discs, bars, {"second_name": "Neither"}),
        "choose another than Autoencoder": (discs, bars, {"features": AUTOENCODER}),
        "Method must be one of default, .*, not 'magic'": (discs, bars, {"method": "magic"}),
    }
    try:
        for message, (first, second, options) in cases.items():
            with pytest.raises(AppError, match=message) as caught:
                learn(client, first, second, **options)
            assert "\n" not in str(caught.value)
    finally:
        for copy in copies:
            copy.unlink()
    for options, message in (({"method": "magic"}, "Method"), ({"features": "none"}, "Features")):
        with pytest.raises(AppError, match=f"{message} must be one of"):
            find(client, EXAMPLES, **options)
    assert "Traceback" not in site.log[logged:]
    assert len(find(client, EXAMPLES[:1])[0]) == 1  # and the page lives on


def test_only_uploaded_files_are_opened(site, tmp_path):
    private = tmp_path / "private.png"
    private.write_bytes(EXAMPLES[0].read_bytes())
    api = f"{site.url}{SPACE_PATH}gradio_api/call/find_hybrids"
    for file in (
        {"path": str(private), "meta": {"_type": "gradio.FileData"}},
        {"path": str(private)},
        {"path": f"{site.uploads}/../../{private.relative_to(private.anchor)}"},
        "private.png",
        {"path": 3},
    ):
        event = httpx.post(api, json={"data": [[file], "default", "clocks-crocodiles-cnn"]}).json()["event_id"]
        answer = httpx.get(f"{api}/{event}", timeout=60).text
        assert "event: error" in answer
        assert "probabilities" not in answer
        assert not list(site.uploads.rglob("private.png"))
