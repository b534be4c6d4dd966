"""How commands put what they say: an example in a help, a count, an error as one line."""

from __future__ import annotations


def example(*lines: str, what: str = "Example") -> str:
    """Return the end of a command's help: lines that can be typed as they stand."""
    # A backspace alone on its line keeps the help formatter from joining the lines that follow.
    return "\b\n" + "\n  ".join([f"{what}:", *lines])


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return "1 line", "2 lines"; thousands apart so that long numbers can be read."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def one_line(error: object) -> str:
    """Return what an error says as one line."""
    return " ".join(str(error).split())
