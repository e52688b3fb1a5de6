"""The tab Find hybrids in a real browser: rankings, clicks, uploads, own classes, bad files, keyboard, phone, dark."""

import re
import zipfile
from pathlib import Path

import pytest
from gradio_client import handle_file
from playwright.sync_api import Page, expect
from spaces_fixtures import PATIENCE, unnamed

from betwixt import ImageClassifier

EXPLAINED = "#stage .heat:not(.looking)"


def open_tab(open_page, **options) -> Page:
    page = open_page(**options)
    page.get_by_role("tab", name="Find hybrids").click()
    wait_for_ranking(page)
    return page


def wait_for_ranking(page: Page) -> None:
    expect(page.locator("#stage .between")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#gallery .ranked button").first).to_be_visible()


def choose(page: Page, collection: str) -> None:
    page.get_by_role("radio", name=collection).click()


def drop(page: Page, box: str, files: list[Path]) -> None:
    expect(page.locator(f"#{box}")).to_be_visible(timeout=PATIENCE)
    page.locator(f"#{box} input[type=file]").set_input_files(files)


def picked(page: Page) -> str:
    return page.locator("#stage .picked > img").get_attribute("src")


def pin(page: Page) -> float:
    return float(re.search(r"left:\s*([\d.]+)%", page.locator("#stage .pin").get_attribute("style"))[1])


def test_the_collection_is_ranked_and_a_click_shows_what_a_picture_lies_between(open_page):
    page = open_tab(open_page)
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    assert page.locator("#stage h2").inner_text().endswith(".")
    buttons = page.locator("#gallery .ranked button")
    assert buttons.first.get_attribute("aria-current") == "true"
    before = picked(page)
    buttons.nth(5).click()
    expect(page.locator("#stage .picked > img")).not_to_have_attribute("src", before, timeout=PATIENCE)
    expect(page.locator("#gallery [aria-current]")).to_have_count(1)
    assert buttons.nth(5).get_attribute("aria-current") == "true"
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    assert [figure.inner_text() for figure in page.locator("#stage .near figcaption").all()] == [
        "the nearest clock",
        "the nearest crocodile",
    ]
    spoken = page.locator("#stage svg").get_attribute("aria-label")
    number = r"-?\d\.\d\d"
    assert re.search(
        rf"crocodile at 1: \d+ clocks, half below {number}; \d+ crocodiles, .* lies at {number}\.$", spoken
    )
    assert page.locator("#stage svg rect").count() > 10
    page.get_by_role("button", name="Next picture").click()
    expect(buttons.nth(6)).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Previous picture").click()
    expect(buttons.nth(5)).to_have_attribute("aria-current", "true")


def test_one_kind_at_a_time_with_the_best_of_it_on_the_stage(open_page):
    page = open_tab(open_page)
    middle = pin(page)
    page.locator(".chips button[data-show=crocodile]").click()
    expect(page.locator("#stage h2")).to_have_text("This crocodile looks most like a clock.", timeout=PATIENCE)
    expect(page.locator(".chips button[data-show=crocodile]")).to_have_attribute("aria-pressed", "true")
    assert page.locator("#gallery .ranked .dot:not(.second)").count() == 0
    assert pin(page) != middle
    page.locator(".chips button[data-show=clock]").dblclick()
    expect(page.locator("#stage h2")).to_have_text("This clock looks most like a crocodile.", timeout=PATIENCE)


def test_more_of_the_gallery_and_another_method(open_page, published):
    page = open_tab(open_page)
    if published:
        assert page.locator("#gallery .ranked button").count() == 48
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("#gallery .ranked button")).to_have_count(96, timeout=PATIENCE)
    first = page.locator("#gallery .ranked img").first.get_attribute("src")
    page.get_by_label("Rank by").click()
    page.get_by_role("option", name="From the left end").click()
    expect(page.locator("#stage h2")).to_contain_text("from the clock end", timeout=PATIENCE)
    expect(page.locator("#method-words")).to_contain_text("edge of the first class")
    assert page.locator("#gallery .ranked img").first.get_attribute("src") != first


def test_thirty_photos_and_bad_files_among_them(open_page, thirty, bad_files):
    page = open_tab(open_page)
    choose(page, "Your pictures")
    expect(page.locator("#stage .note")).to_contain_text("Your pictures, please", timeout=PATIENCE)
    drop(page, "yours", [*thirty, *bad_files])
    wait_for_ranking(page)
    expect(page.locator("#gallery .ranked button")).to_have_count(30, timeout=PATIENCE)
    expect(page.locator(".left-out")).to_contain_text("6 files were left out")
    expect(page.locator(".left-out")).to_contain_text("empty.png The file is empty.")
    names = {name.inner_text() for name in page.locator(".ranked .name:not(:has(.dot))").all()}
    assert names == {file.name for file in thirty}
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator("#csv").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 31
    assert lines[0].startswith("rank,name,class,score,position,probability_clock")
    expect(page.locator(".ranked .name .dot")).to_have_count(30, timeout=PATIENCE)  # what the network says of each


def test_bad_files_alone_get_a_line_and_the_page_lives_on(open_page, bad_files, thirty):
    page = open_tab(open_page)
    choose(page, "Your pictures")
    drop(page, "yours", list(bad_files))
    message = page.locator("#stage .note[role=alert]")
    expect(message).to_contain_text("None of these pictures can be used.", timeout=PATIENCE)
    expect(page.locator("#stage .left-out li")).to_have_count(6)  # five names, and how many more
    expect(page.locator("#gallery .ranked")).to_have_count(0)
    page.locator("#yours").get_by_label("Clear").click()
    expect(page.locator("#stage .note")).to_contain_text("Your pictures, please", timeout=PATIENCE)
    drop(page, "yours", thirty[:3])
    expect(page.locator("#gallery .ranked button")).to_have_count(3, timeout=PATIENCE)


def test_own_two_classes(open_page, small_photos, tmp_path):
    discs, bars = (sorted((small_photos / name).iterdir()) for name in ("clock", "crocodile"))
    page = open_tab(open_page)
    choose(page, "Your own two classes")
    drop(page, "first", discs[:7])
    page.get_by_label("First class").fill("Disc")
    page.get_by_label("Second class").fill("<i>Bar</i>")
    page.locator("#learn").click()
    alert = page.locator("#stage .note[role=alert]")
    expect(alert).to_contain_text("Disc: at least 8 pictures are needed, there are 7.", timeout=PATIENCE)
    drop(page, "second", bars[:12])
    drop(page, "third", discs[20:24] + bars[20:24])
    page.locator("#first").get_by_label("Clear").click()
    drop(page, "first", discs[:12])
    expect(page.locator("#first tr")).to_have_count(12, timeout=PATIENCE)
    page.locator("#learn").dblclick()
    wait_for_ranking(page)
    expect(page.locator("#gallery .ranked button")).to_have_count(8, timeout=PATIENCE)
    expect(page.locator("#stage .near figcaption").first).to_have_text("the nearest disc")
    expect(page.locator("#stage .sentence p")).to_contain_text("Your network says: ")
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator("#zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    assert ImageClassifier.from_pretrained(next(tmp_path.iterdir())).class_names == ["disc", "i_bar_i"]
    page.get_by_label("Rank by").click()
    page.get_by_role("option", name="Mixed neighbours").click()  # of the same two classes, with nothing learned anew
    expect(page.locator("#method-words")).to_contain_text("most similar")
    wait_for_ranking(page)
    choose(page, "Rendered pictures")
    expect(page.locator(".chips")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#zip")).to_have_count(0)


def test_two_classes_to_try(open_page):
    page = open_tab(open_page)
    choose(page, "Your own two classes")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".chips")).to_contain_text("tower", timeout=PATIENCE)
    expect(page.locator("#zip")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)


def test_the_last_of_several_searches_wins(open_page, thirty):
    page = open_tab(open_page)
    choose(page, "Your pictures")
    drop(page, "yours", thirty)
    choose(page, "Rendered pictures")
    choose(page, "Your own two classes")
    choose(page, "Rendered pictures")
    expect(page.locator(".chips")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    page.wait_for_timeout(3000)  # nothing late may come of the others
    expect(page.locator(".chips")).to_be_visible()
    expect(page.locator("#stage .progress")).to_have_count(0)


def test_by_keyboard_and_with_names(open_page):
    page = open_tab(open_page)
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    assert unnamed(page) == []
    page.get_by_role("button", name="Next picture").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#gallery .ranked button").nth(1)).to_have_attribute("aria-current", "true")
    reached = 0
    for _ in range(12):
        page.keyboard.press("Tab")
        reached += page.evaluate("Boolean(document.activeElement.closest('#gallery .ranked'))")
    assert reached >= 3
    before = picked(page)
    page.keyboard.press("Space")
    expect(page.locator("#stage .picked > img")).not_to_have_attribute("src", before, timeout=PATIENCE)
    assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_in_the_light_and_in_the_dark(open_page, scheme):
    page = open_tab(open_page, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    expect(page.locator(EXPLAINED)).to_have_count(2, timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#gallery .ranked button").nth(9).click()
    page.wait_for_timeout(1200)
    assert page.locator("#stage h2").evaluate("e => e.getBoundingClientRect().top") > -5  # it came into view
    choose(page, "Your own two classes")
    expect(page.locator("#first")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_another_network_learns_the_same_classes_again(open_page):
    page = open_tab(open_page)
    choose(page, "Your own two classes")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".chips")).to_contain_text("tower", timeout=PATIENCE)
    said = page.locator("#stage .sentence p").inner_text()
    page.get_by_label("As seen by").click()
    page.get_by_role("option", name="Shallow").click()
    expect(page.locator("#stage .sentence p")).not_to_have_text(said, timeout=PATIENCE)
    wait_for_ranking(page)
    choose(page, "Rendered pictures")
    expect(page.locator(".chips")).to_contain_text("Crocodiles", timeout=PATIENCE)
    choose(page, "Your own two classes")  # is there as it was left
    expect(page.locator(".chips")).to_contain_text("tower", timeout=PATIENCE)
    expect(page.locator("#zip")).to_be_visible()


def test_long_searches_block_nobody(open_page, client, thirty):
    page = open_page()
    uploads = [handle_file(str(file)) for file in thirty]
    jobs = [client.submit(uploads, api_name="/find_hybrids") for _ in range(6)]
    page.get_by_role("tab", name="Find hybrids").click()
    wait_for_ranking(page)
    assert not all(job.done() for job in jobs)
    assert all(len(job.result(timeout=120)[0]) == 30 for job in jobs)
