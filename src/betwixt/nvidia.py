"""Official StyleGAN2-ADA networks, read from a `.pkl`, of which nothing is executed, or from safetensors.

An official `.pkl` (of Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data") is a pickle of
{"G", "D", "G_ema", ...}. Each network and each part of one is a call, whose argument holds source code, never executed
here, and the part's state: its tensors, its own parts and the arguments that it was made with. Of all this only the
tensors and arguments of G_ema, the generator with averaged weights, are read.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from betwixt import pickles
from betwixt.hub import HubError, check_weights, read_json
from betwixt.pickles import Call, shown
from betwixt.stylegan2 import StyleGAN2Generator, sides_of

MOST_BYTES = 2_000_000_000  # of a file; an official one of 1024 pixels has 0.4e9
MOST_OPERATIONS = 300_000  # of a pickle; an official one has some ten thousands
DEEPEST = 6  # parts of parts; official generators have 4
MOST_ENTRIES = 10_000  # weights and parts; an official generator has some hundreds

PART = "torch_utils.persistence._reconstruct_persistent_obj"
SCALARS = ["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"]
ARRAYS = ["numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.ndarray"]  # StyleGAN3's
NAMES = {
    **dict.fromkeys([PART, *pickles.TENSORS, *SCALARS, *ARRAYS, "builtins.set"], Call),
    **dict.fromkeys(["collections.OrderedDict", "dnnlib.util.EasyDict"], dict),
}
# Arguments of the official constructor that must be what `StyleGAN2Generator` is built as
FIXED = {
    "mapping_kwargs": {"activation": ("lrelu",), "lr_multiplier": (0.01,)},
    "synthesis_kwargs": {
        "architecture": ("skip",),
        "activation": ("lrelu",),
        "use_noise": (True,),
        "kernel_size": (3,),
        "resample_filter": ([1, 3, 3, 1], (1, 3, 3, 1)),
    },
}
# and those that matter to training or to speed alone
LEFT_OUT = {
    "mapping_kwargs": ("w_avg_beta",),
    "synthesis_kwargs": ("num_fp16_res", "use_fp16", "fp16_channels_last", "fused_modconv_default"),
}
SIZES = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")
READ = {
    "mapping_kwargs": ("num_layers", "embed_features", "layer_features"),
    "synthesis_kwargs": ("channel_base", "channel_max", "conv_clamp"),
}
CHANNEL_BASE, CHANNEL_MAX, MAPPING_LAYERS = 32768, 512, 8  # of the official constructor, where a file does not say
CONV_CLAMP = 256.0  # what the official training sets; of weights alone it cannot be told
ARGUMENTS_FILE = "_init_kwargs.json"


@dataclass(frozen=True, eq=False)
class Network:
    """What a file says of a generator.

    Args:
        path: of the file.
        arguments: of the official constructor; None: the file does not say.
        weights: by their official names.
        conv_clamp: as its layers have it, a set of one value; empty: the file does not say.
    """

    path: Path
    arguments: dict | None
    weights: dict[str, torch.Tensor]
    conv_clamp: frozenset


def read(path: str | os.PathLike) -> Network:
    """What an official `.pkl`, or its state dict as safetensors, says of its generator; nothing of it is executed.

    A state dict has names as `synthesis.b4.const`, or these with the prefix `G_ema.`, and then what has another prefix
    is not read. Beside `NAME.safetensors` or `NAME_weights.safetensors`, `NAME_init_kwargs.json` may hold the arguments
    of the official constructor. Memory is bounded by a few times the size of the file, whatever it claims.

    Raises:
        HubError: no such file, or it is too large, another kind of file, damaged, or names what it should not.
    """
    path = Path(path)
    try:
        _check_kind(path)
        return _of_safetensors(path) if path.suffix == ".safetensors" else _of_pickle(path)
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise HubError(f"{path}: {reason}") from None


def generator_of(network: Network, class_names: list[str] | None = None) -> StyleGAN2Generator:
    """The generator, in eval mode, on the CPU, in float32; the random state is left as it was.

    Args:
        class_names: what its classes are called, which no file says.

    Raises:
        HubError: another architecture, arguments that do not suit the weights, weights that are missing, unknown, of
            another shape or not finite, or not as many names as classes.
    """
    try:
        arguments = arguments_of(network)
        weights = _without_filters(network.weights)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            expected = StyleGAN2Generator(**arguments).state_dict()
        check_weights(weights, expected, network.path, "its arguments say")
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            model = StyleGAN2Generator(**arguments, class_names=class_names)
    except ValueError as error:
        raise HubError(f"{network.path}: {error}") from None
    model.load_state_dict(weights)
    return model.eval()


# What kind of file


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise ValueError("is a folder, not a .pkl or .safetensors; a converted one loads with from_pretrained")
    if path.exists() and not path.is_file():
        raise ValueError("is a device or a pipe, not a file")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"has {size:,} bytes, and the limit is {MOST_BYTES:,}")
    with open(path, "rb") as file:
        start = file.read(200)
    if not start:
        raise ValueError("is empty; get the file anew")
    if start.lstrip().startswith(b"<"):
        raise ValueError("is a web page, not a checkpoint; download the file itself")
    if start.startswith(b"version https://git-lfs"):
        raise ValueError("is a git-lfs pointer, not the file itself; get it with `git lfs pull`")
    if start.startswith(b"PK"):
        raise ValueError("is a zip, as torch.save writes it, not an official .pkl; nothing was executed")


# Safetensors


def _of_safetensors(path: Path) -> Network:
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"is not a readable safetensors file ({shown(str(error))})") from None
    if odd := [name for name in stored if not re.fullmatch(r"[\w.]{1,200}", name, re.ASCII)]:
        raise ValueError(f"{shown(odd[0])} is no name of a weight")
    own = {name.removeprefix("G_ema."): value for name, value in stored.items() if name.startswith("G_ema.")}
    beside = path.with_name(path.stem.removesuffix("_weights") + ARGUMENTS_FILE)
    arguments = read_json(beside) if beside.is_file() else None
    return Network(path, arguments, own or stored, frozenset())


# Pickles


def _of_pickle(path: Path) -> Network:
    data = path.read_bytes()
    try:
        content = pickles.read(io.BytesIO(data), NAMES, MOST_OPERATIONS)
    except pickles.RefusedError as error:
        if "dnnlib.tflib" in str(error):
            raise ValueError(
                "is a TensorFlow checkpoint, not supported; convert it first, with legacy.py of NVIDIA's "
                "stylegan2-ada-pytorch; nothing was executed"
            ) from None
        raise
    if type(content) is not dict or "G_ema" not in content:
        found = f"has {', '.join(map(shown, [*content][:5]))}" if type(content) is dict and content else "has nothing"
        raise ValueError(f"{found}, and no G_ema: it is no StyleGAN2-ADA checkpoint")
    tensors, conv_clamp, arguments = _gathered(content["G_ema"])
    left, weights = len(data), {}
    for name, value in tensors.items():
        weights[name], taken = pickles.tensor(value, name)
        left -= taken
        if left < 0:
            raise ValueError(f"{name}: the weights are said to be more than the file holds")
    return Network(path, arguments, weights, conv_clamp)


def _gathered(network: object) -> tuple[dict[str, object], frozenset, dict | None]:
    """A network's tensors by name, still as calls; the layers' conv_clamp; and the arguments that it was made with."""
    tensors, conv_clamp, pending, seen, entries = {}, set(), [("", network)], set(), 0
    while pending:
        prefix, part = pending.pop()
        if id(part) in seen or prefix.count(".") > DEEPEST:
            raise ValueError(f"G_ema: {prefix or 'it'} is a part of itself, or too deep")
        seen.add(id(part))
        state = _state(part, prefix)
        if "conv_clamp" in state:
            conv_clamp.add(_bound(state["conv_clamp"], f"{prefix}conv_clamp"))
        for kind in ("_parameters", "_buffers", "_modules"):
            for name, value in _dict(state.get(kind, {}), prefix + kind).items():
                entries += 1
                if entries > MOST_ENTRIES:  # many parts may share what they hold
                    raise ValueError(f"G_ema: has over {MOST_ENTRIES:,} weights and layers")
                if not re.fullmatch(r"\w{1,40}", f"{name}", re.ASCII):
                    raise ValueError(f"G_ema: {prefix}{shown(name)} is no name of a weight or a layer")
                if value is not None and kind == "_modules":
                    pending.append((f"{prefix}{name}.", value))
                elif value is not None:
                    tensors[f"{prefix}{name}"] = value
    arguments = _state(network, "").get("_init_kwargs")
    return tensors, frozenset(conv_clamp), None if arguments is None else _dict(arguments, "_init_kwargs")


def _state(part: object, prefix: str) -> dict:
    meta = pickles.arguments(part, PART, 1, f"G_ema: {prefix or 'it'} is no network")[0]
    return _dict(_dict(meta, f"G_ema: {prefix}meta").get("state"), f"G_ema: {prefix}state")


def _dict(value: object, what: str) -> dict:
    if type(value) is not dict:
        raise ValueError(f"{what} must be a dict, not {shown(value)}")
    return value


# Arguments and weights


def arguments_of(network: Network) -> dict:
    """What `StyleGAN2Generator` is to be made with: read off the weights, and what the file says must agree.

    A file of weights alone does not say `conv_clamp`: 256 is taken, which the official training sets.

    Raises:
        ValueError: an argument of another architecture, or one that does not suit the weights; it is named.
    """
    if any(re.match(r"synthesis\.(input\.|L\d+_)", name) for name in network.weights):
        raise ValueError("StyleGAN3 is not supported; StyleGAN2 is, and StyleGAN2-ADA")
    given = {} if network.arguments is None else network.arguments
    mapping, synthesis = (_known(given, group) for group in FIXED)
    if "img_resolution" in given:
        sides_of(_whole(given["img_resolution"], "img_resolution"))
    sizes, widths = _sizes_of(network.weights)
    for field in SIZES:
        if field in given and _whole(given[field], field) != sizes[field]:
            raise ValueError(f"{field} is {given[field]}, and the weights are of {field} {sizes[field]}")
    layers = _whole(mapping.get("num_layers", MAPPING_LAYERS), "mapping_kwargs.num_layers")
    if network.arguments is not None and layers != sizes["mapping_layers"]:
        raise ValueError(f"mapping_kwargs.num_layers is {layers}, and the weights have {sizes['mapping_layers']}")
    for field in ("layer_features", *(["embed_features"] if sizes["c_dim"] else [])):
        if mapping.get(field) not in (None, sizes["w_dim"]):
            raise ValueError(f"mapping_kwargs.{field} must be w_dim, {sizes['w_dim']}, not {shown(mapping[field])}")
    channels = _channels(widths) if network.arguments is None else _channels_given(synthesis, widths)
    return {**sizes, **channels, "conv_clamp": _conv_clamp(network, synthesis)}


def _known(given: Mapping, group: str) -> dict:
    """One group of the arguments, none of them unknown or of another architecture."""
    for field in given:
        if field not in (*SIZES, *FIXED):
            raise ValueError(f"{shown(field)} is no argument of an official StyleGAN2-ADA generator")
    arguments = _dict(given.get(group, {}), group)
    for field, value in arguments.items():
        if field in FIXED[group]:
            if not any(type(value) is type(own) and value == own for own in FIXED[group][field]):
                raise ValueError(f"{group}.{field} must be {FIXED[group][field][0]!r}, not {shown(value)}")
        elif field not in LEFT_OUT[group] and field not in READ[group]:
            raise ValueError(f"{group}.{shown(field)} is no argument of an official StyleGAN2-ADA generator")
    return arguments


def _sizes_of(weights: Mapping[str, torch.Tensor]) -> tuple[dict[str, int], dict[int, int]]:
    """The sizes of a generator, and its channels by side, from the shapes of its weights."""
    shape = {name: value.shape for name, value in weights.items()}
    widths = {}
    for name in shape:
        if found := re.fullmatch(r"synthesis\.b(\d{1,5})\.conv1\.weight", name, re.ASCII):
            widths[int(found[1])] = _size(shape, name, 4, 0)
    if not widths:
        raise ValueError(
            "has no weights with the names of an official StyleGAN2 generator, as synthesis.b4.conv1.weight"
        )
    side = max(widths)
    if missing := [each for each in sides_of(side) if each not in widths]:
        raise ValueError(f"missing weights: synthesis.b{missing[0]}.conv1.weight")
    c_dim = _size(shape, "mapping.embed.weight", 2, 1) if "mapping.embed.weight" in shape else 0
    of_classes = _size(shape, "mapping.embed.weight", 2, 0) if c_dim else 0
    sizes = {
        "z_dim": _size(shape, "mapping.fc0.weight", 2, 1) - of_classes,
        "c_dim": c_dim,
        "w_dim": _size(shape, "mapping.w_avg", 1, 0),
        "img_resolution": side,
        "img_channels": _size(shape, f"synthesis.b{side}.torgb.weight", 4, 0),
        "mapping_layers": sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in shape),
    }
    if sizes["z_dim"] < 1:
        raise ValueError(f"mapping.fc0.weight is {[*shape['mapping.fc0.weight']]}: it leaves no room for z_dim")
    return sizes, widths


def _size(shape: Mapping[str, torch.Size], name: str, axes: int, axis: int) -> int:
    if name not in shape:
        raise ValueError(f"missing weights: {name}")
    if len(shape[name]) != axes or 0 in shape[name]:
        raise ValueError(f"{name} is {[*shape[name]]}, and must have {axes} axes")
    return shape[name][axis]


def _channels(widths: Mapping[int, int]) -> dict[str, int]:
    """channel_base and channel_max that give the channels of each side."""
    most = max(widths.values())
    base = max(width * side for side, width in widths.items())
    return _checked_channels(base, most, widths)


def _channels_given(synthesis: Mapping, widths: Mapping[int, int]) -> dict[str, int]:
    base = _whole(synthesis.get("channel_base", CHANNEL_BASE), "synthesis_kwargs.channel_base")
    most = _whole(synthesis.get("channel_max", CHANNEL_MAX), "synthesis_kwargs.channel_max")
    return _checked_channels(base, most, widths)


def _checked_channels(base: int, most: int, widths: Mapping[int, int]) -> dict[str, int]:
    for side, width in sorted(widths.items()):
        if min(base // side, most) != width:
            raise ValueError(
                f"channel_base {base} and channel_max {most} give {min(base // side, most)} channels at {side}x{side}, "
                f"and the weights have {width}"
            )
    return {"channel_base": base, "channel_max": most}


def _conv_clamp(network: Network, synthesis: Mapping) -> float | None:
    """As the layers have it, which knows the defaults of their version; else as the arguments say, or the default."""
    own = set(network.conv_clamp)
    if "conv_clamp" in synthesis:
        own.add(_bound(synthesis["conv_clamp"], "synthesis_kwargs.conv_clamp"))
    if len(own) > 1:
        raise ValueError(f"synthesis_kwargs.conv_clamp is one of {', '.join(map(str, own))} in different places")
    return own.pop() if own else CONV_CLAMP if network.arguments is None else None


def _bound(value: object, field: str) -> float | None:
    if value is not None and not (type(value) in (int, float) and 0 < value < 1e30):
        raise ValueError(f"{field} must be a number over 0, or None, not {shown(value)}")
    return None if value is None else float(value)


def _whole(value: object, field: str) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(f"{field} must be a whole number from 0 up, not {shown(value)}")
    return value


def _without_filters(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights alone: the filters between sides, which official networks store, are those of any such network."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kept = {}
    for name, value in weights.items():
        if not name.endswith("resample_filter"):
            kept[name] = value
        elif value.shape != (4, 4) or not torch.allclose(value.float(), line[:, None] * line, atol=1e-6):
            raise ValueError(f"{name} must be that of [1, 3, 3, 1] in both directions")
    return kept
