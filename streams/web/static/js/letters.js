// Dead letters: what could not be used, by reason. Where each record is, never what it holds.

import { byId, el, fill } from "./dom.js";
import { count, plural, timeText, words } from "./format.js";
import { store } from "./store.js";

const MEANING = {
  too_large: "over 64 KiB", empty: "no value", not_json: "not one JSON object in UTF-8", unknown_version: "of a version that is not known",
  unknown_type: "of a type that is not known", unknown_currency: "in no currency of ISO 4217", schema: "breaks the rules of its type",
  conflicting_duplicate: "says something else under a known id",
};

export function showLetters() {
  const letters = store.letters;
  const host = byId("view-dead-letters");
  const title = el("h1", { id: "letters-title", tabIndex: -1 }, "Dead letters");
  if (!letters) { fill(host, title); return; }
  if (!letters.readable) { fill(host, title, el("p", { class: "notice" }, "This page may not read them: in Kafka that is an operator's right.")); return; }
  const reasons = Object.entries(letters.reasons).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...reasons.map(([, many]) => many));
  fill(host, title,
    el("p", { class: "lead" }, letters.total ? `${plural(letters.total, "record")} could not be used; what they hold is not shown here.` : "Every record so far could be used."),
    reasons.length ? el("section", { class: "card", "aria-label": "By reason" }, el("ul", { class: "reasons" }, reasons.map(([reason, many]) => {
      const bar = el("span", { class: "fill" });
      bar.style.width = `${(many / most) * 100}%`;
      return el("li", { "data-reason": reason }, el("b", {}, words(reason)), el("span", { class: "quiet" }, MEANING[reason] ?? ""), el("span", { class: "meter", "aria-hidden": "true" }, bar), el("strong", {}, count(many)));
    }))) : null,
    letters.last.length ? el("section", { class: "card", "aria-labelledby": "last-title" }, el("h2", { id: "last-title" }, "The last ones"),
      el("div", { class: "scroll tall", tabIndex: 0, role: "group", "aria-labelledby": "last-title" }, el("table", { class: "figures" },
        el("thead", {}, el("tr", {}, ["Record", "Reason", "Detail", "Told at"].map((text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, letters.last.map((letter) => el("tr", {}, el("th", { scope: "row" }, `${letter.topic} ${letter.partition}:${letter.offset}`), el("td", {}, words(letter.reason)), el("td", {}, letter.detail), el("td", {}, timeText(letter.told_at)))))))) : null);
}

export function startLetters() {
  store.listen((changed) => {
    if (!changed.has("letters")) return;
    const badge = byId("letters-count");
    badge.hidden = !store.letters.total;
    badge.textContent = count(store.letters.total);
    if (!byId("view-dead-letters").hidden) showLetters();
  });
}
