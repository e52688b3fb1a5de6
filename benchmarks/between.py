"""How long it takes to rank embeddings by each method, beside scikit-learn's logistic regression in the same run.

python benchmarks/between.py --candidates 10000 --references 1000
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from betwixt import between

PEER = "scikit-learn's logistic regression, entropy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--references", type=int, default=1_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is shown")
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(options.references) % 2
    references = torch.randn(options.references, options.dimensions, generator=generator) + labels[:, None] * 0.3
    candidates = torch.randn(options.candidates, options.dimensions, generator=generator) + 0.15
    half = options.references // 2
    strangers, own = candidates, torch.cat([candidates[:-half], references[:half]])

    def peer() -> np.ndarray:
        shares = LogisticRegression(max_iter=1000).fit(references, labels).predict_proba(candidates)
        return -(shares * np.log(shares)).sum(1)

    timed: dict[str, Callable[[], object]] = {PEER: peer}
    for method in between.METHODS:
        timed[method] = lambda method=method: between.score(strangers, references, labels, method)
    timed["default, half of the references among the candidates"] = lambda: between.score(own, references, labels)
    timed["position"] = lambda: between.position(strangers, references, labels)
    timed["nearest"] = lambda: between.nearest(strangers, references, labels)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(options.rounds):
        for name, function in timed.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    print(json.dumps({name: round(float(np.median(values)), 4) for name, values in seconds.items()}, indent=2))


if __name__ == "__main__":
    main()
