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


@pytest.mark.parametrize(
    ("category", "args", "expected"),
    [
        ("kernel", '{"graph id":3,"graph node id":12884901893}', [(3, 5)]),
        ("gpu_memset", '{"graph id":3,"graph node id":5}', [(3, 5)]),
        ("kernel", '{"graph id":0,"graph node id":0}', []),
        ("kernel", '{"graph id":3}', []),
        ("kernel", '{"graph id":"3","graph node id":5}', []),
        ("cpu_op", '{"graph id":3,"graph node id":5}', []),
    ],
)
def test_nodes_of_graphs(
    load_bytes: Callable[..., Trace],
    category: str,
    args: str,
    expected: list[tuple[int, int]],
) -> None:
    """A node's id is the lower half of the number that the profiler gives it."""
    found = load_bytes(document(event(), event(cat=f'"{category}"', args=args))).graph_nodes
    pairs = list(zip(found.graph.tolist(), found.node.tolist(), strict=True))
    assert pairs == expected
    assert found.row.tolist() == [1] * len(expected)


def _graph(nodes: str) -> bytes:
    said = f'"cuda_graphs":[{{"exec_graph_id":9,"nodes":[{nodes}]}}]'.encode()
    return document(event()).replace(b'"traceEvents"', said + b',"traceEvents"', 1)


def test_edges_of_graphs(load_bytes: Callable[..., Trace]) -> None:
    """Dependencies are places in the list of nodes; ids may be whole tools ids."""
    nodes = (
        '{"node_id":4,"dependencies":[]}',
        '{"node_id":38654705670,"kernel_name":"k","dependencies":[0]}',
        '{"node_id":8,"dependencies":[0,1],"dependents":[]}',
    )
    found = load_bytes(_graph(",".join(nodes))).graphs[9]
    assert found.nodes == (4, 6, 8)
    assert found.edges == ((4, 6), (4, 8), (6, 8))


@pytest.mark.parametrize(
    "nodes",
    [
        '{"node_id":4,"dependencies":[1]}',
        '{"node_id":4,"dependencies":[-1]}',
        '{"node_id":4}',
        '{"node_id":4,"dependencies":[]},{"node_id":4,"dependencies":[]}',
        '{"node_id":4,"dependencies":["0"]}',
    ],
)
def test_a_graph_that_is_not_whole_is_none(load_bytes: Callable[..., Trace], nodes: str) -> None:
    assert load_bytes(_graph(nodes)).graphs == {}
