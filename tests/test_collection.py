"""Collections of pictures: published datasets, folders, and what does not fit together in one line."""

import json

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image
from spaces_fixtures import saved

from betwixt.collection import read_collection
from betwixt.hub import locate

NAMES = {"info": {"features": {"label": {"names": ["clock", "crocodile"], "_type": "ClassLabel"}}}}
STORAGE = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})


def write(folder, split: str, images: list, labels: list, metadata=NAMES, **columns) -> None:
    (folder / "data").mkdir(exist_ok=True, parents=True)
    table = pyarrow.table({"image": pyarrow.array(images, STORAGE), "label": labels, **columns})
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    pyarrow.parquet.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")


def image(colour: str, path: str | None = None) -> dict:
    return {"bytes": saved(Image.new("RGB", (8, 8), colour), "PNG"), "path": path}


def test_published_dataset_with_all_its_splits(monkeypatch):
    monkeypatch.delenv("BETWIXT_NAMESPACE", raising=False)
    folder = locate("clocks-crocodiles", "dataset")
    everything = read_collection(folder)
    assert sorted(set(everything.splits)) == ["morphs", "test", "train"]
    assert everything.class_names == ["clock", "crocodile", "neither"]
    test = read_collection(folder, "test")
    assert len(test) == everything.splits.count("test")
    row = everything.splits.index("test") + 3
    assert everything.open(row).tobytes() == test.open(3).tobytes()
    assert everything.names[row] == test.names[3] == "test-0003"
    assert {len(values) for values in everything.columns.values()} == {len(everything)}
    blends = [t for t, split in zip(everything.columns["t"], everything.splits, strict=True) if split == "morphs"]
    assert all(0 < t < 1 for t in blends)


def test_columns_that_one_split_lacks_are_none_and_files_may_lie_beside(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    write(tmp_path, "train", [image("blue", "sub/a.png"), {"bytes": None, "path": "red.png"}], [0, 1], t=[0.0, 1.0])
    write(tmp_path, "test", [image("green")], [1])
    found = read_collection(tmp_path)
    assert found.columns["t"] == [None, 0.0, 1.0]
    assert found.names == ["test-0000", "a.png", "red.png"]
    assert [found.open(row).getpixel((0, 0)) for row in range(3)] == [(0, 128, 0), (0, 0, 255), (255, 0, 0)]


def test_labels_may_be_words(tmp_path):
    write(tmp_path, "train", [image("blue")] * 3, ["b", "a", "b"], metadata=None)
    found = read_collection(tmp_path)
    assert found.class_names == ["a", "b"]
    assert found.labels == [1, 0, 1]


def test_folder_with_a_folder_for_each_class(small_photos):
    found = read_collection(small_photos)
    assert found.class_names == ["clock", "crocodile", "other"]
    assert [found.labels.count(label) for label in range(3)] == [40, 40, 20]
    assert found.names[0] == "clock/00.png"
    assert found.open(0).size == (32, 32)
    with pytest.raises(FileNotFoundError, match="has no split 'train'"):
        read_collection(small_photos, "train")


def test_what_does_not_fit_together_is_one_line(tmp_path):
    blue, outside = image("blue"), {"bytes": None, "path": "../secret.png"}
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    cases = {
        "row 1 has the label 7, but there are 2 classes": ([blue, blue], [0, 7], NAMES),
        "nothing says which classes": ([blue], [0], None),
        "row 0 names the file gone.png, which is not there": ([{"bytes": None, "path": "gone.png"}], [0], NAMES),
        "secret.png, which is not there": ([outside], [0], NAMES),
        "row 1 has no picture": ([blue, None], [0, 1], NAMES),
        "has no pictures": ([], [], NAMES),
    }
    for number, (message, (images, labels, metadata)) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        write(folder, "train", images, labels, metadata)
        with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
            read_collection(folder)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="has no split 'test'"):
        read_collection(tmp_path / "0", "test")
    (tmp_path / "0" / "data" / "train-00000-of-00001.parquet").write_text("no Parquet")
    with pytest.raises(ValueError, match="cannot be read"):
        read_collection(tmp_path / "0")
    (tmp_path / "nothing" / "here").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="has no pictures: neither"):
        read_collection(tmp_path / "nothing")
    write(tmp_path / "two", "train", [blue], [0])
    write(tmp_path / "two", "test", [blue], ["clock"], metadata=None)
    with pytest.raises(ValueError, match="different classes"):
        read_collection(tmp_path / "two")
