"""Which breeds are dogs and which are cats."""

import csv

from worlds.breeds import BREEDS

from betwixt.breeds import CATS, DOGS, species_of


def test_every_rendered_breed_has_its_species():
    assert {name: species_of(name) for name in BREEDS} == {name: breed.species for name, breed in BREEDS.items()}
    assert not CATS & DOGS
    assert species_of("neither") is None


def test_every_breed_of_the_photos_has_its_species(photos):
    with open(photos / "pets" / "index.csv", newline="") as file:
        known = {row["breed"]: row["species"] for row in csv.DictReader(file)}
    assert len(known) == 37
    assert {name: species_of(name) for name in known} == known
    assert not {*known} & {*BREEDS}
