"""The published networks: loaded once for all visitors, with what the page says about them."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import torch
from finder import Eye
from huggingface_hub import ModelCard

import betwixt
from betwixt import ImageClassifier
from betwixt.hub import CONFIG_FILE, HubError, locate, read_json
from betwixt.once import once

NETWORKS = (  # the best first
    "clocks-crocodiles-classifier",
    "clocks-crocodiles-resnet9",
    "clocks-crocodiles-cnn",
    "clocks-crocodiles-shallow",
)
PICTURES = {  # what the datasets of the cards hold
    "clocks-crocodiles-rendered": "rendered pictures",
    "clocks-crocodiles-photos": "photos",
}


FEATURES = {  # what a search may compare pictures by: published models of any class that has `embed`; the default first
    "clocks-crocodiles-classifier": "SqueezeNet, which can see both",
    "clocks-crocodiles-resnet9": "ResNet-9",
    "clocks-crocodiles-cnn": "CNN",
    "clocks-crocodiles-shallow": "Shallow network",
    "clocks-crocodiles-autoencoder": "Autoencoder",
}


@dataclass(frozen=True)
class Network:
    """A loaded model with what the page says about it."""

    name: str
    model: ImageClassifier
    words: tuple[str, str]
    measured: str


@once
def networks() -> tuple[Network, ...]:
    """The networks, the best first; the first call loads them, which takes seconds.

    Raises:
        gr.Error: one of them cannot be loaded. The reason goes into the log, for it names folders.
    """
    torch.set_num_threads(1)  # pictures of several visitors run side by side, and would wait for each other
    with told_in_a_line("networks"):
        return tuple(_load_network(name) for name in NETWORKS)


def eye(key: str) -> Eye:
    """The network that gives FEATURES[key]. Raises ValueError for another key, and as `networks`."""
    if key not in FEATURES:
        raise ValueError(f"features must be one of {', '.join(FEATURES)}, not {key!r}")
    loaded = {own.key: own for own in classifiers()}
    return loaded.get(key) or Eye(key, FEATURES[key], published(key))


@once
def published(name: str) -> torch.nn.Module:
    """A published model of any class, loaded once for all visitors. Raises as `networks`."""
    with told_in_a_line("networks"):
        folder = locate(name, "model")
        model_class = getattr(betwixt, str(read_json(folder / CONFIG_FILE).get("model_class")), ImageClassifier)
        return model_class.from_pretrained(folder).to(memory_format=torch.channels_last)


def classifiers() -> tuple[Eye, ...]:
    """NETWORKS, for their probabilities. Raises as `networks`."""
    return tuple(Eye(network.name, network.words[0], network.model) for network in networks())


@contextlib.contextmanager
def told_in_a_line(what: str, *faults: type[Exception]) -> Iterator[None]:
    """The reason of a HubError or other `faults` goes into the log, for it names folders; visitors get a line.

    Raises:
        gr.Error: that line, in place of them.
    """
    try:
        yield
    except (HubError, *faults) as error:
        print(f"clocks-crocodiles: {error}", file=sys.stderr, flush=True)
        raise gr.Error(f"The {what} could not be loaded; please come back later.", print_exception=False) from None


def _load_network(name: str) -> Network:
    folder = locate(name, "model")
    model = ImageClassifier.from_pretrained(folder).to(memory_format=torch.channels_last)  # twice as quick
    return Network(name, model, words_for(model), measured(folder / "README.md"))


def words_for(model: ImageClassifier) -> tuple[str, str]:
    """A network's name for people, and what it is."""
    own = {
        "shallow": ("Shallow", "4 fully-connected layers, trained from scratch"),
        "cnn": (
            "CNN",
            f"{model.config['num_convolutions']} convolutions and global pooling, trained from scratch",
        ),
        "resnet9": ("ResNet-9", "8 convolutions with shortcuts, trained from scratch"),
        "torchvision/squeezenet1_0": (
            "SqueezeNet",
            "26 convolutions that first learned the 1,000 classes of ImageNet, then these",
        ),
    }
    name = model.architecture.removeprefix("torchvision/")
    return own.get(model.architecture, (name, f"the architecture {name}, fitted to these classes"))


def measured(card: Path) -> str:
    """The accuracies that a model's card states (`model-index`), in words; empty where it states none."""
    if not card.is_file():
        return ""
    results = ModelCard.load(card).data.eval_results or []
    shares = [
        f"{result.metric_value:.1%} of {PICTURES.get(result.dataset_name, result.dataset_name)}".replace("%", " %")
        for result in results
        if result.metric_type == "accuracy"
    ]
    return f"Right on {' and '.join(shares)} that it had not seen" if shares else ""
