"""betwixt.pickles: plain data as it was, calls as records, one pickle after another, and tensors."""

import collections
import io
import pickle
import pickletools

import numpy as np
import pytest
import torch

from betwixt import pickles
from betwixt.pickles import Call

PLAIN = {
    "numbers": [0, -1, 255, 65_536, -(2**31), 2**40, 10**30, 1.5, True, False, None],
    "text": ("", "a", "\u00e9\n", "x" * 300),
    "nested": {"a": [{}, (), [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]], 7: [[]]},
}
TENSORS = {**dict.fromkeys(pickles.TENSORS, Call), "collections.OrderedDict": dict}


def read(content: bytes, names=None) -> object:
    return pickles.read(io.BytesIO(content), names or {}, 10_000)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_is_what_it_was(protocol):
    assert read(pickle.dumps(PLAIN, protocol)) == PLAIN
    if protocol > 2:  # before, bytes were written as a call
        assert read(pickle.dumps([b"", b"a", b"b" * 300], protocol)) == [b"", b"a", b"b" * 300]


def test_shared_values_stay_shared():
    shared = ["x"]
    got = read(pickle.dumps([shared, shared]))
    assert got == [shared, shared]
    assert got[0] is got[1]


def test_calls_are_records():
    names = {"numpy._core.multiarray.scalar": Call, "numpy.dtype": Call, "collections.OrderedDict": dict}
    number, ordered = read(pickle.dumps([np.float64(2), collections.OrderedDict(a=1)]), names)
    assert (type(number), number.name) == (Call, "numpy._core.multiarray.scalar")
    kind, data = number.arguments
    assert (kind.name, kind.arguments) == ("numpy.dtype", ("f8", False, True))
    assert data == np.float64(2).tobytes()
    assert ordered == {"a": 1}


def test_one_pickle_after_another():
    stream = io.BytesIO(pickle.dumps(1) + pickle.dumps("two") + b"rest")
    assert [pickles.read(stream, {}, 10) for _ in range(2)] == [1, "two"]
    assert stream.read() == b"rest"


def test_every_operation_is_read_or_refused():
    """Alone, after what it might take from the stack, and whatever follows it: nothing else is raised."""
    for operation in pickletools.opcodes:
        for before in (b"", b"(", b"]", b"}N", b"N(NN", b"})", b"\x8c\x01a\x8c\x01b"):
            for after in (b"", b"\n\n.", b"\0" * 20 + b".", b"\x01a."):
                try:
                    read(b"\x80\x04" + before + operation.code.encode("latin1") + after)
                except pickles.RefusedError as error:
                    assert str(error).isascii()  # noqa: PT017


def test_what_a_message_shows_is_one_short_line():
    for value in ("a\nb", "\u202e" * 99, "x" * 10**6, 10**6000, -(10**6000), (1, "a\n"), b"\n", None, 1.5):
        text = pickles.shown(value)
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < 400
    assert pickles.shown("skip") == "skip"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_and_views(dtype):
    whole = torch.arange(24, dtype=dtype).view(2, 3, 4)
    for tensor in (whole, whole[1], whole.permute(2, 0, 1), whole[0, 0, 0], torch.nn.Parameter(whole[:, 1])):
        got, taken = pickles.tensor(read(pickle.dumps(tensor), TENSORS), "it")
        assert got.dtype == dtype
        assert torch.equal(got, tensor)
        assert taken > 24 * dtype.itemsize


@pytest.mark.parametrize("value", [None, "text", Call("other", ()), Call(pickles.TENSOR, (1,) * 6), torch.zeros(0)])
def test_what_is_no_tensor(value):
    value = read(pickle.dumps(value), TENSORS) if isinstance(value, torch.Tensor) else value
    with pytest.raises(ValueError, match=r"^it"):
        pickles.tensor(value, "it")
