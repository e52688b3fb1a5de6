"""From photos as they come to crops of one kind."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path, PurePath

import numpy as np
import pytest
import torch
from conftest import ROOT
from evaluate_filter import Labelled, Options, best_threshold, evaluate, figures
from photo_backgrounds import MaskError, alpha_of_mask, alpha_of_segments
from photo_boxes import BoxError, FolderOfBoxes, TableOfBoxes, boxes_of_xml, head_of_points
from photo_crops import crop, square_around
from PIL import Image
from prepare_photos import Recipe, prepare

WIDTH, HEIGHT = 60, 40
PLAIN = {"margin": 0, "image_size": 64}


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys):
    """prepared(**options) runs the recipe in tmp_path, without the seconds that a process of its own takes to start."""
    monkeypatch.chdir(tmp_path)

    def run(name: str = "out", **options):
        capsys.readouterr()
        prepare(Recipe(name, **options))
        return capsys.readouterr()

    return run


def coordinates(width: int = WIDTH, height: int = HEIGHT, blue: int = 0) -> np.ndarray:
    """A picture whose red is the column, and whose green is the row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, blue)], 2).astype(np.uint8)


def write(file: Path, pixels: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def noise(seed: int, width: int = 48, height: int = 48) -> np.ndarray:
    patches = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def voc(*boxes: tuple, name: str = "cat", size: tuple[int, int] | None = (WIDTH, HEIGHT)) -> str:
    sized = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    edges = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{edge}>{value}</{edge}>" for edge, value in zip(edges, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    return f"<annotation>{sized}{objects}</annotation>"


def made(folder: Path, name: str = "out") -> dict[str, np.ndarray]:
    """What was written, by its path."""
    out = folder / "runs" / "photos" / name
    files = sorted(file for file in out.rglob("*") if file.is_file() and file.name != "report.jsonl")
    return {file.relative_to(out).as_posix(): np.asarray(Image.open(file)) for file in files}


def reported(out: Path) -> list[dict]:
    """What a run has written down so far: whole lines after the first."""
    report = out / "report.jsonl"
    return [json.loads(line) for line in report.read_text().split("\n")[1:-1]] if report.exists() else []


def outcomes(folder: Path, name: str = "out") -> dict[str, dict]:
    return {row["file"]: row for row in reported(folder / "runs" / "photos" / name)}


@pytest.fixture(scope="module")
def squeezenet(photos) -> str:
    return str(photos / "imagenet_squeezenet" / "squeezenet1_0.pth")


def test_stanford_dogs(tmp_path, prepared):
    """Files without a suffix in folders of breeds, several dogs in one photo, boxes that are bad in many ways."""
    photo = coordinates()
    for stem in ("two", "clipped", "bad", "none"):
        write(tmp_path / "Images" / "n01-pug" / f"{stem}.png", photo)
    notes = tmp_path / "Annotation" / "n01-pug"
    notes.mkdir(parents=True)
    (notes / "two").write_text(voc((5, 10, 25, 30), (30, 4, 46, 12), name="pug"))
    (notes / "clipped").write_text(voc((50, 30, 70, 60), (60, 0, 90, 20), (9, 9, 9, 20), ("x", 1, 2, 3)))
    (notes / "bad").write_text("<annotation><object>")
    said = prepared(source="Images", boxes="Annotation", near_duplicates="keep", **PLAIN)
    crops = made(tmp_path)
    assert {*crops} == {"n01-pug/two.png", "n01-pug/two-2.png", "n01-pug/clipped.png"}
    assert np.array_equal(crops["n01-pug/two.png"], photo[10:30, 5:25])
    assert np.array_equal(crops["n01-pug/two-2.png"], photo[0:16, 30:46])  # centred on row 8
    assert np.array_equal(crops["n01-pug/clipped.png"], photo[30:40, 50:60])
    for fault in (
        "clipped.png: the box 60 0 90 20 is outside the picture of 60x40",
        "clipped.png: the box 9 9 9 20 is empty",
        "clipped.png: 'x' is no number",
        "bad.png: bad: it is no XML",
    ):
        assert f"skipped n01-pug/{fault}" in said.err
    assert said.out == (
        "runs/photos/out: 3 pictures; of 4 photos 2 kept, 0 filtered, 0 near-duplicate, 1 without a box, 1 bad\n"
    )


def test_oxford_pets_with_trimaps(tmp_path, prepared):
    """Photos in one folder, whose class is the box's name; trimaps take the background away."""
    photo = coordinates(blue=200)
    trimap = np.full((HEIGHT, WIDTH), 2, dtype=np.uint8)
    trimap[12:22, 10:20] = 3
    trimap[15:19, 13:17] = 1
    for stem in ("a", "b", "unmasked"):
        write(tmp_path / "images" / f"{stem}.png", photo)
        (tmp_path / "xmls").mkdir(exist_ok=True)
        (tmp_path / "xmls" / f"{stem}.xml").write_text(voc((8, 10, 22, 24), name="../ cat/"))
    write(tmp_path / "trimaps" / "a.png", trimap)
    write(tmp_path / "trimaps" / "b.png", ((trimap != 2) * 255).astype(np.uint8))
    options = {"source": "images", "boxes": "xmls", "near_duplicates": "keep", **PLAIN}
    said = prepared(**options, background="remove", masks="trimaps", color="#ff0000")
    assert "skipped unmasked.png: it has no mask" in said.err
    crops = made(tmp_path)
    assert {*crops} == {"_ cat_/a.png", "_ cat_/b.png"}  # no annotation leads out of the folder
    part, marks = photo[10:24, 8:22], trimap[10:24, 8:22]
    for crop_ in crops.values():
        assert np.array_equal(crop_[marks == 1], part[marks == 1])
        assert np.array_equal(crop_[marks == 2], np.broadcast_to([255, 0, 0], (np.count_nonzero(marks == 2), 3)))
    assert np.array_equal(crops["_ cat_/b.png"][marks == 3], part[marks == 3])
    assert ((blue := crops["_ cat_/a.png"][marks == 3][:, 2]) > 0).all()
    assert (blue < 200).all()  # within the border it is a mixture


def test_tables_in_pixels_and_relative(tmp_path):
    in_pixels = tmp_path / "pixels.csv"
    in_pixels.write_text("file,x0,y0,x1,y1\na/p.png,3,4,13,14\na/p.png,20,20,30,35\na/q.png,,,,\na/q.png,1,2,3\n")
    table = TableOfBoxes(in_pixels)
    assert [box.within(WIDTH, HEIGHT) for box in table.of(PurePath("a/p.png")).boxes] == [
        (3, 4, 13, 14),
        (20, 20, 30, 35),
    ]
    assert table.of(PurePath("a/q.png")).faults == ["None is no number"]
    assert not table.of(PurePath("other.png")).boxes
    relative = tmp_path / "relative.csv"
    relative.write_text("file,breed,head_box_rel_x0y0x1y1,body\np.png,x,0.1 0.2 0.5 0.6,0 0 1 1\nq.png,x,,\n")
    assert TableOfBoxes(relative).of(PurePath("p.png")).boxes[0].within(100, 50) == pytest.approx((10, 10, 50, 30))
    assert TableOfBoxes(relative, "body").of(PurePath("p.png")).boxes[0].within(100, 50) == (0, 0, 100, 50)
    assert not TableOfBoxes(relative).of(PurePath("q.png")).boxes
    with pytest.raises(ValueError, match=r"relative.csv has no column paw"):
        TableOfBoxes(relative, "paw")
    (tmp_path / "none.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"none.csv is no CSV"):
        TableOfBoxes(tmp_path / "none.csv")


def test_a_table_cuts_out(tmp_path, prepared):
    photo = coordinates()
    write(tmp_path / "photos" / "cat" / "p.png", photo)
    (tmp_path / "boxes.csv").write_text("file,box_rel_x0y0x1y1\ncat/p.png,0.5 0.25 0.75 0.5\n")
    prepared(source="photos", boxes="boxes.csv", format="webp", **PLAIN)
    assert np.array_equal(
        made(tmp_path)["cat/p.webp"], photo[8:23, 30:45]
    )  # rows 10 to 20, made as wide as the columns


def test_nine_points_of_a_cat(tmp_path):
    #   eyes            mouth  left ear            right ear
    line = "9 20 30 40 30 30 42 12 20 14 4 22 14 38 14 46 4 48 20"
    assert head_of_points(line).within(100, 100) == (12, 4, 48, 48)  # the chin is 6 below the mouth
    (tmp_path / "CAT_00").mkdir()
    (tmp_path / "CAT_00" / "1.jpg.cat").write_text(line + " \n")
    assert FolderOfBoxes(tmp_path).of(PurePath("CAT_00/1.jpg")).boxes == [head_of_points(line)]
    for wrong in ("", "8 1 2", line + " 7", line.replace("42", "nan")):
        with pytest.raises(BoxError):
            head_of_points(wrong)
    (tmp_path / "CAT_00" / "2.jpg.cat").write_text("9 1 2")
    assert FolderOfBoxes(tmp_path).of(PurePath("CAT_00/2.jpg")).faults == ["2.jpg.cat: not 9 points"]


def test_boxes_of_a_picture_at_another_size():
    (box,) = boxes_of_xml(voc((10, 10, 30, 20), size=(120, 80)).encode()).boxes
    assert box.within(WIDTH, HEIGHT) == (5, 5, 15, 10)
    with pytest.raises(BoxError, match="the box is of a picture of 120x80, not 40x60"):
        box.within(HEIGHT, WIDTH)
    for size in (None, (0, 0)):  # Stanford Dogs has such ones
        (box,) = boxes_of_xml(voc((10, 10, 30, 20), size=size).encode()).boxes
        assert box.within(WIDTH, HEIGHT) == (10, 10, 30, 20)


def test_entities_are_never_expanded(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("20")
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><annotation><object>&l11;</object></annotation>'
    external = f'<!DOCTYPE a [<!ENTITY f SYSTEM "{secret.as_uri()}">]>' + voc((1, 1, "&f;", 20))
    for number, text in enumerate((bomb, external, '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">' + voc((1, 1, 9, 9)))):
        for encoding in ("utf-8", "utf-16"):
            (tmp_path / f"{number}.xml").write_bytes(text.encode(encoding))
            start = time.monotonic()
            found = FolderOfBoxes(tmp_path).of(PurePath(f"{number}.jpg"))
            assert time.monotonic() - start < 1
            assert not found.boxes
            assert found.faults == [f"{number}.xml: it has a DOCTYPE, which is never read"]
    with pytest.raises(BoxError, match="undefined entity"):
        boxes_of_xml(voc((1, 1, "&f;", 20)).encode())
    (tmp_path / "large.xml").write_text(voc((1, 1, 9, 9)) + " " * (1 << 20))
    assert FolderOfBoxes(tmp_path).of(PurePath("large.jpg")).faults == ["large.xml: it is larger than 1 MiB"]


@pytest.mark.parametrize(
    ("edges", "margin", "expected"),
    [
        ((10, 10, 20, 20), 0.0, (10, 10, 10)),
        ((10, 10, 20, 20), 0.2, (8, 8, 14)),
        ((0, 0, 10, 4), 0.0, (0, 0, 10)),  # shifted down to lie inside
        ((50, 30, 60, 40), 0.5, (40, 20, 20)),
        ((5, 5, 35, 35), 1.0, (0, 0, 40)),  # the margin gives way
        ((0, 10, 50, 30), 0.1, (0, -5, 50)),  # higher than the picture: more on both sides
    ],
)
def test_squares(edges, margin, expected):
    assert square_around(edges, margin, WIDTH, HEIGHT) == expected
    left, top, side = expected
    photo = coordinates()
    rows, columns = (np.clip(np.arange(start, start + side), 0, n - 1) for start, n in ((top, HEIGHT), (left, WIDTH)))
    assert np.array_equal(crop(photo, expected, mode="edge"), photo[rows][:, columns])


def test_masks(tmp_path):
    size = (4, 2)
    binary = write(tmp_path / "binary.png", np.array([[0, 1, 1, 0]] * 2, dtype=np.uint8))
    soft = write(tmp_path / "soft.png", np.array([[0, 51, 255, 0]] * 2, dtype=np.uint8))
    trimap = write(tmp_path / "trimap.png", np.array([[1, 3, 3, 2]] * 2, dtype=np.uint8))
    animal = write(tmp_path / "animal.png", np.array([[1, 3, 1, 1]] * 2, dtype=np.uint8))
    palette = Image.fromarray(np.array([[1, 1, 2, 2]] * 2, dtype=np.uint8)).convert("P")
    palette.putdata([1, 1, 2, 2] * 2)
    palette.save(tmp_path / "palette.png")
    for file, row in (
        (binary, [0, 1, 1, 0]),
        (soft, [0, 0.2, 1, 0]),
        (trimap, [1, 2 / 3, 1 / 3, 0]),
        (animal, [1, 0.5, 1, 1]),
        (tmp_path / "palette.png", [1, 1, 0, 0]),
    ):
        np.testing.assert_allclose(alpha_of_mask(file, size), [row] * 2, atol=1e-6)
    assert alpha_of_mask(binary, (8, 4)).shape == (4, 8)
    with pytest.raises(MaskError, match=r"binary.png is of a picture of 4x2"):
        alpha_of_mask(binary, (4, 4))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(MaskError, match=r"broken.png cannot be read"):
        alpha_of_mask(tmp_path / "broken.png", size)


def test_segments_with_the_right_names_are_joined():
    left, right = (Image.fromarray(np.array([row] * 2, dtype=np.uint8)) for row in ([255, 0, 0], [0, 0, 255]))
    found = [{"label": "cat", "mask": left}, {"label": "dog", "mask": right}, {"label": "wall", "mask": left}]
    assert alpha_of_segments(found, ["dog"], (3, 2)).tolist() == [[0, 0, 1]] * 2
    assert alpha_of_segments(found, ["cat", "dog"], (3, 2)).tolist() == [[1, 0, 1]] * 2
    assert alpha_of_segments(found, ["bird"], (3, 2)).tolist() == [[0, 0, 0]] * 2
    assert alpha_of_segments([{"label": None, "mask": left}], [], (3, 2)).tolist() == [[1, 0, 0]] * 2
    cut_out = Image.merge("RGBA", [right, right, right, left])
    assert alpha_of_segments(cut_out, [], (3, 2)).tolist() == [[1, 0, 0]] * 2


def test_a_segmenter_takes_the_background_away(tmp_path, prepared):
    """Of transformers, where that is installed; else the recipe says what it needs."""
    options = {"source": "photos", "background": "remove", "segmenter": "network"}
    write(tmp_path / "photos" / "a.png", noise(0))
    if importlib.util.find_spec("transformers") is None:
        with pytest.raises(ImportError, match="--segmenter needs transformers: pip install 'betwixt"):
            prepared(**options)
        return
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    sizes = {"hidden_sizes": [8] * 4, "depths": [1] * 4, "num_attention_heads": [1] * 4, "decoder_hidden_size": 8}
    network = SegformerForSemanticSegmentation(SegformerConfig(id2label={0: "cat", 1: "wall"}, **sizes))
    network.decode_head.classifier.weight.data.zero_()
    network.decode_head.classifier.bias.data[:] = network.decode_head.classifier.bias.new_tensor([-1.0, 1.0])
    network.save_pretrained(tmp_path / "network")  # it sees walls only
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "network")
    prepared("cats", **options)
    prepared("walls", **options, segments=["wall"])
    assert (made(tmp_path, "cats")["photos/a.png"] == 255).all()
    assert np.array_equal(made(tmp_path, "walls")["photos/a.png"], noise(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConnectionError, match="empty could not be loaded: ") as error:
        prepared("none", **(options | {"segmenter": "empty"}))
    assert "\n" not in str(error.value)


def test_whole_photos_copies_and_bad_files(tmp_path, prepared):
    photos = tmp_path / "photos"
    for seed in range(3):
        write(photos / "cat" / f"{seed}.png", noise(seed, 200, 100))
    Image.fromarray(noise(1, 100, 50)[:, ::-1]).save(photos / "cat" / "mirrored.jpg", quality=90)
    write(photos / "cat" / "0.jpg", noise(7))  # another of the same stem
    write(photos / "loose.png", noise(8))
    (photos / "cat" / "broken.jpg").write_bytes(b"no picture")
    (photos / "cat" / "empty.png").write_bytes(b"")
    (photos / "cat" / "notes.txt").write_text("no picture either")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in photos.rglob("*") if file.is_file()}
    options = {"source": "photos", "image_size": 50}
    said = prepared(**options)
    assert said.err.splitlines() == [
        "skipped cat/broken.jpg: This is not a picture that can be read: please use JPEG, PNG, WebP or GIF.",
        "skipped cat/empty.png: The file is empty.",
    ]
    assert "5 pictures; of 8 photos 5 kept, 0 filtered, 1 near-duplicate, 0 without a box, 2 bad" in said.out
    crops = made(tmp_path)
    assert {*crops} == {"cat/0.png", "cat/0_.png", "cat/1.png", "cat/2.png", "photos/loose.png"}
    assert {picture.shape for picture in crops.values()} == {(50, 100, 3), (48, 48, 3)}  # not enlarged
    assert outcomes(tmp_path)["cat/mirrored.jpg"]["like"] == "cat/1.png"
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before}

    # What was put right, what is new and what was lost is made; nothing else, and what is there keeps its name.
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*.png")}
    write(photos / "cat" / "empty.png", noise(9))
    write(photos / "cat" / "0.bmp", noise(10))
    (tmp_path / "runs" / "photos" / "out" / "cat" / "2.png").unlink()
    said = prepared(**options)
    assert "7 pictures; of 9 photos 7 kept, 0 filtered, 1 near-duplicate, 0 without a box, 1 bad" in said.out
    assert {*made(tmp_path)} - {*crops} == {"cat/empty.png", "cat/0__.png"}
    untouched = [file for file, when in written.items() if file.stat().st_mtime_ns == when]
    assert len(untouched) == 4
    with pytest.raises(ValueError, match="runs/photos/out was made with another margin: choose another name"):
        prepared(**options, margin=0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "nowhere"}, "nowhere is not there"),
        ({"source": "empty"}, "empty: no pictures"),
        ({"source": "."}, "is inside of ., which must stay as it is"),
        ({"source": "photos", "background": "remove"}, "--background remove needs --masks or --segmenter"),
        ({"source": "photos", "examples": "photos"}, "--examples and --counterexamples go together"),
        ({"source": "photos", "color": "no such"}, "unknown color specifier"),
        ({"source": "photos", "boxes": "photos/a.png"}, "photos/a.png is no CSV"),
        ({"source": "photos", "examples": "photos", "counterexamples": "photos"}, "at least 8 pictures are needed"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, prepared, options, message, request):
    write(tmp_path / "photos" / "a.png", noise(0))
    (tmp_path / "empty").mkdir()
    if "counterexamples" in options:
        options = options | {"weights": request.getfixturevalue("squeezenet")}
    with pytest.raises((ValueError, OSError), match=message) as error:
        prepared(**options)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("runs/photos/out/*/*"))
    assert "1 pictures; of 1 photos 1 kept" in prepared(source="photos").out  # the name is not spent


def test_killed_and_run_again_it_is_the_same(tmp_path, prepared):
    for seed in range(80):
        write(tmp_path / "photos" / f"{'cat' if seed % 2 else 'dog'}" / f"{seed}.png", noise(seed % 70, 300, 300))
    prepared("straight", source="photos", image_size=200, processes=1)
    options = ["--name", "killed", "--source", "photos", "--image-size", "200", "--processes", "2"]
    command = [sys.executable, str(ROOT / "training" / "prepare_photos.py"), *options]
    out = tmp_path / "runs" / "photos" / "killed"
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, env=os.environ)
    deadline = time.monotonic() + 60
    while len(reported(out)) < 10 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)  # ends when the processes that worked for it have ended too
    assert process.returncode == -signal.SIGKILL
    early = {crop: (out / crop).stat().st_mtime_ns for row in reported(out) for crop in row["crops"]}
    assert 0 < len(early) < 80
    with open(out / "report.jsonl", "ab") as report:
        report.write(b'{"file": "cat/1')  # as a kill in the middle of a line leaves it
    prepared("killed", source="photos", image_size=200, processes=1)
    assert all((out / crop).stat().st_mtime_ns == when for crop, when in early.items() if (out / crop).exists())
    straight, killed = made(tmp_path, "straight"), made(tmp_path, "killed")
    assert len(straight) == 70
    assert straight.keys() == killed.keys()
    assert all(np.array_equal(straight[name], killed[name]) for name in straight)
    assert outcomes(tmp_path, "straight") == outcomes(tmp_path, "killed")


def labelled(part: str, wanted: int, count: int) -> list[dict]:
    """The first of the pictures that were labelled by eye."""
    with open(ROOT / "training" / "labels" / "cats.csv", newline="") as lines:
        return [row for row in csv.DictReader(lines) if (row["part"], row["wanted"]) == (part, str(wanted))][:count]


def test_filter_on_real_photos(tmp_path, prepared, photos, squeezenet):
    """Learned from 16 and 16 labelled web pictures, it keeps most cats and drops most of the others."""
    for part, folders, count in (("develop", ("no", "yes"), 16), ("measure", ("web/no", "web/yes"), 20)):
        for wanted, folder in enumerate(folders):
            (tmp_path / folder).mkdir(parents=True)
            for row in labelled(part, wanted, count):
                (tmp_path / folder / row["file"]).symlink_to(photos / "cats" / row["file"])
    options = {"source": "web", "near_duplicates": "keep", "weights": squeezenet}
    prepared(**options, examples="yes", counterexamples="no", processes=1)
    kept = [file.split("/")[0] for file, row in outcomes(tmp_path).items() if row["outcome"] == "kept"]
    filtered = [file.split("/")[0] for file, row in outcomes(tmp_path).items() if row["outcome"] == "filtered"]
    assert len(kept) + len(filtered) == 40
    assert kept.count("yes") >= 15
    assert filtered.count("no") >= 12
    assert len(made(tmp_path)) == len(kept)


def test_figures_of_a_filter():
    is_wanted = torch.tensor([True, True, False, False])
    scores = torch.tensor([0.9, 0.4, 0.6, 0.1])
    assert best_threshold(scores, is_wanted) == pytest.approx(0.4)
    found = figures(scores, 0.5, Labelled([], is_wanted, torch.arange(4)))
    assert (found["kept"], found["precision"]["value"], found["recall"]["value"]) == (2, 0.5, 0.5)
    assert found["AUC"]["value"] == 0.75
    everything = figures(torch.ones(4), 0.5, Labelled([], is_wanted, torch.arange(4)))
    assert (everything["precision"]["value"], everything["recall"]["value"], "AUC" in everything) == (0.5, 1, False)


def test_a_filter_is_measured_beside_keeping_all(tmp_path, photos, squeezenet):
    with open(tmp_path / "labels.csv", "w", newline="") as lines:
        table = csv.DictWriter(lines, ["file", "part", "wanted"])
        table.writeheader()
        for part in ("develop", "measure"):
            table.writerows(labelled(part, 0, 10) + labelled(part, 1, 14))
    table = evaluate(Options(str(photos / "cats"), squeezenet, str(tmp_path / "labels.csv")))
    assert (table["examples"], table["measured on"]) == (14, 24)
    assert table["results"]["all kept"]["precision"]["value"] == pytest.approx(14 / 24)
    for way in ("filter", "filter, learned from 10 of each", "ImageNet's probability of cats"):
        assert table["results"][way]["AUC"]["value"] > 0.7
