"""Inversion: the style of which a StyleGAN2 draws a given picture, found by optimisation.

In W, one style for all layers, after Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
appendix D; in W+, a style for each layer, after Abdal et al. 2019, "Image2StyleGAN". The generator's own noise stays as
it is: of small pictures it decides little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from betwixt.directions import styles_of
from betwixt.losses import feature_distance
from betwixt.stylegan2 import StyleGAN2Generator

SPACES = ("w", "w+")
MAX_STEPS = 10_000
DRAWN = 2000  # w, of whose deviation distances are reckoned
RISE, FALL = 0.05, 0.25  # shares of the steps in which the rate grows and shrinks
NOISY = 0.75  # share of the steps in which w is shaken, ever less


class Found(NamedTuple):
    """What was found so far: w (B, num_ws, w_dim), and the loss of each picture (B,)."""

    step: int
    w: torch.Tensor
    loss: torch.Tensor


@dataclass(frozen=True)
class Inversion:
    """How to look for a style.

    Args:
        space: "w", which stays among what the generator knows, or "w+", which comes nearer to the picture.
        steps: of the optimiser.
        rate: its largest step, in deviations of w.
        noise: how much w is shaken at first, in deviations of w.
        features: weight of the distance in the layers of a network, where some are given, to the mean square of pixels.
        regularity: weight of the mean square of the distance from the mean style, in deviations.
        candidates: random styles, of which the nearest is the start; 0: the mean style is.
        seed: of these, and of the shaking.

    Raises:
        ValueError: an unknown space, or a number out of range.
    """

    space: str = "w"
    steps: int = 300
    rate: float = 0.1
    noise: float = 0.05
    features: float = 0.1
    regularity: float = 0.001
    candidates: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ValueError(f"space must be one of {', '.join(SPACES)}, not {self.space!r}")
        for name, most in (("steps", MAX_STEPS), ("candidates", MAX_STEPS), ("seed", 2**31 - 1)):
            value, least = getattr(self, name), int(name == "steps")
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
        for name in ("rate", "noise", "features", "regularity"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
                raise ValueError(f"{name} must be a number from 0 to 100, not {value!r}")

    def rate_at(self, step: int) -> float:
        """The rate of a step: it rises evenly, and falls along a cosine at last."""
        t = step / self.steps
        falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / FALL))
        return self.rate * falling * min(1.0, (t + 1 / self.steps) / RISE)

    def noise_at(self, step: int) -> float:
        """How much w is shaken at a step: along a parabola, to nothing."""
        return self.noise * max(0.0, 1 - step / self.steps / NOISY) ** 2


def invert(
    generator: StyleGAN2Generator,
    x: torch.Tensor,
    how: Inversion = Inversion(),
    layers: Callable[[torch.Tensor], Sequence[torch.Tensor]] | None = None,
    every: int = 10,
) -> Iterator[Found]:
    """Look for the styles of which the generator draws pictures x (B, C, S, S) in [-1, 1].

    Yields what was found after every few steps, from the start, step 0, to the last; whoever has seen enough closes it,
    and nothing more is computed. The same seed gives the same. It may be called, and gone through, in inference mode.

    Args:
        layers: what a network makes of pictures, layer by layer, as `betwixt.perceptual.layers_of` gives it.
        every: steps from each to the next that is yielded.

    Raises:
        ValueError: pictures of another shape.
        FloatingPointError: the loss is no number any more.
    """
    shape = (generator.img_channels, generator.img_resolution, generator.img_resolution)
    if x.ndim != 4 or x.shape[1:] != shape:
        raise ValueError(f"x must be (B, {', '.join(map(str, shape))}), not {tuple(x.shape)}")
    if type(every) is not int or every < 1:
        raise ValueError(f"every must be a whole number from 1 up, not {every!r}")
    return _steps(_Search(generator, x, how, layers), every)


def _steps(search: _Search, every: int) -> Iterator[Found]:
    search.begin()
    for step in range(search.how.steps):
        if step % every == 0:
            yield search.found(step)
        search.advance(step)
    yield search.found(search.how.steps)


class _Search:
    """The state between two steps. Each method sets the modes it needs, and leaves the caller's as they were: a
    generator that yields within such a block would change them for its caller."""

    def __init__(self, generator: StyleGAN2Generator, x: torch.Tensor, how: Inversion, layers: Callable | None):
        self.generator, self.how, self.layers = generator, how, layers
        with torch.inference_mode(False):
            self.x = x.detach().to(generator.mapping.w_avg.device, torch.float32).clone()
        self.random = torch.Generator().manual_seed(how.seed)

    def begin(self) -> None:
        """Choose the start."""
        with torch.inference_mode(False), torch.no_grad():
            drawn = styles_of(self.generator, max(DRAWN, self.how.candidates), self.how.seed).clone()
            self.mean = self.generator.mapping.w_avg.detach().clone()
            self.deviation = (drawn - drawn.mean(0)).square().mean().sqrt().clamp_min(1e-8)
            self.targets = [target.clone() for target in self.layers(self.x)] if self.layers else []
            count = self.generator.num_ws if self.how.space == "w+" else 1
            start = self._nearest(drawn[: self.how.candidates])
            self.w = start[:, None].repeat(1, count, 1).requires_grad_()
            self.optimizer = torch.optim.Adam([self.w])

    def _nearest(self, drawn: torch.Tensor) -> torch.Tensor:
        """Of each picture the style (B, w_dim) that is nearest among those drawn."""
        if not len(drawn):
            return self.mean.expand(len(self.x), -1)
        errors = [
            (self.generator.synthesis(some)[:, None] - self.x).square().flatten(2).mean(2) for some in drawn.split(32)
        ]
        return drawn[torch.cat(errors).argmin(0)]

    def advance(self, step: int) -> None:
        """One step of the optimiser."""
        with torch.inference_mode(False), torch.enable_grad():
            for group in self.optimizer.param_groups:
                group["lr"] = self.how.rate_at(step) * float(self.deviation)
            shaken = torch.randn(self.w.shape, generator=self.random).to(self.w)
            loss = self._loss(self.w + shaken * self.deviation * self.how.noise_at(step))
            (self.w.grad,) = torch.autograd.grad(loss.sum(), self.w)
            if not bool(self.w.grad.isfinite().all()):
                raise FloatingPointError(f"the loss is no number at step {step}: the picture or the network has none")
            self.optimizer.step()

    def found(self, step: int) -> Found:
        """The styles as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            w = self.w.detach().expand(-1, self.generator.num_ws, -1).clone()
            return Found(step, w, self._loss(self.w).detach())

    def _loss(self, w: torch.Tensor) -> torch.Tensor:
        """(B,) how unlike the pictures are, and how far the styles from the mean."""
        drawn = self.generator.synthesis(w.expand(-1, self.generator.num_ws, -1))
        loss = (drawn - self.x).square().mean((1, 2, 3))
        if self.layers:
            loss = loss + self.how.features * feature_distance(self.layers(drawn), self.targets)
        far = ((w - self.mean) / self.deviation).square().mean((1, 2))
        return loss + self.how.regularity * far
