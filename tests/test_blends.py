"""Pictures put together of two: what is kept of each, and which are paired."""

import pytest
import torch
from augmentation import combine, random_blur, random_noise, random_warp
from blends import BLENDS, frequency, pairs

WHITE, BLACK = torch.ones(64, 3, 32, 32), -torch.ones(64, 3, 32, 32)


@pytest.mark.parametrize("name", BLENDS)
def test_about_half_is_kept_and_the_seed_decides(name):
    first, second = (BLENDS[name](WHITE, BLACK, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == WHITE.shape
    assert first.abs().max() <= 1
    shares = (first.mean((1, 2, 3)) + 1) / 2
    if name == "frequency":  # a flat picture is all coarse
        torch.testing.assert_close(shares, torch.ones(64))
    else:
        assert shares.min() > 0.25
        assert shares.max() < 0.75


def test_frequency_keeps_the_coarse_of_one_and_the_fine_of_the_other():
    x = torch.linspace(0, 2 * torch.pi, 33)[:-1]
    coarse, fine = (torch.sin(n * x).expand(1, 3, 32, 32) * 0.5 for n in (1, 12))
    same = frequency(coarse, fine, torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(same[0, 0, 0]).abs()
    assert spectrum[1] > 0.9 * 8
    assert spectrum[12] > 0.9 * 8
    nothing = frequency(fine, coarse, torch.Generator().manual_seed(0))
    assert nothing.abs().max() < 0.1


@pytest.mark.parametrize("same_class", [False, True])
def test_pairs_are_of_two_pictures(same_class):
    labels = torch.tensor([0, 1] * 10 + [1] * 30)
    first, second = pairs(labels, 200, torch.Generator().manual_seed(0), same_class)
    assert (first != second).all()
    assert ((labels[first] == labels[second]) == same_class).all()
    assert 60 < (labels[first] == 0).sum() < 140
    with pytest.raises(ValueError, match="at least two pictures"):
        pairs(torch.tensor([0, 1, 1]), 5, torch.Generator(), same_class)


def test_combined_pictures_have_both_labels():
    torch.manual_seed(0)
    x = torch.cat([WHITE, BLACK])
    targets = torch.eye(2).repeat_interleave(64, 0)
    mixed, labels = combine(x, targets, share=0.5)
    kept = (mixed * x).mean((1, 2, 3)).add(1).div(2)  # the share of each that is still its own
    both = labels.sum(1) == 2
    assert 15 < both.sum() < 50
    assert kept[both].min() > 0.25
    assert kept[both].max() < 0.75
    assert torch.equal(mixed[~both], x[~both])
    assert torch.equal(labels[~both], targets[~both])
    none, unchanged = combine(x, targets, share=0.0)
    assert torch.equal(none, x)
    assert torch.equal(unchanged, targets)
    never = combine(x, targets, 1.0, wanted=torch.eye(2))[1]
    assert (never.sum(1) == 1).all()


def test_blur_takes_the_fine_and_leaves_the_rest():
    torch.manual_seed(0)
    x = torch.rand(40, 3, 32, 32) - 0.5
    blurred = random_blur(x, 0.5)
    changed = (blurred != x).flatten(1).any(1)
    assert 8 < changed.sum() < 32
    assert blurred[changed].std() < 0.5 * x[changed].std()
    torch.testing.assert_close(blurred.mean((2, 3)), x.mean((2, 3)))
    assert torch.equal(random_blur(x, 0.0), x)


def test_what_is_bent_or_noisy_is_a_share_and_stays_near():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 32)  # bent by a tenth of the side, it is another by a tenth of its span
    x = torch.stack([ramp.expand(32, 32), ramp[:, None].expand(32, 32), torch.zeros(32, 32)]).expand(40, 3, 32, 32)
    for change, furthest in ((random_warp, 0.5), (random_noise, 1.0)):
        changed = (change(x, 0.5) - x).abs()
        some = changed.flatten(1).amax(1) > 0.01
        assert 8 < some.sum() < 32
        assert 0.02 < changed[some].mean() < 0.2
        assert changed.max() < furthest
        torch.testing.assert_close(change(x, 0.0), x, atol=1e-5, rtol=0)
