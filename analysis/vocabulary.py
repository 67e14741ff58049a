"""What the names in a trace mean: calls that block, graph launches, classes of work.

Functions take the table of names and answer for each of them, so that a trace
of a million events asks once per distinct name.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import NONE, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STEP_RANGE = "overlap.step"
"""The name that `profiling` gives to one step of the workload."""

BRANCH_RANGE = "overlap.branch "
"""What the names that `profiling` gives to branches begin with."""

STREAM_WAIT = "Stream Wait Event"
"""Kineto's name for a recorded wait of one stream for another."""

MODULE = "nn.Module: "
"""What the profiler writes before the name of a module, among the frames of Python."""

PROFILER_STEP = "ProfilerStep#"
"""The prefix of torch.profiler's own marks."""


class WorkClass(enum.IntEnum):
    """The kind of work an activity does; the order is that of their names."""

    COMMUNICATION = 0
    COMPUTE = 1
    COPY = 2
    SET = 3

    @property
    def label(self) -> str:
        """Return the name used in reports."""
        return self.name.lower()


# Kernels of communication libraries (NCCL, RCCL, NVSHMEM, oneCCL, MSCCL++, DeepEP), then the
# all-reduce kernels of vLLM, SGLang, FlashInfer, TensorRT-LLM, AITER and PyTorch's symmetric
# memory, and the user buffers of TensorRT-LLM and Transformer Engine. Of each the kernel's own
# name is asked for: a bare "all_reduce" may be in the name of anything.
_COMMUNICATION = re.compile(
    r"nccl|rccl|nvshmem|oneccl_|mscclpp::(collective::|all|executionKernel)"
    r"|deep_ep::(intra|inter)node|moea2a(dispatch|combine)kernel"
    r"|cross_device_(reduce|store)|custom_all_reduce|(one|two)_?shot_?all_?reduce"
    r"|all_?reduce_fusion_kernel|quick_?reduce|multimem_(all|one_shot)|userbuffers_",
    re.IGNORECASE,
)
_FUSED = re.compile(r"triton_[a-z]+_fused_")
"""Kernels that torch.compile names after the operators beside them, collectives as well."""
_HOST_COLLECTIVE = re.compile(r"(nccl|gloo|mpi|ucc):")
_C10D_OPERATOR = re.compile(r"c10d::")
_API = ("cu", "hip", "mu", "ur", "ze")
"""What the calls begin with: CUDA's, HIP's, MUSA's, those of Unified Runtime and of Level Zero."""
_LONGEST = 1 << 16
"""Characters of a name that are looked at: templates have thousands, a hostile trace millions."""
_SUFFIX = re.compile(r"(_v\d+|_ptsz|_ptds|_spt)+$")
_SYNCHRONISE = re.compile(
    r"(cuda|hip|musa)(Device|Stream|Event)Synchronize|(cu|mu)(Ctx|Stream|Event)Synchronize"
    r"|ze(Event|Fence|CommandList)HostSynchronize|zeCommandQueueSynchronize"
    r"|urEventWait|urQueueFinish"
)
_BLOCKING_COPY = re.compile(
    r"hipMemcpyWithStream|(cuda|hip)Memcpy(?!.*Async)\w*|cuMemcpy(?!.*Async)\w*"
)
_BLOCKING_SET = re.compile(r"((cuda|hip)Memset|cuMemset)(?!.*Async)\w*")
_FREE = re.compile(r"cudaFree|hipFree")
_WAIT_EVENT = re.compile(r"(cuda|hip)StreamWaitEvent|cuStreamWaitEvent")
_GRAPH_LAUNCH = re.compile(r"(cuda|hip)GraphLaunch|cuGraphLaunch")
_LAUNCH = re.compile(r".*Launch\w*|\w*(Memcpy|Memset)\w*")
_PAGEABLE = re.compile(r".*Pageable.*")
_ACCELERATOR_SIGN = re.compile(
    r"(cuda|hip)[A-Z]|cu[A-Z]|(nccl|rccl):|aten::_?record_stream|aten::_?pin_memory"
)
_SCOPE = re.compile(r"forward|<.*>")
_RANGE_NOT = re.compile(r".*::|\w+Backward\d*$")
_CONTAINER_NOT = re.compile(r".*::|Torch-Compiled Region|## Call|Call CompiledFxGraph")


def work_class(
    roles: NDArray[np.int8], names: Sequence[str], code: NDArray[np.int32]
) -> NDArray[np.int8]:
    """Return the `WorkClass` of activities, given their roles and name codes."""
    collective = communicates(names)[code]
    kernel = np.where(collective, WorkClass.COMMUNICATION, WorkClass.COMPUTE)
    return np.select(
        [roles == Role.MEMCPY, roles == Role.MEMSET],
        [WorkClass.COPY, WorkClass.SET],
        kernel,
    ).astype(np.int8)


def communicates(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which kernels are collectives, or send and receive."""
    return _found(_COMMUNICATION, names) & ~_started(_FUSED, names)


def is_kernel(work: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Tell which activities are kernels, given their `WorkClass`."""
    kernel: NDArray[np.bool_] = (work == WorkClass.COMPUTE) | (work == WorkClass.COMMUNICATION)
    return kernel


def synchronises(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls return only when earlier device work is done."""
    return _called(_SYNCHRONISE, names)


def blocks(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls keep the host waiting for the device."""
    return (
        synchronises(names)
        | copies_synchronously(names)
        | _called(_BLOCKING_SET, names)
        | _called(_FREE, names)
    )


def copies_synchronously(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls are copies that return when they are done."""
    return _called(_BLOCKING_COPY, names)


def launches_graph(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls replay a whole graph."""
    return _called(_GRAPH_LAUNCH, names)


def launches(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls put work on a device."""
    return _whole(_LAUNCH, names)


def waits_on_event(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which runtime calls make a stream wait for an event."""
    return _called(_WAIT_EVENT, names)


def makes_stream_wait(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which synchronisation rows make a stream, not the host, wait."""
    return np.fromiter((name == STREAM_WAIT for name in names), np.bool_, len(names))


def pageable(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which copies go through memory that the host must stage."""
    return _whole(_PAGEABLE, names)


def host_collective(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which annotations are c10d's marks of a collective on the host."""
    return _started(_HOST_COLLECTIVE, names)


def c10d_operator(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which operators are collectives."""
    return _started(_C10D_OPERATOR, names)


def may_be_container(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which operators only hold others together (a TorchScript function, say).

    Real operators carry a namespace; compiled regions have none, yet do work of their own.
    """
    return ~_started(_CONTAINER_NOT, names)


def may_be_range(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which operators may be ranges, which torch before 1.11 writes as operators."""
    return ~_started(_RANGE_NOT, names)


def scope(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which operators are TorchScript functions: they do no work of their own."""
    return _whole(_SCOPE, names)


def accelerator_sign(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which host events occur only where an accelerator is in use."""
    return _started(_ACCELERATOR_SIGN, names)


def profiler_step(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which annotations are torch.profiler's steps."""
    return np.fromiter((name.startswith(PROFILER_STEP) for name in names), np.bool_, len(names))


def own_step(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which annotations are the recorder's steps."""
    return np.fromiter((name == STEP_RANGE for name in names), np.bool_, len(names))


def module(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which Python frames are calls of modules."""
    return np.fromiter((name.startswith(MODULE) for name in names), np.bool_, len(names))


def module_name(frame: str) -> str:
    """Return what the frame of a module's call calls the module."""
    return frame.removeprefix(MODULE)


def branch(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which annotations are the recorder's branches."""
    return np.fromiter((name.startswith(BRANCH_RANGE) for name in names), np.bool_, len(names))


def namespaced(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which operators are of the dispatcher, or of autograd: those that have a namespace."""
    return np.fromiter(("::" in name for name in names), np.bool_, len(names))


def branch_number(names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the branch that the recorder's annotations mark, else -1."""
    numbers = (name.removeprefix(BRANCH_RANGE) for name in names)
    marks = branch(names).tolist()
    return np.fromiter(
        (
            int(number) if mark and number.isascii() and number.isdigit() else NONE
            for mark, number in zip(marks, numbers, strict=True)
        ),
        np.int64,
        len(names),
    )


def _called(pattern: re.Pattern[str], names: Sequence[str]) -> NDArray[np.bool_]:
    """Match whole names of API calls, whatever variant suffix they carry."""
    return np.fromiter(
        (
            name.startswith(_API)
            and pattern.fullmatch(_SUFFIX.sub("", name[:_LONGEST])) is not None
            for name in names
        ),
        np.bool_,
        len(names),
    )


def _whole(pattern: re.Pattern[str], names: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter(
        (pattern.fullmatch(name, 0, _LONGEST) is not None for name in names), np.bool_, len(names)
    )


def _started(pattern: re.Pattern[str], names: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter(
        (pattern.match(name, 0, _LONGEST) is not None for name in names), np.bool_, len(names)
    )


def _found(pattern: re.Pattern[str], names: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter(
        (pattern.search(name, 0, _LONGEST) is not None for name in names), np.bool_, len(names)
    )
