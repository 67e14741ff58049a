"""What cannot be is not believed: times, orders and groups that speak against each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analysis.fleet.job import jobs
from tests.jobs import laid, measured, step_of_work, write
from tests.ranks import ALL_REDUCE, GAP, SEND_RECV, all_reduce, call, job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from analysis.fleet.figures import Job
    from tests.ranks import Rank

CROSS_DEVICE = "void vllm::cross_device_reduce_1stage<__nv_bfloat16, 2>(vllm::RankData*)"


def meet(ranks: Sequence[Rank], args: Sequence[Mapping[str, object]], name: str) -> None:
    """Each arrives at its own time; all leave 1 us after the last one."""
    end = max(each.now for each in ranks) + 1_000
    for each, own in zip(ranks, args, strict=True):
        each.communicate(each.now, end, own, name)
        each.now = end + GAP


def send(source: Rank, target: Rank, number: Mapping[int, int], group: str = "pp") -> None:
    pair = [source.rank, target.rank]
    ranks = [0, 1, 2] if group == "pp" else sorted(pair)
    calls = [
        call("send", ranks, group=group, target=target.rank, sequence=number.get(source.rank)),
        call("recv", ranks, group=group, source=source.rank, sequence=number.get(target.rank)),
    ]
    meet([source, target], calls, SEND_RECV)


def offsets(found: Job) -> list[int | None]:
    return [each.offset_ns for each in found.clocks.offsets]


@pytest.mark.parametrize("numbered", [True, False])
def test_sends_are_matched_by_order_whatever_their_numbers(tmp_path: Path, numbered: bool) -> None:
    """Each rank counts its own sends and receives: the middle one has had more of them."""
    ranks = job(3, host="one")
    count = [0, 0, 0]
    for _ in range(4):
        step_of_work(ranks, [5_001, 1_000, 1_000])
        for source, target in ((0, 1), (1, 2)):
            for rank in (source, target):
                count[rank] += 1
            send(ranks[source], ranks[target], dict(enumerate(count)) if numbered else {})
    found = laid(tmp_path, ranks)
    assert (found.matched, found.unmatched) == (8, 0)
    assert found.ranks[0].waited_ns == 0
    assert Counter(each.last for each in found.late) == {0: 4, 1: 4}


def test_what_has_no_group_ties_no_clocks(tmp_path: Path) -> None:
    """Two pairs reduce apart, the second one always 3 us later; all gather once."""
    ranks = job(4)
    for rank in ranks:
        rank.host = f"host {rank.rank // 2}"
        rank.offset = 50_001 * (rank.rank // 2)
    for _ in range(5):
        step_of_work(ranks, [1_000, 1_000, 4_000, 4_000])
        for pair in (ranks[:2], ranks[2:]):
            meet(pair, [{}, {}], CROSS_DEVICE)
        for rank in ranks[:2]:
            rank.now += 3_000
    step_of_work(ranks, [1_000, 1_000, 4_000, 4_000])
    all_reduce(ranks, 5_000)
    found = laid(tmp_path, ranks)
    assert offsets(found) == [0, 50_001]
    assert [row.waited_ns for row in found.ranks] == [3_000, 3_000, 0, 0]
    assert found.matched == 6


def test_hosts_of_one_name_have_clocks_of_their_own(tmp_path: Path) -> None:
    ranks = job(3, host="trainer")
    ranks[2].offset = 2_000_000
    for number in range(6):
        step_of_work(ranks, [1_001, 1_000 + number, 9_000])
        all_reduce(ranks, 1_000)
    found = laid(tmp_path, ranks)
    assert [each.clock for each in found.clocks.offsets] == ["rank 0", "rank 1", "rank 2"]
    assert offsets(found) == [0, 0, 2_000_000]
    assert {each.last for each in found.late} == {2}
    (note,) = (note for note in found.notes if "not of one clock" in note)
    assert "Ranks of host trainer left 6 of 6 collectives before others had come" in note


def test_a_few_impossible_matches_are_refused_and_the_clock_is_not(tmp_path: Path) -> None:
    """One rank numbered one collective as the one that came later."""
    ranks = job(2, host="one")
    for number in range(7):
        step_of_work(ranks, [60_001, 260_000])
        all_reduce(ranks, 1_000, sequence=number)
    swap: dict[object, int] = {3: 4, 4: 3}
    ranks[1].events = [
        replace(each, args={**each.args, "Seq": swap.get(each.args["Seq"], each.args["Seq"])})
        if "Seq" in each.args
        else each
        for each in ranks[1].events
    ]
    found = laid(tmp_path, ranks)
    assert [each.clock for each in found.clocks.offsets] == ["one"]
    assert [(each.place, each.skew_ns) for each in found.late] == [
        (place, 199_999) for place in (0, 1, 2, 5, 6)
    ]
    assert found.clocks.residual_ns == 0
    assert any("2 collectives ended on one rank before they began" in note for note in found.notes)


def late_recorder(steps: bool, hosts: Sequence[str | None]) -> list[Rank]:
    """Eight equal collectives, of which rank 1 records the last six."""
    ranks = job(2)
    for rank, host in zip(ranks, hosts, strict=True):
        rank.host = host
    for number in range(8):
        begin = min(rank.now for rank in ranks) - 2_500
        step_of_work(ranks, [1_001, 30_000])
        all_reduce(ranks, 1_000)
        for rank in ranks:
            if steps:
                rank.step(number, begin, rank.now - 2_500)
        if number == 1:
            ranks[1].events.clear()
    return ranks


@pytest.mark.parametrize(
    ("steps", "hosts"), [(True, (None, None)), (False, ("a", "a")), (True, ("a", "a"))]
)
def test_equal_collectives_are_matched_by_steps_and_times(
    tmp_path: Path, steps: bool, hosts: tuple[str | None, str | None]
) -> None:
    found = laid(tmp_path, late_recorder(steps, hosts))
    assert (found.matched, found.unmatched) == (6, 2)
    assert [row.waited_ns for row in found.ranks] == [6 * 28_999, 0]
    assert found.clocks.residual_ns == 0


def test_equal_collectives_that_nothing_tells_apart_are_not_matched(tmp_path: Path) -> None:
    found = laid(tmp_path, late_recorder(steps=False, hosts=(None, None)))
    assert (found.matched, found.unmatched) == (0, 14)
    assert any("fit those of rank 0 in several ways" in note for note in found.notes)


@pytest.mark.parametrize("group", ["pp", "pairs"])
def test_in_a_pipeline_blame_goes_on_to_the_stage_that_was_late(tmp_path: Path, group: str) -> None:
    """Stage 0 is slow; 1 and 2 only ever wait for it, in one group or in one for each pair."""
    ranks = job(3, host="one")
    for _ in range(5):
        step_of_work(ranks[:1], [30_001])
        send(ranks[0], ranks[1], {}, "pp" if group == "pp" else "first pair")
        step_of_work(ranks[1:2], [1_000])
        send(ranks[1], ranks[2], {}, "pp" if group == "pp" else "second pair")
    found = laid(tmp_path, ranks)
    waited = [row.waited_ns or 0 for row in found.ranks]
    caused = [row.caused_ns or 0 for row in found.ranks]
    assert sum(caused) == sum(waited)
    assert caused[0] > 0.9 * sum(waited)
    assert [row.stage for row in found.ranks] == [0, 1, 2]


def test_of_a_step_the_job_has_the_figures_too(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    for number, durations in enumerate([(1_001, 9_000), (1_000, 31_000), (50_000, 1_000)]):
        begin = min(rank.now for rank in ranks) - 2_500
        step_of_work(ranks, durations)
        all_reduce(ranks, 1_000)
        for rank in ranks:
            rank.now += 5_000  # no step begins before the last one's collective
            rank.step(number, begin, rank.now - 2_500)
    (found,) = jobs(measured(write(tmp_path, ranks), within="ProfilerStep#1"))
    assert (found.matched, found.unmatched) == (1, 0)
    assert [row.waited_ns for row in found.ranks] == [30_000, 0]
    assert [row.caused_ns for row in found.ranks] == [0, 30_000]
    assert [row.communication_ns for row in found.ranks] == [31_000, 1_000]
    assert [each.step for each in found.steps] == ["ProfilerStep#1"]
    assert [each.number for each in found.kinds] == [1]
    assert [each.step for each in found.late] == ["ProfilerStep#1"]
    assert found.clocks.collectives == 3  # all of them say how the clocks are


def test_why_nobodys_waiting_is_known_is_said(tmp_path: Path) -> None:
    ranks = job(3, host="one")
    step_of_work(ranks, [1_001, 9_000, 1_000])
    all_reduce(ranks, 1_000)
    (found,) = jobs(measured(write(tmp_path, ranks[:2])))
    assert "of 1 matched communications, 1 lack ranks of their group." in found.notes[-1]

    apart = job(2, host="one")
    for rank in apart:
        step_of_work([rank], [1_001])
        all_reduce([rank], 1_000, sequence=rank.rank)
    (tmp_path / "apart").mkdir()
    found = laid(tmp_path / "apart", apart)
    assert "None of 2 communications is known to be the same" in found.notes[-1]

    unsized = job(2, host="one")
    step_of_work(unsized, [1_001, 9_000])
    meet(unsized, [{}, {}], ALL_REDUCE)
    (tmp_path / "unsized").mkdir()
    found = laid(tmp_path / "unsized", unsized)
    assert "1 do not say how many ranks their group has." in found.notes[-1]
