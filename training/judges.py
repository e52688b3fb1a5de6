"""What is asked of heads that a generator drew, beside those of a dataset: how near they are as a whole, how varied in
pose, of which breed, and which are copies."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from encoders import embed
from poses import predicted
from tables import ImageTable

from betwixt import ImageClassifier, PoseRegressor, metrics
from betwixt.breeds import species_of
from betwixt.images import BATCH, from_bytes, resized

OF_BREED = 120  # training pictures of a breed, at most, for distances between breeds
COMPARED = 400  # pictures that copies are looked for among
SIDE = 32  # pixels, at which they are

Figures = dict[str, dict]


@dataclass
class Judges:
    """All pictures asked about are (N, 3, S, S) in [-1, 1]; every figure is {"value", "low", "high"}.

    Args:
        training, test: the pictures of both splits, in random order.
        network: its features say what is alike.
        classifier: says which breed is shown, or None.
        pose: reads how a head is turned, or None.
    """

    training: ImageTable
    test: ImageTable
    network: ImageClassifier
    classifier: ImageClassifier | None = None
    pose: PoseRegressor | None = None
    known: ImageTable = field(init=False)  # of the training split, at most OF_BREED of each breed

    def __post_init__(self) -> None:
        labels = self.training.labels
        self.known = self.training.select(torch.cat([(labels == k).nonzero()[:OF_BREED, 0] for k in labels.unique()]))
        self.test_pictures = from_bytes(self.test.pixels)

    @cached_property
    def of_known(self) -> torch.Tensor:
        """Features of `known`."""
        return self.features(from_bytes(self.known.pixels))

    @cached_property
    def of_test(self) -> torch.Tensor:
        """Features of the test split."""
        return self.features(self.test_pictures)

    @cached_property
    def test_poses(self) -> torch.Tensor:
        """What is read of the test split, so that both sides have the same faults."""
        return predicted(self.pose, self.test_pictures)

    @cached_property
    def between_breeds(self) -> dict[str, float] | None:
        """The mean kernel distance of two breeds, or None where there are not two of four pictures or more."""
        if (self.known.labels.bincount() >= 4).sum() < 2:
            return None
        return metrics.kernel_distance_of_classes(self.of_known, self.known.labels)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, D); a kernel wants features of deviation 1."""
        found = embed(self.network, None, x)
        return found * found.shape[1] ** 0.5

    def likeness(self, features: torch.Tensor) -> Figures:
        """How near pictures of such features are to the test split, as a whole."""
        figures = {"kernel distance": metrics.kernel_distance(features, self.of_test)}
        if self.between_breeds:
            share = {key: value / self.between_breeds["value"] for key, value in figures["kernel distance"].items()}
            figures["kernel distance, share of that between breeds"] = share
        size = min(len(features), len(self.of_test))
        real, found = metrics.precision_and_recall(features[:size], self.of_test[:size])
        figures["precision"] = metrics.with_interval(real.double())
        return figures | {"recall": metrics.with_interval(found.double())}

    def spread(self, x: torch.Tensor) -> Figures:
        """How much the pose varies, as a share of how much it does in the test split."""
        if self.pose is None:
            return {}
        read, figures = predicted(self.pose, x), {}
        for number, factor in enumerate(self.pose.FACTORS[:2]):
            sides = read[:, number], self.test_poses[:, number]
            for figure, statistic in (("range", metrics.middle_range), ("deviation", torch.std)):
                figures[f"{factor} {figure}, share of the data's"] = metrics.ratio_with_bootstrap(statistic, *sides)
        return figures

    def breeds(self, x: torch.Tensor, labels: torch.Tensor | None, groups: torch.Tensor | None = None) -> Figures:
        """How many show the breed that was asked for, labels (N,), and which breeds and species they show."""
        if self.classifier is None:
            return {}
        names, size = self.classifier.class_names, self.classifier.image_size
        parts = [self.classifier.probabilities(resized(part, size)) for part in x.split(BATCH)]
        answers = torch.cat(parts).argmax(1)
        cats = torch.tensor([species_of(name) == "cat" for name in names])[answers]
        wanted = torch.tensor([names.index(name) for name in self.test.class_names])
        shares = {
            name: (answers == number).double() for name, number in zip(self.test.class_names, wanted, strict=True)
        }
        each = {name: {"share": metrics.with_interval(seen, groups)} for name, seen in shares.items()}
        figures = {"share of cats": metrics.with_interval(cats.double(), groups)}
        if labels is not None:
            right = (answers == wanted[labels]).double()
            figures["right breed"] = metrics.mean_over_classes(right, labels, groups)
            for label in labels.unique():
                rows = labels == label
                found = metrics.with_interval(right[rows], None if groups is None else groups[rows])
                each[self.test.class_names[label]]["right"] = found
        return figures | {"each breed": each}

    def copies(self, x: torch.Tensor, groups: torch.Tensor | None = None) -> Figures:
        """How many of the first COMPARED are far nearer to one training picture than to any other."""
        small, known = (resized(pictures, SIDE) for pictures in (x[:COMPARED], from_bytes(self.training.pixels)))
        of_known = torch.tensor(self.training.columns["group"])
        ratio = metrics.copy_ratio(metrics.shifted_distances(small, known), of_known)
        copied = (ratio < metrics.COPY_RATIO).double()
        return {"copies": metrics.with_interval(copied, None if groups is None else groups[:COMPARED])}

    def of_training(self) -> Figures:
        """The figures of a perfect generator: of training pictures, as many of each breed as the test split has."""
        counts = self.test.labels.bincount(minlength=len(self.test.class_names)).tolist()
        rows = torch.cat([(self.known.labels == label).nonzero()[:count, 0] for label, count in enumerate(counts)])
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
        return self.likeness(self.of_known[rows]) | self.spread(from_bytes(self.known.pixels[rows]))

    def of_held_out(self) -> Figures:
        """What the judges say of pictures of the test split itself."""
        groups = torch.tensor(self.test.columns["group"])
        return self.breeds(self.test_pictures, self.test.labels, groups) | self.copies(self.test_pictures, groups)
