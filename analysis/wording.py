"""What several pages say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_MEANING = {
    "overlapped": "two or more lanes ran",
    "one_device_full": "one lane ran; another was ready, and the device had no room for it",
    "one_unrecorded_wait": "one lane ran; another had room and still waited, for nothing recorded",
    "one_room_unknown": "one lane ran; another was ready and waited, whether for room is not known",
    "one_start_latency": "one lane ran; another was about to start",
    "one_dependency": "one lane ran; another waited for an event",
    "one_graph": "one lane ran; another waited for its place in a graph",
    "one_same_lane": "one lane ran; all else that was launched stood behind it on the same lane",
    "one_launching": "one lane ran; the next work was just being launched",
    "one_unknown": "one lane ran; when the next work was launched is not recorded",
    "one_nothing_queued": "one lane ran; the host had launched nothing else",
    "idle_start_latency": "idle; the next activity was about to start",
    "idle_unrecorded_wait": "idle; the next activity waited, for nothing recorded",
    "idle_dependency": "idle; the next activity waited for an event",
    "idle_graph": "idle between the activities of a graph replay",
    "idle_unknown": "idle; when the next activity was launched is not recorded",
    "idle_launching": "idle while the next activity was being launched",
    "idle_slow_launch": "idle in a launch call of more than 100 us",
    "idle_blocking_copy": "idle while a copy kept the host waiting",
    "idle_host_sync": "idle; the host waited in a blocking call",
    "idle_host_call": "idle; the host was in a runtime call that is no launch of the next activity",
    "idle_host_op": "idle; the host was inside an operator, before its launch",
    "idle_host_python": "idle; the host was in Python",
    "idle_host_untraced": "idle; the host did nothing that is recorded",
    "idle_edge": "idle; nothing follows in the window",
    "one_lane_python": "one thread ran an operator; another's branch was open but in Python",
    "one_lane_alone": "one thread ran an operator, and no other branch was open",
    "idle_python": "no operator ran; Python or an annotation was open",
    "idle_untraced": "no operator ran, and nothing is recorded",
}
"""What each state of `breakdown_ns` means."""

CAUSES = (
    ("lanes ran together", ("overlapped",)),
    (
        "the device waited for the host to launch",
        ("idle_host_op", "idle_host_python", "idle_host_call", "idle_host_untraced"),
    ),
    ("the device waited while the host was blocked", ("idle_host_sync", "idle_blocking_copy")),
    ("the device waited for a launch call", ("idle_launching", "idle_slow_launch")),
    ("one lane ran with nothing else launched", ("one_nothing_queued",)),
    ("one lane ran with the rest queued behind it on the same lane", ("one_same_lane",)),
    ("one lane ran while the next work was being launched", ("one_launching", "one_start_latency")),
    (
        "one lane ran while another waited",
        (
            "one_room_unknown",
            "one_device_full",
            "one_unrecorded_wait",
            "one_dependency",
            "one_graph",
        ),
    ),
    ("the device waited for an activity to start", ("idle_start_latency", "idle_graph")),
    (
        "the device waited for something that is not recorded",
        ("idle_unrecorded_wait", "idle_unknown", "idle_dependency"),
    ),
    ("one lane ran and the rest is not known", ("one_unknown",)),
    ("one thread ran operators with no other branch open", ("one_lane_alone",)),
    ("one thread ran operators while another branch was held up in Python", ("one_lane_python",)),
    ("no operator ran: Python", ("idle_python",)),
    ("no operator ran and nothing is recorded", ("idle_untraced",)),
    ("nothing followed in the window", ("idle_edge",)),
)
"""States that tell a reader in a hurry the same thing, with the words for it."""

_ENVIRONMENT = {
    "device_name": "on {}",
    "cpu_count": "{} CPU cores",
    "torch": "torch {}",
    "python": "Python {}",
    "torch_threads": "{} intra-op threads",
}


def environment_words(environment: Mapping[str, Any]) -> list[str]:
    """Say on what was recorded, as far as a manifest tells."""
    return [
        words.format(environment[key])
        for key, words in _ENVIRONMENT.items()
        if environment.get(key) is not None
    ]
