"""Train the mapping network that puts one picture's breed and another's pose together as a style of a frozen generator.

    python training/make_latent_pairs.py --name mammals-pairs --model mammals-stylegan2
    python training/train_identity_pose.py --name swap --dataset mammals-pairs --generator mammals-stylegan2

After Nitzan et al. 2020, "Face Identity Disentanglement via Latent Space Mapping", sections 3.2 and 3.3. In place of
face landmarks stands the pose that a frozen network reads. In a part of each batch identity and attribute pictures
differ; in the others they are one, which is then to be drawn again. Where a picture was drawn by the generator its
style is known, and must be found. What follows the paper: codes of a swap must be those of its attribute picture, and
no breed may be read from them. Other pictures may be mixed in, rendered ones or photos: --dataset takes several.

The same command again resumes a run that was stopped; `accelerate launch` before it uses several devices.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from adversarial import non_saturating
from loop import PRECISIONS, RUNS, LoopSettings, folder_of, last_checkpoint, recipe_of, train, weights_digest
from options import option, parse, run
from perceptual import Layers, layers_of
from samples import ROW, save_sheet
from tables import DRAWN, NEITHER, ImageTable, read_splits
from torch import nn

from betwixt import IdentityPoseSwapper, ImageClassifier, PoseRegressor, StyleGAN2Generator
from betwixt.identity_pose import SPACES, WDiscriminator
from betwixt.images import from_bytes, resized, to_images
from betwixt.layers import clipped
from betwixt.losses import cosine_distance, feature_distance, gradient_penalty, reconstruction, reversed_gradient

FAMILIAR = 400  # pictures held out, at which it is looked how strange they are
SHOWN, WATCHED = 4, 100  # identities on a sheet, and pairs of pictures held out that are swapped at a checkpoint


@dataclass
class Recipe:
    """The defaults; a preset and then the options override them."""

    name: str = option(help="the run is written to runs/NAME")
    dataset: list[str] = option(["mammals-pairs"], "pictures with styles (make_latent_pairs.py) and any others, joined")
    generator: str = option("mammals-stylegan2", "frozen: a run, a published name or a folder")
    classifier: str = option("mammals-breeds", "frozen, whose features say the identity")
    pose_model: str = option("mammals-pose", "frozen, which reads the pose")
    perceptual_model: str = option("mammals-breeds", "frozen, for the feature loss: a ResNet-9 or SqueezeNet of ours")
    space: str = option("w", "one style for all layers, or one for each", choices=list(SPACES))
    attribute_size: int = option(64, "side of the attribute picture", range=(8, 512))
    attribute_channels: int = option(16, "width of its encoder after the first halving", range=(1, 512))
    attribute_dim: int = option(64, "length of the attribute code", range=(1, 4096))
    hidden_dim: int = option(256, "width of the mapper", range=(1, 8192))
    mapper_layers: int = option(4, range=(1, 16))
    crossed: float = option(0.5, "share of pictures whose attribute picture is another", range=(0.0, 1.0))
    identity: float = option(1.0, "weight of the identity loss", range=(0.0, 1000.0))
    pose: float = option(1.0, "weight of the pose loss", range=(0.0, 1000.0))
    reconstruction: float = option(0.5, "weight of MS-SSIM and L1 where both pictures are one", range=(0.0, 1000.0))
    features: float = option(0.1, "weight of the feature loss there", range=(0.0, 1000.0))
    latent: float = option(0.1, "weight of the squared distance from a style that is known", range=(0.0, 1000.0))
    adversarial: float = option(0.02, "weight of the discriminator of styles", range=(0.0, 1000.0))
    r1: float = option(10.0, "weight of the penalty on its gradient", range=(0.0, 1000.0))
    consistency: float = option(0.1, "weight of codes that a swap changed", range=(0.0, 1000.0))
    leak: float = option(0.05, "weight of a breed that can be read from a code", range=(0.0, 1000.0))
    steps: int = option(6000, range=(1, 10_000_000))
    batch_size: int = option(32, range=(4, 65_536))
    learning_rate: float = option(1e-3, range=(1e-7, 1.0))
    weight_decay: float = option(0.01, range=(0.0, 1.0))
    ema: float = option(0.998, "decay of the weights' moving average", range=(0.0, 0.99999))
    seed: int = option(0)
    precision: str = option("auto", choices=PRECISIONS)
    checkpoint_every: int = option(500, "steps", range=(1, 10_000_000))
    log: str | None = option(None, "trackio: log into its local database", choices=["trackio"])


PRESETS = {
    "small": {"steps": 200, "attribute_channels": 8, "hidden_dim": 64, "checkpoint_every": 100},
    "cpu": {},
    "gpu": {"steps": 20_000, "batch_size": 64},
    # As far as the paper goes, on one style for all layers.
    "paper": {"latent": 0.0, "consistency": 0.0, "leak": 0.0, "crossed": 1 / 3},
}


def main() -> None:
    run(train_identity_pose, parse(Recipe, PRESETS, __doc__.splitlines()[0]))


def train_identity_pose(recipe: Recipe) -> None:
    """Load, build, train."""
    folder = folder_of(recipe.generator)
    generator = StyleGAN2Generator.from_pretrained(folder)
    classifier = ImageClassifier.from_pretrained(folder_of(recipe.classifier))
    training, held_out = read_splits(recipe.dataset, generator.img_resolution, join=True)
    pairs = Pairs(training, generator, weights_digest(folder))
    torch.manual_seed(recipe.seed)
    teachers = Teachers(
        PoseRegressor.from_pretrained(folder_of(recipe.pose_model)).requires_grad_(False),
        layers_of(recipe.perceptual_model),
    )
    stems = {"classifier": recipe.classifier, "pose": recipe.pose_model}
    runs = {stem: last_checkpoint(RUNS / name) for stem, name in stems.items()}
    known = {
        **dataclasses.asdict(recipe),
        "training_pictures": training.digest(),
        "generator_weights": pairs.drawn_by,
        "teachers": {stem: recipe_of(checkpoint) for stem, checkpoint in runs.items() if checkpoint},
    }
    train(
        RUNS / recipe.name,
        known,
        Game(recipe, generator, classifier, len(training.class_names)),
        lambda game, pixels, *others: game(from_bytes(pixels), *others, teachers),
        pairs,
        LoopSettings.of(recipe, len(training)),
        finish=lambda game: note_what_is_familiar(game.swapper, held_out),
        evaluate=lambda game: watch(game.swapper, teachers, held_out, RUNS / recipe.name),
        rate_of=lambda name: 0.4 if name.startswith("w_discriminator") else 1.0,
    )


@dataclass
class Teachers:
    """Frozen networks that say what the swap is to be like; no part of what is trained or saved."""

    pose: PoseRegressor
    layers: Layers

    def feature_distance(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) each -> (B,)."""
        return feature_distance(self.layers(x), self.layers(y))

    def pose_of(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 4), each factor in its largest value; differentiable."""
        return self.pose.to(x.device)(resized(x, self.pose.image_size)) / self.pose.largest


class Pairs:
    """A table as the training loop wants it: batches of pixels, labels (B,) or -1, styles, and whether these are known.

    Raises:
        ValueError: the styles are another generator's.
    """

    def __init__(self, table: ImageTable, generator: StyleGAN2Generator, whose: str):
        self.table, self.drawn_by = table, whose
        styles = table.columns.get("w", [None] * len(table))
        found = {name for name in table.columns.get("generator", []) if name is not None} - {whose}
        if found:
            raise ValueError(
                f"the dataset's styles are of a generator of weights {', '.join(sorted(found))}, "
                f"and the one given has weights {whose}: draw its own with make_latent_pairs.py"
            )
        self.known = torch.tensor([w is not None for w in styles])
        self.w = torch.zeros(len(table), generator.num_ws, generator.w_dim)
        if self.known.any():
            self.w[self.known] = torch.tensor([w for w in styles if w is not None]).view(-1, *self.w.shape[1:])
        unnamed = [n for n, name in enumerate(table.class_names) if name in (NEITHER, DRAWN)]
        self.labels = torch.where(torch.isin(table.labels, torch.tensor(unnamed)), -1, table.labels)

    def __len__(self) -> int:
        return len(self.table)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.table.pixels[indices], self.labels[indices], self.w[indices], self.known[indices]


class Game(nn.Module):
    """The swapper, the discriminator of its styles, and what reads breeds from its codes; and their losses."""

    def __init__(self, recipe: Recipe, generator: StyleGAN2Generator, classifier: ImageClassifier, num_classes: int):
        super().__init__()
        self.recipe = recipe
        names = ("space", "attribute_size", "attribute_channels", "attribute_dim", "hidden_dim", "mapper_layers")
        sizes = {name: getattr(recipe, name) for name in names}
        self.swapper = IdentityPoseSwapper.of(generator, classifier, **sizes)
        self.w_discriminator = WDiscriminator(generator.w_dim)
        self.breed_of_code = nn.Linear(recipe.attribute_dim, num_classes)

    def forward(
        self, x: torch.Tensor, labels: torch.Tensor, w: torch.Tensor, known: torch.Tensor, teachers: Teachers
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Pictures (B, 3, S, S) in [-1, 1], labels (B,), styles (B, num_ws, w_dim) where known (B,) -> the sum of all
        losses that have a weight, and each of them."""
        recipe, swapper = self.recipe, self.swapper
        rows = torch.arange(len(x), device=x.device)
        crossed = rows < round(recipe.crossed * len(x))  # their order is a random one
        other = torch.where(crossed, rows.roll(1), rows)
        attribute_image, same = x[other], ~crossed
        with torch.no_grad():
            identity = swapper.identity_of(x)
        code = swapper.attributes_of(attribute_image)
        styles = swapper.latent_mapper(identity, code)
        y = clipped(swapper.generator.synthesis(styles.expand(-1, swapper.generator.num_ws, -1)).float())
        losses = {
            "identity": lambda: cosine_distance(swapper.identity_of(y), identity).mean(),
            "pose": lambda: (teachers.pose_of(y) - teachers.pose_of(attribute_image)).square().mean(),
            "reconstruction": lambda: mean_of(reconstruction, y[same], x[same]),
            "features": lambda: mean_of(teachers.feature_distance, y[same], x[same]),
            "latent": lambda: self.away_from(styles, w, same & known),
            "adversarial": lambda: self.adversarial(styles, w[known]),
            "consistency": lambda: mean_of(
                lambda drawn, wanted: (swapper.attributes_of(drawn) - wanted.detach()).square().mean(1),
                y[crossed],
                code[crossed],
            ),
            "leak": lambda: self.leak(code, labels[other]),
        }
        values = {name: loss() for name, loss in losses.items() if getattr(recipe, name)}
        total = sum(getattr(recipe, name) * value for name, value in values.items())
        return total, {name: value.detach() for name, value in values.items()}

    def away_from(self, styles: torch.Tensor, w: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The mean squared distance, in deviations, of styles from those that are known."""
        scaled = self.swapper.latent_mapper.scaled
        return mean_of(lambda a, b: (scaled(a) - scaled(b)).square().mean((1, 2)), styles[rows], w[rows])

    def adversarial(self, styles: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Both sides' losses of styles against the generator's own, with R1 (Nitzan et al., equations 5 and 6).

        Of styles by layer one layer is shown, another each time.
        """
        if not len(w):
            return styles.sum() * 0
        scaled, layer = self.swapper.latent_mapper.scaled, int(torch.randint(styles.shape[1], ()))
        real = scaled(w[:, layer]).requires_grad_()
        loss, of_real, _ = non_saturating(self.w_discriminator, real, scaled(styles[:, layer]), None)
        return loss + self.recipe.r1 / 2 * gradient_penalty(of_real, real)

    def leak(self, code: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """How well breeds (B,), -1 for unknown, are read from codes (B, attribute_dim): what reads tries to lower it,
        the encoder to raise it."""
        named = labels >= 0
        if not named.any():
            return code.sum() * 0
        return F.cross_entropy(self.breed_of_code(reversed_gradient(code[named])).float(), labels[named])

    def save_pretrained(self, folder: Path) -> None:
        """What is published is the swapper."""
        self.swapper.save_pretrained(folder)


def mean_of(distance: Callable, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean distance (B,) of two rows of tensors, or 0 of none."""
    return distance(x, y).mean() if len(x) else x.sum() * 0


@torch.inference_mode()
def note_what_is_familiar(swapper: IdentityPoseSwapper, held_out: ImageTable) -> None:
    """How strange but 5 of 100 pictures held out are at most."""
    chosen = held_out.pixels[torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:FAMILIAR]]
    device = swapper.familiar.device
    found = torch.cat([swapper.strangeness(from_bytes(part).to(device)) for part in chosen.split(50)])
    swapper.familiar.copy_(found.quantile(0.95))


@torch.inference_mode()
def watch(swapper: IdentityPoseSwapper, teachers: Teachers, held_out: ImageTable, run: Path) -> dict[str, float]:
    """What the teachers say of swaps of pictures held out; and a sheet of some, RUN/samples/NUMBER.png.

    On it each row is an identity, each column an attribute picture; the first of both are the pictures themselves.
    """
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[: 2 * WATCHED]
    pairs = len(chosen) // 2
    x = from_bytes(held_out.pixels[chosen]).to(swapper.generator.mapping.w_avg.device)
    identity_images, attribute_images = x[:pairs], x[pairs : 2 * pairs]
    y = clipped(swapper(identity_images, attribute_images))
    away = (teachers.pose_of(y) - teachers.pose_of(attribute_images)) * teachers.pose.largest
    columns = attribute_images[:ROW]
    rows = [to_images(torch.cat([torch.ones_like(columns[:1]), columns]))]
    for one in identity_images[:SHOWN]:
        swaps = clipped(swapper(one.expand_as(columns), columns))
        rows.append(to_images(torch.cat([one[None], swaps])))
    save_sheet(run, rows)
    return {
        "identity": cosine_distance(swapper.identity_of(y), swapper.identity_of(identity_images)).mean().item(),
        "yaw": away[:, 0].abs().mean().item(),
        "pitch": away[:, 1].abs().mean().item(),
    }


if __name__ == "__main__":
    main()
