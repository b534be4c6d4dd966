"""Registers the topics' schemas at a schema registry that speaks Confluent's interface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import requests

from schemas import publishing
from streams.shell import asyncapi
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
ANSWER_SECONDS: Final = 30


class RegistryError(Exception):
    """The registry does not take a schema; the text is one line that says what to do."""


def subjects(names: Names) -> Mapping[str, dict[str, Any]]:
    """Return the schema of each topic's values by its subject: one of the messages that the topic has."""
    bare = Names()
    topics = {
        bare.remittances: names.remittances,
        bare.policy_changes: names.policy_changes,
        bare.status: names.status,
        bare.alerts: names.alerts,
        bare.dead_letters: names.dead_letters,
    }
    return {
        f"{topic}-value": publishing.any_of(asyncapi.messages_of(described), described)
        for described, topic in topics.items()
    }


def register(url: str, names: Names) -> dict[str, int]:
    """Register every topic's schema; return their ids by subject. Registering again gives the same ids."""
    return {subject: _register(url.rstrip("/"), subject, schema) for subject, schema in subjects(names).items()}


def _register(url: str, subject: str, schema: dict[str, Any]) -> int:
    body = {"schemaType": "JSON", "schema": json.dumps(schema, separators=(",", ":"))}
    try:
        answer = requests.post(
            f"{url}/subjects/{quote(subject, safe='')}/versions",
            data=json.dumps(body),
            headers={"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE},
            timeout=ANSWER_SECONDS,
        )
        said = answer.json()
        if answer.ok:
            return int(said["id"])
        why = f"{answer.status_code}: {said.get('message', '')}"
    except requests.JSONDecodeError:
        why = f"{answer.status_code}, and no JSON: is this the URL of Confluent's interface?"
    except (KeyError, TypeError, AttributeError, ValueError):
        why = "an answer that no registry gives: is this the URL of Confluent's interface?"
    except requests.RequestException as error:
        why = f"no answer ({type(error).__name__}): is it running there?"
    raise RegistryError(f"the registry does not take {subject}: {why}")
