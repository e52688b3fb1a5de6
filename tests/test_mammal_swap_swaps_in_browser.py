"""Mammal Swap's swaps in a real browser: examples, exchange, turns, grids, bad files, French, phone."""

import re

import pytest
from playwright.sync_api import Page, expect
from spaces_fixtures import MAMMALS_SPACE, PATIENCE, unnamed

EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))
MADE = "#swapped .made img"


@pytest.fixture(scope="session")
def site(swaps_site):
    """What `open_page` opens."""
    return swaps_site


@pytest.fixture
def open_swap(open_page):
    def open_at(**options) -> Page:
        page = open_page("/", **options)
        for number in (0, 1):
            page.locator("#swap-examples button").nth(number).click()
        expect(page.locator(MADE)).to_be_visible(timeout=PATIENCE)
        return page

    return open_at


def changes(page: Page, last: str) -> str:
    expect(page.locator(MADE)).not_to_have_attribute("src", last, timeout=PATIENCE)
    return page.locator(MADE).get_attribute("src")


def test_two_examples_the_other_way_round_and_turned(open_swap):
    page = open_swap()
    expect(page.locator("#swapped figure")).to_have_count(4, timeout=PATIENCE)  # with the exact target
    drawn = page.locator(MADE).get_attribute("src")
    page.locator("#swap-exchange").click()
    drawn = changes(page, drawn)
    slider = page.locator("#swap-yaw input[type=range]")
    expect(slider).to_be_visible(timeout=PATIENCE)
    slider.focus()
    page.keyboard.press("ArrowRight")
    drawn = changes(page, drawn)
    page.locator("#swap-surprise").click()
    drawn = changes(page, drawn)
    page.locator("#swapper input").nth(1).check()
    changes(page, drawn)
    expect(slider).to_be_hidden(timeout=PATIENCE)


def test_a_grid_by_chance_and_of_files(open_swap, bad_files):
    page = open_swap()
    page.get_by_role("button", name="Many at once").click()
    page.locator("#make-grid").click()
    expect(page.locator("#grid img")).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as download:
        page.get_by_role("button", name="↓ PNG").click()
    assert download.value.suggested_filename == "swaps.png"
    file, words = next(iter(bad_files.items()))
    page.locator("#many-identities input[type=file]").set_input_files([EXAMPLES[0], file, EXAMPLES[2]])
    page.wait_for_timeout(500)
    page.locator("#make-grid").click()
    expect(page.locator("#grid .left-out")).to_contain_text(re.compile(words), timeout=PATIENCE)


def test_bad_files_get_a_line_and_the_page_lives_on(open_swap, bad_files):
    page = open_swap()
    for file, words in [*bad_files.items()][:2]:
        page.locator("#identity").get_by_label("Remove image").click()
        page.locator("#identity input[type=file]").set_input_files(file)
        expect(page.locator("#swapped [role=alert]")).to_contain_text(re.compile(words), timeout=PATIENCE)
    page.locator("#identity").get_by_label("Remove image").click()
    expect(page.locator("#swapped")).to_contain_text("One more", timeout=PATIENCE)
    page.locator("#identity input[type=file]").set_input_files(EXAMPLES[4])
    expect(page.locator(MADE)).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_tab_fits_can_be_named_and_speaks_french(open_swap, width, dark):
    scheme = "dark" if dark else "light"
    page = open_swap(viewport={"width": width, "height": 844}, color_scheme=scheme, locale="fr-FR")
    expect(page.locator("#swapped")).to_contain_text("l'échange", timeout=PATIENCE)
    expect(page.locator("#swapped [lang=en]").first).to_be_hidden()
    assert unnamed(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
