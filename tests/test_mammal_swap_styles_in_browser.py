"""Mammal Swap's StyleGAN2s in a real browser: seeds, breeds, layers, directions, films, own pictures, French, phone."""

import re

import pytest
from playwright.sync_api import Page, expect
from spaces_fixtures import MAMMALS_SPACE, PATIENCE, unnamed

EXAMPLES = sorted((MAMMALS_SPACE / "examples").glob("*.png"))
MADE = "#styled .made img"


@pytest.fixture(scope="session")
def site(styles_site):
    """What `open_page` opens."""
    return styles_site


@pytest.fixture
def open_styles(open_page):
    def open_at(generator: int = 1, **options) -> Page:
        page = open_page("/", **options)
        page.locator("#tab-blend-button").click()
        expect(page.locator("#drawer input").first).to_be_visible(timeout=PATIENCE)
        page.locator("#drawer input").nth(generator).check()
        expect(page.locator("#styled .blend ol img")).to_have_count(9, timeout=PATIENCE)
        return page

    return open_at


class Watched:
    """Whether what is drawn changes."""

    def __init__(self, page: Page):
        self.page, self.last = page, page.locator(MADE).get_attribute("src")

    def changes(self) -> None:
        expect(self.page.locator(MADE)).not_to_have_attribute("src", self.last, timeout=PATIENCE)
        self.last = self.page.locator(MADE).get_attribute("src")


def test_seeds_breeds_layers_directions_and_a_film(open_styles):
    page = open_styles()
    drawn = Watched(page)
    page.locator("#dice-one").click()
    drawn.changes()
    page.locator("#end-other").get_by_label("Breed").click()
    page.get_by_role("option").nth(2).click()
    drawn.changes()
    page.locator("#along input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    drawn.changes()
    page.get_by_label("Colours · couleurs").check()
    drawn.changes()
    page.locator("#layer-by-layer > button").click()
    checks = page.locator("#layers input")
    expect(checks.first).to_be_visible(timeout=PATIENCE)
    half = checks.count() // 2
    assert [box.is_checked() for box in checks.all()] == [False] * half + [True] * half
    checks.nth(0).check()
    drawn.changes()
    before = drawn.last
    slider = page.locator("#directions input[type=range]").first
    slider.focus()
    page.keyboard.press("ArrowLeft")
    drawn.changes()
    page.locator("#reset").click()
    expect(page.locator(MADE)).to_have_attribute("src", before, timeout=PATIENCE)
    page.locator("#make-styles-film").click()
    expect(page.locator("#styles-film img")).to_have_attribute("src", re.compile("^data:image/webp"), timeout=PATIENCE)
    with page.expect_download() as download:
        page.get_by_role("button", name="↓ GIF").click()
    assert download.value.suggested_filename == "styles.gif"
    page.locator("#styles-surprise").click()
    expect(page.locator("#styles-film img")).to_have_count(0, timeout=PATIENCE)


def test_another_generator_has_other_choices_and_the_pictures_come_back(open_styles):
    page = open_styles()
    expect(page.locator("#end-one").get_by_label("Breed")).to_be_visible()
    drawn = Watched(page)
    page.locator("#drawer input").nth(2).check()
    drawn.changes()
    expect(page.locator("#end-one").get_by_label("Breed")).to_have_count(0)
    page.locator("#drawer input").nth(0).check()
    expect(page.locator("#blend-examples button").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#styled")).to_be_hidden()


def test_a_picture_is_looked_for_stopped_and_blended(open_styles, bad_files):
    page = open_styles()
    page.locator("#own-style > button").click()
    page.locator("#find").click()
    expect(page.locator("#search [role=alert]")).to_contain_text("There is no picture", timeout=PATIENCE)
    file, words = next(iter(bad_files.items()))
    box = page.locator("#own-photo input[type=file]")
    box.set_input_files(file)
    page.wait_for_timeout(500)
    page.locator("#find").click()
    expect(page.locator("#search [role=alert]")).to_contain_text(re.compile(words), timeout=PATIENCE)
    page.locator("#own-photo").get_by_label("Remove image").click()
    page.locator("#own-photo input[type=file]").set_input_files(EXAMPLES[0])
    expect(page.locator("#own-photo img")).to_be_visible(timeout=PATIENCE)
    drawn = Watched(page)
    page.locator("#find").dblclick()
    expect(page.locator("#search progress")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#search .found img")).to_have_count(2, timeout=PATIENCE)
    page.locator("#stop").click()
    expect(page.locator("#search [role=status]")).to_contain_text(re.compile(r"Found in \d+ steps"), timeout=PATIENCE)
    drawn.changes()
    expect(page.locator("#end-one").get_by_label("My picture · mon image")).to_be_checked(timeout=PATIENCE)
    page.locator("#end-other").get_by_label("My picture · mon image").check()
    drawn.changes()
    page.locator("#end-one").get_by_label("Seed · graine").check()
    drawn.changes()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_panel_fits_can_be_named_and_speaks_french(open_styles, width, dark):
    scheme = "dark" if dark else "light"
    page = open_styles(viewport={"width": width, "height": 844}, color_scheme=scheme, locale="fr-FR")
    expect(page.locator("#end-one")).to_contain_text("L'une : graine", timeout=PATIENCE)
    expect(page.locator("#styled [lang=en]").first).to_be_hidden()
    for accordion in ("#layer-by-layer", "#own-style"):
        page.locator(f"{accordion} > button").click()
    expect(page.locator("#search [lang=fr]").first).to_be_visible(timeout=PATIENCE)
    assert unnamed(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
