"""Betwixt: image spaces, and what lies between two kinds of picture, near a picture, or in a swap."""

from importlib import import_module

_PUBLIC = {
    "ImageClassifier": "classifier",
    "ConvAutoencoder": "autoencoder",
    "ClassifierEnsemble": "ensemble",
    "ConditionalGAN": "conditional_gan",
    "DiffusionModel": "diffusion",
    "EmbeddingIndex": "search",
    "IdentityPoseSwapper": "identity_pose",
    "PoseRegressor": "pose",
    "StyleGAN2Generator": "stylegan2",
    "VAE": "vae",
}
__all__ = [*_PUBLIC]


def __getattr__(name: str):
    # Importing torch takes seconds, so a public name loads its module only when it is asked for.
    if name in _PUBLIC:
        return getattr(import_module(f"betwixt.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'betwixt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
