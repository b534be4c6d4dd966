"""Writes docs/settings.md from the settings' classes: `make settings`."""

from __future__ import annotations

from streams.shell.setting_sources import FromSources
from streams.shell.settings import Settings, is_secret

INTRODUCTION = """\
# Settings

Made of streams/shell/settings.py by `make settings`.

Each setting has one name, in four places; the first of them that gives it counts:

1. **a flag** of the commands that use it: `--session-timeout-seconds 30`. What is secret has none: a command line is
   seen by everyone on the machine.
2. **the environment**: `QUOTASTREAM_SESSION_TIMEOUT_SECONDS=30`. An empty variable is as good as none.
3. **the settings file**, in TOML: `session_timeout_seconds = 30`. It is the one that `--config` or
   `QUOTASTREAM_CONFIG_FILE` names, else `settings.toml` in the platform's folder for your configuration (on Linux
   `~/.config/quotastream/settings.toml`), which need not be there. Whoever can read it can read the secrets in it.
4. its **default**.

`quotastream config show` says what each is and where that comes from. A variable `QUOTASTREAM_...` or a key of the
file that is no setting, and a value that can't be, stop every command that uses settings, with exit code 2 and one
line that names it and its place. What Kubernetes says of a Service `quotastream-...` in variables is passed over.
"""


def page() -> str:
    """Return docs/settings.md."""
    kinds = [kind for kind in reversed(Settings.__mro__) if issubclass(kind, FromSources) and _own(kind)]
    return "\n".join([INTRODUCTION, *(section for kind in kinds for section in _section(kind))])


def _own(kind: type[FromSources]) -> list[str]:
    return [name for name in vars(kind).get("__annotations__", {}) if name in kind.model_fields]


def _section(kind: type[FromSources]) -> list[str]:
    assert kind.__doc__ is not None
    rows = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for name in _own(kind):
        info = kind.model_fields[name]
        default = "" if info.default in (None, "") else f"`{_toml(info.default)}`"
        secret = "; **secret**" if is_secret(info) else ""
        rows.append(f"| `{name}` | {default} | {info.description}{secret} |")
    return [f"## {kind.__doc__.splitlines()[0].rstrip('.')}", "", *rows, ""]


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  the page is what was asked for
