"""Several classifiers trained at a time, each by the recipe itself in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm


def train_classifiers(all_options: Sequence[Sequence[str]], jobs: int) -> None:
    """Run train_classifier.py once with each of the options, `jobs` at a time; what is trained already is not again.

    Raises:
        ValueError: one of them failed; in one line.
    """
    script = Path(__file__).with_name("train_classifier.py")
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}

    def train(options: Sequence[str]) -> None:
        command = [sys.executable, str(script), *options]
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise ValueError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1]}")

    with ThreadPoolExecutor(jobs) as pool:
        list(tqdm(pool.map(train, all_options), total=len(all_options), unit="training"))
