"""A host and a device that work by the replay's rules, walked through nanosecond by nanosecond.

Nothing here knows of clocks, shifts or maxima of sums: at every nanosecond each thread and
each queued activity looks whether it may go on. What it did is rendered as a trace; what it
would have done with a constraint removed is what a ceiling has to predict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.builders import (
    Event,
    annotation,
    copy,
    fill,
    kernel,
    launch,
    record_call,
    runtime,
    stream_wait,
    wait_call,
)

NO_BRANCH = -1


@dataclass(frozen=True)
class Lag:
    """The latencies of one kind of activity, in ns."""

    launch: int
    own: int
    other: int


@dataclass(frozen=True)
class Speeds:
    """All latencies: `Lag` by kind, and that of a call that returns."""

    lags: dict[str, Lag]
    to_return: int


@dataclass(frozen=True)
class Work:
    """The host does something for a while."""

    length: int


@dataclass(frozen=True)
class Launch:
    """A call that launches activities of one stream: several for a graph.

    `kind` is one of those of `Speeds`; a blocking copy returns when it has ended.
    """

    kind: str
    stream: int
    call: int
    lengths: tuple[int, ...]
    branch: int = NO_BRANCH
    occurrence: int = 0


@dataclass(frozen=True)
class Sync:
    """A call that waits for a stream, or for all."""

    stream: int | None


@dataclass(frozen=True)
class Record:
    """A call that records an event on a stream."""

    stream: int
    event: int


@dataclass(frozen=True)
class Wait:
    """A call that makes the next launch on a stream wait for another stream's event."""

    stream: int
    event: int


Instruction = Work | Launch | Sync | Record | Wait

BLOCKING = "in blocking call"
GRAPH = "kernel in graph"
CALLED = {
    "copy": "cudaMemcpyAsync",
    "set": "cudaMemsetAsync",
    BLOCKING: "cudaMemcpy",
    GRAPH: "cudaGraphLaunch",
}
LENGTH = 1
"""Of calls that only record or wait for events, in ns."""


@dataclass
class Activity:
    """One activity, as it goes."""

    by: Launch
    length: int
    call: tuple[int, int]  # thread and place of its instruction
    begun: int  # the launch's begin
    returned: int | None = None  # and its end, once that is known
    awaits: list["Activity"] = field(default_factory=list)
    start: int | None = None

    @property
    def end(self) -> int | None:
        return None if self.start is None else self.start + self.length


@dataclass
class Machine:
    """Threads of instructions and one device.

    `host` False: all is launched at time 0, and nobody waits. `branches` True: what is
    launched in different branches does not wait for its place on a stream.
    """

    threads: Sequence[Sequence[Instruction]]
    speeds: Speeds
    host: bool = True
    branches: bool = False
    activities: list[Activity] = field(default_factory=list)
    calls: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def run(self) -> "Machine":
        recorded: dict[int, list[Activity]] = {}
        armed: dict[int, list[Activity]] = {}
        place = [0] * len(self.threads)
        begun: list[int | None] = [None] * len(self.threads)
        now = 0
        while now < 100_000:
            moved = True
            while moved:
                moved = self._device(now)
                for number, thread in enumerate(self.threads):
                    if place[number] == len(thread):
                        continue
                    instruction = thread[place[number]]
                    at = (number, place[number])
                    begin = begun[number]
                    if begin is None:
                        begin = begun[number] = now
                        self._begin(instruction, at, now, recorded, armed)
                        moved = True
                    if self._over(instruction, at, begin, now):
                        self.calls[at] = (begin, now)
                        place[number] += 1
                        begun[number] = None
                        moved = True
            done = all(p == len(t) for p, t in zip(place, self.threads, strict=True))
            if done and all(a.start is not None for a in self.activities):
                return self
            now += 1
        raise AssertionError("the machine hangs")

    def _begin(
        self,
        instruction: Instruction,
        at: tuple[int, int],
        now: int,
        recorded: dict[int, list[Activity]],
        armed: dict[int, list[Activity]],
    ) -> None:
        if isinstance(instruction, Launch):
            sources = armed.pop(instruction.stream, [])
            for nth, length in enumerate(instruction.lengths):
                made = Activity(instruction, length, at, now)
                made.awaits = sources if nth == 0 else []
                self.activities.append(made)
        elif isinstance(instruction, Record):
            recorded[instruction.event] = [
                a for a in self.activities if a.by.stream == instruction.stream
            ]
        elif isinstance(instruction, Wait):
            held = armed.get(instruction.stream, [])
            others = [a for a in recorded[instruction.event] if a.by.stream != instruction.stream]
            armed[instruction.stream] = held + others

    def _number(self, at: tuple[int, int]) -> int:
        return 1 + at[0] * 1000 + at[1]

    def _over(self, instruction: Instruction, at: tuple[int, int], begin: int, now: int) -> bool:
        if isinstance(instruction, Launch):
            return self._launched(instruction, at, begin, now)
        if not self.host:
            return True
        if isinstance(instruction, Sync):
            waited = [
                a
                for a in self.activities
                if a.begun < begin and instruction.stream in (None, a.by.stream)
            ]
            return now >= begin + self.speeds.to_return and self._returns(waited, now)
        return now >= begin + (instruction.length if isinstance(instruction, Work) else LENGTH)

    def _launched(self, by: Launch, at: tuple[int, int], begin: int, now: int) -> bool:
        own = [a for a in self.activities if a.call == at]
        if self.host and by.kind == BLOCKING:
            return self._returns(own, now)
        if self.host and now < begin + by.call:
            return False
        for each in own:
            each.returned = now
        return True

    def _returns(self, waited: list[Activity], now: int) -> bool:
        return all(a.end is not None and now >= a.end + self.speeds.to_return for a in waited)

    def _device(self, now: int) -> bool:
        moved = False
        for index, activity in enumerate(self.activities):
            if activity.start is None and self._may_start(index, activity, now):
                activity.start = now
                moved = True
        return moved

    def _may_start(self, index: int, activity: Activity, now: int) -> bool:
        lag = self.speeds.lags[activity.by.kind]
        if self.host:
            early = activity.by.kind in (BLOCKING, GRAPH)
            let_go = activity.begun if early else activity.returned
            if let_go is None or now < let_go + lag.launch:
                return False
        lane = [a for a in self.activities[:index] if a.by.stream == activity.by.stream]
        before = [a for k, a in enumerate(lane) if not self._apart([*lane, activity], k)]
        own = all(a.end is not None and now >= a.end + lag.own for a in before)
        return own and all(a.end is not None and now >= a.end + lag.other for a in activity.awaits)

    def _apart(self, lane: list[Activity], place: int) -> bool:
        """Whether the last of a lane need not wait for the one at a place."""
        first, last = lane[place].by, lane[-1].by
        if not self.branches or first.branch == last.branch:
            return False
        # Between the two lies no work of no branch, and no branch begins anew in their group.
        opened: dict[int, int] = {}
        group = 0
        groups = []
        for each in lane:
            now, which = each.by.branch, each.by.occurrence
            mixed = bool(opened) and (now == NO_BRANCH) != (NO_BRANCH in opened)
            if mixed or opened.get(now, which) != which:
                opened = {}
                group += 1
            opened[now] = which
            groups.append(group)
        return groups[place] == groups[-1]

    @property
    def begin(self) -> int:
        return min(a.start for a in self.activities if a.start is not None)

    @property
    def window(self) -> int:
        return max(a.end for a in self.activities if a.end is not None) - self.begin

    def trace(self) -> list[Event]:
        """Render what happened, with everything recorded that a trace can hold."""
        events = [event for at in self.calls for event in self._rows(at)]
        events += self._branch_ranges()
        make = {"copy": copy, BLOCKING: copy, "set": fill}
        for index, activity in enumerate(self.activities):
            assert activity.start is not None
            run = make.get(activity.by.kind, kernel)
            number = self._number(activity.call)
            end = activity.start + activity.length
            stream = activity.by.stream
            name = f"activity {index}"
            events.append(run(name, activity.start, end, stream=stream, correlation=number))
        return events

    def _rows(self, at: tuple[int, int]) -> list[Event]:
        begin, end = self.calls[at]
        number, tid = self._number(at), 1 + at[0]
        match self.threads[at[0]][at[1]]:
            case Launch(kind=kind):
                name = CALLED.get(kind, "cudaLaunchKernel")
                return [launch(begin, end, correlation=number, tid=tid, name=name)]
            case Sync(stream=None):
                return [runtime("cudaDeviceSynchronize", begin, end, correlation=number, tid=tid)]
            case Sync(stream=stream):
                args = {"stream": stream, "device": 0, "correlation": number}
                return [
                    runtime("cudaStreamSynchronize", begin, end, correlation=number, tid=tid),
                    Event("cuda_sync", "Stream Sync", 0, 1, begin, end, args),
                ]
            case Record():
                return [record_call(begin, end, correlation=number, tid=tid)]
            case Wait(stream=stream, event=event):
                record, on_stream = self._recorded(at, event)
                return [
                    wait_call(begin, end, correlation=number, tid=tid),
                    stream_wait(
                        begin, stream=stream, on_stream=on_stream, correlation=number, record=record
                    ),
                ]
            case _:
                return []

    def _recorded(self, at: tuple[int, int], event: int) -> tuple[int, int]:
        """The number and stream of the record that a wait of the same thread means."""
        found = [
            (self._number((at[0], place)), made.stream)
            for place, made in enumerate(self.threads[at[0]][: at[1]])
            if isinstance(made, Record) and made.event == event
        ]
        return found[-1]

    def _branch_ranges(self) -> list[Event]:
        spans: dict[tuple[int, int, int], list[int]] = {}
        for at, (begin, end) in self.calls.items():
            made = self.threads[at[0]][at[1]]
            if isinstance(made, Launch) and made.branch != NO_BRANCH:
                spans.setdefault((at[0], made.branch, made.occurrence), [begin, end])[1] = end
        return [
            annotation(f"overlap.branch {number}", begin, end, tid=1 + thread)
            for (thread, number, _), (begin, end) in spans.items()
        ]
