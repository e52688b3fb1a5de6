"""The tab Generate hybrids in a real browser and through the API: pictures form, are judged, and become a film."""

import io
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect
from spaces_fixtures import PATIENCE, SPACE_PATH, unnamed


def open_tab(open_page, **options) -> Page:
    page = open_page(**options)
    page.get_by_role("tab", name="Generate hybrids").click()
    return page


def wait_for_sheet(page: Page, count: int = 8) -> None:
    expect(page.locator("#sheet .drawn button")).to_have_count(count, timeout=PATIENCE)
    page.wait_for_timeout(500)  # Gradio renders it once more when the drawing has ended: a key pressed then is lost


def pictures(page: Page) -> list[str]:
    return [image.get_attribute("src") for image in page.locator("#sheet .drawn button img").all()]


def draw(page: Page) -> None:
    page.locator("#draw").click()
    expect(page.locator("#sheet .forming").first).to_be_visible(timeout=PATIENCE)


def test_pictures_form_are_judged_and_become_a_film(open_page):
    page = open_tab(open_page)
    expect(page.locator("#sheet progress")).to_be_visible(timeout=PATIENCE)
    wait_for_sheet(page)
    expect(page.locator("#sheet h2")).to_have_text(re.compile(r"\d of 8 look like both to the judges\."))
    assert page.locator("#sheet .says b").count() == 16
    assert re.fullmatch(
        r"Seed 2: The judges see (neither|a clock( and a crocodile)?|a crocodile)(, but nothing that is either)?\.",
        page.locator("#sheet .drawn button").nth(2).get_attribute("aria-label"),
    )
    drawn = pictures(page)
    assert len(set(drawn)) == 8
    page.locator("#sheet .drawn button").nth(2).click()
    expect(page.locator("#closer .large img")).to_have_attribute("src", drawn[2], timeout=PATIENCE)
    expect(page.locator("#closer figcaption").first).to_have_text("seed 2")
    expect(page.locator("#closer .strip-row img")).to_have_count(9, timeout=PATIENCE)
    expect(page.locator("#film")).to_be_visible(timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator("#film").click()
    assert download.value.suggested_filename == "clock-to-crocodile-2.webp"
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as film:
        assert film.n_frames == 16
        assert film.size == (256, 256)
    assert unnamed(page) == []


def test_the_slider_the_seed_and_more_hybrid(open_page):
    page = open_tab(open_page)
    wait_for_sheet(page)
    half = pictures(page)
    page.locator("#count input").fill("2")
    page.locator("#share input[type=range]").fill("0")
    draw(page)
    wait_for_sheet(page, 2)
    expect(page.locator("#sheet .sentence p")).to_contain_text("Plain clocks, to compare with.")
    assert pictures(page) != half[:2]
    page.locator("#more-hybrid").click()  # not of one class alone: from the middle
    expect(page.locator("#share input[type=number]")).to_have_value("50", timeout=PATIENCE)
    page.locator("#strength input[type=range]").fill("1")
    draw(page)
    expect(page.locator("#sheet .forming").first).to_be_visible(timeout=PATIENCE)
    wait_for_sheet(page, 2)
    assert len(pictures(page)) == 2
    page.locator("#more-hybrid").click()
    expect(page.locator("#strength input[type=number]")).to_have_value("1.5", timeout=PATIENCE)
    expect(page.locator("#sheet .forming").first).to_be_visible(timeout=PATIENCE)
    wait_for_sheet(page, 2)
    steered = pictures(page)
    assert steered != half[:2]
    page.locator("#other-seed").click()
    expect(page.locator("#seed input")).not_to_have_value("0", timeout=PATIENCE)
    expect(page.locator("#sheet .forming").first).to_be_visible(timeout=PATIENCE)
    wait_for_sheet(page, 2)
    assert pictures(page) != steered


def test_another_generator_has_its_own_ways(open_page):
    page = open_tab(open_page)
    wait_for_sheet(page)
    before = pictures(page)
    page.get_by_role("radio", name="GAN").click()
    page.locator("#more-hybrid").click()
    expect(page.get_by_text("It is steered as far as this generator bears")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#sheet .drawn button img").first).not_to_have_attribute("src", before[0], timeout=PATIENCE)
    before = pictures(page)
    page.locator("#combine input").click()
    page.get_by_role("option", name="Form of one, detail of the other").click()
    expect(page.locator("#strength")).to_have_count(0, timeout=PATIENCE)
    page.locator("#draw").click()
    expect(page.locator("#sheet .drawn button img").first).not_to_have_attribute("src", before[0], timeout=PATIENCE)
    wait_for_sheet(page)
    page.locator("#sheet .drawn button").first.click()
    expect(page.locator("#film")).to_be_visible(timeout=PATIENCE)


def test_rendered_pictures_and_those_that_are_like_them(open_page):
    page = open_tab(open_page)
    wait_for_sheet(page)
    page.locator("#count input").fill("1")
    page.get_by_role("radio", name="Rendered").click()
    draw(page)
    wait_for_sheet(page, 1)
    page.locator("#sheet .drawn button").first.click()
    expect(page.locator("#closer .neighbour img")).to_have_count(2, timeout=PATIENCE)


def test_what_is_not_steered_becomes_so(open_page):
    page = open_tab(open_page)
    wait_for_sheet(page)
    page.locator("#count input").fill("1")
    page.locator("#combine input").click()
    page.get_by_role("option", name="The label in the middle").click()
    expect(page.locator("#strength")).to_have_count(0, timeout=PATIENCE)
    page.locator("#more-hybrid").click()
    expect(page.locator("#combine input")).to_have_value("Steered by two guides", timeout=PATIENCE)
    expect(page.locator("#strength input[type=number]")).to_have_value("1", timeout=PATIENCE)
    wait_for_sheet(page, 1)


def test_double_clicks_and_a_picture_of_an_outdated_sheet(open_page):
    page = open_tab(open_page)
    wait_for_sheet(page)
    page.locator("#count input").fill("1")
    page.locator("#draw").dblclick()
    page.locator("#draw").click()
    wait_for_sheet(page, 1)
    expect(page.locator("#sheet h2")).to_contain_text("The judges see")
    page.locator("#sheet .drawn button").first.dblclick()
    expect(page.locator("#closer .strip-row img")).to_have_count(9, timeout=PATIENCE)


def test_a_phone_in_the_dark_and_the_keyboard(open_page):
    page = open_tab(open_page, viewport={"width": 390, "height": 844}, color_scheme="dark")
    wait_for_sheet(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Tab")  # through the slider, which draws nothing anew: what it says is drawn already
    page.keyboard.press("Tab")
    page.wait_for_timeout(1500)
    expect(page.locator("#sheet .forming")).to_have_count(0)
    page.locator("#sheet .drawn button").first.press("Enter")
    expect(page.locator("#closer .large img")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#closer .strip-row img")).to_have_count(9, timeout=PATIENCE)
    chosen = page.locator("#sheet .drawn button").first  # still, though the sheet is rendered anew when it is done
    expect(chosen).to_have_attribute("aria-current", "true")
    expect(chosen).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# Through the API


def arrays(found: list[dict]) -> list[np.ndarray]:
    return [np.asarray(Image.open(item["image"])) for item in found]


def test_the_api_draws_and_judges(client):
    drawn, verdicts = client.predict(seed=5, count=3, api_name="/generate_hybrids")
    assert [array.shape for array in arrays(drawn)] == [(32, 32, 3)] * 3
    assert [row["seed"] for row in verdicts] == [5, 6, 7]
    assert all(set(row["probabilities"]) == {"clock", "crocodile"} for row in verdicts)
    assert all(isinstance(row["both"], bool) for row in verdicts)
    again, _ = client.predict(seed=6, count=1, api_name="/generate_hybrids")
    other, same, repeated = (array.astype(int) for array in (*arrays(drawn)[:2], arrays(again)[0]))
    # The same, but for what steering makes of how batches of other sizes round.
    assert abs(repeated - same).mean() < 0.05 * abs(repeated - other).mean()


def test_two_visitors_at_once_have_their_own_seeds(client, site):
    other, found = Client(f"{site.url}{SPACE_PATH}", verbose=False), {}

    def ask(asked: Client, seed: int) -> None:
        found[seed] = asked.predict(seed=seed, count=2, api_name="/generate_hybrids")

    threads = [threading.Thread(target=ask, args=pair) for pair in ((client, 100), (other, 200))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["seed"] for row in found[100][1]] == [100, 101]
    assert [row["seed"] for row in found[200][1]] == [200, 201]
    alone, _ = client.predict(seed=100, count=2, api_name="/generate_hybrids")
    assert all((a == b).all() for a, b in zip(arrays(alone), arrays(found[100][0]), strict=True))


def test_a_small_wish_does_not_wait_for_a_large_one(client, site):
    other = Client(f"{site.url}{SPACE_PATH}", verbose=False)
    client.predict(generator="gan", count=1, api_name="/generate_hybrids")  # loaded
    large = other.submit(count=32, api_name="/generate_hybrids")
    while large.status().code.name != "PROCESSING":
        assert not large.done()
        time.sleep(0.1)
    client.predict(generator="gan", combine="midpoint", count=1, api_name="/generate_hybrids")
    assert not large.done()
    assert len(large.result()[1]) == 32


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"share": -0.1}, "Share must be from 0 to 1"),
        ({"share": 7}, "Share must be from 0 to 1"),
        ({"share": "much"}, "Share must be from 0 to 1"),
        ({"share": None}, "Share must be from 0 to 1"),
        ({"seed": 0.5}, "Seed must be a whole number"),
        ({"seed": -1}, "Seed must be a whole number from 0"),
        ({"seed": None}, "Seed must be a whole number"),
        ({"seed": 2**40}, "Seed must be a whole number from 0"),
        ({"count": 0}, "Count must be a whole number from 1 to 32"),
        ({"count": 33}, "Count must be a whole number from 1 to 32"),
        ({"strength": 3.5}, "Strength must be from 0 to 3"),
        ({"generator": "gan", "strength": 2}, "Strength must be from 0 to 1"),
        ({"strength": "much"}, "Strength must be from 0 to 3"),
        ({"combine": "magic"}, "Combine must be one of composition"),
        ({"kind": "oil"}, "Kind must be one of photos"),
        ({"kind": ["photos"]}, "Kind must be one of photos"),
        ({"generator": ["gan"]}, "Generator must be one of diffusion"),
        ({"seed": 2**31 - 1, "count": 2}, "Seed must be a whole number from 0 to 2147483646"),
        ({"generator": "dice"}, "Generator must be one of diffusion"),
    ],
)
def test_wrong_requests_get_one_line(client, request_, message):
    with pytest.raises(AppError) as caught:
        client.predict(**{"count": 1, **request_}, api_name="/generate_hybrids")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value).strip()
