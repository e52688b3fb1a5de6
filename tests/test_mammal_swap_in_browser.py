"""Mammal Swap in a real browser: blends, films, breeds, clusters, own pictures, French, phone and dark."""

import re

import pytest
from playwright.sync_api import Page, expect
from spaces_fixtures import MAMMALS_PATH, MAMMALS_SPACE, PATIENCE, unnamed

EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))
TOLD = "#maps .told"


@pytest.fixture
def open_mammals(open_page):
    def open_at(tab: int = 0, **options) -> Page:
        page = open_page(MAMMALS_PATH, **options)
        expect(page.locator("#blend-examples button").first).to_be_visible(timeout=PATIENCE)
        if tab:
            page.get_by_role("tab").nth(tab).click()
        return page

    return open_at


def test_two_examples_are_blended_and_become_a_film(open_mammals):
    page = open_mammals()
    page.locator("#blend-examples button").first.click()
    expect(page.locator("#blended")).to_contain_text("choose a second picture", timeout=PATIENCE)
    page.locator("#blend-examples button").nth(1).click()
    expect(page.locator("#blended .blend ol").first.locator("img")).to_have_count(9, timeout=PATIENCE)
    expect(page.locator("#blended .ends figure")).to_have_count(2)
    before = page.locator("#blended .made img").get_attribute("src")
    page.locator("#share input[type=number]").fill("")
    page.locator("#share input[type=number]").fill("1.2")
    page.locator("#share input[type=number]").press("Enter")
    expect(page.locator("#blended .made img")).not_to_have_attribute("src", before, timeout=PATIENCE)
    page.locator("#make-film").click()
    expect(page.locator("#film img")).to_have_attribute("src", re.compile("^data:image/webp"), timeout=PATIENCE)
    with page.expect_download() as download:
        page.get_by_role("button", name="↓ GIF").click()
    assert download.value.suggested_filename == "blend.gif"


def test_surprises_and_bad_files(open_mammals, bad_files):
    page = open_mammals()
    page.locator("#blend-surprise").click()
    expect(page.locator("#blended .ends figure")).to_have_count(2, timeout=PATIENCE)
    page.locator("#second").get_by_label("Remove image").click()
    expect(page.locator("#blended")).to_contain_text("choose a second picture", timeout=PATIENCE)
    file, words = next(iter(bad_files.items()))
    page.locator("#second input[type=file]").set_input_files(file)
    expect(page.locator("#blended [role=alert]")).to_contain_text(re.compile(words), timeout=PATIENCE)


def test_a_breed_is_named_and_what_says_so(open_mammals, photos, published):
    page = open_mammals(1)
    page.locator("#breed-examples button").nth(1).click()
    expect(page.locator("#breed .breed li")).to_have_count(5 if published else 4, timeout=PATIENCE)
    expect(page.locator("#breed figure:not(.looking) img")).to_have_count(1, timeout=PATIENCE)
    page.locator("#photo").get_by_label("Remove image").click()
    expect(page.locator("#breed")).to_contain_text("Who is this?", timeout=PATIENCE)
    page.locator("#photo input[type=file]").set_input_files(sorted((photos / "pets" / "head").glob("siamese/*.jpg"))[0])
    expect(page.locator("#breed .breed h2")).to_be_visible(timeout=PATIENCE)


def test_clusters_are_shown_on_linked_maps(open_mammals):
    page = open_mammals(2)
    expect(page.locator("#clusters section")).to_have_count(16, timeout=PATIENCE)
    expect(page.locator("#which tbody tr")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator("#legend li")).to_have_count(16)
    canvas = page.locator("#maps canvas").first
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(TOLD)).not_to_contain_text("Point at a picture", timeout=PATIENCE)
    page.keyboard.press("Enter")
    expect(page.locator("#closer .one img")).to_be_visible(timeout=PATIENCE)
    page.locator("#count input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#clusters section")).to_have_count(15, timeout=PATIENCE)
    expect(page.locator("#closer .one")).to_have_count(0, timeout=PATIENCE)
    page.get_by_label("HDBSCAN").check()
    expect(page.locator("#told")).to_contain_text(re.compile(r"\d+ clusters?"), timeout=PATIENCE)
    expect(page.locator("#count")).to_contain_text("Fewest pictures", timeout=PATIENCE)


def test_own_pictures_are_put_into_clusters_and_bad_ones_named(open_mammals, bad_files):
    page = open_mammals(2)
    expect(page.locator("#clusters section")).to_have_count(16, timeout=PATIENCE)
    box = page.locator("#own-pictures input[type=file]")
    box.set_input_files([*EXAMPLES[:4]])
    expect(page.locator("#told [role=alert]")).to_contain_text("at least 5 are needed", timeout=PATIENCE)
    expect(page.locator("#clusters section")).to_have_count(0)
    page.locator("#own-pictures").get_by_label("Clear").first.click()
    expect(page.locator("#clusters section")).to_have_count(16, timeout=PATIENCE)
    box = page.locator("#own-pictures input[type=file]")
    box.set_input_files([*EXAMPLES[:9], next(iter(bad_files))])
    expect(page.locator("#told")).to_contain_text("9 pictures, 3 clusters", timeout=PATIENCE)
    expect(page.locator("#told .left-out li")).to_contain_text("truncated.png")
    expect(page.locator("#which table")).to_have_count(0)


def test_the_page_speaks_french(open_mammals):
    page = open_mammals(locale="fr-FR")
    expect(page.get_by_role("tab").first).to_have_text("Mélanger", timeout=PATIENCE)
    expect(page.locator("header.intro")).to_contain_text("Qu'y a-t-il")
    expect(page.locator("header.intro [lang=en]")).to_be_hidden()
    page.locator("#blend-examples button").first.click()
    expect(page.locator("#blended [lang=fr]").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#blended [lang=en]").first).to_be_hidden()
    page.get_by_role("tab").nth(2).click()
    expect(page.locator("#clusters h3").first).to_contain_text("Groupe 1", timeout=PATIENCE)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_tab_fits_and_can_be_named_by_a_screen_reader(open_mammals, width, dark):
    scheme = "dark" if dark else "light"
    page = open_mammals(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.locator("#blend-examples button").first.click()
    page.locator("#blend-examples button").nth(2).click()
    expect(page.locator("#blended .ends figure")).to_have_count(2, timeout=PATIENCE)
    for tab in range(3):
        page.get_by_role("tab").nth(tab).click()
        if tab == 2:
            expect(page.locator("#which table")).to_be_visible(timeout=PATIENCE)
        assert unnamed(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
