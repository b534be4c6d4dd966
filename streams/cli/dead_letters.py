"""`quotastream dead-letters list | show | replay`: input that could not be used, looked at and sent again."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from schemas.outputs import DeadLetter
from streams.cli import letter_text
from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    Prefix,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    table_out,
    write_json,
)
from streams.cli.wording import counted, example
from streams.shell import letters as shell
from streams.shell import replaying, subscriber
from streams.shell.letters import Letter, LetterError, Place, Selection
from streams.shell.topics import Names

UNKNOWN_LETTER_EXIT_CODE = 3
NOT_CONFIRMED_EXIT_CODE = 3
LEFT_ALONE_EXIT_CODE = 4
SHOWN_LEFT_ALONE = 10
REASONS = tuple(DeadLetter.model_json_schema()["properties"]["reason"]["enum"])
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

app = typer.Typer(no_args_is_help=True, help="Look at input that could not be used, and send it again.")


def _reasons(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        if value not in REASONS:
            raise typer.BadParameter(f"{value} is none of {', '.join(REASONS)}")
    return values


def _since(text: str | None) -> str | None:
    if text is not None:
        since_ms(text, 0.0)
    return text


Reason = Annotated[
    list[str] | None,
    typer.Option(
        "--reason", callback=_reasons, metavar="REASON", help=f"Only {', '.join(REASONS)}; can be repeated."
    ),
]
Topic = Annotated[
    str | None, typer.Option("--topic", metavar="TOPIC", help="Only of remittances, or of policy-changes.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", callback=_since, metavar="WHEN", help="Only newer: 2026-06-01, a time, 12h or 3d ago."),
]
WHICH = "TOPIC/PARTITION/OFFSET of the input, or PARTITION:OFFSET of the dead letter."


def since_ms(text: str, now: float) -> int:
    """Return the moment meant by a day, a time or an age, in milliseconds."""
    age = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if age:
        return int((now - int(age[1]) * SECONDS[age[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: not a day, a time, or an age such as 12h") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def named(names: Names, text: str) -> Place | tuple[int, int]:
    """Return which letter is meant: its original's place, with or without the installation's prefix, or its own."""
    own = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", text)
    if own:
        return int(own[1]), int(own[2])
    place = re.fullmatch(r"(.+)/([0-9]{1,9})/([0-9]{1,18})", text)
    if not place:
        raise CliError(f"{text}: not {WHICH}", 2)
    return Place(_full(names, place[1]), int(place[2]), int(place[3]))


def _full(names: Names, topic: str) -> str:
    return {"remittances": names.remittances, "policy-changes": names.policy_changes}.get(topic, topic)


def _selection(
    names: Names, reason: list[str] | None, topic: str | None, since: str | None, which: list[str]
) -> Selection:
    return Selection(
        reasons=frozenset(reason or ()),
        topic=None if topic is None else _full(names, topic),
        since_ms=None if since is None else since_ms(since, time.time()),
        named=frozenset(named(names, text) for text in which),
    )


def _chosen(address: str, names: Names, selection: Selection) -> list[Letter]:
    try:
        return shell.choose(shell.read_letters(address, names), selection)
    except LetterError as error:
        raise CliError(str(error), UNKNOWN_LETTER_EXIT_CODE if selection.named else 1) from error


# --- list -----------------------------------------------------------------------------------------------------------


@app.command("list", epilog=example("quotastream dead-letters list --reason schema --since 3d --json > bad.jsonl"))
def list_letters(
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only how many there are, by topic and reason.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the records that could not be used, the oldest first; one with several letters once.

    The column "today" says what is still wrong with it; "usable" where a replay would count it.
    With --json each line is one letter as it is on the topic, with its value as text where it is text: mend that, and
    give the file to `dead-letters replay --file`.
    """
    quiet_kafka_client()
    names = installation(prefix)
    chosen = _chosen(broker_address(bootstrap_servers), names, _selection(names, reason, topic, since, []))
    if summary:
        _summarise(chosen, as_json)
    elif as_json:
        for letter in chosen:
            write_json(letter_text.as_json(names, letter))
    else:
        if chosen:
            table_out().print(_table(names, chosen))
        out().print(counted(len(chosen), "dead letter"))


def _table(names: Names, chosen: list[Letter]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("letter", "written", "input", "reason", "today"):
        shown.add_column(column, no_wrap=True)
    shown.add_column("detail", overflow="fold")
    for letter in chosen:
        partition, offset = letter.own[-1]
        today = shell.reason_today(names, letter)
        cells = [f"{partition}:{offset}", letter_text.moment(letter.written_ms), escape(str(letter.place))]
        shown.add_row(*cells, letter.reason, today or "[green]usable[/]", escape(letter.body["detail"]))
    return shown


def _summarise(chosen: list[Letter], as_json: bool) -> None:
    counts = Counter((letter.place.topic, letter.reason) for letter in chosen)
    if as_json:
        write_json([{"topic": topic, "reason": why, "count": n} for (topic, why), n in sorted(counts.items())])
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("topic", "reason"):
        shown.add_column(column)
    shown.add_column("letters", justify="right")
    for (topic, why), count in sorted(counts.items()):
        shown.add_row(escape(topic), why, f"{count:,}")
    table_out().print(shown)
    out().print(counted(len(chosen), "dead letter"))


# --- show -----------------------------------------------------------------------------------------------------------


@app.command(epilog=example("quotastream dead-letters show remittances/3/1041"))
def show(
    which: Annotated[str, typer.Argument(metavar="LETTER", help=WHICH)],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: what was sent, why it could not be used, and whether the original is still in Kafka.

    Ends with 3 where there is no such letter.
    """
    quiet_kafka_client()
    names, address = installation(prefix), broker_address(bootstrap_servers)
    (letter,) = _chosen(address, names, _selection(names, None, None, None, [which]))
    consumer = subscriber.committed_reader(address)
    try:
        found = replaying.originals(consumer, [letter.place]).get(letter.place)
    finally:
        consumer.close(autocommit=False)
    state = letter_text.state_of(letter, found)
    if as_json:
        write_json(letter_text.as_json(names, letter) | {"original": state})
        return
    for line in letter_text.in_full(names, letter, state):
        out().print(escape(line))


# --- replay ---------------------------------------------------------------------------------------------------------


@app.command(
    epilog=example(
        "quotastream dead-letters replay --reason unknown_currency",
        "quotastream dead-letters replay --file mended.jsonl --yes",
        what="Examples",
    )
)
def replay(
    which: Annotated[list[str] | None, typer.Argument(metavar="[LETTER...]", help=WHICH)] = None,
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="Lines of `list --json` with their values mended; - for stdin."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, a terminal is asked.")] = False,
    as_json: AsJson = False,
) -> int:
    """Send the originals again, to where they came from; each counts once, however often it is sent.

    What would become a dead letter again is left alone, and so are conflicting duplicates that nobody named (as
    LETTER, by --reason, or in the file): they would conflict again. A header quotastream_replay_of says where the
    original is. Ends with 3 where it was not told to go on, with 4 where something else than unnamed conflicts was
    left alone.
    """
    quiet_kafka_client()
    names, address = installation(prefix), broker_address(bootstrap_servers)
    mended = _mended(names, file)
    if file is not None and (which or reason or topic or since):
        raise CliError("--file says itself which letters are meant: give nothing else to select them", 2)
    selection = _selection(names, reason, topic, since, which or [])
    if file is not None:
        selection = Selection(named=frozenset(mended))
    chosen = _chosen(address, names, selection) if mended or file is None else []
    try:
        if not yes:
            planned = list(replaying.replay(address, names, chosen, selection, mended, send=False))
            _tell(planned, "would be sent again", as_json, done=False)
            if not (not as_json and sys.stdin.isatty() and typer.confirm("go on?")):
                raise CliError("nothing was sent: --yes would do it", NOT_CONFIRMED_EXIT_CODE)
        outcomes = list(replaying.replay(address, names, chosen, selection, mended, send=True))
    except LetterError as error:
        raise CliError(str(error)) from error
    _tell(outcomes, "sent again", as_json, done=True)
    return 0 if all(outcome.expected for outcome in outcomes) else LEFT_ALONE_EXIT_CODE


def _tell(outcomes: list[replaying.Outcome], what: str, as_json: bool, *, done: bool) -> None:
    if as_json:
        for letter, left_alone, _ in outcomes:
            partition, offset = letter.own[-1]
            told = {"letter": f"{partition}:{offset}", **letter.place._asdict(), "reason": letter.reason}
            write_json(told | {"replayed": done and left_alone is None, "left_alone": left_alone})
        return
    left = [outcome for outcome in outcomes if outcome.left_alone]
    for outcome in left[:SHOWN_LEFT_ALONE]:
        err().print(escape(f"left alone {outcome.letter.place}: {outcome.left_alone}"))
    if len(left) > SHOWN_LEFT_ALONE:
        err().print(f"… and {len(left) - SHOWN_LEFT_ALONE:,} more are left alone")
    out().print(f"{counted(len(outcomes) - len(left), 'record')} {what}, {len(left):,} left alone")


def _mended(names: Names, file: str | None) -> dict[Place, bytes]:
    """Return the values that a file gives, by the place of their originals; nothing is sent if a line is wrong."""
    if file is None:
        return {}
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        lines = content.decode().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{file} cannot be read: {error}") from error
    found: dict[Place, bytes] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place, value = _mended_line(names, f"{file}:{number}", line)
            if place in found:
                raise CliError(f"{file}:{number}: {place} is there twice; nothing was sent")
            found[place] = value
    return found


def _mended_line(names: Names, where: str, line: str) -> tuple[Place, bytes]:
    try:
        message: dict[str, Any] = json.loads(line)
        place = Place(_full(names, str(message["topic"])), int(message["partition"]), int(message["offset"]))
        value = message["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise CliError(f"{where}: not an object with topic, partition, offset and value; nothing was sent") from error
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, str):
        raise CliError(f"{where}: value is neither an object nor text; nothing was sent")
    return place, value.encode(errors="surrogatepass")
