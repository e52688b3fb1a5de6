"""The figures of generators of heads, on a few rendered heads and networks that learned nothing."""

import json

import publish
import pytest
import safetensors.torch
import torch
from conftest import ROOT, in_process
from evaluate_stylegan2 import styles
from judges import Judges
from PIL import Image
from tables import read_dataset

from betwixt import ConditionalGAN, ImageClassifier, PoseRegressor, StyleGAN2Generator
from betwixt.images import from_bytes

TINY = {"z_dim": 8, "w_dim": 8, "img_resolution": 32, "mapping_layers": 2, "channel_base": 128, "channel_max": 16}
MEASURE = ["--count", "40", "--weights", "squeezenet.safetensors", "--breeds", "breeds", "--pose", "pose"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the dataset "mammals" of 32 pixels, untrained judges and untrained generators, each a run."""
    folder = tmp_path_factory.mktemp("generators")
    in_process(folder, "make_mammals", "--name", "mammals", "--count", "7", "--image-size", "32")
    names = read_dataset(str(folder / "runs/datasets/mammals"), "train", 32).class_names
    torch.manual_seed(0)
    classifier = {"architecture": "cnn", "base_channels": 4, "image_size": 32}
    saved = {
        "told": StyleGAN2Generator(**TINY, c_dim=len(names), class_names=names),
        "untold": StyleGAN2Generator(**TINY),
        "gan": ConditionalGAN(class_names=names[::-1], image_size=32, base_channels=4, max_channels=8),
        "large": ConditionalGAN(class_names=names, image_size=64, base_channels=4, max_channels=8),
        "breeds": ImageClassifier(class_names=[*names[::-1], "neither"], **classifier),
        "strangers": ImageClassifier(class_names=["clock", "crocodile"], **classifier),
        "pose": PoseRegressor(image_size=32, base_channels=4),
    }
    for name, model in saved.items():
        model.save_pretrained(folder / "runs" / name / "000001" / "model")
        (folder / "runs" / name / "000001" / "recipe.json").write_text('{"name": "x", "dataset": ["mammals"]}')
    squeezenet = ImageClassifier(architecture="torchvision/squeezenet1_0", class_names=["any"], network_size=64)
    safetensors.torch.save_file(squeezenet.network.state_dict(), folder / "squeezenet.safetensors")
    return folder


def is_figure(row) -> bool:
    return isinstance(row, dict) and "value" in row


def test_generators_stand_beside_each_other_and_the_data(project, capsys):
    in_process(
        project, "evaluate_stylegan2", "--model", "told", "--dataset", "mammals", "--beside", "gan", *MEASURE,
        "--output", "told.json",
    )  # fmt: skip
    table = json.loads((project / "told.json").read_text())
    assert json.loads(capsys.readouterr().out) == table
    figures = table["results"]["mammals"]
    own = {name for name in figures if "(" not in name}
    assert own == {
        "pictures", "kernel distance between breeds", "kernel distance", "precision", "recall", "right breed", "copies",
        "kernel distance, share of that between breeds", "share of cats", "each breed", "path length in w",
        "path length in z", *(f"{factor} {what}, share of the data's" for factor in ("yaw", "pitch")
        for what in ("range", "deviation")),
    }  # fmt: skip
    assert {f"{name} (gan)" for name in own} - {*figures} == {"pictures (gan)", "kernel distance between breeds (gan)"}
    assert {name for name in figures if "(held-out" in name} == {
        f"{name} (held-out pictures)" for name in ("right breed", "share of cats", "each breed", "copies")
    }
    assert figures["kernel distance (training pictures)"]["value"] < figures["kernel distance"]["value"]
    assert figures["precision (training pictures)"]["value"] > figures["precision"]["value"]
    ranges = figures["yaw range, share of the data's (training pictures)"]
    assert 0.5 < ranges["value"] < 2
    shares = [row["share"]["value"] for row in figures["each breed"].values()]
    assert len(shares) == 16
    assert sum(shares) <= 1
    assert all(row["low"] <= row["value"] <= row["high"] for row in figures.values() if is_figure(row))


def test_what_cannot_be_known_is_left_out(project):
    """A network that is told of no breeds, a judge that knows none of them."""
    options = ["--model", "untold", "--dataset", "mammals", *MEASURE, "--breeds", "strangers"]
    in_process(project, "evaluate_stylegan2", *options, "--output", "untold.json")
    figures = json.loads((project / "untold.json").read_text())["results"]["mammals"]
    assert {"precision", "path length in w", "copies (held-out pictures)"} <= {*figures}
    assert not any(name.startswith(("right breed", "each breed", "share of cats")) for name in figures)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "pose"], "pose is a PoseRegressor, not a StyleGAN2Generator or a ConditionalGAN"),
        (["--model", "told", "--beside", "large"], "--beside large draws pictures of 64 pixels, told of 32"),
    ],
)
def test_what_cannot_be_measured(project, options, said):
    with pytest.raises(SystemExit, match=f"error: {said}"):
        in_process(project, "evaluate_stylegan2", "--dataset", "mammals", *options, *MEASURE)


def test_judges_know_copies_and_what_is_right(project):
    """Training pictures are copies of themselves; a classifier that is always right finds all right."""
    training, test = (read_dataset(str(project / "runs/datasets/mammals"), split, 32) for split in ("train", "test"))
    judges = Judges(training, test, None, Oracle(test))
    assert judges.copies(from_bytes(training.pixels[:20]))["copies"]["value"] == 1
    assert judges.copies(from_bytes(test.pixels))["copies"]["value"] == 0
    figures = judges.breeds(judges.test_pictures, test.labels)
    assert figures["right breed"]["value"] == 1
    wrong = (test.labels + 1) % len(test.class_names)
    assert judges.breeds(judges.test_pictures, wrong)["right breed"]["value"] == 0
    assert judges.breeds(judges.test_pictures, None).keys() == {"share of cats", "each breed"}


class Oracle:
    """Knows the pictures of a table."""

    image_size = 32

    def __init__(self, table):
        self.class_names = ["neither", *table.class_names]
        self.known = {pixels.numpy().tobytes(): label for pixels, label in zip(table.pixels, table.labels, strict=True)}

    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        pixels = ((x + 1) * 127.5).round().to(torch.uint8)
        answers = torch.stack([self.known[picture.numpy().tobytes()] for picture in pixels]) + 1
        return torch.eye(len(self.class_names))[answers]


def test_truncated_styles_are_nearer_to_their_mean(project):
    model = StyleGAN2Generator.from_pretrained(project / "runs/told/000001/model")
    z, labels = torch.randn(4, 8), torch.tensor([0, 1, 2, 3])
    whole, half, none = (styles(model, z, labels, psi) for psi in (1.0, 0.5, 0.0))
    assert torch.allclose(half, whole / 2, atol=1e-5)  # untrained, its mean style is 0
    assert not none.any()


def test_fewer_bits_cost_what_they_add_to_a_distance_or_take_from_a_quality():
    generator, pose = (publish.KINDS[name] for name in ("StyleGAN2Generator", "PoseRegressor"))

    def table(kind, value: float) -> dict:
        return {"results": {"mammals": {"pictures": 3, kind.quality: {"value": value}}}}

    assert publish.loss(table(generator, 0.1), table(generator, 0.3), generator) == pytest.approx(0.2)
    assert publish.loss(table(pose, 0.9), table(pose, 0.6), pose) == pytest.approx(0.3)


def test_a_generator_is_published_with_its_samples(project, tmp_path, monkeypatch):
    options = ["--dataset", "mammals", "--output", tmp_path, "--bits", "32", "--about", "Draws heads."]
    in_process(project, "publish", "told", "mammals-drawn", *options, "--measure", "--beside", "gan", *MEASURE)
    folder = tmp_path / "mammals-drawn"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "model.safetensors", "samples.webp"
    ]  # fmt: skip
    assert Image.open(folder / "samples.webp").size == (8 * 34 - 2, 16 * 34 - 2)
    card = (folder / "README.md").read_text()
    for said in (
        "right breed (gan)",
        "kernel distance (training pictures)",
        "train_stylegan2.py",
        "licence: apache-2.0",
    ):
        assert said in card
    monkeypatch.syspath_prepend(ROOT / "hub_upload")
    __import__("upload_model").check_model(folder)  # what uploading asks for
    code = card.split("```python\n")[1].split("```")[0].replace('"betwixt/mammals-drawn"', repr(str(folder)))
    exec(compile(code, "card", "exec"), {})
