"""Where settings are read: flags, the environment, a file; which of them gave each, and what none of them may hold.

Not here: which settings there are (`settings.py`).
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from platformdirs import user_config_path
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "QUOTASTREAM_"
CONFIG_FILE = "config_file"
#: What Kubernetes sets in each pod for a Service named quotastream-...: no settings of ours (`enableServiceLinks`).
SERVICE_LINK = re.compile(r".*_SERVICE_(HOST|PORT(_\w+)?)|.*_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
LINK_VALUE = re.compile(r"(tcp|udp|sctp)://.*")


class SettingError(Exception):
    """A setting is not as it should be; the text is one line that names it and never what was given.

    `flag` is the option that it was given as, if it was, and `said` what is wrong with it.
    """

    def __init__(self, said: str, where: str | None = None, flag: str | None = None) -> None:
        super().__init__(said if where is None else f"setting {where}: {said}")
        self.said, self.flag = said, flag


class Source(NamedTuple):
    """One place that settings are read from, and what it gives, by field."""

    kind: str  # "flag", "environment" or "file"
    values: Mapping[str, Any]
    file: Path | None = None

    def names(self, field: str) -> str:
        """Return how a setting is called there, and where that is."""
        if self.kind == "flag":
            return flag_of(field)
        return variable_of(field) if self.kind == "environment" else f"{field} in {self.file}"


class FromSources(BaseSettings):
    """What is read so: a flag counts before the environment, that before the file, and that before a default."""

    # What was given may be a secret, so no error repeats it. An empty variable is as good as none.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in their order, for pydantic-settings."""
        return (init_settings, *(InitSettingsSource(settings_cls, dict(found.values)) for found in sources(cls)))


#: What the command line gave to the command that runs.
_flags: dict[str, Any] = {}


@contextlib.contextmanager
def using(flags: Mapping[str, Any]) -> Iterator[None]:
    """Let these be what the command line gave, by field (and `config_file`), for the length of a with-block."""
    _flags.update(flags)
    try:
        yield
    finally:
        _flags.clear()


def sources(kind: type[BaseSettings]) -> list[Source]:
    """Return what each source gives of a class's settings, the one that goes before the others first.

    SettingError where the settings file can't be read.
    """
    file, in_file = _settings_file()
    variables = {name: value for name, value in EnvSettingsSource(kind)().items() if not _is_link(name, value)}
    fields = kind.model_fields
    return [
        Source("flag", {name: value for name, value in _flags.items() if name in fields}),
        Source("environment", variables),
        Source("file", {name: value for name, value in in_file.items() if name in fields}, file),
    ]


def default_settings_file() -> Path:
    """Return the file that is read where none is named: in the platform's folder for this user's configuration."""
    return user_config_path("quotastream") / "settings.toml"


def settings_file() -> tuple[Path, str | None]:
    """Return the settings file, and what named it; None: nothing did, and it need not be there."""
    if given := _flags.get(CONFIG_FILE):
        return Path(given), "--config"
    if given := os.environ.get(variable_of(CONFIG_FILE)):
        return Path(given), variable_of(CONFIG_FILE)
    return default_settings_file(), None


def _settings_file() -> tuple[Path, dict[str, Any]]:
    file, named_by = settings_file()
    try:
        return file, tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named_by is None:
            return file, {}
        raise SettingError(f"the settings file {file} that {named_by} names is not there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the settings file {file} can't be read ({_what(error)})") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"the settings file {file} is no TOML: {error}") from None


def refuse_unknown(known: Collection[str]) -> None:
    """Raise SettingError for the first setting that a source names and nobody knows."""
    variables = {*known, CONFIG_FILE}
    for name, value in sorted(os.environ.items()):
        if not name.upper().startswith(PREFIX) or _is_link(name, value):
            continue
        field = name[len(PREFIX) :].lower()
        if field not in variables:
            instead = _instead(field, variables, variable_of)
            raise SettingError(f"no setting {name}, which is in the environment{instead}")
    file, in_file = _settings_file()
    for key in in_file:
        if key not in known:
            raise SettingError(f"no setting {key}, which is in {file}{_instead(key.lower(), known, str)}")


def secret_in(field: str, file: Path) -> str:
    """Return the first line of the file that a setting names; SettingError where there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} can't be read ({_what(error)})", variable_of(field)) from None
    if not lines or not lines[0]:
        raise SettingError(f"{file} is empty: its first line has to be the secret", variable_of(field))
    return lines[0]


def _what(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def _instead(given: str, known: Iterable[str], named: Callable[[str], str]) -> str:
    close = difflib.get_close_matches(given.replace("-", "_"), known, n=1)
    return f": did you mean {named(close[0])}?" if close else "; `quotastream config show` lists all that there are"


def _is_link(name: str, value: str) -> bool:
    """Whether a variable is Kubernetes' word about a Service, which may even have the name of a setting."""
    upper = name.upper()
    return bool(SERVICE_LINK.fullmatch(upper)) or (upper.endswith("_PORT") and bool(LINK_VALUE.fullmatch(value)))


def variable_of(field: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{field.upper()}"


def flag_of(field: str) -> str:
    """Return the flag of a setting."""
    return f"--{field.replace('_', '-')}"
