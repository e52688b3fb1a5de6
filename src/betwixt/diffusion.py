"""A small class-conditional diffusion model, and samplers that draw from one class, from between, or from both at once.

Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models" (EDM): noise of deviation sigma
is added to pictures, the network finds the picture again, and a sampler walks from pure noise to none.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.generation import Steering, check_request, named, noise_of, weights_of
from betwixt.hub import PretrainedMixin
from betwixt.images import to_images
from betwixt.layers import clipped

SOFTNESS = 0.1  # nats
Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # x (B, C, H, W), sigma () -> D (B, C, H, W)


class DiffusionModel(PretrainedMixin, nn.Module):
    """Draws pictures of its classes, and of what lies between them.

    Args:
        class_names: names of the classes, lower case with underscores.
        image_size: side of the pictures, in pixels.
        patch_size: side of the squares that the network takes as one place; 2 halves the side that it works at.
        base_channels: width at the full side.
        channel_multipliers: width at each halving of the side, in base_channels; the last one has attention.
        blocks: residual blocks at each side, in encoder and decoder.
        dropout: share of features dropped in training.
        sigma_data: standard deviation of the pictures' values.
        sigma_min, sigma_max: the least and the most noise that the sampler meets.

    Raises:
        ValueError: sides that cannot be halved that often, or no classes.
    """

    COMBINATIONS = ("composition", "conjunction", "midpoint", "steered")

    def __init__(
        self,
        *,
        class_names: list[str],
        image_size: int = 32,
        patch_size: int = 1,
        base_channels: int = 64,
        channel_multipliers: list[int] | None = None,
        blocks: int = 2,
        dropout: float = 0.1,
        sigma_data: float = 0.5,
        sigma_min: float = 0.01,
        sigma_max: float = 40.0,
    ):
        super().__init__()
        widths = [base_channels * multiplier for multiplier in channel_multipliers or [1, 2]]
        if not class_names:
            raise ValueError("a generator needs the names of its classes")
        if image_size % (patch_size * 2 ** (len(widths) - 1)):
            raise ValueError(
                f"image_size {image_size} cannot be halved {len(widths) - 1} times in patches of {patch_size}"
            )
        self.class_names, self.image_size = list(class_names), image_size
        self.sigma_data, self.sigma_min, self.sigma_max = sigma_data, sigma_min, sigma_max
        self.network = UNet(patch_size, widths, blocks, len(class_names), dropout)

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Noisy x (B, 3, H, W), sigma (B,), labels (B, num_classes) -> D, x without noise.

        Labels are shares of the classes; all zero is "any of them". Equation 7, and the preconditioning of table 1.
        """
        sigma = sigma.view(-1, 1, 1, 1)
        variance = sigma**2 + self.sigma_data**2
        c_skip, c_out, c_in = self.sigma_data**2 / variance, sigma * self.sigma_data / variance.sqrt(), variance.rsqrt()
        return c_skip * x + c_out * self.network(c_in * x, sigma.flatten().log() / 4, labels).float()

    def loss(self, x: torch.Tensor, labels: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """x (B, 3, H, W), labels (B, num_classes), sigma (B,) -> (B,): equation 8, for each value."""
        found = self(x + sigma.view(-1, 1, 1, 1) * torch.randn_like(x), sigma, labels)
        weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
        return weight * (found - x).square().mean((1, 2, 3))

    def sigmas(self, steps: int = 18) -> torch.Tensor:
        """(steps + 1,) levels of noise, from sigma_max to sigma_min and then 0 (equation 5, rho = 7)."""
        ramp = torch.linspace(0, 1, steps)
        first, last = self.sigma_max ** (1 / 7), self.sigma_min ** (1 / 7)
        return torch.cat([(first + ramp * (last - first)) ** 7, torch.zeros(1)])

    def generate(
        self,
        weights: Mapping[str, float] | None = None,
        count: int = 16,
        seed: int = 0,
        combine: str | None = None,
        *,
        steps: int = 18,
        guidance: float = 1.5,
        steering: Steering | None = None,
    ) -> list[Image.Image]:
        """Pictures as `generate_steps` leaves them at its last step."""
        *_, last = self.generate_steps(weights, count, seed, combine, steps=steps, guidance=guidance, steering=steering)
        return to_images(last)

    def generate_steps(
        self,
        weights: Mapping[str, float] | None = None,
        count: int = 16,
        seed: int = 0,
        combine: str | None = None,
        *,
        steps: int = 18,
        guidance: float = 1.5,
        steering: Steering | None = None,
    ) -> Iterator[torch.Tensor]:
        """Draw `count` pictures, and give at each step what they are thought to become, (count, 3, H, W).

        Picture i is that of seed + i, whatever the count.

        Args:
            weights: class -> share, from 0 up; default: all the same. A share of 1 is that class alone.
            combine: "composition" (default; see `compose`; it takes twice as many steps), "conjunction" (the classes'
                scores weighted as given),
                "midpoint" (the network is asked for the shares as its label), "steered" (at each step the guides
                of `steering` weigh the classes, and move the pictures to where they see every one).
            guidance: how far to go from "any picture" towards the classes (Ho and Salimans 2022); 1: as trained.

        Raises:
            ValueError: weights that are negative, all zero or of unknown classes; a count or seed that is no whole
                number or out of range; an unknown way to combine, or "steered" without steering.
        """
        combine = check_request(self, count, seed, combine, steering)
        shares = weights_of(weights, self.class_names)
        device = next(self.parameters()).device
        noise = noise_of(seed, count, (3, self.image_size, self.image_size), 2 * steps + 1).to(device)
        for d in self._sample(shares.to(device), noise, combine, steps, guidance, steering):
            # Never yielded from within: whoever goes on in this thread meanwhile would be in that mode too.
            with torch.inference_mode():
                x = clipped(d)
            yield x

    def _sample(self, shares, noise, combine, steps, guidance, steering) -> Iterator[torch.Tensor]:
        sigmas = self.sigmas(steps).to(noise.device)
        x, classes = noise[0] * sigmas[0], shares.nonzero().flatten()
        one_hot = torch.eye(len(shares), device=x.device)
        if combine == "midpoint":
            yield from heun(self._guided(shares[None], torch.ones(1, device=x.device), guidance), x, sigmas)
        elif combine == "conjunction":
            yield from heun(self._guided(one_hot[classes], shares[classes], guidance), x, sigmas)
        else:
            of_classes = self._each([*one_hot[classes], torch.zeros_like(shares)])
            weigh = move = None
            if combine == "steered":
                names, own = named(self.class_names, shares), shares[classes]
                weigh = partial(steering.at(shares).weigh, draw=clipped, names=names, shares=own)
                move = partial(steering.at(shares).move, draw=clipped, sigma_data=self.sigma_data, names=names)
            finer = self.sigmas(2 * steps).to(noise.device)  # Heun's method too looks twice in a step
            yield from compose(of_classes, x, finer, shares[classes], noise[1:], guidance, weigh, move)

    @torch.inference_mode()
    def _denoise(self, x: torch.Tensor, sigma: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self(x, sigma.expand(len(x)), labels.expand(len(x), -1))

    def _each(self, labels: Sequence[torch.Tensor]) -> Denoise:
        """x -> D under each of the labels, (len(labels), B, C, H, W)."""
        return lambda x, sigma: torch.stack([self._denoise(x, sigma, label) for label in labels])

    def _guided(self, labels: torch.Tensor, shares: torch.Tensor, guidance: float) -> Denoise:
        of_labels = self._each([*labels, torch.zeros_like(labels[0])])

        def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            *each, anything = of_labels(x, sigma)
            towards = sum(share * one for share, one in zip(shares, each, strict=True))
            return anything + guidance * (towards - anything)

        return denoise


@torch.inference_mode()
def heun(denoise: Denoise, x: torch.Tensor, sigmas: torch.Tensor) -> Iterator[torch.Tensor]:
    """Heun's method on the probability flow (Karras et al., algorithm 1): yields D at each level, then the sample.

    Args:
        x: noise of deviation sigmas[0], (B, C, H, W).
        sigmas: (steps + 1,), falling; the last is 0.
    """
    for sigma, following in pairwise(sigmas):
        d = denoise(x, sigma)
        slope = (x - d) / sigma
        stepped = x + (following - sigma) * slope
        if following > 0:
            slope = (slope + (stepped - denoise(stepped, following)) / following) / 2
            stepped = x + (following - sigma) * slope
            yield d
        x = stepped
    yield x


@torch.inference_mode()
def compose(
    denoise_each: Denoise,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    shares: torch.Tensor,
    noise: torch.Tensor,
    guidance: float = 1.0,
    weigh: Callable[[torch.Tensor], torch.Tensor] | None = None,
    move: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> Iterator[torch.Tensor]:
    """Draw pictures that are as likely under one class as under the other: yields D at each level, then the sample.

    A stochastic sampler; at each step the classes' scores are weighted anew for each picture, so that all its densities
    grow alike (Skreta et al. 2025, "The Superposition of Diffusion Models", proposition 6). A density's growth is
    known without divergences (their theorem 1): d log q = <dx, s> - sigma |s|^2 dsigma. With fixed weights one class
    soon wins, mostly the one with more texture. Unequal shares: densities grow apart as they would on average, were
    the weights fixed at the shares.

    Args:
        denoise_each: gives D under each class and, last, under none: (K + 1, B, C, H, W).
        shares: (K,), sum 1.
        noise: (steps, B, C, H, W) of deviation 1.
        guidance: as in `generate_steps`.
        weigh: called with D under the shares as weights, (B, C, H, W), gives other weights (B, K); in place of balance.
        move: called with D and sigma, gives another D to go to.
    """
    growth = wanted = torch.zeros(len(shares), len(x), device=x.device)
    before, was = x, 1.0
    for level, (sigma, following) in enumerate(pairwise(sigmas)):
        *each, anything = denoise_each(x, sigma)
        scores = torch.stack([(d - x).flatten(1) for d in each]) / sigma**2
        free = (anything - x).flatten(1) / sigma**2
        time = sigma**2 - following**2
        # Of second order: D is taken on from its last step (Lu et al. 2022, "DPM-Solver++", SDE, multistep).
        now = float((sigma / following).log())
        ahead = now / was / 2 if level and following > 0 else 0.0
        onward = ahead * (time / sigma**2) * (x - before).flatten(1)
        fresh = following * (time.sqrt() / sigma) * noise[level].flatten(1)
        products = time * guidance * torch.einsum("ibd,jbd->bij", scores, scores)
        wanted = wanted + (products @ shares - products.diagonal(dim1=1, dim2=2) / 2).T
        # Growth of each density as a linear function of the weights: growth + slopes @ weights.
        slopes = (1 + ahead) * products
        drift = (1 + ahead) * (1 - guidance) * time * free + onward + fresh
        known = growth + (drift * scores).sum(2) - time / 2 * scores.square().sum(2)
        if weigh:
            weights = weigh(x + (sigma**2 * torch.einsum("i,ibd->bd", shares, scores)).view_as(x))
        else:
            weights = _balanced((known - wanted).T, slopes, shares)
        mixed = (1 - guidance) * free + guidance * torch.einsum("bi,ibd->bd", weights, scores)
        d = x + (sigma**2 * mixed).view_as(x)
        if move:
            d = move(d, sigma)
        step = (1 + ahead) * (time / sigma**2) * (d - x).flatten(1) + onward + fresh
        growth = growth + (step * scores).sum(2) - time / 2 * scores.square().sum(2)
        x, before, was = x + step.view_as(x), d, now
        yield d if following > 0 else x


def _balanced(ahead: torch.Tensor, slopes: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Weights (B, K), of sum 1 and near the shares, for which ahead + slopes @ weights (B, K) is equal over K."""
    count = len(shares)
    centre = torch.eye(count, device=ahead.device) - 1 / count
    gap = centre @ (ahead + slopes @ shares)[..., None]
    # Not all at once where the classes are hardly told apart: there, closing a gap of a nat would take huge weights.
    matrix = centre @ slopes @ centre + SOFTNESS * torch.eye(count, device=ahead.device)
    change = centre @ torch.linalg.solve(matrix, gap)
    return shares - change[..., 0].clamp(-1, 1)


class UNet(nn.Module):
    """(B, 3, H, W), noise level (B,), labels (B, K) -> (B, 3, H, W); sides are halved between widths."""

    def __init__(self, patch_size: int, widths: list[int], blocks: int, num_classes: int, dropout: float):
        super().__init__()
        depth = 4 * widths[0]
        self.register_buffer("frequencies", 2 * math.pi * torch.exp2(torch.linspace(-2, 4, 16)), persistent=False)
        self.of_noise = nn.Linear(32, depth)
        self.of_labels = nn.Linear(num_classes, depth, bias=False)
        self.condition = nn.Sequential(nn.SiLU(), nn.Linear(depth, depth), nn.SiLU())
        self.into_patches = nn.PixelUnshuffle(patch_size)
        self.first = nn.Conv2d(3 * patch_size**2, widths[0], 3, padding=1)
        self.down, self.up, skips, width = nn.ModuleList(), nn.ModuleList(), [widths[0]], widths[0]
        for level, wide in enumerate(widths):
            if level:
                self.down.append(Halve(width))
                skips.append(width)
            for _ in range(blocks):
                self.down.append(Block(width, wide, depth, dropout, attention=level == len(widths) - 1))
                width = wide
                skips.append(width)
        self.middle = Block(width, width, depth, dropout, attention=True)
        for level, wide in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(Block(width + skips.pop(), wide, depth, dropout, attention=False))
                width = wide
            if level:
                self.up.append(Double(width))
        last = nn.Conv2d(width, 3 * patch_size**2, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.last = nn.Sequential(_norm(width), nn.SiLU(), last, nn.PixelShuffle(patch_size))

    def forward(self, x: torch.Tensor, level: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        phases = level[:, None] * self.frequencies
        condition = self.of_noise(torch.cat([phases.cos(), phases.sin()], 1)) + self.of_labels(labels)
        condition = self.condition(condition)
        x = self.first(self.into_patches(x))
        seen = [x]
        for layer in self.down:
            x = layer(x, condition)
            seen.append(x)
        x = self.middle(x, condition)
        for layer in self.up:
            x = layer(x if isinstance(layer, Double) else torch.cat([x, seen.pop()], 1), condition)
        return self.last(x)


class Block(nn.Module):
    """A residual block whose second norm is scaled and shifted by the condition, then perhaps attention."""

    def __init__(self, c_in: int, c_out: int, depth: int, dropout: float, attention: bool):
        super().__init__()
        self.first = nn.Sequential(_norm(c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, padding=1))
        self.modulation = nn.Linear(depth, 2 * c_out)
        self.norm = _norm(c_out)
        self.second = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), nn.Conv2d(c_out, c_out, 3, padding=1))
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        self.attention = Attention(c_out) if attention else nn.Identity()
        nn.init.zeros_(self.second[2].weight)
        nn.init.zeros_(self.second[2].bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift = self.modulation(condition)[..., None, None].chunk(2, 1)
        h = self.second(self.norm(self.first(x)) * (1 + scale) + shift)
        return self.attention((self.skip(x) + h) / math.sqrt(2))


class Attention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, channels: int, head_channels: int = 64):
        super().__init__()
        self.heads = max(1, channels // head_channels)
        self.norm = _norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, channels, height, width = x.shape
        rows = self.qkv(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, channels // self.heads)).mT
        seen = F.scaled_dot_product_attention(*rows.unbind(1))  # (B, heads, places, channels / heads)
        return x + self.out(seen.mT.flatten(1, 2).unflatten(2, (height, width)))


class Halve(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class Double(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return self.layer(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(16, channels), channels, eps=1e-5)
