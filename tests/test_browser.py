"""The pages in a real browser: a photo in, labels and heat maps out; bad files, keyboard, phone, dark."""

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Page, expect
from spaces_fixtures import EXAMPLES, PATIENCE, SPACE_PATH, STAND_INS, unnamed

from betwixt import ImageClassifier


def upload(page: Page, path: Path) -> None:
    expect(page.locator("#photo")).to_be_visible(timeout=PATIENCE)
    if page.get_by_label("Remove image").count():
        page.get_by_label("Remove image").click()
    page.locator("#photo input[type=file]").set_input_files(path)


def wait_for_reasons(page: Page) -> None:
    expect(page.locator(".what-if")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".network .heat img")).to_have_count(4)


def test_a_photo_gets_labels_and_heat_maps(open_page, hub_folder, photos):
    file = sorted((photos / "clocks_crocodiles" / "clock").glob("*.png"))[1]
    page = open_page()
    upload(page, file)
    wait_for_reasons(page)
    model = ImageClassifier.from_pretrained(hub_folder / "models" / "clocks-crocodiles-classifier")
    with Image.open(file) as image:
        shares = dict(zip(model.class_names, model.predict([image])[0].tolist(), strict=True))
    answer = max(shares, key=shares.__getitem__)
    headline = page.locator(".verdict h2").inner_text()
    assert headline.startswith("Neither") if answer == "neither" else headline.endswith(f" {answer}.")
    cards = page.locator(".network")
    assert [card.get_attribute("data-model") for card in cards.all()] == list(STAND_INS)
    expect(cards.first.locator(".bar.chosen dt")).to_have_text(answer)
    shown = cards.first.locator(".bar.chosen dd").inner_text()
    assert abs(int(re.search(r"\d+", shown)[0]) - 100 * shares[answer]) <= 1
    heat = cards.first.locator(".heat img")
    assert answer in heat.get_attribute("alt")
    coloured = heat.evaluate(
        """image => { const canvas = document.createElement("canvas"); canvas.width = canvas.height = 64;
        const context = canvas.getContext("2d"); context.drawImage(image, 0, 0, 64, 64);
        const data = context.getImageData(0, 0, 64, 64).data; let most = 0;
        for (let i = 0; i < data.length; i += 4) most = Math.max(most, Math.abs(data[i] - data[i + 2]));
        return most; }"""
    )
    assert coloured > 40  # the map over the grey picture
    seen = page.locator(".verdict img.pixels")
    assert seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [32, 32]
    assert page.locator(".what-if tbody tr").count() == 4
    assert page.locator(".what-if thead th").count() == 5


def test_bad_files_get_a_line_and_the_page_lives_on(open_page, bad_files):
    page = open_page()
    for path, word in bad_files.items():
        upload(page, path)
        message = page.locator("#answers .note[role=alert] p")
        expect(message).to_have_text(re.compile(word), timeout=PATIENCE)
        assert "/" not in message.inner_text()
    upload(page, EXAMPLES[0])
    wait_for_reasons(page)
    page.get_by_label("Remove image").click()
    expect(page.locator("#answers .note")).to_contain_text("Your picture, please")


def test_examples_by_keyboard_and_the_last_one_wins(open_page):
    page = open_page()
    first, last = (page.get_by_role("button", name=name) for name in ("alarm clock", "cactus"))
    last.focus()
    page.keyboard.press("Enter")
    wait_for_reasons(page)
    expected = page.locator(".verdict img.pixels").get_attribute("src")
    page.reload()
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".network")).to_have_count(4, timeout=PATIENCE)
    last.dblclick()  # while the first one's reasons are still coming
    expect(page.locator(".verdict img.pixels")).to_have_attribute("src", expected, timeout=PATIENCE)
    wait_for_reasons(page)
    page.wait_for_timeout(1500)  # nothing late may come of the first
    expect(page.locator(".verdict img.pixels")).to_have_attribute("src", expected)
    expect(page.locator(".progress")).to_have_count(0)


def test_everything_has_a_name(open_page):
    page = open_page()
    page.get_by_role("button", name="cactus").click()
    wait_for_reasons(page)
    assert unnamed(page) == []
    assert page.locator("h1").count() == 1
    reached = set()
    page.locator("body").click(position={"x": 1, "y": 1})
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.closest('#photo, #examples, #tab-classify, footer')?.id ?? ''")
        )
    assert {"photo", "examples"} <= reached


def test_a_long_explanation_blocks_nobody(open_page, site):
    page = open_page()
    expect(page.locator("#examples button").first).to_be_visible(timeout=PATIENCE)
    client = Client(site.url + SPACE_PATH, verbose=False, download_files=False)
    jobs = [client.submit(handle_file(str(path)), True, api_name="/classify") for path in EXAMPLES * 3]
    page.locator("#examples button").first.click()
    expect(page.locator(".network")).to_have_count(4, timeout=PATIENCE)
    assert not all(job.done() for job in jobs)
    assert all(len(job.result(timeout=120)[0]) == 4 for job in jobs)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_in_the_light_and_in_the_dark(open_page, scheme):
    page = open_page("/", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for _ in range(2):  # the front page, then the Space
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        ground, ink = page.evaluate(
            """() => ["backgroundColor", "color"].map(name => {
            const of = document.body;
            const [r, g, b] = getComputedStyle(of)[name].match(/\\d+/g).map(Number); return r + g + b; })"""
        )
        assert (ground > ink) == (scheme == "light")
        if page.url.endswith(SPACE_PATH):
            break
        page.locator("#clocks-crocodiles").click()
        page.get_by_role("button", name="cuckoo clock").click()
        wait_for_reasons(page)
