"""What becomes of the text under each key of a trace; of other keys not even the name stays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from analysis.anonymize import words
from analysis.anonymize.models import MODELS
from analysis.anonymize.naming import kernel

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection

    from analysis.anonymize.pseudonyms import Pseudonyms

    Rule = Callable[[Pseudonyms, str], str]


def _of(kind: str, pseudonyms: Pseudonyms, text: str) -> str:
    return pseudonyms.of(kind, text) if text else text


def _matching(pattern: re.Pattern[str], kind: str, pseudonyms: Pseudonyms, text: str) -> str:
    return text if pattern.fullmatch(text) else _of(kind, pseudonyms, text)


def _among(known: Collection[str], kind: str, pseudonyms: Pseudonyms, text: str) -> str:
    return text if text in known else _of(kind, pseudonyms, text)


def _lane(pseudonyms: Pseudonyms, text: str) -> str:
    if text in words.LANES or words.LANE.fullmatch(text) or words.NUMBER.fullmatch(text):
        return text
    return _of("lane", pseudonyms, text)


def _stack(pseudonyms: Pseudonyms, text: str) -> str:
    frames = text.split(";")
    return ";".join(_of("frame", pseudonyms, frame.strip()) for frame in frames)


def _group(pseudonyms: Pseudonyms, text: str) -> str:
    if text in words.GROUPS or words.NUMBER.fullmatch(text):
        return text
    return _of("group", pseudonyms, text)


def _label(pseudonyms: Pseudonyms, text: str) -> str:
    """The `name` of a process or a thread, or a label."""
    if words.INTERPRETER.fullmatch(text) or words.LANE.fullmatch(text.strip()):
        return text
    if found := words.THREAD_NAME.match(text):
        rest = text[found.end() :].strip("() ")
        known = not rest or words.INTERPRETER.fullmatch(rest)
        return text if known else f"{found[1]} ({_of('thread name', pseudonyms, rest)})"
    return _matching(words.LABEL, "process name", pseudonyms, text)


def _model(pseudonyms: Pseudonyms, text: str) -> str:
    """A device, whose model is public where every word of it is."""
    parts = text.split()
    if all(part in MODELS or words.MODEL_SIZE.fullmatch(part) for part in parts):
        return text
    return _of("device", pseudonyms, text)


def _category(pseudonyms: Pseudonyms, text: str) -> str:
    return text if text in words.CATEGORIES else _of("category", pseudonyms, text)


Document = dict[str, "Rule | Document"]
"""What becomes of the text under each key of an object, or the keys of the object there."""

number: Rule = partial(_matching, words.NUMBER, "text")
version: Rule = partial(_matching, words.VERSION, "text")
text: Rule = partial(_of, "text")

EVENT: Document = {
    "ph": partial(_among, words.PHASES, "phase"),
    "cat": _category,
    "pid": _lane,
    "tid": _lane,
    "id": number,
    "ts": number,
    "dur": number,
    "s": partial(_among, words.SCOPES, "scope"),
    "bp": partial(_among, words.SCOPES, "scope"),
}
"""Keys of an event but `name` and `args`, with what becomes of their text."""

_NUMBERS = [
    "Addr",
    "Bytes",
    "bytes",
    "Device Id",
    "Device Type",
    "Ev Idx",
    "External id",
    "external id",
    "Fwd thread id",
    "Global rank start",
    "Global rank stride",
    "Group size",
    "In msg nelems",
    "Out msg nelems",
    "Op count",
    "Process Group ID",
    "Profiler Event Index",
    "Python id",
    "Python module id",
    "Python parent id",
    "Python thread",
    "Rank",
    "Src Rank",
    "Dst Rank",
    "Seq",
    "Record function id",
    "Sequence number",
    "Total Allocated",
    "Total Reserved",
    "Trace iteration",
    "Collective id",
    "blocks per SM",
    "cbid",
    "cid",
    "context",
    "correlation",
    "device",
    "dst",
    "src",
    "ptr",
    "size",
    "est. achieved occupancy %",
    "finished",
    "graph id",
    "graph node id",
    "memory bandwidth (GB/s)",
    "num_stages",
    "num_warps",
    "pid",
    "tid",
    "queue",
    "queued",
    "registers per thread",
    "shared memory",
    "sort_index",
    "stream",
    "wait_on_stream",
    "wait_on_cuda_event_id",
    "wait_on_cuda_event_record_corr_id",
    "warps per SM",
    "priority",
    "channel",
    "Input Dims",
    "Input Strides",
    "flops",
    "flow_id",
    "Flops",
]

ARGS: Document = {
    **dict.fromkeys(_NUMBERS, number),
    "Call stack": _stack,
    "Collective name": partial(_matching, words.COLLECTIVE, "collective"),
    "Concrete Inputs": partial(_matching, words.SCALAR, "input"),
    "Process Group Description": _group,
    "Process Group Name": _group,
    "Process Group Ranks": partial(_matching, words.NUMBERS, "text"),
    "In split size": partial(_matching, words.NUMBERS, "text"),
    "Out split size": partial(_matching, words.NUMBERS, "text"),
    "Input type": partial(_matching, words.TYPE, "type"),
    "Module Hierarchy": partial(_of, "module"),
    "Trace name": partial(_among, words.OTHER_NAMES, "name"),
    "backend": partial(_matching, words.BACKENDS, "backend"),
    "block": partial(_matching, words.EXTENTS, "text"),
    "grid": partial(_matching, words.EXTENTS, "text"),
    "cuda_sync_kind": partial(_among, words.SYNCS, "sync"),
    "dtype": partial(_matching, words.TYPE, "type"),
    "kernel": kernel,
    "kernel_backend": partial(_among, ("triton",), "backend"),
    "kernel_file": partial(_of, "file"),
    "kernel_hash": partial(_of, "hash"),
    "kernel_kwargs": text,
    "kernel_name": kernel,
    "kind": lambda pseudonyms, said: (
        said
        if words.NUMBER.fullmatch(said)
        else _among(words.KIND_OF_WORK, "text", pseudonyms, said)
    ),
    "labels": _label,
    "name": _label,
}
"""Keys of an event's `args`."""

_FLAGS = [
    "schemaVersion",
    "baseTimeNanoseconds",
    "record_shapes",
    "with_stack",
    "with_flops",
    "with_modules",
    "profile_memory",
    "cupti_version",
    "cuda_runtime_version",
    "cuda_driver_version",
    "hip_runtime_version",
    "hip_driver_version",
]
_DEVICE = [
    "id",
    "totalGlobalMem",
    "computeMajor",
    "computeMinor",
    "maxThreadsPerBlock",
    "maxThreadsPerMultiprocessor",
    "regsPerBlock",
    "regsPerMultiprocessor",
    "warpSize",
    "sharedMemPerBlock",
    "sharedMemPerMultiprocessor",
    "numSms",
    "sharedMemPerBlockOptin",
    "maxSharedMemoryPerMultiProcessor",
]
_JOB = [
    "rank",
    "world_size",
    "pg_count",
    "pg_size",
    "ranks",
    "group_size",
    "group_count",
]
_GRAPH = [
    "exec_graph_id",
    "graph_id",
    "nodes",
    "node_id",
    "dependencies",
    "type",
    "num_nodes",
]

DOCUMENT: Document = {
    **dict.fromkeys(_FLAGS, number),
    "displayTimeUnit": partial(_among, ("ms", "ns"), "text"),
    "roctracer_version": version,
    "host_name": partial(_of, "host"),
    "hostname": partial(_of, "host"),
    "trace_id": partial(_of, "trace id"),
    "traceName": partial(_of, "file"),
    "username": partial(_of, "user"),
    "INFO": text,
    "WARNING": text,
    "ERROR": text,
    "deviceProperties": {**dict.fromkeys(_DEVICE, number), "name": _model},
    "distributedInfo": {
        **dict.fromkeys(_JOB, number),
        "backend": partial(_matching, words.BACKENDS, "backend"),
        "nccl_version": version,
        "pg_config": {
            **dict.fromkeys(_JOB, number),
            "pg_name": _group,
            "pg_desc": _group,
            "backend_config": partial(_matching, words.BACKENDS, "backend"),
            "backend": partial(_matching, words.BACKENDS, "backend"),
        },
    },
    "cuda_graphs": dict.fromkeys(_GRAPH, number),
}
"""Keys of the document around the events, and of the objects in it."""
