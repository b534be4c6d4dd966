"""Run seeds: `python -m tests.simulation --seed 123 --trace` replays one, `--seeds 0:300` runs many."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from contextlib import ExitStack


def main() -> int:
    """Run what was asked for; 0 where the auditor found nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", help="FIRST:AFTER")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--mutation", help="break the code in a known way, to see that it is caught")
    parser.add_argument("--model-every", type=int, default=10, help="compare every nth seed with the naive model")
    asked = parser.parse_args()
    first, after = (asked.seed, asked.seed + 1) if asked.seed is not None else map(int, asked.seeds.split(":"))
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets have an order, and a replay must have the same
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    logging.basicConfig(level=logging.DEBUG if asked.trace else logging.CRITICAL, format="          %(message)s")
    return _run(range(first, after), asked)


def _run(seeds: range, asked: argparse.Namespace) -> int:
    from tests.simulation.mutations import MUTATIONS  # noqa: PLC0415  not before the hash seed is settled
    from tests.simulation.world import simulate  # noqa: PLC0415

    total: Counter[str] = Counter()
    began, failed = time.monotonic(), 0
    with ExitStack() as stack:
        if asked.mutation:
            MUTATIONS[asked.mutation](stack)
        for seed in seeds:
            try:
                total.update(simulate(seed, asked.trace, seed % asked.model_every == 0))
            except Exception as error:  # noqa: BLE001  whatever it is, the seed is what matters
                failed += 1
                print(f"seed {seed}: {error!r}")
                if not isinstance(error, AssertionError):
                    traceback.print_exc(file=sys.stdout)
                option = f" --mutation {asked.mutation}" if asked.mutation else ""
                print(f"replay: .venv/bin/python -m tests.simulation --seed {seed} --trace{option}")
                if failed == 3 or asked.mutation:
                    break
    print(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - began:.1f} s, {dict(total)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
