"""How a model is saved and strictly loaded, and (from `hub_names`) where a published name is found.

A checkpoint is a folder, the same on the disk and on the Hub:

    config.json        {"model_class": "ImageClassifier", ...every argument of its constructor}
    model.safetensors  its weights, in whole or half precision or in 8 bits, and nothing that could run
    README.md          its card; written elsewhere, never touched here
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from betwixt.hub_names import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    HubError,
    explain,
    locate,
    read_json,
    redact,
    replace_file,
    resolve,
)

__all__ = [
    "CONFIG_FILE",
    "WEIGHTS_FILE",
    "HubError",
    "PretrainedMixin",
    "check_dtype",
    "check_weights",
    "explain",
    "in_rows",
    "locate",
    "of_rows",
    "read_json",
    "redact",
    "replace_file",
    "resolve",
]

Model = TypeVar("Model", bound="PretrainedMixin")
SCALE = ":scale"  # what follows the name of a tensor that is stored in whole numbers
SMALL = 2**15  # a tensor of fewer numbers is not stored in 8 bits: it would lose more than it saves


class PretrainedMixin:
    """Adds `save_pretrained` and a strict `from_pretrained` to an `nn.Module`; put it first among the bases.

    The constructor's arguments are the configuration: keyword-only, plain JSON values, no `**kwargs`. They
    are kept in `self.config`, defaults included. A tuple reaches the constructor as a list, so that a new
    model and a loaded one see the same arguments.

        class Net(PretrainedMixin, nn.Module):
            def __init__(self, *, width: int = 32): ...

        Net(width=64).save_pretrained("folder"); Net.from_pretrained("folder")
    """

    config: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _recording(cls.__init__, cls.__name__)

    # What a class that stores its weights or its config in another form overrides

    def _config_to_save(self) -> dict[str, Any]:
        """What config.json holds besides `model_class`. A class may add keys that other libraries read."""
        return dict(self.config)

    @classmethod
    def _arguments_from_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments out of config.json (less `model_class`). Undoes `_config_to_save`."""
        return config

    def _weights_to_save(self) -> dict[str, torch.Tensor]:
        """The tensors of model.safetensors by name."""
        return self.state_dict()

    def _load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Takes over tensors whose names and shapes are known to be those of `_weights_to_save`."""
        self.load_state_dict(weights, strict=True)

    def save_pretrained(self, folder: str | os.PathLike, dtype: torch.dtype = torch.float32) -> Path:
        """Writes config.json and model.safetensors, each whole or not at all; leaves other files alone.

        Args:
            folder: made when missing.
            dtype: that of the stored floating-point tensors, torch.float32, torch.float16 or torch.int8: whole numbers
                from -127 to 127, times a scale for each row of the first axis. Tensors of one axis or of fewer than
                `SMALL` numbers are then stored in float16: they take little room, and early layers and small heads lose
                most by rounding.

        Raises:
            HubError: a weight is not finite (in `dtype`), so the checkpoint could not be loaded.
        """
        check_dtype(dtype)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        floats = torch.float16 if dtype == torch.int8 else dtype
        weights = {
            name: tensor.detach().to("cpu", floats if tensor.is_floating_point() else None, copy=True).contiguous()
            for name, tensor in self._weights_to_save().items()
        }
        if dtype == torch.int8:
            for name, tensor in self._weights_to_save().items():
                if tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel() >= SMALL:
                    weights |= in_rows(name, tensor.detach().float().cpu())
        _refuse_non_finite(weights, f"{folder / WEIGHTS_FILE}: not written, since in {dtype}")
        config = {"model_class": type(self).__name__, **self._config_to_save()}
        text = json.dumps(config, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        path = folder / CONFIG_FILE
        if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
            # Killed between the two files, it leaves no config: an error on loading, never a mixture.
            path.unlink(missing_ok=True)
        replace_file(folder / WEIGHTS_FILE, lambda temporary: save_file(weights, temporary, {"format": "pt"}))
        replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return folder

    @classmethod
    def from_pretrained(cls: type[Model], name_or_folder: str | os.PathLike, *, token: str | None = None) -> Model:
        """Loads a model in eval mode, on the CPU, in float32; the random state is left as it was.

        Args:
            name_or_folder: a folder, a published name, `namespace/name` or `namespace/name@revision`.
            token: access token for a private repo.

        Raises:
            HubError: not found; a file is missing or unreadable; the config is of another class, or its
                arguments are not those of the class; weights are missing, unknown, of another shape or kind,
                or not finite.
        """
        folder = resolve(name_or_folder, token=token)
        arguments = _read_arguments(cls, folder)
        weights = _read_weights(folder)
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            try:
                model = cls(**arguments)
            except Exception as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                raise HubError(f"{folder / CONFIG_FILE}: {cls.__name__} refuses it ({reason})") from error
        check_weights(weights, model._weights_to_save(), folder / WEIGHTS_FILE, f"{CONFIG_FILE} says")
        model._load_weights(weights)
        return model.float().eval()


def _recording(init: Any, class_name: str) -> Any:
    """Wraps a constructor so that its arguments are checked, and kept in `self.config`."""
    signature = inspect.signature(init)
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{class_name}.__init__: {parameter} must be keyword-only, for it goes into {CONFIG_FILE}")

    @functools.wraps(init)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = {
            name: _to_json(value, f"{class_name}: argument {name}") for name, value in list(bound.arguments.items())[1:]
        }
        if type(self).__init__ is recorded:  # not one that a subclass calls with arguments of its own choice
            self.config = copy.deepcopy(arguments)
        init(self, **arguments)

    return recorded


def _to_json(value: Any, what: str) -> Any:
    """Returns `value` as JSON gives it back (tuples as lists), or raises TypeError."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) in (list, tuple):
        return [_to_json(item, what) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _to_json(item, what) for key, item in value.items()}
    raise TypeError(f"{what} must be plain JSON (bool, int, finite float, str, list, dict or None), not {value!r}")


def _read_arguments(cls: type[PretrainedMixin], folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    config = read_json(path)
    saved_class = config.pop("model_class", None)
    if saved_class != cls.__name__:
        described = f"is the config of a {saved_class}" if saved_class else "names no model_class"
        raise HubError(f"{path}: {described}, and {cls.__name__} was asked to load it")
    try:
        arguments = cls._arguments_from_config(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HubError(f"{path}: cannot be read by {cls.__name__} ({type(error).__name__}: {error})") from error
    expected = set(list(inspect.signature(cls.__init__).parameters)[1:])
    _refuse(sorted(set(arguments) - expected), f"{path}: unknown arguments of {cls.__name__}")
    _refuse(sorted(expected - set(arguments)), f"{path}: missing arguments of {cls.__name__}")
    return arguments


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        others = sorted(other.name for other in folder.glob("*") if other.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        hint = f"; {', '.join(others)} may be a pickle and is not read" if others else ""
        raise HubError(f"{path}: is missing{hint}")
    try:
        return of_rows(load_file(path), path)
    except (SafetensorError, OSError, ValueError) as error:
        with open(path, "rb") as file:
            start = file.read(2)
        if start == b"PK" or start[:1] == b"\x80":
            raise HubError(
                f"{path}: is no safetensors file but a pickle; it was not executed; get the file anew"
            ) from None
        raise HubError(f"{path}: is not a readable safetensors file ({str(error).splitlines()[0]})") from None


def check_dtype(dtype: torch.dtype) -> None:
    """Raises ValueError for one that nothing is stored in."""
    if dtype not in (torch.float32, torch.float16, torch.int8):
        raise ValueError(f"dtype must be torch.float32, torch.float16 or torch.int8, not {dtype}")


def in_rows(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """A tensor (R, ...) as it is stored in 8 bits: whole numbers int8, and under `name:scale` (R,) float32.

    Rows are rounded so that their sums are kept: a layer whose inputs are mostly positive, as behind a ReLU, would
    shift what it gives. Their scale is the one of least squares, which keeps their length.
    """
    rows = tensor.contiguous().flatten(1).double()  # so that what was stored so is stored the same again
    step = rows.abs().amax(1, keepdim=True) / 127
    steps = rows / step.where(step > 0, 1)
    whole = steps.floor()
    rest = steps - whole
    whole += rest.argsort(1, descending=True).argsort(1) < rest.sum(1, keepdim=True).round()
    scale = (rows * whole).sum(1) / whole.square().sum(1).clamp_min(1)
    return {name: whole.to(torch.int8).view_as(tensor), name + SCALE: scale.float()}


def of_rows(stored: dict[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Undoes `in_rows` for all that were stored so; others stay as they are. Raises HubError for a stray scale."""
    weights = {name: tensor for name, tensor in stored.items() if not name.endswith(SCALE)}
    for name in stored.keys() - weights.keys():
        whole, scale = weights.get(name.removesuffix(SCALE)), stored[name]
        if whole is None or whole.dtype != torch.int8 or scale.shape != whole.shape[:1]:
            raise HubError(f"{path}: {name} is not the scale of a tensor's rows")
        weights[name.removesuffix(SCALE)] = whole * scale.view(-1, *[1] * (whole.ndim - 1))
    return weights


def check_weights(
    weights: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], path: Path, said: str
) -> None:
    """Holds the weights of a file against what they must be like.

    Args:
        expected: tensors of the right names, shapes and kinds; their values do not matter.
        said: where these come from, as in "config.json says".

    Raises:
        HubError: weights are missing, unknown, of another shape or kind, or not finite; the first of them are named.
    """
    _refuse([name for name in expected if name not in weights], f"{path}: missing weights")
    _refuse([name for name in weights if name not in expected], f"{path}: weights that the model does not have")
    shapes = [
        f"{name} is {list(weights[name].shape)}, not {list(tensor.shape)}"
        for name, tensor in expected.items()
        if weights[name].shape != tensor.shape
    ]
    _refuse(shapes, f"{path}: weights of another shape than {said}")
    kinds = [
        f"{name} is {weights[name].dtype}, not {tensor.dtype}"
        for name, tensor in expected.items()
        if weights[name].is_floating_point() != tensor.is_floating_point()
    ]
    _refuse(kinds, f"{path}: weights of another kind")
    _refuse_non_finite(weights, f"{path}:")


def _refuse_non_finite(weights: Mapping[str, torch.Tensor], what: str) -> None:
    # In float32, as they are computed with: a larger float64 would become infinite, and 8-bit floats cannot be asked.
    bad = [name for name, value in weights.items() if value.is_floating_point() and not value.float().isfinite().all()]
    _refuse(bad, f"{what} infinite or not-a-number weights")


def _refuse(names: list[str], what: str) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise HubError(f"{what} ({len(names)}): {', '.join(names[:3])}{more}")
