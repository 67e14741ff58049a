"""Options that several commands share."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from profiling.branches import DTYPES, PRESETS, Workload

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = click.IntRange(min=1)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to run; auto takes a GPU if there is one.",
)

_POST = PRESETS["post"]

SIZE_HELP = {
    "branches": "Independent GRUs.",
    "input_size": "Features of the input.",
    "hidden_size": "Features of the hidden state.",
    "batch": "Sequences in a batch.",
    "seq_length": "Time steps of a sequence.",
    "layers": "Layers of a GRU.",
    "dtype": "Of weights and inputs.",
    "seed": "Of weights and inputs.",
}


def workload_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option per size of a workload, with the post's value in its help."""
    for field in reversed(fields(Workload)):
        kind: Any = COUNT
        if field.name == "dtype":
            kind = click.Choice(DTYPES)
        elif field.name == "seed":
            kind = int
        command = click.option(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            default=None,
            help=f"{SIZE_HELP[field.name]}  [of the preset; post: {getattr(_POST, field.name)}]",
        )(command)
    return command
