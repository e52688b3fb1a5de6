"""The datasets of flags: by construction, mash-ups, and from elsewhere; the API is a real server on this machine."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
from tables import read_dataset

from betwixt import flags, mashups

COUNTRIES = {  # code -> what its address answers
    "FR": "png",
    "DE": "png",
    "XX": "broken",
    "YY": "missing",
    "ZZ": "busy",
    "HH": "huge",
}


class API(BaseHTTPRequestHandler):
    """Lists countries as restcountries.com does; one of its flags is busy at first."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        port = self.server.server_address[1]
        if self.path.startswith("/v3/all?"):
            entries = [
                {
                    "cca2": code,
                    "name": {"common": f"Land of {code}"},
                    "flags": {"png": f"http://127.0.0.1:{port}/{code}"},
                }
                for code in COUNTRIES
            ]
            self.answer(
                200, json.dumps([*entries, {"cca2": "../../x", "flags": {"png": "file:///etc/passwd"}}, {}]).encode()
            )
        elif self.path.startswith("/none/"):
            self.answer(200, b"[]")
        elif self.path.startswith("/page/"):
            self.answer(200, b"<html>")
        else:
            kind = COUNTRIES.get(self.path[1:])
            if kind == "busy" and self.asked.count(self.path) == 1:
                self.answer(503, b"")
            elif kind in ("png", "busy"):
                file = io.BytesIO()
                flags.draw({flag.code: flag for flag in flags.read()}.get(self.path[1:].lower(), flags.read()[5])).save(
                    file, "PNG"
                )
                self.answer(200, file.getvalue())
            else:
                self.answer(404 if kind in ("missing", None) else 200, b"x" * (9 << 20 if kind == "huge" else 10))

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def api():
    API.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), API)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_flags_of_the_world_are_for_measuring_only(tmp_path, run_recipe):
    run_recipe(tmp_path, "make_flags.py", "--name", "flags", "--kind", "national")
    folder = tmp_path / "runs" / "datasets" / "flags"
    assert [file.name for file in (folder / "data").iterdir()] == ["test-00000-of-00001.parquet"]
    table = read_dataset(str(folder), "test", 64, how="squash")
    designs = [flag for flag in flags.read() if not flag.same_as]
    assert table.columns["code"] == [flag.code for flag in designs]
    assert [table.class_names[label] for label in table.labels] == [flag.layout for flag in designs]
    assert table.columns["colors"][0].split()[0] == bytes(designs[0].palette[0]).hex()
    assert table.columns["palette"][table.columns["code"].index("fr")] == "red+blue+white"


def test_mash_ups_are_split_and_come_again(tmp_path, run_recipe):
    options = ["--name", "mash-ups", "--count", "60", "--width", "48", "--height", "48"]
    run_recipe(tmp_path, "make_flags.py", *options)
    folder = tmp_path / "runs" / "datasets" / "mash-ups"
    sides = [read_dataset(str(folder), side, 48) for side in ("train", "test")]
    assert sum(map(len, sides)) == 60
    assert min(map(len, sides)) > 3
    assert all(code.count("+") == 2 for code in sides[0].columns["code"])
    digests = [side.digest() for side in sides]
    run_recipe(tmp_path, "make_flags.py", *options)
    assert [read_dataset(str(folder), side, 48).digest() for side in ("train", "test")] == digests


def test_an_excerpt_has_the_first_mash_ups_on_the_same_sides(tmp_path, run_recipe):
    options = ["--name", "many", "--width", "48", "--height", "48", "--excerpt", "few", "--excerpt-count", "20"]
    run_recipe(tmp_path, "make_flags.py", "--count", "60", *options)
    many, few = (tmp_path / "runs" / "datasets" / name for name in ("many", "few"))
    first = [flag.code for flag in mashups.mash_ups(flags.read(), 20)]
    shown = []
    for side in ("train", "test"):
        whole, excerpt = (pq.read_table(folder / "data" / f"{side}-00000-of-00001.parquet") for folder in (many, few))
        assert excerpt.to_pylist() == [row for row in whole.to_pylist() if row["code"] in first]
        shown += excerpt["code"].to_pylist()
    assert sorted(shown) == sorted(first)
    assert "an excerpt: the first 20 of 60 mash-ups" in (few / "README.md").read_text()
    failed = run_recipe(tmp_path, "make_flags.py", "--kind", "national", *options, check=False)
    assert "--excerpt is of rendered mash-ups only" in failed.stderr


def test_a_file_of_flags_of_ones_own(tmp_path, run_recipe):
    file = tmp_path / "mine.txt"
    file.write_text("me | Mine | 3:2 | plain with emblem | ff0000 ffffff | | .5 .5 .3: disc 1 0 0 1\n")
    options = ["--name", "mine", "--kind", "national", "--flags", str(file)]
    run_recipe(tmp_path, "make_flags.py", *options)
    file.write_text(file.read_text().replace("disc", "disk"))
    failed = run_recipe(tmp_path, "make_flags.py", *options, check=False)
    assert "mine.txt, line 1, me, emblem: there is no command 'disk'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_folder_of_pictures(tmp_path, run_recipe):
    (tmp_path / "pictures").mkdir()
    for flag in flags.read()[:8]:
        flags.draw(flag, (120, 60)).save(tmp_path / "pictures" / f"{flag.code}.png")
    (tmp_path / "pictures" / "bad.png").write_bytes(b"no picture")
    done = run_recipe(tmp_path, "make_flags.py", "--name", "own", "--source", "folder", str(tmp_path / "pictures"))
    assert "bad.png" in done.stderr
    rows = pixels_of(tmp_path / "runs" / "datasets" / "own")
    assert {*rows} == {flag.code for flag in flags.read()[:8]}
    assert {picture.shape for picture in rows.values()} == {(3, 64, 64)}


def test_flags_of_an_api(tmp_path, run_recipe, api):
    done = run_recipe(tmp_path, "make_flags.py", "--name", "theirs", "--source", "api", f"{api}/v3")
    rows = pixels_of(tmp_path / "runs" / "datasets" / "theirs")
    assert {*rows} == {"fr", "de", "zz"}
    assert np.abs(rows["de"][:, 4, 32].astype(int)).max() == 0  # its black band
    for code, reason in (("xx", "skipped xx"), ("yy", "404"), ("hh", "larger than 8 MiB")):
        assert f"skipped {code}" in done.stderr
        assert reason in done.stderr
    assert "/ZZ" in API.asked
    assert not (tmp_path / "runs" / "datasets" / ".theirs.parts").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", "does not list flags: no entry has cca2 and flags.png"),
        ("/page", "does not list flags: its answer is no JSON"),
        ("/nowhere", "cannot be reached: Client error '404"),
    ],
)
def test_an_api_that_is_none(tmp_path, run_recipe, api, path, message):
    failed = run_recipe(tmp_path, "make_flags.py", "--name", "x", "--source", "api", f"{api}{path}", check=False)
    assert failed.returncode != 0
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["api", "ftp://flags"], "ftp://flags is no address of an API"),
        (["api", "http://127.0.0.1:9"], "http://127.0.0.1:9 cannot be reached"),
        (["folder", "nowhere"], "nowhere: no pictures"),
        (["painting"], "--source must be rendered, folder PATH, hub ID or api [ADDRESS], not painting"),
    ],
)
def test_other_sources_get_one_line(tmp_path, run_recipe, source, message):
    failed = run_recipe(tmp_path, "make_flags.py", "--name", "x", "--source", *source, check=False)
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def pixels_of(folder) -> dict[str, np.ndarray]:
    """Code -> pixels, of both sides."""
    found = {}
    for file in (folder / "data").iterdir():
        table = read_dataset(str(folder), file.name.split("-")[0], 64, how="squash")
        found |= dict(zip(table.columns["code"], table.pixels.numpy(), strict=True))
    return found
