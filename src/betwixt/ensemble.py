"""Several classifiers that are asked together whether a picture shows a class."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.classifier import ImageClassifier
from betwixt.hub import PretrainedMixin
from betwixt.images import batches, resized


class ClassifierEnsemble(PretrainedMixin, nn.Module):
    """Classifiers with heads that say yes or no to each class; what they say together is their mean.

    Args:
        members: the configuration of each ImageClassifier, with the same classes and a `multilabel_width`.
        thresholds: dataset -> class -> the mean probability from which on the answer is yes, for pictures like those;
            the first are the default.

    Raises:
        ValueError: no members, or members without such heads, of different classes or picture sizes; or thresholds of
            unknown classes or outside [0, 1].
    """

    def __init__(self, *, members: list[dict], thresholds: dict[str, dict[str, float]] | None = None):
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs members")
        self.members = nn.ModuleList(ImageClassifier(**member) for member in members)
        first = self.members[0]
        self.class_names, self.image_size, self.thresholds = first.class_names, first.image_size, dict(thresholds or {})
        for number, member in enumerate(self.members):
            if member.multilabel_head is None:
                raise ValueError(f"member {number} has no heads that say yes or no to each class")
            if (member.class_names, member.image_size) != (self.class_names, self.image_size):
                raise ValueError(f"member {number} has other classes or pictures of another size than the first")
        for name, value in [pair for known in self.thresholds.values() for pair in known.items()]:
            if name not in self.class_names or not 0 <= value <= 1:
                raise ValueError(f"thresholds must be in [0, 1] of {self.class_names}, not {name!r}: {value}")

    @torch.inference_mode()
    def multilabel_probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, num_classes), the mean over the members; float32 on the CPU."""
        x = resized(x, self.image_size)
        return torch.stack([member.multilabel_probabilities(x) for member in self.members]).mean(0)

    def log_probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, num_classes), the mean over the members of the log; differentiable."""
        x = resized(x, self.image_size)
        return torch.stack([F.logsigmoid(member.multilabel_logits(x)) for member in self.members]).mean(0)

    def predict_multilabel(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> (B, num_classes), as `multilabel_probabilities`."""
        device = self.members[0].mean.device
        found = [self.multilabel_probabilities(x) for x in batches(images, self.image_size, device)]
        return torch.cat(found) if found else torch.empty(0, len(self.class_names))

    def says_yes(self, probabilities: torch.Tensor, names: Sequence[str], dataset: str | None = None) -> torch.Tensor:
        """(B, num_classes) of `predict_multilabel` -> (B,) bool: each of the named classes is over its threshold.

        Raises:
            ValueError: as `thresholds_of`.
        """
        columns = [self.class_names.index(name) for name in names]
        return (probabilities[:, columns] > self.thresholds_of(names, dataset)).all(1)

    def thresholds_of(self, names: Sequence[str], dataset: str | None = None) -> torch.Tensor:
        """(len(names),), those for pictures like the dataset's; default: the first.

        Raises:
            ValueError: there are none for such pictures, or a class has none.
        """
        if dataset is None:
            known = next(iter(self.thresholds.values()), {})
        elif dataset in self.thresholds:
            known = self.thresholds[dataset]
        else:
            raise ValueError(f"the ensemble has thresholds for {', '.join(self.thresholds)}, not for {dataset}")
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"the ensemble has no threshold for {', '.join(missing)}")
        return torch.tensor([known[name] for name in names])
