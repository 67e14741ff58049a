"""Two ranks of a real job: what HTA says of them, beside ours, and why they differ."""

from __future__ import annotations

import pytest

from analysis import load
from analysis.fleet.communication import communication
from analysis.reporting import report
from analysis.trace import Reading
from tests.shared import ABSENT, TRACES

pytest.importorskip("hta", reason="needs the hta extra")

PATHS = [TRACES / f"hta-two-ranks-{rank}.json.gz" for rank in (0, 1)]
pytestmark = pytest.mark.skipif(not all(path.is_file() for path in PATHS), reason=ABSENT)


@pytest.mark.parametrize("with_last", [True, False])
def test_hidden_communication_is_htas_where_it_keeps_the_last_step(*, with_last: bool) -> None:
    from analysis.hta import trace_analysis  # noqa: PLC0415 - an extra
    from analysis.hta.quiet import quiet  # noqa: PLC0415 - as above

    traces = [load(path) for path in PATHS]
    analysis = trace_analysis(traces, include_last_profiler_step=with_last)
    with quiet():
        theirs = analysis.get_comm_comp_overlap(visualize=False)
    shares = dict(zip(theirs["rank"], theirs["comp_comm_overlap_pctg"], strict=True))
    for rank, trace in enumerate(traces):
        table = communication(trace)
        ours = 100 * table.hidden.sum() / (table.end - table.start).sum()
        # It drops the last step unless told not to: part of the time, another share.
        assert bool(abs(shares[rank] - ours) <= 0.005) is with_last


def test_stragglers_need_to_know_who_meets_whom() -> None:
    """HTA names both ranks late, by the order of sends to peers that the trace does not name."""
    from analysis.hta import trace_analysis  # noqa: PLC0415 - an extra
    from analysis.hta.quiet import quiet  # noqa: PLC0415 - as above

    with quiet():
        stragglers = trace_analysis([load(path) for path in PATHS]).get_potential_stragglers()
    assert sorted(stragglers) == [0, 1]
    (job,) = report(PATHS, reading=Reading(cached=False)).jobs
    assert (job.world_size, len(job.missing), job.matched) == (128, 126, 0)
    assert job.unmatched == 20
    assert [row.waited_ns for row in job.ranks] == [None, None]
    assert job.late == ()
