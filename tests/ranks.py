"""Synthetic jobs: traces of ranks with known lateness, clock offsets and bubbles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.builders import Event, annotation, kernel, launch, write_trace

GAP = 1_000
"""Time between a kernel and the next one on its stream, in ns."""
BASE = 1_700_000_000_000_000_000


@dataclass
class Rank:
    """One rank of a synthetic job, and its events on the job's own clock."""

    rank: int
    world: int
    offset: int = 0
    host: str | None = None
    base: int | None = BASE
    now: int = 10_000_000
    events: list[Event] = field(default_factory=list)
    correlation: int = 0

    def run(self, name: str, duration: int, *, stream: int = 7, at: int | None = None) -> None:
        """Let a kernel run, by default as soon as the rank's time has come."""
        start = self.now if at is None else at
        self._launched(kernel(name, start, start + duration, stream=stream))
        self.now = max(self.now, start + duration)

    def communicate(
        self,
        start: int,
        end: int,
        args: Mapping[str, object],
        name: str,
        stream: int = 20,
    ) -> None:
        made = kernel(name, start, end, stream=stream)
        self._launched(replace(made, args={**made.args, **args}))

    def step(self, number: int, begin: int, end: int) -> None:
        self.events.append(annotation(f"ProfilerStep#{number}", begin, end))

    def _launched(self, event: Event) -> None:
        self.correlation += 1
        args = {**event.args, "correlation": self.correlation}
        begin = event.start - 2_000
        self.events += [
            launch(begin, begin + 1_000, correlation=self.correlation),
            replace(event, args=args),
        ]

    def header(self) -> dict[str, object]:
        found: dict[str, object] = {
            "distributedInfo": {"backend": "nccl", "rank": self.rank, "world_size": self.world}
        }
        if self.base is not None:
            found["baseTimeNanoseconds"] = self.base
        if self.host is not None:
            found["hostname"] = self.host
        return found

    def write(self, path: Path) -> Path:
        """Write the trace on the rank's own clock, which is ahead by its offset."""
        events = [
            replace(event, start=event.start + self.offset, end=event.end + self.offset)
            for event in self.events
        ]
        return write_trace(path, events, header=self.header())


def call(
    name: str,
    ranks: Sequence[int],
    *,
    group: str = "0",
    elements: int = 1_000,
    outputs: int | None = None,
    sequence: int | None = None,
    source: int | None = None,
    target: int | None = None,
) -> dict[str, object]:
    """The arguments that a kernel of NCCL carries."""
    found: dict[str, object] = {
        "Collective name": name,
        "Process Group Name": group,
        "Process Group Ranks": str(list(ranks)),
        "Group size": len(ranks),
        "In msg nelems": elements,
        "Out msg nelems": elements if outputs is None else outputs,
        "dtype": "Float",
    }
    extra = {"Seq": sequence, "Src Rank": source, "Dst Rank": target}
    return found | {key: value for key, value in extra.items() if value is not None}


ALL_REDUCE = "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
SEND_RECV = "ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)"


def all_reduce(
    ranks: Sequence[Rank],
    transfer: int,
    *,
    group: str = "0",
    elements: int = 1_000,
    jitter: Sequence[int] = (),
    sequence: int | None = None,
) -> None:
    """Each rank arrives at its own time; all end `transfer` after the last of them."""
    args = call(
        "allreduce",
        [each.rank for each in ranks],
        group=group,
        elements=elements,
        sequence=sequence,
    )
    end = max(each.now for each in ranks) + transfer
    for place, each in enumerate(ranks):
        late = jitter[place] if jitter else 0
        each.communicate(each.now, end + late, args, ALL_REDUCE)
        each.now = end + GAP


def job(size: int, **options: object) -> list[Rank]:
    return [Rank(rank, size, **options) for rank in range(size)]  # type: ignore[arg-type]
