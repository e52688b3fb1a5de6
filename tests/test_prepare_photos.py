"""From photos as they come to crops of one kind: the recipe as its users run it, and the parts that need no run."""

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
from conftest import ROOT
from photo_backgrounds import MaskError, alpha_of_mask, alpha_of_segments
from photo_boxes import BoxError, FolderOfBoxes, TableOfBoxes, boxes_of_xml, head_of_points
from photo_crops import crop, square_around
from PIL import Image

WIDTH, HEIGHT = 60, 40
HAS_TRANSFORMERS = importlib.util.find_spec("transformers") is not None
PLAIN = ["--margin", "0", "--image-size", "64"]


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


def outcomes(folder: Path, name: str = "out") -> dict[str, dict]:
    lines = (folder / "runs" / "photos" / name / "report.jsonl").read_text().splitlines()
    return {row["file"]: row for row in map(json.loads, lines[1:])}


def test_stanford_dogs(tmp_path, run_recipe):
    """Files without a suffix in folders of breeds, several dogs in one photo, boxes that are bad in many ways."""
    photo = coordinates()
    for stem in ("two", "clipped", "bad", "none"):
        write(tmp_path / "Images" / "n01-pug" / f"{stem}.png", photo)
    notes = tmp_path / "Annotation" / "n01-pug"
    notes.mkdir(parents=True)
    (notes / "two").write_text(voc((5, 10, 25, 30), (30, 4, 46, 12), name="pug"))
    (notes / "clipped").write_text(voc((50, 30, 70, 60), (60, 0, 90, 20), (9, 9, 9, 20), ("x", 1, 2, 3)))
    (notes / "bad").write_text("<annotation><object>")
    options = ["--name", "out", "--source", "Images", "--boxes", "Annotation", "--near-duplicates", "keep", *PLAIN]
    done = run_recipe(tmp_path, "prepare_photos.py", *options)
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
        assert f"skipped n01-pug/{fault}" in done.stderr
    assert done.stdout == (
        "runs/photos/out: 3 pictures; of 4 photos 2 kept, 0 filtered, 0 near-duplicate, 1 without a box, 1 bad\n"
    )


def test_oxford_pets_with_trimaps(tmp_path, run_recipe):
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
    options = ["--name", "out", "--source", "images", "--boxes", "xmls", "--near-duplicates", "keep", *PLAIN]
    options += ["--background", "remove", "--masks", "trimaps", "--colour", "#ff0000"]
    done = run_recipe(tmp_path, "prepare_photos.py", *options)
    assert "skipped unmasked.png: it has no mask" in done.stderr
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


def test_a_table_cuts_out(tmp_path, run_recipe):
    photo = coordinates()
    write(tmp_path / "photos" / "cat" / "p.png", photo)
    (tmp_path / "boxes.csv").write_text("file,box_rel_x0y0x1y1\ncat/p.png,0.5 0.25 0.75 0.5\n")
    options = ["--source", "photos", "--boxes", "boxes.csv", "--format", "webp", *PLAIN]
    run_recipe(tmp_path, "prepare_photos.py", "--name", "out", *options)
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


@pytest.mark.skipif(HAS_TRANSFORMERS, reason="transformers is installed")
def test_a_segmenter_needs_transformers(tmp_path, run_recipe):
    write(tmp_path / "photos" / "a.png", noise(0))
    options = ["--name", "out", "--source", "photos", "--background", "remove", "--segmenter", "some/network"]
    done = run_recipe(tmp_path, "prepare_photos.py", *options, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: --segmenter needs transformers: pip install 'betwixt[segmentation]'\n"


@pytest.mark.skipif(not HAS_TRANSFORMERS, reason="transformers is not installed: pip install 'betwixt[segmentation]'")
def test_a_segmenter_takes_the_background_away(tmp_path, run_recipe):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    sizes = {"hidden_sizes": [8] * 4, "depths": [1] * 4, "num_attention_heads": [1] * 4, "decoder_hidden_size": 8}
    network = SegformerForSemanticSegmentation(SegformerConfig(id2label={0: "cat", 1: "wall"}, **sizes))
    network.decode_head.classifier.weight.data.zero_()
    network.decode_head.classifier.bias.data[:] = network.decode_head.classifier.bias.new_tensor([-1.0, 1.0])
    network.save_pretrained(tmp_path / "network")  # it sees walls only
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "network")
    write(tmp_path / "photos" / "a.png", noise(0))
    options = ["--source", "photos", "--background", "remove", "--segmenter", "network"]
    run_recipe(tmp_path, "prepare_photos.py", "--name", "cats", *options, HF_HUB_OFFLINE="1")
    run_recipe(tmp_path, "prepare_photos.py", "--name", "walls", *options, "--segments", "wall", HF_HUB_OFFLINE="1")
    assert (made(tmp_path, "cats")["photos/a.png"] == 255).all()
    assert np.array_equal(made(tmp_path, "walls")["photos/a.png"], noise(0))
    wrong = ["--name", "x", *options[:-1], "nobody/nothing"]
    done = run_recipe(tmp_path, "prepare_photos.py", *wrong, check=False, HF_HUB_OFFLINE="1")
    assert done.stderr.splitlines()[-1].startswith("error: nobody/nothing could not be loaded: ")


def test_whole_photos_copies_and_bad_files(tmp_path, run_recipe):
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
    options = ["--name", "out", "--source", "photos", "--image-size", "50"]
    done = run_recipe(tmp_path, "prepare_photos.py", *options)
    assert done.stderr.splitlines() == [
        "skipped cat/broken.jpg: This is not a picture that can be read: please use JPEG, PNG, WebP or GIF.",
        "skipped cat/empty.png: The file is empty.",
    ]
    assert "5 pictures; of 8 photos 5 kept, 0 filtered, 1 near-duplicate, 0 without a box, 2 bad" in done.stdout
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
    done = run_recipe(tmp_path, "prepare_photos.py", *options)
    assert "7 pictures; of 9 photos 7 kept, 0 filtered, 1 near-duplicate, 0 without a box, 1 bad" in done.stdout
    assert {*made(tmp_path)} - {*crops} == {"cat/empty.png", "cat/0__.png"}
    untouched = [file for file, when in written.items() if file.stat().st_mtime_ns == when]
    assert len(untouched) == 4
    done = run_recipe(tmp_path, "prepare_photos.py", *options, "--margin", "0.3", check=False)
    assert "runs/photos/out was made with another margin: choose another name" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "nowhere"], "nowhere is not there"),
        (["--source", "empty"], "empty: no pictures"),
        (["--source", "."], "is inside of ., which must stay as it is"),
        (["--source", "photos", "--background", "remove"], "--background remove needs --masks or --segmenter"),
        (["--source", "photos", "--examples", "photos"], "--examples and --counterexamples go together"),
        (["--source", "photos", "--colour", "no such"], "unknown color specifier"),
        (["--source", "photos", "--boxes", "photos/a.png"], "photos/a.png is no CSV"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, run_recipe, options, message):
    write(tmp_path / "photos" / "a.png", noise(0))
    (tmp_path / "empty").mkdir()
    done = run_recipe(tmp_path, "prepare_photos.py", "--name", "out", *options, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_and_run_again_it_is_the_same(tmp_path, run_recipe, processes):
    for seed in range(120):
        write(tmp_path / "photos" / f"{'cat' if seed % 2 else 'dog'}" / f"{seed}.png", noise(seed % 110, 400, 400))
    options = ["--source", "photos", "--image-size", "200", "--processes", str(processes)]
    run_recipe(tmp_path, "prepare_photos.py", "--name", "straight", *options)
    command = [sys.executable, str(ROOT / "training" / "prepare_photos.py"), "--name", "killed", *options]
    out = tmp_path / "runs" / "photos" / "killed"
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, env=os.environ)
    deadline = time.monotonic() + 60
    while len(list(out.rglob("*.png"))) < 20 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    time.sleep(0.5)  # the processes that worked for it end by themselves
    early = {tmp_path / "runs/photos/killed" / crop: row for row in outcomes_so_far(out) for crop in row["crops"]}
    assert 0 < len(early) < 120
    (out / "report.jsonl").open("ab").write(b'{"file": "cat/1')  # as a kill in the middle of a line leaves it
    when = {file: file.stat().st_mtime_ns for file in early}
    run_recipe(tmp_path, "prepare_photos.py", "--name", "killed", *options)
    assert all(file.stat().st_mtime_ns == when[file] for file in early if file.exists())
    straight, killed = made(tmp_path, "straight"), made(tmp_path, "killed")
    assert len(straight) == 110
    assert straight.keys() == killed.keys()
    assert all(np.array_equal(straight[name], killed[name]) for name in straight)
    assert outcomes(tmp_path, "straight") == outcomes(tmp_path, "killed")


def outcomes_so_far(out: Path) -> list[dict]:
    lines = (out / "report.jsonl").read_text().split("\n")[1:-1]
    return [json.loads(line) for line in lines]


def test_filter_on_real_photos(tmp_path, run_recipe, photos):
    """Learned from 16 and 16 labelled web pictures, it keeps most cats and drops most of the others."""
    weights = photos / "imagenet_squeezenet" / "squeezenet1_0.pth"
    with open(ROOT / "training" / "labels" / "cats.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for part, folders, count in (("develop", ("no", "yes"), 16), ("measure", ("web/no", "web/yes"), 20)):
        for wanted, folder in enumerate(folders):
            (tmp_path / folder).mkdir(parents=True)
            chosen = [row["file"] for row in rows if (row["part"], row["wanted"]) == (part, str(wanted))][:count]
            for file in chosen:
                (tmp_path / folder / file).symlink_to(photos / "cats" / file)
    options = ["--name", "out", "--source", "web", "--examples", "yes", "--counterexamples", "no"]
    run_recipe(tmp_path, "prepare_photos.py", *options, "--weights", weights, "--near-duplicates", "keep")
    kept = [file.split("/")[0] for file, row in outcomes(tmp_path).items() if row["outcome"] == "kept"]
    filtered = [file.split("/")[0] for file, row in outcomes(tmp_path).items() if row["outcome"] == "filtered"]
    assert len(kept) + len(filtered) == 40
    assert kept.count("yes") >= 15
    assert filtered.count("no") >= 12
    assert len(made(tmp_path)) == len(kept)
