"""betwixt.hub: strict checkpoints, and where a name is found without a Hub."""

import json
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from betwixt import StyleGAN2Generator
from betwixt.hub import SMALL, HubError, PretrainedMixin, in_rows, locate, of_rows, redact, resolve


class Net(PretrainedMixin, nn.Module):
    def __init__(self, *, width: int = 4, sizes: list[int] = (3, 2), name: str = "net", scale: float | None = None):
        super().__init__()
        assert type(sizes) is list
        self.layers = nn.Sequential(nn.Linear(width, sizes[0]), nn.BatchNorm1d(sizes[0]))


class WiderNet(Net):
    def __init__(self, *, factor: int):
        super().__init__(width=4 * factor)


class OtherNet(Net):
    pass


class ForeignForm(PretrainedMixin, nn.Module):
    """Keeps its weights without a prefix and adds keys that another library reads."""

    def __init__(self, *, width: int):
        super().__init__()
        self.inner = nn.Linear(width, 2)

    def _config_to_save(self):
        return {**self.config, "num_features": self.config["width"]}

    @classmethod
    def _arguments_from_config(cls, config):
        return {key: value for key, value in config.items() if key != "num_features"}

    def _weights_to_save(self):
        return self.inner.state_dict()

    def _load_weights(self, weights):
        self.inner.load_state_dict(weights)


def equal(first: nn.Module, second: nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


# Saving and loading


def test_constructor_arguments_are_recorded():
    assert Net(width=5).config == {"width": 5, "sizes": [3, 2], "name": "net", "scale": None}
    assert Net(sizes=(6, 1)).config["sizes"] == [6, 1]
    assert WiderNet(factor=2).config == {"factor": 2}
    assert OtherNet(scale=0.5).config["scale"] == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        {"width": torch.tensor(4)},
        {"name": Path("net")},
        {"scale": float("nan")},
        {"sizes": {1: 2}},
        {"sizes": {1, 2}},
    ],
)
def test_arguments_that_are_not_json_are_refused(arguments):
    with pytest.raises(TypeError, match=f"argument {next(iter(arguments))} must be plain JSON"):
        Net(**arguments)


def test_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="depth"):
        Net(depth=3)


def test_constructors_that_cannot_be_recorded_are_refused():
    with pytest.raises(TypeError, match="keyword-only"):

        class Positional(PretrainedMixin, nn.Module):
            def __init__(self, width): ...

    with pytest.raises(TypeError, match="options must be keyword-only"):

        class Open(PretrainedMixin, nn.Module):
            def __init__(self, **options): ...


@pytest.mark.parametrize("net", [Net(width=5, sizes=(7, 1)), WiderNet(factor=3), OtherNet(), ForeignForm(width=3)])
def test_saved_and_loaded_is_equal_to_the_bit(net, tmp_path):
    assert net.save_pretrained(tmp_path / "a") == tmp_path / "a"
    torch.manual_seed(5)
    state = torch.get_rng_state()
    loaded = type(net).from_pretrained(tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), state)
    assert equal(net, loaded)
    assert loaded.config == net.config
    assert not loaded.training
    loaded.save_pretrained(str(tmp_path / "b"))
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_float16_halves_the_file_and_loads_as_float32(tmp_path):
    net = Net(width=400)
    net.layers[0].weight.data.clamp_(-1, 1)
    net.save_pretrained(tmp_path / "full")
    net.save_pretrained(tmp_path / "half", torch.float16)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.7 * sizes[0]
    stored = safetensors.torch.load_file(tmp_path / "half" / "model.safetensors")
    assert stored["layers.0.weight"].dtype == torch.float16
    assert stored["layers.1.num_batches_tracked"].dtype == torch.int64
    loaded = Net.from_pretrained(tmp_path / "half")
    assert loaded.layers[0].weight.dtype == torch.float32
    assert torch.equal(loaded.layers[0].weight, net.layers[0].weight.half().float())
    with pytest.raises(ValueError, match="dtype"):
        net.save_pretrained(tmp_path / "half", torch.bfloat16)


def test_eight_bits_keep_each_row_to_a_step(tmp_path):
    net = Net(width=SMALL // 3 + 1)
    weight = net.layers[0].weight.data
    weight[0] *= 1e-6
    weight[1] = 0
    net.save_pretrained(tmp_path / "half", torch.float16)
    net.save_pretrained(tmp_path / "bytes", torch.int8)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "bytes")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = Net.from_pretrained(tmp_path / "bytes")
    assert loaded.layers[0].weight.dtype == torch.float32
    error = (loaded.layers[0].weight - weight).abs().amax(1)
    assert (error <= weight.abs().amax(1) / 127).all()
    assert torch.equal(loaded.layers[0].bias, net.layers[0].bias.half().float())  # of one axis
    loaded.save_pretrained(tmp_path / "again", torch.int8)
    assert equal(Net.from_pretrained(tmp_path / "again"), loaded)


def test_eight_bits_keep_the_sums_and_lengths_of_rows():
    rows = torch.randn(9, 20, 20, generator=torch.Generator().manual_seed(0)).pow(3)  # most are small
    rows[3] = 0
    stored = in_rows("rows", rows)
    assert (stored["rows"].dtype, stored["rows"].shape) == (torch.int8, rows.shape)
    back, rows = of_rows(stored, Path("file"))["rows"].flatten(1), rows.flatten(1)
    step = rows.abs().amax(1) / 127
    assert ((back - rows).sum(1).abs() <= step).all()
    nearest = (rows / step.where(step > 0, 1)[:, None]).round() * step[:, None]
    assert ((nearest - rows).sum(1).abs() > step).any()  # as others would be kept
    assert torch.allclose(back.norm(dim=1), rows.norm(dim=1), rtol=1e-3)


def test_eight_bits_of_any_layout_of_memory(tmp_path):
    weight = torch.randn(8, 4, 3, 3)
    plain, stored = (in_rows("w", tensor) for tensor in (weight, weight.contiguous(memory_format=torch.channels_last)))
    assert all(torch.equal(plain[name], tensor) and tensor.is_contiguous() for name, tensor in stored.items())
    StyleGAN2Generator(z_dim=8, w_dim=8, img_resolution=16, channel_base=1024, channel_max=64).save_pretrained(
        tmp_path, torch.int8
    )
    assert StyleGAN2Generator.from_pretrained(tmp_path).image_size == 16


@pytest.mark.parametrize(("rows", "expected"), [(7, torch.float16), (8, torch.int8)])
def test_eight_bits_spare_small_tensors(rows, expected, tmp_path):
    net = Net(width=SMALL // 8, sizes=[rows])
    net.save_pretrained(tmp_path, torch.int8)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert stored["layers.0.weight"].dtype == expected
    assert ("layers.0.weight:scale" in stored) == (expected == torch.int8)
    weight = Net.from_pretrained(tmp_path).layers[0].weight
    assert torch.equal(weight, net.layers[0].weight.half().float()) == (expected == torch.float16)


def test_small_tensors_in_eight_bits_load(tmp_path):
    """As they were stored once."""
    net = Net(width=5)
    net.save_pretrained(tmp_path, torch.float16)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    whole, scale = torch.arange(-7, 8, dtype=torch.int8).view(3, 5), torch.tensor([0.5, 2.0, 0.0])
    stored |= {"layers.0.weight": whole, "layers.0.weight:scale": scale}
    safetensors.torch.save_file(stored, tmp_path / "model.safetensors")
    loaded = Net.from_pretrained(tmp_path).layers[0]
    assert torch.equal(loaded.weight, whole * scale[:, None])
    assert torch.equal(loaded.bias, net.layers[0].bias.half().float())


def test_saving_again_leaves_the_card_and_no_rubbish(tmp_path):
    (tmp_path / "README.md").write_text("a card")
    Net().save_pretrained(tmp_path)
    new = Net(width=9)
    new.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "a card"
    assert sorted(os.listdir(tmp_path)) == ["README.md", "config.json", "model.safetensors"]
    assert equal(Net.from_pretrained(tmp_path), new)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weights_that_could_not_be_loaded_are_not_saved(value, tmp_path):
    net = Net()
    net.save_pretrained(tmp_path, torch.float16)
    before = (tmp_path / "model.safetensors").read_bytes()
    net.layers[0].weight.data[0, 0] = value
    with pytest.raises(HubError, match=r"model.safetensors: not written.*layers.0.weight"):
        net.save_pretrained(tmp_path, torch.float16)
    assert (tmp_path / "model.safetensors").read_bytes() == before


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def edit_config(**changes):
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | changes
        config = {key: value for key, value in config.items() if value != "drop"}
        (folder / "config.json").write_text(json.dumps(config))

    return edit


def edit_weights(**changes):
    def edit(folder: Path) -> None:
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        weights |= {name.replace("__", "."): value for name, value in changes.items()}
        weights = {name: value for name, value in weights.items() if value is not None}
        safetensors.torch.save_file(weights, folder / "model.safetensors")

    return edit


def write(name: str, content: bytes):
    return lambda folder: (folder / name).write_bytes(content)


def pickled(folder: Path) -> None:
    torch.save({"layers.0.weight": Bomb()}, folder / "model.safetensors")


def old_pickle(folder: Path) -> None:
    torch.save({"layers.0.weight": Bomb()}, folder / "model.safetensors", _use_new_zipfile_serialization=False)


def renamed(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-5])


FAULTS = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json: is missing"),
    "no weights": (
        renamed,
        "model.safetensors: is missing; pytorch_model.bin may be a pickle and is not read",
    ),
    "config not JSON": (write("config.json", b"{width:"), "config.json: is not readable JSON"),
    "config not text": (write("config.json", b"\xff\x00"), "config.json: is not readable JSON"),
    "config a list": (write("config.json", b"[]"), "config.json: must hold a JSON object, not a list"),
    "config too deep": (write("config.json", b"[" * 200_000), "config.json: is not readable JSON"),
    "other class": (
        edit_config(model_class="OtherNet"),
        "is the config of a OtherNet, and Net was asked to load it",
    ),
    "no class": (edit_config(model_class="drop"), "config.json: names no model_class"),
    "unknown argument": (edit_config(depth=3), "config.json: unknown arguments of Net (1): depth"),
    "missing argument": (edit_config(width="drop"), "config.json: missing arguments of Net (1): width"),
    "argument of another type": (edit_config(width="wide"), "config.json: Net refuses it (TypeError"),
    "missing weight": (edit_weights(layers__0__bias=None), "missing weights (1): layers.0.bias"),
    "extra weights": (
        edit_weights(a=torch.ones(1), b=torch.ones(1), c=torch.ones(1), d=torch.ones(1)),
        "weights that the model does not have (4): a, b, c and 1 more",
    ),
    "wrong shape": (edit_weights(layers__0__bias=torch.ones(8)), "layers.0.bias is [8], not [3]"),
    "wrong kind": (
        edit_weights(layers__0__bias=torch.ones(3).long()),
        "layers.0.bias is torch.int64, not torch.float32",
    ),
    "not finite": (
        edit_weights(layers__0__bias=torch.ones(3) / 0),
        "infinite or not-a-number weights (1): layers.0.bias",
    ),
    "scale of nothing": (
        edit_weights(**{"layers__0__weight:scale": torch.ones(3)}),
        "layers.0.weight:scale is not the scale of a tensor's rows",
    ),
    "pickle": (pickled, "model.safetensors: is no safetensors file but a pickle; it was not executed"),
    "old pickle": (old_pickle, "model.safetensors: is no safetensors file but a pickle; it was not executed"),
    "empty": (write("model.safetensors", b""), "model.safetensors: is not a readable safetensors file"),
    "text": (
        write("model.safetensors", b"<html>404</html>"),
        "model.safetensors: is not a readable safetensors file",
    ),
    "truncated": (truncated, "model.safetensors: is not a readable safetensors file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_checkpoint_names_file_and_fault(fault, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Net().save_pretrained("checkpoint")
    breaking, message = FAULTS[fault]
    breaking(tmp_path / "checkpoint")
    with pytest.raises(HubError) as caught:
        Net.from_pretrained("checkpoint")
    assert message in str(caught.value)
    assert str(caught.value).startswith("checkpoint/")
    assert "\n" not in str(caught.value)
    assert not Path("executed").exists()


def test_killed_between_the_two_files_is_an_error_not_a_mixture(tmp_path, monkeypatch):
    Net(width=4).save_pretrained(tmp_path)
    replace, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            Net(width=8).save_pretrained(tmp_path)
    with pytest.raises(HubError, match=r"config\.json: is missing"):
        Net.from_pretrained(tmp_path)


# Where a name is found, without a Hub


def test_existing_folder_wins_over_a_hub_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Net(width=7).save_pretrained("someone/net")
    assert Net.from_pretrained("someone/net").config["width"] == 7
    assert resolve("someone/net") == Path("someone/net")


@pytest.mark.parametrize(
    "name",
    [
        "./net",
        "../net",
        "/tmp/no/net",
        "~/no-such-net",
        "runs/net/100",
        "runs/net/",
        "a\\b",
        "net.safetensors",
        "C:net",
    ],
)
def test_path_that_does_not_exist_is_never_a_hub_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HubError, match="there is no such folder"):
        resolve(name)


def test_names_that_are_neither(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    for name, message in {
        "file": "is a file; give the folder",
        Path("someone/net"): "there is no such folder",
        "net@v1": "a revision needs a namespace",
        "a/b@": "the revision after @ is empty",
        "a b/c": "not a valid Hub name",
    }.items():
        with pytest.raises(HubError, match=message):
            resolve(name)


def test_locate_looks_into_betwixt_hub_first_then_into_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("BETWIXT_NAMESPACE", raising=False)
    monkeypatch.setenv("BETWIXT_HUB", str(tmp_path))
    (tmp_path / "models" / "net").mkdir(parents=True)
    (tmp_path / "datasets" / "pictures").mkdir(parents=True)
    assert locate("net") == tmp_path / "models" / "net"
    assert locate("pictures") == locate("pictures", "dataset") == tmp_path / "datasets" / "pictures"
    with pytest.raises(HubError) as caught:
        locate("pictures", "model")
    embedded = Path(__file__).parents[1] / "hub_upload" / "models" / "pictures"
    assert str(tmp_path / "models" / "pictures") in str(caught.value)
    assert str(embedded) in str(caught.value)
    assert "BETWIXT_NAMESPACE" in str(caught.value)
    for name in ("..", "../net", "a/b", ""):
        with pytest.raises(HubError, match="not a published name"):
            locate(name)


def test_redact():
    text = redact("Bearer hf_abcDEF123 and own-token", "own-token")
    assert "abcDEF123" not in text
    assert "own-token" not in text
