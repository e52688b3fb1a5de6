"""Pictures whose pose is known, and what a network reads of pictures: for the recipes of poses."""

from collections.abc import Sequence

import torch
from tables import ImageTable, concatenate, read_dataset

from betwixt.images import resized
from betwixt.pose import PoseRegressor


class Poses:
    """A table as the training loop wants it: batches of pixels and of poses (B, 4), in the order of FACTORS."""

    def __init__(self, table: ImageTable):
        self.table = table
        self.poses = torch.tensor([table.columns[name] for name in PoseRegressor.FACTORS]).T.contiguous()

    def __len__(self) -> int:
        return len(self.table)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.table.pixels[indices], self.poses[indices]


def load(names: Sequence[str], split: str, image_size: int) -> Poses:
    """A split of several datasets.

    Raises:
        ValueError: the pose of their pictures is not known.
    """
    tables = [read_dataset(name, split, image_size) for name in names]
    for name, table in zip(names, tables, strict=True):
        if not knows_pose(table):
            raise ValueError(f"{name} has no columns {', '.join(PoseRegressor.FACTORS)}: its heads' pose is not known")
    return Poses(concatenate(tables))


def knows_pose(table: ImageTable) -> bool:
    """Whether the pose of all its pictures is known."""
    return all(None not in table.columns.get(name, [None]) for name in PoseRegressor.FACTORS)


def predicted(model: PoseRegressor, x: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) in [-1, 1] -> (N, 4), what `model.predict` gives of files."""
    device = model.largest.device
    return torch.cat([model.read(resized(part.to(device), model.image_size)).cpu() for part in x.split(256)])
