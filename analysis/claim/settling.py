"""From the files of a claim to its causes."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from analysis.claim import manifest as manifests
from analysis.claim.attribution import (
    AS_PRINTED,
    ASYNCHRONY,
    FIRST_CALL,
    ONE_READING,
    REPEATED,
    VARIANTS,
    chain,
    draw,
    draw_means,
    pooled,
    product,
    ratios_of,
)
from analysis.claim.figures import Claim, Claims, Factor, VariantFigures
from analysis.claim.saying import sentences
from analysis.claim.traced import traced
from analysis.errors import TraceError
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.claim.attribution import Chain, Drawn
    from analysis.claim.manifest import ClaimManifest, Variant
    from analysis.claim.traced import Traced
    from analysis.columns import Trace
    from analysis.trace import Progress

_WORDS = {
    FIRST_CALL: "first call",
    ASYNCHRONY: "asynchrony",
    ONE_READING: "one reading",
}
_TRACED = ("less work", "more overlap", "less idle")
_REMAINING, _ALL_OF_IT = "remaining", "work, overlap and idle"
_NO_ASYNCHRONY = "nothing on a CPU"
_MISSING, _NO_TRACES = "not measured", "no traces of both passes"
_TOLERATED = 0.1
"""Share of the cores that others may use before timings are called disturbed."""


def settle(
    paths: Iterable[Path],
    *,
    reading: Reading | None = None,
    progress: Callable[[Path, Progress | None], None] = lambda *_: None,
) -> Claims:
    """Read every claim and take it apart; one that cannot be read does not stop the others.

    Args:
        paths: folders that `profiling claim` wrote into, or its manifests.
        reading: how traces are read; None: in the usual way.
        progress: called with each trace before it is read, and then as it is read.

    Raises:
        TraceError: there is no claim at a path, or the only one cannot be read.
    """
    found = list(dict.fromkeys(each for path in paths for each in manifests.discover(path)))
    claims, failures = [], []
    for path in found:
        try:
            manifest = manifests.read(path)
        except TraceError as error:
            if len(found) == 1:
                raise
            failures.append(str(error))
            continue
        claims.append(_claim(path, manifest, partial(_load, reading or Reading(), progress)))
    return Claims(tuple(claims), tuple(failures))


def _load(reading: Reading, progress: Callable[[Path, Progress | None], None], path: Path) -> Trace:
    progress(path, None)
    return reading.load(path, partial(progress, path))


def _claim(path: Path, manifest: ClaimManifest, load: Callable[[Path], Trace]) -> Claim:
    cpu = manifest.device == "cpu"
    ratios = {name: ratios_of(each) for name, each in manifest.variants.items()}
    together = pooled(ratios, cpu=cpu)
    drawn = draw(together)
    seen = traced(path.parent, manifest.traces, load)
    path_taken = chain(list(drawn), cpu=cpu)
    claim = Claim(
        path=str(path),
        device=manifest.device,
        preset=manifest.preset,
        environment=manifest.environment,
        variants=tuple(
            _variant(name, each, ratios[name])
            for name, each in manifest.variants.items()
            if each.runs
        ),
        total=product(drawn, {AS_PRINTED: 1}) if AS_PRINTED in drawn else None,
        extremes=_extremes(together.get(AS_PRINTED)),
        repeated=product(drawn, {REPEATED: 1}) if REPEATED in drawn else None,
        factors=(
            *_stopwatch(drawn, path_taken, cpu=cpu),
            *_from_traces(drawn, path_taken, seen),
        ),
        passes=seen.passes,
        first_call=seen.first_call,
        sentences=(),
        notes=(*_notes(manifest), *seen.notes),
    )
    return msgspec.structs.replace(claim, sentences=sentences(claim))


def _variant(name: str, variant: Variant, ratios: list[float]) -> VariantFigures:
    (alone,) = draw({name: ratios}).items()
    return VariantFigures(
        name=name,
        shows=variant.shows,
        with_grad_ns=_typical([run.with_grad_ns for run in variant.runs]),
        no_grad_ns=_typical([run.no_grad_ns for run in variant.runs]),
        ratio=product(dict([alone]), {name: 1}),
        least=min(ratios),
        most=max(ratios),
    )


def _extremes(ratios: Sequence[float] | None) -> tuple[float, float] | None:
    return (min(ratios), max(ratios)) if ratios else None


def _typical(samples: Sequence[Sequence[float]]) -> float:
    return median(median(each) for each in samples)


def _stopwatch(drawn: Mapping[str, Drawn], path: Chain, *, cpu: bool) -> Iterator[Factor]:
    """What mending the script step by step is worth."""
    for key in (FIRST_CALL, ASYNCHRONY, ONE_READING):
        step = next((each for each in path.steps if key in each.changes), None)
        if cpu and key == ASYNCHRONY:
            yield Factor(key, _WORDS[key], "stopwatch", None, _NO_ASYNCHRONY)
        elif step is None:
            yield Factor(key, _WORDS[key], "stopwatch", None, _MISSING)
        elif key == step.changes[0]:
            yield Factor(
                "+".join(step.changes),
                " and ".join(_WORDS[change] for change in step.changes),
                "stopwatch",
                product(drawn, step.weights),
            )


def _from_traces(drawn: Mapping[str, Drawn], path: Chain, seen: Traced) -> Iterator[Factor]:
    """What is left is less work, more overlap and less idle, as far as the traces tell."""
    end = drawn.get(path.end)
    if not len(seen.logarithms):
        for words in _TRACED:
            yield Factor(_key(words), words, "traces", None, _NO_TRACES)
        if end is not None:
            yield Factor("remaining", _ALL_OF_IT, "both", product({path.end: end}, {path.end: 1}))
        return
    parts = dict(zip(map(_key, _TRACED), draw_means(seen.logarithms), strict=True))
    for words in _TRACED:
        yield Factor(_key(words), words, "traces", product(parts, {_key(words): 1}))
    if end is not None:
        weights = {path.end: 1.0, **dict.fromkeys(parts, -1.0)}
        yield Factor("remaining", _REMAINING, "both", product({path.end: end, **parts}, weights))


def _key(words: str) -> str:
    return words.replace(" ", "_")


def _notes(manifest: ClaimManifest) -> Iterator[str]:
    if not manifest.complete:
        yield "The measurement was interrupted: what is missing was not measured."
    for each in manifest.failures:
        yield f"Process {each.process} of {each.what} measured nothing: {each.reason}"
    missing = [name for name in VARIANTS if not _runs(manifest, name)]
    if missing and manifest.complete:
        yield f"Not measured: {', '.join(missing)}."
    yield from _disturbed(manifest)
    if manifest.device == "cpu":
        yield (
            "On a CPU a synchronise does nothing: synchronized counts as further processes of "
            "as_printed, and warmed_synchronized of warmed."
        )


def _disturbed(manifest: ClaimManifest) -> Iterator[str]:
    cores = manifest.environment.get("cpu_count")
    if not isinstance(cores, int):
        return
    others = [run.other_cores for each in manifest.variants.values() for run in each.runs]
    many = [each for each in others if each is not None and each > _TOLERATED * cores]
    if many:
        yield (
            f"Other programs used up to {max(many):.1f} of {cores} cores in {len(many)} of "
            f"{len(others)} processes: they disturb the timings."
        )


def _runs(manifest: ClaimManifest, name: str) -> bool:
    return name in manifest.variants and bool(manifest.variants[name].runs)
