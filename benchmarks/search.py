"""How fast pictures are embedded and found, beside other libraries that do the same; all in one run.

    python benchmarks/search.py --encoder landmarks-transfer --output benchmarks/results/search_speed.json

Vectors are random around random centres, as embeddings of places are; recall is the share of the exact nearest ten that
is found. Times are medians, of one query or of one picture.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.neighbors import NearestNeighbors
from timing import seconds

from betwixt import EmbeddingIndex, ImageClassifier
from betwixt.images import to_tensor
from betwixt.search import write_index, write_shard

ROUNDS, K, DIMENSIONS = 30, 10, 384
EXACT, MANY = 100_000, 600_000  # vectors: searched exactly; beyond what is
PICTURES, PER_CALL = 200, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="landmarks-transfer", help="a published name or a folder")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    faiss.omp_set_num_threads(torch.get_num_threads())
    table = {
        "threads": torch.get_num_threads(),
        "dimensions": DIMENSIONS,
        "search": {f"{EXACT:,} vectors": exact(), f"{MANY:,} vectors": approximate()},
        "embedding": {options.encoder: embedding(options.encoder)},
    }
    text = json.dumps(table, indent=2)
    if options.output:
        options.output.write_text(text + "\n")
    print(text)


def exact() -> dict[str, dict[str, float]]:
    """Milliseconds a query, and the share of the nearest that is found."""
    known, asked = vectors(EXACT, 0), vectors(ROUNDS, 1)
    ids = [str(number) for number in range(EXACT)]
    flat = faiss.IndexFlatIP(DIMENSIONS)
    flat.add(known.numpy())
    neighbors = NearestNeighbors(n_neighbors=K, metric="cosine", algorithm="brute").fit(known.numpy())
    index = EmbeddingIndex(known, ids, "random")
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder), 0, known, ids, {})
        write_index(Path(folder), "random", "cosine", DIMENSIONS, [EXACT])
        mapped = EmbeddingIndex.from_pretrained(folder)
        return compared(
            asked,
            wanted=[set(row.tolist()) for row in (asked @ known.T).topk(K).indices],
            searches={
                "betwixt": lambda query: index.search_rows(query, K)[1][0].tolist(),
                "betwixt, on the disk": lambda query: mapped.search_rows(query, K)[1][0].tolist(),
                "faiss, flat": lambda query: flat.search(query.numpy(), K)[1][0].tolist(),
                "scikit-learn, brute": lambda query: neighbors.kneighbors(query.numpy())[1][0].tolist(),
            },
        )


def approximate() -> dict[str, dict[str, float]]:
    """The same where faiss proposes candidates."""
    known, asked = vectors(MANY, 0), vectors(ROUNDS, 1)
    ids = [str(number) for number in range(MANY)]
    wanted = [set(row.tolist()) for row in (asked @ known.T).topk(K).indices]
    by_all = EmbeddingIndex(known, ids, "random", exact_up_to=MANY)
    by_candidates = EmbeddingIndex(known, ids, "random")
    by_candidates.search(asked[:1], K)  # trains it
    return compared(
        asked,
        wanted,
        {
            "betwixt, exactly": lambda query: by_all.search_rows(query, K)[1][0].tolist(),
            "betwixt, among candidates of faiss": lambda query: by_candidates.search_rows(query, K)[1][0].tolist(),
        },
    )


def compared(
    asked: torch.Tensor, wanted: list[set[int]], searches: dict[str, Callable[[torch.Tensor], list[int]]]
) -> dict[str, dict[str, float]]:
    """Each search on the same queries, in turns."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    found: dict[str, list[float]] = {name: [] for name in searches}
    for query, right in zip(asked.split(1), wanted, strict=True):
        for name, search in searches.items():
            started = time.perf_counter()
            rows = search(query)
            times[name].append((time.perf_counter() - started) * 1000)
            found[name].append(len(right & {*rows}) / K)
    return {
        name: {"milliseconds": statistics.median(times[name]), "recall at 10": statistics.mean(found[name])}
        for name in searches
    }


def vectors(count: int, seed: int) -> torch.Tensor:
    """(count, DIMENSIONS), rows of length 1, around 2,000 centres."""
    centres = torch.randn(2000, DIMENSIONS, generator=torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(len(centres), (count,), generator=generator)
    return F.normalize(centres[which] + torch.randn(count, DIMENSIONS, generator=generator), dim=1)


@torch.inference_mode()
def embedding(name: str) -> dict[str, float]:
    """One picture at a time, and pictures a second in calls of many, beside the backbone alone."""
    model = ImageClassifier.from_pretrained(name).to(memory_format=torch.channels_last)
    random = np.random.default_rng(0)
    pictures = [Image.fromarray(random.integers(0, 256, (240, 320, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    tensors = to_tensor(pictures[:PER_CALL], model.image_size).contiguous(memory_format=torch.channels_last)
    model.embed(pictures[:PER_CALL])

    one = seconds(lambda: model.embed(pictures[:1]), ROUNDS)
    many = seconds(lambda: model.embed(pictures), 3)
    plain = seconds(lambda: model.network(tensors), 10)
    return {
        "milliseconds a picture, alone": one * 1000,
        "pictures a second, decoded ones": PICTURES / many,
        "pictures a second through the backbone alone": PER_CALL / plain,
    }


if __name__ == "__main__":
    main()
