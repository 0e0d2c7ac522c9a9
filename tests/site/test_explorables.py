"""Each explorable as a reader uses it: by label, keyboard and mouse, shared, printed, without scripts."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.site.browsing import Opener, Site, visit
from tests.site.explorables import PAGES, Pages, drawing, opened, sentence, slider

pytestmark = pytest.mark.browser


def test_controls_have_labels_ticks_and_values_in_words(pages: Pages) -> None:
    for tag, page in pages.items():
        box = page.locator(tag)
        for control in box.locator("input, select").all():
            name = control.evaluate("control => control.labels[0]?.textContent ?? ''")
            assert name.strip(), f"a control of {tag} has no label"
        sliders = box.locator("input[type=range]")
        assert sliders.count() >= 1
        for one in sliders.all():
            field = one.locator("xpath=..")
            assert one.get_attribute("aria-valuetext") == field.locator("output").text_content() != "", tag
            assert field.locator(".ex-ticks span").count() >= 2, tag
        assert box.locator("svg[role=img] > title").text_content()
        assert box.locator("svg[role=img] > desc").text_content() == sentence(page, tag)


def test_the_keyboard_moves_the_slider(pages: Pages) -> None:
    for tag, page in pages.items():
        control = slider(page, tag)
        control.focus()
        seen = []
        for key in ("Home", "ArrowRight", "ArrowRight", "End", "ArrowLeft", "PageDown"):
            page.keyboard.press(key)
            seen.append((control.input_value(), control.get_attribute("aria-valuetext"), drawing(page, tag)))
        values = [float(value) for value, _, _ in seen]
        low, high = (float(control.get_attribute(end) or "nan") for end in ("min", "max"))
        assert values[0] == low and values[3] == high, tag
        assert values[0] < values[1] < values[2] < values[3] > values[4] > values[5], tag
        assert len({words for _, words, _ in seen}) == len(seen), tag
        assert len({picture for _, _, picture in seen}) >= 5, tag


def test_the_mouse_drags_the_slider(pages: Pages) -> None:
    for tag, page in pages.items():
        page.bring_to_front()
        control = slider(page, tag)
        control.scroll_into_view_if_needed()
        place = control.bounding_box()
        assert place
        middle = place["y"] + place["height"] / 2
        page.mouse.move(place["x"] + place["width"] * 0.3, middle)
        page.mouse.down()
        first, before = control.input_value(), sentence(page, tag)
        page.mouse.move(place["x"] + place["width"] * 0.9, middle, steps=5)
        page.mouse.up()
        assert float(control.input_value()) > float(first), tag
        assert sentence(page, tag) != before, tag


def test_start_again_returns_to_the_start(pages: Pages) -> None:
    for tag, page in pages.items():
        page.bring_to_front()
        box = page.locator(tag)
        before = (sentence(page, tag), drawing(page, tag))
        for control in box.locator("input[type=range]:visible").all():
            control.press("End")
            control.press("ArrowLeft")
        assert (sentence(page, tag), drawing(page, tag)) != before, tag
        page.wait_for_function("location.search !== ''")
        box.get_by_role("button", name="Start again").click()
        assert (sentence(page, tag), drawing(page, tag)) == before, tag
        focused = "tag => document.activeElement === document.querySelector(`${tag} :is(input, select)`)"
        assert page.evaluate(focused, tag), tag
        page.wait_for_function("location.search === ''")


def test_the_address_carries_the_state(specimen: Site, reader: Opener, pages: Pages) -> None:
    for tag, page in pages.items():
        box = page.locator(tag)
        for choice in box.locator("select").all():
            choice.select_option(index=1)
        for control in box.locator("input[type=range]:visible").all():
            control.press("Home")
            control.press("ArrowRight")
        for tick in box.locator("input[type=checkbox]:visible").all():
            tick.check()
    for name, tags in PAGES.items():
        page = pages[tags[0]]
        page.wait_for_timeout(700)  # the address is written when the hand rests
        asked = urlsplit(page.url).query
        assert len(parse_qs(asked)) >= 2 * len(tags)
        other = reader().new_page()
        other.goto(f"{specimen.url}questions/{name}/?{asked}")
        for tag in tags:
            other.locator(f"{tag}[data-on]").wait_for()
            assert sentence(other, tag) == sentence(page, tag)
            assert drawing(other, tag) == drawing(page, tag)


def test_an_address_that_makes_no_sense_is_ignored(specimen: Site, reader: Opener, pages: Pages) -> None:
    nonsense = "?slope=7&input=&floor=abc&rate=0.3333&from=99&target=moon&units=-1&z=1e9&layers=two"
    broken = opened(reader(), specimen, nonsense)
    for tag, page in pages.items():
        assert sentence(broken[tag], tag) == sentence(page, tag)


def test_a_page_can_set_where_an_explorable_starts(pages: Pages) -> None:
    page = pages["relu-slope"]
    page.evaluate(
        """() => {
            const door = document.createElement('relu-slope');
            door.setAttribute('slope', '0.2');
            door.setAttribute('input', '-1');
            door.id = 'another';
            document.querySelector('article').append(door);
        }"""
    )
    assert "20 % of it comes out: −0.2." in page.locator("#another .ex-says").inner_text()


def test_it_survives_instant_navigation(specimen: Site, reader: Opener) -> None:
    page = reader().new_page()
    page.goto(specimen.url, wait_until="networkidle")
    page.evaluate("window.sameDocument = true")
    for name, tags in PAGES.items():
        page.locator(f".md-nav--primary a[href$='/{name}/']").first.evaluate("link => link.click()")
        told = {}
        for tag in tags:
            page.locator(f"{tag}[data-on]").wait_for()
            slider(page, tag).press("End")
            slider(page, tag).press("ArrowLeft")
            told[tag] = sentence(page, tag)
        page.wait_for_timeout(700)
        assert urlsplit(page.url).query
        page.locator(".md-nav--primary a[href$='pieces/']").first.evaluate("link => link.click()")
        page.wait_for_function("document.querySelector('h1').innerText.startsWith('The pieces')")
        assert urlsplit(page.url).query == ""
        page.go_back()
        for tag in tags:
            page.locator(f"{tag}[data-on]").wait_for()
            assert page.locator(f"{tag} .ex-live").count() == 1
            assert sentence(page, tag) == told[tag]
        page.go_forward()
        page.wait_for_function("document.querySelector('h1').innerText.startsWith('The pieces')")
        assert page.locator(".ex-live").count() == 0
    assert page.evaluate("window.sameDocument")


def test_the_sentence_is_spoken_when_the_hand_rests(pages: Pages) -> None:
    for tag, page in pages.items():
        spoken = page.locator(f"{tag} [aria-live=polite]")
        assert spoken.count() == 1
        at_once = slider(page, tag).evaluate(
            """(input) => {
                input.value = input.max - input.step;
                input.dispatchEvent(new Event('input'));
                return input.closest('.ex-live').querySelector('[aria-live=polite]').textContent;
            }"""
        )
        assert at_once == "", tag
        expect(spoken).to_have_text(sentence(page, tag), timeout=2000)
        assert page.locator(f"{tag} output:not([aria-live=off])").count() == 0


def test_the_figure_stands_in_without_scripts_and_in_print(
    specimen: Site, reader: Opener, pages: Pages
) -> None:
    plain = reader(javascript=False).new_page()
    for name, tags in PAGES.items():
        plain.goto(f"{specimen.url}questions/{name}/")
        pages[tags[0]].emulate_media(media="print")
        for tag in tags:
            assert plain.locator(f"{tag} img").is_visible()
            assert plain.locator(f"{tag} :is(input, select, button)").count() == 0
            assert pages[tag].locator(f"{tag} img").is_visible()
            assert not pages[tag].locator(f"{tag} .ex-live").is_visible()


@pytest.mark.parametrize("lost", ["no answer", "not found"])
def test_the_figure_stands_in_where_the_data_do_not_come(specimen: Site, reader: Opener, lost: str) -> None:
    context = reader()
    context.route(
        "**/assets/data/**", lambda route: route.abort() if lost == "no answer" else route.fulfill(status=404)
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name, tag in (("explorables", "relu-die"), ("more-explorables", "relu-crowd")):
        page.goto(f"{specimen.url}questions/{name}/", wait_until="networkidle")
        assert page.locator(f"{tag} img").is_visible()
        assert page.locator(f"{tag} .ex-live").count() == 0
    assert not errors


def test_leaving_in_the_middle_of_a_move_leaves_no_trace(specimen: Site, reader: Opener) -> None:
    page = reader().new_page()
    page.goto(f"{specimen.url}questions/explorables/", wait_until="networkidle")
    slider(page, "relu-slope").press("End")
    page.locator(".md-nav--primary a[href$='pieces/']").first.evaluate("link => link.click()")
    page.wait_for_function("document.querySelector('h1').innerText.startsWith('The pieces')")
    page.wait_for_timeout(700)
    assert urlsplit(page.url).query == ""


def test_it_can_be_moved_within_the_page(pages: Pages) -> None:
    page = pages["relu-slope"]
    slider(page, "relu-slope").press("End")
    told = sentence(page, "relu-slope")
    page.evaluate("document.querySelector('article').append(document.querySelector('relu-slope'))")
    assert page.locator("relu-slope .ex-live").count() == 1
    assert sentence(page, "relu-slope") == told
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("relu-slope svg")).to_have_attribute("viewBox", "0 0 340 590")


# Where everything in the article stands, and how tall it is.
BOXES = """[...document.querySelectorAll('article > *')].map((one) => {
    const { top, height } = one.getBoundingClientRect();
    return [one.localName, Math.round(top + scrollY), Math.round(height)];
})"""


@pytest.mark.parametrize("width", [1280, 700, 390, 360])
def test_nothing_moves_when_explorables_take_over(specimen: Site, reader: Opener, width: int) -> None:
    page = reader(width=width).new_page()
    page.add_init_script(
        """window.shifts = [];
        new PerformanceObserver((list) => {
            for (const one of list.getEntries())
                window.shifts.push([one.value, one.sources.map((source) => source.node?.localName).join()]);
        }).observe({ type: 'layout-shift', buffered: true });"""
    )
    held: list[Route] = []
    page.route("**/explorable.js", lambda route: held.append(route))
    for name, tags in PAGES.items():
        page.goto(f"{specimen.url}questions/{name}/")
        while not held:
            page.wait_for_timeout(20)
        before = page.evaluate(BOXES)
        held.pop().continue_()
        for tag in tags:
            page.locator(f"{tag}[data-on]").wait_for()
        assert page.evaluate(BOXES) == before
        assert sum(value for value, _ in page.evaluate("shifts")) < 0.01, page.evaluate("shifts")


@pytest.mark.parametrize("width", [1280, 360])
def test_no_state_changes_the_size_of_the_box(specimen: Site, reader: Opener, width: int) -> None:
    for tag, page in opened(reader(width=width), specimen).items():
        before = page.evaluate(BOXES)
        for choice in page.locator(f"{tag} select:visible").all():
            choice.select_option(index=choice.locator("option").count() - 1)
            assert page.evaluate(BOXES) == before, tag
        for control in page.locator(f"{tag} input[type=range]:visible").all():
            for key in ("Home", "PageUp", "End", "PageDown"):
                control.press(key)
                assert page.evaluate(BOXES) == before, f"{tag}: {sentence(page, tag)}"
        for tick in page.locator(f"{tag} input[type=checkbox]:visible").all():
            tick.check()
            assert page.evaluate(BOXES) == before, f"{tag}: {sentence(page, tag)}"


def test_nothing_moves_by_itself_and_reduced_motion_loses_nothing(specimen: Site, reader: Opener) -> None:
    for reduced in (False, True):
        pages = opened(reader(reduced_motion=reduced), specimen)
        before = {tag: drawing(page, tag) for tag, page in pages.items()}
        pages["relu-slope"].wait_for_timeout(300)
        for tag, page in pages.items():
            assert drawing(page, tag) == before[tag]
            slider(page, tag).press("End")
            slider(page, tag).press("ArrowLeft")
            moving = "document.getAnimations().filter((one) => one.effect.target.closest('.ex-live')).length"
            assert page.evaluate(moving) == 0
            assert drawing(page, tag) != before[tag]


@pytest.mark.parametrize("dark", [False, True])
def test_no_complaint_while_it_is_used(specimen: Site, reader: Opener, dark: bool) -> None:
    context = reader(dark=dark)
    for name, tags in PAGES.items():
        seen = visit(context, f"{specimen.url}questions/{name}/")
        for tag in tags:
            for choice in seen.page.locator(f"{tag} select:visible").all():
                for index in range(choice.locator("option").count()):
                    choice.select_option(index=index)
            for control in seen.page.locator(f"{tag} input[type=range]:visible").all():
                for key in ("Home", "End", "PageDown"):
                    control.press(key)
        assert not seen.complaints
