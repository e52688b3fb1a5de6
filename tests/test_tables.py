"""Datasets on disk: what is written is what the datasets library and the recipes read, and nothing is parted."""

import io

import datasets
import numpy as np
import pytest
import torch
from near_duplicates import is_test, near_duplicate_groups
from PIL import Image, ImageEnhance
from tables import NEITHER, ImageTable, concatenate, encode, folds, joined, read_dataset, write_dataset


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Soft random pictures, uint8 (count, 32, 32, 3)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((32, 32), Image.Resampling.BICUBIC)) for c in coarse])


@pytest.fixture
def folder(tmp_path):
    rows = [
        {
            "image": encode(p),
            "label": i % 2,
            "t": i / 4 if i else None,
            "kind": "a",
            "group": i,
            "source": "s",
        }
        for i, p in enumerate(pictures(8))
    ]
    write_dataset(tmp_path / "set", {"train": rows[:6], "test": rows[6:]}, ["clock", "crocodile"], "# card")
    return tmp_path / "set"


def test_written_tables_are_read_back(folder):
    table = read_dataset(str(folder), "train", 32)
    assert np.array_equal(table.pixels.permute(0, 2, 3, 1).numpy(), pictures(8)[:6])
    assert table.labels.tolist() == [0, 1] * 3
    assert table.class_names == ["clock", "crocodile"]
    assert table.columns["t"] == [None, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert read_dataset(str(folder), "test", 16).pixels.shape == (2, 3, 16, 16)
    with pytest.raises(FileNotFoundError, match="no split 'other'"):
        read_dataset(str(folder), "other", 32)


def test_splits_have_the_same_columns(tmp_path):
    with_t, without = ({"image": encode(pictures(1)[0]), "label": 0, "group": 1} for _ in range(2))
    with_t["t"], without["shape"] = 0.5, None
    write_dataset(tmp_path / "set", {"train": [without], "test": [with_t]}, ["a"], "# card")
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].features == loaded["test"].features
    assert loaded["train"][0]["t"] is None
    assert loaded["test"][0]["t"] == 0.5


def test_the_datasets_library_reads_them(folder, tmp_path):
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].features["label"].names == ["clock", "crocodile"]
    assert np.array_equal(np.asarray(loaded["test"][1]["image"].convert("RGB")), pictures(8)[7])


def test_writing_again_replaces_the_whole(folder):
    row = {"image": encode(pictures(1)[0]), "label": 0}
    write_dataset(folder, {"train": [row]}, ["a"], "# new")
    assert read_dataset(str(folder), "train", 32).class_names == ["a"]
    assert not list((folder / "data").glob("test-*"))
    assert [path.name for path in folder.parent.iterdir()] == ["set"]


def test_a_digest_names_the_content(folder):
    train, test = (read_dataset(str(folder), split, 32) for split in ("train", "test"))
    assert train.digest() == read_dataset(str(folder), "train", 32).digest()
    assert train.digest() != test.digest()
    assert train.digest() != train.select([1, 0, 2, 3, 4, 5]).digest()


def test_selecting_classes_renumbers_labels(folder):
    table = read_dataset(str(folder), "train", 32)
    second = table.of_classes(["crocodile"])
    assert second.labels.tolist() == [0, 0, 0]
    assert second.columns["group"] == [1, 3, 5]
    joined = concatenate([table, read_dataset(str(folder), "test", 32)])
    assert len(joined) == 8
    with pytest.raises(ValueError, match="different classes"):
        concatenate([table, second])


def test_pictures_of_other_classes_become_one(folder):
    table = read_dataset(str(folder), "train", 32)
    things = table.as_class(NEITHER)
    assert (things.class_names, things.labels.tolist()) == ([NEITHER], [0] * 6)
    assert things.columns == table.columns
    assert torch.equal(things.pixels, table.pixels)
    assert table.labels.tolist() == [0, 1] * 3  # as it was
    both = concatenate(joined([table, things]))
    assert both.class_names == ["clock", "crocodile", NEITHER]
    assert both.labels.tolist() == [0, 1] * 3 + [2] * 6


def changed(picture: np.ndarray) -> list[np.ndarray]:
    image = Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return [
        np.asarray(Image.open(buffer).convert("RGB")),
        np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        np.asarray(ImageEnhance.Brightness(image).enhance(0.7)),
        np.roll(picture, 2, axis=1),
    ]


def test_near_duplicates_are_found_and_only_those():
    originals = pictures(50)
    copies = changed(originals[0]) + changed(originals[1])
    pixels = torch.from_numpy(np.concatenate([originals, copies])).permute(0, 3, 1, 2)
    groups = near_duplicate_groups(pixels)
    assert (groups[50:54] == groups[0]).all()
    assert (groups[54:] == groups[1]).all()
    assert len(set(groups[:50])) == 50
    flat = torch.full((3, 3, 32, 32), 7, dtype=torch.uint8)
    assert len(set(near_duplicate_groups(flat))) == 3


def test_the_test_split_is_a_fixed_fifth_that_keeps_groups_whole():
    pixels = torch.from_numpy(pictures(600)).permute(0, 3, 1, 2)
    groups = np.arange(600) // 2
    test = is_test(pixels, groups)
    assert (test[::2] == test[1::2]).all()
    assert 0.14 < test.mean() < 0.26
    order = np.random.default_rng(0).permutation(600)
    assert np.array_equal(is_test(pixels[torch.from_numpy(order)], groups[order]), test[order])


def test_folds_keep_groups_whole_and_change_with_the_seed(folder):
    table = read_dataset(str(folder), "train", 32)
    table.columns["group"] = [0, 0, 1, 1, 2, 2]
    of = folds(table, 3, seed=0)
    assert (of[::2] == of[1::2]).all()
    assert any(not torch.equal(folds(table, 3, seed), of) for seed in range(1, 5))


def test_groups_of_joined_datasets_stay_apart():
    def table(**columns) -> ImageTable:
        return ImageTable(torch.zeros(3, 3, 2, 2, dtype=torch.uint8), torch.zeros(3).long(), ["a"], columns)

    joined = concatenate([table(group=[0, 0, 4]), table(), table(group=[0, 1, 1])])
    assert joined.columns["group"] == [0, 0, 4, 5, 6, 7, 8, 9, 9]
    assert concatenate([table(group=[7, 2, 2])]).columns["group"] == [7, 2, 2]
    assert "group" not in concatenate([table(), table()]).columns
