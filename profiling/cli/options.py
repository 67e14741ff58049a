"""Options that several commands share."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from profiling.branches import DTYPES, PRESETS, Workload
from profiling.manifest import PASSES

if TYPE_CHECKING:
    from collections.abc import Callable

    _Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

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


def measuring_options(*, warmup: int, steps: int, rounds: int) -> _Decorator:
    """How much is measured, by default, and whether in one process."""
    options = (
        click.option(
            "--warmup",
            type=click.IntRange(min=0),
            default=warmup,
            show_default=True,
            help="Steps of a mode before anything is measured.",
        ),
        click.option(
            "--steps", type=COUNT, default=steps, show_default=True, help="Steps in a trace."
        ),
        click.option(
            "--rounds",
            type=COUNT,
            default=rounds,
            show_default=True,
            help="Timing samples of each mode.",
        ),
        click.option(
            "--isolate/--no-isolate",
            default=True,
            show_default=True,
            help="Give each mode a process of its own; in one, modes slow each other down.",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def step_options(command: Callable[..., int]) -> Callable[..., int]:
    """What a step is, and with how many threads; the command is given `backward`."""

    @click.option(
        "--pass",
        "passes",
        type=click.Choice(PASSES),
        default=PASSES[0],
        show_default=True,
        help="What a step is; forward-backward adds one backward pass from all outputs.",
    )
    @click.option(
        "--grad/--no-grad",
        default=True,
        show_default=True,
        help="Gradients in every mode, or in none; the mode no_grad is that for one.",
    )
    @click.option(
        "--threads", type=COUNT, help="Threads inside an operator.  [default: what torch chooses]"
    )
    @click.option(
        "--interop-threads", type=COUNT, help="Threads of the inter-op pool.  [default: as torch]"
    )
    @functools.wraps(command)
    def with_backward(*arguments: Any, passes: str, **options: Any) -> int:
        return command(*arguments, backward=passes != PASSES[0], **options)

    return with_backward
