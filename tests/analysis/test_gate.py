"""Rules for continuous integration: kept, broken, noise, or about nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from analysis.errors import SelectionError
from analysis.gate import Regression, Requirement, gate, regression, requirement
from analysis.gate.figures import MEANING
from analysis.render import schema
from analysis.wording import STATE_MEANING
from tests.builders import annotation, cpu_op, in_microseconds, kernel, launch, runtime, write_trace
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis.gate import Check
    from tests.builders import Event

    Analyze = Callable[..., tuple[object, str, str]]
    Record = Callable[..., Path]

EXAMPLES = REPOSITORY / "traces/examples"
VALIDATOR = Draft202012Validator(schema("gate"))
JITTER = (0, 3, 1, 4, 2, 5)


def steps(busy: int = 300, wall: int = 500, jitter: Sequence[int] = JITTER) -> list[Event]:
    """Steps on a CPU, in us: an operator, then nothing, which varies from step to step."""
    return in_microseconds(
        event
        for i, late in enumerate(jitter)
        for event in (
            annotation("overlap.step", 10_000 * i, 10_000 * i + wall + late),
            cpu_op("aten::mm", 10_000 * i, 10_000 * i + busy),
        )
    )


def overlapping() -> list[Event]:
    """An accelerator: 100 us on one stream, from its middle on beside 100 us on another."""
    return in_microseconds(
        event
        for i in range(5)
        for event in (
            annotation("ProfilerStep#0", 1_000 * i, 1_000 * i + 200),
            launch(1_000 * i, 1_000 * i + 2, correlation=2 * i + 1),
            launch(1_000 * i + 2, 1_000 * i + 4, correlation=2 * i + 2),
            kernel("a", 1_000 * i + 50, 1_000 * i + 150, stream=7, correlation=2 * i + 1),
            kernel("b", 1_000 * i + 100, 1_000 * i + 200, stream=8, correlation=2 * i + 2),
        )
    )


@pytest.fixture
def held(tmp_path: Path) -> Callable[..., Check]:
    """Holds one trace to one rule; `before` is its baseline."""

    def hold(rule: str, events: list[Event], before: list[Event] | None = None) -> Check:
        after = write_trace(tmp_path / "after.json", events)
        if before is None:
            found = gate([after], requirements=[requirement(rule)])
        else:
            baseline = write_trace(tmp_path / "before.json", before)
            found = gate([after], baseline=baseline, regressions=[regression(rule)])
        (check,) = found.checks
        assert found.passed is check.passed
        return check

    return hold


if TYPE_CHECKING:
    Held = Callable[..., Check]


# --- requirements ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "passed", "value"),
    [
        ("overlap>=0.25", True, 0.25),
        ("overlap >= 25%", True, 0.25),
        ("overlap>0.25", False, 0.25),
        ("overlap>=50us", True, 50_000),
        ("overlap<=49999ns", False, 50_000),
        ("wall<=200us", True, 200_000),
        ("busy>=75%", True, 0.75),
        ("idle<25%", False, 0.25),
        ("idle<=0.05ms", True, 50_000),
        ("work>=100%", True, 1.0),
        ("work>=1.01", False, 1.0),
        ("achieved>=1.33", True, 200 / 150),
        ("achieved>1.34", False, 200 / 150),
        ("overlapped>=0.25", True, 0.25),
        ("idle_launching<1500ns", False, 2_000),
        ("window<=4.15ms", True, 4_150_000),
    ],
)
def test_requirements(held: Held, rule: str, passed: bool, value: float) -> None:
    found = held(rule, overlapping())
    assert (found.passed, found.rule, found.device) == (passed, rule, "0")
    assert found.value == pytest.approx(value)
    assert found.before is None


@pytest.mark.parametrize("rule", ["available>=1", "efficiency>=50%", "untraced_wall<=1s"])
def test_a_figure_that_is_not_there_fails(held: Held, rule: str) -> None:
    found = held(rule, overlapping())
    assert not found.passed
    assert "is not known; it needs" in found.reason
    assert found.value is None


def test_a_state_of_the_other_kind_fails(held: Held) -> None:
    found = held("idle_host_op<=99%", steps())
    assert not found.passed
    assert found.reason.startswith("a CPU has no state idle_host_op; its states are overlapped, ")


def test_nothing_that_ran_fails(held: Held, tmp_path: Path) -> None:
    found = held("idle<=1", [runtime("cudaMalloc", 0, 5)])
    assert (found.passed, found.reason) == (False, "nothing ran that could be measured")
    found = held("achieved>=0", [cpu_op("aten::mm", 5, 5)])
    assert (found.passed, found.reason) == (
        False,
        "achieved does not exist: nothing ran, or in no time",
    )


def test_a_device_that_was_not_recorded_fails(held: Held) -> None:
    events = [*steps(), runtime("cudaLaunchKernel", 0, 5)]
    for before in (None, steps()):
        found = held("idle=500%" if before else "idle<=1", events, before)
        assert not found.passed
        assert "the trace holds no activity of the device" in found.reason


# --- against a baseline ---------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [f"{name}=0%" for name in MEANING if name not in ("available", "efficiency")]
)
@pytest.mark.parametrize("name", ["threads", "compile"])
def test_a_trace_against_itself_passes(rule: str, name: str) -> None:
    path = EXAMPLES / f"cpu-post-{name}.pt.trace.json.gz"
    found = gate([path], baseline=path, regressions=[regression(rule)])
    (check,) = found.checks
    if check.value is None:
        assert "has no state" in check.reason
    else:
        assert check.passed
        assert check.before == check.value
        assert check.reason.endswith("no worse")


@pytest.mark.parametrize(
    ("rule", "after", "passed"),
    [
        ("wall=5%", steps(busy=300, wall=600), False),
        ("wall=20%", steps(busy=300, wall=600), True),
        ("wall=99us", steps(busy=300, wall=600), False),
        ("wall=100us", steps(busy=300, wall=600), True),
        ("idle=40%", steps(busy=300, wall=600), False),
        ("idle=50%", steps(busy=300, wall=600), True),
        ("busy=0%", steps(busy=300, wall=600), True),
        ("busy=10%", steps(busy=350), False),
        ("idle=0%", steps(busy=350), True),
        ("wall=0%", steps(busy=200, wall=400), True),
    ],
)
def test_regressions(held: Held, rule: str, after: list[Event], passed: bool) -> None:
    found = held(rule, after, steps())
    assert (found.passed, found.noise) == (passed, False)
    assert found.before is not None
    assert found.value is not None


def test_less_overlap_is_worse_and_more_is_not(held: Held) -> None:
    apart = [
        event for event in overlapping() if not (event.name == "b" and event.category == "kernel")
    ]
    assert not held("overlap=5%", apart, overlapping()).passed
    assert not held("achieved=5%", apart, overlapping()).passed
    assert held("overlap=5%", overlapping(), apart).passed
    assert held("achieved=5%", overlapping(), apart).passed


def test_what_was_not_there_before_is_beyond_any_share_of_it(held: Held) -> None:
    found = held("idle=5000%", steps(busy=300), steps(busy=500, wall=500, jitter=[0] * 6))
    assert not found.passed
    assert "there was none before" in found.reason
    # A time can be allowed.
    assert held("idle=1ms", steps(busy=300), steps(busy=500, jitter=[0] * 6)).passed


def test_noise_passes_with_a_note(held: Held) -> None:
    found = held("idle=0.1%", steps(jitter=(9, 0, 2, 8, 7, 3)), steps(jitter=(0, 9, 4, 7, 2, 5)))
    assert (found.passed, found.noise) == (True, True)
    assert found.reason.endswith("0.1% allowed, but within the spread of the steps: noise")


def test_too_few_steps_fail_and_say_so(held: Held) -> None:
    found = held("idle=5%", steps(wall=600, jitter=(0, 1)), steps())
    assert not found.passed
    assert found.reason.endswith("; too few steps to tell from noise")


def test_untraced_times_are_compared_round_by_round(record: Record) -> None:
    slow = record("threads", steps(), [1.2e6 + i for i in range(9)], name="slow")
    fast = record("threads", steps(), [1.0e6 + i for i in range(9)], name="fast")
    found = gate([slow], baseline=fast, regressions=[regression("untraced_wall=10%")])
    assert [check.passed for check in found.checks] == [False]
    found = gate([slow], baseline=fast, regressions=[regression("untraced_wall=21%")])
    assert [check.passed for check in found.checks] == [True]


# --- which traces ---------------------------------------------------------------------


def test_rules_about_one_trace(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_trace(tmp_path / f"{name}.json", steps())
    found = gate([tmp_path], requirements=[requirement("a:wall<=1us"), requirement("c:wall<=1s")])
    assert [(check.trace, check.passed, check.reason) for check in found.checks] == [
        ("a", False, "wall is 502 \N{MICRO SIGN}s per step, not <= 1.00 \N{MICRO SIGN}s"),
        ("c", False, "no trace is called so; there are a, b"),
    ]


def test_a_trace_without_a_baseline_fails_and_one_the_other_way_is_noted(tmp_path: Path) -> None:
    for folder, names in (("old", "ab"), ("new", "bc")):
        (tmp_path / folder).mkdir()
        for name in names:
            write_trace(tmp_path / folder / f"{name}.json", steps())
    found = gate([tmp_path / "new"], baseline=tmp_path / "old", regressions=[regression("idle=5%")])
    assert [(check.trace, check.passed) for check in found.checks] == [("b", True), ("c", False)]
    assert "the baseline holds no trace of that mode and rank" in found.checks[1].reason
    assert any(note.startswith("The baseline also holds a: ") for note in found.notes)


def test_every_device_is_held_to_the_rules(tmp_path: Path) -> None:
    both = [kernel("k", 0, 100), kernel("k", 0, 900, device=1), kernel("k", 950, 1000, device=1)]
    path = write_trace(tmp_path / "t.json", both)
    found = gate([path], requirements=[requirement("idle<=1%")])
    assert [(check.device, check.passed) for check in found.checks] == [("0", True), ("1", False)]
    one = write_trace(tmp_path / "one.json", both[:1])
    found = gate([path], baseline=one, regressions=[regression("idle=5%")])
    assert [(check.device, check.passed) for check in found.checks] == [("0", True), ("1", False)]
    assert found.checks[1].reason == "the baseline holds no such device"


# --- rules as they are written --------------------------------------------------------


def test_every_state_can_be_named() -> None:
    assert set(STATE_MEANING) <= set(MEANING)


def test_rules_are_read() -> None:
    assert requirement("threads (rank 1): overlap >= 20 %") == Requirement(
        "threads (rank 1): overlap >= 20 %",
        "threads (rank 1)",
        "overlap",
        ">=",
        Fraction(1, 5),
        "share",
    )
    assert requirement("idle<1.5 ms").bound == 1_500_000
    assert regression("a:b:idle=2.5%") == Regression(
        "a:b:idle=2.5%", "a:b", "idle", Fraction(1, 40), relative=True, unit="ns"
    )
    assert regression("wall=20us").limit == 20_000
    assert regression("overlap=5%").unit == "share"


@pytest.mark.parametrize(
    "rule",
    ["", "idle", "idle=5%", "idel<=5%", "idle<=", "idle<=x", "idle<=5 parsecs", "overlap>=20",
     "wall<=0.5", "achieved>=2ms", "window>=3", "idle<=-1", "idle<=1e3"],
)  # fmt: skip
def test_what_is_no_requirement(rule: str) -> None:
    with pytest.raises(SelectionError, match=r"expected|there is no figure|write|is no time"):
        requirement(rule)


@pytest.mark.parametrize(
    "rule",
    ["", "idle", "idle>=5%", "idel=5%", "idle=", "idle=5", "overlap=5us", "achieved=0.1",
     "idle=-5%", "wall=fast"],
)  # fmt: skip
def test_what_is_no_limit(rule: str) -> None:
    with pytest.raises(SelectionError, match=r"expected|there is no figure|is no time"):
        regression(rule)


# --- the command ----------------------------------------------------------------------


def data(out: str) -> Any:
    found = json.loads(out)
    VALIDATOR.validate(found)
    declared = schema("gate")
    assert set(found) == set(declared["properties"])
    for check in found["checks"]:
        assert set(check) == set(declared["$defs"]["check"]["properties"])
    return found


def test_exit_codes_and_reasons(analyze: Analyze, tmp_path: Path) -> None:
    old = write_trace(tmp_path / "old.json", steps())
    new = write_trace(tmp_path / "new.json", steps(wall=600))
    compared = (new, "--baseline", old, "--max-regression")
    code, out, err = analyze("gate", *compared, "idle=60%", "--require", "idle<=60%")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["Gate", "Passed: 2 checks."]
    code, out, err = analyze("gate", *compared, "idle=5%", "--max-regression", "busy=5%")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[1] == "Failed: 1 of 2 checks."
    assert lines[3].startswith("- FAILED new: idle=5%: idle is 302")
    assert any(line.startswith("- passed new: busy=5%: ") for line in lines)
    assert "new, device 100: most changed, per step: idle_python +100" in out
    assert not list(tmp_path.glob("reports*"))


def test_json(analyze: Analyze, tmp_path: Path) -> None:
    new = write_trace(tmp_path / "new.json", steps())
    code, out, _ = analyze("gate", new, "--json", "--require", "overlap>=0.2")
    found = data(out)
    assert (code, found["passed"]) == (1, False)
    assert found["checks"][0]["reason"] == "overlap is 0.0%, not >= 20.0%"


def test_summary(analyze: Analyze, tmp_path: Path) -> None:
    new = write_trace(tmp_path / "new.json", steps())
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    code, out, _ = analyze("gate", new, "--require", "idle<=90%", "--summary", page)
    assert code == 0
    assert "Passed: 1 check." in out
    text = page.read_text()
    assert text.startswith("before\n# Gate\n\nPassed: 1 check.\n")
    assert "| passed | `idle<=90%` | new | idle is 40.3%, &lt;= 90.0% |" in text
    _, out, _ = analyze("gate", new, "--require", "idle<=90%", "--summary", "-")
    assert out == text.removeprefix("before\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a rule"),
        (("--max-regression", "idle=5%"), "--max-regression needs --baseline"),
        (("--require", "idel<=5%"), "there is no figure idel; the figures are wall, work, "),
        (("--require", "idle<=5%", "--summary", ""), "names no file"),
        (("--require", "idle<=5%", "--baseline", "nowhere"), "no such file or directory"),
        (("--require", "idle<=5%", "--summary", "."), "is no regular file"),
        (("--require", "idle<=5%", "--summary", "link"), "is no regular file"),
    ],
)
def test_usage(analyze: Analyze, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    new = write_trace(tmp_path / "new.json", steps())
    (tmp_path / "link").symlink_to(new)
    code, _, err = analyze("gate", new, *arguments)
    assert code == 2
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_what_cannot_be_read_is_no_verdict(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    write_trace(tmp_path / "traces/a.json", steps())
    (tmp_path / "traces/b.json").write_text("<html>")
    code, out, _ = analyze("gate", "traces", "--require", "idle<=90%")
    assert code == 2
    assert "No verdict: 1 trace could not be read." in out
    assert "b.json: is not a Chrome trace" in out
    code, out, _ = analyze("gate", "traces", "--json", "--require", "idle<=90%")
    assert (code, data(out)["passed"]) == (2, False)
