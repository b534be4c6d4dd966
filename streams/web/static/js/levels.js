// The levels: their order (the worst first), words, and a shape for each, so that colour is never all that tells.

import { el, svg } from "./dom.js";

export const LEVELS = ["critical", "missed", "warning", "ok", "met", "inactive", "no_target"];
export const BEHIND = new Set(["critical", "warning", "missed"]);

const WORDS = {
  critical: "critical", missed: "missed", warning: "warning", ok: "on pace", met: "met", inactive: "inactive",
  no_target: "no target", lifted: "lifted",
};
const MEANING = {
  critical: "far behind what is due, or out of reach",
  missed: "the year is over and the target was not met",
  warning: "behind what is due",
  ok: "nothing open",
  met: "the whole year's target is in",
  inactive: "suspended or closed: nothing is due now",
  no_target: "nothing is asked of it",
  lifted: "no longer asked for",
};
const SHAPES = {
  critical: "M8 1.5 L15 14 H1 Z",
  missed: "M3 3 L13 13 M13 3 L3 13",
  warning: "M8 1 L15 8 L8 15 L1 8 Z",
  ok: "M8 2 A6 6 0 1 1 7.99 2 Z",
  met: "M2 8.5 L6.5 13 L14 3.5",
  inactive: "M5 3 V13 M11 3 V13",
  no_target: "M8 2.8 A5.2 5.2 0 1 1 7.99 2.8 Z",
  lifted: "M2 8 H14",
};
const OPEN = new Set(["missed", "met", "inactive", "no_target", "lifted"]);

export const levelWords = (level) => WORDS[level] ?? level;
export const levelMeaning = (level) => MEANING[level] ?? "";

/** The shape of a level. */
export function glyph(level) {
  const kind = OPEN.has(level) ? "open" : "full";
  return svg("svg", { viewBox: "0 0 16 16", class: `glyph ${kind} level-${level}`, "aria-hidden": "true" },
    svg("path", { d: SHAPES[level] ?? SHAPES.no_target }));
}

/** A level as a shape and a word. */
export const badge = (level) => el("span", { class: "badge" }, glyph(level), el("span", {}, levelWords(level)));

/** Counts by level as one bar; what it says is also its name. */
export function levelBar(levels, total, label) {
  const present = LEVELS.filter((level) => levels[level]);
  const said = present.map((level) => `${levels[level]} ${levelWords(level)}`).join(", ");
  const bar = el("span", { class: "levelbar", role: "img", "aria-label": `${label}: ${said || "none"}` });
  for (const level of present) {
    const part = el("span", { class: `part level-${level}`, title: `${levels[level]} ${levelWords(level)}` });
    part.style.flexGrow = String(levels[level]);
    if (levels[level] / total > 0.09) part.append(el("span", {}, String(levels[level])));
    bar.append(part);
  }
  return bar;
}
