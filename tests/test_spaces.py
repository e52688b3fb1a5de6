"""The Spaces without a browser: the site, the API, bad files, many clients, ZeroGPU, and the words."""

import html
import json
import os
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import expect
from spaces_fixtures import (
    CLASSES,
    EXAMPLES,
    FLAGS_PATH,
    LANDMARKS_PATH,
    LANDMARKS_SPACE,
    MAMMALS_PATH,
    MAMMALS_SPACE,
    PATIENCE,
    PROJECT,
    SPACE,
    SPACE_PATH,
    SPACES,
    STAND_INS,
    Site,
)

from betwixt import ImageClassifier
from betwixt.explain import CUES

LANDMARK_EXAMPLE = next((LANDMARKS_SPACE / "examples").glob("*.png"))
MAMMAL_EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))


@pytest.fixture(scope="session")
def panel(launch):
    """The module that writes the page's HTML."""
    launch.load_space(SPACE)
    return sys.modules["betwixt_space_clocks_crocodiles.panel"]


def classify(client: Client, path: Path, explained: bool = False):
    return client.predict(handle_file(str(path)), explained=explained, api_name="/classify")


# The site


def test_front_page_has_a_card_per_space_and_each_opens(site):
    page = httpx.get(site.url).text
    for card in SPACES.glob("*/README.md"):
        metadata = yaml.safe_load(card.read_text(encoding="utf-8").split("---")[1])
        assert metadata["title"] in page
        assert html.escape(metadata["short_description"]) in page
        assert f'href="{card.parent.name}/"' in page
        assert "gradio" in httpx.get(f"{site.url}/{card.parent.name}/").text
    for link in re.findall(r'(?:src|url\()="?([^")]+)"?', page):
        if not link.startswith("data:"):
            assert httpx.get(f"{site.url}/{link}").status_code == 200, link
    assert httpx.get(f"{site.url}/pictures/clocks-crocodiles/..%2fapp.py").status_code == 404
    assert f"http://127.0.0.1:{site.port}" in site.log


def test_wrong_or_taken_port_is_one_line(site, tmp_path):
    for options, expected in (
        (["--port", str(site.port)], "cannot listen"),
        (["--port", "99999"], "from 1 to 65535"),
    ):
        command = [sys.executable, str(SPACES / "launch.py"), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert done.returncode != 0
        assert expected in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_spaces_with_modules_of_the_same_name_stay_apart(launch, tmp_path):
    for name in ("first-space", "second-space"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tab_map.py").write_text(f"class Tab:\n    title = {name!r}\n")
        (folder / "app.py").write_text("from tab_map import Tab\n")
    path = list(sys.path)
    first, second = (launch.load_space(tmp_path / name) for name in ("first-space", "second-space"))
    assert (first.Tab.title, second.Tab.title) == ("first-space", "second-space")
    assert sys.modules[first.Tab.__module__].Tab is first.Tab  # where pickle and inspect look
    assert "tab_map" not in sys.modules
    assert sys.path == path


def test_incomplete_card_is_named(launch, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "app.py").touch()
    (tmp_path / "empty" / "README.md").write_text("---\ntitle: Empty\n---\n")
    with pytest.raises(ValueError, match=r"README.md: lacks emoji, short_description"):
        launch.find_spaces(tmp_path)


def test_card_names_what_the_space_uses(launch):
    metadata = yaml.safe_load((SPACE / "README.md").read_text(encoding="utf-8").split("---")[1])
    launch.load_space(SPACE)
    networks = sys.modules["betwixt_space_clocks_crocodiles.networks"]
    generators = sys.modules["betwixt_space_clocks_crocodiles.generators"]
    drawing = [generator.name for of_kind in generators.GENERATORS.values() for generator in of_kind.values()]
    used = {*networks.NETWORKS, *networks.FEATURES, *drawing, generators.JUDGES, generators.GUIDES}
    assert set(metadata["models"]) == {f"betwixt/{name}" for name in used}
    assert metadata["preload_from_hub"] == metadata["models"]
    assert metadata["datasets"] == ["betwixt/clocks-crocodiles"]
    assert len(metadata["short_description"]) <= 60
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["sdk_version"])
    dependencies = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    for line in (SPACE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert f'"{line}"' in dependencies  # one place says which versions


# The API


def test_api_gives_probabilities_and_heat_maps(client, hub_folder):
    opinions, heat_maps = classify(client, EXAMPLES[1], explained=True)
    assert [opinion["model"] for opinion in opinions] == list(STAND_INS)
    for opinion, heat_map in zip(opinions, heat_maps, strict=True):
        model = ImageClassifier.from_pretrained(hub_folder / "models" / opinion["model"])
        with Image.open(EXAMPLES[1]) as image:
            expected = model.predict([image])[0].tolist()
        assert list(opinion["probabilities"]) == CLASSES
        assert list(opinion["probabilities"].values()) == pytest.approx(expected, abs=1e-4)
        assert opinion["answer"] == CLASSES[expected.index(max(expected))]
        assert set(opinion["without"]) == set(CUES)
        assert all(0 <= share <= 1 for share in opinion["without"].values())
        with Image.open(heat_map["image"]) as picture:
            assert picture.size == (320, 320)
        assert opinion["answer"] in heat_map["caption"]


def test_api_without_explanations_is_the_same_but_for_them(client):
    quick, none = classify(client, EXAMPLES[0])
    whole, _ = classify(client, EXAMPLES[0], explained=True)
    assert none == []
    assert quick == [{key: value for key, value in opinion.items() if key != "without"} for opinion in whole]


def test_api_explains_itself(client):
    described = client.view_api(return_format="dict")["named_endpoints"]
    own_classes = ["first_name", "first", "second_name", "second", "search_in"]
    expected = {
        "/classify": ("clock, a crocodile or neither", ["photo", "explained"]),
        "/find_hybrids": ("between a clock and a crocodile", ["files", "method", "features"]),
        "/learn_two_classes": ("two classes of your own", [*own_classes, "method", "features"]),
        "/generate_hybrids": (
            "between a clock and a crocodile",
            ["kind", "generator", "share", "seed", "count", "combine", "strength"],
        ),
    }
    assert list(described) == list(expected)
    for name, (words, parameters) in expected.items():
        assert words in described[name]["description"]
        assert [parameter["parameter_name"] for parameter in described[name]["parameters"]] == parameters


def test_real_photos_are_told_apart(client, photos, published):
    if published is None:
        pytest.skip("the networks are not in hub_upload/models: untrained stand-ins know nothing")
    for name in ("clock", "crocodile"):
        files = sorted((photos / "clocks_crocodiles" / name).glob("*.png"))[::50]
        answers = [classify(client, file)[0][0]["answer"] for file in files]
        assert answers.count(name) >= len(files) - 1, answers


# Bad input


def test_bad_files_get_one_line(client, bad_files):
    for path, word in bad_files.items():
        with pytest.raises(AppError) as caught:
            classify(client, path)
        message = str(caught.value).strip("'")
        assert re.search(word, message), (path.name, message)
        assert "\n" not in message
        assert str(path.parent) not in message
    with pytest.raises(AppError, match="no picture"):
        client.predict(None, explained=False, api_name="/classify")


def test_odd_files_are_answered(client, odd_files):
    answers = {path.name: classify(client, path)[0][0] for path in odd_files}
    assert all(sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3) for answer in answers.values())
    plain, _ = classify(client, EXAMPLES[0])
    for name in ("no_suffix", "animated.webp"):  # the first frame
        assert answers[name]["answer"] == plain[0]["answer"]


def test_only_uploaded_files_are_opened(site, tmp_path):
    """A request may name any path of the server: only Gradio's own folder may be read."""
    private = tmp_path / "private.png"
    private.write_bytes(EXAMPLES[0].read_bytes())
    api = f"{site.url}/clocks-crocodiles/gradio_api/call/classify"
    for photo in (
        {"path": str(private), "meta": {"_type": "gradio.FileData"}},
        {"path": str(private)},
        {
            "path": f"{site.uploads}/../../{private.relative_to(private.anchor)}",
            "meta": {"_type": "gradio.FileData"},
        },
    ):
        event = httpx.post(api, json={"data": [photo, False]}).json()["event_id"]
        answer = httpx.get(f"{api}/{event}", timeout=60).text
        assert "event: error" in answer
        assert "private" not in answer
        assert "probabilities" not in answer
        assert not list(site.uploads.rglob("private.png"))


def test_many_clients_with_bad_files_among_them(site, client, bad_files):
    bad = [path for path in bad_files if path.name != "bomb.png"]
    jobs = [bad[i // 4 % len(bad)] if i % 4 == 3 else EXAMPLES[i % len(EXAMPLES)] for i in range(200)]
    expected = {path: classify(client, path)[0] for path in EXAMPLES}
    process = psutil.Process(site.process.pid)
    before, logged = process.memory_info().rss, len(site.log)

    def run(worker: int) -> list[bool]:
        own = Client(f"{site.url}/clocks-crocodiles", verbose=False, download_files=False)
        right = []
        for path in jobs[worker::16]:
            try:
                right.append(classify(own, path)[0] == expected.get(path))
            except AppError:
                right.append(path in bad)
        return right

    with ThreadPoolExecutor(16) as pool:
        right = [value for values in pool.map(run, range(16)) for value in values]
    assert len(right) == 200
    assert all(right)
    assert process.memory_info().rss - before < 300e6
    assert "Traceback" not in site.log[logged:]


# ZeroGPU


ZERO_GPU = """
import functools, inspect, pickle, sys
assert "torch" not in sys.modules, "spaces must be imported before torch"

def GPU(function=None, *, duration=60):
    if function is None:
        return functools.partial(GPU, duration=duration)
    print("decorated", function.__name__, duration, flush=True)

    @functools.wraps(function)
    def run(*args):
        print("on the GPU", function.__name__, flush=True)
        yield from function(*pickle.loads(pickle.dumps(args)))

    assert inspect.isgeneratorfunction(function)
    return run

def gradio_auto_wrap(function):
    return function
"""


def test_zero_gpu(stand_ins, chromium, tmp_path):
    """ZeroGPU pickles arguments, and refuses an app that decorates no function or never launches."""
    (tmp_path / "spaces.py").write_text(
        ZERO_GPU
        + textwrap.dedent("""
            import gradio
            original = gradio.Blocks.launch

            def launch(*args, **kwargs):
                print("launched", flush=True)
                return original(*args, **kwargs)

            gradio.Blocks.launch = launch
            """)
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    variables = {"SPACES_ZERO_GPU": "true", "PYTHONPATH": path, "BETWIXT_HUB": str(stand_ins)}
    with Site(SPACES / "launch.py", tmp_path, **variables) as site:
        own = Client(f"{site.wait().url}/clocks-crocodiles", verbose=False)
        opinions, heat_maps = classify(own, EXAMPLES[0], explained=True)
        assert len(opinions) == len(heat_maps) == 4
        assert "decorated decide" in site.log
        assert "decorated map_classes" in site.log
        Client(f"{site.url}{FLAGS_PATH}", verbose=False).predict("fr", "jp", api_name="/mash_up")
        assert "on the GPU decode" in site.log
        landmarks = Client(f"{site.url}{LANDMARKS_PATH}", verbose=False)
        picture = handle_file(str(LANDMARK_EXAMPLE))
        assert len(landmarks.predict(picture, explained=True, api_name="/search")[1]) == 2
        assert "on the GPU compare" in site.log
        mammals = Client(f"{site.url}{MAMMALS_PATH}", verbose=False)
        named = [mammals.predict(handle_file(str(file)), explained=True, api_name="/breed") for file in MAMMAL_EXAMPLES]
        assert any(heat for _, heat in named)
        assert "on the GPU hide_places" in site.log
        assert mammals.predict(handle_file(str(MAMMAL_EXAMPLES[0])), steps=2, api_name="/invert")[1]["step"] == 2
        assert "on the GPU find_style" in site.log
        assert "launched" in site.log
        assert "on the GPU decide" in site.log
        page = chromium.new_page()
        page.goto(f"{site.url}{SPACE_PATH}")
        page.get_by_role("tab", name="Find hybrids").click()
        expect(page.locator("#stage .heat:not(.looking)")).to_have_count(2, timeout=PATIENCE)
        page.close()
        assert "on the GPU map_classes" in site.log


def test_space_runs_alone_and_says_when_networks_are_missing(tmp_path, stand_ins):
    hub = tmp_path / "hub"
    with Site(SPACE / "app.py", tmp_path, BETWIXT_NAMESPACE="nobody", HF_HOME=str(tmp_path)) as site:
        own = Client(site.wait().url, verbose=False)
        with pytest.raises(AppError, match="networks could not be loaded") as caught:
            classify(own, EXAMPLES[0])
        assert str(hub) not in str(caught.value)
        assert "nobody/clocks-crocodiles-classifier" in site.log
        config = httpx.get(f"{site.url}/config").json()
        assert not config["analytics_enabled"]


# What the page says


def opinion(panel, network: str, **probabilities: float):
    return panel.Opinion(network, f"model-{network}", "some layers", "", probabilities)


def test_verdict_says_neither_perhaps_and_who_disagrees(panel):
    best = opinion(panel, "A", clock=0.04, crocodile=0.02, neither=0.94)
    assert panel.verdict([best]) == (
        "Neither a clock nor a crocodile.",
        "A, the best network here, is 94 % sure that it is neither.",
    )
    unsure = opinion(panel, "A", clock=0.3, crocodile=0.5, neither=0.2)
    same, other = (
        opinion(panel, "B", clock=0, crocodile=1, neither=0),
        opinion(panel, "C", clock=1, crocodile=0, neither=0),
    )
    headline, sentence = panel.verdict([unsure, same, other])
    assert headline == "Perhaps a crocodile."
    assert "only 50 % sure" in sentence
    assert sentence.endswith("C says clock.")
    assert panel.verdict([same, unsure])[1].endswith("All the others agree.")


def test_percentages_never_claim_certainty(panel):
    shown = [panel.percent(share) for share in (0, 0.001, 0.5, 0.996, 1)]
    assert shown == ["0 %", "under 1 %", "50 %", "over 99 %", "100 %"]


def test_leaning_is_the_deepest_fall(panel):
    sure = opinion(panel, "A", clock=0.9, crocodile=0.1)
    picture = Image.new("RGB", (8, 8))
    shares = {"no colour": 0.8, "no shape": 0.3, "no texture": 0.85, "colours alone": 0.0}
    assert panel.leaning(sure, panel.Reason(picture, shares)) == "leaning on shape"
    assert panel.leaning(sure, panel.Reason(picture, dict.fromkeys(shares, 0.85))) == "leaning on no single one"


def test_panel_escapes_and_grows_with_the_reasons(panel):
    picture = Image.new("RGB", (32, 32), "red")
    variants = [panel.Variant("", "as it is", picture), panel.Variant("no colour", "in grey", picture)]
    opinions = [opinion(panel, name, clock=0.9, crocodile=0.1) for name in ("<b>A", "B")]
    reason = panel.Reason(picture, {"no colour": 0.2})
    first = panel.answers(picture, variants, opinions, [], done=False)
    half = panel.answers(picture, variants, opinions, [reason], done=False)
    whole = panel.answers(picture, variants, opinions, [reason, reason], done=True)
    assert "<b>A" not in first
    assert [page.count("Heat map") for page in (first, half, whole)] == [0, 1, 2]
    assert ["what-if" in page for page in (first, half, whole)] == [False, False, True]
    assert "network 2 of 2" in half
    assert "▼ 70" in whole


def test_accuracy_comes_from_the_card(launch, tmp_path):
    launch.load_space(SPACE)
    measured = sys.modules["betwixt_space_clocks_crocodiles.networks"].measured
    assert measured(tmp_path / "README.md") == ""
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"name": "clocks-crocodiles-photos", "type": "photos"},
        "metrics": [{"type": "accuracy", "value": 0.9812}, {"type": "roc_auc", "value": 0.99}],
    }
    metadata = {"model-index": [{"name": "some", "results": [result]}]}
    (tmp_path / "README.md").write_text(f"---\n{json.dumps(metadata)}\n---\n# A card\n")
    assert measured(tmp_path / "README.md") == "Right on 98.1 % of photos that it had not seen"
