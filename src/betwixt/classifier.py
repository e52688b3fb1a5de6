"""Image classifiers: three small networks trained from scratch, or any timm or torchvision backbone by name."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from betwixt.hub import PretrainedMixin
from betwixt.images import batches, resized

OWN = ("shallow", "cnn", "resnet9")
HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Seen:
    """What a classifier makes of pictures."""

    embedding: torch.Tensor  # (B, D), rows of length 1
    probabilities: torch.Tensor  # (B, num_classes), rows sum to 1
    multilabel: torch.Tensor | None  # (B, num_classes) of networks that have heads for that


class ImageClassifier(PretrainedMixin, nn.Module):
    """A network that says which class a picture is of; "neither" is a class like the others if it was trained.

    Args:
        architecture: "shallow", "cnn", "resnet9", a timm name ("resnet18"), or "torchvision/<name>".
        class_names: names of the classes, lower case with underscores.
        image_size: side of the square that pictures are fitted to, in pixels.
        network_size: side to which these squares are enlarged before the network; None: not at all.
        base_channels: width of "cnn" and "resnet9".
        num_convolutions: depth of "cnn".
        dropout: share of features dropped before the logits in training (own and torchvision networks).
        flip_at_test: average the logits of the picture and its mirror image.
        pooling: "gem": the features are generalised means over the places of the last map, with an exponent that is
            learned (Radenovic et al. 2018, equation 3); None: the architecture's own pooling.
        embedding_dim: length of an embedding for search, which is a linear layer on the features, scaled to length 1;
            the choice is then by its cosine with one direction for each class (Zhai and Wu 2019). None: neither.
        multilabel_width: hidden units of further heads on `embed`'s features that say yes or no to each class, so that
            a picture may show two of them; 0: there are none.
        mean, std: per channel, of pictures in [0, 1]; None: ImageNet's for backbones, 0.5 for own networks.

    Raises:
        ValueError: an unknown architecture, no classes, or a size under 8 pixels.
        ImportError: a timm name where timm is not installed.
    """

    def __init__(
        self,
        *,
        architecture: str,
        class_names: list[str],
        image_size: int = 32,
        network_size: int | None = None,
        base_channels: int = 32,
        num_convolutions: int = 5,
        dropout: float = 0.0,
        flip_at_test: bool = False,
        pooling: str | None = None,
        embedding_dim: int | None = None,
        multilabel_width: int = 0,
        mean: list[float] | None = None,
        std: list[float] | None = None,
    ):
        super().__init__()
        _check_class_names(class_names)
        for name, size in (("image_size", image_size), ("network_size", network_size)):
            if size is not None and not (isinstance(size, int) and size >= 8):
                raise ValueError(f"{name} must be a whole number of at least 8, not {size}")
        if pooling not in (None, "gem"):
            raise ValueError(f'pooling must be "gem" or None, not {pooling!r}')
        if embedding_dim is not None and not (type(embedding_dim) is int and embedding_dim >= 2):
            raise ValueError(f"embedding_dim must be a whole number of at least 2, not {embedding_dim!r}")
        self.architecture, self.class_names, self.image_size = architecture, list(class_names), image_size
        self.network_size = image_size if network_size is None else network_size
        self.flip_at_test = flip_at_test
        self.head: nn.Module | None = None
        self.standardise: nn.Module = nn.Identity()
        if architecture == "shallow":
            self.network, num_features = ShallowNetwork(self.network_size), 64
        elif architecture == "cnn":
            self.network = ConvNetwork(base_channels, num_convolutions)
            num_features = self.network.num_features
        elif architecture == "resnet9":
            self.network, num_features = ResNet9(base_channels), 8 * base_channels
        elif architecture.startswith("torchvision/"):
            self.network, num_features = _torchvision_features(architecture.removeprefix("torchvision/"))
            # SqueezeNet's features are tens in size: a new last layer on them as they are would wreck the rest.
            if embedding_dim is None:
                self.standardise = nn.BatchNorm1d(num_features, affine=False)
        else:
            num_classes = len(class_names) if embedding_dim is None else 0
            self.network, num_features = _timm_network(architecture, num_classes)
        if pooling == "gem":
            _pool_by_generalised_means(self.network, architecture)
        self.embedding: Embedding | None = None
        if embedding_dim is not None:
            self.embedding, num_features = Embedding(num_features, embedding_dim), embedding_dim
            self.head = CosineHead(embedding_dim, len(class_names))
        elif num_features is not None:
            self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(num_features, len(class_names)))
        own_mean, own_std = self._usual_mean_and_std()
        self.register_buffer("mean", _channels("mean", mean or own_mean), persistent=False)
        self.register_buffer("std", _channels("std", std or own_std), persistent=False)
        if architecture not in OWN:
            num_features = self._try_out()
        self.multilabel_head = multilabel_head(num_features, multilabel_width, len(class_names))

    def _usual_mean_and_std(self) -> tuple[Sequence[float], Sequence[float]]:
        if hasattr(self.network, "pretrained_cfg"):
            return self.network.pretrained_cfg["mean"], self.network.pretrained_cfg["std"]
        return (HALF, HALF) if self.architecture in OWN else (IMAGENET_MEAN, IMAGENET_STD)

    @torch.no_grad()
    def _try_out(self) -> int:
        """How many features there are. Some backbones take one size of picture only, and a few have several heads."""
        was_training, x = self.training, torch.zeros(1, 3, self.network_size, self.network_size)
        try:
            features, logits = self.eval().features(x), self(x)
        except Exception as error:  # as many types as there are backbones
            fault = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ValueError(
                f"{self.architecture} cannot be used at a network_size of {self.network_size}: {fault}"
            ) from None
        if features.ndim != 2 or logits.shape[1] != len(self.class_names):
            raise ValueError(f"{self.architecture} has no single vector of features before its logits")
        self.train(was_training)
        return features.shape[1]

    @property
    def is_timm(self) -> bool:
        """Whether the network, its head included, is timm's own."""
        return self.head is None

    def features(self, x: torch.Tensor, layer: str | None = None) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, D): what the last layer before the logits gives.

        Or another `layer`, by its name in `network.named_modules()`: its mean over the picture's places.
        """
        if layer is not None:
            return self._features_of_layer(x, layer)
        features = self.pooled(x)
        return features if self.embedding is None else self.embedding(features)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, D): the network's features, before any embedding of them."""
        x = ((resized(x, self.network_size) + 1) / 2 - self.mean) / self.std
        if self.is_timm:
            return self.network.forward_head(self.network.forward_features(x), pre_logits=True)
        return self.network(x).flatten(1)

    def _features_of_layer(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        modules = dict(self.network.named_modules())
        if layer not in modules:
            raise ValueError(
                f"{self.architecture} has no layer {layer!r}: there are {', '.join(filter(None, modules))}"
            )
        seen: list[torch.Tensor] = []
        caller = threading.get_ident()

        def note(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            if threading.get_ident() == caller:  # others may use the network meanwhile
                seen.append(output)

        hook = modules[layer].register_forward_hook(note)
        try:
            self.features(x)
        finally:
            hook.remove()
        if not seen or not isinstance(seen[-1], torch.Tensor):
            raise ValueError(f"layer {layer!r} of {self.architecture} gives no tensor")
        return seen[-1].flatten(2).mean(2) if seen[-1].ndim > 2 else seen[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> logits (B, num_classes)."""
        return self._choice(self.features(x))

    def _choice(self, features: torch.Tensor) -> torch.Tensor:
        if self.is_timm:
            return self.network.get_classifier()(features)
        return self.head(self.standardise(features))

    def multilabel_logits(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, num_classes), whose sigmoid says whether a class is shown; differentiable.

        Raises:
            ValueError: as `multilabel_probabilities`.
        """
        return self._yes_or_no(self.features(x))

    def _yes_or_no(self, features: torch.Tensor) -> torch.Tensor:
        if self.multilabel_head is None:
            raise ValueError("the network chooses one class: it has no heads that say yes or no to each")
        return self.multilabel_head(F.normalize(features, dim=1))

    @torch.inference_mode()
    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, num_classes), rows sum to 1; float32 on the CPU."""
        return F.softmax(self._over_sides(self, self._sides(x)), dim=1)

    @torch.inference_mode()
    def multilabel_probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, num_classes): that the picture shows a class, whatever else it shows.

        Raises:
            ValueError: the network has no heads for that (`multilabel_width`).
        """
        return torch.sigmoid(self._over_sides(lambda side: self._yes_or_no(self.features(side)), self._sides(x)))

    def _sides(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x, x.flip(-1)] if self.flip_at_test else [x]

    def _over_sides(
        self, logits: Callable[[torch.Tensor], torch.Tensor], sides: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        return torch.stack([logits(side) for side in sides]).mean(0).float().cpu()

    def predict(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> probabilities (B, num_classes); rows sum to 1."""
        return self._in_batches(self.probabilities, images, len(self.class_names))

    def predict_multilabel(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Pictures of any size and mode -> (B, num_classes), as `multilabel_probabilities`."""
        return self._in_batches(self.multilabel_probabilities, images, len(self.class_names))

    def embed(self, images: Sequence[Image.Image], layer: str | None = None) -> torch.Tensor:
        """Pictures of any size and mode -> features (B, D) float32, rows of length 1; `layer` as in `features`."""

        @torch.inference_mode()
        def unit_features(x: torch.Tensor) -> torch.Tensor:
            return F.normalize(self.features(x, layer).float(), dim=1).cpu()

        return self._in_batches(unit_features, images, 0)

    @torch.inference_mode()
    def see(self, images: Sequence[Image.Image]) -> "Seen":
        """All that `embed`, `predict` and `predict_multilabel` say of pictures, at the cost of `predict` alone."""
        none = torch.empty(0, len(self.class_names))
        found = [(torch.empty(0, 0), none, none)] if not images else []
        for x in batches(images, self.image_size, self.mean.device):
            sides = [self.features(side) for side in self._sides(x)]
            yes = none if self.multilabel_head is None else self._over_sides(self._yes_or_no, sides).sigmoid()
            embedding = F.normalize(sides[0].float(), dim=1).cpu()
            found.append((embedding, self._over_sides(self._choice, sides).softmax(1), yes))
        embedding, probabilities, yes = (torch.cat(parts) for parts in zip(*found, strict=True))
        return Seen(embedding, probabilities, None if self.multilabel_head is None else yes)

    def _in_batches(self, function, images: Sequence[Image.Image], width_when_empty: int) -> torch.Tensor:
        found = [function(x) for x in batches(images, self.image_size, self.mean.device)]
        return torch.cat(found) if found else torch.empty(0, width_when_empty)

    def load_backbone(self, path: str | Path | None = None) -> None:
        """Load pretrained weights: from a local file (.safetensors, or .pth read without running code), else as
        timm or torchvision download them. A checkpoint's model.safetensors will do as well. The layer of the original
        classes is left out; everything else must fit.

        Raises:
            ValueError: the file cannot be read, or its weights are not of this architecture.
            ConnectionError: no file was given and the download failed.
        """
        weights = _read_weights(Path(path)) if path else _download_weights(self.architecture)
        if any(key.startswith("network.") for key in weights):  # those of a checkpoint, with its head
            weights = {key.removeprefix("network."): value for key, value in weights.items() if "network." in key}
        own = self.network.state_dict()
        fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
        missing = [
            key
            for key in own
            if key not in fitting and not self._is_classifier_key(key) and not key.endswith("exponent")
        ]
        if missing:
            raise ValueError(
                f"{path} does not hold weights of {self.architecture}: {len(missing)} differ, first {missing[0]}"
            )
        self.network.load_state_dict(fitting, strict=False)

    def _is_classifier_key(self, key: str) -> bool:
        if not self.is_timm:
            return False
        name = self.network.pretrained_cfg.get("classifier") or ()
        return any(key.startswith(f"{n}.") for n in ([name] if isinstance(name, str) else name))

    def _config_to_save(self) -> dict:
        config = super()._config_to_save()
        if self.is_timm:
            config |= {
                "num_classes": len(self.class_names),
                "label_names": self.class_names,
                "num_features": self.network.num_features,
                "pretrained_cfg": {
                    "input_size": [3, self.network_size, self.network_size],
                    "mean": [round(value, 6) for value in self.mean.flatten().tolist()],
                    "std": [round(value, 6) for value in self.std.flatten().tolist()],
                    "interpolation": "bicubic",
                    "crop_pct": 1.0,
                    "first_conv": self.network.pretrained_cfg.get("first_conv"),
                    "classifier": self.network.pretrained_cfg.get("classifier"),
                },
            }
        return config

    @classmethod
    def _arguments_from_config(cls, config: dict) -> dict:
        # Networks that were saved before there were embeddings for search have none.
        arguments = {"pooling": None, "embedding_dim": None} | super()._arguments_from_config(config)
        if "pretrained_cfg" not in arguments:
            return arguments
        if arguments.get("label_names") != arguments.get("class_names"):
            raise ValueError("label_names (for timm) and class_names differ")
        # What timm reads beside the constructor's arguments follows from them.
        timm_keys = ("num_classes", "label_names", "num_features", "pretrained_cfg")
        return {key: value for key, value in arguments.items() if key not in timm_keys}

    def _weights_to_save(self) -> dict[str, torch.Tensor]:
        weights = super()._weights_to_save()
        return {key.removeprefix("network."): value for key, value in weights.items()} if self.is_timm else weights

    def _load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        if self.is_timm:
            own = self.network.state_dict()
            weights = {f"network.{key}" if key in own else key: value for key, value in weights.items()}
        super()._load_weights(weights)


def multilabel_head(num_features: int, width: int, num_classes: int) -> nn.Sequential | None:
    """(B, num_features), rows of length 1 -> logits (B, num_classes) of one yes or no each; None at a width of 0."""
    if width == 0:
        return None
    return nn.Sequential(nn.Linear(num_features, width), nn.GELU(), nn.Linear(width, num_classes))


class Embedding(nn.Linear):
    """Features (B, D), scaled to length 1, -> (B, embedding_dim), by a layer that can be fitted: see `whiten`."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward(F.normalize(features, dim=1))

    @torch.no_grad()
    def whiten(
        self,
        features: torch.Tensor,
        labels: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
        shrinkage: float = 0.3,
    ) -> None:
        """Make the layer the one that turns and scales (N, D) so that no direction says more than another.

        What a few directions say of every picture (bright, much sky) hides what tells one from another. With labels
        (N,) only what varies within a class counts, for what varies between them is what is asked about; `weights` (N,)
        say how much each row counts. Directions in which these features hardly vary are not blown up: `shrinkage` times
        the mean variance is added to each. The widest `embedding_dim` directions are kept (Jegou and Chum 2012, shrunk;
        within classes: Radenovic et al. 2018, section 3.3).
        """
        features = F.normalize(features, dim=1).cpu().double()
        shares = torch.ones(len(features)).double() if weights is None else weights.cpu().double()
        shares = shares / shares.sum()
        mean = around = shares @ features
        if labels is not None:
            _, rows = labels.cpu().unique(return_inverse=True)
            members = F.one_hot(rows).double()
            around = ((members.T @ features) / members.sum(0)[:, None])[rows]
        variances, directions = torch.linalg.eigh(torch.cov((features - around).T, aweights=shares))
        variances, directions = variances.flip(0).clamp_min(0), directions.flip(1)
        scales = (variances + shrinkage * variances.mean()).rsqrt()
        weight = (directions * scales).T[: self.out_features]
        self.weight.copy_(weight)
        self.bias.copy_(-weight @ mean)


class CosineHead(nn.Linear):
    """(B, D) -> logits (B, num_classes): cosines with a direction for each class, times SCALE."""

    SCALE = 16.0

    def __init__(self, num_features: int, num_classes: int):
        super().__init__(num_features, num_classes, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.SCALE * F.linear(F.normalize(features, dim=1), F.normalize(self.weight, dim=1))


class GeneralisedMean(nn.Module):
    """(B, C, H, W) -> (B, C, 1, 1): the p-th root of the mean p-th power; 1: the mean, large: the largest."""

    def __init__(self, exponent: float = 2.0):
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor(exponent))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        exponent = self.exponent.clamp(1.0, 10.0)
        return x.float().clamp_min(1e-6).pow(exponent).mean((2, 3), keepdim=True).pow(1 / exponent)


class ShallowNetwork(nn.Sequential):
    """The original's cheapest network: with the logits, four fully-connected layers and LeakyReLUs."""

    def __init__(self, image_size: int):
        sizes = [3 * image_size**2, 256, 128, 64]
        layers: list[nn.Module] = [nn.Flatten()]
        for size_in, size_out in pairwise(sizes):
            layers += [nn.Linear(size_in, size_out), nn.LeakyReLU(0.1)]
        super().__init__(*layers)


class ConvNetwork(nn.Sequential):
    """The original's CNN: 3 or 5 convolutions with LeakyReLUs and max-poolings, global pooling on the top."""

    def __init__(self, base_channels: int, num_convolutions: int):
        if not 1 <= num_convolutions <= 8:
            raise ValueError(f"num_convolutions must be 1 to 8, not {num_convolutions}")
        layers: list[nn.Module] = []
        channels = 3
        for i in range(num_convolutions):
            out_channels = base_channels * min(2**i, 4)
            layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.LeakyReLU(0.1)]
            if i < 3:
                layers.append(nn.MaxPool2d(2))
            channels = out_channels
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.num_features = channels


class ResNet9(nn.Sequential):
    """Eight convolutions with two residual pairs, after David Page's "How to train your ResNet"; 4 poolings."""

    def __init__(self, base_channels: int):
        c = base_channels
        super().__init__(
            _conv(3, c),
            _conv(c, 2 * c, pool=True),
            Residual(_conv(2 * c, 2 * c), _conv(2 * c, 2 * c)),
            _conv(2 * c, 4 * c, pool=True),
            _conv(4 * c, 8 * c, pool=True),
            Residual(_conv(8 * c, 8 * c), _conv(8 * c, 8 * c)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )


class Residual(nn.Sequential):
    """x -> x + f(x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


def _conv(in_channels: int, out_channels: int, pool: bool = False) -> nn.Sequential:
    layers = [
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.GELU(),  # CELU, the usual choice here, is 50 times slower in bfloat16 on a CPU
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


def _pool_by_generalised_means(network: nn.Module, architecture: str) -> None:
    """Put a GeneralisedMean in the place of the pooling on the top."""
    pools = [
        name
        for name, module in network.named_modules()
        if type(module).__name__ in ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "SelectAdaptivePool2d")
    ]
    if not pools:
        raise ValueError(f"{architecture} has no pooling on its top that could be replaced")
    network.set_submodule(pools[-1], GeneralisedMean())


def _torchvision_features(name: str) -> tuple[nn.Module, int]:
    """A torchvision network without its last layer, and how many features it gives."""
    from torchvision import models

    if name not in models.list_models(module=models):
        raise ValueError(f"torchvision has no classification model {name!r}; see torchvision.models.list_models()")
    network = models.get_model(name, weights=None)
    if name.startswith("squeezenet"):  # its classifier is a convolution
        network.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return network, 512
    if name in ("googlenet", "inception_v3"):
        network.aux_logits, network.aux1, network.aux2, network.AuxLogits = False, None, None, None
    last = [key for key, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    num_features = network.get_submodule(last).in_features
    network.set_submodule(last, nn.Identity())
    return network, num_features


def _timm_network(name: str, num_classes: int) -> tuple[nn.Module, int | None]:
    """A timm network, and how many features it gives where it has no classes."""
    try:
        import timm
    except ImportError:
        raise ImportError(f"architecture {name!r} needs timm: pip install timm") from None
    if not timm.is_model(name):
        raise ValueError(
            f'unknown architecture {name!r}: use "shallow", "cnn", "resnet9", a timm name or "torchvision/<name>"'
        )
    network = timm.create_model(name, pretrained=False, num_classes=num_classes)
    return network, None if num_classes else getattr(network, "head_hidden_size", network.num_features)


def _download_weights(architecture: str) -> dict[str, torch.Tensor]:
    try:
        if architecture.startswith("torchvision/"):
            from torchvision import models

            return models.get_model(architecture.removeprefix("torchvision/"), weights="DEFAULT").state_dict()
        import timm

        return timm.create_model(architecture, pretrained=True).state_dict()
    except Exception as error:  # the two libraries and their clients raise many types
        raise ConnectionError(
            f"pretrained weights of {architecture} could not be downloaded ({type(error).__name__}): "
            "check the connection, or give a local file with --weights"
        ) from None


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # hostile files raise nearly any type
        raise ValueError(f"cannot read weights from {path}: {str(error).splitlines()[0]}") from None
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise ValueError(f"{path} does not hold a state dict")
    return weights


def _check_class_names(names: list[str]) -> None:
    is_list = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not is_list or not names or len(set(names)) != len(names):
        raise ValueError(f"class_names must be a list of different names, not {names!r}")


def _channels(name: str, values: Sequence[float]) -> torch.Tensor:
    if len(values) != 3 or (name == "std" and min(values) <= 0):
        raise ValueError(f"{name} must be 3 numbers{', over 0' if name == 'std' else ''}, not {values}")
    return torch.tensor(list(values), dtype=torch.float32).view(1, 3, 1, 1)
