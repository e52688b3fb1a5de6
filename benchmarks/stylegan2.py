"""How fast StyleGAN2 draws on this machine's CPU: beside the form in which it is written in the paper, in one run.

    python benchmarks/stylegan2.py --threads 2 --output benchmarks/results/stylegan2_speed.json

The network has the size of official ones of 256 pixels, and random weights. "Naive" scales the weights anew for each
picture (section 2.2 of Karras et al. 2020) and keeps channels first, as the official code does on CPUs. All is measured
as a process is by itself, and again after it was told to keep memory that it has had, as the variables
MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ tell it from the start: else Linux clears each large tensor's anew.
"""

import argparse
import ctypes
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from betwixt import StyleGAN2Generator
from betwixt.stylegan2 import SynthesisLayer, ToRGB

SIZE = {"z_dim": 512, "w_dim": 512, "img_resolution": 256, "channel_base": 16384, "channel_max": 512}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="of which the median counts")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--output", help="write the table here as JSON as well")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text = json.dumps(measure(options.rounds, options.batch), indent=2)
    print(text)
    if options.output:
        Path(options.output).write_text(text + "\n")


@torch.no_grad()
def measure(rounds: int, batch: int) -> dict:
    """Seconds of each form for one picture and for a batch, taken in turn, and how they compare."""
    torch.manual_seed(0)
    ours = StyleGAN2Generator(**SIZE).eval()
    naive = naive_of(ours)
    peak = {name: products(dtype) for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))}
    table = {"million parameters": round(sum(p.numel() for p in ours.parameters()) / 1e6, 1)}
    table |= {"threads": torch.get_num_threads()}
    for memory in ("", ", memory kept"):
        if memory:
            keep_memory()
        for count in (1, batch):
            w = ours.mapping(torch.randn(count, ours.z_dim))
            name = "one picture" if count == 1 else f"batch of {count}"
            table[name + memory] = compare(ours, naive, w, peak, rounds)
    z = torch.randn(1, ours.z_dim)
    table["where the time goes"] = {
        "naive": profile(lambda: naive(z)),
        "float32": profile(lambda: ours(z)),
        "bfloat16": profile(lambda: in_bf16(lambda: ours(z))),
    }
    table["peak of products, 10^9 operations a second"] = {name: round(value / 1e9) for name, value in peak.items()}
    table["operations in convolutions of a picture, 10^9"] = round(work(ours) / 1e9, 1)
    return table


def compare(ours: StyleGAN2Generator, naive: StyleGAN2Generator, w: torch.Tensor, peak: dict, rounds: int) -> dict:
    """Of each form its seconds, how many times as fast as naive it is, its share of the peak, and its error."""
    forms = {
        "naive": lambda: naive.synthesis(w),
        "float32": lambda: ours.synthesis(w),
        "bfloat16": lambda: in_bf16(lambda: ours.synthesis(w)),
    }
    taken, x = in_turn(forms, rounds), {name: draw().float() for name, draw in forms.items()}
    row = {f"{name}, seconds a picture": round(value / len(w), 4) for name, value in taken.items()}
    for name in ("float32", "bfloat16"):
        row[f"{name}, times as fast as naive"] = round(taken["naive"] / taken[name], 2)
        row[f"{name}, share of the peak of products"] = round(work(ours) * len(w) / taken[name] / peak[name], 3)
        error = (x[name] - x["naive"]).square().mean() / x["naive"].square().mean()
        row[f"{name}, relative error"] = float(f"{error.sqrt():.2g}")
    return row


def keep_memory() -> None:
    """What this process has had of the system it does not give back (glibc's mallopt)."""
    libc = ctypes.CDLL(None)
    for parameter, value in ((-3, 2**30), (-1, 2**31 - 1)):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
        if not libc.mallopt(parameter, value):
            raise OSError("mallopt refused")


def in_bf16(draw: Callable[[], torch.Tensor]) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return draw()


def in_turn(forms: dict[str, Callable], rounds: int) -> dict[str, float]:
    """The median of some rounds, in each of which all forms have their turn."""
    taken: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds + 1):
        for name, draw in forms.items():
            start = time.perf_counter()
            draw()
            taken[name].append(time.perf_counter() - start)
    return {name: sorted(values[1:])[rounds // 2] for name, values in taken.items()}


def products(dtype: torch.dtype, side: int = 3072) -> float:
    """Operations a second of a product of matrices, the best of five."""
    a, b = torch.randn(2, side, side).to(dtype)
    best = min(in_turn({"": lambda: a @ b}, 1)[""] for _ in range(5))
    return 2 * side**3 / best


def work(model: StyleGAN2Generator) -> int:
    """Operations in the convolutions of one picture: a multiplication and an addition for each weight and place."""
    total, side_of = 0, {}
    for name, module in model.synthesis.named_modules():
        side_of[module] = int(name.split(".")[0][1:]) if name.startswith("b") else 0
        if isinstance(module, SynthesisLayer):
            total += 2 * module.weight.numel() * (side_of[module] // (2 if module.up else 1)) ** 2
        elif isinstance(module, ToRGB):
            total += 2 * module.weight.numel() * side_of[module] ** 2
    return total


def profile(draw: Callable[[], torch.Tensor]) -> dict[str, float]:
    """Share of the time in each kind of operation."""
    draw()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as found:
        draw()
    kinds: dict[str, float] = {}
    for event in found.key_averages(group_by_input_shape=True):
        kinds[kind_of(event)] = kinds.get(kind_of(event), 0) + event.self_cpu_time_total
    total = sum(kinds.values())
    return {name: round(value / total, 3) for name, value in sorted(kinds.items(), key=lambda item: -item[1])}


def kind_of(event) -> str:
    """What an operation is for, by its name and by the shape of its weights."""
    if "conv" in event.key:
        shape = event.input_shapes[1] if len(event.input_shapes) > 1 else []
        if shape[1:] == [1, 4, 4]:
            return "filters"
        return "convolutions"
    if any(word in event.key for word in ("mm", "linear")):
        return "styles"
    return "values one by one: scaling, noise, activation, copies"


# As in the paper


def naive_of(model: StyleGAN2Generator) -> StyleGAN2Generator:
    """The same network, whose layers scale their weights for each picture."""
    naive = StyleGAN2Generator(**model.config).eval()
    naive.load_state_dict(model.state_dict())
    for block in naive.synthesis.children():
        for name, layer in list(block.named_children()):
            setattr(block, name, NaiveRGB(layer) if isinstance(layer, ToRGB) else NaiveLayer(layer))
    return naive


class NaiveLayer(nn.Module):
    """A `SynthesisLayer` whose weights are scaled for each picture, so that each is a group of the convolution."""

    def __init__(self, layer: SynthesisLayer):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise_mode: str) -> torch.Tensor:
        layer, (count, c_in, height, width) = self.layer, x.shape
        weight = layer.weight * layer.affine(w)[:, None, :, None, None]
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        c_out, x = weight.shape[1], x.contiguous().view(1, -1, height, width)
        if layer.up:
            turned = weight.transpose(1, 2).reshape(count * c_in, c_out, 3, 3)
            x = F.conv_transpose2d(x, turned, stride=2, groups=count)
            line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
            filters = (4 * line[:, None] * line).expand(x.shape[1], 1, 4, 4)
            x = F.conv2d(F.pad(x, (1, 1, 1, 1)), filters, groups=x.shape[1])
        else:
            x = F.conv2d(x, weight.reshape(count * c_out, c_in, 3, 3), padding=1, groups=count)
        x = x.view(count, c_out, *x.shape[2:])
        x = x + layer.noise_const * layer.noise_strength
        return F.leaky_relu(x + layer.bias[:, None, None], 0.2) * 2**0.5


class NaiveRGB(nn.Module):
    """A `ToRGB` whose weights are scaled for each picture."""

    def __init__(self, layer: ToRGB):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        count, c_in, height, width = x.shape
        weight = self.layer.weight * (self.layer.affine(w) * self.layer.scale)[:, None, :, None, None]
        x = F.conv2d(x.contiguous().view(1, -1, height, width), weight.reshape(-1, c_in, 1, 1), groups=count)
        return x.view(count, -1, height, width) + self.layer.bias[:, None, None]


if __name__ == "__main__":
    main()
