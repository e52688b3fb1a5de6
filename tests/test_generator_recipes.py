"""Recipes of generators, a few steps of each, killed and resumed; and the measure of hybrids from end to end."""

import json
from functools import partial

import conftest
import pytest
import safetensors.torch
import torch
from conftest import ROOT
from loop import last_checkpoint
from tables import encode, read_dataset, write_dataset

from betwixt import ImageClassifier

TINY = {
    "train_vae": ["--base-channels", "4", "--latent-dim", "8", "--downsamplings", "3", "--image-size", "32"],
    "train_gan": ["--base-channels", "4", "--max-channels", "8", "--image-size", "32"],
    "train_diffusion": ["--base-channels", "8"],
    "train_stylegan2": [
        "--image-size",
        "32",
        "--channel-base",
        "128",
        "--channel-max",
        "8",
        "--z-dim",
        "8",
        "--w-dim",
        "8",
        "--path-length",
        "2",
    ],
}
COMMON = ["--dataset", "small", "--steps", "6", "--batch-size", "8", "--checkpoint-every", "2"]


def options_of(script: str, name: str) -> list[str]:
    return ["--name", name, *COMMON, *TINY[script]]


@pytest.fixture(params=[*TINY])
def script(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def in_process(small_run):
    """in_process("train_gan", *options) runs a recipe in the folder of `small_run`, without starting Python anew."""
    return partial(conftest.in_process, small_run)


def weights_of(run) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(last_checkpoint(run) / "model" / "model.safetensors")


def test_killed_and_resumed_ends_in_the_same_weights(script, small_run):
    straight, run = conftest.straight_and_killed(small_run, script, lambda name: options_of(script, name))
    straight, resumed = weights_of(straight), weights_of(run)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
    metrics = json.loads((last_checkpoint(run) / "metrics.json").read_text())
    assert 0 <= metrics["copies"] <= 1
    assert list((run / "samples").glob("*.png"))


def test_a_vae_that_is_told_what_a_network_sees(small_run, in_process):
    torch.manual_seed(0)
    for architecture in ("resnet9", "cnn"):
        network = ImageClassifier(architecture=architecture, class_names=["a", "b"], base_channels=4)
        network.save_pretrained(small_run / architecture)
    options = [*options_of("train_vae", "seeing"), "--perceptual", "0.1", "--perceptual-model"]
    with pytest.raises(SystemExit, match="the layers of resnet9, torchvision/squeezenet1_0 can be had, not"):
        in_process("train_vae", *options, str(small_run / "cnn"))
    in_process("train_vae", *options, str(small_run / "resnet9"))
    in_process("train_vae", *options_of("train_vae", "unseeing"))
    seeing, unseeing = (weights_of(small_run / "runs" / name) for name in ("seeing", "unseeing"))
    assert not torch.equal(seeing["decoder.0.weight"], unseeing["decoder.0.weight"])
    assert seeing.keys() == unseeing.keys()  # the network stays where it was


def test_the_plain_dcgan_and_mixed_labels(small_run, in_process):
    for name, more in (("dcgan", ["--preset", "dcgan"]), ("mixed", ["--mixed-labels", "1.0"])):
        in_process("train_gan", *more, *options_of("train_gan", name))
        assert last_checkpoint(small_run / "runs" / name).name == "000006"
    config = json.loads((last_checkpoint(small_run / "runs/dcgan") / "model/config.json").read_text())
    assert config["model_class"] == "ConditionalGAN"


def test_generators_learn(small_run, in_process):
    """Even a tiny one soon knows where the light is: nearer to the pictures than at its beginning."""
    in_process(
        "train_diffusion", "--name", "learns", "--dataset", "small", "--steps", "120", "--batch-size", "16",
        "--checkpoint-every", "60", "--base-channels", "8", "--learning-rate", "0.004", "--ema", "0.9",
    )  # fmt: skip
    first, last = sorted((small_run / "runs/learns").glob("0*"))
    losses = [json.loads((folder / "metrics.json").read_text())["held_out_loss"] for folder in (first, last)]
    assert losses[1] < losses[0] < 1


@pytest.fixture(scope="module")
def measure(small_run, in_process) -> list:
    """The command that measures generators, but for their names; all networks that it needs are trained."""
    for number in range(2):
        in_process(
            "train_multilabel", "--name", f"heads-{number}", "--model", "first", "--dataset", "small",
            "--blends", "400", "--both", "0", "--steps", "40", "--width", "16", "--seed", str(number),
        )  # fmt: skip
    in_process("train_ensemble", "--name", "judges", "--members", "heads-0", "heads-1", "--dataset", "small")
    in_process(
        "train_mix_detector", "--name", "detector", "--dataset", "small", "--spoilt", "0.5", "--steps", "20",
        "--batch-size", "16", "--base-channels", "4", "--checkpoint-every", "20",
    )  # fmt: skip
    in_process("train_autoencoder", "--name", "features", "--dataset", "small", "--steps", "4", "--base-channels", "4")
    in_process("train_vae", *options_of("train_vae", "vae"))
    features = last_checkpoint(small_run / "runs/features") / "model"
    return [
        "evaluate_hybrids", "--dataset", "small", "--judges", "judges", "--guides", "judges", "--detectors", "detector",
        "--features", features, "--count", "12", "--grids", "grids", "--output", "hybrids.json", "--generators",
    ]  # fmt: skip


def test_the_measure_of_hybrids(small_run, in_process, measure):
    """From end to end on small pictures; networks that have learnt so little say nothing about the numbers."""
    in_process(*measure, "vae")
    first = json.loads((small_run / "hybrids.json").read_text())
    first["known"]["noise"]["measured"] = "before"
    first["generators"]["vae"] |= {"weights": "others", "measured": "before"}
    (small_run / "hybrids.json").write_text(json.dumps(first))
    in_process(*measure, "vae", "vae:steered", "vae:alone")
    table = json.loads((small_run / "hybrids.json").read_text())
    assert "measured" not in table["generators"]["vae"]  # of other weights: measured anew
    assert set(table["known"]) == {
        "plain", "neither", "noise", "blur", "mixup", "half", "box", "frequency", "soft", "mask", "three"
    }  # fmt: skip
    assert set(table["generators"]) == {"vae", "vae:steered", "vae:alone"}
    assert table["known"] == first["known"]  # not measured again
    for row in [*table["known"].values(), *table["generators"].values()]:
        assert row["pictures"] > 0
        gates = [row[gate]["value"] for gate in ("both", "real", "new", "one thing")]
        assert row["hybrid"]["value"] <= min(gates)
        assert row["hybrid"]["low"] <= row["hybrid"]["value"] <= row["hybrid"]["high"]
    assert (small_run / "grids/vae.png").exists()


def test_morphs_and_pictures_of_another_dataset_prove_the_measure(small_run, in_process, measure):
    small = read_dataset(str(small_run / "runs/datasets/small"), "test", 32)
    rows = [
        {"image": encode(pixels.permute(1, 2, 0).numpy()), "label": 0, "t": t}
        for pixels, t in zip(small.pixels[:9], [0.1, 0.5, 0.9] * 3, strict=True)
    ]
    write_dataset(small_run / "runs/datasets/between", {"morphs": rows}, small.class_names, "# morphs")
    small_run.joinpath("runs/datasets/more").symlink_to("small")
    named = [*measure, "vae", "--morphs", "between", "--held-out", "small"]
    named[named.index("--dataset") + 1 : named.index("--dataset") + 2] = ["small", "more"]
    named[named.index("hybrids.json")] = "morphs.json"
    in_process(*named)
    known = json.loads((small_run / "morphs.json").read_text())["known"]
    assert (known["morph, half"]["pictures"], known["morph, a quarter"]["pictures"]) == (3, 6)
    assert known["plain"]["pictures"] == 12


def test_steered_needs_guides(in_process, measure, capsys):
    without = measure[: measure.index("--guides")] + measure[measure.index("--guides") + 2 :]
    with pytest.raises(SystemExit) as stopped:
        in_process(*without, "vae", "vae:conjured")
    assert "combine must be one of midpoint, steered" in str(stopped.value)
    without[without.index("hybrids.json")] = "unguided.json"
    with pytest.raises(SystemExit) as stopped:
        in_process(*without, "vae:steered")
    assert str(stopped.value) == "error: vae:steered needs --guides"


def test_publishing_a_generator_and_an_ensemble(small_run, in_process, measure, tmp_path, monkeypatch):
    publishing = ["--dataset", "small", "--output", tmp_path]
    in_process("publish", "judges", "small-judges", *publishing)
    in_process("publish", "vae", "small-vae", *publishing)
    assert "model-index" in (tmp_path / "small-judges" / "README.md").read_text()
    for name in ("small-judges", "small-vae"):
        assert (tmp_path / name / "model.safetensors").stat().st_size < 3_000_000
    generators = {"small-vae": str(tmp_path / "small-vae"), "small-vae:steered": f"{tmp_path / 'small-vae'}:steered"}
    in_process(*measure, *generators.values())
    table = json.loads((small_run / "hybrids.json").read_text())
    table["generators"] = {name: table["generators"][measured] for name, measured in generators.items()}
    (small_run / "named.json").write_text(json.dumps(table))
    samples = next(small_run.glob("grids/*.png"))
    in_process("publish", "vae", "small-vae", *publishing, "--table", "named.json", "--samples", samples)
    with pytest.raises(SystemExit) as stopped:
        in_process("publish", "vae", "small-vae", *publishing, "--table", "named.json", "--bits", "32")
    assert str(stopped.value) == "error: named.json is of other weights of small-vae: measure these first"
    folder = tmp_path / "small-vae"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "model.safetensors", "samples.webp"
    ]  # fmt: skip
    card = (folder / "README.md").read_text()
    for said in ("true hybrids (midpoint)", "true hybrids (steered)", "planted mixes", "train_vae.py", "![Pictures"):
        assert said in card
    monkeypatch.syspath_prepend(ROOT / "hub_upload")
    __import__("upload_model").check_model(folder)  # what uploading asks for
    code = card.split("```python\n")[1].split("```")[0].replace('"betwixt/small-vae"', repr(str(folder)))
    exec(compile(code, "card", "exec"), {})
