"""Fuzzes every way in for bytes, guided by coverage: `python -m tests.fuzz [--seconds N]`.

What fails is kept, and `python -m tests.fuzz --replay FILE` runs it again. Ends with 0 where nothing failed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["streams", "schemas"]):
    from tests.fuzz import targets

LARGEST_BYTES = 4096
LONGEST_SECONDS = 10  # for one input: a decoder that takes this long stands still
SIGNS = ("", "0", "9", "-", ".", "T", "Z", "\u0663", "é", "\0", "\ud800", "x" * 64)
VALUES = (None, True, 0, 1, -1, 1.5, 10**30, "", "1", "1.00", "2026-02-29", [], {})


def mutate(data: bytes, largest: int, seed: int) -> bytes:
    """Change an input: half the time by one field of its JSON, so that more than the parser is reached."""
    dice = random.Random(seed)
    if dice.random() < 0.5:
        try:
            message = json.loads(data[1:])
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict) and message:
            name = dice.choice(list(message))
            message[name] = _other(message[name], dice)
            changed = data[:1] + json.dumps(message, ensure_ascii=dice.random() < 0.5).encode(errors="surrogatepass")
            if len(changed) <= largest:
                return changed
    return bytes(atheris.Mutate(data, largest))


def _other(value: object, dice: random.Random) -> object:
    if isinstance(value, str) and dice.random() < 0.7:
        at, end = sorted(dice.randrange(len(value) + 1) for _ in "ab")
        return value[:at] + dice.choice(SIGNS) + value[end:]
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(list(value))
        return value | {name: _other(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], _other(value[at], dice), *value[at + 1 :]]
    return dice.choice([*VALUES, [value], {"all": value}])


def main() -> None:
    """Fuzz for the time named, or run one input again."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--found", type=Path, default=Path(), metavar="DIR", help="where to keep an input that fails")
    given = parser.parse_args()
    if given.replay:
        targets.one(given.replay.read_bytes())
        return
    with TemporaryDirectory() as folder:
        corpus, dictionary = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, seed in enumerate(targets.seeds()):
            (corpus / str(number)).write_bytes(seed)
        quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in targets.words())
        dictionary.write_text("".join(f'"{word}"\n' for word in quoted))
        options = [
            f"-max_total_time={given.seconds}", f"-max_len={LARGEST_BYTES}", f"-timeout={LONGEST_SECONDS}",
            f"-dict={dictionary}", f"-artifact_prefix={given.found}/", "-rss_limit_mb=2048", "-print_final_stats=1",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, str(corpus)], targets.one, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
