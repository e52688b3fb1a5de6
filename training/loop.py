"""The one training loop: progress bar, checkpoints, exact resume, moving average of the weights, several devices.

A run is a folder of checkpoints, each complete or absent:

    runs/<name>/<step>/model/               the averaged weights, as `from_pretrained` reads them
                       recipe.json          the whole configuration
                       metrics.json         what was measured at this step
                       training_state.pt    weights, average and optimizer as they were, for resuming

Everything random in step n follows from (seed, n, process): the order of the data, the augmentation, dropout. So
nothing but tensors has to be restored, and a run that was killed and started again ends in the same weights, to the bit
on CPU.
"""

import copy
import hashlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from betwixt.hub import WEIGHTS_FILE, resolve

RUNS = Path("runs")
PRECISIONS = ["auto", "bf16", "fp32"]


class Batches(Protocol):
    """Data that the loop can train on: anything that gives the batch of a list of indices."""

    def __len__(self) -> int: ...

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, ...]: ...


Loss = Callable[..., tuple[torch.Tensor, dict[str, torch.Tensor]]]  # (model, *batch) -> loss, what to show beside it


@dataclass
class LoopSettings:
    """How long and how fast to train.

    Args:
        steps: optimizer steps. A process count of n divides each batch by n, so it changes nothing here.
        batch_size: pictures a step, over all processes.
        learning_rate: its peak; linear warm-up over `warmup` of the steps, then a cosine to zero.
        ema: decay a step of the moving average of the weights (0: none), ramped up over the first steps.
        betas: AdamW's decays of its means of the gradient and of its square.
        checkpoint_every: steps between checkpoints; the last two are kept.
        precision: "bf16" (autocast), "fp32", or "auto": bf16 where the device computes in it, else it is far slower.
        log: "trackio" logs into its local database as well.
    """

    steps: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    ema: float = 0.995
    betas: tuple[float, float] = (0.9, 0.999)
    checkpoint_every: int = 200
    seed: int = 0
    precision: str = "auto"
    log: str | None = None

    @classmethod
    def of(cls, recipe: Any, count: int) -> "LoopSettings":
        """From a recipe's options of the same names; where it gives no `steps`, its `epochs` over `count` pictures."""
        given = {field.name: getattr(recipe, field.name) for field in fields(cls) if hasattr(recipe, field.name)}
        steps = recipe.steps or max(1, recipe.epochs * count // recipe.batch_size)
        return cls(**{**given, "steps": steps})


def train(
    run: Path,
    recipe: dict[str, Any],
    model: nn.Module,
    loss: Loss,
    data: Batches,
    settings: LoopSettings,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    finish: Callable[[nn.Module], None] | None = None,
    rate_of: Callable[[str], float] = lambda name: 1.0,
) -> Path:
    """Train `model`, or go on where the run in the same folder stopped; returns the last checkpoint's folder.

    Args:
        recipe: the whole configuration, plain JSON; a run is only resumed with the one that it was begun with.
        loss: called as loss(model, *data.batch(indices)).
        evaluate: called with the averaged model in eval mode at each checkpoint; its numbers go into metrics.json.
        finish: called with a copy of that model before; what it changes is in `model/`, and training goes on without.
        rate_of: a parameter's name -> its share of the learning rate.

    Raises:
        ValueError: the run's folder was begun with another recipe, or the settings make no sense.
        FloatingPointError: the loss is no longer finite.
    """
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    _check(settings, data)
    find_unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(
        mixed_precision="bf16" if computes_in_bf16(settings.precision) else "no", kwargs_handlers=[find_unused]
    )
    if settings.batch_size % accelerator.num_processes:
        raise ValueError(f"batch size {settings.batch_size} cannot be shared by {accelerator.num_processes} processes")
    resumed = last_checkpoint(run)
    if resumed is not None:
        check_same_recipe(run, resumed / "recipe.json", recipe)
    trained = _train_mode(model.to(accelerator.device, memory_format=torch.channels_last))
    average = copy.deepcopy(trained).eval().requires_grad_(False)
    groups = _parameter_groups(trained, settings.weight_decay, rate_of)
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)
    first_step = 0
    if resumed is not None:
        first_step = _restore(resumed, trained, average, optimizer, accelerator.device)
    parallel, optimizer = accelerator.prepare(trained, optimizer)
    logger = _Logger(run, recipe, settings.log if accelerator.is_main_process else None)
    bar = tqdm(
        range(first_step, settings.steps), initial=first_step, total=settings.steps, desc=run.name, unit="step",
        disable=not accelerator.is_main_process, mininterval=0.5 if sys.stderr.isatty() else 10,
    )  # fmt: skip
    metrics: dict[str, float] = {}
    for step in bar:
        torch.manual_seed(_seed_of(settings.seed, step, accelerator.process_index))
        indices = batch_indices(step, settings.batch_size, len(data), settings.seed)
        share = indices[accelerator.process_index :: accelerator.num_processes]
        batch = [tensor.to(accelerator.device) for tensor in data.batch(share)]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings) * group["rate"]
        value, shown = loss(parallel, *batch)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(value)
        optimizer.step()
        _update_average(average, trained, settings.ema, step)
        if step % 20 == 0 or step + 1 == settings.steps:
            numbers = {"loss": value.item(), **{name: number.item() for name, number in shown.items()}}
            if not math.isfinite(numbers["loss"]):
                raise FloatingPointError(f"step {step}: the loss is {numbers['loss']}; try a lower --learning-rate")
            bar.set_postfix({name: f"{number:.3f}" for name, number in {**numbers, **metrics}.items()}, refresh=False)
            logger.log({**numbers, "learning_rate": learning_rate(step, settings)}, step)
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            if accelerator.is_main_process:
                finished = copy.deepcopy(average)
                if finish:
                    finish(finished)
                metrics = evaluate(finished) if evaluate else {}
                state = {
                    "step": step + 1,
                    "model": trained.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                save_checkpoint(run, step + 1, recipe, finished, metrics, state)
                logger.log(metrics, step + 1)
            accelerator.wait_for_everyone()
    logger.finish()
    accelerator.end_training()
    if first_step >= settings.steps and accelerator.is_main_process:
        print(f"{run} is finished: {settings.steps} steps")
    return run / f"{settings.steps:06d}"


def batch_indices(step: int, batch_size: int, count: int, seed: int) -> torch.Tensor:
    """The rows of step's batch: (batch_size,) of an endless row of shuffled passes over `count` rows."""
    first = step * batch_size
    epochs = range(first // count, (first + batch_size - 1) // count + 1)
    orders = [torch.randperm(count, generator=torch.Generator().manual_seed(_seed_of(seed, e, -1))) for e in epochs]
    return torch.cat(orders)[first - epochs.start * count :][:batch_size]


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Linear warm-up to the peak, then half a cosine to zero."""
    warm = max(1, round(settings.warmup * settings.steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    progress = (step - warm) / max(1, settings.steps - warm)
    return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def computes_in_bf16(precision: str) -> bool:
    """Whether to autocast: as was asked for, and by itself on GPUs and processors with instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch cannot tell
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def last_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint of a run, or None."""
    return _checkpoints(run)[-1] if _checkpoints(run) else None


def recipe_of(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint of a run was trained with."""
    return json.loads((checkpoint / "recipe.json").read_text())


def weights_digest(folder: Path) -> str:
    """Names the weights of a saved model: others, another digest."""
    return hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()[:16]


def folder_of(name: str) -> Path:
    """The last checkpoint of a run of that name, or else what is published under it."""
    of_run = last_checkpoint(RUNS / name)
    return of_run / "model" if of_run else resolve(name)


def _checkpoints(run: Path) -> list[Path]:
    return sorted((folder for folder in run.glob("[0-9]*") if folder.name.isdigit()), key=lambda f: int(f.name))


def _seed_of(seed: int, step: int, process: int) -> int:
    return ((seed * 1_000_003 + step) * 1_009 + process + 1) % 2**63


def _check(settings: LoopSettings, data: Batches) -> None:
    if settings.precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {settings.precision!r}")
    if settings.log not in (None, "trackio"):
        raise ValueError(f'log must be "trackio" or nothing, not {settings.log!r}')
    if min(settings.steps, settings.batch_size, settings.checkpoint_every) < 1:
        raise ValueError("steps, batch_size and checkpoint_every must be at least 1")
    if len(data) == 0:
        raise ValueError("there is nothing to train on: the data is empty")


def check_same_recipe(run: Path, file: Path, recipe: dict[str, Any]) -> None:
    """Raises ValueError where a run was begun with another recipe than is given; it is in `file`, if there is one."""
    begun = json.loads(file.read_text()) if file.exists() else recipe
    changed = [key for key in {**begun, **recipe} if begun.get(key) != json.loads(json.dumps(recipe.get(key)))]
    if changed:
        raise ValueError(
            f"{run} was begun with other settings ({', '.join(sorted(changed))}): "
            "give this run another --name, or remove the folder"
        )


def _train_mode(model: nn.Module) -> nn.Module:
    """Train mode, but for what is frozen: its batch statistics must not move either."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
    return model


def _parameter_groups(model: nn.Module, weight_decay: float, rate_of: Callable[[str], float]) -> list[dict]:
    """Parameters by their share of the learning rate, and by whether they decay: biases and norms do not."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((rate_of(name), parameter.ndim > 1), []).append(parameter)
    return [
        {"params": parameters, "rate": rate, "weight_decay": weight_decay if decays else 0.0}
        for (rate, decays), parameters in groups.items()
    ]


@torch.no_grad()
def _update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    decay = min(decay, (1 + step) / (10 + step))
    for mean, current in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(current, 1 - decay)
        else:
            mean.copy_(current)


def save_checkpoint(
    run: Path, step: int, recipe: dict[str, Any], model, metrics: dict[str, float], state: dict | None = None
) -> Path:
    """Write runs/NAME/STEP, all of it or nothing, and keep it and the one before; `state` is what resuming needs."""
    folder, temporary = run / f"{step:06d}", run / f".{step:06d}.incomplete"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.save_pretrained(temporary / "model")
    (temporary / "recipe.json").write_text(json.dumps(recipe, indent=2))
    (temporary / "metrics.json").write_text(json.dumps(metrics, indent=2))
    if state:
        with open(temporary / "training_state.pt", "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(folder, ignore_errors=True)  # of a recipe that is run again when it is finished
    temporary.rename(folder)
    for old in _checkpoints(run)[:-2]:
        # Renamed first: a kill half-way through the removal must not leave what looks like a checkpoint.
        shutil.rmtree(old.rename(run / f".{old.name}.old"))
    return folder


def _restore(checkpoint: Path, model, average, optimizer, device: torch.device) -> int:
    state = torch.load(checkpoint / "training_state.pt", map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]


class _Logger:
    """Sends numbers to trackio where that was asked for."""

    def __init__(self, run: Path, recipe: dict, kind: str | None):
        self.trackio = None
        if kind == "trackio":
            try:
                import trackio
            except ImportError:
                raise ValueError("--log trackio needs it: pip install trackio") from None
            self.trackio = trackio
            trackio.init(project=run.parent.name or "betwixt", name=run.name, config=recipe, resume="allow")

    def log(self, numbers: dict[str, float], step: int) -> None:
        if self.trackio and numbers:
            self.trackio.log(numbers, step=step)

    def finish(self) -> None:
        if self.trackio:
            self.trackio.finish()
