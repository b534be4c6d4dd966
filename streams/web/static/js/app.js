// Wires the views to the address after #, and the top bar.

import { byId, el, fill } from "./dom.js";
import { startFeed } from "./feed.js";
import { showGroup, leaveGroup } from "./group.js";
import { startGroups } from "./groups.js";
import { showLetters, startLetters } from "./letters.js";
import { follow } from "./live.js";
import { startPulse } from "./pulse.js";
import { store } from "./store.js";
import { showSystem } from "./system.js";
import { showWhatIf } from "./whatif.js";

const VIEWS = { groups: () => {}, group: showGroup, "what-if": showWhatIf, "dead-letters": showLetters, system: showSystem };
const TITLES = { groups: "who is behind", "what-if": "what if", "dead-letters": "dead letters", system: "system" };
let scrolled = 0;
let now = null;

function route() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const name = view in VIEWS ? view : "groups";
  if (now === "groups" && name !== "groups") scrolled = scrollY;
  if (now === "group") leaveGroup();
  for (const key of Object.keys(VIEWS)) byId(`view-${key}`).hidden = key !== name;
  for (const link of byId("views").querySelectorAll("a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `quotastream: ${name === "group" ? rest[0] : TITLES[name]}`;
  VIEWS[name](...rest);
  if (now !== null && now !== name) {
    scrollTo(0, name === "groups" ? scrolled : 0);
    byId(`view-${name}`).querySelector("h1")?.focus?.({ preventScroll: true });
  }
  now = name;
}

function startTheme() {
  const button = byId("theme");
  const order = ["auto", "light", "dark"];
  const say = () => { button.textContent = `Theme: ${document.documentElement.dataset.theme ?? "auto"}`; };
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % order.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* then it holds for this visit */ }
    say();
    dispatchEvent(new Event("themechange"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
  say();
}

function startYear() {
  const select = byId("year");
  store.listen((changed) => {
    if (!changed.has("year")) return;
    const years = store.totals.plan_years;
    store.yearsShown = years.length;
    select.disabled = years.length < 2;
    fill(select, years.map((year) => el("option", { value: String(year) }, String(year))));
    select.value = String(store.year);
  });
  select.addEventListener("change", () => store.chooseYear(Number(select.value)));
}

startTheme();
startYear();
startPulse();
startGroups();
startFeed();
startLetters();
addEventListener("hashchange", route);
route();
follow();
