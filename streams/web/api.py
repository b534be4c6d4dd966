"""The HTTP of the page: static files, the JSON API, and the stream of changes. Everything is a read.

Lives here: routes. Not here: what they tell (board.py, live.py, asking.py).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from fastapi import FastAPI, Header, HTTPException, Query, Response
from fastapi.responses import FileResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from schemas.outputs import Level
from streams.core.years import day_from_text, plan_year
from streams.shell.connection import UnreachableError
from streams.shell.knowledge import KnowledgeError
from streams.shell.setting_sources import SettingError
from streams.shell.topic_admin import TopicAdminError
from streams.web import models
from streams.web.asking import Asking, Supposed
from streams.web.security import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from starlette.types import ASGIApp

    from streams.core.events import Day
    from streams.web.board import Board
    from streams.web.live import Live
    from streams.web.messages import StatusRow

STATIC = Path(__file__).with_name("static")
MOST_GROUPS = 1_000
PING_SECONDS = 15
UNANSWERABLE = (UnreachableError, KnowledgeError, TopicAdminError, SettingError)
ABOUT = """The numbers of the page, for programs. They come of the topics quota-status, quota-alerts and
quota-dead-letters, which hold more; charts and what-ifs are computed by the core from the internal logs. `changes` is
a stream of server-sent events: a snapshot, then changes; a client that sends Last-Event-ID goes on where it was."""


class Parts(NamedTuple):
    """What the routes tell of."""

    board: Board
    live: Live
    asking: Asking


def make_app(parts: Parts, names: Collection[str] | None) -> ASGIApp:
    """Return the application; `names` are those by which it may be asked for, None for any."""
    app = FastAPI(
        title="quotastream", version=version("quotastream"), description=ABOUT, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    _board_routes(app, parts)
    _account_routes(app, parts)
    _stream(app, parts.live)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return Guard(GZipMiddleware(app, minimum_size=2_000, compresslevel=3), names)


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _answers(model: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}}


def _board_routes(app: FastAPI, parts: Parts) -> None:
    board = parts.board

    @app.get("/api/overview", responses=_answers(models.Overview), summary="Who is behind, in sums")
    async def overview() -> Response:
        return _json({"freshness": parts.live.freshness, **board.totals()})

    @app.get("/api/groups", responses=_answers(models.Groups), summary="Statuses, those furthest behind first")
    async def groups(
        year: Annotated[int | None, Query(description="The plan year; without it the newest.")] = None,
        level: Annotated[list[Level] | None, Query(description="Only at these levels.")] = None,
        region: Annotated[str | None, Query(description="Only of this region.")] = None,
        search: Annotated[str, Query(max_length=64, description="Only where the group's name has this in it.")] = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_GROUPS)] = 100,
    ) -> Response:
        years = board.roll_ups.plan_years()
        wanted = year if year is not None else next(iter(years), 0)
        chosen = [
            row
            for row in board.rows()
            if row.plan_year == wanted
            and (not level or row.level in level)
            and (region is None or row.region == region)
            and search in row.group_id
        ]
        chosen.sort(key=_behind)
        values = (board.status_value(row.group_id, row.plan_year) for row in chosen[offset : offset + limit])
        return _json({"total": len(chosen), "groups": [msgspec.Raw(value) for value in values if value is not None]})

    @app.get("/api/alerts", responses=_answers(models.Alerts), summary="What was told last")
    async def alerts(limit: Annotated[int, Query(ge=1, le=200)] = 200) -> Response:
        return _json({"alerts": board.feed()[::-1][:limit]})

    @app.get("/api/dead-letters", responses=_answers(models.DeadLetters), summary="What could not be used, and why")
    async def dead_letters() -> Response:
        return _json(board.dead_letters())

    @app.get("/api/freshness", responses=_answers(models.Freshness), summary="How fresh the figures are")
    async def freshness() -> Response:
        return _json(parts.live.freshness)


def _behind(row: StatusRow) -> tuple[bool, Decimal, Decimal, str]:
    attained = row.attainment_to_date
    return (attained is None, Decimal(attained or 0), -Decimal(row.shortfall or 0), row.group_id)


def _account_routes(app: FastAPI, parts: Parts) -> None:
    board, asking = parts.board, parts.asking
    failures: dict[int | str, dict[str, Any]] = {
        404: {"model": models.Failure},
        503: {"model": models.Failure, "description": "The internal logs can't be read now."},
    }

    @app.get(
        "/api/groups/{group_id}/{plan_year}",
        responses=_answers(models.Account) | {404: {"model": models.Failure}},
        summary="A group and plan year",
    )
    async def account(group_id: str, plan_year: int) -> Response:
        status = board.status_value(group_id, plan_year)
        if status is None:
            raise HTTPException(404, f"no status of {group_id} for {plan_year} is known")
        episodes = [msgspec.Raw(value) for value in board.episode_values(group_id, plan_year)]
        years = board.plan_years(group_id)
        return _json({"plan_years": years, "status": msgspec.Raw(status), "episodes": episodes})

    @app.get(
        "/api/groups/{group_id}/{plan_year}/chart", responses=_answers(models.Chart) | failures,
        summary="A group's year, day by day",
    )  # fmt: skip
    async def chart(group_id: str, plan_year: int) -> Response:
        if board.status_value(group_id, plan_year) is None:
            raise HTTPException(404, f"no status of {group_id} for {plan_year} is known")
        try:
            found = await asking.chart(group_id, plan_year, _day(board))
        except UNANSWERABLE as error:
            raise HTTPException(503, str(error)) from error
        if found is None:
            raise HTTPException(404, f"the logs know of no account of {group_id} for {plan_year}")
        return _json(found)

    @app.get(
        "/api/what-if", responses=_answers(models.WhatIf) | failures, summary="What a cut or a rise would change"
    )
    async def what_if(
        factor: Annotated[str, Query(pattern=r"^[0-9](\.[0-9]{1,4})?$", description="0.85 is a cut by 15 %.")],
        year: Annotated[int, Query(ge=2000, le=2099)],
        region: Annotated[str | None, Query(description="Only of this region; without it of all.")] = None,
        applies: Annotated[str, Query(pattern="^(whole_period|remaining)$")] = "whole_period",
    ) -> Response:
        """Ask again until `computing` is false; a question that nobody asks again for 5 seconds is given up."""
        bounds = plan_year(year)
        day = _day(board)
        if not bounds.first <= day < bounds.after:
            raise HTTPException(404, f"{year} is not the plan year of the day reached: no decree would change it now")
        job = asking.what_if(Supposed(Fraction(factor), year, region, applies == "remaining"), day)
        if job.error is not None:
            raise HTTPException(503, str(job.error) or type(job.error).__name__)
        return _json({"computing": job.answer is None, "done": job.done, "of": job.of, "answer": job.answer})


def _day(board: Board) -> Day:
    reached = board.day_reached
    if reached is None:
        raise HTTPException(404, "no status is known yet")
    return day_from_text(reached)


def _stream(app: FastAPI, live: Live) -> None:
    @app.get("/api/changes", summary="A snapshot, then changes, as server-sent events", response_class=Response)
    async def changes(
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> EventSourceResponse:
        """Events `freshness`, `snapshot` and `changes`; the last two have an id to go on from."""

        async def events() -> AsyncIterator[ServerSentEvent]:
            async for event in live.events(last_event_id):
                yield ServerSentEvent(event.data.decode(), event=event.kind, id=event.event_id, retry=1_000)

        return EventSourceResponse(events(), ping=PING_SECONDS, headers={"Cache-Control": "no-store"})
