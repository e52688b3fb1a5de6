"""What the page says, in English and in French.

Labels of components are translated by Gradio, in the visitor's browser; what handlers write holds both languages, and
the browser shows the one that Gradio speaks: a key of its own carries the style that hides the other.
"""

from html import escape

import gradio as gr

ENGLISH = {
    "hide_other": "<style>.gradio-container [lang='fr']{display:none}</style>",
    "blend": "Blend",
    "breed": "Breed",
    "clusters": "Clusters",
    "first": "One picture",
    "second": "Another",
    "third": "A third (if you like)",
    "fourth": "A fourth (if you like)",
    "drop": "# Drop a picture here\nor click to choose one",
    "share": "How far from the first to the second: 0 is the one, 1 the other; beyond, their difference grows",
    "share_third": "Share of the third",
    "share_fourth": "Share of the fourth",
    "way": "The way",
    "more": "Blend in more pictures",
    "surprise": "Surprise me",
    "film": "Make a film",
    "save_webp": "↓ WebP",
    "save_gif": "↓ GIF",
    "drawer": "What draws",
    "seed_one": "The one: seed",
    "seed_other": "The other: seed",
    "of_breed": "Breed",
    "taken_from": "Taken from",
    "along": "How far from the one to the other: 0 is the one, 1 the other",
    "parts": "What goes along",
    "daring": "How daring: 0 is its mean picture, 1 all that it knows",
    "another": "↻ Another",
    "reset": "All back to 0",
    "layer_by_layer": "Layer by layer",
    "layers": "Layers that go along, from coarse to fine; all others stay as in the one",
    "own_style": "Put in your own picture",
    "space": "What to look for",
    "find": "Find my picture",
    "stop": "Stop here",
    "photo": "Your picture",
    "pictures": "Pictures",
    "own": "Your pictures, or a zip of them",
    "features": "As seen by",
    "other_features": "Second map",
    "method": "Method",
    "count": "Clusters",
    "smallest": "Fewest pictures in a cluster",
    "maps": "Two maps of the pictures",
}
FRENCH = {
    "hide_other": "<style>.gradio-container [lang='en']{display:none}</style>",
    "blend": "Mélanger",
    "breed": "Race",
    "clusters": "Groupes",
    "first": "Une image",
    "second": "Une autre",
    "third": "Une troisième (au choix)",
    "fourth": "Une quatrième (au choix)",
    "drop": "# Déposez une image ici\nou cliquez pour en choisir une",
    "share": "De la première à la seconde : 0 est l'une, 1 l'autre ; au-delà, leur différence grandit",
    "share_third": "Part de la troisième",
    "share_fourth": "Part de la quatrième",
    "way": "Le chemin",
    "more": "Mêler d'autres images",
    "surprise": "Surprenez-moi",
    "film": "Faire un film",
    "save_webp": "↓ WebP",
    "save_gif": "↓ GIF",
    "drawer": "Ce qui dessine",
    "seed_one": "L'une : graine",
    "seed_other": "L'autre : graine",
    "of_breed": "Race",
    "taken_from": "Tirée de",
    "along": "De l'une à l'autre : 0 est l'une, 1 l'autre",
    "parts": "Ce qui change",
    "daring": "Audace : 0 est son image moyenne, 1 tout ce qu'il connaît",
    "another": "↻ Autre",
    "reset": "Tout remettre à 0",
    "layer_by_layer": "Couche par couche",
    "layers": "Couches qui changent, de la forme au détail ; les autres restent celles de l'une",
    "own_style": "Y mettre votre image",
    "space": "Que chercher",
    "find": "Retrouver mon image",
    "stop": "Arrêter là",
    "photo": "Votre image",
    "pictures": "Images",
    "own": "Vos images, ou un zip",
    "features": "Vues par",
    "other_features": "Seconde carte",
    "method": "Méthode",
    "count": "Groupes",
    "smallest": "Nombre minimal d'images par groupe",
    "maps": "Deux cartes des images",
}
WORDS = gr.I18n(en=ENGLISH, fr=FRENCH)

_FRENCH_FAULTS = {  # of the library, by how they begin
    "There is no picture": "Il n'y a pas d'image : choisissez-en une d'abord.",
    "There are no pictures": "Il n'y a pas d'images : choisissez-en d'abord.",
    "The file is empty": "Le fichier est vide.",
    "HEIC pictures": "Les images HEIC ne sont pas lues ici : utilisez JPEG, PNG, WebP ou GIF.",
    "This is not a picture": "Ce n'est pas une image lisible : utilisez JPEG, PNG, WebP ou GIF.",
    "The file cannot be read": "Le fichier n'est plus là : renvoyez-le.",
    "It was deleted": "Le fichier a été supprimé entre-temps : renvoyez-le.",
    "The picture is damaged": "L'image est abîmée et ne peut pas être lue.",
    "The picture has no pixels": "L'image n'a pas de pixels.",
    "The picture has only": "L'image est trop petite.",
    "There is nothing to see": "On ne voit rien sur cette image : elle est d'une seule couleur.",
    "The picture is too large": "L'image est trop grande.",
    "The file is over": "Le fichier est trop gros.",
    "The zip": "Le zip ne peut pas être lu ainsi : il est vide, abîmé ou trop gros.",
    "Only uploaded": "Seules des images envoyées peuvent être utilisées.",
    "Only ": "C'est trop d'images à la fois.",
    "Seed must be": "La graine doit être un nombre entier.",
    "A seed must be": "La graine doit être un nombre entier, de 0 à 2147483647.",
    "Share must be": "La part doit aller de -1 à 2.",
    "Truncation_psi must be": "L'audace doit aller de 0 à 2.",
    "A direction must be": "Une direction doit aller de -10 à 10.",
    "Too many are waiting": "Trop de visiteurs attendent déjà : revenez dans une minute.",
    "The loss is no number": "La recherche a échoué : essayez une autre image.",
    "The network could not": "Le réseau n'a pas pu être chargé ; revenez plus tard.",
    "The pictures could not": "Les images n'ont pas pu être chargées ; revenez plus tard.",
}
FRENCH_BREEDS = {  # where they are called otherwise
    "american_bulldog": "bouledogue américain",
    "abyssinian": "abyssin",
    "birman": "sacré de Birmanie",
    "dachshund": "teckel",
    "dalmatian": "dalmatien",
    "egyptian_mau": "mau égyptien",
    "english_cocker_spaniel": "cocker anglais",
    "english_setter": "setter anglais",
    "french_bulldog": "bouledogue français",
    "german_shorthaired": "braque allemand",
    "great_pyrenees": "montagne des Pyrénées",
    "havanese": "bichon havanais",
    "japanese_chin": "épagneul japonais",
    "miniature_pinscher": "pinscher nain",
    "newfoundland": "terre-neuve",
    "norwegian_forest": "norvégien",
    "persian": "persan",
    "pomeranian": "spitz nain",
    "poodle": "caniche",
    "pug": "carlin",
    "russian_blue": "bleu russe",
    "saint_bernard": "saint-bernard",
    "samoyed": "samoyède",
    "scottish_terrier": "terrier écossais",
    "keeshond": "spitz-loup",
    "siamese": "siamois",
    "turkish_van": "turc de Van",
}


def both(english: str, french: str) -> str:
    """HTML in both languages, of which the browser shows one; what comes in is HTML."""
    return f'<span lang="en">{english}</span><span lang="fr">{french}</span>'


def breed_name(class_name: str) -> tuple[str, str]:
    """ "french_bulldog" -> ("French Bulldog", "Bouledogue français")."""
    plain = class_name.replace("_", " ")
    french = FRENCH_BREEDS.get(class_name, plain)
    return plain.title(), french[:1].upper() + french[1:]


def fault(message: str) -> str:
    """What went wrong, one line of the library's, as HTML in both languages."""
    french = next((words for start, words in _FRENCH_FAULTS.items() if message.startswith(start)), message)
    return both(escape(message), escape(french))
