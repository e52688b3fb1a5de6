"""Which pictures are true hybrids: what judges see as both classes, as real as photos, new, and one thing.

Thresholds come from held-out plain pictures alone, so a gate knows nothing of what it will be asked about.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from tables import NEITHER

from betwixt import metrics
from betwixt.classifier import ImageClassifier
from betwixt.ensemble import ClassifierEnsemble
from betwixt.images import BATCH, resized

OTHER_CLASS = 0.02  # of the held-out pictures of one class pass for the other, and as many of neither for one of both
PASS = 0.95  # of held-out plain pictures pass "real"
SHIFT = 2  # pixels of 32
SIDE = 32  # at which pixels are compared
SHIFTS = ((0, 0), (SHIFT, SHIFT), (SHIFT, -SHIFT), (-SHIFT, SHIFT), (-SHIFT, -SHIFT))
VIEWS = (torch.clone, partial(torch.flip, dims=(3,)), partial(torch.roll, shifts=(SHIFT, SHIFT), dims=(2, 3)))
MOST_PLAIN = 4000  # pictures that the detectors are asked about
MOST_SOURCES = 1000  # pictures of a class that a double exposure is looked for among

Embed = Callable[[torch.Tensor], torch.Tensor]  # (B, 3, H, W) in [-1, 1] -> features (B, D), not trained on the classes


@dataclass
class Plain:
    """Plain pictures (N, 3, S, S) of two classes, 0 and 1 in labels (N,), near-duplicates of one group in groups."""

    pictures: torch.Tensor
    labels: torch.Tensor
    groups: torch.Tensor


@dataclass
class Known:
    """What thresholds come from: of held-out plain pictures their features, how sure the judges are of both classes and
    what double exposures leave unexplained; and how sure they are of "neither" of pictures that are that.
    """

    plain: Plain
    features: torch.Tensor
    yes: torch.Tensor
    residuals: torch.Tensor
    neither: torch.Tensor | None

    def select(self, plain: torch.Tensor, neither: torch.Tensor) -> "Known":
        """The rows given by masks."""
        return Known(
            Plain(self.plain.pictures[plain], self.plain.labels[plain], self.plain.groups[plain]),
            self.features[plain],
            self.yes[plain],
            self.residuals[plain],
            None if self.neither is None else self.neither[neither],
        )


class Gates:
    """Ask of pictures whether they are true hybrids.

    Args:
        class_names: the two classes.
        judges: used for nothing else, trained on plain pictures alone.
        detectors: classifiers of "plain" and "mixed", trained on pictures out of `held_out`; their mean counts.
        embed: gives the features for "real" and "new".
        training: what the generators were trained on; the detectors have not seen it.
        held_out: what they were not trained on.
        neither: held-out pictures (M, 3, S, S) of neither class, where the judges know that.
        whole: share of plain pictures that the detectors take for one thing, and as many the two-picture fit.
    """

    def __init__(
        self,
        class_names: list[str],
        judges: ClassifierEnsemble,
        detectors: Sequence[ImageClassifier],
        embed: Embed,
        training: Plain,
        held_out: Plain,
        neither: torch.Tensor | None = None,
        whole: float = 0.95,
    ):
        self.judges, self.detectors, self.embed = judges, detectors, embed
        self.columns = [judges.class_names.index(name) for name in class_names]
        self.training, self.small = training, resized(training.pictures, SIDE)
        self.training_features = embed(training.pictures)
        self.sources = [self.small[training.labels == label][:MOST_SOURCES] for label in (0, 1)]
        some = training.pictures[:: math.ceil(len(training.pictures) / MOST_PLAIN)]
        self.mixed, self.whole = float(self.mixedness(some).quantile(whole)), whole
        self._known = Known(
            held_out,
            embed(held_out.pictures),
            self.yes(held_out.pictures),
            self.residuals(held_out.pictures),
            None if neither is None else self.says(neither)[:, judges.class_names.index(NEITHER)],
        )
        self._set_thresholds(self._known)

    def _set_thresholds(self, known: "Known") -> None:
        self.held_out, self.references, labels = known.plain, known.features, known.plain.labels
        self.both = [float(known.yes[labels == 1 - i, i].quantile(1 - OTHER_CLASS)) for i in (0, 1)]
        self.neither = None if known.neither is None else float(known.neither.quantile(OTHER_CLASS))
        self.real = float(metrics.left_out_distance(known.features).quantile(PASS))
        self.residual = float(known.residuals.quantile(1 - self.whole))

    def halves(self) -> list[tuple["Gates", torch.Tensor, torch.Tensor]]:
        """The gates with thresholds of one half of the held-out pictures, and which plain ones, (N,) bool, and which of
        neither, (M,) bool, are of the other; then the other way round. Near-duplicates are in the same half.

        What is known of the thresholds' own pictures is no proof of them; what they say of others is.
        """
        generator = torch.Generator().manual_seed(0)
        groups = self._known.plain.groups.unique(return_inverse=True)[1]
        first = (torch.randperm(int(groups.max()) + 1, generator=generator) % 2 == 0)[groups]
        count = 0 if self._known.neither is None else len(self._known.neither)
        of_neither = torch.randperm(count, generator=generator) % 2 == 0
        found = []
        for plain, neither in ((first, of_neither), (~first, ~of_neither)):
            half = copy.copy(self)
            half._set_thresholds(self._known.select(~plain, ~neither))
            found.append((half, plain, neither))
        return found

    def ask(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, S, S) in [-1, 1] -> {gate: (B,) whether each passes}; "hybrid" are those that pass all."""
        features = self.embed(x)
        passed = {
            "both": self.sees_both(x),
            "real": metrics.manifold_distance(features, self.references) <= self.real,
            "new": self.copy_ratio(x) >= metrics.COPY_RATIO,
            "one thing": (self.mixedness(x) <= self.mixed) & (self.residuals(x) >= self.residual),
        }
        return passed | {"hybrid": torch.stack([*passed.values()]).all(0)}

    def sees_both(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) whether the judges see each class, and do not call it a picture of neither."""
        says = self.says(x)
        both = (says[:, self.columns] > torch.tensor(self.both)).all(1)
        if self.neither is None:
            return both
        return both & (says[:, self.judges.class_names.index(NEITHER)] <= self.neither)

    def yes(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2): how sure the judges are that each of the two classes is shown."""
        return self.says(x)[:, self.columns]

    def says(self, x: torch.Tensor) -> torch.Tensor:
        """(B, num_classes): how sure the judges are of each class."""
        return torch.cat([self.judges.multilabel_probabilities(part) for part in x.split(BATCH)])

    def copy_ratio(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) distance to the nearest training picture by that to the second, the less of pixels and features."""
        of_pixels = metrics.shifted_distances(resized(x, SIDE), self.small, SHIFT)
        unit = x.shape[-1] // SIDE
        of_features = torch.stack([
            torch.cdist(self.embed(torch.roll(side, (dy * unit, dx * unit), (2, 3))), self.training_features)
            for side in (x, x.flip(-1))
            for dy, dx in SHIFTS
        ]).amin(0)  # fmt: skip
        ratios = [metrics.copy_ratio(distances, self.training.groups) for distances in (of_pixels, of_features)]
        return torch.minimum(*ratios)

    def mixedness(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) how sure the detectors are that a picture is put together of several, over VIEWS of it."""
        with torch.inference_mode():
            return torch.cat([torch.stack(list(self._mixed(part))).mean(0).sigmoid() for part in x.split(BATCH)])

    def _mixed(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        for detector in self.detectors:
            plain, mixed = map(detector.class_names.index, ("plain", "mixed"))
            fitted = resized(x, detector.image_size)
            for view in VIEWS:
                logits = detector(view(fitted))
                yield logits[:, mixed] - logits[:, plain]

    def residuals(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) what no double exposure of two training pictures of the two classes explains."""
        return metrics.two_picture_residual(resized(x, SIDE), *self.sources)
