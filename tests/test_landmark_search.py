"""Landmark Search through its API: search, maps, encoders side by side, own photos, and what bad input gets."""

import re
import struct
import zipfile
from pathlib import Path

import pytest
import yaml
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from spaces_fixtures import ENCODERS, LANDMARKS_PATH, LANDMARKS_SPACE, PROJECT, Site, saved

from betwixt import zips
from betwixt.images import ImageError

EXAMPLES = sorted((LANDMARKS_SPACE / "examples").glob("*.png"))
REFUSED = (AppError, ValueError)


@pytest.fixture(scope="session")
def landmarks_client(site):
    return Client(f"{site.url}{LANDMARKS_PATH}", verbose=False)


def packed(path: Path, files: dict[str, bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def example(number: int = 0) -> bytes:
    return EXAMPLES[number].read_bytes()


def test_search_finds_the_nearest_and_votes(landmarks_client):
    found, matches = landmarks_client.predict(handle_file(str(EXAMPLES[0])), api_name="/search")
    assert matches == []
    assert found["encoder"] == ENCODERS[0]
    likeness = [one["similarity"] for one in found["nearest"]]
    assert likeness == sorted(likeness, reverse=True)
    assert len(likeness) == len({one["id"] for one in found["nearest"]}) == 12
    assert (found["place"] is not None) == (likeness[0] >= found["threshold"])
    assert found["place"] in [None, *(one["place"] for one in found["nearest"])]
    again, _ = landmarks_client.predict(handle_file(str(EXAMPLES[0])), count=3, api_name="/search")
    assert again["nearest"] == found["nearest"][:3]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_shows_where_pictures_match(landmarks_client, encoder):
    found, matches = landmarks_client.predict(
        handle_file(str(EXAMPLES[1])), encoder, explained=True, api_name="/search"
    )
    assert found["encoder"] == encoder
    assert [one["caption"] for one in matches] == ["the photo", "the nearest"]
    for one in matches:
        with Image.open(one["image"]) as picture:
            assert picture.size == (320, 320)


def test_indexes_of_other_encoders_and_missing_ones_are_made_anew(site, landmarks_client, published):
    landmarks_client.predict(api_name="/compare_encoders")
    if published is None:
        assert "anew with landmarks-pretrained: the index was made with landmarks-transfer" in site.log
        assert "anew with landmarks-scratch" in site.log
    assert "anew with landmarks-transfer" not in site.log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": "vgg16"}, "encoder must be one of landmarks-transfer"),
        ({"encoder": ["landmarks-transfer"]}, "encoder must be one of"),
        ({"collection": "photos"}, "collection must be one of rendered, not 'photos'"),
        ({"count": 0}, "count must be a whole number from 1 to 50"),
    ],
)
def test_searches_that_there_are_not(landmarks_client, arguments, message):
    with pytest.raises(REFUSED, match=message):
        landmarks_client.predict(handle_file(str(EXAMPLES[0])), **arguments, api_name="/search")


def test_pictures_that_show_nothing_are_tiny_bad_or_odd(landmarks_client, bad_files, odd_files, tmp_path):
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "flat.png")
    with pytest.raises(REFUSED, match="nothing to see in this picture"):
        landmarks_client.predict(handle_file(str(tmp_path / "flat.png")), api_name="/search")
    for file in bad_files:
        with pytest.raises(REFUSED) as caught:
            landmarks_client.predict(handle_file(str(file)), api_name="/search")
        assert str(file.parent) not in str(caught.value)
    for file in odd_files:
        if file.name in ("one_pixel.png", "line.png"):
            with pytest.raises(REFUSED, match="24 by 24 are needed"):
                landmarks_client.predict(handle_file(str(file)), api_name="/search")
        else:
            assert landmarks_client.predict(handle_file(str(file)), api_name="/search")[0]["nearest"]
    with pytest.raises(REFUSED, match="no picture"):
        landmarks_client.predict(None, api_name="/search")


def test_only_what_was_uploaded_is_opened(site, landmarks_client):
    for call in (
        lambda file: landmarks_client.predict(file, api_name="/search"),
        lambda file: landmarks_client.predict(file, api_name="/compare_encoders"),
        lambda file: landmarks_client.predict([file], api_name="/your_photos"),
    ):
        with pytest.raises(REFUSED, match=r"uploaded|upstream"):  # upstream: Gradio itself did not take it
            call({"path": str(site.log_file)})


def test_maps_and_what_lies_between_clusters(landmarks_client):
    found = landmarks_client.predict(api_name="/map")
    assert len(found["id"]) == len({*found["id"]}) == len(found["place"]) >= 48
    assert [len(positions) for positions in found["positions"]] == [len(found["id"])] * 2
    assert found["between"], "an encoder that is never wrong?"
    for one in found["between"]:
        assert one["like"] != one["place"]
        assert all(isinstance(reason, str) for reason in one["reasons"])
    assert any(one["reasons"] for one in found["between"])
    with pytest.raises(REFUSED, match="encoder must be one of"):
        landmarks_client.predict("pixels", api_name="/map")


def test_three_encoders_of_one_picture(landmarks_client):
    found = landmarks_client.predict(api_name="/compare_encoders")
    assert found["truth"]
    assert {*found} == {"truth", *ENCODERS}
    own = landmarks_client.predict(handle_file(str(EXAMPLES[2])), count=4, api_name="/compare_encoders")
    assert own["truth"] is None
    assert all(len(own[encoder]["nearest"]) == 4 for encoder in ENCODERS)


def test_own_photos_of_a_zip_and_of_files(landmarks_client, tmp_path):
    files = {f"trip/{place}/{i}.png": example(i) for i, place in enumerate(("home", "home", "away", "away"))}
    file = packed(tmp_path / "own.zip", files)
    found = landmarks_client.predict([handle_file(str(file))], api_name="/your_photos")
    assert (found["count"], found["places"], found["left_out"]) == (4, ["away", "home"], [])
    assert len(found["nearest"]) == 3  # the first is not found by itself
    found = landmarks_client.predict(
        [handle_file(str(path)) for path in EXAMPLES[:3]], handle_file(str(EXAMPLES[1])), api_name="/your_photos"
    )
    assert (found["count"], found["places"]) == (3, [])
    assert found["nearest"][0] == {"id": "001", "place": EXAMPLES[1].name, "similarity": pytest.approx(1, abs=0.01)}


def test_hostile_zips_are_read_for_what_is_good_in_them(landmarks_client, tmp_path, bad_files, odd_files):
    nested = packed(tmp_path / "inner.zip", {"a.png": example()}).read_bytes()
    flat = saved(Image.new("RGB", (90, 90), "red"), "PNG")
    files = {"../../../etc/passwd.png": example(), "/root/x/<b>.png": example(1), "inner.zip": nested, "flat.png": flat}
    files |= {"notes.txt": b"hello", "__MACOSX/._a.png": b"x", "a/.DS_Store": b"x", "fake.jpg": nested}
    files |= {path.name: path.read_bytes() for path in [*bad_files, *odd_files] if path.suffix in (".png", ".jpg")}
    file = packed(tmp_path / "hostile.zip", files)
    found = landmarks_client.predict([handle_file(str(file))], api_name="/your_photos")
    left_out = {one["file"]: one["why"] for one in found["left_out"]}
    assert "passwd.png" not in left_out
    assert found["count"] == 2 + len([*odd_files]) - 5  # one_pixel and line are tiny, three have another suffix
    assert "archive inside" in left_out["inner.zip"]
    assert "not a picture" in left_out["fake.jpg"]
    assert "no picture" in left_out["notes.txt"]
    assert "one colour" in left_out["flat.png"]
    assert {path.name for path in bad_files if path.suffix == ".png"} <= {*left_out}
    assert not {name for name in left_out if "DS_Store" in name or name.startswith("._")}


def test_zips_and_files_that_hold_nothing(landmarks_client, tmp_path, bad_files):
    whole = packed(tmp_path / "whole.zip", {"a.png": example()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    for file, message in (
        (packed(tmp_path / "empty.zip", {}), "zip is empty"),
        (packed(tmp_path / "text.zip", {"a.txt": b"a", "b.txt": b"b"}), r"no picture among these.* 1 more"),
        (tmp_path / "cut.zip", "damaged"),
        (packed(tmp_path / "many.zip", {f"{i}.png": b"" for i in range(5001)}), "holds 5,001 files"),
        (next(iter(bad_files)), "damaged"),
    ):
        with pytest.raises(REFUSED, match=message) as caught:
            landmarks_client.predict([handle_file(str(file))], api_name="/your_photos")
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(REFUSED, match="no pictures: please choose"):
        landmarks_client.predict([], api_name="/your_photos")


def test_more_pictures_than_are_taken(landmarks_client, tmp_path):
    with Image.open(EXAMPLES[0]) as picture:
        small = saved(picture.convert("RGB").resize((32, 32)), "JPEG")
    file = packed(tmp_path / "much.zip", {f"{i}.jpg": small for i in range(520)})
    found = landmarks_client.predict([handle_file(str(file))], api_name="/your_photos")
    assert found["count"] == 500
    assert {one["why"] for one in found["left_out"]} == {"Only 500 pictures are taken at once."}
    assert len(found["left_out"]) == 20


def changed(path: Path, at: str, offset: int, value: bytes, also: bytes = b"") -> Path:
    """A zip with other bytes in the record that begins with `at`."""
    data = bytearray(path.read_bytes())
    start = data.rfind(at.encode()) + offset
    data[start : start + len(value)] = value
    path.write_bytes(bytes(data) + also)
    return path


def test_zips_that_lie_about_themselves(tmp_path):
    def fresh() -> Path:
        return packed(tmp_path / "lie.zip", {"a.png": example()})

    def read(path: Path) -> list:
        return list(zips.members(path)[1])

    with pytest.raises(ImageError, match="more than 600 MB"):
        read(changed(fresh(), "PK\x01\x02", 24, struct.pack("<I", 700_000_000)))
    with pytest.raises(ImageError, match="files: please bring one of 5,000"):
        read(changed(fresh(), "PK\x05\x06", 12, struct.pack("<I", 3_000_000)))
    assert "over 50 MB" in read(changed(fresh(), "PK\x01\x02", 24, struct.pack("<I", 60_000_000)))[0].fault
    assert "damaged" in read(changed(fresh(), "PK\x01\x02", 24, struct.pack("<I", 100)))[0].fault  # too small
    assert "encrypted" in read(changed(fresh(), "PK\x01\x02", 8, b"\x01\x00"))[0].fault
    assert "packed in a way" in read(changed(fresh(), "PK\x01\x02", 10, struct.pack("<H", 14)))[0].fault
    large = bytearray(fresh().read_bytes())
    end = large.rfind(b"PK\x05\x06")
    large[end:end] = b"PK\x06\x07" + bytes(16)
    (tmp_path / "large.zip").write_bytes(bytes(large))
    with pytest.raises(ImageError, match="too many files"):
        read(tmp_path / "large.zip")
    for junk in (b"", b"PK\x05\x06", b"PK\x03\x04" * 30, bytes(200)):
        (tmp_path / "junk.zip").write_bytes(junk)
        with pytest.raises(ImageError, match="damaged"):
            read(tmp_path / "junk.zip")


def test_names_of_files_are_only_shown():
    assert zips.names_of("../../etc/passwd") == ("passwd", "etc")
    assert zips.names_of("C:\\photos\\rome\\1.jpg") == ("1.jpg", "rome")
    assert zips.names_of("a/..//.") == ("a", "")
    assert zips.names_of("///") == ("a file", "")
    assert zips.names_of("x\u202e/\x00y.png") == ("y.png", "x")
    assert len(zips.names_of("n" * 900)[0]) == 60


def test_card_names_what_the_space_uses():
    metadata = yaml.safe_load((LANDMARKS_SPACE / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert metadata["models"] == metadata["preload_from_hub"] == [f"betwixt/{name}" for name in ENCODERS]
    assert metadata["datasets"] == ["betwixt/landmarks"]
    assert len(metadata["short_description"]) <= 60
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["sdk_version"])
    dependencies = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    for line in (LANDMARKS_SPACE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert f'"{line}"' in dependencies


def test_photos_that_the_owner_offers(hub_folder, tmp_path):
    for number, file in enumerate(EXAMPLES):
        place = tmp_path / "photos" / f"some_place_{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / file.name).write_bytes(file.read_bytes())
    (tmp_path / "photos" / "some_place_0" / "broken.jpg").write_bytes(b"no picture")
    variables = {"BETWIXT_HUB": str(hub_folder), "BETWIXT_COLLECTION": str(tmp_path / "photos")}
    with Site(LANDMARKS_SPACE / "app.py", tmp_path, **variables) as own:
        client = Client(own.wait().url, verbose=False)
        found, _ = client.predict(handle_file(str(EXAMPLES[0])), collection="photos", api_name="/search")
        assert found["nearest"][0]["id"] == f"some_place_0/{EXAMPLES[0].name}"
        assert found["nearest"][0]["similarity"] > 0.99
        assert found["threshold"] is not None
        assert len(found["nearest"]) == 7


def test_one_loose_photo_leaves_the_others_their_places(landmarks_client, tmp_path):
    files = {f"place {number % 2}/{number}.png": file.read_bytes() for number, file in enumerate(EXAMPLES)}
    one = packed(tmp_path / "one.zip", files | {"cover.png": example()})
    found = landmarks_client.predict([handle_file(str(one))], None, api_name="/your_photos")
    assert (found["count"], found["places"]) == (len(EXAMPLES) + 1, ["cover.png", "place 0", "place 1"])
    loose = {f"{number}.png": example(number % len(EXAMPLES)) for number in range(9)}
    most = packed(tmp_path / "most.zip", files | loose)
    assert landmarks_client.predict([handle_file(str(most))], None, api_name="/your_photos")["places"] == []


def test_without_its_models_and_pictures_it_says_so(tmp_path):
    with Site(LANDMARKS_SPACE / "app.py", tmp_path, BETWIXT_NAMESPACE="nobody", HF_HOME=str(tmp_path)) as own:
        client = Client(own.wait().url, verbose=False)
        file = handle_file(str(EXAMPLES[0]))
        for arguments, name in (
            ((file,), "/search"),
            ((), "/map"),
            ((), "/compare_encoders"),
            (([file],), "/your_photos"),
        ):
            with pytest.raises(AppError, match="could not be loaded; please come back later") as caught:
                client.predict(*arguments, api_name=name)
            assert str(tmp_path) not in str(caught.value)
