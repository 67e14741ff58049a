"""What a running kernel leaves free on an SM, read from the specification a second time.

It shares no line with the package: sizes are added up block by block, exact integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from tests.builders import Event

Card = Mapping[str, object]
"""An entry of `deviceProperties`."""

BLOCKS = {7: 32, 8: 32, 9: 32, 10: 32, 11: 24, 12: 24}
"""The most blocks that an SM holds, by the major number of its compute capability."""
BLOCKS_OF = {(7, 5): 16, (8, 6): 16, (8, 7): 16, (8, 9): 24}
"""Where the minor number makes another of it."""

FIELDS = (
    "numSms",
    "computeMajor",
    "computeMinor",
    "maxThreadsPerMultiprocessor",
    "regsPerMultiprocessor",
    "sharedMemPerMultiprocessor",
    "warpSize",
)
SIZES = ("grid", "block", "registers per thread", "shared memory")


@dataclass(frozen=True)
class Sizes:
    """What an SM holds, or what some blocks of a kernel take of it."""

    blocks: int
    threads: int
    registers: int
    shared: int

    def times(self, count: int) -> "Sizes":
        return Sizes(
            self.blocks * count, self.threads * count, self.registers * count, self.shared * count
        )

    def beside(self, other: "Sizes") -> "Sizes":
        return Sizes(
            self.blocks + other.blocks,
            self.threads + other.threads,
            self.registers + other.registers,
            self.shared + other.shared,
        )

    def within(self, other: "Sizes") -> bool:
        return (
            self.blocks <= other.blocks
            and self.threads <= other.threads
            and self.registers <= other.registers
            and self.shared <= other.shared
        )


def state(running: Sequence[Event], waiting: Sequence[Event], cards: Sequence[Card]) -> str:
    """The state of an instant at which one lane runs and these activities are ready."""
    verdicts = {_verdict(running, k, cards) for k in waiting}
    order = ("one_device_full", "one_unrecorded_wait", "one_room_unknown")
    return next(name for name in order if name in verdicts)


def _verdict(running: Sequence[Event], waiting: Event, cards: Sequence[Card]) -> str:
    own = [card for card in cards if str(card["id"]) == str(waiting.pid)]
    if len(running) > 1 or not own or not all(field in own[0] for field in FIELDS):
        return "one_room_unknown"
    card = {field: _whole(own[0][field]) for field in FIELDS}
    capability = card["computeMajor"], card["computeMinor"]
    if capability[0] not in BLOCKS or not (_has_sizes(running[0]) and _has_sizes(waiting)):
        return "one_room_unknown"
    sm = Sizes(
        BLOCKS_OF.get(capability, BLOCKS[capability[0]]),
        card["maxThreadsPerMultiprocessor"],
        card["regsPerMultiprocessor"],
        card["sharedMemPerMultiprocessor"],
    )
    one, other = _block(running[0], card), _block(waiting, card)
    resident = 0
    while resident < _count(running[0]) // card["numSms"] and one.times(resident + 1).within(sm):
        resident += 1
    room = one.times(resident).beside(other).within(sm)
    return "one_unrecorded_wait" if room else "one_device_full"


def _has_sizes(activity: Event) -> bool:
    return activity.category in {"kernel", "Kernel"} and all(
        size in activity.args for size in SIZES
    )


def _count(kernel: Event) -> int:
    """How many blocks it has."""
    return prod(_three(kernel.args["grid"]))


def _block(kernel: Event, card: Mapping[str, int]) -> Sizes:
    """What one block of it takes."""
    warps = -(-prod(_three(kernel.args["block"])) // card["warpSize"])
    registers = _whole(kernel.args["registers per thread"]) * card["warpSize"]
    reserved, unit = (0, 256) if card["computeMajor"] == 7 else (1024, 128)
    return Sizes(
        blocks=1,
        threads=warps * card["warpSize"],
        registers=warps * _rounded_up(registers, 256),
        shared=_rounded_up(_whole(kernel.args["shared memory"]) + reserved, unit),
    )


def _rounded_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _three(value: object) -> list[int]:
    assert isinstance(value, list)
    return [_whole(v) for v in value]
