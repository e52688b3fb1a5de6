"""StyleGAN2's recipe: what its losses reach, how changes adapt, what it begins with, and several processes."""

import json
from functools import partial

import conftest
import pytest
import safetensors.torch
import torch
import train_stylegan2
from augmentation import adaptive
from loop import last_checkpoint
from publish import stages
from tables import ImageTable
from train_stylegan2 import Game, OfOneClass, Recipe

from betwixt import StyleGAN2Generator
from betwixt.losses import gradient_penalty, path_length

TINY = {"image_size": 16, "channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8, "batch_size": 8}


def options_of(name: str, *more: str) -> list[str]:
    sizes = [f"--{key.replace('_', '-')}={value}" for key, value in TINY.items()]
    return ["--name", name, "--dataset", "small", "--steps", "4", "--checkpoint-every", "2", *sizes, *more]


def game_of(**changes) -> Game:
    torch.manual_seed(0)
    return Game(Recipe(**{"name": "game", **TINY, **changes}), ["clock", "crocodile"])


@pytest.fixture(scope="module")
def in_process(small_run):
    return partial(conftest.in_process, small_run, "train_stylegan2")


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(8, 3, 16, 16) * 2 - 1, torch.arange(8) % 2


def test_both_networks_learn_and_neither_from_the_others_loss(batch):
    game = game_of(augment="none", style_mixing=0.0, mirror=False)
    loss, _ = game(*batch)
    loss.backward()
    assert all(parameter.grad is not None for parameter in game.parameters())
    game.zero_grad()
    game.recipe.r1 = 0.0
    state = torch.random.get_rng_state()
    loss, _ = game(*batch)
    loss.backward()
    together = {name: parameter.grad.clone() for name, parameter in game.named_parameters()}
    game.zero_grad()
    torch.random.set_rng_state(state)
    c = torch.eye(2)[batch[1]]
    fake = game.generator.synthesis(game.styles(c, 8), "random")
    (-torch.nn.functional.logsigmoid(game.discriminator(fake, c))).mean().backward()
    for name, parameter in game.generator.named_parameters():
        assert torch.allclose(parameter.grad, together[f"generator.{name}"], atol=1e-5), name
    game.discriminator.zero_grad()
    of_real, of_fake = game.discriminator(batch[0], c), game.discriminator(fake.detach(), c)
    (-torch.nn.functional.logsigmoid(of_real) - torch.nn.functional.logsigmoid(-of_fake)).mean().backward()
    for name, parameter in game.discriminator.named_parameters():
        assert torch.allclose(parameter.grad, together[f"discriminator.{name}"], atol=1e-5), name


def test_penalties_of_what_is_known():
    x = torch.randn(5, 3, 4, 4, requires_grad=True)
    weight = torch.randn(3, 4, 4)
    assert torch.allclose(gradient_penalty((x * weight).sum((1, 2, 3)), x), weight.square().sum())
    w = torch.randn(2000, 3, 2, requires_grad=True)
    pictures = w[:, :, 0].view(2000, 3, 1, 1) * 2  # each number of a picture moves twice as far as one of w
    assert torch.allclose(path_length(pictures, w).square().mean(), torch.tensor(4.0), rtol=0.1)


def test_changes_become_likelier_while_real_pictures_are_known_too_well():
    game = game_of()
    for answers, direction in ((torch.ones(8), 1), (-torch.ones(8), -1), (-torch.ones(8), 0)):
        before = game.augmented.item()
        game.adapt(answers)
        assert (game.augmented.item() > before) - (game.augmented.item() < before) == direction
    assert game.augmented.item() >= 0


def test_changes_at_their_probability():
    torch.manual_seed(0)
    x = (torch.rand(400, 3, 16, 16) * 2 - 1).requires_grad_()
    assert torch.allclose(adaptive(x, 0.0), x, atol=1e-5)
    changed = (adaptive(x, 0.05) - x).abs().amax((1, 2, 3)) > 1e-3
    assert 0.2 < changed.float().mean() < 0.5  # of eight changes of 5 % each, 34 % have one or more
    adaptive(x, 0.5).sum().backward()
    assert x.grad.isfinite().all()


def test_pictures_whose_deviation_is_seen_are_of_one_class():
    labels = torch.arange(60) % 5
    table = ImageTable(torch.arange(60, dtype=torch.uint8).view(60, 1, 1, 1), labels, [*"abcde"], {})
    torch.manual_seed(0)
    seen = torch.zeros(60)
    for _ in range(200):
        pixels, found = OfOneClass(table).batch(torch.randperm(60)[:24])
        assert torch.equal(found, labels[pixels.flatten().long()])
        assert torch.equal(found, found[:6].repeat(4))  # as `batch_deviation` groups them
        seen += pixels.flatten().long().bincount(minlength=60)
    assert seen.min() > 40  # of 80


def test_styles_are_mixed_from_some_layer_on_and_their_mean_is_kept():
    game = game_of(style_mixing=1.0)
    w = game.styles(torch.eye(2)[:1].expand(64, -1), 64)
    assert w.shape == (64, 6, 8)
    assert (w[:, 0] != w[:, -1]).any(1).all()
    assert ((w[:, 1:] != w[:, :-1]).any(2).sum(1) == 1).all()
    assert game.generator.mapping.w_avg.abs().sum() > 0


@pytest.mark.parametrize(
    "more", [["--no-conditional", "--augment", "diffaugment"], ["--augment", "none", "--no-mirror"]]
)
def test_options(small_run, in_process, more):
    name = more[0].strip("-")
    in_process(*options_of(name, *more))
    assert last_checkpoint(small_run / "runs" / name).name == "000004"


def test_it_begins_with_another_runs_weights(small_run, in_process, capsys):
    in_process(*options_of("begun"))
    in_process(*options_of("going-on", "--no-conditional", "--start", "begun", "--learning-rate", "1e-7", "--ema", "0"))
    assert "began with" in capsys.readouterr().out
    in_process(*options_of("going-on", "--no-conditional", "--start", "begun", "--learning-rate", "1e-7", "--ema", "0"))
    recipe = json.loads((last_checkpoint(small_run / "runs/going-on") / "recipe.json").read_text())
    assert [options["name"] for _, options in stages(recipe, "stylegan2")] == ["begun", "going-on"]
    assert recipe["started_from"]["steps_done"] == 4
    first, second = (
        safetensors.torch.load_file(last_checkpoint(small_run / "runs" / name) / "model/model.safetensors")
        for name in ("begun", "going-on")
    )
    assert "mapping.embed.weight" in first.keys() - second.keys()
    assert torch.allclose(first["synthesis.b16.conv1.weight"], second["synthesis.b16.conv1.weight"], atol=1e-4)
    for start, message in (("nothing", "there is no checkpoint to start from"), ("of-another-kind", "name and shape")):
        if start == "of-another-kind":
            conftest.in_process(
                small_run, "train_vae", "--name", start, "--dataset", "small", "--steps", "1", "--base-channels", "4"
            )
        with pytest.raises(SystemExit, match=message):
            in_process(*options_of("third", "--start", start))


def test_noise_that_was_learned_counts_no_more(small_run, in_process):
    in_process(*options_of("noisy"))
    in_process(*options_of("silent", "--no-noise", "--start", "noisy"))
    noisy, silent = (
        StyleGAN2Generator.from_pretrained(last_checkpoint(small_run / "runs" / name) / "model")
        for name in ("noisy", "silent")
    )
    w = torch.randn(2, 8)
    with torch.inference_mode():
        assert not torch.equal(noisy.synthesis(w, "const"), noisy.synthesis(w, "none"))
        assert torch.equal(silent.synthesis(w, "const"), silent.synthesis(w, "none"))


def test_two_processes(small_run):
    run = conftest.in_two_processes(small_run, "train_stylegan2", options_of)
    assert last_checkpoint(run).name == "000004"


def test_not_a_number_stops_it_and_the_last_good_checkpoint_stays(small_run, in_process, monkeypatch):
    calls = iter([0.0, torch.nan])  # at step 0, and at step 16
    monkeypatch.setattr(
        train_stylegan2, "steepness", lambda discriminator, real, c: discriminator(real, c).sum() * next(calls)
    )
    options = options_of("spoilt")
    options[options.index("4")], options[options.index("2")] = "20", "8"
    with pytest.raises(SystemExit, match="step 19: the loss is nan; try a lower --learning-rate"):
        in_process(*options)
    checkpoint = last_checkpoint(small_run / "runs/spoilt")
    assert checkpoint.name == "000016"
    assert StyleGAN2Generator.from_pretrained(checkpoint / "model").generate([0])
