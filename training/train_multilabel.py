"""Give a trained classifier heads that say yes or no to each class, so that a picture may show two of them.

    python training/train_multilabel.py --name both --model clocks-crocodiles-classifier --dataset clocks-crocodiles

The network itself stays as it is. Its features of pictures put together of two, with both labels, are computed once and
kept in runs/NAME/blends; the heads are then trained on those within two minutes. The same command again goes on with
the blends that are missing.
"""

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from augmentation import combine, random_affine, random_blur, random_colour
from loop import RUNS, check_same_recipe, last_checkpoint, save_checkpoint
from options import option, parse, run
from safetensors.torch import load_file, save_file
from tables import NEITHER, ImageTable, counterexample_weights, read_dataset
from torch import nn
from tqdm import tqdm

from betwixt.classifier import ImageClassifier, multilabel_head
from betwixt.hub import replace_file, resolve
from betwixt.images import BATCH, from_bytes

CHUNK = 2000  # blends that are computed and kept together
OTHER_CLASS = 3.0  # how much rather a picture is put together with one of another class: more is to be learned


@dataclass
class Recipe:
    """The defaults; options override them."""

    name: str = option(help="the run is written to runs/NAME")
    model: str = option(help="the classifier: a run, a published name or a checkpoint's folder")
    dataset: list[str] = option(["clocks-crocodiles"], "names or folders; blends are made within each, as many of each")
    blends: int = option(100_000, "pictures to learn from", range=(100, 10_000_000))
    both: float = option(0.7, "share of them that are put together of two", range=(0.0, 1.0))
    neither: float = option(0.05, f'share of the class "{NEITHER}"; others share evenly', range=(0.0, 0.9))
    other_classes: float = option(1.0, "how much the other classes count against one, beside neither", range=(0.0, 1.0))
    blurred: float = option(0.3, "share of them that are blurred", range=(0.0, 1.0))
    width: int = option(1024, "hidden units of the heads", range=(1, 65_536))
    dropout: float = option(0.5, "of features and of hidden units", range=(0.0, 0.95))
    steps: int = option(3000, range=(1, 10_000_000))
    batch_size: int = option(1024, range=(2, 65_536))
    learning_rate: float = option(2e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.05, range=(0.0, 1.0))
    seed: int = option(0)


def main() -> None:
    run(train_multilabel, parse(Recipe, {}, __doc__.splitlines()[0]))


def train_multilabel(recipe: Recipe) -> None:
    """Compute the blends' features, train the heads on them, save the classifier with its heads."""
    of_run = last_checkpoint(RUNS / recipe.model)
    folder = of_run / "model" if of_run else resolve(recipe.model)
    trained = ImageClassifier.from_pretrained(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained.to(device, memory_format=torch.channels_last)
    tables = [read_dataset(name, "train", trained.image_size) for name in recipe.dataset]
    for name, table in zip(recipe.dataset, tables, strict=True):
        if table.class_names != trained.class_names:
            raise ValueError(f"{name} has the classes {table.class_names}, the network {trained.class_names}")
    begun = {**dataclasses.asdict(recipe), "classifier": recipe_of(folder), "pictures": [t.digest() for t in tables]}
    run_folder = RUNS / recipe.name
    check_same_recipe(run_folder, run_folder / "recipe.json", begun)
    (run_folder / "blends").mkdir(parents=True, exist_ok=True)
    replace_file(run_folder / "recipe.json", lambda temporary: temporary.write_text(json.dumps(begun, indent=2)))
    parts = []
    for chunk in tqdm(range(-(-recipe.blends // CHUNK)), desc=recipe.name, unit="chunk", disable=None):
        path = run_folder / "blends" / f"{chunk:05d}.safetensors"
        if not path.exists():
            blends = blend_features(trained, tables[chunk % len(tables)], recipe, chunk)
            replace_file(path, lambda temporary, blends=blends: save_file(blends, temporary))
        parts.append(load_file(path))
    features, targets = (torch.cat([part[key] for part in parts])[: recipe.blends] for key in ("features", "targets"))
    targets = targets.float().to(device)
    counts = counterexample_weights(targets, trained.class_names, recipe.other_classes)
    head = fit(features.float().to(device), targets, counts, recipe)
    model = ImageClassifier(**{**trained.config, "multilabel_width": recipe.width})
    own_heads = {f"multilabel_head.{key}": value for key, value in head.state_dict().items()}
    model.load_state_dict({**trained.state_dict(), **own_heads})
    print(save_checkpoint(run_folder, recipe.steps, begun, model, {}))


@torch.inference_mode()
def blend_features(model: ImageClassifier, table: ImageTable, recipe: Recipe, chunk: int) -> dict[str, torch.Tensor]:
    """CHUNK blends of a dataset: {"features": float16 (CHUNK, D), rows of length 1, "targets": uint8 (CHUNK, K)}."""
    torch.manual_seed(recipe.seed * 1_000_003 + chunk)
    neither = table.class_names.index(NEITHER) if NEITHER in table.class_names else None
    shares = torch.ones(len(table.class_names))
    partners = OTHER_CLASS - (OTHER_CLASS - 1) * torch.eye(len(shares))
    if neither is not None:
        shares[neither] = recipe.neither / (1 - recipe.neither) * (len(shares) - 1)
        partners[neither] = partners[:, neither] = 1
    counts = torch.bincount(table.labels, minlength=len(shares)).clamp_min(1)
    rows = torch.multinomial((shares / counts)[table.labels], CHUNK, replacement=True)
    found: dict[str, list] = {"features": [], "targets": []}
    for batch in rows.split(100):
        x, labels = from_bytes(table.pixels[batch]), table.labels[batch]
        x = random_colour(random_affine(x))
        x, targets = combine(x, F.one_hot(labels, len(shares)).float(), recipe.both, partners)
        if neither is not None:  # a clock beside something else is still a clock
            targets[:, neither] *= 2 - targets.sum(1)
        x = random_blur(x, recipe.blurred).to(model.mean.device, memory_format=torch.channels_last)
        features = torch.cat([model.features(part).float() for part in x.split(BATCH)])
        found["features"].append(F.normalize(features, dim=1).half().cpu())
        found["targets"].append(targets.to(torch.uint8))
    return {key: torch.cat(values) for key, values in found.items()}


def fit(features: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor, recipe: Recipe) -> nn.Sequential:
    """Heads for features (N, D) and targets (N, K) in {0, 1}: what they learned of standardised features, for plain.

    Each answer counts as much as `counts` (N, K) says.
    """
    torch.manual_seed(recipe.seed)
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-6)
    first, activation, last = multilabel_head(features.shape[1], recipe.width, targets.shape[1]).to(features.device)
    dropout = nn.Dropout(recipe.dropout)
    heads = nn.Sequential(dropout, first, activation, dropout, last)
    optimizer = torch.optim.AdamW(heads.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=recipe.steps)
    bar = tqdm(range(recipe.steps), desc="heads", unit="step", disable=None)
    for step in bar:
        rows = torch.randint(len(features), (recipe.batch_size,), device=features.device)
        answers = heads((features[rows] - mean) / deviation)
        loss = F.binary_cross_entropy_with_logits(answers, targets[rows], counts[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    with torch.no_grad():
        first.weight /= deviation
        first.bias -= first.weight @ mean
    return nn.Sequential(first, activation, last)


def recipe_of(folder: Path) -> dict | None:
    """With what options a checkpoint was trained: of a run, or as a published card says."""
    try:
        return json.loads((folder.parent / "recipe.json").read_text())
    except OSError:
        card = folder / "README.md"
        found = re.search(r"```json\n(.*?)```", card.read_text(), re.DOTALL) if card.is_file() else None
        return json.loads(found[1]) if found else None


if __name__ == "__main__":
    main()
