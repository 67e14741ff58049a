"""`profiling claim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from profiling.branches import PRESETS
from profiling.claim import claim
from profiling.claim.table import busy, readings
from profiling.cli.options import COUNT, device_option
from profiling.cli.progress import progress

if TYPE_CHECKING:
    from profiling.claim.manifest import ClaimManifest


@click.command("claim")
@device_option
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="post",
    show_default=True,
    help="Sizes of the two GRUs; those of the post are what it printed.",
)
@click.option(
    "--processes",
    type=COUNT,
    default=5,
    show_default=True,
    help="Fresh processes for each variant, and for the traces.",
)
@click.option(
    "--warmup",
    type=COUNT,
    default=20,
    show_default=True,
    help="Passes of each kind that make a process warm.",
)
@click.option(
    "--rounds",
    type=COUNT,
    default=40,
    show_default=True,
    help="Samples of each pass where it is repeated.",
)
@click.option("--steps", type=COUNT, default=20, show_default=True, help="Steps in a warm trace.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="traces/claim",
    show_default=True,
    help="Folder to write into.",
)
def command(
    *, device: str, preset: str, processes: int, warmup: int, rounds: int, steps: int, out: Path
) -> int:
    """Time what the post timed, as printed and then with each mistake removed.

    Two GRUs run one after the other, with gradients and under no_grad: as the post's
    script does it (cold, once, time.time()), with the order swapped, synchronised,
    warmed up, both, and repeated in random order. Every reading is taken in a fresh
    process; then both passes are traced, at the first call and warm.
    """
    manifest = claim(
        out,
        workload=PRESETS[preset],
        device=device,
        processes=processes,
        warmup=warmup,
        rounds=rounds,
        steps=steps,
        track=progress,
    )
    click.echo(_summary(manifest, out))
    return 1 if manifest["failures"] else 0


def _summary(manifest: ClaimManifest, folder: Path) -> str:
    environment = manifest["environment"]
    lines = [
        click.style(
            f"The post's claim, {manifest['preset']} on {manifest['device']} "
            f"({environment['device_name']}), torch {environment['torch']}, "
            f"{environment['torch_threads']} intra-op threads",
            bold=True,
        ),
        "",
        readings(manifest),
        "",
    ]
    if manifest["device"] == "cpu":
        lines += [
            "On a CPU nothing is left to synchronise: `synchronized` is as_printed again.",
            "",
        ]
    lines += [click.style(line, fg="yellow") for line in busy(manifest)]
    lines += [
        click.style(
            f"failed   {each['what']}, process {each['process']}: {each['reason']}", fg="red"
        )
        for each in manifest["failures"]
    ]
    return "\n".join([*lines, f"What it comes from:  analyze claim {folder}"])
