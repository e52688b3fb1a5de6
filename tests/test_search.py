"""The index: against brute force and scikit-learn; saved, mapped, changed; and with what does not fit."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from sklearn.neighbors import NearestNeighbors

from betwixt import search
from betwixt.hub import HubError
from betwixt.search import METRICS, EmbeddingIndex, write_index, write_shard


def vectors(count: int, dimensions: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(24, dimensions, generator=generator)
    return centres[torch.arange(count) % 24] + 0.6 * torch.randn(count, dimensions, generator=generator)


def names(count: int, first: int = 0) -> list[str]:
    return [f"picture {number}" for number in range(first, first + count)]


@pytest.fixture(params=METRICS)
def metric(request) -> str:
    return request.param


def test_the_nearest_are_those_of_scikit_learn(metric, monkeypatch):
    monkeypatch.setattr(search, "BLOCK", 70)  # several blocks
    monkeypatch.setattr(search, "QUERIES", 7)
    known, asked = vectors(300), vectors(20, seed=1)
    scores, ids = EmbeddingIndex(known, names(300), "net", metric=metric).search(asked, 9)
    if metric == "dot":
        products = (asked @ known.T).numpy()
        wanted = np.argsort(-products, axis=1)[:, :9]
        expected = np.take_along_axis(products, wanted, 1)
    else:
        distances, wanted = NearestNeighbors(n_neighbors=9, metric=metric).fit(known).kneighbors(asked)
        expected = 1 - distances if metric == "cosine" else -distances
    assert ids == [[f"picture {row}" for row in rows] for rows in wanted]
    assert np.allclose(scores.numpy(), expected, atol=1e-4)


def test_more_than_there_are_none_at_all_and_one():
    index = EmbeddingIndex(vectors(3), names(3), "net")
    scores, ids = index.search(vectors(2), 10)
    assert scores.shape == (2, 3)
    assert sorted(ids[0]) == names(3)
    index.remove(names(3))
    assert len(index) == 0
    assert index.search(vectors(2), 10)[1] == [[], []]
    assert index.search(vectors(0), 1)[1] == []
    index.add(vectors(1), ["alone"])
    assert index.search(vectors(1), 1)[1] == [["alone"]]
    assert index.search(vectors(1), 1)[0].item() == pytest.approx(1)


def test_what_is_added_is_found_and_what_is_removed_is_not(metric):
    known, more = vectors(40), vectors(25, seed=3)
    index = EmbeddingIndex(known, names(40), "net", metric=metric, columns={"place": [i % 3 for i in range(40)]})
    index.add(more, names(25, 40), {"place": [9] * 25})
    index.remove(["picture 3", "picture 41", "picture 64"])
    rows = [row for row in range(65) if row not in (3, 41, 64)]
    left = EmbeddingIndex(torch.cat([known, more])[rows], [f"picture {row}" for row in rows], "net", metric=metric)
    asked = vectors(10, seed=4)
    scores, ids = index.search(asked, 62)
    expected, expected_ids = left.search(asked, 62)
    assert torch.allclose(scores, expected, atol=1e-5)
    assert ids == expected_ids
    assert index.columns["place"][index.row_of("picture 50")] == 9
    assert torch.equal(index.embeddings, left.embeddings)
    with pytest.raises(KeyError):
        index.remove(["picture 0", "nobody"])
    assert len(index) == 62


def test_saved_and_loaded_it_answers_the_same(tmp_path, metric):
    columns = {"place": ["a", None, "c"] * 10, "number": list(range(30))}
    index = EmbeddingIndex(vectors(30), names(30), "someone/net", metric=metric, columns=columns)
    index.save(tmp_path / "index")
    index.save(tmp_path / "index")  # over itself
    loaded = EmbeddingIndex.from_pretrained(tmp_path / "index")
    assert (loaded.encoder, loaded.metric, loaded.ids, loaded.columns) == ("someone/net", metric, names(30), columns)
    assert torch.equal(loaded.embeddings, index.embeddings)
    asked = vectors(4, seed=2)
    assert loaded.search(asked, 5)[1] == index.search(asked, 5)[1]
    loaded.add(vectors(2, seed=5), ["new", "newer"], {"place": ["x", "y"], "number": [1, 2]})
    loaded.save(tmp_path / "index")  # over the files that it is mapped from
    assert EmbeddingIndex.from_pretrained(tmp_path / "index").ids == [*names(30), "new", "newer"]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    empty = EmbeddingIndex(torch.empty(0, 4), [], "net")
    empty.save(tmp_path / "empty")
    assert len(EmbeddingIndex.from_pretrained(tmp_path / "empty")) == 0


@pytest.mark.parametrize(("dtype", "size"), [(torch.float16, 2), (torch.int8, 1)])
def test_in_fewer_bits_it_is_smaller_and_answers_nearly_the_same(tmp_path, metric, dtype, size):
    index = EmbeddingIndex(vectors(400, 128), names(400), "net", metric=metric)
    index.save(tmp_path / "index", dtype)
    numbers = 400 * 128 * size + 400 * 4
    assert (tmp_path / "index" / "shard-00000.safetensors").stat().st_size < numbers + 500
    loaded = EmbeddingIndex.from_pretrained(tmp_path / "index")
    step = index.embeddings.abs().amax(1, keepdim=True) / 127
    assert ((loaded.embeddings - index.embeddings).abs() <= step).all()
    asked = vectors(50, 128, seed=2)
    agree = [a == b for a, b in zip(index.search(asked, 1)[1], loaded.search(asked, 1)[1], strict=True)]
    assert np.mean(agree) > 0.9
    with pytest.raises(ValueError, match=r"dtype must be torch.float32, .*, not torch.uint8"):
        index.save(tmp_path / "index", torch.uint8)
    assert len(EmbeddingIndex.from_pretrained(tmp_path / "index")) == 400


def test_a_scale_of_nothing_is_named(tmp_path):
    EmbeddingIndex(vectors(5), names(5), "net").save(tmp_path / "index", torch.int8)
    file = tmp_path / "index" / "shard-00000.safetensors"
    save_file({**load_file(file), "embeddings:scale": torch.ones(4)}, file)
    with pytest.raises(HubError, match="embeddings:scale is not the scale of a tensor's rows"):
        EmbeddingIndex.from_pretrained(tmp_path / "index")


def test_several_shards_are_one_index(tmp_path):
    known = F.normalize(vectors(50), dim=1)
    for number, rows in enumerate([range(20), range(20, 45), range(45, 50)]):
        write_shard(tmp_path, number, known[rows], names(50)[rows.start : rows.stop], {})
    with pytest.raises(HubError, match=r"index.json: is missing"):
        EmbeddingIndex.from_pretrained(tmp_path)  # not finished
    write_index(tmp_path, "net", "cosine", 16, [20, 25, 5])
    loaded = EmbeddingIndex.from_pretrained(tmp_path)
    asked = vectors(6, seed=8)
    assert loaded.search(asked, 7)[1] == EmbeddingIndex(known, names(50), "net").search(asked, 7)[1]


def test_vectors_stay_on_the_disk_until_they_are_used(tmp_path):
    count, dimensions = 50_000, 1024  # 205 MB
    write_shard(tmp_path, 0, torch.zeros(count, dimensions), names(count), {})
    write_index(tmp_path, "net", "dot", dimensions, [count])
    script = """
import resource, sys, torch, pyarrow.parquet
from betwixt.search import EmbeddingIndex, read_shard
from pathlib import Path
def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
before = resident()
vectors, ids, _ = read_shard(Path(sys.argv[1]), 0)
mapped = resident() - before
assert float(vectors.sum()) == 0
print(mapped, resident() - before)
"""
    said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True).stdout
    mapped, read = map(float, said.split())
    assert mapped < 110  # ids and the reader of Parquet
    assert read > mapped + 190


def test_beyond_what_is_searched_exactly_faiss_proposes(metric, tmp_path):
    pytest.importorskip("faiss")
    known, asked = vectors(6000, 32), vectors(50, 32, seed=1)
    exact = EmbeddingIndex(known, names(6000), "net", metric=metric)
    fast = EmbeddingIndex(known, names(6000), "net", metric=metric, exact_up_to=1000)
    scores, ids = exact.search(asked, 10)
    near, near_ids = fast.search(asked, 10)
    recall = np.mean([len({*a} & {*b}) / 10 for a, b in zip(ids, near_ids, strict=True)])
    assert recall > 0.9
    first = near[:, 0].isclose(scores[:, 0], atol=1e-4).double().mean()
    assert first > 0.95
    fast.remove(names(10))
    fast.add(asked[:1], ["itself"])
    assert metric == "dot" or fast.search(asked[:1], 1)[1] == [["itself"]]
    assert fast.search(asked, 6000 - 9)[0].shape == (50, 5991)  # all there are, though faiss looks into few cells


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EmbeddingIndex(torch.zeros(3), names(3), "net"), r"must be \(N, D\), not \(3,\)"),
        (lambda: EmbeddingIndex(vectors(3), names(2), "net"), "3 embeddings have 2 ids"),
        (lambda: EmbeddingIndex(vectors(3), ["a", "b", "a"], "net"), "the id 'a' is there twice"),
        (lambda: EmbeddingIndex(vectors(3) / 0, names(3), "net"), "not all finite"),
        (lambda: EmbeddingIndex(vectors(3), names(3), ""), "encoder must be the name"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net", metric="l1"), "metric must be one of cosine, dot"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net", columns={"a": [1]}), "a has 1 values for 3 ids"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net").add(vectors(1, 8), ["x"]), r"\(N, 16\), not \(1, 8\)"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net").add(vectors(1), ["picture 1"]), "there twice"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net").search(vectors(1, 8), 1), r"\(N, 16\)"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net").search(vectors(1) * torch.nan, 1), "finite"),
        (lambda: EmbeddingIndex(vectors(3), names(3), "net").search(vectors(1), 0), "k must be a whole number"),
        (
            lambda: EmbeddingIndex(vectors(3), names(3), "landmarks-scratch").search(vectors(1), 1, "vgg16"),
            "made with landmarks-scratch, and cannot be searched with vgg16",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(make, message):
    with pytest.raises(ValueError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


def damaged(folder, name: str, change) -> None:
    EmbeddingIndex(vectors(5), names(5), "net", columns={"place": [*"abcde"]}).save(folder)
    file = folder / name
    change(file)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("index.json", lambda file: file.unlink(), r"index.json: is missing"),
        ("index.json", lambda file: file.write_text("[]"), "must hold a JSON object"),
        ("index.json", lambda file: file.write_text("{}"), "does not describe an index"),
        (
            "index.json",
            lambda file: file.write_text(json.dumps({**json.loads(file.read_text()), "metric": "l1"})),
            "metric must be one of",
        ),
        (
            "index.json",
            lambda file: file.write_text(json.dumps({**json.loads(file.read_text()), "shards": [4]})),
            "says 4 of 16",
        ),
        ("shard-00000.safetensors", lambda file: file.unlink(), "is missing"),
        ("shard-00000.safetensors", lambda file: file.write_bytes(file.read_bytes()[:-40]), "cannot be read"),
        ("shard-00000.parquet", lambda file: file.unlink(), "is missing"),
        ("shard-00000.parquet", lambda file: file.write_bytes(file.read_bytes()[:60]), "cannot be read"),
    ],
)
def test_a_damaged_index_is_named(tmp_path, name, change, message):
    damaged(tmp_path / "index", name, change)
    with pytest.raises(HubError, match=message) as raised:
        EmbeddingIndex.from_pretrained(tmp_path / "index")
    assert "\n" not in str(raised.value)
