// One group's year: where it stands, the chart, what was decreed and what that changed, its episodes and levies.

import { YearChart } from "./chart.js";
import { byId, el, fill } from "./dom.js";
import { episodeGlyph } from "./feed.js";
import { amount, dayText, percent, plural, signed, words } from "./format.js";
import { badge } from "./levels.js";
import { store } from "./store.js";

let shown = null; // {group, year, chart, stop}

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? `the server answered ${answer.status}`);
  return body;
}

export async function showGroup(group, yearText) {
  leaveGroup();
  const year = Number(yearText ?? store.year);
  const view = byId("view-group");
  const parts = {
    title: el("h1", { id: "group-title", tabIndex: -1 }, group),
    head: el("div", { class: "grouphead" }),
    figures: el("dl", { class: "tilesgrid" }),
    note: el("p", { class: "notice", hidden: true, role: "status" }),
    plot: el("div", { class: "plot", role: "img", "aria-label": `Chart of ${group} in ${year}` }),
    policies: el("div", {}), episodes: el("div", {}), levies: el("div", {}), months: el("div", {}),
  };
  fill(view, el("p", { class: "back" }, el("a", { href: "#/" }, "← All groups")),
    el("div", { class: "bar" }, parts.title, parts.head), parts.figures,
    el("section", { class: "card", "aria-label": "The year as a chart" }, parts.note, parts.plot, parts.months),
    el("div", { class: "two" },
      el("section", { class: "card", "aria-labelledby": "policies-title" }, el("h2", { id: "policies-title" }, "What was decreed"), parts.policies),
      el("section", { class: "card", "aria-labelledby": "episodes-title" }, el("h2", { id: "episodes-title" }, "Alerts"), parts.episodes,
        parts.levies)));
  const self = { group, year, parts, plot: new YearChart(parts.plot), row: null, busy: false, again: false };
  shown = self;
  const retheme = () => self.plot.redraw();
  const stop = store.listen((changed) => { if (changed.has("rows") || changed.has("alerts")) refresh(self); });
  addEventListener("themechange", retheme);
  self.stop = () => { stop(); removeEventListener("themechange", retheme); self.plot.close(); };
  await refresh(self);
}

export function leaveGroup() {
  shown?.stop();
  shown = null;
}

/** Ask anew where the group's row is another one than the one that is shown. */
async function refresh(self) {
  if (shown !== self) return;
  const row = store.row(self.group, self.year);
  const alert = store.alerts.find((one) => one.group_id === self.group);
  if (self.row && row === self.row && alert === self.alert) return;
  if (self.busy) { self.again = true; return; }
  self.busy = true;
  const path = `/api/groups/${encodeURIComponent(self.group)}/${self.year}`;
  try {
    const account = await ask(path);
    if (shown !== self) return;
    Object.assign(self, { row, alert });
    drawAccount(self.parts, account);
    const chart = await ask(`${path}/chart`);
    if (shown !== self) return;
    drawChart(self, chart, account);
    self.parts.note.hidden = true;
  } catch (error) {
    self.parts.note.textContent = store.loaded || error.message ? error.message : "Connecting…";
    self.parts.note.hidden = false;
  } finally {
    self.busy = false;
    if (self.again) { self.again = false; refresh(self); }
  }
}

// --- where it stands ---

const FIGURES = [
  ["Expected to date", "expected_to_date"], ["Remitted to date", "remitted_to_date"], ["Shortfall", "shortfall"],
  ["By policy", "policy_effect", signed], ["By money", "remittance_effect", signed],
  ["Target now", "adjusted_target"], ["Target as first set", "original_target"], ["Projected for the year", "projected_total"],
  ["Needed a day", "required_daily_rate"], ["Came in a day of late", "trailing_daily_rate"],
];

const money = (text, currency, show = amount) => (text === null ? "–" : el("span", { class: "money" }, show(text), el("span", { class: "cur" }, ` ${currency}`)));

function drawAccount(parts, { status, episodes, plan_years: years }) {
  fill(parts.head, badge(status.level),
    el("span", { class: "quiet" }, `${status.region ?? "no region"} · plan year ${status.plan_year} · as of ${dayText(status.as_of)} · ${plural(status.headcount, "head")} · ${plural(status.remittance_count, "remittance")}`),
    years.filter((year) => year !== status.plan_year).map((year) => el("a", { href: `#/group/${encodeURIComponent(status.group_id)}/${year}` }, String(year))));
  const surplus = status.surplus !== null && !/^[0.]*$/.test(status.surplus);
  const tiles = FIGURES.map(([label, name, show]) => {
    if (name === "shortfall" && surplus) return [el("dt", {}, "Surplus"), el("dd", {}, money(status.surplus, status.currency))];
    return [el("dt", {}, label), el("dd", {}, money(status[name], status.currency, show))];
  });
  tiles.splice(2, 0, [el("dt", {}, "Attained"), el("dd", {}, percent(status.attainment_to_date), el("span", { class: "quiet" }, ` (${percent(status.attainment_of_target)} of year)`))]);
  for (const [label, name] of [["Waits for a rate", "unconverted"], ["Waits for a levy", "unassigned"]]) {
    for (const [currency, text] of Object.entries(status[name])) tiles.push([el("dt", {}, label), el("dd", {}, money(text, currency))]);
  }
  fill(parts.figures, tiles.map((pair) => el("div", {}, pair)));
  drawEpisodes(parts.episodes, episodes);
  drawLevies(parts.levies, status.levies);
}

function drawEpisodes(host, episodes) {
  const told = episodes.filter((one) => one.transition !== "retracted").sort((a, b) => (a.opened_on < b.opened_on ? 1 : -1));
  if (!told.length) { fill(host, el("p", { class: "nothing" }, "None this year.")); return; }
  fill(host, el("ol", { class: "episodes", tabIndex: 0, "aria-labelledby": "episodes-title" }, told.map((one) => el("li", {}, episodeGlyph(one), el("div", {},
    el("p", { class: "who" }, el("b", {}, words(one.kind) + (one.levy_id ? ` ${one.levy_id}` : "")), ` since ${dayText(one.opened_on)}`),
    el("p", {}, one.summary),
    el("p", { class: "quiet" }, one.history.map((step) => `${step.transition} ${step.on_day} (${step.severity})`).join(" → ")))))));
}

function drawLevies(host, levies) {
  if (!levies.length) { fill(host); return; }
  const number = (text, currency) => el("td", { class: "number" }, money(text, currency));
  fill(host, el("h2", {}, "Levies"), el("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": "Levies" }, el("table", { class: "figures" },
    el("thead", {}, el("tr", {}, ["Levy", "Level", "Remitted", "Expected", "Target"].map((title, at) => el("th", { scope: "col", class: at > 1 ? "number" : null }, title)))),
    el("tbody", {}, levies.map((levy) => el("tr", {}, el("th", { scope: "row" }, levy.levy_id, el("span", { class: "quiet" }, ` ${levy.purpose}`)),
      el("td", {}, badge(levy.level)), number(levy.remitted_to_date, levy.currency), number(levy.expected_to_date, levy.currency), number(levy.target, levy.currency)))))));
}

// --- the chart and what was decreed ---

function drawChart(self, chart, account) {
  const { parts } = self;
  const episodes = account.episodes.filter((one) => one.transition !== "retracted");
  const { status } = account;
  parts.plot.setAttribute("aria-label", `${self.group} in ${self.year}: ${amount(status.remitted_to_date)} of ${amount(status.expected_to_date)} ${status.currency ?? ""} due by ${dayText(status.as_of)}; projected ${amount(chart.projected)}; ${plural(chart.policies.length, "policy", "policies")}, ${plural(episodes.length, "episode")}. The tables below say the same.`);
  self.plot.show(chart, episodes);
  drawPolicies(self, chart);
  drawMonths(parts.months, chart);
}

function drawPolicies(self, chart) {
  const host = self.parts.policies;
  if (!chart.policies.length) { fill(host, el("p", { class: "nothing" }, "Nothing.")); return; }
  fill(host, el("ol", { class: "policies", tabIndex: 0, "aria-labelledby": "policies-title" }, chart.policies.map((flag) => {
    const changed = flag.target_before !== null;
    const text = [el("p", {}, el("b", {}, dayText(flag.issued_on)), ` ${words(flag.words).replace(`, issued ${flag.issued_on}`, "")}`),
      flag.revoked_on && el("p", { class: "quiet" }, `revoked on ${dayText(flag.revoked_on)}`),
      changed && el("p", { class: "beforeafter" }, `year's target ${amount(flag.target_before)} → ${amount(flag.target_after)} ${chart.currency}; due by that day ${amount(flag.expected_before)} → ${amount(flag.expected_after)}`)];
    if (!changed) return el("li", {}, text);
    const button = el("button", { type: "button", class: "plain", "aria-pressed": "false", onclick: () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      for (const other of host.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", String(!pressed));
      self.plot.mark(pressed ? null : flag.issued_on);
    } }, "Show before and after");
    return el("li", {}, text, button);
  })));
}

/** The same series as a table, at the turns of the months. */
function drawMonths(host, chart) {
  if (chart.currency === null) { fill(host); return; }
  const rows = [];
  const start = Date.parse(`${chart.first_day}T00:00:00Z`);
  for (let at = 0; at < chart.days; at += 1) {
    const day = new Date(start + at * 86400000).toISOString().slice(0, 10);
    const last = at === chart.remitted.length - 1;
    if ((day.endsWith("-01") && at > 0 && at < chart.remitted.length) || last) rows.push([day, at, last]);
  }
  const cell = (text) => el("td", { class: "number" }, amount(text ?? null));
  const wasOpen = host.querySelector("details")?.open ?? false;
  fill(host, el("details", { open: wasOpen }, el("summary", {}, `As a table (${chart.currency})`), el("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": "The year as a table" }, el("table", { class: "figures" },
    el("thead", {}, el("tr", {}, ["By", "First plan", "Expected then", "Expected now", "Remitted"].map((title, at) => el("th", { scope: "col", class: at ? "number" : null }, title)))),
    el("tbody", {}, rows.map(([day, at, last]) => el("tr", {}, el("th", { scope: "row" }, dayText(day)), cell(chart.original?.[at]), cell(chart.expected_then[at]),
      cell(chart.plans.at(-1)?.expected[at]), cell(last ? chart.remitted[at] : chart.remitted[at - 1]))))))));
}
