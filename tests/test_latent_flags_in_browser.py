"""Latent Flags in a real browser: hover, click, zoom, keys, a flag brought or drawn, phone and dark."""

import re

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from spaces_fixtures import FLAGS_PATH, FLAGS_SPACE, PATIENCE, unnamed

EXAMPLES = sorted((FLAGS_SPACE / "examples").glob("*.png"))
TOLD = "#maps .told"


@pytest.fixture
def open_maps(open_page):
    def open_at(**options) -> Page:
        page = open_page(FLAGS_PATH, **options)
        expect(page.locator("#maps figcaption").first).to_have_text("raw pixels", timeout=PATIENCE)
        expect(page.locator(TOLD)).to_contain_text("Point at a picture")
        return page

    return open_at


def point_at_something(page: Page, side: int = 0) -> str:
    """Move the pointer over a map until a flag lights up; returns what is told of it."""
    canvas = page.locator("#maps canvas").nth(side)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for share in range(20, 80, 3):
        page.mouse.move(box["x"] + box["width"] * share / 100, box["y"] + box["height"] * (35 + share / 3) / 100)
        page.wait_for_timeout(60)
        told = page.locator(TOLD).inner_text()
        if "Nearest" in told:
            return told
    raise AssertionError("no flag anywhere")


def pixels(page: Page, side: int) -> str:
    return page.locator("#maps canvas").nth(side).evaluate("canvas => canvas.toDataURL()")


def test_a_flag_lights_up_on_both_maps_and_a_click_says_more(open_maps):
    page = open_maps()
    page.wait_for_timeout(500)
    before = [pixels(page, side) for side in (0, 1)]
    told = point_at_something(page)
    assert re.fullmatch(r".+\. Nearest by raw pixels: (.+, ){4}.+; by form, learned: (.+, ){4}.+\.", told)
    page.wait_for_timeout(200)
    assert pixels(page, 0) != before[0]
    assert pixels(page, 1) != before[1]
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#closer h3")).to_have_text(told.split(".")[0], timeout=PATIENCE)
    page.mouse.move(2, 2)
    expect(page.locator(TOLD)).to_have_text(told)  # what was chosen stays


def test_zoom_drag_and_back(open_maps):
    page = open_maps()
    page.wait_for_timeout(800)
    whole, other = pixels(page, 0), pixels(page, 1)
    canvas = page.locator("#maps canvas").first
    canvas.hover()
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(300)
    page.mouse.move(2, 2)
    page.wait_for_timeout(200)
    near = pixels(page, 0)
    assert near != whole
    assert pixels(page, 1) == other
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 60, steps=4)
    page.mouse.up()
    page.mouse.move(2, 2)
    page.wait_for_timeout(200)
    assert pixels(page, 0) != near
    page.get_by_role("button", name="Show all of the first map").click()
    page.mouse.move(2, 2)
    page.wait_for_timeout(300)
    assert pixels(page, 0) == whole


def test_a_zoomed_map_stays_in_its_frame_when_that_changes(open_maps):
    page = open_maps(viewport={"width": 1200, "height": 900})
    canvas = page.locator("#maps canvas").first
    canvas.hover(position={"x": 5, "y": 200})
    for _ in range(3):
        page.mouse.wheel(0, 400)  # out, where there is no further out: the page moves, not the map
    page.locator("#maps").scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 200)
    page.mouse.wheel(0, -700)
    page.wait_for_timeout(300)
    assert painted(canvas) > 500
    page.set_viewport_size({"width": 420, "height": 900})
    page.mouse.move(2, 2)
    page.wait_for_timeout(600)
    assert painted(canvas) > 500


def painted(canvas: Locator) -> int:
    """On how many pixels there is anything."""
    return canvas.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 3 && v).length"
    )


def test_the_wheel_moves_the_page_where_it_cannot_zoom(open_maps):
    page = open_maps(viewport={"width": 1200, "height": 600})
    canvas = page.locator("#maps canvas").first
    canvas.hover(position={"x": 200, "y": 60})
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(300)
    top = page.evaluate("scrollY")
    assert top > 0
    canvas.hover(position={"x": 200, "y": 200})
    top = page.evaluate("scrollY")
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == top  # in: that zooms


def test_the_keyboard_goes_from_flag_to_flag(open_maps):
    page = open_maps()
    page.locator("#maps canvas").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(TOLD).inner_text()
    assert "Nearest" in first
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    assert "Nearest" in page.locator(TOLD).inner_text()
    page.keyboard.press("Enter")
    name = page.locator(TOLD).inner_text().split(".")[0]
    expect(page.locator("#closer h3")).to_have_text(name, timeout=PATIENCE)
    page.keyboard.press("Escape")
    expect(page.locator(TOLD)).to_contain_text("Point at a picture")
    expect(page.locator("#closer h3")).to_have_count(0, timeout=PATIENCE)


def test_other_likeness_other_frames_other_perplexity(open_maps):
    page = open_maps()
    page.get_by_label("Right map").click()
    page.get_by_role("option", name="edges").click()
    expect(page.locator("#maps figcaption").nth(1)).to_have_text("edges", timeout=PATIENCE)
    expect(page.locator("#legend li").first).to_contain_text("horizontal bands")
    page.get_by_role("radio", name="their colours").click()
    expect(page.locator("#legend li").first).not_to_contain_text("horizontal bands", timeout=PATIENCE)
    page.get_by_role("radio", name="nothing").click()
    expect(page.locator("#legend li")).to_have_count(0, timeout=PATIENCE)
    page.wait_for_timeout(800)
    before = pixels(page, 0)
    box = page.get_by_role("spinbutton", name=re.compile("Perplexity"))
    box.fill("8")
    box.blur()
    expect(page.locator("#maps figcaption").first).to_have_text("raw pixels")
    page.wait_for_function(
        "before => document.querySelector('#maps canvas').toDataURL() !== before", arg=before, timeout=PATIENCE
    )


def test_a_flag_that_is_brought_lies_on_both_maps(open_maps, bad_files):
    page = open_maps()
    page.locator("#own-flag input[type=file]").set_input_files(EXAMPLES[1])
    expect(page.locator(TOLD)).to_contain_text("Your flag. Nearest by raw pixels:", timeout=PATIENCE)
    expect(page.locator("#guest-words")).to_contain_text("framed on both maps")
    other = open_maps()
    assert other.locator("#guest-words").inner_text() == ""  # another visitor sees nothing of it
    page.locator("#own-flag").get_by_label("Remove image").click()
    expect(page.locator("#guest-words")).to_be_empty(timeout=PATIENCE)
    page.locator("#own-flag input[type=file]").set_input_files(next(iter(bad_files)))
    expect(page.get_by_text("damaged")).to_be_visible(timeout=PATIENCE)
    assert "Nearest" in point_at_something(page)


def test_an_example_and_what_is_no_flag(open_maps, tmp_path):
    page = open_maps()
    page.locator("#map-examples button").nth(1).click()
    expect(page.locator(TOLD)).to_contain_text("Your flag. Nearest by raw pixels:", timeout=PATIENCE)
    page.locator("#own-flag").get_by_label("Remove image").click()
    noise = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    page.locator("#own-flag input[type=file]").set_input_files(tmp_path / "noise.png")
    expect(page.locator("#guest-words")).to_contain_text("far from every flag: by “raw pixels”", timeout=PATIENCE)


def test_a_flag_that_is_drawn(open_maps, bad_files):
    page = open_maps()
    page.get_by_role("tab", name="Draw one").click()
    canvas = page.locator("#own-sketch canvas").first
    expect(canvas).to_be_visible(timeout=PATIENCE)
    page.locator("#own-sketch").get_by_label("Brush").click()
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    box = canvas.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=12)
    page.mouse.up()
    expect(page.locator(TOLD)).to_contain_text("Your flag.", timeout=PATIENCE)
    page.get_by_role("tab", name="Your flag").click()
    page.locator("#own-flag input[type=file]").set_input_files(next(iter(bad_files)))
    expect(page.get_by_text("damaged")).to_be_visible(timeout=PATIENCE)
    assert "framed on both maps" in page.locator("#guest-words").inner_text()  # what was drawn stays


def test_neighbours_three_times_over(open_maps, bad_files):
    page = open_maps()
    page.get_by_role("tab", name="Neighbours").click()
    expect(page.locator("#neighbours h2")).to_have_text("Which flags are like that of Senegal?", timeout=PATIENCE)
    expect(page.locator("#neighbours section")).to_have_count(3)
    expect(page.locator("#neighbours section").first.locator("li")).to_have_count(8)
    page.locator("#compared input[type=file]").set_input_files(EXAMPLES[0])
    expect(page.locator("#neighbours h2")).to_have_text("Which flags are like yours?", timeout=PATIENCE)
    first = page.locator("#neighbours img").first.get_attribute("src")
    page.locator("#neighbours-examples button").nth(2).click()
    expect(page.locator("#neighbours img").first).not_to_have_attribute("src", first, timeout=PATIENCE)
    page.locator("#compared").get_by_label("Remove image").click()
    page.locator("#compared input[type=file]").set_input_files([*bad_files][2])
    expect(page.locator("#neighbours .note[role=alert]")).to_contain_text("picture", timeout=PATIENCE)


def test_mash_ups_a_slider_and_a_surprise(open_maps):
    page = open_maps()
    page.get_by_role("tab", name="Mash up").click()
    expect(page.locator("#grammar li")).to_have_count(6, timeout=PATIENCE)
    expect(page.locator("#latents .sheet li")).to_have_count(2)
    expect(page.locator("#latents .strip img")).to_have_count(9)
    half = page.locator("#between img").get_attribute("src")
    box = page.get_by_role("spinbutton", name=re.compile("How much"))
    box.fill("0")
    box.blur()
    expect(page.locator("#between img")).not_to_have_attribute("src", half, timeout=PATIENCE)
    before = page.locator("#grammar").inner_text()
    page.get_by_role("button", name="Surprise me").dblclick()
    expect(page.locator("#grammar")).not_to_have_text(before, timeout=PATIENCE)
    expect(page.locator("#grammar li")).to_have_count(6, timeout=PATIENCE)


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    ],
    ids=["dark", "phone"],
)
def test_every_tab_fits_and_has_names(open_maps, options):
    page = open_maps(**options)
    for tab in ("Map", "Neighbours", "Mash up"):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"]
        assert unnamed(page) == []


def test_more_pictures(open_maps, published):
    page = open_maps()
    page.get_by_label("Flags on the map").click()
    page.get_by_role("option", name="flags and 760 mash-ups").click()
    expect(page.locator("#maps canvas").first).to_have_attribute(
        "aria-label", re.compile(f"Map of {1000 if published else 280} pictures"), timeout=PATIENCE
    )
    assert "Nearest" in point_at_something(page)
    assert " + " in page.locator(TOLD).inner_text()  # mash-ups are called by their parents


def test_only_what_was_uploaded_is_opened(site):
    client = Client(f"{site.url}{FLAGS_PATH}", verbose=False)
    with pytest.raises((AppError, ValueError), match=r"uploaded|allowed"):
        client.predict("fr", {"path": str(site.log_file)}, 3, api_name="/neighbours")
