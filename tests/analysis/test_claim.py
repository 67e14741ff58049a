"""The post's claim taken apart: the factors multiply exactly, and doubt is said."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import math
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claim import settle
from analysis.claim.attribution import (
    VARIANTS,
    chain,
    draw,
    draw_means,
    pooled,
    product,
)
from analysis.claim.figures import LEAST_PROCESSES, Measured, Verdict
from analysis.cli import main
from analysis.compose import claim as compose_claim
from analysis.document import Estimate
from analysis.errors import DamagedTraceError, TraceError
from analysis.render.charts import Fall, waterfall
from tests.builders import annotation, chrome_trace, cpu_op, kernel, launch, shifted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from analysis.claim import Claim
    from tests.builders import Event

SVG = "{http://www.w3.org/2000/svg}"
FIVE = range(LEAST_PROCESSES)


def write_claim(
    folder: Path,
    ratios: Mapping[str, Sequence[float]],
    *,
    device: str = "cpu",
    traces: Mapping[tuple[str, str, int], Sequence[Event]] | None = None,
    **keys: Any,
) -> Path:
    """Write a claim whose processes read these ratios, each off 1 ms without gradients."""
    folder.mkdir(exist_ok=True)
    files = []
    for (kind, part, process), events in (traces or {}).items():
        path = folder / f"{kind}-{part}-{process}.pt.trace.json.gz"
        path.write_bytes(gzip.compress(chrome_trace(events)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(
            {"process": process, "kind": kind, "part": part, "trace": path.name, "sha256": digest}
        )
    manifest = {
        "schema_version": 1,
        "kind": "claim",
        "run": "run-1",
        "device": device,
        "preset": "post",
        "complete": True,
        "environment": {"device_name": "a machine", "torch": "2.13.0"},
        "variants": {
            name: {
                "shows": "something",
                "warm": "warmed" in name,
                "synchronized": "synchronized" in name,
                "runs": [
                    {"process": k, "with_grad_ns": [1e6 * value], "no_grad_ns": [1e6]}
                    for k, value in enumerate(values)
                ],
            }
            for name, values in ratios.items()
        },
        "traces": files,
        "failures": [],
    }
    path = folder / f"{device}-post-claim.manifest.json"
    path.write_text(json.dumps(manifest | keys))
    return path


def only(path: Path) -> Claim:
    (claim,) = settle([path]).claims
    return claim


def around(value: float, spread: float = 1.01) -> list[float]:
    """Five ratios whose median is the value."""
    return [value / spread**2, value / spread, value, value * spread, value * spread**2]


def step(
    *ops: tuple[str, int, int], wall: int, at: int = 0, tids: Sequence[int] = ()
) -> list[Event]:
    """One step of a pass, of outermost operators."""
    lanes = tids or [1] * len(ops)
    return [
        annotation("overlap.step", at, at + wall),
        *(
            cpu_op(name, at + begin, at + end, tid=tid)
            for (name, begin, end), tid in zip(ops, lanes, strict=True)
        ),
    ]


def factor(claim: Claim, key: str) -> Measured:
    found = claim.factor(key)
    assert found is not None
    assert found.measured is not None
    return found.measured


# --- the arithmetic ---------------------------------------------------------------------

GPU = {
    "as_printed": around(20),
    "swapped": around(0.3),
    "synchronized": around(10),
    "warmed": around(4),
    "warmed_synchronized": around(1.5),
    "repeated": around(1.6),
}


def test_the_first_call_and_asynchrony_are_means_over_both_paths(tmp_path: Path) -> None:
    claim = only(write_claim(tmp_path, GPU, device="cuda"))
    # Warmed up first: 20/4; warmed up last: 10/1.5. Synchronised likewise: 20/10, 4/1.5.
    assert factor(claim, "first_call").value == pytest.approx(math.sqrt(20 / 4 * 10 / 1.5))
    assert factor(claim, "asynchrony").value == pytest.approx(math.sqrt(20 / 10 * 4 / 1.5))
    assert factor(claim, "one_reading").value == pytest.approx(1.5 / 1.6)
    assert factor(claim, "remaining").value == pytest.approx(1.6)
    assert claim.total is not None
    assert claim.total.value == pytest.approx(20)


def test_on_a_cpu_what_synchronises_is_the_same_program(tmp_path: Path) -> None:
    ratios = GPU | {"as_printed": [7.0, 9, 11, 13, 85], "synchronized": [6.0, 8, 10, 12, 14]}
    claim = only(write_claim(tmp_path, ratios))
    together = statistics.median([*ratios["as_printed"], *ratios["synchronized"]])
    warm = statistics.median([*ratios["warmed"], *ratios["warmed_synchronized"]])
    assert claim.total is not None
    assert claim.total.value == together
    assert claim.total.processes == 10
    assert claim.extremes == (6.0, 85.0)
    assert factor(claim, "first_call").value == pytest.approx(together / warm)
    asynchrony = claim.factor("asynchrony")
    assert asynchrony is not None
    assert asynchrony.measured is None
    assert asynchrony.absent == "nothing on a CPU"
    assert factor(claim, "one_reading").value == pytest.approx(warm / 1.6)


positive = st.floats(0.01, 100)


@given(
    ratios=st.dictionaries(
        st.sampled_from(VARIANTS), st.lists(positive, min_size=1, max_size=6), min_size=1
    ),
    cpu=st.booleans(),
    means=st.lists(st.tuples(*[st.floats(-2, 2)] * 3), max_size=6),
)
def test_the_factors_multiply_to_the_total_whatever_is_missing(
    ratios: dict[str, list[float]], cpu: bool, means: list[tuple[float, float, float]]
) -> None:
    drawn = draw(pooled(ratios, cpu=cpu))
    path = chain(list(drawn), cpu=cpu)
    if "as_printed" not in drawn:
        return
    steps = math.prod(product(drawn, each.weights).value for each in path.steps)
    assert steps * drawn[path.end].value == pytest.approx(drawn["as_printed"].value)
    if means:
        parts = dict(zip("abc", draw_means(np.array(means)), strict=True))
        rest = product({"end": drawn[path.end], **parts}, {"end": 1, "a": -1, "b": -1, "c": -1})
        whole = steps * math.prod(each.value for each in parts.values()) * rest.value
        assert whole == pytest.approx(drawn["as_printed"].value)
    # No change is counted twice, and none that was measured is left out.
    changes = [change for each in path.steps for change in each.changes]
    assert len(changes) == len(set(changes))


def test_changes_that_nothing_parts_are_told_together(tmp_path: Path) -> None:
    ratios = {name: GPU[name] for name in ("as_printed", "warmed_synchronized", "repeated")}
    claim = only(write_claim(tmp_path, ratios, device="cuda"))
    keys = [each.key for each in claim.factors]
    assert keys[:2] == ["first_call+asynchrony", "one_reading"]
    assert claim.factors[0].words == "first call and asynchrony"
    assert factor(claim, keys[0]).value == pytest.approx(20 / 1.5)


def test_the_bootstrap_is_that_of_all_resamples() -> None:
    """Against every one of the 5**5 ways to draw five of five."""
    values = [7.0, 9.0, 11.0, 20.0, 85.0]
    drawn = draw({"as_printed": values, "warmed": [2.0, 2.1, 2.2, 2.3, 3.0]})
    every = [statistics.median(each) for each in itertools.product(values, repeat=5)]
    found = drawn["as_printed"].draws
    for value in values:
        expected = every.count(value) / len(every)
        assert np.mean(found == value) == pytest.approx(expected, abs=0.03)
    # Processes of different variants are independent.
    assert abs(np.corrcoef(found, drawn["warmed"].draws)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((1.02, 1.3), Verdict.RAISES),
        ((0.5, 0.97), Verdict.LOWERS),
        ((0.9, 1.1), Verdict.TOO_CLOSE),
        ((0.995, 1.2), Verdict.TOO_CLOSE),
        ((0.99, 1.01), Verdict.NONE),
        ((1.0, 1.0), Verdict.NONE),
        (None, Verdict.TOO_FEW),
    ],
)
def test_a_verdict_is_read_off_the_interval(
    interval: tuple[float, float] | None, verdict: Verdict
) -> None:
    assert Measured(1.0, interval, 5).verdict is verdict


def test_four_processes_have_no_interval(tmp_path: Path) -> None:
    claim = only(write_claim(tmp_path, {"repeated": around(1.5)[:4]}))
    assert claim.repeated is not None
    assert claim.repeated.interval is None
    assert claim.repeated.to_json()["verdict"] == "too_few_processes"
    assert (
        "not settled (1.49\N{MULTIPLICATION SIGN} in 4 fresh processes; it takes 5)"
        in claim.sentences[1]
    )


# --- the traces --------------------------------------------------------------------------

WITH = step(("aten::gru", 0, 600), wall=1000)
"""Work 600, one lane, busy 60%."""
WITHOUT = step(("aten::gru", 0, 300), ("aten::gru", 150, 450), wall=500, tids=(1, 2))
"""Work 600, 600 / 450 lanes, busy 90%."""


def both(with_grad: list[Event], no_grad: list[Event]) -> dict[tuple[str, str, int], list[Event]]:
    return {
        ("warm", part, process): events
        for process in FIVE
        for part, events in (("with_grad", with_grad), ("no_grad", no_grad))
    }


def test_the_traces_part_what_is_left(tmp_path: Path) -> None:
    claim = only(write_claim(tmp_path, GPU, traces=both(WITH, WITHOUT)))
    assert factor(claim, "less_work").value == pytest.approx(1)
    assert factor(claim, "more_overlap").value == pytest.approx(600 / 450)
    assert factor(claim, "less_idle").value == pytest.approx(0.9 / 0.6)
    # Traced 2x as fast, untraced 1.6x.
    assert factor(claim, "remaining").value == pytest.approx(1.6 / 2)
    seen = claim.seen("warm", "no_grad")
    assert seen is not None
    assert (seen.processes, seen.wall_ns, seen.work_ns) == (5, 500, 600)
    assert seen.busy_share == pytest.approx(0.9)


def test_the_first_call_names_the_function_that_grew_most(tmp_path: Path) -> None:
    def one_pass(own: int) -> list[Event]:
        """aten::gru calls aten::addmm, which calls the runtime."""
        return [
            *step(("aten::gru", 0, 200 + own), wall=300 + own),
            cpu_op("aten::addmm", 50, 150 + own),
            launch(60, 70, correlation=1),
            cpu_op("aten::add_", 150 + own, 200 + own),
        ]

    traces = {("cold", "with_grad", 0): one_pass(900), ("warm", "with_grad", 0): one_pass(0)}
    found = only(write_claim(tmp_path, GPU, traces=traces)).first_call
    assert found is not None
    assert (found.name, found.cold_ns, found.warm_ns, found.share) == ("aten::addmm", 990, 90, 1.0)


def test_a_step_or_a_process_that_was_held_up_decides_nothing(tmp_path: Path) -> None:
    held_up = step(("aten::gru", 0, 50_000), wall=90_000, at=10_000)
    traces = both([*WITH, *held_up, *shifted(WITH, 200_000)], WITHOUT)
    cold = step(("aten::tanh", 0, 300), ("aten::gru", 300, 5_000), wall=5_100)
    odd = step(("aten::tanh", 0, 80_000), ("aten::gru", 80_000, 85_000), wall=90_000)
    traces |= {("cold", "with_grad", process): cold for process in FIVE[1:]}
    traces["cold", "with_grad", 0] = odd
    claim = only(write_claim(tmp_path, GPU, traces=traces))
    assert factor(claim, "less_work").value == pytest.approx(1)
    assert factor(claim, "less_idle").value == pytest.approx(1.5)
    assert claim.first_call is not None
    assert (claim.first_call.name, claim.first_call.cold_ns) == ("aten::gru", 4_700)


def test_what_the_clock_saw_is_the_host_s_share_of_the_window(tmp_path: Path) -> None:
    events = [
        annotation("overlap.step", 0, 100),
        launch(10, 20, correlation=1),
        kernel("gemm", 50, 400, correlation=1),
    ]
    claim = only(
        write_claim(tmp_path, GPU, device="cuda", traces={("cold", "with_grad", 0): events})
    )
    seen = claim.seen("cold", "with_grad")
    assert seen is not None
    assert seen.stopwatch_share == 0.25


# --- what is said ------------------------------------------------------------------------


def test_a_beginner_reads_three_sentences(tmp_path: Path) -> None:
    slow = step(("aten::gru", 0, 900), wall=1000)
    fast = step(("aten::gru", 0, 600), wall=667)
    cold = step(("aten::gru", 0, 9000), wall=9100)
    traces = both(slow, fast) | {("cold", "with_grad", k): cold for k in FIVE}
    claim = only(write_claim(tmp_path, GPU, traces=traces))
    first, second, third = claim.sentences
    assert first.startswith("As printed, the script on this CPU says that the pass under no_grad")
    assert "with the two swapped the script says 0.30\N{MULTIPLICATION SIGN}" in first
    assert "aten::gru takes 9.00 \N{MICRO SIGN}s in a first pass, 900 ns in later ones" in first
    assert "1.60\N{MULTIPLICATION SIGN} (1.57 to 1.63) as fast, because it has less to do" in second
    assert "less work: 1.50\N{MULTIPLICATION SIGN}" in second
    assert third.startswith(
        "Nothing ran in parallel, with gradients or without: on average 1.00 thread"
    )


def test_overlap_that_is_there_is_said(tmp_path: Path) -> None:
    third = only(write_claim(tmp_path, GPU, traces=both(WITH, WITHOUT))).sentences[2]
    assert third.startswith("Some of it is real parallelism: on average 1.33 threads were at work")


def test_intervals_that_hold_one_are_too_close_to_tell(tmp_path: Path) -> None:
    wide = [0.5, 0.8, 1.1, 1.5, 3.0]
    claim = only(write_claim(tmp_path, dict.fromkeys(GPU, wide), device="cuda"))
    first, second, third = claim.sentences
    assert "what the first call adds to that is too close to tell" in first
    assert second.startswith("Whether the missing synchronise matters is too close to tell")
    assert "which pass is faster is too close to tell" in second
    assert (
        third == "Whether anything ran in parallel is not known: that takes traces of both passes."
    )


def test_asynchrony_is_proven_by_what_the_clock_missed(tmp_path: Path) -> None:
    def cold(end: int) -> list[Event]:
        return [
            annotation("overlap.step", 0, 100),
            launch(10, 20, correlation=1),
            kernel("gemm", 50, end, correlation=1),
        ]

    traces = {("cold", "with_grad", 0): cold(400), ("cold", "no_grad", 0): cold(200)}
    second = only(write_claim(tmp_path, GPU, device="cuda", traces=traces)).sentences[1]
    assert (
        "before the GPU has finished (in the traces it saw 25.0% of the pass with gradients and "
        "50.0% of the other), which multiplies the result by 2.31\N{MULTIPLICATION SIGN}" in second
    )


# --- what is broken ----------------------------------------------------------------------


def test_a_trace_that_is_missing_or_another_is_a_note(tmp_path: Path) -> None:
    path = write_claim(tmp_path, GPU, traces=both(WITH, WITHOUT))
    (tmp_path / "warm-no_grad-0.pt.trace.json.gz").unlink()
    (tmp_path / "warm-no_grad-1.pt.trace.json.gz").write_bytes(b"another")
    claim = only(path)
    assert factor(claim, "less_work").processes == 3
    notes = [note for note in claim.notes if note.startswith("A trace was not used: ")]
    assert len(notes) == 2
    assert "warm-no_grad-0.pt.trace.json.gz: cannot be read (No such file" in notes[0]
    assert "warm-no_grad-1.pt.trace.json.gz: is not the file that the manifest" in notes[1]


def test_a_broken_trace_is_a_note_with_its_place(tmp_path: Path) -> None:
    traces = {("warm", "with_grad", 0): WITH, ("warm", "no_grad", 0): [cpu_op("aten::add", 0, 9)]}
    path = write_claim(tmp_path, GPU, traces=traces)
    manifest = json.loads(path.read_text())
    broken = tmp_path / "warm-with_grad-0.pt.trace.json.gz"
    broken.write_bytes(gzip.compress(b"no trace at all"))
    manifest["traces"][0]["sha256"] = hashlib.sha256(broken.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))
    claim = only(path)
    assert claim.factor("less_work") is not None
    assert factor(claim, "remaining").value == pytest.approx(1.6)
    notes = " ".join(claim.notes)
    assert f"{broken}: " in notes
    assert "holds no step (overlap.step) in which anything ran" in notes


def test_no_file_outside_the_folder_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(chrome_trace(WITH))
    path = write_claim(tmp_path / "claim", GPU)
    manifest = json.loads(path.read_text())
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    entry = {"process": 0, "kind": "warm", "part": "with_grad", "sha256": digest}
    manifest["traces"] = [entry | {"trace": "../outside.json"}]
    path.write_text(json.dumps(manifest))
    assert only(path).passes == ()


def test_an_interrupted_claim_says_so(tmp_path: Path) -> None:
    claim = only(write_claim(tmp_path, {"as_printed": around(20)}, complete=False))
    assert "The measurement was interrupted: what is missing was not measured." in claim.notes
    assert claim.total is not None
    assert [each.measured for each in claim.factors if each.key == "first_call"] == [None]
    assert "what of that is the first call was not measured" in claim.sentences[0]


def test_a_busy_machine_is_said(tmp_path: Path) -> None:
    path = write_claim(tmp_path, GPU, environment={"cpu_count": 4})
    manifest = json.loads(path.read_text())
    for name, others in {"as_printed": 0.41, "warmed": 0.39, "repeated": 2.5}.items():
        manifest["variants"][name]["runs"][0]["other_cores"] = others
    path.write_text(json.dumps(manifest))
    told = (
        "Other programs used up to 2.5 of 4 cores in 2 of 30 processes: they disturb the timings."
    )
    assert told in only(path).notes


def test_a_variant_that_failed_is_named(tmp_path: Path) -> None:
    failures = [{"what": "swapped", "process": 2, "reason": "it broke"}]
    ratios = {name: values for name, values in GPU.items() if name != "swapped"}
    notes = only(write_claim(tmp_path, ratios, failures=failures)).notes
    assert "Process 2 of swapped measured nothing: it broke" in notes
    assert "Not measured: swapped." in notes


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        ('{"schema_version": 2}', DamagedTraceError, "has schema_version 2, expected 1"),
        ("nonsense", DamagedTraceError, "is not a manifest of `profiling claim`"),
        ('{"schema_version": 1}', DamagedTraceError, "missing required field"),
    ],
)
def test_another_file_is_an_error_of_one_line(
    tmp_path: Path, content: str, kind: type[TraceError], told: str
) -> None:
    path = tmp_path / "cpu-post-claim.manifest.json"
    path.write_text(content)
    with pytest.raises(kind, match=told) as raised:
        settle([tmp_path])
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize("sample", ["0", "-1", '"x"', "null"])
def test_a_sample_that_is_no_duration_is_refused(tmp_path: Path, sample: str) -> None:
    path = write_claim(tmp_path, GPU)
    path.write_text(path.read_text().replace("[1000000.0]", f"[{sample}]", 1))
    with pytest.raises(DamagedTraceError, match="no_grad_ns"):
        settle([path])


def test_a_folder_without_a_claim_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"holds no claim .*profiling claim --out"):
        settle([tmp_path])
    with pytest.raises(TraceError, match="no such file or directory"):
        settle([tmp_path / "none"])


def test_one_of_several_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    write_claim(tmp_path / "good", GPU)
    bad = write_claim(tmp_path / "bad", GPU, schema_version=7)
    found = settle([tmp_path / "good", tmp_path / "bad"])
    assert len(found.claims) == 1
    assert found.failures[0].startswith(f"{bad}: has schema_version 7")


# --- what is shown -----------------------------------------------------------------------


class Ended(NamedTuple):
    code: object
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def running(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["claim", *map(str, arguments)])
        return Ended(ended.value.code, *capsys.readouterr())

    return running


def test_the_command_writes_text_data_and_a_picture(
    tmp_path: Path, run: Callable[..., Ended]
) -> None:
    path = write_claim(tmp_path / "claim", GPU, traces=both(WITH, WITHOUT))
    out = tmp_path / "out"
    code, told, _ = run(tmp_path / "claim", "--out", out)
    assert code == 0
    assert sorted(file.name for file in out.iterdir()) == ["claim.json", "claim.md", "claim.svg"]
    claim = only(path)
    data = json.loads((out / "claim.json").read_text())
    assert data["schema_version"] == 1
    assert data["claims"] == [json.loads(json.dumps(claim.to_json()))]
    written = (out / "claim.md").read_text()
    for sentence in claim.sentences:
        assert sentence in " ".join(told.split())
        assert sentence.replace("_", "").split(":")[0][:40] in written.replace("_", "")
    for key in ("as_printed", "less work", "mended and repeated"):
        assert key in told
        assert key in written
    picture = ET.fromstring((out / "claim.svg").read_text())  # noqa: S314 - our own
    assert "How much faster is no_grad" in "".join(picture.itertext())


def test_several_claims_are_set_side_by_side(tmp_path: Path, run: Callable[..., Ended]) -> None:
    write_claim(tmp_path / "a", GPU, device="cuda")
    write_claim(tmp_path / "b", GPU | {"repeated": around(0.5)}, device="cuda")
    bad = write_claim(tmp_path / "c", GPU, schema_version=7)
    out = tmp_path / "out"
    code, told, _ = run(*(tmp_path / name for name in "abc"), "--out", out)
    assert code == 1
    assert "The claims side by side" in told
    beside = told.split("The claims side by side")[1].splitlines()
    heads = next(line.split() for line in beside if line.startswith("cause "))
    assert heads[:3] == ["cause", "a", "b"]
    said = {line.split("  ")[0]: line.split()[-1] for line in beside if line}
    assert said["one reading"] == "no"
    assert said["first call"] == "yes"
    assert said["mended and repeated"].endswith(")")
    assert str(bad) in "".join(told.split())
    assert (out / "claim-2.svg").exists()


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.json"], [""]),
        (["runs/a/x.json", "runs/b/x.json"], ["a", "b"]),
        (["runs/a/1/x.json", "runs/b/2/x.json"], ["a/1", "b/2"]),
        (["runs/a/x.json", "runs/a/y.json"], ["x.json", "y.json"]),
        (["a/a/x.json", "a/x.json"], ["a/a/x.json", "a/x.json"]),
        (["/a/x.json", "b/x.json"], ["/a", "b"]),
        (["x", "x"], ["x", "x"]),
    ],
)
def test_names_tell_claims_apart(paths: list[str], names: list[str]) -> None:
    assert compose_claim._names(paths) == names


def test_an_error_writes_nothing(tmp_path: Path, run: Callable[..., Ended]) -> None:
    code, out, err = run(tmp_path / "none", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {tmp_path / 'none'}: no such file or directory")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("values", [[20.0, 5.0, 2.0, 0.5], [0.3, 2.0, 0.4]])
def test_each_bar_begins_where_the_one_before_ended(values: list[float]) -> None:
    total, *causes = values
    rows = [Fall("total", Estimate(total, total / 2, total * 2), total=True)]
    rows += [Fall(f"cause {value}", value) for value in causes]
    chart = ET.fromstring(waterfall(rows, title="A product"))  # noqa: S314 - our own
    bars = [each for each in chart.iter(f"{SVG}rect") if each.get("class") == "mark"]
    low, high = min(1, total / 2, *_left(values)), max(1, total * 2, *_left(values))

    def place(value: float) -> float:
        share = math.log(value / low) / math.log(high / low)
        return 100 * (0.02 + 0.96 * share)

    left = _left(values)
    for bar, (begin, end) in zip(bars, [(1, total), *itertools.pairwise(left)], strict=True):
        x, width = (float(str(bar.get(key)).rstrip("%")) for key in ("x", "width"))
        assert x == pytest.approx(min(place(begin), place(end)), abs=0.01)
        assert x + width == pytest.approx(max(place(begin), place(end)), abs=0.01)


def _left(values: list[float]) -> list[float]:
    """What is left of the first value once each further one is taken out."""
    return list(itertools.accumulate(values, lambda total, cause: total / cause))
