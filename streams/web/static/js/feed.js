// Alerts as they come, the newest first; each is the newest state of one episode.

import { byId, el, fill, inFrame } from "./dom.js";
import { dayShort, timeText, words } from "./format.js";
import { groupLink } from "./groups.js";
import { glyph } from "./levels.js";
import { store } from "./store.js";

const SHOWN = 80;
const CLOSED = new Set(["resolved", "lapsed", "retracted"]);
const seen = new Set();

export const episodeGlyph = (alert) => glyph(CLOSED.has(alert.transition) ? (alert.transition === "resolved" ? "met" : "lifted") : alert.severity ?? "no_target");

function entry(alert, fresh) {
  const kind = words(alert.kind) + (alert.levy_id ? ` ${alert.levy_id}` : "");
  return el("li", { class: fresh ? "new" : null },
    episodeGlyph(alert),
    el("div", {},
      el("p", { class: "who" }, el("a", { href: groupLink(alert.group_id, alert.plan_year) }, alert.group_id), ` ${kind} `, el("b", {}, alert.transition)),
      el("p", {}, alert.summary),
      el("p", { class: "quiet" }, `${dayShort(alert.on_day)} · told at `, el("time", { dateTime: alert.told_at ?? "" }, timeText(alert.told_at)))));
}

function draw() {
  const host = byId("feed");
  const first = seen.size === 0;
  const shown = store.alerts.slice(0, SHOWN);
  if (!shown.length) {
    fill(host, el("li", { class: "nothing" }, "Nothing was told yet."));
    return;
  }
  fill(host, shown.map((alert) => {
    const key = `${alert.episode_id} ${alert.revision}`;
    const fresh = !first && !seen.has(key);
    return entry(alert, fresh);
  }));
  seen.clear();
  for (const alert of store.alerts) seen.add(`${alert.episode_id} ${alert.revision}`);
}

export function startFeed() {
  const later = inFrame(draw);
  store.listen((changed) => { if (changed.has("alerts")) later(); });
}
