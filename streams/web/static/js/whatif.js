// What if all were cut, or raised, by so much from today on: who would be behind. The server's core computes it.

import { byId, el, fill } from "./dom.js";
import { amount, count, dayText, plural, signed } from "./format.js";
import { groupLink } from "./groups.js";
import { BEHIND, badge, levelBar } from "./levels.js";
import { store } from "./store.js";

const POLL_MS = 400;
const SETTLE_MS = 250;
let parts = null;
let asked = 0;
let timer = null;

function build() {
  const slider = el("input", { type: "range", id: "factor", min: "-50", max: "50", step: "1", value: "-15", "aria-describedby": "factor-said" });
  const region = el("select", { id: "what-if-region" });
  const remaining = el("input", { type: "checkbox", id: "remaining" });
  const said = el("output", { id: "factor-said", class: "said", htmlFor: "factor" });
  const progress = el("progress", { hidden: true, "aria-label": "Computing" });
  const result = el("div", { class: "result", "aria-live": "polite" });
  fill(byId("view-what-if"),
    el("h1", { id: "what-if-title", tabIndex: -1 }, "What if targets were changed today?"),
    el("p", { class: "lead quiet" }, "Nothing is published: the same code that keeps the accounts works them out once more, with one more policy."),
    el("section", { class: "card", "aria-label": "The supposed policy" },
      el("div", { class: "controls" },
        el("label", { class: "slider", htmlFor: "factor" }, el("span", {}, "Change of the targets"), slider),
        said,
        el("label", {}, el("span", {}, "Of "), region),
        el("label", { class: "check" }, remaining, el("span", {}, "only the days from now on")))),
    progress, result);
  for (const node of [slider, region, remaining]) node.addEventListener("input", later);
  store.listen((changed) => { if (changed.has("year") && !byId("view-what-if").hidden) { regions(); later(); } });
  return { slider, region, remaining, said, progress, result };
}

function regions() {
  const names = [...new Set(store.regions().map((sums) => sums.region).filter(Boolean))].sort();
  const before = parts.region.value;
  fill(parts.region, el("option", { value: "" }, "all groups"), names.map((name) => el("option", { value: name }, name)));
  parts.region.value = names.includes(before) ? before : "";
}

function later() {
  const by = Number(parts.slider.value);
  parts.said.textContent = by === 0 ? "no change" : by < 0 ? `cut by ${-by} %` : `raised by ${by} %`;
  clearTimeout(timer);
  timer = setTimeout(compute, SETTLE_MS);
}

async function compute() {
  if (store.year === null) return;
  asked += 1;
  const mine = asked;
  const by = Number(parts.slider.value);
  const query = new URLSearchParams({ factor: ((100 + by) / 100).toFixed(2), year: String(store.year), applies: parts.remaining.checked ? "remaining" : "whole_period" });
  if (parts.region.value) query.set("region", parts.region.value);
  parts.result.setAttribute("aria-busy", "true");
  while (mine === asked && !byId("view-what-if").hidden) {
    let found;
    try {
      const answer = await fetch(`/api/what-if?${query}`);
      found = await answer.json();
      if (!answer.ok) throw new Error(found.detail);
    } catch (error) {
      if (mine === asked) { fill(parts.result, el("p", { class: "notice" }, `${error.message}`)); parts.progress.hidden = true; }
      return;
    }
    if (mine !== asked) return;
    if (!found.computing) {
      parts.progress.hidden = true;
      parts.result.setAttribute("aria-busy", "false");
      draw(found.answer);
      return;
    }
    parts.progress.hidden = false;
    if (found.of) { parts.progress.max = found.of; parts.progress.value = found.done; }
    await new Promise((go) => { setTimeout(go, POLL_MS); });
  }
}

const behind = (levels) => Object.entries(levels).reduce((sum, [level, many]) => sum + (BEHIND.has(level) ? many : 0), 0);

function sentence(answer) {
  const relieved = answer.moved.filter((one) => BEHIND.has(one.before.level) && !BEHIND.has(one.after.level)).length;
  const fallen = answer.moved.filter((one) => !BEHIND.has(one.before.level) && BEHIND.has(one.after.level)).length;
  const now = answer.overall.reduce((sum, row) => sum + behind(row.before.levels), 0);
  const then = answer.overall.reduce((sum, row) => sum + behind(row.after.levels), 0);
  const moves = [relieved && `${plural(relieved, "group")} would no longer be`, fallen && `${plural(fallen, "more")}`.replace("mores", "more") + " would be"].filter(Boolean).join("; ");
  return `${count(now)} behind now, ${count(then)} then${moves ? `: ${moves}` : ""}.`;
}

const SUMS = [["Target", "adjusted_target"], ["Expected to date", "expected_to_date"], ["Shortfall", "shortfall"], ["By policy", "policy_effect", signed], ["By money", "remittance_effect", signed]];

function draw(answer) {
  const sums = answer.overall.map((row) => el("section", { class: "card", "aria-label": `Sums in ${row.currency}` },
    el("div", { class: "compare" }, el("span", {}, "now"), levelBar(row.before.levels, row.before.groups, "now"), el("span", {}, "then"), levelBar(row.after.levels, row.after.groups, "then")),
    el("div", { class: "scroll", tabIndex: 0, role: "group", "aria-label": `Sums in ${row.currency}, now and then` }, el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, [`Sums, ${row.currency}`, "Now", "Then"].map((title, at) => el("th", { scope: "col", class: at ? "number" : null }, title)))),
      el("tbody", {}, SUMS.map(([label, name, show = amount]) => el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "number" }, show(row.before[name])), el("td", { class: "number" }, show(row.after[name])))))))));
  const moved = answer.moved.length ? el("section", { class: "card", "aria-labelledby": "moved-title" }, el("h2", { id: "moved-title" }, "Whose level would be another"),
    el("div", { class: "scroll tall", tabIndex: 0, role: "group", "aria-labelledby": "moved-title" }, el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, ["Group", "Now", "Then", "Shortfall now", "Shortfall then"].map((title, at) => el("th", { scope: "col", class: at > 2 ? "number" : null }, title)))),
      el("tbody", {}, answer.moved.slice(0, 500).map((one) => el("tr", {}, el("th", { scope: "row" }, el("a", { href: groupLink(one.group_id, answer.plan_year) }, one.group_id)),
        el("td", {}, badge(one.before.level)), el("td", {}, badge(one.after.level)),
        el("td", { class: "number" }, `${amount(one.before.shortfall)} ${one.before.currency ?? ""}`), el("td", { class: "number" }, `${amount(one.after.shortfall)} ${one.after.currency ?? ""}`))))))) : null;
  fill(parts.result, el("p", { class: "lead", id: "what-if-said" }, sentence(answer), el("span", { class: "quiet" }, ` As of ${dayText(answer.as_of)}.`)), sums, moved);
}

export function showWhatIf() {
  parts ??= build();
  regions();
  later();
}
