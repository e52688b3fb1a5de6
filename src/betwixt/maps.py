"""Maps of pictures: features of many numbers laid out on a plane by t-SNE, so that what is alike lies together."""

import threading
from collections.abc import Callable
from itertools import count

import numpy as np
import torch

FEW = 1000  # points, up to which exact neighbours and the Barnes-Hut method are faster
ITERATIONS = (250, 400)  # with the attraction exaggerated, and without (Belkina et al. 2019)
PLACING = 100  # iterations for new points
PROGRESS_EVERY = 25
MOST_NUMBERS = 100  # of features; longer ones are first turned so that these hold most of what differs


class TSNEMap:
    """t-SNE (van der Maaten and Hinton 2008) of features, to which new points can be added; made by `fit`.

    Attributes:
        positions: where each lies, (N, 2) float32.
    """

    def __init__(self, fitted, mean: torch.Tensor, axes: torch.Tensor | None):
        self._fitted = fitted  # openTSNE's TSNEEmbedding
        self._mean, self._axes = mean, axes
        self._placing = threading.Lock()  # openTSNE moves all points of its own when it places others
        self.positions = np.array(fitted, dtype=np.float32)

    @classmethod
    def fit(
        cls,
        features: torch.Tensor,
        perplexity: float = 30.0,
        seed: int = 0,
        on_progress: Callable[[float, np.ndarray], None] | None = None,
    ) -> "TSNEMap":
        """Lay out features (N, D), rows of length 1, compared by their distance.

        Of more than MOST_NUMBERS features the principal components are laid out, as van der Maaten and Hinton did: what
        is left out changes no map that one could tell from this one, and a map of long features would need gigabytes.

        Args:
            perplexity: about how many neighbours each point is to be near to; lowered where there are too few points.
            seed: same features, same seed, same map.
            on_progress: called with the share that is done, from 0 to 1, and the positions so far (N, 2).

        Raises:
            ValueError: fewer than 5 points, features that are not finite, or a perplexity under 1.
        """
        # Slow to import, and not needed where a map is only read.
        from openTSNE import TSNE

        if features.ndim != 2 or len(features) < 5:
            raise ValueError(f"a map needs at least 5 points, not features of shape {tuple(features.shape)}")
        if not features.isfinite().all():
            raise ValueError("the features are not all finite")
        if perplexity < 1:
            raise ValueError(f"perplexity must be at least 1, not {perplexity}")
        few = len(features) <= FEW
        exaggerated, plain = ITERATIONS
        mean, axes = features.mean(0), None
        if min(features.shape) > MOST_NUMBERS:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                axes = torch.svd_lowrank(features - mean, MOST_NUMBERS, niter=3)[2]
        reports = count(1)

        def report(iteration: int, error: float, embedding) -> None:
            share = next(reports) * PROGRESS_EVERY / (exaggerated + plain)
            on_progress(min(1.0, share), np.array(embedding, dtype=np.float32))

        fitted = TSNE(
            perplexity=min(perplexity, (len(features) - 1) / 3),
            early_exaggeration_iter=exaggerated,
            n_iter=plain,
            neighbors="exact" if few else "approx",
            negative_gradient_method="bh" if few else "fft",
            initialization="pca",
            random_state=seed,
            callbacks=report if on_progress else None,
            callbacks_every_iters=PROGRESS_EVERY,
        ).fit(_turned(features, mean, axes))
        return cls(fitted, mean, axes)

    def transform(self, features: torch.Tensor) -> np.ndarray:
        """New points (M, D) -> where they lie among the others, which stay, (M, 2) float32."""
        turned = _turned(features, self._mean, self._axes)
        with self._placing:
            placed = np.array(self._fitted.transform(turned, n_iter=PLACING), dtype=np.float32)
            return placed + (self.positions - np.array(self._fitted, dtype=np.float32)).mean(0)


def _turned(features: torch.Tensor, mean: torch.Tensor, axes: torch.Tensor | None) -> np.ndarray:
    """(N, D) -> along the axes (D, K), where there are any, (N, K) or (N, D) float64."""
    return (features if axes is None else (features - mean) @ axes).double().cpu().numpy()
