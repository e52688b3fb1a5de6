"""Times, as the benchmarks take them."""

import statistics
import time
from collections.abc import Callable


def seconds(task: Callable[[], object], rounds: int) -> float:
    """The median over the rounds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        task()
        times.append(time.perf_counter() - started)
    return statistics.median(times)
