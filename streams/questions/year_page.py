"""A year's report as one self-contained HTML page: charts inline, nothing loaded from elsewhere, made to print."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from streams.questions.svg import Bar, Line, bar_chart, line_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[str, Any]

MOST_PLOTTED = 1e300
MOST_BARS = 60  # of groups in one chart: those furthest from their target; the table has all
STYLE = """
:root{--ink:#1c2126;--soft:#5c666f;--rule:#d9dee2;--money:#0b6fa4;--plan:#5c666f;--first:#c2570c;
--good:#2d8a5b;--bad:#b8332e}
*{box-sizing:border-box}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:#fff;
max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
p.sub{color:var(--soft);margin:0 0 1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:.8rem 0}
.tile{border:1px solid var(--rule);border-radius:6px;padding:.5rem .7rem}
.tile b{display:block;font-size:1.1rem;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:.8rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.82rem;font-variant-numeric:tabular-nums}
th,td{padding:.22rem .5rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th.t,td.t{text-align:left}th{border-bottom:2px solid var(--soft);white-space:normal;vertical-align:bottom}
tr.sum td{font-weight:600}
td.level.met{color:var(--good)}td.level.missed,td.level.critical{color:var(--bad)}
figure{margin:.4rem 0 1rem}svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg text.axis{fill:var(--soft)}
.grid{stroke:var(--rule)}.mark{stroke:var(--ink);stroke-dasharray:3 3}
.line{fill:none;stroke-width:2.2}.line.money{stroke:var(--money)}.line.plan{stroke:var(--plan)}
.line.first{stroke:var(--first);stroke-dasharray:6 4}
.bar.met,.bar.up{fill:var(--good)}.bar.missed,.bar.down{fill:var(--bad)}.bar.money{fill:var(--money)}
.bar.plan{fill:#a9b3bb}.bar.first{fill:var(--first)}
.key{margin-right:1.2rem;font-size:.82rem}.key:before{content:"";display:inline-block;width:1.4rem;height:0;
vertical-align:middle;margin-right:.4rem;border-top:3px solid var(--money)}
.key.plan:before{border-color:var(--plan)}.key.first:before{border-top-style:dashed;border-color:var(--first)}
@page{size:A4;margin:14mm}
@media print{body{margin:0;max-width:none;font-size:10.5px}h2,h3{break-after:avoid}
figure,.tiles,tr{break-inside:avoid}
thead{display:table-header-group}.scroll{overflow:visible}table{font-size:8.5px}th,td{padding:.15rem .3rem}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def page_text(report: Row) -> str:
    """Return the page."""
    year = report["plan_year"]
    state = "closed" if report["closed"] else f"not over yet, as of {report['as_of']}"
    body = [f"<h1>Plan year {year}</h1>", f'<p class="sub">{state}; amounts in their own currency, never mixed</p>']
    for overall in report["overall"]:
        body += _of_currency(report, overall)
    if not report["overall"]:
        body.append("<p>No group has a target in this year.</p>")
    body += _levies(report["levies"])
    body += _episodes(report["episodes"])
    body += _waiting(report)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Plan year {year}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def amount(text: str | None) -> str:
    """Return money with its thousands apart, a dash where there is none."""
    return "–" if text is None else f"{Decimal(text):,}"  # noqa: RUF001


def percent(ratio: str | None) -> str:
    """Return a ratio as a percentage."""
    return "–" if ratio is None else f"{Decimal(ratio):.1%}"  # noqa: RUF001


# --- one currency ---------------------------------------------------------------------------------------------------

FIGURES = (
    ("first target", "original_target"),
    ("adjusted target", "adjusted_target"),
    ("expected", "expected_to_date"),
    ("remitted", "remitted_to_date"),
    ("shortfall", "shortfall"),
    ("policy effect", "policy_effect"),
    ("remittance effect", "remittance_effect"),
)


def _of_currency(report: Row, overall: Row) -> list[str]:
    currency = overall["currency"]
    groups = [row for row in report["groups"] if row["currency"] == currency]
    regions = [row for row in report["regions"] if row["currency"] == currency]
    curve = next(curve for curve in report["curves"] if curve["currency"] == currency)
    furthest = sorted(groups, key=lambda row: Decimal(row["attainment_of_target"] or 0))[:MOST_BARS]
    some = f", the {MOST_BARS} furthest from it" if len(groups) > MOST_BARS else ""
    return [
        f"<h2>{escape(currency)}</h2>",
        _tiles(overall),
        "<h3>What was due and what came in</h3>",
        line_chart(f"due and remitted over the year, {currency}", curve["days"], _lines(curve)),
        f"<h3>Part of the target that came in{some}</h3>",
        bar_chart(f"attainment of the target by group, {currency}", [_attainment_bar(row) for row in furthest], 1.0),
        "<h3>By region: is it the earners or the target?</h3>",
        bar_chart(f"policy and remittance effect by region, {currency}", _effect_bars(regions)),
        _table(
            ("region", "groups", "in full"), [_region_cells(row) for row in [*regions, overall]], FIGURES, total=True
        ),
        "<h3>Groups</h3>",
        _table(("group", "region", "level", "episodes"), [_group_cells(row) for row in groups], FIGURES),
    ]


def _tiles(overall: Row) -> str:
    values = [
        ("adjusted target", amount(overall["adjusted_target"])),
        ("remitted", amount(overall["remitted_to_date"])),
        ("of the target", percent(overall["attainment_of_target"])),
        ("in full", f"{overall['in_full']:,} of {overall['groups']:,} groups"),
        ("policy effect", amount(overall["policy_effect"])),
        ("remittance effect", amount(overall["remittance_effect"])),
    ]
    return '<div class="tiles">' + "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{name}</span></div>' for name, value in values
    ) + "</div>"  # fmt: skip


def _plotted(text: str) -> float:
    """Return a figure as a place in a chart; one that is beyond every chart is at its edge."""
    return max(-MOST_PLOTTED, min(MOST_PLOTTED, float(text)))


def _lines(curve: Row) -> list[Line]:
    named = (("first plan", "first", "original"), ("due, as decreed by then", "plan", "expected"))
    lines = [Line(name, style, [_plotted(v) for v in curve[field]]) for name, style, field in named]
    return [*lines, Line("remitted", "money", [_plotted(value) for value in curve["remitted"]])]


def _attainment_bar(row: Row) -> Bar:
    style = "met" if row["in_full"] else "missed" if row["level"] == "missed" else "plan"
    attained = row["attainment_of_target"]
    return Bar(row["group_id"], _plotted(attained or "0"), percent(attained), style)


def _effect_bars(regions: Sequence[Row]) -> list[Bar]:
    bars = []
    for row in regions:
        for name, field in (("policy", "policy_effect"), ("remittances", "remittance_effect")):
            style = "first" if field == "policy_effect" else "money"
            label = f"{row['region'] or 'no region'}: {name}"
            bars.append(Bar(label, _plotted(row[field]), amount(row[field]), style))
    return bars


def _region_cells(row: Row) -> tuple[list[str], Row]:
    name = (row["region"] or "no region") if "region" in row else "all"
    return [name, f"{row['groups']:,}", f"{row['in_full']:,}"], row


def _group_cells(row: Row) -> tuple[list[str], Row]:
    return [row["group_id"], row["region"] or "no region", row["level"], str(sum(row["episodes"].values()))], row


def _table(
    heads: Sequence[str],
    rows: Iterable[tuple[list[str], Row]],
    figures: Sequence[tuple[str, str]],
    *,
    total: bool = False,
    ratio: str = "attainment_of_target",
) -> str:
    """Return a table: texts to the left, then figures and a ratio; with `total` the last row stands out."""
    head = "".join(f'<th class="t">{escape(name)}</th>' for name in heads)
    head += "".join(f"<th>{name}</th>" for name, _ in figures) + "<th>attained</th>"
    lines = []
    for texts, row in rows:
        cells = "".join(_text_cell(name, text) for name, text in zip(heads, texts, strict=True))
        cells += "".join(f"<td>{amount(row[field])}</td>" for _, field in figures) + f"<td>{percent(row[ratio])}</td>"
        lines.append(f"<tr>{cells}</tr>")
    if total and lines:
        lines[-1] = lines[-1].replace("<tr>", '<tr class="sum">', 1)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


# --- what else there was --------------------------------------------------------------------------------------------

LEVY_FIGURES = (
    ("asked", "target"),
    ("expected", "expected_to_date"),
    ("remitted", "remitted_to_date"),
    ("shortfall", "shortfall"),
)


def _levies(levies: Row) -> list[str]:
    if not levies["groups"]:
        return []
    totals = [
        ([row["levy_id"], row["currency"], f"{row['in_full']} of {row['groups']}"], row) for row in levies["overall"]
    ]
    groups = [([row["levy_id"], row["currency"], row["group_id"], row["level"]], row) for row in levies["groups"]]
    return [
        "<h2>Levies</h2>",
        _table(("levy", "currency", "in full"), totals, LEVY_FIGURES, ratio="attainment_to_date"),
        "<h3>Levies by group</h3>",
        _table(("levy", "currency", "group", "level"), groups, LEVY_FIGURES, ratio="attainment_to_date"),
    ]


def _text_cell(column: str, text: str) -> str:
    """Return a text's cell; a level, and nothing else that happens to be called like one, has its colour."""
    style = f"t level {escape(text)}" if column == "level" else "t"
    return f'<td class="{style}">{escape(text)}</td>'


def _episodes(episodes: Sequence[Row]) -> list[str]:
    if not episodes:
        return []
    heads = ("group", "alert", "severity", "opened", "closed", "how it ended")
    head = "".join(f'<th class="t">{name}</th>' for name in heads)
    lines = "".join(
        "<tr>" + "".join(f'<td class="t">{escape(text)}</td>' for text in _episode_texts(row)) + "</tr>"
        for row in sorted(episodes, key=lambda row: (row["opened_on"], row["group_id"], row["kind"]))
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return [f"<h2>Alert episodes: {len(episodes):,}</h2>", f'<div class="scroll">{table}</div>']


def _episode_texts(row: Row) -> list[str]:
    kind = f"{row['kind']} {row['levy_id']}" if row["levy_id"] else row["kind"]
    return [row["group_id"], kind, row["severity"], row["opened_on"], row["closed_on"] or "", row["ended"] or "open"]


def _waiting(report: Row) -> list[str]:
    lines = [
        f"<li>{name}: {amount(text)} {escape(currency)}</li>"
        for name, sums in report["waiting"].items()
        for currency, text in sums.items()
    ]
    if report["without_target"]:
        lines.append(f"<li>without a target: {escape(', '.join(report['without_target']))}</li>")
    return ["<h2>Not in the sums above</h2><ul>", *lines, "</ul>"] if lines else []
