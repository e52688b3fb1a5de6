"""What every generator's `generate` has in common: which request is valid, the shares, the noise, and steering."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from betwixt.ensemble import ClassifierEnsemble

Draw = Callable[[torch.Tensor], torch.Tensor]  # latents (B, ...) -> pictures (B, 3, H, W)
BALANCING = 3.0  # power of a margin in the weights
STEP = 0.3  # of the deviation that is still open
# Mirrored or not, and shifted: what moves the guides from one place alone is noise to anyone else. Every other one will
# do where there are many steps: it takes half the time, and judges see both as often.
VIEWS = ((False, (0, 0)), (True, (0, 0)), (True, (1, -1)), (False, (1, -1)))
MAX_COUNT = 1024
MAX_SEED = 2**31 - 1


def weights_of(weights: Mapping[str, float] | None, class_names: Sequence[str]) -> torch.Tensor:
    """Class -> weight, from 0 up, default all the same -> (num_classes,) shares of sum 1; (0,) where there are none.

    Raises:
        ValueError: unknown classes, or weights that are no numbers, negative, infinite or all zero.
    """
    if weights is None:
        return torch.full((len(class_names),), 1 / max(1, len(class_names)))
    if unknown := [str(name) for name in weights if name not in class_names]:
        raise ValueError(f"no class is called {', '.join(unknown)}: there are {', '.join(class_names) or 'none'}")
    try:
        values = torch.tensor([float(weights.get(name, 0)) for name in class_names], dtype=torch.float64)
    except (TypeError, ValueError):
        raise ValueError(f"weights must be numbers, not {dict(weights)}") from None
    if not values.sum().isfinite() or (values < 0).any() or values.sum() <= 0:
        raise ValueError(f"weights must be numbers from 0 up, one of them more than 0, not {dict(weights)}")
    return (values / values.sum()).float()


def shares_of(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Labels (N,) -> (N, num_classes) shares, all of that class; (N, 0) for a network that is told of no classes."""
    return (labels[:, None] == torch.arange(num_classes, device=labels.device)).float()


def named(class_names: Sequence[str], shares: torch.Tensor) -> list[str]:
    """The classes that have a share."""
    return [name for name, share in zip(class_names, shares.tolist(), strict=True) if share]


def check_request(
    model: nn.Module, count: int, seed: int, combine: str | None, steering: "Steering | None" = None
) -> str:
    """The way to combine, where all of the request can be done; `model.COMBINATIONS` has the default first.

    Raises:
        ValueError: see the generators.
    """
    if type(count) is not int or not 1 <= count <= MAX_COUNT:
        raise ValueError(f"count must be a whole number from 1 to {MAX_COUNT}, not {count!r}")
    if type(seed) is not int or not 0 <= seed <= MAX_SEED - (count - 1):  # picture i has the seed after it by i
        raise ValueError(f"seed must be a whole number from 0 to {MAX_SEED - (count - 1)}, not {seed!r}")
    combine = combine or model.COMBINATIONS[0]
    if combine not in model.COMBINATIONS:
        raise ValueError(f"combine must be one of {', '.join(model.COMBINATIONS)}, not {combine!r}")
    if combine == "steered" and steering is None:
        raise ValueError('combine="steered" needs guides to steer by')
    return combine


def check_seeds(seeds: Sequence[int]) -> list[int]:
    """The seeds, where all can be drawn.

    Raises:
        ValueError: none, more than `MAX_COUNT`, or one that is no whole number from 0 to `MAX_SEED`.
    """
    seeds = list(seeds)
    if not 1 <= len(seeds) <= MAX_COUNT:
        raise ValueError(f"1 to {MAX_COUNT} seeds can be drawn, not {len(seeds)}")
    if wrong := [seed for seed in seeds if type(seed) is not int or not 0 <= seed <= MAX_SEED]:
        raise ValueError(f"a seed must be a whole number from 0 to {MAX_SEED}, not {wrong[0]!r}")
    return seeds


def noise_of(seed: int, count: int, shape: Sequence[int], draws: int = 1) -> torch.Tensor:
    """(draws, count, *shape) of deviation 1; picture i has a seed of its own, seed + i, whatever the count."""
    each = [torch.Generator().manual_seed(seed + number) for number in range(count)]
    return torch.stack([torch.randn(draws, *shape, generator=generator) for generator in each], 1)


@dataclass
class Steering:
    """Classifiers that pictures are moved by while they form, to where each wanted class is seen in them.

    Args:
        guides: differentiable all the way to the picture; never the judges that will measure it.
        strength: how far pictures of equal shares may be moved; 0 not at all.
        steps: how often a latent is moved.
        dataset: for pictures like whose the guides' thresholds hold; default: their first.
    """

    guides: ClassifierEnsemble
    strength: float = 1.0
    steps: int = 20
    dataset: str | None = None

    def at(self, shares: torch.Tensor) -> "Steering":
        """The weaker, the less is wanted of the class with the least share, so that one class alone is not moved."""
        some = shares[shares > 0]
        return replace(self, strength=self.strength * float(some.min()) * len(some) if len(some) > 1 else 0.0)

    def margins(self, x: torch.Tensor, names: Sequence[str], views: Sequence = VIEWS) -> torch.Tensor:
        """(B, 3, H, W) -> (B, len(names)) log of how sure the guides are of each class, over what is a yes to them."""
        columns = [self.guides.class_names.index(name) for name in names]
        seen = [
            self.guides.log_probabilities(torch.roll(x.flip(-1) if mirrored else x, shift, (2, 3)))[:, columns]
            for mirrored, shift in views
        ]
        return torch.stack(seen).mean(0) - self.guides.thresholds_of(names, self.dataset).log().to(x.device)

    def objective(self, x: torch.Tensor, names: Sequence[str], views: Sequence = VIEWS) -> torch.Tensor:
        """(B, 3, H, W) -> (B,) the least of the margins, softly."""
        return -torch.logsumexp(-4 * self.margins(x, names, views), 1) / 4

    @torch.inference_mode()
    def weigh(self, d: torch.Tensor, draw: Draw, names: Sequence[str], shares: torch.Tensor) -> torch.Tensor:
        """Weights (B, len(names)) of the classes, sum 1: the less of a class the guides see, the more it counts."""
        balancing = BALANCING * min(1.0, self.strength)
        return (shares.log() - balancing * self.margins(draw(d), names)).softmax(1)

    def climb(self, draw: Draw, latent: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
        """Move latents (B, ...) to where the pictures that `draw` makes of them show all the named classes.

        Adam on the objective; each stays within `strength` deviations of the latent that it was.
        """
        with torch.inference_mode(False), torch.enable_grad():
            start = latent.clone()
            scale = start.flatten(1).std(1).view(-1, *[1] * (start.ndim - 1)) * self.strength
            change = torch.zeros_like(start).requires_grad_()
            optimizer = torch.optim.Adam([change], lr=4 / max(1, self.steps), betas=(0.8, 0.9))
            for step in range(self.steps):
                value = -self.objective(draw(start + scale * change), names, VIEWS[step % 2 :: 2]).sum()
                (change.grad,) = torch.autograd.grad(value, change)
                optimizer.step()
                change.data.clamp_(-1, 1)
        return (start + scale * change).detach()

    def gradient(self, x: torch.Tensor, draw: Draw, names: Sequence[str]) -> torch.Tensor:
        """(B, ...) -> the gradient of the objective of what is drawn of it, scaled to length 1 for each picture."""
        with torch.inference_mode(False), torch.enable_grad():
            x = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self.objective(draw(x), names).sum(), x)
        return gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)

    def move(
        self, d: torch.Tensor, sigma: torch.Tensor, draw: Draw, sigma_data: float, names: Sequence[str]
    ) -> torch.Tensor:
        """What a diffusion model takes the pictures for, (B, ...), moved by a share of what is still open in it.

        The deviation of the clean picture, given a noisy one, is about sigma sigma_data / sqrt(sigma^2 + sigma_data^2).
        """
        open_to = sigma * sigma_data / (sigma**2 + sigma_data**2).sqrt()
        length = STEP * self.strength * open_to * d[0].numel() ** 0.5
        return d + length * self.gradient(d, draw, names)
