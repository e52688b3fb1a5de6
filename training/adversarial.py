"""What generators and discriminators are trained on, whatever networks they are: both learn from each other at once."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from betwixt.losses import gradient_penalty

R1_EVERY = 16  # steps; what comes rarely counts as much more ("lazy", section 3.1 of StyleGAN2, Karras et al. 2020)


def non_saturating(
    discriminator: nn.Module,
    real: torch.Tensor,
    fake: torch.Tensor,
    c: torch.Tensor | None,
    seen: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The sum of both losses (Goodfellow et al. 2014), and what the discriminator says of real and drawn pictures.

    Args:
        real, fake: (B, 3, S, S), or styles (B, D); through `fake` the generator learns.
        c: (B, K) what the discriminator is told of classes.
        seen: pictures as it is shown them; called anew each time, since it may change them at random.
    """
    # The generator learns from the discriminator as it is: its weights are constants there.
    constants = {name: value.detach() for name, value in discriminator.named_parameters()}
    told = () if c is None else (c,)
    for_generator = torch.func.functional_call(discriminator, constants, (seen(fake), *told))
    of_real, of_fake = discriminator(seen(real), *told), discriminator(seen(fake.detach()), *told)
    loss = F.softplus(-for_generator).mean() + (F.softplus(-of_real).mean() + F.softplus(of_fake).mean())
    return loss, of_real, of_fake


def steepness(discriminator: nn.Module, real: torch.Tensor, c: torch.Tensor | None) -> torch.Tensor:
    """R1 of real pictures as the discriminator is shown them, in float32."""
    with torch.autocast(real.device.type, enabled=False):
        real = real.detach().requires_grad_()
        return gradient_penalty(discriminator(real, c), real)
