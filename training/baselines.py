"""What a picture's numbers must beat, and readers of labels that say how useful any numbers are."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from betwixt.images import resized

NEIGHBOURS = 7
MOST_SIDE = 32  # of the raw pixels that are features: a regression on more takes very long
REGULARISATIONS = np.logspace(-5, 1, 7)


@dataclass
class Coder:
    """Pictures (N, 3, S, S) in [-1, 1] to numbers (N, D), and to what is left of them; None: it has no such side."""

    features: Callable[[torch.Tensor], torch.Tensor] | None
    reconstruct: Callable[[torch.Tensor], torch.Tensor] | None


def baselines(x: torch.Tensor, count: int) -> dict[str, Coder]:
    """What an autoencoder of `count` numbers must beat, fitted to pictures (N, 3, S, S) in [-1, 1]."""
    pixels = x.flatten(1).numpy()
    # Whitened: neighbours by the first few components alone, which are mostly brightness, are worse.
    pca = PCA(min(count, *pixels.shape), whiten=True, svd_solver="randomized", random_state=0).fit(pixels)
    mean = torch.from_numpy(pca.mean_).view(1, *x.shape[1:])

    def components(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(pca.transform(x.flatten(1).numpy()))

    def from_components(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(pca.inverse_transform(components(x).numpy())).view(x.shape).clamp(-1, 1)

    return {
        "PCA": Coder(components, from_components),
        "the mean picture": Coder(None, mean.expand_as),
        "raw pixels": Coder(lambda x: resized(x, min(MOST_SIDE, x.shape[-1])).flatten(1), None),
    }


def probe(features: torch.Tensor, labels: torch.Tensor, groups: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """(N, D), (N,), (N,), (M, D) -> (M,) labels by logistic regression, its strength cross-validated on the N."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(model, {"logisticregression__C": REGULARISATIONS}, cv=GroupKFold(5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the weakest regularisations, which are not chosen
        search.fit(features.numpy(), labels.numpy(), groups=groups.numpy())
    return torch.from_numpy(search.predict(queries.numpy()))


def nearest(features: torch.Tensor, labels: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """(N, D), (N,), (M, D) -> (M,) the most frequent label of the NEIGHBOURS nearest by cosine."""
    similarity = F.normalize(queries, dim=1) @ F.normalize(features, dim=1).T
    return labels[similarity.topk(min(NEIGHBOURS, len(labels)), dim=1).indices].mode(1).values
