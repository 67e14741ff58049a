"""Jobs with known lateness, clocks and bubbles are recovered exactly, or within the residual."""

from __future__ import annotations

import json
import random
from itertools import permutations
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from analysis import headline
from analysis.errors import TraceError
from analysis.fleet.job import jobs, merge
from analysis.render import schema
from analysis.report import Report
from analysis.reporting import report
from analysis.trace import Reading
from tests.jobs import laid, measured, step_of_work, write
from tests.ranks import BASE, GAP, SEND_RECV, Rank, all_reduce, call, job


def test_the_last_one_is_named_and_all_waiting_is_its_fault(tmp_path: Path) -> None:
    ranks = job(4, host="one")
    step_of_work(ranks, [1_000, 9_000, 2_000, 4_000])
    all_reduce(ranks, 5_000, elements=1_000)
    found = laid(tmp_path, ranks)
    (late,) = found.late
    assert (late.last, late.skew_ns, late.transfer_ns) == (1, 8_000, 5_000)
    assert dict(late.waits_ns) == {0: 8_000, 1: 0, 2: 7_000, 3: 5_000}
    assert [row.waited_ns for row in found.ranks] == [8_000, 0, 7_000, 5_000]
    assert [row.caused_ns for row in found.ranks] == [0, 20_000, 0, 0]
    # 4,000 bytes in 5,000 ns, and what a link carries of an all-reduce: 2 x 3/4.
    (kind,) = found.kinds
    assert (kind.bytes, kind.algorithm_gb_s, kind.bus_gb_s) == (4_000, 0.8, 0.8 * 1.5)
    assert kind.hidden_share == 0
    assert headline.of_report(Report((), None, jobs=(found, found))).startswith(
        "The ranks waited 20.0 µs in all for the last one to come: 20.0 µs of it goes back to rank "
        "1. The ranks waited"
    )


def test_what_runs_beside_a_collective_hides_it(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_000, 1_000])
    begin = ranks[0].now
    all_reduce(ranks, 10_000)
    ranks[0].run("gemm", 4_000, at=begin + 3_000)
    found = laid(tmp_path, ranks)
    assert [row.exposed_ns for row in found.ranks] == [6_000, 10_000]
    assert found.kinds[0].hidden_share == 4_000 / 20_000
    assert [row.waited_ns for row in found.ranks] == [0, 0]
    assert found.late == ()
    assert headline.of_job(found) is None


def test_lateness_that_was_waiting_goes_back_to_the_first_cause(tmp_path: Path) -> None:
    """Rank 2 keeps 1 in their group; 1 then keeps 0 in another: 2 is to blame for most."""
    ranks = job(3, host="one")
    step_of_work(ranks, [1_000, 1_000, 1_000])
    all_reduce(ranks, 1_000)  # all are even
    step_of_work(ranks, [0, 1_000, 7_000])
    all_reduce(ranks[1:], 1_000, group="pair")  # 1 waits 6,000 for 2
    all_reduce(ranks[:2], 1_000, group="other")
    found = laid(tmp_path, ranks)
    by_group = {each.group: each for each in found.late}
    assert (by_group["pair"].last, by_group["pair"].waited_ns) == (2, 6_000)
    skew = 7_000 + 1_000 + GAP
    assert (by_group["other"].last, by_group["other"].waited_ns) == (1, skew)
    # Of rank 1's being late by 9,000, it had waited 6,000 itself.
    assert [row.caused_ns for row in found.ranks] == [0, skew - 6_000, 6_000 + 6_000]
    assert sum(row.caused_ns or 0 for row in found.ranks) == sum(
        row.waited_ns or 0 for row in found.ranks
    )


def test_waiting_in_the_group_itself_excuses_nobody(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_000, 5_000])
    all_reduce(ranks, 1_000)  # 0 waits for 1
    step_of_work(ranks, [8_000, 1_000])
    all_reduce(ranks, 1_000)  # 1 waits for 0, which is late by itself
    found = laid(tmp_path, ranks)
    assert [row.caused_ns for row in found.ranks] == [7_000, 4_000]


@pytest.mark.parametrize("offsets", [(0, 0), (0, 123_456_789), (0, -(10**15) - 7)])
def test_offsets_between_hosts_are_recovered_exactly(
    tmp_path: Path, offsets: tuple[int, int]
) -> None:
    ranks = job(4)
    for rank in ranks:
        rank.host = f"host{rank.rank // 2}"
        rank.offset = offsets[rank.rank // 2]
        rank.now += 2 * 10**15
    for number in range(5):
        step_of_work(ranks, [1_000, 2_000 * number, 3_000, 500])
        all_reduce(ranks, 1_000)
    found = laid(tmp_path, ranks)
    assert [each.offset_ns for each in found.clocks.offsets] == list(offsets)
    assert [each.ranks for each in found.clocks.offsets] == [(0, 1), (2, 3)]
    assert (found.clocks.residual_ns, found.clocks.collectives) == (0, 5)
    reference = job(4, host="one")
    for number in range(5):
        step_of_work(reference, [1_000, 2_000 * number, 3_000, 500])
        all_reduce(reference, 1_000)
    folder = tmp_path / "reference"
    folder.mkdir()
    same = laid(folder, reference)
    assert [row.waited_ns for row in found.ranks] == [row.waited_ns for row in same.ranks]
    assert [row.caused_ns for row in found.ranks] == [row.caused_ns for row in same.ranks]


def test_clocks_are_tied_over_several_groups_and_bases_differ(tmp_path: Path) -> None:
    """0 meets 1, and 1 meets 2: 2 is compared with 0 through 1."""
    ranks = job(3)
    for rank, offset in zip(ranks, (0, 5_000_000, -7_000_000), strict=True):
        rank.offset = offset
    ranks[1].base = 1_690_000_000_000_000_000
    ranks[1].offset += 10_000_000_000_000_000  # the same moment, counted from another base
    for _ in range(3):
        step_of_work(ranks, [1_000, 4_000, 2_000])
        all_reduce(ranks[:2], 1_000, group="a")
        all_reduce(ranks[1:], 1_000, group="b")
    found = laid(tmp_path, ranks)
    assert [each.offset_ns for each in found.clocks.offsets] == [0, 5_000_000, -7_000_000]


def test_a_rank_that_lost_what_its_clock_counts_from_is_tied_all_the_same(tmp_path: Path) -> None:
    """It comes last in the file, so that a file cut short lacks it."""
    ranks = job(3, host="one")
    ranks[1].base = None
    for _ in range(2):
        step_of_work(ranks, [1_001, 4_000, 2_000])
        all_reduce(ranks, 1_000)
    found = laid(tmp_path, ranks)
    assert [(each.clock, each.offset_ns) for each in found.clocks.offsets] == [
        ("one", 0),
        ("rank 1", -BASE),
    ]
    assert [each.last for each in found.late] == [1, 1]
    assert any("Only 2 of 3 ranks" in note for note in found.notes)


def test_a_clock_that_nothing_ties_is_not_compared(tmp_path: Path) -> None:
    ranks = job(4)
    step_of_work(ranks, [1_001, 2_002, 3_003, 4_004])
    all_reduce(ranks[:2], 1_000, group="a")
    all_reduce(ranks[2:], 1_000, group="b")
    found = laid(tmp_path, ranks)
    assert [each.offset_ns for each in found.clocks.offsets] == [0, 0, None, None]
    assert {each.group for each in found.late} == {"a"}
    assert any("no collective ties together" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(5))
def test_noise_stays_within_the_stated_residual(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    ranks = job(4)
    offsets = [0, 1_000_000, -50_000, 999]
    for rank, offset in zip(ranks, offsets, strict=True):
        rank.offset = offset
    for _ in range(40):
        step_of_work(ranks, [generator.randrange(1_000, 9_000) for _ in ranks])
        all_reduce(ranks, 5_000, jitter=[generator.randrange(0, 400) for _ in ranks])
    found = laid(tmp_path, ranks)
    residual = found.clocks.residual_ns
    assert residual is not None
    assert 0 < residual <= 400 + 100
    for each, offset in zip(found.clocks.offsets, offsets, strict=True):
        assert each.offset_ns is not None
        assert abs(each.offset_ns - offset) < residual
    assert found.clocks.offsets[0].offset_ns == 0  # the reference's own
    assert found.clocks.floor_ns == residual
    assert all(each.skew_ns > residual for each in found.late)


def test_nothing_below_the_floor_is_concluded(tmp_path: Path) -> None:
    """Ends 1,000 ns apart at random: a skew of 600 ns is no finding, one of 50,000 is."""
    ranks = job(2)
    for number in range(20):
        step_of_work(ranks, [1_000, 1_600] if number else [1_000, 51_000])
        all_reduce(ranks, 5_000, jitter=[1_000 * (number % 2), 1_000 * ((number + 1) % 2)])
    found = laid(tmp_path, ranks)
    assert found.clocks.residual_ns is not None
    assert found.clocks.residual_ns >= 1_000
    assert [each.last for each in found.late] == [1]


def test_whole_microseconds_are_no_finer_than_they_are(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_000, 3_000])
    all_reduce(ranks, 5_000)
    found = laid(tmp_path, ranks)
    assert found.clocks.floor_ns == 2_000
    assert found.late == ()


def test_a_group_that_is_not_all_there_names_no_last_one(tmp_path: Path) -> None:
    ranks = job(4, host="one")
    step_of_work(ranks, [1_001, 9_000, 2_000, 4_000])
    all_reduce(ranks, 5_000)
    write(tmp_path, ranks[:3])
    (found,) = jobs(measured(tmp_path))
    assert (found.missing, found.matched, found.incomplete) == ((3,), 1, 1)
    assert found.late == ()
    assert [row.waited_ns for row in found.ranks] == [None, None, None]
    assert any("1 of 4 ranks were not read: 3" in note for note in found.notes)


def test_recordings_that_begin_apart_are_shifted(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    for elements in (100, 200, 300, 400, 500):
        step_of_work(ranks, [1_001, 2_003])
        all_reduce(ranks, 1_000, elements=elements)
    kept = [each for each in ranks[1].events if each.args.get("In msg nelems") != 100]
    ranks[1].events = kept
    found = laid(tmp_path, ranks)
    assert (found.matched, found.unmatched) == (4, 1)
    assert any("began to record at another" in note for note in found.notes)
    assert {each.last for each in found.late} == {1}


def test_recorded_numbers_match_whatever_is_missing(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    for number in range(6):
        step_of_work(ranks, [1_001, 2_003])
        all_reduce(ranks, 1_000, sequence=number)
    ranks[1].events = [each for each in ranks[1].events if each.args.get("Seq") not in (0, 3)]
    found = laid(tmp_path, ranks)
    assert (found.matched, found.unmatched) == (4, 2)
    assert not any("shift" in note or "began" in note for note in found.notes)


def test_ranks_that_disagree_are_said(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_001, 2_003])
    all_reduce(ranks, 1_000, sequence=1)
    for rank in ranks:
        rank.events = [
            type(each)(
                each.category,
                each.name,
                each.pid,
                each.tid,
                each.start,
                each.end,
                {**each.args, "In msg nelems": 7 + rank.rank, "Out msg nelems": 7 + rank.rank}
                if "Seq" in each.args
                else each.args,
            )
            for each in rank.events
        ]
    found = laid(tmp_path, ranks)
    assert (found.matched, found.unmatched) == (0, 2)
    assert any("disagree" in note and "all_reduce 7" in note for note in found.notes)


def test_a_pipeline_has_bubbles_by_stage(tmp_path: Path) -> None:
    """1 waits in its receive while 0 computes, and idles 300 ns after it."""
    ranks = job(2, host="one")
    first, second = ranks
    begin = first.now
    first.run("gemm", 6_000)
    sent = first.now + 1_000
    send = call("send", [0, 1], group="pp", target=1)
    receive = call("recv", [0, 1], group="pp", source=0)
    first.communicate(first.now, sent, send, SEND_RECV)
    second.communicate(begin, sent, receive, SEND_RECV)
    second.run("gemm", 5_000, at=sent + 300)
    found = laid(tmp_path, ranks)
    assert [row.stage for row in found.ranks] == [0, 1]
    assert [row.bubble_ns for row in found.ranks] == [1_000, 7_300]
    assert [row.bubble_window_ns for row in found.ranks] == [7_000, 12_300]
    assert [each.bubble_share for each in found.stages] == [1_000 / 7_000, 7_300 / 12_300]
    assert found.stages[1].idle_share == 300 / 12_300
    (kind,) = found.kinds
    assert (kind.kind, kind.skew_ns, kind.transfer_ns) == ("send_recv", 6_000, 1_000)


def test_steps_say_for_whom_time_was_lost(tmp_path: Path) -> None:
    ranks = job(3, host="one")
    for number, durations in enumerate([(1_001, 9_000, 1_000), (1_000, 1_000, 31_000)]):
        begin = min(rank.now for rank in ranks) - 2_500
        step_of_work(ranks, durations)
        all_reduce(ranks, 1_000)
        for rank in ranks:
            rank.step(number, begin, rank.now - 2_500)
    found = laid(tmp_path, ranks)
    assert [(each.step, each.rank) for each in found.steps] == [
        ("ProfilerStep#0", 1),
        ("ProfilerStep#1", 2),
    ]
    assert [each.lost_ns for each in found.steps] == [7_999 + 8_000, 60_000]


def test_an_unusual_rank_is_named(tmp_path: Path) -> None:
    ranks = job(5, host="one")
    for rank in ranks:
        rank.run("gemm", 50_000)
        if rank.rank == 3:
            rank.now += 40_000
        rank.run("gemm", 50_000)
    found = laid(tmp_path, ranks)
    assert {each.rank for each in found.outliers} == {3}
    assert all(each.median < each.share for each in found.outliers if "idle" in each.state)


def test_the_order_in_which_ranks_come_does_not_matter(tmp_path: Path) -> None:
    ranks = job(3)
    for number in range(4):
        step_of_work(ranks, [1_001 * number, 2_000, 3_000])
        all_reduce(ranks, 1_000, jitter=[0, 17 * number, 40])
    results = measured(write(tmp_path, ranks))
    first = merge(results, 3)
    for order in permutations(results):
        assert merge(order, 3) == first


def test_ranks_are_taken_from_the_file_name_where_nothing_else_says_one(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_001, 2_003])
    all_reduce(ranks, 1_000)
    for rank in ranks:
        path = rank.write(tmp_path / f"run_rank-{rank.rank}_of_2.json")
        path.write_bytes(path.read_bytes().replace(b'"distributedInfo"', b'"nothing"'))
    (found,) = jobs(measured(tmp_path))
    assert [row.said_by for row in found.ranks] == ["file name", "file name"]
    assert found.world_size == 2
    assert any("file name (2)" in note for note in found.notes)


def test_duplicates_are_named_and_the_first_is_taken(tmp_path: Path) -> None:
    ranks = job(2, host="one")
    step_of_work(ranks, [1_001, 2_003])
    all_reduce(ranks, 1_000)
    write(tmp_path, ranks)
    ranks[1].write(tmp_path / "rank1-again.json")
    (found,) = jobs(measured(tmp_path))
    assert [Path(row.path).name for row in found.ranks] == ["rank0.json", "rank1-again.json"]
    assert any(
        "Rank 1 is there twice" in note and "rank1.json was not" in note for note in found.notes
    )


def test_two_jobs_in_one_folder_stay_two(tmp_path: Path) -> None:
    for size in (2, 3):
        ranks = job(size, host="one")
        step_of_work(ranks, range(1_001, 1_001 + size))
        all_reduce(ranks, 1_000)
        for rank in ranks:
            rank.write(tmp_path / f"job{size}-{rank.rank}.json")
    found = jobs(measured(tmp_path))
    assert [each.world_size for each in found] == [2, 3]
    assert all("2 jobs" in each.notes[0] for each in found)


def test_modes_of_one_rank_are_no_job(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rank = Rank(0, 1)
        rank.run("gemm", 1_000)
        rank.write(tmp_path / f"{name}.json")
    assert jobs(measured(tmp_path)) == ()


def test_the_report_of_a_job_is_as_published(tmp_path: Path) -> None:
    """A pipeline of two stages, of two ranks each, with an unusual one."""
    ranks = job(4)
    for number in range(3):
        begin = min(rank.now for rank in ranks) - 2_500
        step_of_work(ranks, [1_001, 90_000, 2_003, 3_000])
        all_reduce(ranks, 1_000)
        first, second = ranks[0], ranks[2]
        send = call("send", [0, 2], group="pp", target=2)
        receive = call("recv", [0, 2], group="pp", source=0)
        first.communicate(first.now, first.now + 900, send, SEND_RECV)
        second.communicate(second.now, second.now + 900, receive, SEND_RECV)
        ranks[3].run("beside", 50_000, stream=8, at=begin + 10_000)
        for rank in ranks:
            rank.step(number, begin, rank.now - 2_500)
            rank.now += 5_000
    write(tmp_path, ranks)
    found = json.loads(json.dumps(report([tmp_path], reading=Reading(cached=False)).to_json()))
    validator = Draft202012Validator(schema())
    assert list(validator.iter_errors(found)) == []
    (plain,) = found["jobs"]
    always = [key for key in plain if key not in ("missing", "incomplete", "unmatched")]
    assert [key for key in always if not plain[key]] == []
    of_job = Draft202012Validator({"$ref": "#/$defs/job", "$defs": schema()["$defs"]})
    lists = [value[0] for value in plain.values() if of_objects(value)]
    for holder in (plain, plain["clocks"], *lists):
        for key in list(holder):
            value = holder.pop(key)
            assert not of_job.is_valid(plain), key
            holder[key] = value
            assert of_job.is_valid(plain)


def of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def test_a_rank_that_cannot_be_read_is_a_failure_and_a_gap(tmp_path: Path) -> None:
    ranks = job(3, host="one")
    step_of_work(ranks, [1_001, 9_000, 2_000])
    all_reduce(ranks, 5_000)
    write(tmp_path, ranks)
    (tmp_path / "rank2.json").write_bytes(b"not a trace")
    found = report([tmp_path], reading=Reading(cached=False))
    assert [Path(each.path).name for each in found.failures] == ["rank2.json"]
    assert found.jobs[0].missing == (2,)
    with pytest.raises(TraceError):
        report([tmp_path / "rank2.json"])
