"""A sample of what `make fuzz` does: nothing but our own errors comes out, and all sums hold."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.checks import check, check_sums
from tests.fuzz.mutations import mutated
from tests.fuzz.texts import texts

SAMPLE = 300


def test_broken_files_are_read_refused_or_lossy(tmp_path: Path) -> None:
    known = texts()
    kinds: Counter[str] = Counter()
    for number in range(SAMPLE):
        done, data = mutated(random.Random(f"sample {number}"), known)
        path = tmp_path / f"{number}.json"
        path.write_bytes(data)
        try:
            kinds[check(path).partition(":")[0]] += 1
        except BaseException as error:
            error.add_note(f"mutation {number}: {done}")
            raise
    assert kinds["lossy"] > SAMPLE // 3
    assert kinds["refused"] > SAMPLE // 50
    assert kinds["whole"] > SAMPLE // 50


@pytest.mark.parametrize("place", range(3))
def test_texts_that_nobody_broke_are_whole(tmp_path: Path, place: int) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(texts()[place])
    assert check(path) == "whole"


def test_a_sum_that_does_not_hold_is_found() -> None:
    with pytest.raises(AssertionError):
        check_sums({"window_ns": 10, "busy_ns": 4, "idle_ns": 5})
