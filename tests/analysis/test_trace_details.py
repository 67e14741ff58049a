"""What only a few kinds of events say: streams of others, awaited events, bandwidths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.analysis.raw import document, event

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis import Trace


def test_position_counts_events_of_all_kinds(load_bytes: Callable[..., Trace]) -> None:
    trace = load_bytes(document(event(ph='"M"'), event(), event(ph='"s"'), event(ts="9")))
    assert trace.events.position.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("category", "args", "stream"),
    [
        ("cuda_sync", '{"stream":7}', "7"),
        ("cuda_sync", '{"stream":-1}', None),
        ("cuda_sync", '{"stream":[7]}', None),
        ("cuda_sync", None, None),
        ("cpu_op", '{"stream":0}', "0"),
        ("cuda_runtime", '{"stream":"0x0"}', "0x0"),
    ],
)
def test_streams_that_others_than_activities_name(
    load_bytes: Callable[..., Trace], category: str, args: str | None, stream: str | None
) -> None:
    trace = load_bytes(document(event(), event(cat=f'"{category}"', args=args)))
    code = trace.events.stream[1]
    assert (None if code == -1 else trace.events.streams[code]) == stream


def test_awaited_events_of_synchronisation_rows(load_bytes: Callable[..., Trace]) -> None:
    both = '{"wait_on_stream":7,"wait_on_cuda_event_record_corr_id":30}'
    neither = '{"wait_on_stream":-1,"wait_on_cuda_event_record_corr_id":-1}'
    record = '{"wait_on_cuda_event_record_corr_id":31,"wait_on_stream":"7"}'
    trace = load_bytes(
        document(
            event(args=both),
            *(event(cat='"cuda_sync"', args=args) for args in (neither, both, record, None)),
        )
    )
    found = trace.synchronisations
    assert found.row.tolist() == [2, 3]
    assert [trace.events.streams[code] for code in found.on_stream[:1]] == ["7"]
    assert found.on_stream[1] == -1
    assert found.record.tolist() == [30, 31]


@pytest.mark.parametrize(
    ("category", "value", "expected"),
    [
        ("gpu_memcpy", "12.5", [12.5]),
        ("gpu_memset", "12", [12.0]),
        ("gpu_memcpy", '"12"', []),
        ("gpu_memcpy", "-1.0", []),
        ("gpu_memcpy", "1" + "0" * 400, []),
        ("kernel", "12.5", []),
    ],
)
def test_bandwidths_of_transfers(
    load_bytes: Callable[..., Trace], category: str, value: str, expected: list[float]
) -> None:
    args = f'{{"stream":7,"memory bandwidth (GB/s)":{value}}}'
    found = load_bytes(document(event(cat=f'"{category}"', args=args))).transfers
    assert found.bandwidth.tolist() == expected
    assert found.row.tolist() == [0] * len(expected)
