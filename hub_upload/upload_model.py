"""Checks hub_upload/models/NAME strictly and uploads it to the Hub in one commit.

python hub_upload/upload_model.py clocks-crocodiles-classifier --namespace YOU   # shows what would go
python hub_upload/upload_model.py clocks-crocodiles-classifier --namespace YOU --apply --tag v1
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import publishing

import betwixt
from betwixt.hub import CONFIG_FILE, WEIGHTS_FILE, HubError, read_json

MAX_WEIGHTS_BYTES = 6_000_000
MAX_OTHER_BYTES = 1_000_000


def main() -> None:
    publishing.upload_folder("model", __doc__.splitlines()[0], check_model)


def check_model(folder: Path) -> list[str]:
    """Returns what the model is, in words.

    Raises:
        HubError: a file that does not belong there, a size over the limit, a card without measured results,
            or a checkpoint that its class does not load.
    """
    for name, path in publishing.list_files(folder).items():
        if name not in (CONFIG_FILE, WEIGHTS_FILE, "README.md", "samples.webp") and (
            "/" in name or path.suffix != ".json"
        ):
            raise HubError(f"{path}: does not belong into a published model; remove it")
        if path.suffix == ".json":
            read_json(path)
        limit = MAX_WEIGHTS_BYTES if name == WEIGHTS_FILE else MAX_OTHER_BYTES
        if path.stat().st_size > limit:
            raise HubError(f"{path}: has {path.stat().st_size:,} bytes, and the limit is {limit:,}")
    num_results = check_card(folder / "README.md")
    class_name = read_json(folder / CONFIG_FILE).get("model_class")
    if class_name not in betwixt.__all__:
        raise HubError(f"{folder / CONFIG_FILE}: model_class is {class_name!r}; known: {', '.join(betwixt.__all__)}")
    model = getattr(betwixt, class_name).from_pretrained(folder)
    num_weights = sum(parameter.numel() for parameter in model.parameters())
    return [f"{class_name} with {num_weights:,} weights; its card has {num_results} measured results"]


def check_card(path: Path) -> int:
    """Returns how many results the card's model-index holds.

    Raises:
        HubError: no license, or no results with task, dataset and finite metrics.
    """
    metadata, _ = publishing.read_card(path)
    if not metadata.get("license"):
        raise HubError(f"{path}: the front matter has no license")
    index = metadata.get("model-index")
    if not isinstance(index, list) or not index or not all(isinstance(entry, dict) for entry in index):
        raise HubError(f"{path}: the front matter has no model-index; write the card with training/publish.py")
    results = [result for entry in index for result in entry.get("results") or []]
    metrics = [metric for result in results for metric in _metrics(result, path)]
    if not metrics or not all(entry.get("name") for entry in index):
        raise HubError(f"{path}: the model-index has no name or no results; evaluate, then run training/publish.py")
    return len(metrics)


def _metrics(result: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(result, dict) or not all(isinstance(result.get(key), dict) for key in ("task", "dataset")):
        raise HubError(f"{path}: a result of the model-index lacks its task or dataset")
    metrics = result.get("metrics")
    if not isinstance(metrics, list) or not all(isinstance(metric, dict) for metric in metrics):
        raise HubError(f"{path}: a result of the model-index lacks its list of metrics")
    for metric in metrics:
        value = metric.get("value")
        if not metric.get("type") or type(value) not in (int, float) or not math.isfinite(value):
            raise HubError(f"{path}: a metric of the model-index must have a type and a finite value: {metric}")
    return metrics


if __name__ == "__main__":
    publishing.run(main)
