"""Find near-duplicate pictures, and split a collection so that they stay on one side."""

import hashlib

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SIDE, MARGIN = 16, 1


def near_duplicate_groups(pixels: torch.Tensor, threshold: float = 0.87, detail_threshold: float = 0.5) -> np.ndarray:
    """Group pictures that show the same thing up to mirroring, brightness, contrast and a shift of 1/16.

    Pictures are compared at 16x16, over mirror images and shifts, by the correlation of their pixels; the detail that
    is left without a 3x3 mean must agree too, or else all soft gradients would be one. At these thresholds the pairs
    found among CIFAR's clocks and crocodiles were crops and retouched copies of one photo, or one product's series.

    Args:
        pixels: uint8 (N, 3, H, W).
        threshold: correlation of the pixels from which two pictures may be near-duplicates.
        detail_threshold: correlation of the detail from which they are.

    Returns:
        (N,) integers; near-duplicates, also through a third picture, share one.
    """
    small = F.interpolate(pixels.float(), (SIDE, SIDE), mode="area")
    detail = small - F.avg_pool2d(small, 3, 1, 1, count_include_pad=False)
    reference, reference_detail = _standardised(_shifted(small, 0, 0)), _standardised(_shifted(detail, 0, 0))
    shifts = [(dx, dy) for dx in range(-MARGIN, MARGIN + 1) for dy in range(-MARGIN, MARGIN + 1)]
    rows, columns = [], []
    for dx, dy in shifts:
        for mirrored in ([], [-1]):
            others = _standardised(_shifted(small.flip(mirrored), dx, dy))
            others_detail = _standardised(_shifted(detail.flip(mirrored), dx, dy))
            for start in range(0, len(pixels), 2048):
                first, second = (reference[start : start + 2048] @ others.T >= threshold).nonzero(as_tuple=True)
                first = first + start
                same = (reference_detail[first] * others_detail[second]).sum(1) >= detail_threshold
                rows.append(first[same])
                columns.append(second[same])
    row, column = torch.cat(rows).numpy(), torch.cat(columns).numpy()
    graph = coo_matrix((np.ones(len(row), dtype=bool), (row, column)), shape=(len(pixels), len(pixels)))
    return connected_components(graph, directed=False)[1]


def is_test(pixels: torch.Tensor, groups: np.ndarray) -> np.ndarray:
    """A fixed fifth, by the hash of each group's content: (N,) booleans that no order or seed changes.

    More pictures change the side of another only where they join its group of near-duplicates.
    """
    hashes = [hashlib.sha256(picture.numpy().tobytes()).hexdigest() for picture in pixels]
    first = {group: min(hashes[i] for i in np.flatnonzero(groups == group)) for group in np.unique(groups)}
    return np.array([int(first[group], 16) % 5 == 0 for group in groups])


def _shifted(small: torch.Tensor, dx: int, dy: int) -> torch.Tensor:
    size = SIDE - 2 * MARGIN
    return small[..., MARGIN + dy : MARGIN + dy + size, MARGIN + dx : MARGIN + dx + size]


def _standardised(x: torch.Tensor) -> torch.Tensor:
    x = x.flatten(1)
    x = x - x.mean(1, keepdim=True)
    # A picture of one flat colour has nothing to correlate, and stays alone.
    return torch.where(x.norm(dim=1, keepdim=True) > 1e-3, F.normalize(x, dim=1), 0.0)
