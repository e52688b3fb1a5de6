"""Landmark Search in a real browser: examples, uploads, heat maps, maps, encoders, own photos, phone and dark."""

import itertools
import re
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from spaces_fixtures import LANDMARKS_PATH, LANDMARKS_SPACE, PATIENCE, unnamed

EXAMPLES = sorted((LANDMARKS_SPACE / "examples").glob("*.png"))
TOLD = "#maps .told"


@pytest.fixture
def open_search(open_page):
    def open_at(tab: str = "Search", **options) -> Page:
        page = open_page(LANDMARKS_PATH, **options)
        expect(page.locator("#search-examples button").first).to_be_visible(timeout=PATIENCE)
        if tab != "Search":
            page.get_by_role("tab", name=tab, exact=True).click()
        return page

    return open_at


def source(page: Page, selector: str) -> str:
    return page.locator(selector).get_attribute("src")


def bring_own(page: Page, files: list) -> None:
    page.locator("#own-files input[type=file]").set_input_files(files)


def test_an_example_is_found_and_a_click_shows_where_it_matches(open_search):
    page = open_search()
    page.locator("#search-examples button").first.click()
    expect(page.locator("#found li")).to_have_count(12, timeout=PATIENCE)
    expect(page.locator("#match .match:not(.looking) img")).to_have_count(2, timeout=PATIENCE)
    expect(page.locator("#match h2")).to_have_text(re.compile(r"\w+\."))
    first = source(page, "#match figure:nth-child(2) img")
    name = page.locator("#found li").nth(4).locator("b").inner_text()
    page.locator("#found li button").nth(4).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#match figcaption").nth(1)).to_contain_text(name, timeout=PATIENCE)
    expect(page.locator("#match .match:not(.looking)")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("#match figure:nth-child(2) img")).not_to_have_attribute("src", first, timeout=PATIENCE)
    expect(page.locator("#found [aria-current]")).to_have_count(1)
    before = page.locator("#found li b").all_inner_texts()
    page.get_by_label("As seen by").first.click()
    page.get_by_role("option", name="From scratch").click()
    page.wait_for_function(
        "before => [...document.querySelectorAll('#found li b')].map(e => e.innerText).join() !== before",
        arg=",".join(before),
        timeout=PATIENCE,
    )


def test_photos_and_bad_files_in_turn(open_search, photos, bad_files, tmp_path):
    page = open_search()
    box = page.locator("#photo input[type=file]")
    Image.new("RGB", (200, 200), "navy").save(tmp_path / "flat.png")
    for file, words in [*bad_files.items(), (tmp_path / "flat.png", "nothing to see")][::2]:
        box.set_input_files(file)
        expect(page.locator("#found [role=alert]")).to_contain_text(re.compile(words), timeout=PATIENCE)
        expect(page.locator("#match .match")).to_have_count(0, timeout=PATIENCE)
        page.locator("#photo").get_by_label("Remove image").click()
        expect(page.locator("#found h2")).to_have_text("Where was this?", timeout=PATIENCE)
    for place in ("taj_mahal", "colosseum_rome"):
        box.set_input_files(next(iter(sorted((photos / "landmarks" / place).iterdir()))))
        expect(page.locator("#found li")).to_have_count(12, timeout=PATIENCE)
        expect(page.locator("#match .match:not(.looking) img")).to_have_count(2, timeout=PATIENCE)
        page.locator("#photo").get_by_label("Remove image").click()
        expect(page.locator("#found li")).to_have_count(0, timeout=PATIENCE)


def test_maps_are_linked_and_what_lies_between_is_listed(open_search):
    page = open_search()
    page.locator("#search-examples button").nth(1).click()
    expect(page.locator("#match .match:not(.looking)")).to_have_count(1, timeout=PATIENCE)
    page.get_by_role("tab", name="Map", exact=True).click()
    expect(page.locator("#maps figcaption").first).to_have_text("Transfer", timeout=PATIENCE)
    expect(page.locator(TOLD)).to_contain_text("Your picture. Nearest by Transfer:", timeout=PATIENCE)
    expect(page.locator("#map-words")).to_contain_text("framed on both maps")
    expect(page.locator("#between li img").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#between ol li").first).to_contain_text("looks like")
    canvas = page.locator("#maps canvas").first
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", *["ArrowUp"] * 4):
        page.keyboard.press(key)
        if key == "ArrowUp" and "Your picture" not in page.locator(TOLD).inner_text():
            break  # of one's own picture there is nothing closer to see
    page.keyboard.press("Enter")
    expect(page.locator("#closer h3")).to_be_in_viewport(timeout=PATIENCE)
    page.wait_for_timeout(1000)  # for the page to stand still
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    lit = re.compile(r".+\. Nearest by Transfer: (.+, ){4}.+; by From scratch: (.+, ){4}.+\.")
    for across, down in itertools.product(range(10, 90, 3), (30, 50, 70)):
        page.mouse.move(box["x"] + box["width"] * across / 100, box["y"] + box["height"] * down / 100)
        page.wait_for_timeout(50)
        told = page.locator(TOLD).inner_text()
        if lit.fullmatch(told) and not told.startswith("Your picture"):
            break
    assert lit.fullmatch(told)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#closer h3")).to_have_text(told.split(".")[0], timeout=PATIENCE)
    page.get_by_label("Left map").click()
    page.get_by_role("option", name="Pretrained").click()
    expect(page.locator("#maps figcaption").first).to_have_text("Pretrained", timeout=PATIENCE)
    expect(page.locator("#between")).to_contain_text("Pretrained", timeout=PATIENCE)


def test_encoders_side_by_side(open_search, bad_files):
    page = open_search("Compare encoders")
    expect(page.locator("#columns section")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator("#columns section").first.locator("li")).to_have_count(8)
    expect(page.locator("#columns .score")).to_have_count(3)
    first = source(page, "#columns .asked img")
    for _ in range(5):
        page.get_by_role("button", name="Surprise me").dblclick()
        page.wait_for_timeout(700)
        if source(page, "#columns .asked img") != first:
            break
    expect(page.locator("#columns .asked img")).not_to_have_attribute("src", first, timeout=PATIENCE)
    page.locator("#compare-examples button").nth(3).click()
    expect(page.locator("#columns .asked")).to_have_text("Your picture", timeout=PATIENCE)
    page.locator("#compared").get_by_label("Remove image").click()
    page.locator("#compared input[type=file]").set_input_files(next(iter(bad_files)))
    expect(page.locator("#columns [role=alert]")).to_contain_text("damaged", timeout=PATIENCE)


def test_own_photos_from_files_can_be_searched(open_search, photos, bad_files):
    folders = [photos / "landmarks" / place for place in ("taj_mahal", "petra_jordan", "angkor_wat")]
    files = [file for folder in folders for file in sorted(folder.iterdir())[:4]]
    page = open_search("Your photos")
    bring_own(page, [*files, next(iter(bad_files))])
    expect(page.locator("#own-pictures button")).to_have_count(12, timeout=PATIENCE)
    expect(page.locator("#own-pictures .left-out")).to_contain_text("1 file was left out")
    page.locator("#own-pictures button").nth(2).click()
    expect(page.locator("#own-found li")).to_have_count(11, timeout=PATIENCE)
    expect(page.locator("#own-match .match:not(.looking) img")).to_have_count(2, timeout=PATIENCE)
    page.locator("#own-query input[type=file]").set_input_files(files[5])
    expect(page.locator("#own-found li")).to_have_count(12, timeout=PATIENCE)
    expect(page.locator("#own-found li small").first).to_have_text(re.compile(r"1\.00|0\.9\d"))
    page.locator("#own-found li button").nth(1).dblclick()
    expect(page.locator("#own-match .match:not(.looking) img")).to_have_count(2, timeout=PATIENCE)
    other = open_search("Your photos")
    expect(other.locator("#own-pictures h2")).to_have_text("A search of your own")  # nobody else sees them
    assert other.locator("#own-pictures button").count() == 0


def test_own_photos_from_a_zip_know_their_places_and_bad_ones_are_told(open_search, tmp_path):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for number, file in enumerate(EXAMPLES):
            archive.write(file, f"trip/place_{number % 2}/{file.name}")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 no zip at all")
    page = open_search("Your photos")
    bring_own(page, [tmp_path / "bad.zip"])
    expect(page.locator("#own-pictures [role=alert]")).to_contain_text("zip is damaged", timeout=PATIENCE)
    page.locator("#own-files").get_by_label("Clear").click()
    expect(page.locator("#own-pictures h2")).to_have_text("A search of your own", timeout=PATIENCE)
    bring_own(page, [tmp_path / "own.zip"])
    expect(page.locator("#own-pictures h2")).to_have_text("6 pictures of 2 places", timeout=PATIENCE)
    page.locator("#own-pictures button").first.click()
    expect(page.locator("#own-match .verdict")).to_contain_text("It shows Place 0", timeout=PATIENCE)
    expect(page.locator("#own-match .match:not(.looking) img")).to_have_count(2, timeout=PATIENCE)


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    ],
    ids=["dark", "phone"],
)
def test_every_tab_fits_and_has_names(open_search, options):
    page = open_search(**options)
    ready = {"Search": "#search-examples button", "Map": "#between h2", "Compare encoders": "#columns section"}
    for tab in ("Search", "Map", "Compare encoders", "Your photos"):
        page.get_by_role("tab", name=tab, exact=True).click()
        if tab == "Search":
            page.locator("#search-examples button").first.click()
            expect(page.locator("#match .match:not(.looking)")).to_have_count(1, timeout=PATIENCE)
        if tab == "Your photos":
            bring_own(page, EXAMPLES)
        expect(page.locator(ready.get(tab, "#own-pictures li")).first).to_be_visible(timeout=PATIENCE)
        assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"]
        assert unnamed(page) == []
