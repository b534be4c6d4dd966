// The stream of changes: opened once, opened again where it breaks; the browser sends where it was.

import { store } from "./store.js";

const QUIET_MS = 6000; // the server says every second how fresh it is

export function follow() {
  const source = new EventSource("/api/changes");
  source.addEventListener("snapshot", (event) => store.snapshot(JSON.parse(event.data)));
  source.addEventListener("changes", (event) => store.changes(JSON.parse(event.data)));
  source.addEventListener("freshness", (event) => store.fresh(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    store.lost();
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  });
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

setInterval(() => {
  if (store.connected && Date.now() - store.heardAt > QUIET_MS) store.lost();
}, 1000);
