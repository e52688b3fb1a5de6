"""A pickle, read as what it says: what it would call becomes a record of the name and the arguments, and is not called.

Python's own unpickler calls whatever a file names. This one cannot: it imports nothing, looks no name up, makes nothing
but numbers, text, bytes, tuples, lists and dicts, and refuses every name that it was not given.
"""

from __future__ import annotations

import io
import math
import pickletools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import torch

PERSISTENT_ID = "a persistent id"  # stands for one as a name: what lies outside of the pickle
LONGEST_SHOWN = 60
FOREIGN = "which does not belong in it: refused, nothing was executed"

_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT")
_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8")
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

PARAMETER = "torch._utils._rebuild_parameter"
TENSOR = "torch._utils._rebuild_tensor_v2"
STORAGE = "torch.storage._load_from_bytes"
TENSORS = (PARAMETER, TENSOR, STORAGE)  # what a pickle that holds tensors names


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Name:
    """What a pickle would have imported."""

    name: str


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Call:
    """What a pickle would have called, or made of a class."""

    name: str
    arguments: tuple


def read(stream: BinaryIO, names: Mapping[str, type], most_operations: int) -> object:
    """One pickle of protocol 2 or later, from where the stream stands to its end, and what it says.

    Time and memory are bounded by the length of the stream and by `most_operations`, at about 100 bytes each.

    Args:
        stream: in memory (`io.BytesIO`), so that no length that is claimed takes room that is not there.
        names: the names that it may hold ("module.name"), and what stands for what they make: `Call`, or `dict` for
            classes of dicts. `PERSISTENT_ID` allows these.

    Raises:
        RefusedError: another name or operation, too many of them, or damage; in one line.
    """
    machine, operations = _Machine(names), 0
    try:
        for code, argument, place in pickletools.genops(stream):
            operations += 1
            if operations > most_operations:
                raise RefusedError(f"takes over {most_operations:,} operations")
            if code.name == "STOP":
                break
            try:
                machine.run(code.name, argument)
            except (IndexError, KeyError, TypeError, AttributeError):
                raise RefusedError(f"is no pickle, or a damaged one ({code.name} at byte {place:,})") from None
        if machine.marks or len(machine.stack) != 1:
            raise RefusedError("is no pickle, or a damaged one (it ends in the middle)")
    except RefusedError:
        raise
    except ValueError as error:  # of the reader of single operations
        raise RefusedError(f"is no pickle, or a damaged one ({shown(str(error))})") from None
    return machine.stack[0]


class RefusedError(ValueError):
    """A pickle that is not read further."""


class _Machine:
    """What a pickle works on: a stack, marks on it, and a memory."""

    def __init__(self, names: Mapping[str, type]):
        self.names, self.stack, self.marks, self.memory = names, [], [], {}

    def run(self, code: str, argument: object) -> None:
        """One operation."""
        stack = self.stack
        if code in _NUMBERS or code in _TEXTS:
            stack.append(argument)
        elif code in _CONSTANTS:
            stack.append(_CONSTANTS[code])
        elif code in _EMPTY:
            stack.append(_EMPTY[code]())
        elif code in _TUPLES:
            stack[-_TUPLES[code] :] = [tuple(self.popped(_TUPLES[code]))]
        elif code in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memory[len(self.memory) if argument is None else argument] = stack[-1]
        elif code in ("BINGET", "LONG_BINGET"):
            stack.append(self.memory[argument])
        elif code == "MARK":
            self.marks.append(stack)
            self.stack = []
        elif code not in ("PROTO", "FRAME"):
            method = getattr(self, f"_{code.lower()}", None)
            if method is None:
                text = f" {shown(argument)}" if argument is not None else ""
                raise RefusedError(f"holds the operation {code}{text}, {FOREIGN}")
            method(argument)

    def popped(self, count: int) -> list:
        """The last `count` of the stack, left where they are."""
        if len(self.stack) < count:
            raise IndexError
        return self.stack[-count:]

    def since_mark(self) -> list:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _tuple(self, _: object) -> None:
        items = self.since_mark()
        self.stack.append(tuple(items))

    def _append(self, _: object) -> None:
        item = self.stack.pop()
        _of(list, self.stack[-1]).append(item)

    def _appends(self, _: object) -> None:
        items = self.since_mark()
        _of(list, self.stack[-1]).extend(items)

    _additems = _appends

    def _setitem(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def _setitems(self, _: object) -> None:
        self.set_items(self.since_mark())

    def set_items(self, items: list) -> None:
        target = _of(dict, self.stack[-1])
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Text and small numbers alone: to hash tuples of tuples, or numbers that collide, could take for ever.
            if type(key) is not str and not (type(key) is int and 0 <= key < 2**31):
                raise TypeError
            target[key] = value

    def _global(self, argument: object) -> None:
        self.push_name(argument.replace(" ", ".", 1))

    def _stack_global(self, _: object) -> None:
        name, module = _of(str, self.stack.pop()), _of(str, self.stack.pop())
        self.push_name(f"{module}.{name}")

    def push_name(self, name: str) -> None:
        if name not in self.names or name == PERSISTENT_ID:
            raise RefusedError(f"names {shown(name)}, {FOREIGN}")
        self.stack.append(Name(name))

    def _reduce(self, _: object) -> None:
        arguments, name = _of(tuple, self.stack.pop()), _of(Name, self.stack.pop()).name
        if self.names[name] is dict:
            if arguments:
                raise TypeError
            self.stack.append({})
        else:
            self.stack.append(Call(name, arguments))

    _newobj = _reduce

    def _build(self, _: object) -> None:
        """What a record, or a dict beside its items, would be filled with is dropped: no caller asks for it."""
        self.stack.pop()
        if type(self.stack[-1]) not in (Call, dict):
            raise TypeError

    def _binpersid(self, _: object) -> None:
        if PERSISTENT_ID not in self.names:
            raise RefusedError(f"holds a persistent id, {FOREIGN}")
        self.stack.append(Call(PERSISTENT_ID, (self.stack.pop(),)))


def _of(kind: type, value):
    if type(value) is not kind:
        raise TypeError
    return value


def shown(value: object) -> str:
    """What a file says, as one short line of ASCII for a message."""
    if isinstance(value, str):
        text = ascii(value[:LONGEST_SHOWN])[1:-1]
        return f"{text}..." if len(value) > LONGEST_SHOWN else text
    if value is None or type(value) in (bool, float) or (type(value) is int and abs(value) < 10**15):
        return repr(value)
    return f"a {type(value).__name__}" if type(value) is not int else "a huge number"


def arguments(value: object, name: str, count: int, message: str) -> tuple:
    """The arguments of a call by that name, at least `count` of them; else a ValueError with the message."""
    if type(value) is not Call or value.name != name or len(value.arguments) < count:
        raise ValueError(message)
    return value.arguments


# Tensors in it, as pickled by torch: not its own files, which torch.load reads

_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.DoubleStorage": torch.float64,
}
_STORAGE_NAMES = dict.fromkeys([*_DTYPES, PERSISTENT_ID], Call)
_STORAGE_MAGIC, _STORAGE_VERSION = 0x1950A86A20F9469CFC6C, 1001  # that torch writes before a storage
_MOST_STORAGE_OPERATIONS = 200  # of a pickle in a storage, which has a few dozen


def tensor(value: object, name: str) -> tuple[torch.Tensor, int]:
    """A floating-point tensor, from the calls that would make it, and how many bytes of the file hold its numbers.

    It is a view of these bytes: whoever reads many of them bounds the sum, for they may all be of the same bytes.

    Args:
        name: for messages.

    Raises:
        ValueError: no tensor, a storage in another form or of another length than it says, or a view beyond it.
    """
    message = f"{name} is no tensor, or a damaged one"
    if type(value) is Call and value.name == PARAMETER:
        value = arguments(value, PARAMETER, 1, message)[0]
    storage, offset, size, stride = arguments(value, TENSOR, 4, message)[:4]
    data = arguments(storage, STORAGE, 1, message)[0]
    if type(data) is not bytes or type(size) is not tuple or type(stride) is not tuple:
        raise ValueError(message)
    is_whole = all(type(number) is int and 0 <= number < 2**40 for number in (offset, *size[:5], *stride[:5]))
    if not is_whole or len(size) != len(stride) or len(size) > 4:
        raise ValueError(message)
    try:
        numbers = _storage(data, name)
    except RefusedError as error:
        raise RefusedError(f"{name}: its storage {error}") from None
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # Of all that strides can say, a view that repeats numbers would take more room than the file.
    if not 0 < math.prod(size) <= len(numbers) or last >= len(numbers):
        raise ValueError(f"{name}: a view beyond its {len(numbers)} numbers")
    return numbers.as_strided(size, stride, offset), len(data)


def _storage(data: bytes, name: str) -> torch.Tensor:
    """The numbers (N,) of a storage as `torch.save` writes it in its older form: five pickles, a count, the numbers."""
    stream = io.BytesIO(data)
    magic, version, system, described, _ = (read(stream, _STORAGE_NAMES, _MOST_STORAGE_OPERATIONS) for _ in range(5))
    described = arguments(described, PERSISTENT_ID, 1, f"{name}: no storage")[0]
    is_known = (magic, version) == (_STORAGE_MAGIC, _STORAGE_VERSION) and type(system) is dict
    if not is_known or system.get("little_endian") is not True or type(described) is not tuple or len(described) != 6:
        raise ValueError(f"{name}: a storage in an unknown form")
    kind, storage, _, _, count, view = described
    if kind != "storage" or type(storage) is not Name or view is not None or type(count) is not int:
        raise ValueError(f"{name}: a storage in an unknown form")
    dtype, start = _DTYPES[storage.name], stream.tell() + 8
    if count < 1 or len(data) != start + count * dtype.itemsize or data[start - 8 : start] != struct.pack("<q", count):
        raise ValueError(f"{name}: a storage of another length than it says")
    return torch.frombuffer(bytearray(memoryview(data)[start:]), dtype=dtype)
