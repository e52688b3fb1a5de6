"""The recipe for form and colours: twins of one form, what a step learns from them, stopped and resumed, measured."""

import json
import shutil

import pytest
import torch
from loop import last_checkpoint
from recoloring import APART, REGIONS
from train_form_autoencoder import Recipe, Twins, make_loss, palettes

from betwixt import ConvAutoencoder, flags, metrics, plain_features
from betwixt.images import from_bytes, to_bytes, to_tensor

SMALL = ["--dataset", "flags", "--preset", "small", "--latent-dim", "12", "--form-dim", "8", "--image-size", "32"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_recipe):
    """A folder with runs/datasets/flags, of 60 mash-ups, and runs/form, of 60 steps on them."""
    folder = tmp_path_factory.mktemp("form")
    run_recipe(folder, "make_flags.py", "--name", "flags", "--count", "60")
    options = ["--name", "form", *SMALL, "--steps", "60", "--batch-size", "16", "--checkpoint-every", "30"]
    run_recipe(folder, "train_form_autoencoder.py", *options)
    return folder


def test_palettes_are_of_colours_that_can_be_told_apart():
    torch.manual_seed(0)
    colors = palettes(50)
    assert colors.shape == (50, REGIONS, 3)
    assert (colors >= 0).all()
    assert (colors <= 255).all()
    apart = torch.cdist(colors, colors) + 1e3 * torch.eye(REGIONS)
    assert apart.amin((1, 2)).mean() > APART / 2


def test_twins_have_one_form_and_not_one_palette():
    designs = [flag for flag in flags.read() if not flag.same_as][:40]
    pixels = to_bytes(to_tensor([flags.draw(flag) for flag in designs], 64, "squash"))
    twins = Twins(pixels)
    torch.manual_seed(0)
    *pair, wearer = twins.batch(torch.arange(40))
    one, other = map(from_bytes, pair)
    assert one.shape == (40, 3, 64, 64)
    own = torch.arange(40)
    assert (twins.counts[wearer] >= twins.counts).all()
    assert (wearer == own).sum() == 1  # the one with the most regions
    in_two_palettes = (own != wearer) & (twins.counts > 1)
    worn = [plain_features.color_histogram(x) for x in (one[wearer], other)]
    assert (metrics.retrieval_ranks(*worn, own)[in_two_palettes] == 0).double().mean() > 0.5
    edges = [plain_features.edges(x) for x in (one, other)]
    colors = [plain_features.color_histogram(x) for x in (one, other)]
    assert (metrics.retrieval_ranks(*edges, own) == 0).double().mean() > 0.8
    assert (metrics.retrieval_ranks(*colors, own) == 0).double().mean() < 0.3
    in_own_colors = twins.painted(own, twins.colors)
    assert (in_own_colors.float() - pixels.float()).abs().mean() < 4


def test_the_run_is_what_was_asked_for(folder):
    last = json.loads((folder / "runs/form/000060/metrics.json").read_text())
    assert 0 <= last["twins_found"] <= 1
    model = ConvAutoencoder.from_pretrained(last_checkpoint(folder / "runs/form") / "model")
    assert (model.form_dim, model.latent_dim, model.fit) == (8, 12, "squash")


def test_a_step_learns_the_form_of_both_twins_and_the_swap():
    torch.manual_seed(0)
    recipe = Recipe(name="", form_dim=8, latent_dim=12, contrast=1.0, augmentation=0.0)
    model = ConvAutoencoder(image_size=32, base_channels=8, latent_dim=12, form_dim=8, fit="squash")
    designs = [flag for flag in flags.read() if not flag.same_as][::20]
    batch = Twins(to_bytes(to_tensor([flags.draw(flag) for flag in designs], 32, "squash"))).batch(
        torch.arange(len(designs))
    )
    optimizer, loss, values = torch.optim.Adam(model.parameters(), 2e-3), make_loss(recipe), []
    for _ in range(150):
        value, figures = loss(model, *batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append((value.item(), figures["training_error"].item(), figures["twins"].item()))
    assert values[-1][0] < 0.5 * values[0][0]
    assert values[-1][1] < 0.8 * values[0][1]
    assert values[-1][2] > 0.8 > values[0][2]


def test_each_part_is_a_space_of_its_own(folder, run_recipe):
    (folder / "pictures").mkdir()
    for flag in [flag for flag in flags.read() if not flag.same_as][::6]:
        flags.draw(flag, (60, 40)).save(folder / "pictures" / f"{flag.code}.png")
    options = ["--pictures", "pictures", "--twins", "1", "--models", "form"]
    table = json.loads(run_recipe(folder, "evaluate_maps.py", *options, "--output", "maps.json").stdout)
    assert [*table["spaces"]][-3:] == ["form: form", "form: color", "form: all"]
    published = ["form", "form", "--dataset", "flags", "--table", "maps.json", "--output", "published"]
    run_recipe(folder, "publish.py", *published)
    card = (folder / "published/form/README.md").read_text()
    assert (
        f"| real flags | twin recall at 1 (form) | {table['spaces']['form: form']['twin recall at 1']['value']:.3f}"
        in card
    )
    assert "| real flags | layout purity (edges) |" in card
    assert "`training/train_form_autoencoder.py` with" in card
    assert ConvAutoencoder.from_pretrained(folder / "published/form").form_dim == 8


def test_stopped_and_resumed_ends_in_the_same_weights(folder, run_recipe):
    options = [*SMALL, "--steps", "60", "--batch-size", "16", "--checkpoint-every", "30"]
    run_recipe(folder, "train_form_autoencoder.py", "--name", "again", *options)
    shutil.rmtree(folder / "runs/again/000060")
    run_recipe(folder, "train_form_autoencoder.py", "--name", "again", *options)
    weights = [(folder / f"runs/{name}/000060/model/model.safetensors").read_bytes() for name in ("form", "again")]
    assert weights[0] == weights[1]
