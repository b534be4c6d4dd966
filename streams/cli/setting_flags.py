"""Flags of commands, made from the settings' classes: no command says again what a setting is.

A command asks for one setting by a parameter of its name, annotated with SETTING, or for many by a parameter that is
annotated with their class. Whoever may name a Kafka can also say how to get to it.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from streams.shell.setting_sources import CONFIG_FILE, FromSources, SettingError, flag_of, using, variable_of
from streams.shell.settings import KafkaAccess, Settings, is_secret, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

#: Marks a parameter that is the setting of its name.
SETTING = object()
#: Shorter names of flags, where only one thing of the command's can be meant.
SHORT = {"web_host": "--host", "web_port": "--port"}


def give_flags(app: typer.Typer) -> None:
    """Give the flags of their settings to all commands of an app, and of those below it."""
    for command in app.registered_commands:
        assert command.callback is not None
        command.callback = with_flags(command.callback)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        give_flags(group.typer_instance)


def with_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that has a flag for each setting that it asks for, and is called with what was set."""
    parameters = inspect.signature(command, eval_str=True).parameters
    asked = {name: kind for name, parameter in parameters.items() if (kind := _settings_of(parameter))}
    if not asked:
        return command
    made: dict[str, inspect.Parameter] = {}
    for name, parameter in parameters.items():
        if name in asked:
            made |= {field: _flag(field, Settings.model_fields[field]) for field in asked[name]}
        else:
            made[name] = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    if "bootstrap_servers" in made:
        made |= {field: _flag(field, info) for field, info in KafkaAccess.model_fields.items() if not is_secret(info)}
    made[CONFIG_FILE] = _config_flag()
    own = set(parameters) - set(asked)  # a command's own flag may be called like a setting that it doesn't ask for
    flags = [name for name in made if name == CONFIG_FILE or (name in Settings.model_fields and name not in own)]

    def run(**given: Any) -> Any:
        with using({name: value for name in flags if (value := given.pop(name)) is not None}):
            settings = _all_settings()
            for name in asked:
                given[name] = getattr(settings, name, settings)
            return command(**given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(list(made.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in made.items()}
    return run


def _all_settings() -> Settings:
    """Return all settings, also those that a command has no use for: what is wrong is said before it can do harm."""
    try:
        return load(Settings)
    except SettingError as error:
        if error.flag is None:
            raise
        raise typer.BadParameter(error.said, param_hint=error.flag) from None


def _settings_of(parameter: inspect.Parameter) -> list[str]:
    """Return the settings that a parameter asks for."""
    if SETTING in getattr(parameter.annotation, "__metadata__", ()):
        return [parameter.name]
    if isinstance(parameter.annotation, type) and issubclass(parameter.annotation, FromSources):
        return [name for name, info in parameter.annotation.model_fields.items() if not is_secret(info)]
    return []


def _flag(field: str, info: FieldInfo) -> inspect.Parameter:
    """Return the parameter that is a setting's flag: text, which its class judges as it does any other source's."""
    assert info.description is not None
    default = "" if info.default in (None, "") else f" [default: {info.default}]"
    help_text = f"{info.description[:1].upper()}{info.description[1:]}.{default} [{variable_of(field)}]"
    name = flag_of(field)
    if info.annotation is bool:
        return _parameter(field, Annotated[bool | None, typer.Option(f"{name}/--no-{name[2:]}", help=help_text)])
    names = [*([SHORT[field]] if field in SHORT else []), name]
    return _parameter(
        field, Annotated[str | None, typer.Option(*names, metavar=_metavar(field, info), help=help_text)]
    )


def _config_flag() -> inspect.Parameter:
    help_text = f"Read settings from this TOML file. [{variable_of(CONFIG_FILE)}]"
    return _parameter(CONFIG_FILE, Annotated[str | None, typer.Option("--config", metavar="FILE", help=help_text)])


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(field: str, info: FieldInfo) -> str:
    kinds = set(_plain(info.annotation))
    if literals := [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]:
        return "|".join(literals)
    if kinds & {int, float}:
        return "N"
    if Path in kinds:
        return "DIR" if field.endswith("_dir") else "FILE"
    return "TEXT"


def _plain(annotation: Any) -> Iterator[Any]:
    """Yield the kinds that a field may be of."""
    if isinstance(annotation, type) or get_origin(annotation) is Literal:
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _plain(part)
