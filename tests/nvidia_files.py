"""Files as the official StyleGAN2-ADA code writes them: its networks pickle themselves by a call that it defines."""

import collections
import contextlib
import json
import pickle
import pickletools
import sys
import types
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

SOURCE = "raise SystemExit('module_src was executed')\n"  # stands for the source code that each part carries


class EasyDict(dict):
    """As the official one: a dict whose items are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _reconstruct_persistent_obj(meta):
    raise AssertionError("called")


class Part:
    """A network, or a part of one, that pickles as the official ones do."""

    def __init__(self, class_name: str, **state):
        self.class_name, self.state = class_name, state

    def __reduce__(self):
        meta = {
            "type": "class",
            "version": 6,
            "module_src": SOURCE,
            "class_name": self.class_name,
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,), None


@contextlib.contextmanager
def official_modules():
    """While it lasts, the names are importable, as pickling needs them."""
    homes = {"torch_utils.persistence": _reconstruct_persistent_obj, "dnnlib.util": EasyDict}
    for name, held in homes.items():
        module = types.ModuleType(name)
        setattr(module, held.__name__, held)
        held.__module__ = name
        sys.modules[name.split(".")[0]], sys.modules[name] = types.ModuleType(name.split(".")[0]), module
    try:
        yield
    finally:
        for name in homes:
            del sys.modules[name], sys.modules[name.split(".")[0]]


def part_of(weights: dict[str, torch.Tensor], conv_clamp=None, **state) -> Part:
    """Nested parts of a state dict; buffers are what the official networks register as such."""
    own = {name: value for name, value in weights.items() if "." not in name}
    buffers = {name for name in own if name in ("w_avg", "noise_const", "resample_filter")}
    below = collections.defaultdict(dict)
    for name, value in weights.items():
        if "." in name:
            first, rest = name.split(".", 1)
            below[first][rest] = value
    if "noise_const" in buffers:
        state |= {"conv_clamp": conv_clamp, "activation": "lrelu", "act_gain": np.sqrt(2)}
    return Part(
        "Part",
        training=False,
        _parameters=collections.OrderedDict(
            (name, _parameter(value)) for name, value in own.items() if name not in buffers
        ),
        _buffers=collections.OrderedDict((name, own[name]) for name in own if name in buffers),
        _non_persistent_buffers_set=set(),
        _forward_hooks=collections.OrderedDict(),
        _modules=collections.OrderedDict((name, part_of(each, conv_clamp)) for name, each in below.items()),
        _init_args=(),
        **state,
    )


def _parameter(value):
    return torch.nn.Parameter(value, value.is_floating_point()) if isinstance(value, torch.Tensor) else value


def generator(weights: dict[str, torch.Tensor], arguments: dict | None) -> Part:
    """A generator of a state dict, without prefixes."""
    given = {} if arguments is None else {"_init_kwargs": _easy(arguments)}
    clamp = (arguments or {}).get("synthesis_kwargs", {}).get("conv_clamp")
    return part_of(weights, clamp if type(clamp) in (int, float) else None, **given)


def _easy(arguments: dict) -> dict:
    return {name: EasyDict(value) if isinstance(value, dict) else value for name, value in arguments.items()}


def dumped(content: object, protocol: int = 4) -> bytes:
    with official_modules():
        return pickle.dumps(content, protocol)


def checkpoint(g_ema: Part, protocol: int = 4, **others) -> bytes:
    """The whole dict of an official file."""
    return dumped({"training_set_kwargs": EasyDict(path="x.zip", xflip=True), "G_ema": g_ema, **others}, protocol)


def reference(photos: Path, name: str) -> tuple[dict, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """(arguments, state dict with prefixes, what was computed) of an official network."""
    folder = photos / "stylegan2_reference"
    return (
        json.loads((folder / f"{name}_init_kwargs.json").read_text()),
        load_file(folder / f"{name}_weights.safetensors"),
        load_file(folder / f"{name}_expected.safetensors"),
    )


def part_with_prefix(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def stored(tensor: torch.Tensor) -> bytes:
    """What torch writes of the storage of a tensor, inside of a pickle."""
    return next(held for _, held, _ in pickletools.genops(pickle.dumps(tensor)) if isinstance(held, bytes))


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Weight(Call):
    """Pickles as a tensor of (6,) does, of any bytes, and viewed in any way."""

    def __init__(self, data: bytes, offset: int = 0, size: tuple = (6,), stride: tuple = (1,)):
        storage = Call(torch.storage._load_from_bytes, data)
        super().__init__(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, {})
