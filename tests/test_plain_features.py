"""Features that need no network: each says what it promises, and nothing else."""

import pytest
import torch
import torch.nn.functional as F

from betwixt import flags, plain_features
from betwixt.images import to_tensor

KNOWN = {flag.code: flag for flag in flags.read()}


def picture(code: str) -> torch.Tensor:
    return to_tensor([flags.draw(KNOWN[code])], 64, "squash")


def alike(features, *codes: str) -> float:
    one, other = (features(picture(code)) for code in codes)
    return float((one @ other.T).squeeze())


@pytest.mark.parametrize(
    ("features", "length"),
    [
        (plain_features.pixels, 3 * 64 * 64),
        (plain_features.grey, 64 * 64),
        (plain_features.edges, 64 * 64),
        (plain_features.color_histogram, 125),
    ],
)
def test_rows_have_length_one(features, length):
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = features(x)
    assert found.shape == (3, length)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    flat = features(torch.full((1, 3, 64, 64), -1.0))
    assert flat.isfinite().all()


def test_edges_do_not_see_which_colours_there_are():
    assert alike(plain_features.edges, "fr", "ie") > 0.99  # both of three upright bands
    assert alike(plain_features.edges, "fr", "nl") < 0.5
    assert alike(plain_features.pixels, "fr", "ie") < 0.9


def test_a_histogram_does_not_see_where_colours_are():
    assert alike(plain_features.color_histogram, "nl", "lu") < 1
    x = picture("fr")
    torch.testing.assert_close(
        plain_features.color_histogram(x), plain_features.color_histogram(x.transpose(2, 3).flip(3))
    )
    assert alike(plain_features.color_histogram, "pl", "id") > alike(plain_features.color_histogram, "pl", "ua") + 0.2


def test_grey_sees_only_how_bright_it_is():
    x = torch.rand(1, 3, 8, 8) * 2 - 1
    bright = torch.einsum("bchw,c->bhw", x, torch.tensor(plain_features.LUMINANCE)).flatten(1)
    torch.testing.assert_close(plain_features.grey(x), F.normalize(bright, dim=1))
