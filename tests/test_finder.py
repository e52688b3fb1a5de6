"""The modules behind Find hybrids: what is shared, noted, refused, and what the page says."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image
from spaces_fixtures import EXAMPLES, SPACE

from betwixt import ImageClassifier
from betwixt.collection import read_collection


@pytest.fixture
def space(launch, stand_ins, monkeypatch):
    """The modules of the Space in this process, with the stand-ins: space("finder")."""
    monkeypatch.setenv("BETWIXT_HUB", str(stand_ins))
    monkeypatch.delenv("BETWIXT_NAMESPACE", raising=False)
    monkeypatch.delenv("BETWIXT_COLLECTION", raising=False)
    launch.load_space(SPACE)
    prefix = "betwixt_space_clocks_crocodiles."
    modules = {name.removeprefix(prefix): found for name, found in sys.modules.items() if name.startswith(prefix)}
    return modules.__getitem__


def test_photos_are_searched_where_the_owner_names_some(space, small_photos, monkeypatch):
    searches, rank = space("searches"), space("finder").rank
    with pytest.raises(ValueError, match="collection must be one of rendered, yours, not 'photos'"):
        searches.search("photos")
    monkeypatch.setenv("BETWIXT_COLLECTION", str(small_photos))
    found = searches.search("photos", features="clocks-crocodiles-shallow")
    for _ in found.prepare():
        pass
    ranking = rank(found)
    assert len(ranking.rows) == 100
    assert len(ranking.references) == 80
    yours = searches.search("yours", pictures=found.candidates[:3])
    assert len(yours.references) == 80 + 24
    monkeypatch.setenv("BETWIXT_COLLECTION", str(small_photos / "clock"))
    searches.pictures_in.forget()
    with pytest.raises(Exception, match="pictures could not be loaded"):
        searches.search("photos")


def test_visitors_who_wait_for_the_same_pictures_share_the_work(space):
    finder, turn, seen = space("finder"), threading.Lock(), []
    pictures = [finder.Picture(f"{i}", EXAMPLES[i % 6].read_bytes(), turn=turn) for i in range(70)]
    pictures[5].source = b"no picture"

    class Model:
        def embed(self, images: list) -> torch.Tensor:
            seen.append(len(images))
            return torch.arange(len(images)).view(-1, 1)

    eye = finder.Eye("key", "A network", Model())
    with ThreadPoolExecutor(4) as pool:
        steps = list(pool.map(lambda _: list(finder.look(pictures, eye)), range(4)))
    assert sum(seen) == 69
    assert max(seen) <= finder.BATCH
    assert all(not own or own[-1] <= 70 for own in steps)
    assert "not a picture" in pictures[5].fault
    assert all(picture.thumbnail.startswith("data:image/jpeg") for picture in pictures if not picture.fault)


def searched(space, kinds: list[str], features: torch.Tensor, references: int = 20):
    """A ranking of pictures with the given features, between two clouds at 0 and 1."""
    finder = space("finder")
    random = torch.Generator().manual_seed(0)

    def picture(name: str, kind: str, row: torch.Tensor):
        seen = {"eye": finder.Glance(row, torch.tensor([0.2, 0.1, 0.7]))}
        made = finder.Picture(name, EXAMPLES[0].read_bytes(), kind, seen=seen)
        made.open()
        return made

    known = [
        picture(f"{kind}{i}", kind, torch.randn(2, generator=random) / 10 + torch.tensor([label, 0.0]))
        for label, kind in enumerate(finder.CLASSES)
        for i in range(references)
    ]
    shown = [picture(f"<b>{i}", kind, row) for i, (kind, row) in enumerate(zip(kinds, features, strict=True))]
    model = ImageClassifier(architecture="shallow", class_names=["clock", "crocodile", "neither"])
    eye = finder.Eye("eye", "A <network>", model)
    return finder.Search(shown, known, finder.CLASSES, "nearness", eye, eye)


def test_features_that_are_not_finite_are_one_line(space):
    bad = searched(space, ["", ""], torch.tensor([[0.5, 0.0], [torch.nan, 0.0]]))
    with pytest.raises(ValueError, match=r"1 candidates have features that are not finite, first row 1$"):
        space("finder").rank(bad)
    alone = searched(space, [""], torch.tensor([[0.5, 0.0]]), references=1)
    with pytest.raises(ValueError, match="at least 2 are needed"):
        space("finder").rank(alone)


def test_collection_without_crocodiles_is_refused(space):
    collection = read_collection(space("searches").locate("clocks-crocodiles", "dataset"))
    collection.class_names[1] = "alligator"
    with pytest.raises(ValueError, match="no pictures of the class 'crocodile'"):
        space("finder").pictures_of(collection)


def test_more_than_the_limit_and_the_same_file_twice(space, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    uploads = space("uploads")
    files = [{"path": str(tmp_path / f"{i}.png"), "orig_name": f"{i}.png"} for i in range(5)]
    for file in files:
        Path(file["path"]).write_bytes(EXAMPLES[0].read_bytes())
    gathered = uploads.gather([files[0], *files], 4, "box", {})
    assert [picture.name for picture in gathered] == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert [bool(picture.fault) for picture in gathered] == [False, False, False, True, True]
    known = {("box", str(picture.source)): picture for picture in gathered}
    again = uploads.gather(files, 9, "box", known)
    assert [new is old for new, old in zip(again, gathered, strict=True)] == [True, True, True, False, False]
    assert uploads.gather(files[:1], 9, "another", known)[0] is not gathered[0]
    (tmp_path / "0.png").unlink()
    assert "deleted meanwhile" in uploads.gather(files[:1], 9, "box", known)[0].fault


def test_a_file_that_is_offered_again_stays_whole_for_who_is_fetching_it(space, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    offer, data = space("uploads").offer, bytes(4_000_000)
    path = Path(offer(data, "hybrids.csv"))
    with ThreadPoolExecutor() as pool:
        again = [pool.submit(offer, data, "hybrids.csv") for _ in range(40)]
        sizes = {len(path.read_bytes()) for _ in range(200)}
        assert {Path(job.result()) for job in again} == {path}
    assert sizes == {len(data)}


def test_what_a_visitor_brought_is_forgotten(launch):
    """Gradio drops a State some time after an event gave it, and keeps what no event gives for as long as it runs."""
    demo = launch.load_space(SPACE).build_demo()
    visits = [block for block in demo.blocks.values() if type(getattr(block, "value", None)).__name__ == "Visit"]
    assert all(visit.time_to_live <= 3600 for visit in visits)
    searches = ["learn_and_search", "open_tab", "search", "try_example"]
    drawings = ["change", "draw", "draw", "draw", "open_tab"]
    given = [sorted(fn.name for fn in demo.fns.values() if visit in fn.outputs) for visit in visits]
    assert sorted(given) == sorted([searches, drawings])


def test_the_sentence_says_the_place_and_what_else_is_known(space):
    kinds = ["crocodile", "crocodile", "crocodile", "clock", "blend", ""]
    features = torch.tensor([[0.6, 0], [0.8, 0], [1.0, 0], [0.1, 0], [0.5, 0], [0.45, 0]])
    ranking = space("finder").rank(searched(space, kinds, features))
    by_name = {row.picture.name[3:]: row for row in ranking.rows}
    by_name["4"].picture.t = 0.4
    said = {name: space("panel_find").sentence(ranking, row) for name, row in by_name.items()}
    assert said["0"][0] == "This crocodile looks most like a clock."
    assert said["1"][0] == "This crocodile is the 2nd most like a clock."
    assert said["2"][0] == "This crocodile looks least like a clock."
    assert said["3"][0] == "This clock looks most like a crocodile."
    assert "40 % of the way from clock to crocodile" in said["4"][1]
    assert said["5"][0] == "Probably neither, but it looks most like both."
    assert said["5"][1].strip() == "A <network> says: neither 70 %, clock 20 %, crocodile 10 %."
    assert [space("panel_find").ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 111, 102)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "111th", "102nd")
    ]


def test_html_escapes_marks_and_counts(space):
    kinds = ["crocodile"] * 30 + ["clock"] * 29 + [""]
    features = torch.linspace(0, 1, 60).view(-1, 1) * torch.tensor([[1.0, 0.1]])
    ranking = space("finder").rank(searched(space, kinds, features))
    panel, picked = space("panel_find"), ranking.rows[-1]
    gallery = panel.gallery(ranking, None, 48, picked.picture)
    assert gallery.count("<li>") == 48
    assert "Show more (12 left)" in gallery
    assert "aria-current" not in gallery  # it is among those not shown
    assert panel.gallery(ranking, None, 96, picked.picture).count("aria-current") == 1
    assert panel.gallery(ranking, "clock", 48, None).count("<li>") == 29
    unknown = next(row for row in ranking.rows if not row.picture.kind)
    stage = panel.stage(ranking, unknown, ranking.rows, None)
    assert stage.count(" looking") == 2
    assert stage.count("<button") == 2
    assert "<b>59" not in stage + gallery + panel.refusal("<b>59", [("<b>59", "<b>59")])
    assert f"The picked picture lies at {unknown.position:.2f}." in stage
    assert "30 crocodiles, half below" in stage
    assert stage.count('height="') > 10


def test_files_left_out_are_counted_and_the_first_are_named(space):
    files = [(f"{i}.png", "The file is empty.") for i in range(7)]
    shown = space("panel_find").refusal("Nothing", files)
    assert "7 files were left out" in shown
    assert shown.count("The file is empty.") == 5
    assert "and 2 more" in shown


def test_the_nearest_training_pictures_where_they_are_at_hand(space):
    generators, known = space("generators"), space("searches").pictures_in("rendered")
    clocks = [picture for picture in known if picture.kind == "clock"]
    mirrored = clocks[3].open(32).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert generators.nearest(mirrored, "rendered")[0].name == clocks[3].name
    assert len(generators.nearest(mirrored, "rendered")) == 2
    assert generators.nearest(mirrored, "photos") == []  # no one has named any
