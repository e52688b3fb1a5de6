"""Breeds of dogs and cats by the names of their classes."""

_CATS = """
abyssinian bengal birman bombay british_shorthair burmese chartreux egyptian_mau maine_coon norwegian_forest ocicat
persian ragdoll russian_blue scottish_fold siamese snowshoe sphynx toyger turkish_van
"""
_DOGS = """
american_bulldog american_pit_bull_terrier basset_hound beagle border_collie boxer chihuahua corgi dachshund dalmatian
english_cocker_spaniel english_setter french_bulldog german_shorthaired golden_retriever great_pyrenees havanese husky
japanese_chin keeshond leonberger miniature_pinscher newfoundland pomeranian poodle pug saint_bernard samoyed
scottish_terrier shiba_inu staffordshire_bull_terrier wheaten_terrier yorkshire_terrier
"""
CATS, DOGS = frozenset(_CATS.split()), frozenset(_DOGS.split())


def species_of(class_name: str) -> str | None:
    """ "siamese" -> "cat", "pug" -> "dog"; None for what is no breed known here."""
    return "cat" if class_name in CATS else "dog" if class_name in DOGS else None
