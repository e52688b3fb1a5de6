"""Generators: shapes, gradients, seeds, weights, what is saved, and samplers against what can be computed by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from betwixt import VAE, ClassifierEnsemble, ConditionalGAN, DiffusionModel, ImageClassifier
from betwixt.conditional_gan import Discriminator, PlainDiscriminator
from betwixt.diffusion import compose, heun
from betwixt.generation import MAX_SEED, Steering, noise_of, weights_of
from betwixt.layers import ModulatedConv2d, batch_deviation, smooth

NAMES = ["clock", "crocodile"]
SHARES = (0.0, 0.25, 0.5, 0.9, 1.0)  # of the crocodile
BUILDERS = {
    "vae": lambda: VAE(class_names=NAMES, image_size=16, base_channels=4, latent_dim=8, downsamplings=2),
    "vae-mlp": lambda: VAE(class_names=NAMES, architecture="mlp", image_size=16, hidden_dim=24, latent_dim=8, blocks=2),
    "stylegan2": lambda: ConditionalGAN(
        class_names=NAMES, image_size=16, z_dim=8, w_dim=8, base_channels=8, max_channels=16
    ),
    "dcgan": lambda: ConditionalGAN(
        class_names=NAMES, architecture="dcgan", image_size=16, z_dim=8, base_channels=8, max_channels=16
    ),
    "diffusion": lambda: DiffusionModel(class_names=NAMES, image_size=16, patch_size=2, base_channels=8),
}


def built(kind: str):
    """Small, and with no weights at zero: what begins as nothing would make every test pass."""
    torch.manual_seed(0)
    model = BUILDERS[kind]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def pixels(images) -> np.ndarray:
    return np.stack([np.asarray(image) for image in images])


def guides() -> ClassifierEnsemble:
    torch.manual_seed(1)
    member = {"architecture": "cnn", "class_names": NAMES, "image_size": 16, "base_channels": 4}
    member |= {"num_convolutions": 2, "multilabel_width": 8}
    thresholds = {"photos": dict.fromkeys(NAMES, 0.5)}
    members = [ImageClassifier(**member).config for _ in range(2)]
    return ClassifierEnsemble(members=members, thresholds=thresholds).eval()


@pytest.fixture(params=[*BUILDERS])
def kind(request) -> str:
    return request.param


def test_same_seed_same_pictures_whatever_the_count(kind):
    model = built(kind)
    images = model.generate({"clock": 1, "crocodile": 1}, 4, seed=7)
    assert [image.size for image in images] == [(model.image_size, model.image_size)] * 4
    assert {image.mode for image in images} == {"RGB"}
    first = pixels(images)
    assert abs(first.astype(int) - pixels(model.generate(None, 4, seed=7))).max() == 0
    assert abs(first[:2].astype(int) - pixels(model.generate(None, 2, seed=7))).max() <= 1  # batches round differently
    assert abs(first.astype(int) - pixels(model.generate(None, 4, seed=70))).max() > 5
    assert abs(first[1:].astype(int) - pixels(model.generate(None, 3, seed=8))).max() <= 1  # each has its own seed
    assert len({picture.tobytes() for picture in first}) == 4


def test_classes_make_a_difference_and_every_combination_draws(kind):
    model = built(kind)
    ends = [pixels(model.generate({name: 2.0}, 3, seed=0)).astype(int) for name in NAMES]
    assert abs(ends[0] - ends[1]).max() > 0
    middles = {}
    for combine in model.COMBINATIONS:
        steering = Steering(guides(), strength=3.0, steps=3) if combine == "steered" else None
        middles[combine] = pixels(model.generate(None, 3, seed=0, combine=combine, steering=steering)).astype(int)
    assert all(abs(middles["midpoint"] - middles[c]).max() > 0 for c in model.COMBINATIONS if c != "midpoint")


def test_saved_and_loaded_to_the_bit(kind, tmp_path):
    model = built(kind)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert loaded.config == model.config
    assert (pixels(loaded.generate(count=2, seed=3)) == pixels(model.generate(count=2, seed=3))).all()


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        ({"weights": {"clock": -1.0}}, "from 0 up"),
        ({"weights": {"clock": 0.0, "crocodile": 0.0}}, "more than 0"),
        ({"weights": {"clock": float("nan")}}, "from 0 up"),
        ({"weights": {"clock": "much"}}, "must be numbers"),
        ({"weights": {"clock": None}}, "must be numbers"),
        ({"weights": {"house": 1.0}}, "no class is called house: there are clock, crocodile"),
        ({"weights": {}}, "more than 0"),
        ({"count": 0}, "count must be a whole number from 1 to 1024"),
        ({"count": 2000}, "count must be"),
        ({"count": 1.5}, "count must be"),
        ({"count": True}, "count must be"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 0.5}, "seed must be"),
        ({"seed": MAX_SEED + 1}, "seed must be"),
        ({"combine": "magic"}, "combine must be one of"),
        ({"combine": "steered"}, "needs guides"),
    ],
)
def test_wrong_requests(kind, request_, fault):
    with pytest.raises(ValueError, match=fault):
        built(kind).generate(**request_)


def test_gradients_reach_every_weight(kind):
    model = built(kind).train()
    labels = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    x = torch.randn(4, 3, 16, 16)
    if kind == "diffusion":
        model.loss(x, labels, torch.full((4,), 0.5)).sum().backward()
    elif kind.startswith("vae"):
        x_hat, mu, log_variance = model(x, labels)
        assert x_hat.shape == x.shape
        assert mu.shape == log_variance.shape == (4, 8)
        (x_hat.square().sum() + mu.square().sum() + log_variance.exp().sum()).backward()
    else:
        drawn = model(torch.randn(4, 8), labels)
        assert drawn.shape == x.shape
        drawn.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("discriminator", [Discriminator, PlainDiscriminator])
def test_discriminators_see_picture_and_label(discriminator):
    torch.manual_seed(0)
    model = discriminator(2, 16, 8, 16)
    x = torch.randn(8, 3, 16, 16, requires_grad=True)
    labels = torch.eye(2)[torch.arange(8) % 2]
    scores = model(x, labels)
    assert scores.shape == (8,)
    assert (scores - model(x, labels.flip(1))).abs().min() > 0
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    gradient.square().sum().backward()  # what R1 needs
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters() if p.ndim > 1)


def test_style_mixing_takes_coarse_layers_of_one_class_and_fine_ones_of_the_other():
    model = built("stylegan2")
    z = noise_of(0, 6, (8,))[0]
    of_class = [model.mapping(z, row.expand(6, -1)) for row in torch.eye(2)]
    ws = model._mixed(z, torch.tensor([0.5, 0.5]), torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(3, 1))
    assert ws.shape == (6, model.num_ws, 8)
    coarse = (torch.arange(model.num_ws) + 0.5) / model.num_ws <= 0.5
    for picture in range(6):
        first, second = of_class if picture % 2 == 0 else of_class[::-1]
        for layer in range(model.num_ws):
            assert torch.equal(ws[picture, layer], (first if coarse[layer] else second)[picture])
    alone = model._mixed(z, torch.tensor([0.0, 1.0]), torch.randn(6, 2))
    assert torch.equal(alone, of_class[1][:, None].expand(-1, model.num_ws, -1))


def test_modulation_is_scaled_weights_and_demodulation_keeps_the_power():
    torch.manual_seed(0)
    layer, x, w = ModulatedConv2d(6, 5, 3, 4), torch.randn(3, 6, 8, 8), torch.randn(3, 4)
    style = layer.affine(w)
    for i in range(3):  # Karras et al. 2020, equations 1 and 3, picture by picture
        weight = layer.weight * layer.scale * style[i][None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(layer(x, w)[i : i + 1], F.conv2d(x[i : i + 1], weight, padding=1))
    assert ModulatedConv2d(6, 5, 3, 4, up=True)(x, w).shape == (3, 5, 16, 16)


def test_smoothing_keeps_the_mean_of_what_was_spread_out():
    x = torch.ones(1, 2, 9, 9)
    assert torch.allclose(smooth(x)[..., 1:-1, 1:-1], torch.ones(1, 2, 6, 6))


def test_batch_deviation_is_zero_for_equal_pictures():
    x = torch.randn(1, 3, 4, 4).expand(8, -1, -1, -1)
    assert batch_deviation(x)[:, 3].max() < 1e-3
    assert batch_deviation(torch.randn(8, 3, 4, 4))[:, 3].min() > 0.3


# Samplers, where the best network is known: pictures of one value, normally distributed


def of_normal(mean: torch.Tensor, deviation: float):
    """The denoiser of N(mean, deviation^2)."""

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return (deviation**2 * x + sigma**2 * mean) / (deviation**2 + sigma**2)

    return denoise


def schedule(steps: int) -> torch.Tensor:
    return DiffusionModel(class_names=NAMES, image_size=8, base_channels=8).sigmas(steps)


def test_heun_follows_the_flow_of_a_normal_distribution():
    sigmas, mean, deviation = schedule(40), torch.full((1, 1, 1, 1), 0.3), 0.5
    x = sigmas[0] * torch.linspace(-3, 3, 9).view(-1, 1, 1, 1)
    *steps, found = heun(of_normal(mean, deviation), x, sigmas)
    exact = mean + (x - mean) * deviation / (deviation**2 + sigmas[0] ** 2).sqrt()
    assert len(steps) == 39
    assert (found - exact).abs().max() < 0.01


def test_heun_is_of_second_order():
    def error(steps: int) -> float:
        sigmas, mean = schedule(steps), torch.full((1, 1, 1, 1), 0.3)
        x = sigmas[0] * torch.linspace(-2, 2, 9).view(-1, 1, 1, 1)
        *_, found = heun(of_normal(mean, 0.5), x, sigmas)
        return float((found - mean - (x - mean) * 0.5 / (0.25 + sigmas[0] ** 2).sqrt()).abs().max())

    assert error(20) / error(40) > 3


@pytest.mark.parametrize("weights_first", [0.5, 0.8])
def test_composition_of_two_normal_distributions(weights_first):
    """At the mean of the product N(m1, s^2)^share N(m2, s^2)^(1 - share); at equal shares both are as likely."""
    sigmas = schedule(40)
    means = torch.tensor([[-0.6, 0.4], [0.6, 0.4]]).view(2, 1, 2, 1, 1)
    each = [of_normal(mean, 0.5) for mean in means]
    generator = torch.Generator().manual_seed(0)
    x = sigmas[0] * torch.randn(1000, 2, 1, 1, generator=generator)
    noise = torch.randn(40, 1000, 2, 1, 1, generator=generator)
    shares = torch.tensor([weights_first, 1 - weights_first])

    def denoise_each(x, sigma):
        return torch.stack([*(denoise(x, sigma) for denoise in each), torch.zeros_like(x)])

    *_, found = compose(denoise_each, x, sigmas, shares, noise)
    along, across = found[:, 0].flatten(), found[:, 1].flatten()
    product_mean = (means[:, 0, 0, 0, 0] * shares).sum()
    assert abs(along.mean() - product_mean) < 0.03
    assert abs(across.mean() - 0.4) < 0.05
    # The densities have grown as they should in each picture: all are near one plane between the means.
    assert along.std() < 0.15
    assert abs(across.std() - 0.5) < 0.03


def test_composition_of_one_class_twice_is_that_class():
    sigmas, generator = schedule(400), torch.Generator().manual_seed(0)
    denoise = of_normal(torch.full((1, 1, 1, 1), 0.3), 0.5)
    x = sigmas[0] * torch.randn(4000, 1, 1, 1, generator=generator)
    noise = torch.randn(400, 4000, 1, 1, 1, generator=generator)
    *_, found = compose(
        lambda x, sigma: torch.stack([denoise(x, sigma)] * 3), x, sigmas, torch.tensor([0.5, 0.5]), noise
    )
    assert abs(found.mean() - 0.3) < 0.03
    assert abs(found.std() - 0.5) < 0.03


def test_preconditioning_leaves_pictures_without_noise_alone():
    model = built("diffusion")
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.inference_mode():
        assert (model(x, torch.full((2,), 1e-4), torch.zeros(2, 2)) - x).abs().max() < 1e-3


# Steering


def test_steering_makes_the_guides_surer():
    steering, model = Steering(guides(), steps=20), built("vae")
    labels, z = torch.full((6, 2), 0.5), noise_of(0, 6, (8,))[0]

    def draw(moved):
        return model.decode(moved, labels)

    moved = steering.climb(draw, z, NAMES)
    with torch.inference_mode():
        before, after = (steering.objective(draw(latent), NAMES) for latent in (z, moved))
    assert (after > before).all()
    assert ((moved - z).abs() <= z.std(1, keepdim=True) + 1e-5).all()
    torch.testing.assert_close(steering.climb(draw, z, NAMES), moved)
    assert torch.equal(Steering(guides(), strength=0.0).climb(draw, z, NAMES), z)


def test_margins_are_over_what_is_a_yes_for_such_pictures():
    of_both = guides()
    of_both.thresholds["drawings"] = dict.fromkeys(NAMES, 0.05)
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    photos, drawings = (Steering(of_both, dataset=name).margins(x, NAMES) for name in ("photos", "drawings"))
    torch.testing.assert_close(Steering(of_both).margins(x, NAMES), photos)
    torch.testing.assert_close(drawings - photos, torch.full((2, 2), 0.5 / 0.05).log())
    with pytest.raises(ValueError, match="paintings"):
        Steering(of_both, dataset="paintings").margins(x, NAMES)


@pytest.mark.parametrize("combine", ["composition", "midpoint", "steered"])
def test_between_two_steps_others_may_learn_in_the_same_thread(combine):
    steps = built("diffusion").generate_steps(count=1, combine=combine, steps=3, steering=Steering(guides(), steps=1))
    for x in steps:
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert x.shape == (1, 3, 16, 16)


def test_steering_fades_towards_one_class_alone():
    steering = Steering(guides(), strength=2.0)
    strengths = [steering.at(weights_of({"clock": 1 - share, "crocodile": share}, NAMES)).strength for share in SHARES]
    assert strengths == pytest.approx([0.0, 1.0, 2.0, 0.4, 0.0])
    for kind in ("vae", "stylegan2", "diffusion"):
        model = built(kind)
        alone = [
            pixels(model.generate({"clock": 1.0}, 2, combine="steered", steering=s))
            for s in (steering, Steering(guides()))
        ]
        assert (alone[0] == alone[1]).all()
        both = [pixels(model.generate(None, 2, combine="steered", steering=s)) for s in (steering, Steering(guides()))]
        assert (both[0] != both[1]).any()


def test_a_moved_picture_is_moved_as_far_as_it_is_open():
    steering, d = Steering(guides()), torch.rand(3, 3, 16, 16) * 2 - 1
    lengths = [
        (steering.move(d, torch.tensor(sigma), torch.Tensor.tanh, 0.5, NAMES) - d).flatten(1).norm(dim=1).mean()
        for sigma in (40.0, 0.01)
    ]
    assert lengths[0] > 20 * lengths[1] > 0


def test_weights_become_shares():
    assert weights_of(None, NAMES).tolist() == [0.5, 0.5]
    torch.testing.assert_close(weights_of({"clock": 3, "crocodile": 1}, NAMES), torch.tensor([0.75, 0.25]))
    assert weights_of({"crocodile": 0.2}, NAMES).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (lambda: VAE(class_names=NAMES, image_size=20), "cannot be halved"),
        (lambda: VAE(architecture="transformer"), "architecture must be one of conv, mlp"),
        (lambda: ConditionalGAN(class_names=NAMES, image_size=24), "image_size must be"),
        (lambda: ConditionalGAN(class_names=NAMES, architecture="biggan"), "architecture must be"),
        (lambda: ConditionalGAN(class_names=[]), "names of its classes"),
        (lambda: DiffusionModel(class_names=NAMES, image_size=30, patch_size=4), "cannot be halved"),
        (lambda: DiffusionModel(class_names=[]), "names of its classes"),
    ],
)
def test_networks_that_cannot_be(build, fault):
    with pytest.raises(ValueError, match=fault):
        build()
