// The system's own freshness, always in sight: a worker that lags must never look like a group that is behind.

import { byId, el, fill } from "./dom.js";
import { count, dayText, plural, seconds, timeText } from "./format.js";
import { store } from "./store.js";

const MAY_LOOK = "A group may look further behind than it is.";

/** [state, short text, what to know of it or null]. */
export function verdict(fresh, connected) {
  if (!fresh) return ["reading", "Connecting…", null];
  const decided = fresh.decided_at ? ` Last decided at ${timeText(fresh.decided_at)}.` : "";
  const records = fresh.waiting_records === null ? "" : plural(fresh.waiting_records, "record");
  if (!connected) return ["lost", "Connection lost", `This page lost its server, and shows what was known before. ${MAY_LOOK}`];
  switch (fresh.state) {
    case "reading":
      return ["reading", "Reading…", `Reading what was told so far: ${plural(fresh.reading_left, "record")} left.`];
    case "unreachable":
      return ["unreachable", "Kafka silent", `Kafka has not answered for ${seconds(fresh.silent_seconds)}.${decided} ${MAY_LOOK}`];
    case "no_worker":
      return ["no_worker", "No worker", `No worker is running, so nothing is counted${fresh.waiting_records ? `: ${records} waiting` : ""}.${decided} ${MAY_LOOK}`];
    case "behind":
      return ["behind", "Workers behind", `Workers are behind: ${records} waiting, the oldest for up to ${seconds(fresh.waiting_seconds)}.${decided} ${MAY_LOOK}`];
    case "day_behind":
      return ["day_behind", "Day not turned", `No worker has told today yet: the figures are as of ${dayText(fresh.day_reached)}.${decided}`];
    case "catching_up":
      return ["catching_up", fresh.waiting_records ? `Taking in ${count(fresh.waiting_records)}` : "Up to date", null];
    default:
      return ["fresh", "Up to date", null];
  }
}

export function startPulse() {
  const draw = () => {
    const [state, text, more] = verdict(store.freshness, store.connected);
    const pulse = byId("pulse");
    if (pulse.dataset.state !== state) {
      pulse.dataset.state = state;
      byId("pulse-said").textContent = more ?? text; // said once for each state, not for each second of it
    }
    const said = byId("pulse-text");
    if (said.textContent !== text) said.textContent = text;
    const banner = byId("banner");
    banner.hidden = more === null;
    if (more === null) fill(banner);
    else if (banner.textContent !== more) fill(banner, el("span", {}, more));
    document.body.classList.toggle("untrusted", more !== null && state !== "reading");
  };
  store.listen((changed) => { if (changed.has("freshness")) draw(); });
  draw();
}
