"""Official StyleGAN2-ADA files: equal pictures; of bad ones one clear line, with nothing executed, no memory taken.

The good files are pickled here from reference weights, in the form that the official code gives them.
"""

import builtins
import contextlib
import functools
import io
import json
import os
import pickle
import random
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import nvidia_files as files
import pytest
import torch
from safetensors.torch import save_file

from betwixt import StyleGAN2Generator
from betwixt.hub import HubError

TINY = {"z_dim": 4, "w_dim": 6, "img_resolution": 8, "channel_base": 32, "channel_max": 4, "mapping_layers": 2}
TINY_ARGUMENTS = {
    "z_dim": 4,
    "c_dim": 0,
    "w_dim": 6,
    "img_resolution": 8,
    "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2},
    "synthesis_kwargs": {"channel_base": 32, "channel_max": 4, "num_fp16_res": 0, "conv_clamp": 256},
}
LINE = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
ELSEWHERE = "which does not belong in it: refused, nothing was executed"


@pytest.fixture(params=["uncond", "cond"], scope="module")
def official(request, photos):
    """(arguments, state dict with prefixes, what was computed) of an official network."""
    return files.reference(photos, request.param)


@functools.cache
def tiny_weights(c_dim: int = 0) -> dict[str, torch.Tensor]:
    """An official state dict of a generator of 8x8 pictures."""
    torch.manual_seed(0)
    weights = StyleGAN2Generator(**TINY, c_dim=c_dim).state_dict()
    weights = {name: value.contiguous() for name, value in weights.items()}
    return {**weights, "synthesis.b8.resample_filter": LINE[:, None] * LINE}


def tiny(**changes) -> bytes:
    """An official file of that generator, with other weights; None leaves one out."""
    weights = {**tiny_weights(), **changes}
    kept = {name: value for name, value in weights.items() if value is not None}
    return files.checkpoint(files.generator(kept, TINY_ARGUMENTS))


def tiny_with(group: str | None, **changes) -> bytes:
    """The same with other arguments, in a group of them or at the top."""
    arguments = {**TINY_ARGUMENTS, **(changes if group is None else {group: {**TINY_ARGUMENTS[group], **changes}})}
    return files.checkpoint(files.generator(tiny_weights(), arguments))


def refused(path: Path, content: bytes | None = None) -> str:
    """The line that a file is refused with, less its name."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HubError) as caught:
        StyleGAN2Generator.from_nvidia(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 300
    return message.removeprefix(f"{path}: ")


# Good files


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_pickle_gives_the_official_pictures(official, tmp_path, protocol):
    arguments, weights, expected = official
    g_ema = files.part_with_prefix(weights, "G_ema.")
    content = files.checkpoint(
        files.generator(g_ema, arguments),
        protocol,
        G=files.generator({name: value + 1 for name, value in g_ema.items()}, arguments),
        D=files.part_of(files.part_with_prefix(weights, "D.")),
        augment_pipe=files.part_of({"Hz_geom": torch.ones(12), "p": torch.zeros([])}) if protocol == 4 else None,
    )
    if protocol == 3:  # as older versions of numpy name themselves
        assert b"numpy._core.multiarray" in content
        content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "network.pkl").write_bytes(content)
    before = torch.get_rng_state()
    model = StyleGAN2Generator.from_nvidia(tmp_path / "network.pkl")
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert_equal_to(model, arguments, expected)
    assert model.config["conv_clamp"] == 256


@pytest.mark.parametrize("prefix", ["G_ema.", ""])
@pytest.mark.parametrize("beside", [True, False], ids=["arguments beside", "read off the shapes"])
def test_a_state_dict_gives_the_official_pictures(official, tmp_path, prefix, beside):
    arguments, weights, expected = official
    own = {prefix + name: value for name, value in files.part_with_prefix(weights, "G_ema.").items()}
    if prefix:
        own |= {name: value for name, value in weights.items() if name.startswith("D.")}
    save_file(own, tmp_path / "dogs_weights.safetensors")
    if beside:
        arguments = {**arguments, "synthesis_kwargs": {**arguments["synthesis_kwargs"], "conv_clamp": 300}}
        (tmp_path / "dogs_init_kwargs.json").write_text(json.dumps(arguments))
    model = StyleGAN2Generator.from_nvidia(tmp_path / "dogs_weights.safetensors")
    assert_equal_to(model, arguments, expected)
    assert model.config["conv_clamp"] == (300 if beside else 256)


def assert_equal_to(model: StyleGAN2Generator, arguments: dict, expected: dict[str, torch.Tensor]) -> None:
    c = expected["c"] if arguments["c_dim"] else None
    with torch.inference_mode():
        w = model.mapping(expected["z"], c)
        for image, got in {
            "image_const_noise": model(expected["z"], c),
            "image_no_noise": model.synthesis(w, noise_mode="none"),
            "image_truncated_const_noise": model(expected["z"], c, truncation_psi=0.5, truncation_cutoff=6),
        }.items():
            assert (got - expected[image]).abs().max() < 1e-5 * expected[image].abs().max()


def test_half_precision_and_strides_of_channels_last(tmp_path):
    weights = tiny_weights()
    halved = {name: value.half() for name, value in weights.items()}
    name = "synthesis.b8.conv1.weight"
    turned = {**weights, name: weights[name].to(memory_format=torch.channels_last)}
    assert turned[name].stride() != weights[name].stride()
    for number, (given, exact) in enumerate([(halved, halved), (turned, weights)]):
        (tmp_path / f"{number}.pkl").write_bytes(files.checkpoint(files.generator(given, TINY_ARGUMENTS)))
        loaded = StyleGAN2Generator.from_nvidia(tmp_path / f"{number}.pkl").state_dict()
        assert all(torch.equal(value, exact[key].float()) for key, value in loaded.items())


def test_what_a_file_leaves_out_is_of_the_official_constructor(tmp_path):
    small = {**TINY, "channel_base": 32768, "channel_max": 512, "mapping_layers": 8}
    weights = StyleGAN2Generator(**small).state_dict()
    (tmp_path / "plain.pkl").write_bytes(files.checkpoint(files.generator(weights, {"z_dim": 4, "w_dim": 6})))
    config = StyleGAN2Generator.from_nvidia(tmp_path / "plain.pkl").config
    assert config == {**small, "c_dim": 0, "img_channels": 3, "conv_clamp": None, "class_names": None}
    # A later version has another default, which only its layers tell.
    part = files.part_of(weights, 256, _init_kwargs={"w_dim": 6})
    (tmp_path / "later.pkl").write_bytes(files.checkpoint(part))
    assert StyleGAN2Generator.from_nvidia(tmp_path / "later.pkl").config["conv_clamp"] == 256


def test_classes_have_the_names_that_are_given(tmp_path):
    arguments = {**TINY_ARGUMENTS, "c_dim": 2}
    path = tmp_path / "pets.pkl"
    path.write_bytes(files.checkpoint(files.generator(tiny_weights(c_dim=2), arguments)))
    assert StyleGAN2Generator.from_nvidia(path).class_names == []
    model = StyleGAN2Generator.from_nvidia(path, class_names=["cat", "dog"])
    assert len(model.generate([0], weights={"dog": 1})) == 1
    with pytest.raises(HubError, match="c_dim is 2, and class_names has 1 names"):
        StyleGAN2Generator.from_nvidia(path, class_names=["cat"])


# Files that would run something


def touching(sentinel: Path) -> files.Call:
    return files.Call(os.system, f"touch {sentinel}")


def with_storage(data: bytes, *view) -> bytes:
    """A file of which one weight has the bytes, and is another view of them."""
    return tiny(**{"mapping.fc0.bias": files.Weight(data, *view)})


def zipped(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def arguments_with(value: object) -> bytes:
    return files.checkpoint(files.generator(tiny_weights(), {**TINY_ARGUMENTS, "z_dim": value}))


def line_of(sentinel: Path) -> bytes:
    """A pickle's operations that make a text of a command."""
    text = f"touch {sentinel}".encode()
    return b"X" + struct.pack("<I", len(text)) + text


HARMFUL = {  # name -> (the file, of a path that it would touch; what the line says)
    "os.system": (lambda path: pickle.dumps(touching(path)), f"names posix.system, {ELSEWHERE}"),
    "os.system, protocol 0": (lambda path: pickle.dumps(touching(path), 0), "names posix.system, "),
    "eval": (lambda path: pickle.dumps(files.Call(eval, f"open({str(path)!r}, 'w')")), "names builtins.eval, "),
    "exec": (lambda path: pickle.dumps(files.Call(exec, f"open({str(path)!r}, 'w')")), "names builtins.exec, "),
    "getattr": (lambda path: pickle.dumps(files.Call(getattr, "os", "system")), "names builtins.getattr, "),
    "partial": (lambda path: pickle.dumps(functools.partial(os.system, f"touch {path}")), "names functools.partial, "),
    "subprocess": (
        lambda path: pickle.dumps(files.Call(subprocess.call, ["touch", str(path)])),
        "names subprocess.call, ",
    ),
    "torch.load": (lambda path: pickle.dumps(files.Call(torch.load, str(path))), "names torch.serialization.load, "),
    "in the arguments": (lambda path: arguments_with(touching(path)), "names posix.system, "),
    "deep in the arguments": (
        lambda path: arguments_with([({"a": [files.Call(builtins.list, (touching(path),))]},)]),
        "names builtins.list, ",
    ),
    "beside the networks": (
        lambda path: files.checkpoint(files.generator(tiny_weights(), TINY_ARGUMENTS), augment_pipe=touching(path)),
        "names posix.system, ",
    ),
    "in a storage": (
        lambda path: with_storage(pickle.dumps(touching(path))),
        "mapping.fc0.bias: its storage names posix.sy",
    ),
    "late in a storage": (
        lambda path: with_storage(
            pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(1001) + pickle.dumps(touching(path))
        ),
        "mapping.fc0.bias: its storage names posix.system, ",
    ),
    "a zip in a storage": (
        lambda path: with_storage(zipped(touching(path))),
        "mapping.fc0.bias: its storage is no pickle",
    ),
    "an attribute of what is allowed": (
        lambda path: b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
        "names collections.OrderedDict.__init__, ",
    ),
    "a name through another": (
        lambda path: b"\x80\x04\x8c\x0bcollections\x8c\x10abc.sys.modules\n\x93.",
        r"names collections.abc.sys.modules\n, ",
    ),
    "INST": (lambda path: b"\x80\x02(" + line_of(path) + b"ios\nsystem\n.", "holds the operation INST os system, "),
    "OBJ": (lambda path: b"\x80\x02(cos\nsystem\n" + line_of(path) + b"o.", "names os.system, "),
    "OBJ of what is allowed": (lambda path: b"\x80\x02(ccollections\nOrderedDict\no.", "holds the operation OBJ, "),
    "an extension code": (lambda path: b"\x80\x02\x82\x01.", "holds the operation EXT1 1, "),
    "a persistent id": (lambda path: b"\x80\x02" + line_of(path) + b"Q.", "holds a persistent id, "),
    "a call of text": (lambda path: b"\x80\x02" + line_of(path) + b")R.", "is no pickle, or a damaged one"),
    "state of a dict": (lambda path: b"\x80\x02ccollections\nOrderedDict\n)R}b.", "has nothing, and no G_ema"),
    "state of a list": (lambda path: b"\x80\x02]}b.", "is no pickle, or a damaged one"),
    "keywords": (lambda path: b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "holds the operation NEWOBJ_EX, "),
    "filled OrderedDict": (
        lambda path: b"\x80\x04ccollections\nOrderedDict\n]\x85R.",
        "is no pickle, or a damaged one",
    ),
    "an odd name": (lambda path: b"\x80\x04cos\nsys\xc3\xa9\n.", "is no pickle, or a damaged one"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_is_executed(tmp_path, name):
    make, message = HARMFUL[name]
    assert refused(tmp_path / "network.pkl", make(tmp_path / "sentinel")).startswith(message)
    assert not (tmp_path / "sentinel").exists()


def test_what_is_refused_is_armed(tmp_path):
    (tmp_path / "network.pkl").write_bytes(HARMFUL["os.system"][0](tmp_path / "sentinel"))
    subprocess.run([sys.executable, "-m", "pickle", tmp_path / "network.pkl"], check=True, stdout=subprocess.DEVNULL)
    assert (tmp_path / "sentinel").exists()


# Files that would take memory or time


def laughs(levels: int) -> tuple:
    laugh = ()
    for _ in range(levels):
        laugh = (laugh, laugh)
    return laugh


def with_view(*view) -> bytes:
    """A file of which one weight of 6 numbers says that it is another view of them: offset, size, stride."""
    return with_storage(files.stored(torch.ones(6)), *view)


def of_bytes(operation: bytes, length: int) -> bytes:
    return b"\x80\x04" + operation + length.to_bytes({b"\x8b": 4}.get(operation, 8), "little") + b"few"


HUGE = {  # name -> (the file, what the line says)
    "bytes": (lambda: of_bytes(b"\x8e", 2**62), "is no pickle, or a damaged one"),
    "text": (lambda: of_bytes(b"\x8d", 2**40), "is no pickle, or a damaged one"),
    "a bytearray": (lambda: of_bytes(b"\x96", 2**40), "is no pickle, or a damaged one"),
    "a number": (lambda: of_bytes(b"\x8b", 2**31 - 1), "is no pickle, or a damaged one"),
    "a frame": (lambda: of_bytes(b"\x95", 2**62), "is no pickle, or a damaged one"),
    "a memory": (lambda: b"\x80\x02]r\xff\xff\xff\xff" + b"0" * 10, "holds the operation POP, "),
    "many lists": (lambda: b"\x80\x04(" + b"]" * 2_000_000, "takes over 300,000 operations"),
    "deep lists": (lambda: b"\x80\x04" + b"]" * 140_000 + b"a" * 139_999 + b".", "has nothing, and no G_ema"),
    "laughs": (lambda: arguments_with(laughs(200)), "z_dim must be a whole number from 0 up, not a tuple"),
    "laughs as a key": (
        lambda: pickle.dumps({laughs(15): 1}).replace(b"K\x01s", b"\x86" * 100),
        "is no pickle, or a damaged one",
    ),
    "laughs in a storage": (lambda: with_storage(pickle.dumps(laughs(90), 2)), "takes over 200 operations"),
    "keys that collide": (
        lambda: b"\x80\x04}(" + b"".join(map(colliding, range(70_000))) + b"u.",
        "is no pickle, or a damaged one",
    ),
    "a big number": (lambda: arguments_with(10**6000), "z_dim must be a whole number from 0 up, not a huge number"),
    "z_dim": (lambda: arguments_with(2**30), "z_dim is 1073741824, and the weights are of z_dim 4"),
    "layers": (
        lambda: tiny_with("mapping_kwargs", num_layers=2**30),
        "mapping_kwargs.num_layers is 1073741824, and the weights have 2",
    ),
    "resolution": (
        lambda: tiny_with(None, img_resolution=2**20),
        "img_resolution is 1048576, and the weights are of img_resolution 8",
    ),
    "a view": (lambda: with_view(0, (2**40, 2**10), (1, 1)), "mapping.fc0.bias is no tensor, or a damaged one"),
    "a view that repeats": (lambda: with_view(0, (2**39,), (0,)), "mapping.fc0.bias: a view beyond its 6 numbers"),
    "a view from beyond": (lambda: with_view(1), "mapping.fc0.bias: a view beyond its 6 numbers"),
    "a view that steps beyond": (lambda: with_view(0, (6,), (2,)), "mapping.fc0.bias: a view beyond its 6 numbers"),
    "a storage": (
        lambda: with_storage(files.stored(torch.ones(6)).replace(b"K\x06N", b"\x8a\x06\0\0\0\0\0\x10N")),
        "mapping.fc0.bias: a storage of another length than it says",
    ),
    "one storage for many": (lambda: shared_storage(40), "the weights are said to be more than the file holds"),
    "parts of parts": (lambda: nested_part(8), "is a part of itself, or too deep"),
    "a part twice": (lambda: twice_the_part(), "is a part of itself, or too deep"),
    "weights of many parts": (lambda: many_entries(), "G_ema: has over 10,000 weights and layers"),
    "a long name": (lambda: files.checkpoint(files.part_of({"a" * 10_000: LINE})), "G_ema: aaaa"),
}


def shared_storage(count: int) -> bytes:
    """Many weights of the same numbers: the bytes of one storage, in the pickle's memory."""

    data = files.stored(torch.zeros(100_000))
    weights = {f"fc{number}": files.Weight(data, 0, (100_000,)) for number in range(count)}
    return files.checkpoint(files.Part("Part", _parameters=weights))


def colliding(number: int) -> bytes:
    """A key that Python puts where all its multiples go, and a value."""
    return b"\x8a\x0b" + (number * (2**61 - 1)).to_bytes(11, "little") + b"N"


def nested_part(depth: int) -> bytes:
    part = files.Part("Part", _modules={})
    for _ in range(depth):
        part = files.Part("Part", _modules={"deeper": part})
    return files.checkpoint(part)


def twice_the_part() -> bytes:
    part = files.Part("Part", _modules={})
    return files.checkpoint(files.Part("Part", _modules={"one": part, "two": part}))


def many_entries() -> bytes:
    shared = dict.fromkeys((f"w{number}" for number in range(200)), None)
    parts = {f"p{number}": files.Part("Part", _parameters=shared) for number in range(200)}
    return files.checkpoint(files.Part("Part", _modules=parts))


@contextlib.contextmanager
def at_most(megabytes: int):
    """Whatever asks for more memory than that, used or not, gets a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + megabytes * 2**20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("name", HUGE)
def test_what_a_file_claims_takes_neither_memory_nor_time(tmp_path, name):
    make, message = HUGE[name]
    content = make()
    start = time.process_time()
    with at_most(megabytes=200):
        assert message in refused(tmp_path / "network.pkl", content)
    assert time.process_time() - start < 5


# Damaged files


def test_truncated_anywhere(tmp_path):
    content = tiny()
    step = len(content) // 150
    for length in [*range(1, len(content), step), *range(len(content) - 40, len(content))]:
        assert refused(tmp_path / "network.pkl", content[:length])


def test_mutations_give_a_network_or_a_line(tmp_path):
    """Changed bytes, lost and doubled pieces, and calls put in between: nothing else is raised, nothing executed."""
    dice, content = random.Random(0), tiny()
    sentinel, path = tmp_path / "sentinel", tmp_path / "network.pkl"
    call = b"cposix\nsystem\n" + line_of(sentinel) + b"\x85R"
    counts = {"network": 0, "line": 0}
    for _ in range(400):
        place, end = sorted(dice.sample(range(len(content)), 2))
        end = min(end, place + 200)
        changed = bytes(
            byte ^ (1 << dice.randrange(8)) if dice.random() < 0.02 else byte for byte in content[place:end]
        )
        piece = dice.choice([changed, b"", content[place:end] * 2, call + content[place:end], dice.randbytes(9)])
        path.write_bytes(content[:place] + piece + content[end:])
        try:
            StyleGAN2Generator.from_nvidia(path)
            counts["network"] += 1
        except HubError as error:
            counts["line"] += str(error).count("\n") == 0
    assert not sentinel.exists()
    assert sum(counts.values()) == 400
    assert min(counts.values()) > 10, counts


# Files of another kind


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; get the file anew"),
        (b"\n<!DOCTYPE html><html>...", "is a web page, not a checkpoint; download the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a git-lfs pointer, not the file itself"),
        (zipped({"g_ema": LINE}), "is a zip, as torch.save writes it, not an official .pkl"),
        (files.stored(LINE), "has nothing, and no G_ema: it is no StyleGAN2-ADA checkpoint"),
        (pickle.dumps({"G": 1, "D": 2}), "has G, D, and no G_ema"),
        (pickle.dumps({"G_ema": 1}), "G_ema: it is no network"),
        (
            b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81.",
            "is a TensorFlow checkpoint, not supported; convert it first",
        ),
        (b"just some text\n", "is no pickle, or a damaged one"),
    ],
    ids=["empty", "html", "git-lfs", "zip", "torch", "no G_ema", "no network", "TensorFlow", "text"],
)
def test_other_files_are_told_apart(tmp_path, content, message):
    assert refused(tmp_path / "network.pkl", content).startswith(message)


def test_folders_and_missing_files(tmp_path):
    assert refused(tmp_path).startswith("is a folder")
    assert refused(tmp_path / "none.pkl").startswith("No such file")
    assert refused(Path("/dev/zero")).startswith("is a device or a pipe")
    (tmp_path / "large.pkl").touch()
    os.truncate(tmp_path / "large.pkl", 2_000_000_001)
    assert refused(tmp_path / "large.pkl").startswith("has 2,000,000,001 bytes, and the limit is 2,000,000,000")


def test_stylegan3_is_not_supported(tmp_path):
    weights = {"mapping.w_avg": LINE, "synthesis.input.freqs": LINE, "synthesis.L0_36_512.weight": LINE}
    part = files.part_of(
        weights, out_size=torch.ones(2).numpy(), _init_kwargs={"synthesis_kwargs": {"margin_size": 10}}
    )
    assert refused(tmp_path / "network.pkl", files.checkpoint(part)).startswith("StyleGAN3 is not supported")


# Networks that do not fit


@pytest.mark.parametrize(
    ("group", "field", "value", "message"),
    [
        (None, "z_dim", 5, "z_dim is 5, and the weights are of z_dim 4"),
        (None, "c_dim", 3, "c_dim is 3, and the weights are of c_dim 0"),
        (None, "w_dim", 7, "w_dim is 7, and the weights are of w_dim 6"),
        (None, "w_dim", "6\n6", "w_dim must be a whole number from 0 up, not 6\\n6"),
        (None, "img_resolution", 48, "img_resolution must be a power of 2 from 8 up, not 48"),
        (None, "img_resolution", 16, "img_resolution is 16, and the weights are of img_resolution 8"),
        (None, "img_channels", 1, "img_channels is 1, and the weights are of img_channels 3"),
        (None, "camera", 1, "camera is no argument of an official StyleGAN2-ADA generator"),
        (None, "mapping_kwargs", 1, "mapping_kwargs must be a dict, not 1"),
        ("mapping_kwargs", "num_layers", 3, "mapping_kwargs.num_layers is 3, and the weights have 2"),
        ("mapping_kwargs", "activation", "relu", "mapping_kwargs.activation must be 'lrelu', not relu"),
        ("mapping_kwargs", "lr_multiplier", 0.1, "mapping_kwargs.lr_multiplier must be 0.01, not 0.1"),
        ("mapping_kwargs", "layer_features", 9, "mapping_kwargs.layer_features must be w_dim, 6, not 9"),
        ("synthesis_kwargs", "architecture", "resnet", "synthesis_kwargs.architecture must be 'skip', not resnet"),
        ("synthesis_kwargs", "activation", "swish", "synthesis_kwargs.activation must be 'lrelu', not swish"),
        ("synthesis_kwargs", "use_noise", False, "synthesis_kwargs.use_noise must be True, not False"),
        ("synthesis_kwargs", "resample_filter", [1, 2, 1], "synthesis_kwargs.resample_filter must be [1, 3, 3, 1]"),
        ("synthesis_kwargs", "conv_clamp", -1, "synthesis_kwargs.conv_clamp must be a number over 0, or None, not -1"),
        ("synthesis_kwargs", "channel_base", 64, "channel_base 64 and channel_max 9 give 9 channels at 4x4, and the "),
        ("synthesis_kwargs", "warp", 1, "synthesis_kwargs.warp is no argument of an official StyleGAN2-ADA generator"),
    ],
)
def test_arguments_that_do_not_fit_are_named(tmp_path, group, field, value, message):
    changes = {field: value, **({"channel_max": 9} if field == "channel_base" else {})}
    part = files.generator(tiny_weights(), json.loads(json.dumps(TINY_ARGUMENTS)))
    part.state["_init_kwargs"] = (
        {**TINY_ARGUMENTS, **changes}
        if group is None
        else {**TINY_ARGUMENTS, group: {**TINY_ARGUMENTS[group], **changes}}
    )
    assert refused(tmp_path / "network.pkl", files.checkpoint(part)).startswith(message)


def test_arguments_that_change_nothing_pass(tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(tiny_with("mapping_kwargs", w_avg_beta=0.9, embed_features=3, layer_features=6))
    assert StyleGAN2Generator.from_nvidia(path).w_dim == 6
    path.write_bytes(tiny_with("synthesis_kwargs", resample_filter=(1, 3, 3, 1), num_fp16_res=4, kernel_size=3))
    assert StyleGAN2Generator.from_nvidia(path).w_dim == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mapping.w_avg": None}, "missing weights: mapping.w_avg"),
        ({"synthesis.b4.const": None}, "missing weights (1): synthesis.b4.const"),
        ({"synthesis.b4.conv1.weight": None}, "missing weights: synthesis.b4.conv1.weight"),
        ({"synthesis.b8.extra": LINE}, "weights that the model does not have (1): synthesis.b8.extra"),
        ({"synthesis.b8.conv1.bias": LINE[:3]}, "weights of another shape than its arguments say (1): synthesis.b8"),
        (
            {"mapping.fc1.bias": torch.full((6,), float("nan"))},
            "infinite or not-a-number weights (1): mapping.fc1.bias",
        ),
        ({"mapping.w_avg": LINE[:0]}, "mapping.w_avg is [0], and must have 1 axes"),
        ({"mapping.w_avg": LINE[:, None]}, "mapping.w_avg is [4, 1], and must have 1 axes"),
        (
            {"synthesis.b8.resample_filter": LINE[:, None] * LINE * 2},
            "synthesis.b8.resample_filter must be that of [1, ",
        ),
        ({"mapping.embed.weight": torch.ones(6, 2)}, "mapping.fc0.weight is [6, 4]: it leaves no room for z_dim"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_weights_that_do_not_fit_are_named(tmp_path, changes, message):
    weights = {name: value for name, value in {**tiny_weights(), **changes}.items() if value is not None}
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "network.safetensors")
    assert refused(tmp_path / "network.safetensors").startswith(message)


def test_other_floats_are_taken_where_they_fit(tmp_path):
    name, path = "synthesis.b8.conv1.weight", tmp_path / "network.safetensors"
    for dtype in (torch.float8_e4m3fn, torch.bfloat16, torch.float64):
        weight = tiny_weights()[name].to(dtype)
        save_file({**tiny_weights(), name: weight}, path)
        assert torch.equal(StyleGAN2Generator.from_nvidia(path).state_dict()[name], weight.float())
    save_file({**tiny_weights(), name: weight * 1e300}, path)
    assert refused(path).startswith("infinite or not-a-number weights (1): synthesis.b8.conv1.weight")


def test_a_pickle_with_such_weights(tmp_path):
    assert "infinite" in refused(tmp_path / "a.pkl", tiny(**{"mapping.fc1.bias": torch.full((6,), float("inf"))}))
    assert "mapping.w_avg" in refused(tmp_path / "b.pkl", tiny(**{"mapping.w_avg": None}))
    whole = tiny(**{"mapping.fc1.bias": torch.zeros(6, dtype=torch.int64)})
    assert refused(tmp_path / "c.pkl", whole).startswith("mapping.fc1.bias: its storage names torch.LongStorage, ")


def test_safetensors_that_are_none(tmp_path):
    path = tmp_path / "network.safetensors"
    assert refused(path, tiny()).startswith("is not a readable safetensors file")
    save_file({"other": LINE}, path)
    assert refused(path).startswith("has no weights with the names of an official StyleGAN2 generator")
    save_file({"odd\nname": LINE}, path)
    assert refused(path).startswith("odd\\nname is no name of a weight")
    save_file(tiny_weights(), path)
    (tmp_path / "network_init_kwargs.json").write_text("[1]")
    with pytest.raises(HubError, match=r"network_init_kwargs\.json: must hold a JSON object"):
        StyleGAN2Generator.from_nvidia(path)
    widths = {**tiny_weights(), "synthesis.b8.conv1.weight": torch.ones(3, 4, 3, 3)}
    save_file(widths, tmp_path / "widths.safetensors")
    assert refused(tmp_path / "widths.safetensors").startswith("weights of another shape than its arguments say (")
