import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis import manifest as manifests
from analysis.errors import DamagedTraceError, TraceError
from analysis.manifest import Manifest, Outputs, Timing

WHOLE: dict[str, Any] = {
    "schema_version": 1,
    "run": "run-1",
    "mode": "threads",
    "preset": "post",
    "device": "cpu",
    "recorded_at": "2025-01-01T00:00:00+00:00",
    "trace": "cpu-post-threads.pt.trace.json.gz",
    "sha256": "00ff",
    "timing": {
        "samples_ns": [510_000.5, 500_000, 520_000],
        "median_ns": 510_000.5,
        "ci95_ns": [500_000, 520_000],
        "cpu_seconds_per_wall_second": 1.75,
    },
    "workload": {"branches": 2, "dtype": None},
    "environment": {"cpu_count": 4, "env": {"OMP_NUM_THREADS": None}},
    "outputs": {"max_abs_difference": 1e-7, "tolerance": 1e-5},
}
REQUIRED = ("run", "mode", "trace", "sha256", "timing")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    def written(content: object) -> Path:
        path = tmp_path / "cpu-post-threads.manifest.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return written


Write = Callable[[object], Path]


def test_all_that_is_used_is_read(write: Write) -> None:
    assert manifests.read(write(WHOLE)) == Manifest(
        schema_version=1,
        run="run-1",
        mode="threads",
        trace="cpu-post-threads.pt.trace.json.gz",
        sha256="00ff",
        timing=Timing((510_000.5, 500_000, 520_000), 510_000.5, (500_000, 520_000), 1.75),
        preset="post",
        device="cpu",
        recorded_at="2025-01-01T00:00:00+00:00",
        workload={"branches": 2, "dtype": None},
        environment={"cpu_count": 4, "env": {"OMP_NUM_THREADS": None}},
        outputs=Outputs(1e-7, 1e-5),
    )


def test_what_is_not_used_may_be_there_or_not(write: Write) -> None:
    least = {key: WHOLE[key] for key in ("schema_version", *REQUIRED)}
    timing = {key: value for key, value in WHOLE["timing"].items() if not key.startswith("cpu")}
    found = manifests.read(write(least | {"timing": timing, "added later": [1, {}]}))
    assert found.timing.cpu_seconds_per_wall_second is None
    assert (found.preset, found.device, found.recorded_at) == ("", "", "")
    assert (found.workload, found.environment) == ({}, {})
    assert found.outputs == Outputs(None, None)
    assert (found.grad, found.passes) == (True, "forward")


def test_what_a_step_is(write: Write) -> None:
    found = manifests.read(write(WHOLE | {"grad": False, "pass": "forward-backward"}))
    assert (found.grad, found.passes) == (False, "forward-backward")


def test_timing_as_report_json_shows_it(write: Write) -> None:
    assert manifests.read(write(WHOLE)).timing.to_json() == {
        "median_ns": 510_000.5,
        "ci95_ns": [500_000, 520_000],
        "rounds": 3,
        "cpu_seconds_per_wall_second": 1.75,
    }


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(write: Write, key: str) -> None:
    path = write({each: value for each, value in WHOLE.items() if each != key})
    with pytest.raises(DamagedTraceError) as caught:
        manifests.read(path)
    assert str(caught.value) == (
        f"{path}: is not a manifest of `profiling record` (Object missing required field `{key}`); "
        "record again, or remove it"
    )


@pytest.mark.parametrize(
    ("timing", "reason"),
    [
        ({"samples_ns": []}, "Expected `array` of length >= 1 - at `$.timing.samples_ns`"),
        ({"samples_ns": [1, 0]}, "Expected `float` > 0.0 - at `$.timing.samples_ns[1]`"),
        ({"samples_ns": [-1]}, "Expected `float` > 0.0 - at `$.timing.samples_ns[0]`"),
        ({"samples_ns": ["1"]}, "Expected `float`, got `str` - at `$.timing.samples_ns[0]`"),
        ({"median_ns": None}, "Expected `float`, got `null` - at `$.timing.median_ns`"),
        ({"median_ns": 0}, "Expected `float` > 0.0 - at `$.timing.median_ns`"),
        ({"ci95_ns": [1]}, "Expected `array` of length 2 - at `$.timing.ci95_ns`"),
    ],
)
def test_a_bad_figure_is_named(write: Write, timing: dict[str, Any], reason: str) -> None:
    path = write(WHOLE | {"timing": WHOLE["timing"] | timing})
    with pytest.raises(DamagedTraceError) as caught:
        manifests.read(path)
    assert str(caught.value) == (
        f"{path}: is not a manifest of `profiling record` ({reason}); record again, or remove it"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"{", "Input data was truncated"),
        (b"<p>", "JSON is malformed: invalid character (byte 0)"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `schema_version`"),
        (b'{"schema_version": "1"}', "Expected `int`, got `str` - at `$.schema_version`"),
        (
            json.dumps(WHOLE).encode().replace(b'"threads"', b'"\xff"'),
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
    ],
)
def test_another_file_is_refused(write: Write, content: bytes, reason: str) -> None:
    path = write(content)
    with pytest.raises(DamagedTraceError) as caught:
        manifests.read(path)
    assert str(caught.value) == (
        f"{path}: is not a manifest of `profiling record` ({reason}); record again, or remove it"
    )


def test_nesting_without_end_is_refused(write: Write) -> None:
    path = write(b'{"x":' + b"[" * 200_000)
    with pytest.raises(DamagedTraceError, match=r"is not a manifest of `profiling record`"):
        manifests.read(path)


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_is_refused_whatever_its_keys_are(write: Write, version: int) -> None:
    path = write({"schema_version": version, "modes": []})
    with pytest.raises(DamagedTraceError) as caught:
        manifests.read(path)
    assert str(caught.value) == (
        f"{path}: has schema_version {version}, expected 1; "
        "use the version of torch-overlap that recorded it"
    )


def test_a_manifest_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as caught:
        manifests.read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: cannot be read (Is a directory); make it readable, or remove it"
    )


def test_it_belongs_to_the_very_bytes(write: Write, tmp_path: Path) -> None:
    trace = tmp_path / "t.json"
    trace.write_bytes(b"abc")
    # The digest of "abc" in FIPS 180-2, appendix B.1.
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    found = manifests.read(write(WHOLE | {"sha256": digest}))
    assert manifests.belongs(found, trace)
    trace.write_bytes(b"abd")
    assert not manifests.belongs(found, trace)
