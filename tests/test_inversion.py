"""Inversion: a picture that the generator drew comes back, in W+ more nearly; it stops, and is the same again."""

import pytest
import torch

from betwixt import ImageClassifier, StyleGAN2Generator
from betwixt.directions import styles_of
from betwixt.inversion import Inversion, invert
from betwixt.perceptual import layers_of

SMALL = {"z_dim": 16, "w_dim": 16, "img_resolution": 16, "channel_base": 128, "channel_max": 16, "mapping_layers": 2}


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    torch.manual_seed(0)
    return StyleGAN2Generator(**SMALL, c_dim=3).eval()


@pytest.fixture(scope="module")
def x(generator) -> torch.Tensor:
    """Two pictures that it drew, (2, 3, 16, 16)."""
    return generator.synthesis(styles_of(generator, 2, seed=99)).detach()


@pytest.fixture(scope="module")
def layers():
    torch.manual_seed(0)
    return layers_of(ImageClassifier(architecture="resnet9", class_names=["a", "b"], base_channels=4).eval())


def error(generator, found, x) -> torch.Tensor:
    return (generator.synthesis(found.w) - x).square().mean((1, 2, 3)).detach()


@pytest.mark.parametrize("space", ["w", "w+"])
def test_a_picture_that_it_drew_comes_back(generator, x, layers, space):
    first, *_, last = invert(generator, x, Inversion(space, steps=150), layers)
    assert (first.step, last.step, last.w.shape, last.loss.shape) == (0, 150, (2, 6, 16), (2,))
    assert (error(generator, last, x) < error(generator, first, x) / 10).all()
    assert (last.loss < first.loss).all()
    assert torch.equal(last.w, last.w[:, :1].expand_as(last.w)) == (space == "w")


def test_a_style_for_each_layer_comes_nearer_to_what_the_generator_does_not_know(generator, layers):
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    *_, in_w = invert(generator, x, Inversion("w", steps=100), layers)
    *_, in_w_plus = invert(generator, x, Inversion("w+", steps=100), layers)
    assert error(generator, in_w_plus, x) < error(generator, in_w, x)


def test_a_random_start_is_nearer_than_the_mean_style(generator, x):
    near, mean = (next(invert(generator, x, Inversion(candidates=count))) for count in (256, 0))
    assert torch.equal(mean.w[0, 0], generator.mapping.w_avg)
    assert (error(generator, near, x) < error(generator, mean, x)).all()


def test_nothing_is_computed_after_it_was_closed(generator, x, layers):
    asked = []

    def counting(some: torch.Tensor) -> list[torch.Tensor]:
        asked.append(len(some))
        return layers(some)

    run = invert(generator, x, Inversion(steps=100), counting, every=5)
    next(run), next(run)
    seen = len(asked)
    assert seen == 1 + 1 + 5 + 1  # the target, what is shown at first, five steps, what is shown then
    run.close()
    assert len(asked) == seen
    with pytest.raises(StopIteration):
        next(run)


def test_the_same_again_in_whatever_mode_and_the_callers_mode_stays(generator, x, layers):
    how = Inversion("w+", steps=12, seed=5)
    *_, once = invert(generator, x, how, layers, every=5)
    with torch.inference_mode():
        steps = []
        for found in invert(generator, x.clone(), how, layers, every=5):
            assert torch.is_inference_mode_enabled()
            steps.append(found.step)
    assert steps == [0, 5, 10, 12]
    assert torch.equal(found.w, once.w)
    for _ in invert(generator, x, Inversion(steps=1), layers):
        assert torch.is_grad_enabled()
    *_, other = invert(generator, x, Inversion("w+", steps=12, seed=6), layers, every=5)
    assert not torch.equal(other.w, once.w)
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_far_styles_are_drawn_to_the_mean(generator, x):
    *_, free = invert(generator, x, Inversion("w+", steps=60, regularity=0.0))
    *_, held = invert(generator, x, Inversion("w+", steps=60, regularity=1.0))
    far = [(found.w - generator.mapping.w_avg).square().mean() for found in (free, held)]
    assert far[1] < far[0] / 2


def test_what_cannot_be_inverted_is_named(generator, x):
    for ask, message in [
        (lambda: Inversion("z"), r"space must be one of w, w\+, not 'z'"),
        (lambda: Inversion(steps=0), "steps must be a whole number from 1 to 10000, not 0"),
        (lambda: Inversion(candidates=1.5), "candidates must be a whole number from 0 to 10000, not 1.5"),
        (lambda: Inversion(rate=float("nan")), "rate must be a number from 0 to 100, not nan"),
        (lambda: invert(generator, x[:, :, :8]), r"x must be \(B, 3, 16, 16\), not \(2, 3, 8, 16\)"),
        (lambda: invert(generator, x, every=0), "every must be a whole number from 1 up, not 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            ask()
    with pytest.raises(FloatingPointError, match="no number at step 0"):
        list(invert(generator, torch.full_like(x, float("nan"))))
