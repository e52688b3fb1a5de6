"""What visitors take away from a search: the ranking as records and as CSV, and the classes that they taught."""

import csv
import io
import tempfile
import zipfile
from typing import Any

from finder import Eye, Ranking

CARD = """# {classes}

Learned from a few pictures in the Space Clocks vs. Crocodiles.

```python
from betwixt import ImageClassifier
from PIL import Image

model = ImageClassifier.from_pretrained("{name}")  # this folder
model.predict([Image.open("photo.jpg")])  # probabilities of {classes}
```

Licence: Apache-2.0. On SqueezeNet it started from that network's ImageNet weights (BSD licence).
"""


def records(ranking: Ranking) -> list[dict[str, Any]]:
    """The rows as plain values."""
    found = []
    for row in ranking.rows:
        nearest = {name: near.name for name, near in zip(ranking.search.classes, row.nearest, strict=True)}
        record = {"rank": row.rank, "name": row.picture.name, "class": row.picture.kind or None}
        record |= {"score": round(row.score, 5), "position": round(row.position, 4)}
        record |= {"probabilities": ranking.search.probabilities(row.picture), "nearest": nearest}
        found.append(record | ({} if row.picture.t is None else {"t": round(row.picture.t, 4)}))
    return found


def to_csv(ranking: Ranking) -> bytes:
    """The ranking as a table; of `t` and probabilities only where there are any."""
    flat = []
    for record in records(ranking):
        probabilities, nearest = record.pop("probabilities"), record.pop("nearest")
        shares = {f"probability_{name}": round(share, 5) for name, share in probabilities.items()}
        flat.append(record | shares | {f"nearest_{name}": value for name, value in nearest.items()})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for record in flat for name in record)), restval="")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().encode("utf-8-sig")  # spreadsheets know the encoding by its first bytes


def to_zip(learned: Eye) -> bytes:
    """The folder of a checkpoint, as `ImageClassifier.from_pretrained` loads it."""
    name, packed = "-".join(learned.model.class_names), io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(learned.model.save_pretrained(folder).iterdir()):
            archive.write(file, f"{name}/{file.name}")
        archive.writestr(f"{name}/README.md", CARD.format(name=name, classes=" and ".join(learned.model.class_names)))
    return packed.getvalue()
