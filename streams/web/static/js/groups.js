// The first view: one sentence, levels, regions that add up, and the table of groups.

import { byId, el, fill, inFrame } from "./dom.js";
import { amount, count, dayShort, dayText, percent, plural, signed } from "./format.js";
import { Grid } from "./grid.js";
import { BEHIND, LEVELS, badge, glyph, levelBar, levelMeaning, levelWords } from "./levels.js";
import { store } from "./store.js";

const filter = { levels: new Set(), region: "", search: "" };
const NONE = "(no region)";
let grid;

const meter = (row) => {
  const ratio = Number(row.attainment_to_date ?? 0);
  const fillBar = el("span", { class: `fill level-${row.level}` });
  fillBar.style.width = `${Math.min(100, ratio * 100)}%`;
  return el("span", { class: "attained" }, el("span", { class: "meter", "aria-hidden": "true" }, fillBar), el("span", {}, percent(row.attainment_to_date)));
};
const number = (text) => (text === null ? -Infinity : Number(text));
const rank = (row) => LEVELS.indexOf(row.level);
export const groupLink = (groupId, year) => `#/group/${encodeURIComponent(groupId)}/${year}`;

function levelCell(row) {
  const old = store.dayReached && row.as_of < store.dayReached;
  return el("span", {}, badge(row.level), old && el("span", { class: "old", title: "told of an earlier day than others" }, ` as of ${dayShort(row.as_of)}`));
}

const COLUMNS = [
  { name: "group_id", title: "Group", class: "name", cell: (row) => el("a", { href: groupLink(row.group_id, row.plan_year) }, row.group_id), key: (row) => row.group_id },
  { name: "region", title: "Region", class: "mid", cell: (row) => row.region ?? "–", key: (row) => row.region ?? "~" },
  { name: "level", title: "Level", class: "lvl", cell: levelCell, key: rank },
  { name: "since", title: "Since", class: "mid", cell: (row) => dayShort(row.since), key: (row) => row.since ?? "9999" },
  { name: "attainment_to_date", title: "Attained", number: true, class: "att", cell: meter, key: (row) => (row.attainment_to_date === null ? Infinity : Number(row.attainment_to_date)) },
  { name: "currency", title: "Currency", class: "mid cur", cell: (row) => row.currency ?? "–", key: (row) => row.currency ?? "~" },
  { name: "shortfall", title: "Shortfall", number: true, downFirst: true, class: "short", cell: (row) => (row.shortfall === null ? "–" : el("span", {}, amount(row.shortfall), el("span", { class: "cur phone" }, ` ${row.currency}`))), key: (row) => number(row.shortfall) },
  { name: "expected_to_date", title: "Expected", number: true, downFirst: true, class: "far", cell: (row) => amount(row.expected_to_date), key: (row) => number(row.expected_to_date) },
  { name: "remitted_to_date", title: "Remitted", number: true, downFirst: true, class: "mid", cell: (row) => amount(row.remitted_to_date), key: (row) => number(row.remitted_to_date) },
  { name: "policy_effect", title: "By policy", number: true, downFirst: true, class: "mid", cell: (row) => signed(row.policy_effect), key: (row) => number(row.policy_effect) },
  { name: "remittance_effect", title: "By money", number: true, class: "mid", cell: (row) => signed(row.remittance_effect), key: (row) => number(row.remittance_effect) },
];

function sorted(rows) {
  const { name, down } = grid.sort;
  const { key } = COLUMNS.find((column) => column.name === name);
  const sign = down ? -1 : 1;
  const keyed = rows.map((row) => [key(row), row]);
  // Between equals those furthest behind come first, whatever is sorted by.
  keyed.sort(([a, x], [b, y]) => sign * ((a > b) - (a < b)) || number(y.shortfall) - number(x.shortfall) || (x.group_id > y.group_id ? 1 : -1));
  return keyed.map(([, row]) => row);
}

function drawGrid() {
  const rows = store.ofYear();
  const chosen = rows.filter((row) =>
    (!filter.levels.size || filter.levels.has(row.level)) &&
    (!filter.region || (row.region ?? NONE) === filter.region) &&
    (!filter.search || row.group_id.includes(filter.search)));
  grid.items = sorted(chosen);
  byId("shown").textContent = chosen.length === rows.length ? plural(rows.length, "group") : `${count(chosen.length)} of ${plural(rows.length, "group")}`;
  byId("clear").hidden = !(filter.levels.size || filter.region || filter.search);
}

// --- one look ---

function headline(levels, total) {
  const behind = LEVELS.filter((level) => BEHIND.has(level)).reduce((sum, level) => sum + (levels[level] ?? 0), 0);
  if (!total) return "No group is known yet";
  if (!behind) return `None of ${plural(total, "group")} is behind`;
  return `${count(behind)} of ${plural(total, "group")} ${behind === 1 ? "is" : "are"} behind`;
}

function effects(sums) {
  const strip = (text) => amount(text.replace("-", ""));
  const none = /^[0.]*$/;
  const policy = none.test(sums.policy_effect) ? "changed nothing of" : sums.policy_effect.startsWith("-")
    ? `added ${strip(sums.policy_effect)} to` : `took ${strip(sums.policy_effect)} off`;
  const money = none.test(sums.remittance_effect) ? "just at" : `${strip(sums.remittance_effect)} ${sums.remittance_effect.startsWith("-") ? "below" : "above"}`;
  return `Policies ${policy} what was due; money is ${money} the plan as first set.`;
}

function drawGlance() {
  const overall = store.overall();
  const levels = {};
  let total = 0;
  for (const sums of overall) {
    total += sums.groups;
    for (const [level, many] of Object.entries(sums.levels)) levels[level] = (levels[level] ?? 0) + many;
  }
  const text = store.loaded ? headline(levels, total) : "Reading what was told…";
  if (byId("headline").textContent !== text) byId("headline").textContent = text;
  const day = store.freshness?.day_reached;
  const lines = overall.filter((sums) => sums.currency).map((sums) => el("span", { class: "line" },
    el("span", {}, `As of ${dayText(day)}, ${amount(sums.remitted_to_date)} of ${amount(sums.expected_to_date)} ${sums.currency} due is in (${percent(sums.attainment_to_date)}). `),
    el("span", { class: "quiet" }, effects(sums))));
  fill(byId("subline"), lines);
  drawTiles(levels);
  drawRegions(overall);
}

function drawTiles(levels) {
  const host = byId("levels");
  const always = new Set(["critical", "warning", "ok", "met"]);
  for (const level of LEVELS) {
    let tile = host.querySelector(`[data-level="${level}"]`);
    if (!tile) {
      tile = el("button", { type: "button", class: `tile level-${level}`, "data-level": level, title: levelMeaning(level), onclick: () => toggle(level) },
        glyph(level), el("strong", {}), el("span", {}, levelWords(level)));
      host.append(tile);
    }
    const many = count(levels[level] ?? 0);
    if (tile.querySelector("strong").textContent !== many) tile.querySelector("strong").textContent = many;
    tile.hidden = !levels[level] && !always.has(level) && !filter.levels.has(level);
    tile.setAttribute("aria-pressed", String(filter.levels.has(level)));
  }
}

function toggle(level) {
  if (!filter.levels.delete(level)) filter.levels.add(level);
  filtered();
}

const REGION_HEAD = ["Region", "Levels", "Groups", "Attained", "Currency", "Remitted", "Expected", "Shortfall", "By policy", "By money"];

function regionRow(sums, name) {
  const cell = (field, show = amount) => el("td", { class: "number" }, show(sums[field]));
  return el("tr", { "data-region": sums.region ?? "", "data-currency": sums.currency ?? "" },
    el("th", { scope: "row" }, name),
    el("td", { class: "bars" }, levelBar(sums.levels, sums.groups, sums.region ?? "all")),
    el("td", { class: "number" }, count(sums.groups)),
    el("td", { class: "number" }, percent(sums.attainment_to_date)),
    el("td", { class: "cur" }, sums.currency ?? "–"),
    cell("remitted_to_date"), cell("expected_to_date"), cell("shortfall"), cell("policy_effect", signed), cell("remittance_effect", signed));
}

function drawRegions(overall) {
  const table = byId("regions");
  const focused = table.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
  const rows = store.regions().map((sums) => {
    const name = sums.region ?? NONE;
    const label = sums.currency ? name : `${name}, without a target`;
    return regionRow(sums, el("button", { type: "button", class: "link", "data-pick": name, "aria-pressed": String(filter.region === name), onclick: () => pick(name) }, label));
  });
  const all = overall.map((sums) => regionRow(sums, sums.currency ? "All" : "All without a target"));
  fill(table, el("thead", {}, el("tr", {}, REGION_HEAD.map((title, at) => el("th", { scope: "col", class: at > 1 && at !== 4 ? "number" : null }, title)))),
    el("tbody", {}, rows), el("tfoot", {}, all));
  if (focused) table.querySelector(`[data-pick="${CSS.escape(focused)}"]`)?.focus();
  drawRegionChoice();
}

function drawRegionChoice() {
  const select = byId("region");
  const names = [...new Set(store.regions().map((sums) => sums.region ?? NONE))].sort();
  const wanted = ["", ...names];
  if ([...select.options].map((option) => option.value).join("\n") !== wanted.join("\n")) {
    fill(select, wanted.map((name) => el("option", { value: name }, name || "All regions")));
  }
  select.value = filter.region;
}

function pick(name) {
  filter.region = filter.region === name ? "" : name;
  filtered();
}

function filtered() {
  grid.scrollToTop();
  drawGlance();
  drawGrid();
}

export function startGroups() {
  grid = new Grid(byId("grid"), {
    columns: COLUMNS, label: "Groups", sort: { name: "level", down: false }, onSort: drawGrid,
    keyOf: (row) => `${row.group_id}/${row.plan_year}`,
  });
  byId("search").addEventListener("input", (event) => { filter.search = event.target.value.trim().toLowerCase(); filtered(); });
  byId("region").addEventListener("change", (event) => { filter.region = event.target.value; filtered(); });
  byId("clear").addEventListener("click", () => {
    filter.levels.clear(); filter.region = ""; filter.search = ""; byId("search").value = "";
    filtered(); byId("search").focus();
  });
  const rows = inFrame(drawGrid);
  const sums = inFrame(drawGlance);
  store.listen((changed) => {
    if (changed.has("freshness") && store.dayReached !== store.freshness.day_reached) {
      store.dayReached = store.freshness.day_reached;
      rows(); sums();
    }
    if (changed.has("rows")) rows();
    if (changed.has("totals")) sums();
  });
  drawGlance();
}
