"""The published schema: every report validates, and what breaks the contract does not."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from analysis.metrics import accelerator, cpu
from analysis.render import as_json, schema
from analysis.report import SCHEMA_VERSION
from analysis.reporting import report
from tests.builders import (
    annotation,
    card,
    cpu_op,
    graph_launch,
    in_microseconds,
    kernel,
    launch,
    python,
    runtime,
    shape,
    write_trace,
)
from tests.builders import (
    copy as memory_copy,
)
from tests.executions import Op, Tensor, compute, mark, step, write_execution
from tests.shared import ABSENT, real_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from tests.builders import Event

VALIDATOR = Draft202012Validator(schema())

# Keys that stand for something in the trace, or for a state that is not always
# told: another report may lack them.
NAMED_BY_DATA = re.compile(
    r"\.(class_busy_ns|class_overlap_ns|lane_breakdown_ns|workload|environment"
    r"|breakdown_by_class_ns\.\w+|(idle_gaps|missed_overlap)\[\]\.breakdown_ns)\.[^.]+$|\.concurrency_ns\.[1-9]$"
)
FREE = re.compile(r"\.(workload|environment)\.")
NULLABLE = re.compile(
    r"\.(rank|timing|comparison|ceilings|before|after|host|call|operator|outermost_operator|python"
    r"|achieved|achieved_compute|available|available_branches|efficiency|work_over_window"
    r"|window_over_span|operator_lengths|resumes|graph|branch_span_ns|first_branch|second_branch"
    r"|foreign_busy_ns|speed_up|traced_speed_up|traced_wall_ns|less_work|more_overlap|less_idle|busy_share"
    r"|overlap_share|strongest_state|baseline|cpu_seconds_per_wall_second"
    r"|no_host|lane_per_branch|both|both_within_room|error|return_latency|lacks|ceiling|predicted_speed_up"
    r"|gain|gain_ns|hta|together|ours|theirs|difference|unexplained|failure)$"
    r"|\.launches\.(call_ns|queue_ns|\w+_second|short_kernel_share|queues?(\[\])?\.mean|queue\.lane)$"
    r"|\.occupancy(\.(sm_efficiency(_busy)?|occupancy(_busy)?))?$"
    r"|^cpu.*\.(latency_bound_ns|launches)$"
)

NOT_IN_THIS_REPORT = r"\.ceilings\..*(lane_per_branch|both|both_within_room|error|return_latency)"
LATENCIES = r"\.latencies\[\]\.(after_launch|behind_own_lane|after_other_lane)"


# --- reports --------------------------------------------------------------------------


def process_events() -> list[Event]:
    """Steps of a process without operators, in which two others run at once."""
    return in_microseconds(
        [
            each
            for begin in (0, 100)
            for each in (
                annotation("overlap.step", begin, begin + 50, pid=1),
                cpu_op("aten::mm", begin + 5, begin + 30, pid=2, tid=2),
                cpu_op("aten::mm", begin + 10, begin + 40, pid=3, tid=3),
            )
        ]
    )


def accelerator_events() -> list[Event]:
    """Two streams, all classes but sets, a gap with a host that is known, a graph, two steps."""
    return in_microseconds(
        [
            annotation("ProfilerStep#1", 0, 60),
            annotation("ProfilerStep#2", 60, 130),
            annotation("overlap.branch 0", 1, 10),
            cpu_op("aten::mm", 1, 9),
            annotation("overlap.branch 1", 11, 16),
            cpu_op("aten::copy_", 11, 15),
            cpu_op("aten::mm", 39, 45),
            cpu_op("aten::relu", 69, 75),
            python("forward.py(7): forward", 0, 120),
            launch(2, 4, correlation=1),
            launch(5, 8, correlation=2),
            runtime("cudaMemcpyAsync", 12, 14, correlation=3),
            launch(40, 44, correlation=4),
            graph_launch(70, 74, correlation=5),
            runtime("cudaDeviceSynchronize", 75, 110),
            kernel("gemm", 10, 30, stream=7, correlation=1, shape=shape(3, 64)),
            kernel("ncclKernel_AllReduce", 20, 36, stream=20, correlation=2, shape=shape(9)),
            memory_copy("Memcpy DtoH", 31, 39, stream=7, correlation=3),
            kernel("gemm", 50, 60, stream=7, correlation=4, shape=shape(3, 64)),
            kernel("a", 80, 90, stream=7, correlation=5, shape=shape()),
            kernel("b", 95, 99, stream=20, correlation=5, shape=shape()),
        ]
    )


def accelerator_graph() -> list[Op]:
    """All that these events were launched by."""
    made = [Tensor(number, number) for number in range(6)]
    first, moved = (
        mark(f"overlap.branch {branch}", compute(name, [made[branch]], made[branch + 2]))
        for branch, name in enumerate(("aten::mm", "aten::copy_"))
    )
    second = compute("aten::mm", [made[2]], made[4])
    last = compute("aten::relu", [made[4]], made[5])
    return [mark("ProfilerStep#1", first, moved, second), mark("ProfilerStep#2", last)]


def cpu_events(*, overlapping: bool) -> list[Event]:
    """Two branches, on two threads or one after the other, in two steps."""
    events = []
    for number, begin in enumerate((0, 100)):
        second = (2, begin + 5) if overlapping else (1, begin + 40)
        events += [
            annotation(f"ProfilerStep#{number}", begin, begin + 90),
            annotation("overlap.step", begin + 1, begin + 88),
            annotation("overlap.branch 0", begin + 2, begin + 38),
            cpu_op("aten::gru", begin + 3, begin + 35),
            annotation("overlap.branch 1", second[1], second[1] + 36, tid=second[0]),
            cpu_op("aten::gru", second[1] + 1, second[1] + 32, tid=second[0]),
        ]
    return in_microseconds(events)


def two_branches(threads: tuple[int, int] = (1, 1)) -> list[Op]:
    return [
        mark(
            f"overlap.branch {branch}",
            compute("aten::gru", [Tensor(1, 1)], Tensor(2 + branch, 2 + branch), thread=thread),
            thread=thread,
        )
        for branch, thread in enumerate(threads)
    ]


Plain = dict[str, Any]

_full: Plain = {}


@pytest.fixture
def full(tmp_path: Path, record: Callable[..., Path]) -> Plain:
    """A report that holds every part there is: both kinds, a run, HTA, a failure."""
    if _full:  # made once: HTA takes its time
        return copy.deepcopy(_full)
    timing = {"cpu_seconds_per_wall_second": 1.5}
    walls = [87_000.5, 88_000.0, 86_000.0]
    graph = [step(*two_branches())]
    record("sequential", cpu_events(overlapping=False), walls, timing=timing, graph=graph)
    halves = [wall / 2 for wall in walls]
    graph = [step(), *two_branches(threads=(1, 2))]
    record("threads", cpu_events(overlapping=True), halves, timing=timing, graph=graph)
    record("with_processes", process_events(), halves, timing=timing)
    header = {"deviceProperties": [card()]}
    write_trace(tmp_path / "device.json", accelerator_events(), header=header)
    write_execution(tmp_path / "device.graph.json", accelerator_graph())
    (tmp_path / "broken.json").write_text('{"traceEvents": [')
    _full.update(plain([tmp_path], hta=True))
    return copy.deepcopy(_full)


def plain(paths: list[Path], *, hta: bool = False) -> Plain:
    found = report(paths, hta=hta)
    written: Plain = json.loads(as_json.encode(found.to_json(), "report"))
    return written


def errors(instance: Plain) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in VALIDATOR.iter_errors(instance)]


# --- places in a report ---------------------------------------------------------------

Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        yield (*at, key)
        if isinstance(each, (dict, list)):
            yield from places(each, (*at, key))


def name(instance: Plain, place: Place) -> str:
    """The place as text, the same for all members of a list; its kind of device first."""
    above = [value_at(instance, place[:i]) for i in range(len(place))]
    kinds = [each["kind"] for each in above if isinstance(each, dict) and "kind" in each]
    keys = ["[]" if isinstance(key, int) else f".{key}" for key in place]
    return "".join([*kinds, *keys]).replace(".steps[].devices", ".devices")


def value_at(instance: Any, place: Place) -> Any:
    for key in place:
        instance = instance[key]
    return instance


def distinct(instance: Plain) -> dict[str, Place]:
    """One place for each name; one that holds something, if there is any."""
    found: dict[str, Place] = {}
    for place in places(instance):
        own = name(instance, place)
        if own not in found or value_at(instance, found[own]) in (None, [], {}):
            found[own] = place
    return found


def by_depth(instance: Plain) -> list[dict[str, Place]]:
    """The distinct places that can be changed together, as none lies in another.

    Without those that the schema leaves free, and without the kind: it decides
    what is expected beside it.
    """
    depths: dict[int, dict[str, Place]] = {}
    for own, place in distinct(instance).items():
        if not FREE.search(own) and not own.endswith(".kind"):
            depths.setdefault(len(place), {})[own] = place
    return list(depths.values())


def changed(instance: Plain, changes: dict[Place, Any]) -> Plain:
    """The report with other values at some places."""
    result = copy.deepcopy(instance)
    for place, value in changes.items():
        value_at(result, place[:-1])[place[-1]] = value
    return result


def blamed(instance: Plain) -> set[Place]:
    """The places that the schema finds fault with."""
    return {tuple(each.absolute_path) for each in VALIDATOR.iter_errors(instance)}


# --- tests ----------------------------------------------------------------------------


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema_version"] == {"const": SCHEMA_VERSION}


def test_a_full_report_is_valid(full: Plain) -> None:
    assert errors(full) == []


def test_the_report_under_test_holds_all_that_the_schema_names(full: Plain) -> None:
    def properties(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from part.get("properties", {})
        if isinstance(part, (dict, list)):
            for each in part.values() if isinstance(part, dict) else part:
                yield from properties(each)

    held = {place[-1] for place in places(full) if value_at(full, place) not in ([], {})}
    named = schema()
    del named["properties"]["jobs"], named["$defs"]["job"]  # which test_fleet_job tests
    assert set(properties(named)) - held == set()
    gaps = [gap for trace in full["traces"] for gap in trace["devices"][0]["idle_gaps"]]
    assert [gap for gap in gaps if gap["host"] and gap["waiting"]["names"]]


def test_every_key_is_required(full: Plain) -> None:
    missed = []
    for together in by_depth(full):
        required = {
            own: place
            for own, place in together.items()
            if isinstance(place[-1], str) and not NAMED_BY_DATA.search(own)
        }
        lacking = copy.deepcopy(full)
        for place in required.values():
            del value_at(lacking, place[:-1])[place[-1]]
        found = {
            (*each.absolute_path, each.message.split("'")[1])
            for each in VALIDATOR.iter_errors(lacking)
            if each.validator == "required"
        }
        missed += [own for own, place in required.items() if place not in found]
    assert missed == []


@pytest.mark.parametrize(
    ("other", "holders", "names"),
    [
        ("text", str, r"\.(before|after|call|operator|outermost_operator|python|failure|resumes)$"),
        (1, int | float, rf"\.rank$|{NOT_IN_THIS_REPORT}$"),
        (1.5, float, rf"\.ours$|{NOT_IN_THIS_REPORT}$"),
        (-1, (), rf"\.(efficiency|theirs|difference|unexplained)$|{LATENCIES}$"),
        ({"a": [[]]}, (), r"\.(workload|environment)$"),
        ([[]], (), "never"),
        (True, bool, "never"),
    ],
    ids=str,
)
def test_only_values_of_the_same_kind_are_accepted(
    full: Plain, other: object, holders: Any, names: str
) -> None:
    """What holds a value of that kind may take another, and what is null here but not always."""
    wrongly = []
    for together in by_depth(full):
        found = blamed(changed(full, dict.fromkeys(together.values(), other)))
        wrongly += [
            own
            for own, place in together.items()
            if not any(each[: len(place)] == place for each in found)
            and not isinstance(value_at(full, place), holders)
            and not re.search(names, own)
        ]
    assert wrongly == []


def test_null_stands_only_where_a_figure_may_be_missing(full: Plain) -> None:
    accepted = []
    for together in by_depth(full):
        found = blamed(changed(full, dict.fromkeys(together.values())))
        accepted += [own for own, place in together.items() if place not in found]
    assert [own for own in accepted if not NULLABLE.search(own)] == []
    assert [own for own in accepted if own.endswith(".rank")]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), SCHEMA_VERSION + 1),
        (("traces", 0, "resolution_ns"), 10),
        (("traces", 0, "devices", 0, "kind"), "gpu"),
        (("traces", 0, "devices", 0, "window_start_ns"), "1.5"),
        (("traces", 0, "devices", 0, "window_start_ns"), "01"),
        (("traces", 0, "devices", 0, "concurrency_ns", "two"), 1),
        (("traces", 0, "devices", 0, "class_overlap_ns", "compute"), 1),
        (("traces", 0, "devices", 0, "parallelism", "achieved"), 0.5),
        (("traces", 0, "devices", 0, "lane_overlap_ns"), [["1", "2"]]),
        (("traces", 0, "devices", 0, "lane_overlap_ns"), [["1", "2", 3, 4]]),
        (("traces", 0, "devices", 0, "breakdown_ns", "one_more"), "long"),
        (("traces", 0, "devices", 0, "lane_breakdown_ns", "1", "one_more"), "long"),
        (("traces", 0, "devices", 0, "idle_gaps", 0, "breakdown_ns"), {}),
        (("traces", 0, "devices", 0, "idle_gaps", 0, "breakdown_ns", "overlapped"), 1),
        (("traces", 0, "devices", 0, "class_busy_ns", "compute+copy"), 1),
        (("traces", 0, "devices", 0, "breakdown_by_class_ns", "overlapped"), {"copy, set": 1}),
        (("comparison", "runs", 0, "modes", 0, "wall_ci95_ns"), [1.0]),
        (("comparison", "runs", 0, "modes", 0, "wall_ci95_ns"), [1.0, 2.0, 3.0]),
        (("comparison", "runs", 0, "modes", 0, "speed_up"), [1.0, 0.9, 1.1]),
        (("comparison", "runs", 0, "modes", 0, "speed_up"), {"value": 1.0, "low": 0.9}),
        (("comparison", "runs", 0, "modes", 0, "busy_share"), 1.1),
        (("comparison", "runs", 0, "modes", 0, "overlap_share"), 1.1),
        (("comparison", "runs", 0, "modes", 0, "less_work"), 0),
    ],
    ids=str,
)
def test_refuses(full: Plain, place: Place, value: Any) -> None:
    assert errors(changed(full, {place: value}))


def test_each_kind_of_device_has_its_own_states(full: Plain) -> None:
    devices = {
        device["kind"]: (i, device["kind"])
        for i, trace in enumerate(full["traces"])
        for device in trace["devices"]
    }
    assert set(devices) == {"accelerator", "cpu"}
    for kind, (i, _) in devices.items():
        other = "cpu" if kind == "accelerator" else "accelerator"
        assert errors(changed(full, {("traces", i, "devices", 0, "kind"): other}))


def test_keys_may_be_added(full: Plain) -> None:
    objects = [
        place
        for own, place in distinct(full).items()
        if isinstance(value_at(full, place), dict) and not re.search(r"_ns(\.|$)", own)
    ]
    assert len(objects) > 10
    later = {(*place, "a_later_key"): {"any": ["thing"]} for place in [(), *objects]}
    assert errors(changed(full, later)) == []


@pytest.mark.parametrize(("kind", "states"), [("accelerator", accelerator), ("cpu", cpu)])
def test_states_are_those_that_are_measured(full: Plain, kind: str, states: ModuleType) -> None:
    defined = schema()["$defs"][f"{kind}_breakdown"]
    assert defined["required"] == list(defined["properties"]) == list(states.STATES)
    of_lanes = schema()["$defs"][f"{kind}_lane_breakdown"]
    assert of_lanes["required"] == list(of_lanes["properties"])
    for device in (device for trace in full["traces"] for device in trace["devices"]):
        if device["kind"] == kind:
            for times in device["lane_breakdown_ns"].values():
                assert set(times) == set(of_lanes["required"])


def test_a_report_of_nothing_is_valid(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("{")
    written = plain([tmp_path])
    assert written["traces"] == []
    assert len(written["failures"]) == 2
    assert errors(written) == []


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([kernel("k", 5, 5)], id="a window of no length"),
        pytest.param([cpu_op("aten::mm", 5, 5)], id="a window of no length on a CPU"),
        pytest.param([kernel("k", -9, -5)], id="before the clock's zero"),
        pytest.param([annotation("x", 1, 2)], id="no device"),
    ],
)
def test_a_report_of_little_is_valid(tmp_path: Path, events: list[Event]) -> None:
    assert errors(plain([write_trace(tmp_path / "trace.json", events)])) == []


@pytest.mark.skipif(not real_traces(), reason=ABSENT)
@pytest.mark.parametrize("path", real_traces(), ids=lambda path: path.name)
def test_reports_of_real_traces_are_valid(path: Path) -> None:
    assert errors(plain([path])) == []
