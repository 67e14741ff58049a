"""The page in a real browser: what people see and do there, with the mouse and without."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from analysis.cli import cli
from tests.analysis.browser import Opened, chromium, opened, wait_until, write_page
from tests.builders import Event, annotation, cpu_op, kernel, launch, shape, write_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

EXAMPLES = Path(__file__).parents[2] / "traces" / "examples"
HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=hacked=1>\"'&amp;\n\t\0\u2028`|="
)
US = 1_000


def _two_streams(kernels: int = 40) -> list[Event]:
    """Kernels on two streams, of which every other pair runs together, with their launches."""
    events = [annotation("ProfilerStep#1", 0, 100_000 * kernels)]
    for i in range(kernels):
        at = i * 50 * US
        events += [
            cpu_op(f"aten::op{i % 3}", at, at + 20 * US),
            launch(at + 2 * US, at + 8 * US, correlation=2 * i + 1),
            launch(at + 9 * US, at + 15 * US, correlation=2 * i + 2),
            kernel(
                f"gemm_{i % 5}",
                at + 10 * US,
                at + 30 * US,
                stream=7,
                correlation=2 * i + 1,
                shape=shape(64, 128),
            ),
            kernel(
                f"copy_{i % 3}",
                at + 20 * US + 15 * US * (i % 2),
                at + 44 * US,
                stream=20,
                correlation=2 * i + 2,
                shape=shape(8, 64),
            ),
        ]
    return events


def _many(kernels: int) -> list[Event]:
    """More kernels than are drawn one by one; a few of them are long."""
    return [
        kernel(f"k{i % 7}", i * US, i * US + (900 if i % 100 == 0 else 300 + i % 50), stream=i % 3)
        for i in range(kernels)
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    traces = {
        "smallest": [kernel("only", 0, 10)],
        "streams": _two_streams(),
        "many": _many(9_000),
        "hostile": [
            kernel(HOSTILE, 0, 10 * US, stream=7, correlation=1),
            kernel(HOSTILE + "2", 20 * US, 40 * US, stream=8),
            launch(1, 2, correlation=1, name="cudaLaunchKernel"),
            cpu_op(HOSTILE, 0, 40 * US),
            annotation(HOSTILE, 0, 40 * US),
        ],
    }
    found = {}
    for name, events in traces.items():
        path = write_trace(folder / f"{name}.json", events)
        found[name] = write_page([path], folder / name)
    found["modes"] = write_page([EXAMPLES], folder / "modes")
    return found


NAMES = ["smallest", "streams", "many", "hostile", "modes"]


@pytest.fixture
def streams(browser: Browser, pages: dict[str, Path]) -> Iterator[Opened]:
    with opened(browser, pages["streams"]) as found:
        yield found
        assert found.faults() == []


def _open_all(page: Page) -> None:
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    wait_until(
        page, "[...document.querySelectorAll('.timeline')].every((each) => each.dataset.marks)"
    )


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, "light") for name in NAMES), ("streams", "dark")]
)
def test_nothing_is_said_requested_or_refused(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    with opened(browser, pages[name], color_scheme=scheme) as found:
        _open_all(found.page)
        assert found.faults() == []


@pytest.mark.parametrize("name", NAMES)
def test_every_chart_has_marks(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with opened(browser, pages[name]) as found:
        _open_all(found.page)
        empty = found.page.evaluate(
            """() => [...document.querySelectorAll('svg.chart')].filter((chart) =>
                 ![...chart.querySelectorAll('.mark')].some((mark) => {
                   const box = mark.getBoundingClientRect();
                   return box.width > 0 && box.height > 0;
                 })).map((chart) => chart.getAttribute('aria-label'))"""
        )
        assert empty == []
        assert found.page.locator("svg.chart").count() >= 2
        drawn = found.page.evaluate(
            """() => [...document.querySelectorAll('canvas')].map((canvas) => {
                 const data = canvas.getContext('2d')
                   .getImageData(0, 0, canvas.width, canvas.height).data;
                 const seen = new Set();
                 for (let i = 0; i < data.length; i += 4)
                   seen.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
                 return seen.size;
               })"""
        )
        assert drawn
        assert min(drawn) > 10
        marks = found.page.evaluate(
            "[...document.querySelectorAll('.timeline')].map((each) => Number(each.dataset.marks))"
        )
        assert min(marks) > 0


def test_names_of_a_trace_are_text(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["hostile"]) as found:
        page = found.page
        _open_all(page)
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script:not([type='application/json']), main img").count() == 0
        # It stands in the table, as it is but for what no line can hold.
        assert page.locator("td", has_text="<script>window.hacked=1</script>").count() >= 1
        box = page.locator("canvas").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 200, box["y"] + 36)
        assert "</script><script>window.hacked=1" in page.locator(".tip").inner_text()
        assert page.evaluate("window.hacked") is None


def test_the_policy_refuses_what_is_not_the_page_s_own(
    browser: Browser, pages: dict[str, Path]
) -> None:
    """Were there a hole, what came through it would not run."""
    with opened(browser, pages["smallest"]) as found:
        found.page.evaluate(
            """() => {
              const script = document.createElement('script');
              script.textContent = 'window.hacked = 1';
              document.body.append(script);
              document.body.insertAdjacentHTML('beforeend', '<img src="https://example.org/x">' +
                '<p style="color: red" onclick="hacked = 1">x</p>');
            }"""
        )
        found.page.wait_for_timeout(100)
        assert found.page.evaluate("window.hacked") is None
        refused = " ".join(found.page.evaluate("window.violations"))
        assert "script-src" in refused
        assert "img-src" in refused
        assert "style-src" in refused


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_scrolls_in_one_direction(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with opened(browser, pages[name], viewport={"width": 360, "height": 740}) as found:
        _open_all(found.page)
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_reader_finds_its_way(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with opened(browser, pages[name]) as found:
        page = found.page
        _open_all(page)
        levels = page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        unnamed = page.evaluate(
            """() => [
              ...[...document.querySelectorAll('table')].filter((each) => !each.caption &&
                !each.closest('[aria-label]')),
              ...[...document.querySelectorAll('svg.chart, canvas, [role=region], [role=group]')]
                .filter((each) => !each.getAttribute('aria-label')),
              ...[...document.querySelectorAll('input')].filter((each) => !each.labels.length),
              ...[...document.querySelectorAll('button')].filter((each) =>
                !each.textContent.trim()),
              ...[...document.querySelectorAll('th')].filter((each) => !each.scope),
              ...[...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].filter(
                (each) => !document.getElementById(
                  each.getAttribute('aria-labelledby') ?? each.getAttribute('aria-describedby'))),
            ].map((each) => each.outerHTML.slice(0, 120))"""
        )
        assert unnamed == []
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        assert page.locator("main").count() == page.locator("header").count() == 1
        assert page.evaluate("document.documentElement.lang") == "en"


def test_the_keyboard_reaches_every_control(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["streams"]) as found:
        page = found.page
        wanted = page.evaluate(
            """() => {
              const all = 'a[href],button,input,summary,[tabindex="0"]';
              window.wanted = [...document.querySelectorAll(all)].filter(
                (each) => each.checkVisibility());
              return wanted.length;
            }"""
        )
        reached: set[int] = set()
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            place, ring = page.evaluate(
                """() => [wanted.indexOf(document.activeElement),
                          getComputedStyle(document.activeElement).outlineStyle]"""
            )
            if place >= 0:
                reached.add(place)
                assert ring == "solid", "focus must be seen"
        assert reached == set(range(wanted))


def test_the_skip_link_comes_first_and_leads_to_the_report(streams: Opened) -> None:
    streams.page.keyboard.press("Tab")
    link = streams.page.evaluate("document.activeElement.getAttribute('href')")
    assert link == "#main"
    assert streams.page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")


# --- the timeline -----------------------------------------------------------------------


def _range(page: Page) -> str:
    return page.locator(".timeline .range").first.inner_text()


def _canvas(page: Page) -> Any:
    canvas = page.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return box


def test_buttons_keys_wheel_and_drag_move_the_view(streams: Opened) -> None:
    page = streams.page
    whole = _range(page)
    assert whole.startswith("0 ns to ")
    page.get_by_title("Zoom in").click()
    half = _range(page)
    assert half != whole
    page.get_by_title("Move left").click()
    assert _range(page).startswith("0 ns to ")
    page.get_by_title("Show the whole window").click()
    assert _range(page) == whole
    page.locator("canvas").focus()
    page.keyboard.press("+")
    assert _range(page) == half
    page.keyboard.press("PageDown")
    assert _range(page) != half
    page.keyboard.press("0")
    assert _range(page) == whole
    box = _canvas(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait_until(page, "(before) => document.querySelector('.range').textContent !== before", whole)
    zoomed = _range(page)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 150, box["y"] + 40, steps=4)
    page.mouse.up()
    assert _range(page) != zoomed
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + 40)


def test_the_wheel_alone_scrolls_the_page(streams: Opened) -> None:
    page = streams.page
    before = _range(page)
    box = _canvas(page)
    page.mouse.move(box["x"] + 300, box["y"] + 40)
    top = page.evaluate("scrollY")
    page.mouse.wheel(0, 200)
    wait_until(page, "(top) => scrollY !== top", top)
    assert _range(page) == before


def test_pointing_tells_what_ran_and_why_no_earlier(streams: Opened) -> None:
    page = streams.page
    box = _canvas(page)
    tip = page.locator(".tip").first
    # The first kernel: at the left edge of the first lane.
    for dx in range(60, 320, 2):
        page.mouse.move(box["x"] + dx, box["y"] + 24 + 12)
        if tip.is_visible() and "gemm_0" in tip.inner_text():
            break
    said = tip.inner_text()
    assert "stream 7, 0 ns to 20.0 \u00b5s: 20.0 \u00b5s" in said
    assert "Launched 8.00 \u00b5s before, in a call of 6.00 \u00b5s; queued 2.00 \u00b5s" in said
    assert (
        "Why no earlier: 6.00 \u00b5s in its launch call, then 2.00 \u00b5s about to start." in said
    )
    # The states below, and the concurrency under them.
    strip = box["y"] + 24 + 2 * 24 + 10 + 11
    page.mouse.move(box["x"] + box["width"] / 2, strip)
    assert re.match(r"(overlapped|one_|idle_)", tip.inner_text())
    page.mouse.move(box["x"] + box["width"] / 2, strip + 60)
    assert "lanes on average" in tip.inner_text()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 60)
    assert not tip.is_visible()


def test_the_keyboard_walks_from_activity_to_activity(streams: Opened) -> None:
    page = streams.page
    page.locator("canvas").focus()
    detail = page.locator(".detail")
    page.keyboard.press("ArrowRight")
    assert "gemm_0" in detail.inner_text()
    page.keyboard.press("ArrowRight")
    assert "gemm_1" in detail.inner_text()
    page.keyboard.press("ArrowDown")
    assert "stream 20" in detail.inner_text()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert "gemm_0" in detail.inner_text()


def test_a_gap_leads_to_its_place(streams: Opened) -> None:
    page = streams.page
    row = page.locator("button.go").first
    start, length = (int(str(row.get_attribute(f"data-{key}"))) for key in ("start", "length"))
    row.click()
    said = page.locator(".detail").inner_text()
    assert said.startswith("Shown: ")
    low, high = page.evaluate(
        """() => {
          const [, low, high] = /^(.+) to (.+),/.exec(document.querySelector('.range').textContent);
          const ns = (words) => parseFloat(words) *
            {ns: 1, '\u00b5s': 1e3, ms: 1e6, s: 1e9}[words.split(' ')[1]];
          return [ns(low), ns(high)];
        }"""
    )
    assert low <= start
    assert start + length <= high
    assert high - low < 10 * length
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"
    inside = page.evaluate(
        "(() => { const box = document.querySelector('canvas').getBoundingClientRect();"
        " return box.bottom > 0 && box.top < innerHeight; })()"
    )
    assert inside


def test_beyond_the_budget_the_page_says_so_and_how_to_see_all(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    with opened(browser, pages["many"]) as found:
        page = found.page
        assert "4,000 of 9,000 activities are drawn one by one" in page.inner_text(".coverage")
        before = page.inner_text(".command")
        for _ in range(3):
            page.get_by_title("Zoom in").click()
        command = page.inner_text(".command")
        assert command != before
    arguments = shlex.split(command)
    assert arguments[:2] == ["analyze", "report"]
    cli.main([*arguments[1:], "--format", "html", "--out", str(tmp_path)], standalone_mode=False)
    with opened(browser, tmp_path / "report.html") as found:
        # An eighth of them: all are there, and nothing is left to be said.
        assert found.page.locator(".coverage").count() == 0
        assert found.faults() == []


# --- tables -----------------------------------------------------------------------------


def _column(page: Page, sheet: str, place: int) -> list[str]:
    cells: list[str] = page.evaluate(
        """([id, place]) => [...document.getElementById(id).querySelectorAll('tbody tr')]
             .filter((row) => !row.hidden)
             .map((row) => row.cells[place].dataset.v ?? row.cells[place].textContent)""",
        [sheet, place],
    )
    return cells


def _sheet(page: Page, name: str) -> str:
    found = page.locator(".sheet", has=page.get_by_role("region", name=name, exact=True)).first
    return str(found.get_attribute("id"))


def test_a_head_sorts_its_column(streams: Opened) -> None:
    page = streams.page
    sheet = _sheet(page, "activities")
    heads = page.locator(f"#{sheet} thead button")
    number = heads.filter(has_text="number")
    number.click()
    figures = [float(each) for each in _column(page, sheet, 1)]
    assert figures == sorted(figures, reverse=True)
    assert page.locator(f"#{sheet} th[aria-sort=descending]").inner_text().startswith("number")
    number.click()
    figures = [float(each) for each in _column(page, sheet, 1)]
    assert figures == sorted(figures)
    heads.filter(has_text="name").press("Enter")
    names = _column(page, sheet, 0)
    assert names == sorted(names)
    assert page.locator(f"#{sheet} th[aria-sort]").count() == 1


def test_searching_leaves_what_holds_the_words(streams: Opened) -> None:
    page = streams.page
    sheet = _sheet(page, "activities")
    page.locator(f"#{sheet} input").fill("GEMM")
    assert sorted(_column(page, sheet, 0)) == [f"gemm_{i}" for i in range(5)]
    assert page.inner_text(f"#{sheet} .said") == "5 of 8 rows"
    page.locator(f"#{sheet} input").fill("")
    assert len(_column(page, sheet, 0)) == 8


def test_what_is_shown_is_copied_as_csv(streams: Opened) -> None:
    page = streams.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet = _sheet(page, "activities")
    page.locator(f"#{sheet} input").fill("gemm_1")
    page.locator(f"#{sheet} .csv").click()
    wait_until(
        page, "(id) => document.querySelector(`#${id} .said`).textContent.includes('copied')", sheet
    )
    text = page.evaluate("navigator.clipboard.readText()")
    head, row, *rest = text.splitlines()
    assert head == "name,number,in all,share,mean,longest"
    assert row.startswith("gemm_1,8,160000,")
    assert rest == []


def test_a_spreadsheet_takes_no_name_for_a_formula(browser: Browser, tmp_path: Path) -> None:
    events = [kernel(f'=cmd|"/c calc"!A{i}', i * 10, i * 10 + 5) for i in range(9)]
    path = write_page([write_trace(tmp_path / "t.json", events)], tmp_path)
    with opened(browser, path) as found:
        page = found.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator(f"#{_sheet(page, 'activities')} .csv").click()
        wait_until(page, "document.querySelectorAll('.said').length > 0")
        page.wait_for_timeout(100)
        rows = page.evaluate("navigator.clipboard.readText()").splitlines()[1:]
        assert len(rows) == 9
        assert all(row.startswith('"\'=cmd|""/c calc""!A') for row in rows)


# --- paper ------------------------------------------------------------------------------


def test_paper_is_white_whatever_the_screen_is(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["streams"], color_scheme="dark") as found:
        page = found.page
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.emulate_media(media="print")
        page.wait_for_timeout(100)
        assert dark != "rgb(255, 255, 255)"
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        corner = page.evaluate(
            "[...document.querySelector('canvas').getContext('2d').getImageData(2, 2, 1, 1).data]"
        )
        assert corner[:3] == [255, 255, 255]
        assert not page.locator(".tools").first.is_visible()
        pdf = page.pdf(format="A4")
        assert pdf.startswith(b"%PDF")
