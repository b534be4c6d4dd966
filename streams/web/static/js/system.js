// The system itself: how fresh the figures are, and what that is made of.

import { byId, el, fill } from "./dom.js";
import { count, dayText, seconds, timeText } from "./format.js";
import { verdict } from "./pulse.js";
import { store } from "./store.js";

const UNKNOWN = "may not be known here";

function rows(fresh) {
  return [
    ["Day reached", dayText(fresh.day_reached), "the latest day that a status is as of"],
    ["Last decided at", timeText(fresh.decided_at), "ce_time of the newest message of any output topic"],
    ["Workers", fresh.workers === null ? UNKNOWN : count(fresh.workers), "members of the workers' consumer group"],
    ["Records waiting", fresh.waiting_records === null ? UNKNOWN : count(fresh.waiting_records), "input that no worker has taken in yet"],
    ["The oldest has waited", fresh.waiting_seconds === null ? UNKNOWN : fresh.waiting_records ? `up to ${seconds(fresh.waiting_seconds)}` : "–", "found from how the inputs grew while this page looked on"],
    ["Not read by this page", count(fresh.reading_left), "records of the output topics"],
    ["Kafka answered", `${seconds(fresh.silent_seconds)} ago`, ""],
    ["Groups and years", count(store.rows.size), "statuses that this page holds"],
  ];
}

function draw() {
  const fresh = store.freshness;
  const host = byId("view-system");
  if (!host.querySelector("dl")) {
    fill(host, el("h1", { id: "system-title", tabIndex: -1 }, "How fresh this is"), el("p", { class: "lead", id: "system-said" }),
      el("section", { class: "card", "aria-label": "Freshness" }, el("dl", { class: "facts" })));
  }
  const [, text, more] = verdict(fresh, store.connected);
  byId("system-said").textContent = more ?? `${text}: what is shown is what the workers have decided of everything that came in.`;
  if (fresh) fill(host.querySelector("dl"), rows(fresh).map(([label, value, what]) => el("div", {}, el("dt", {}, label), el("dd", {}, value, el("span", { class: "quiet" }, ` ${what}`)))));
}

store.listen((changed) => { if (changed.has("freshness") && !byId("view-system").hidden) draw(); });

export const showSystem = draw;
