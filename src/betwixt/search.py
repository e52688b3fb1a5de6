"""Which pictures are nearest: exact search of embeddings, kept on the disk with the ids that they belong to.

An index is a folder, the same on the disk and on the Hub:

    index.json                {"encoder": ..., "metric": ..., "dimensions": D, "shards": [how many vectors each has]}
    shard-00000.safetensors   the vectors, (n, D), which are mapped into memory, not read, unless they are in fewer bits
    shard-00000.parquet       the `id` of each, and whatever else is known of it

Shards are written one by one, each whole or not at all, and `index.json` last: what a long embedding has finished is
never lost, and what is not finished is not taken for an index.
"""

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from betwixt.hub import HubError, check_dtype, in_rows, of_rows, read_json, replace_file, resolve

INDEX_FILE = "index.json"
METRICS = ("cosine", "dot", "euclidean")
EXACT_UP_TO = 500_000  # vectors of 384 numbers: about 0.1 s on two cores
BLOCK = 65_536  # vectors compared at once
QUERIES = 1024  # looked for at once
CANDIDATES = 8  # times k: what faiss proposes

Columns = Mapping[str, Sequence[Any]]


class EmbeddingIndex:
    """Vectors with ids, and which of them are nearest.

    Args:
        embeddings: (N, D).
        ids: N different texts.
        encoder: the name of what embedded them, whose embeddings alone can be looked for.
        metric: what a score is: "cosine", "dot" (product), or "euclidean" (the distance, below zero: higher is nearer).
        columns: what else is known of each vector: a name -> N values of one plain type.
        exact_up_to: of more vectors than these faiss proposes candidates, where it is installed, and those that are
            exactly the nearest of them are given: one that it overlooks may be missing.

    Raises:
        ValueError: shapes or lengths that do not match, an id that is there twice, values that are not finite, or an
            unknown metric; in one line.
    """

    def __init__(
        self,
        embeddings: torch.Tensor,
        ids: Sequence[str],
        encoder: str,
        *,
        metric: str = "cosine",
        columns: Columns | None = None,
        exact_up_to: int = EXACT_UP_TO,
    ):
        if embeddings.ndim != 2 or embeddings.shape[1] < 1:
            raise ValueError(f"embeddings must be (N, D), not {tuple(embeddings.shape)}")
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
        if not isinstance(encoder, str) or not encoder:
            raise ValueError(f"encoder must be the name of what embedded the pictures, not {encoder!r}")
        self.encoder, self.metric, self.dimensions = encoder, metric, embeddings.shape[1]
        self.exact_up_to = exact_up_to
        self.ids: list[str] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in columns or {}}
        self._shards: list[torch.Tensor] = []
        self._rows: dict[str, int] = {}
        self._candidates: Any = None
        self._training = threading.Lock()
        self.add(embeddings, ids, columns)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def embeddings(self) -> torch.Tensor:
        """All vectors (N, D), as they are compared, in memory."""
        return torch.cat([torch.empty(0, self.dimensions), *self._shards])

    def row_of(self, identity: str) -> int:
        """The place of an id. Raises KeyError where there is none."""
        return self._rows[identity]

    def add(self, embeddings: torch.Tensor, ids: Sequence[str], columns: Columns | None = None) -> None:
        """Add vectors (M, D). Raises ValueError as the constructor does, and then adds nothing."""
        ids, columns = [str(identity) for identity in ids], columns or {}
        self._check(embeddings)
        if len(ids) != len(embeddings):
            raise ValueError(f"{len(embeddings)} embeddings have {len(ids)} ids")
        if columns.keys() != self.columns.keys():
            raise ValueError(f"the columns are {', '.join(self.columns) or 'none'}, not {', '.join(columns) or 'none'}")
        for name, values in columns.items():
            if len(values) != len(ids):
                raise ValueError(f"the column {name} has {len(values)} values for {len(ids)} ids")
        seen: set[str] = set()
        for identity in ids:
            if identity in self._rows or identity in seen:
                raise ValueError(f"the id {identity!r} is there twice")
            seen.add(identity)
        self._append(self._comparable(embeddings), ids, columns)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove vectors; others keep their order. Raises KeyError where there is no such id, and removes nothing."""
        gone = {self._rows[identity] for identity in ids}
        kept, start = [], 0
        for shard in self._shards:
            stays = torch.tensor([row not in gone for row in range(start, start + len(shard))], dtype=torch.bool)
            kept.append(shard if stays.all() else shard[stays])
            start += len(shard)
        rows = [row for row in range(len(self)) if row not in gone]
        self._shards = [shard for shard in kept if len(shard)]
        self.columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        self.ids = [self.ids[row] for row in rows]
        self._rows = {identity: row for row, identity in enumerate(self.ids)}
        self._candidates = None

    def search(self, queries: torch.Tensor, k: int, encoder: str | None = None) -> tuple[torch.Tensor, list[list[str]]]:
        """The k nearest of each query (Q, D) -> scores (Q, k), the best first, and their ids (Q, k).

        Of an index with fewer vectors all are given, of an empty one none.

        Args:
            encoder: of the queries, where it is known.

        Raises:
            ValueError: queries of another shape or encoder, or not finite; k under 1.
        """
        scores, rows = self.search_rows(queries, k, encoder)
        return scores, [[self.ids[row] for row in found] for found in rows.tolist()]

    def search_rows(
        self, queries: torch.Tensor, k: int, encoder: str | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `search`, with the places (Q, k) of what is found instead of ids."""
        self.check_encoder(encoder or self.encoder)
        self._check(queries)
        if type(k) is not int or k < 1:
            raise ValueError(f"k must be a whole number of at least 1, not {k!r}")
        k = min(k, len(self))
        if not k or not len(queries):
            return torch.empty(len(queries), k), torch.empty(len(queries), k, dtype=torch.int64)
        nearest = self._among_candidates if len(self) > self.exact_up_to and _faiss() else self._among_all
        parts = [nearest(part, k) for part in self._comparable(queries).split(QUERIES)]
        scores, rows = (torch.cat(part) for part in zip(*parts, strict=True))
        return scores, rows

    def check_encoder(self, encoder: str) -> None:
        """Raises ValueError where the index was made with another encoder; both are named."""
        if encoder != self.encoder:
            raise ValueError(f"the index was made with {self.encoder}, and cannot be searched with {encoder}")

    def _check(self, embeddings: torch.Tensor) -> None:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimensions:
            raise ValueError(f"embeddings must be (N, {self.dimensions}), not {tuple(embeddings.shape)}")
        if not embeddings.isfinite().all():
            raise ValueError("the embeddings are not all finite")

    def _comparable(self, embeddings: torch.Tensor) -> torch.Tensor:
        embeddings = embeddings.detach().float().cpu()
        return F.normalize(embeddings, dim=1) if self.metric == "cosine" else embeddings.clone()

    def _append(self, comparable: torch.Tensor, ids: Sequence[str], columns: Columns) -> None:
        if len(ids):
            self._shards.append(comparable)
        self._rows.update({identity: row for row, identity in enumerate(ids, len(self.ids))})
        self.ids += ids
        for name, values in columns.items():
            self.columns[name] += values
        self._candidates = None

    def _scores(self, queries: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        return -torch.cdist(queries, vectors) if self.metric == "euclidean" else queries @ vectors.T

    def _among_all(self, queries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        scores, rows, start = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64), 0
        for block in (block for shard in self._shards for block in shard.split(BLOCK)):
            best = self._scores(queries, block).topk(min(k, len(block)))
            scores, rows = torch.cat([scores, best.values], 1), torch.cat([rows, best.indices + start], 1)
            kept = scores.topk(min(k, scores.shape[1]))
            scores, rows = kept.values, rows.gather(1, kept.indices)
            start += len(block)
        return scores, rows

    def _among_candidates(self, queries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        with self._training:
            if self._candidates is None:
                self._candidates = _trained(self._shards, self.metric)
        _, rows = self._candidates.search(queries.numpy(), min(CANDIDATES * k, len(self)))
        rows = torch.from_numpy(rows)
        vectors = self._take(rows.clamp_min(0))
        if self.metric == "euclidean":
            scores = -(vectors - queries[:, None]).norm(dim=2)
        else:
            scores = torch.einsum("qcd,qd->qc", vectors, queries)
        best = scores.masked_fill(rows < 0, -torch.inf).topk(k)
        if best.values.isinf().any():  # faiss found fewer than k
            return self._among_all(queries, k)
        return best.values, rows.gather(1, best.indices)

    def _take(self, rows: torch.Tensor) -> torch.Tensor:
        starts = torch.tensor([0, *(len(shard) for shard in self._shards)]).cumsum(0)
        shard_of = torch.searchsorted(starts, rows, right=True) - 1
        found = torch.empty(*rows.shape, self.dimensions)
        for number in shard_of.unique().tolist():
            mask = shard_of == number
            found[mask] = self._shards[number][rows[mask] - starts[number]]
        return found

    def save(self, folder: str | PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write the index, in one shard; what was in the folder is replaced once all of it is there.

        Args:
            dtype: that of the stored vectors: torch.float32, torch.float16, or torch.int8, with a scale for each.
                Vectors in float32 are mapped when they are loaded, others read into memory.

        Raises:
            ValueError: another dtype.
        """
        check_dtype(dtype)
        folder = Path(folder)
        staged = folder.with_name(f".{folder.name}.incomplete")
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        shards = []
        if len(self):
            write_shard(staged, 0, self.embeddings, self.ids, self.columns, dtype)
            shards = [len(self)]
        write_index(staged, self.encoder, self.metric, self.dimensions, shards)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        staged.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def from_pretrained(cls, name_or_folder: str | PathLike, **settings: Any) -> "EmbeddingIndex":
        """Load an index: a folder, or the name of a published dataset. Vectors stay on the disk until they are used.

        Args:
            settings: `exact_up_to`, as in the constructor.

        Raises:
            HubError: there is no such index, or a file of it is missing, damaged, or does not match the others.
        """
        folder = resolve(name_or_folder, "dataset")
        about = read_json(folder / INDEX_FILE)
        shards = about.get("shards")
        if not isinstance(shards, list) or type(about.get("dimensions")) is not int:
            raise HubError(f"{folder / INDEX_FILE}: does not describe an index")
        try:
            index = cls(torch.empty(0, about["dimensions"]), [], about["encoder"], metric=about["metric"], **settings)
        except (KeyError, ValueError, RuntimeError) as error:
            raise HubError(f"{folder / INDEX_FILE}: {error}") from None
        for number, count in enumerate(shards):
            vectors, ids, columns = read_shard(folder, number)
            if vectors.shape != (count, index.dimensions) or len(ids) != count:
                raise HubError(
                    f"{shard_file(folder, number)}: has {len(ids)} ids and vectors {tuple(vectors.shape)}, where "
                    f"{INDEX_FILE} says {count} of {index.dimensions}"
                )
            if number == 0:
                index.columns = {name: [] for name in columns}
            if columns.keys() != index.columns.keys():
                raise HubError(f"{shard_file(folder, number)}: has other columns than the first")
            index._append(vectors, ids, columns)
        if len(index._rows) < len(index):
            raise HubError(f"{folder}: an id is there twice")
        return index


def write_shard(
    folder: Path,
    number: int,
    embeddings: torch.Tensor,
    ids: Sequence[str],
    columns: Columns,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write one shard: (n, D), rows as `metric` compares them, stored in `dtype`; of the two files the vectors last."""
    import pyarrow
    import pyarrow.parquet
    from safetensors.torch import save_file

    table = pyarrow.table({"id": [*ids], **{name: [*values] for name, values in columns.items()}})
    replace_file(
        shard_file(folder, number).with_suffix(".parquet"), lambda file: pyarrow.parquet.write_table(table, file)
    )
    if dtype == torch.int8:
        vectors = in_rows("embeddings", embeddings)
    else:
        vectors = {"embeddings": embeddings.to(dtype).contiguous()}
    replace_file(shard_file(folder, number), lambda file: save_file(vectors, file))


def read_shard(folder: Path, number: int) -> tuple[torch.Tensor, list[str], dict[str, list]]:
    """Vectors (n, D), mapped from the disk, ids and columns. Raises HubError in one line."""
    import pyarrow
    import pyarrow.parquet
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = shard_file(folder, number)
    try:
        vectors = of_rows(load_file(file), file)["embeddings"]
        table = pyarrow.parquet.read_table(file.with_suffix(".parquet"))
        columns = {name: table[name].to_pylist() for name in table.column_names}
        return vectors.float(), columns.pop("id"), columns
    except FileNotFoundError as error:
        raise HubError(f"{error.filename or file}: is missing") from None
    except KeyError as error:
        raise HubError(f"{file}: has no {error.args[0]}") from None
    except (SafetensorError, pyarrow.ArrowException, OSError, ValueError) as error:
        raise HubError(f"{file}: cannot be read ({str(error).splitlines()[0]})") from None


def write_index(folder: Path, encoder: str, metric: str, dimensions: int, shards: Sequence[int]) -> None:
    """Write what makes shards an index: how many vectors each of them has, and how they are compared."""
    about = {"encoder": encoder, "metric": metric, "dimensions": dimensions, "shards": [*shards]}
    replace_file(folder / INDEX_FILE, lambda file: file.write_text(json.dumps(about, indent=2) + "\n"))


def shard_file(folder: Path, number: int) -> Path:
    """Where the vectors of a shard are; ids and columns are beside it, as .parquet."""
    return folder / f"shard-{number:05d}.safetensors"


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        return None
    return faiss


def _trained(shards: Sequence[torch.Tensor], metric: str) -> Any:
    """Vectors in 8 bits a number, in cells around centres of which a query looks into the nearest."""
    faiss = _faiss()
    count, dimensions = sum(map(len, shards)), shards[0].shape[1]
    cells = max(1, int(count**0.5))
    measure = faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    index = faiss.index_factory(dimensions, f"IVF{cells},SQ8", measure)
    generator = torch.Generator().manual_seed(0)
    share = min(1.0, 64 * cells / count)
    sample = torch.cat([shard[torch.rand(len(shard), generator=generator) < share] for shard in shards])
    index.train(sample.numpy() if len(sample) >= cells else shards[0].numpy())
    for shard in shards:
        index.add(shard.numpy())
    index.nprobe = max(16, cells // 12)
    return index
