"""training/convert_stylegan2.py: an official file becomes a folder that draws the same, with the source's licence."""

import hashlib
from pathlib import Path

import nvidia_files as files
import pytest
import torch
import yaml
from conftest import in_process

from betwixt import StyleGAN2Generator

LINK = "https://example.org/license.html"
LICENSE = ["--license", "Nvidia Source Code License-NC", "--license-link", LINK]


@pytest.fixture
def source(tmp_path) -> Path:
    """An official file of a network of 8x8 pictures of two classes."""
    torch.manual_seed(0)
    sizes = {"z_dim": 4, "c_dim": 2, "w_dim": 6, "img_resolution": 8}
    model = StyleGAN2Generator(**sizes, channel_base=32, channel_max=4, conv_clamp=256.0)
    model.mapping.w_avg.normal_()
    channels = {"channel_base": 32, "channel_max": 4, "conv_clamp": 256}
    arguments = {**sizes, "img_channels": 3, "mapping_kwargs": {}, "synthesis_kwargs": channels}
    (tmp_path / "pets.pkl").write_bytes(files.checkpoint(files.generator(model.state_dict(), arguments)))
    return tmp_path / "pets.pkl"


def converted(source: Path, *options: str) -> Path:
    in_process(source.parent, "convert_stylegan2", "--source", "pets.pkl", "--name", "pets", *options)
    return source.parent / "runs" / "converted" / "pets"


def test_a_folder_that_draws_the_same(source, capsys):
    about = ["--title", "Two Pets", "--url", "https://example.org/pets.pkl", "--trained-on", "two pets"]
    folder = converted(source, *LICENSE, *about, "--class-names", "cat", "dog")
    model, loaded = StyleGAN2Generator.from_nvidia(source), StyleGAN2Generator.from_pretrained(folder)
    z, c = torch.randn(2, 4), torch.eye(2)
    assert torch.equal(model(z, c, 0.5), loaded(z, c, 0.5))
    assert loaded.class_names == ["cat", "dog"]
    assert loaded.config["conv_clamp"] == 256
    assert {path.name for path in folder.iterdir()} == {"README.md", "config.json", "model.safetensors"}
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["license"] == "other"
    assert front["license_name"] == "nvidia-source-code-license-nc"
    assert front["license_link"] == LINK
    assert front["pipeline_tag"] == "unconditional-image-generation"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    for part in (
        "# Two Pets",
        f"`pets.pkl` from <https://example.org/pets.pkl> (SHA-256 `{digest}`)",
        f"stay under the licence of the source: [Nvidia Source Code License-NC]({LINK}).",
        "of 2 classes (cat, dog). It was trained on two pets.",
        "equal to the bit to those of the source",
    ):
        assert part in text
    out = capsys.readouterr().out
    assert 'StyleGAN2Generator.from_pretrained("runs/converted/pets")' in out
    assert "hf upload YOU/pets runs/converted/pets . --private" in out


def test_half_precision_says_what_it_costs(source, capsys):
    whole = converted(source, *LICENSE)
    size = (whole / "model.safetensors").stat().st_size
    folder = converted(source, "--license", "cc-by-nc-4.0", "--half")  # again: it takes the other's place
    assert (folder / "model.safetensors").stat().st_size < size
    text = (folder / "README.md").read_text()
    assert "license: cc-by-nc-4.0\nlibrary_name" in text
    assert "stored in half precision" in text
    assert "are within 0.00" in text
    assert "equal to the bit" not in text
    assert [path.name for path in folder.parent.iterdir()] == ["pets"]
    model, loaded = StyleGAN2Generator.from_nvidia(source), StyleGAN2Generator.from_pretrained(folder)
    z, c = torch.randn(2, 4), torch.eye(2)
    assert 0 < (model(z, c) - loaded(z, c)).abs().max() < 0.01 * model(z, c).abs().max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--license", "Nvidia Source Code License-NC"], "--license-link is needed, https://..., for the Hub has no "),
        (["--license", "!", "--license-link", LINK], "--license must name a licence"),
        ([*LICENSE, "--name", "a/b"], "--name must be of letters, digits and . _ - alone, not 'a/b'"),
        ([*LICENSE, "--url", "here"], "--url must begin with https://, not 'here'"),
        ([*LICENSE, "--class-names", "cat"], "pets.pkl: c_dim is 2, and class_names has 1 names"),
        ([*LICENSE, "--source", "none.pkl"], "none.pkl: No such file or directory"),
    ],
)
def test_what_cannot_be_converted_gets_one_line(source, options, message):
    with pytest.raises(SystemExit, match=r"^error: ") as caught:
        converted(source, *options)
    assert message in str(caught.value)
    assert not (source.parent / "runs" / "converted" / "pets").exists()


def test_the_licence_is_never_guessed(source, run_recipe):
    done = run_recipe(source.parent, "convert_stylegan2.py", "--source", "pets.pkl", "--name", "pets", check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("error: required: --license")
