"""What is remembered of when something changed: little, and never too late a day."""

from __future__ import annotations

import random

import pytest

from streams.core.changes import MOST_ROWS, Changes
from streams.core.years import NEVER
from tests.unit.core.making import seeds


@pytest.mark.parametrize("seed", seeds(20))
def test_no_day_that_changed_is_passed_over(seed: int) -> None:
    """However many changes there were; where few are, the very day is said, and where none is, NEVER."""
    rng = random.Random(seed)
    changes, noted = Changes(), []
    for version in range(1, 60):
        noted.append(rng.randrange(20) + version * rng.choice([0, 3]))  # days that tend to come later hide no others
        changes.add(version, noted[-1])
        for since in range(version + 1):
            truly = min(noted[since:], default=NEVER)
            assert changes.since(since) <= truly
            assert (changes.since(since) == NEVER) == (since == version)
            if version < MOST_ROWS:
                assert changes.since(since) == truly
