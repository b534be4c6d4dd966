// A group's year: what was expected under each set of policies, what came in, what it comes to; policies as flags,
// episodes as lanes. Texts become numbers here and only here: for pixels.

import uPlot from "/static/vendor/uPlot.esm.js";
import { amount, compact, dayShort, dayText } from "./format.js";

const DAY_S = 86400;
const LANE_PX = 14;
const FLAG_PX = 22;
const FLAG_ROOM_PX = 26;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const numbers = (texts) => texts.map((text) => (text === null ? null : Number(text)));
const second = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

function padded(values, length) {
  return values.length >= length ? values.slice(0, length) : values.concat(new Array(length - values.length).fill(null));
}

/** From the day reached to the year's end: a straight line from what is in to what it comes to. */
function projection(chart, length) {
  const line = new Array(length).fill(null);
  const last = chart.remitted.length - 1;
  if (chart.projected === null || last < 0) return line;
  line[last] = Number(chart.remitted[last]);
  line[length - 1] = Number(chart.projected);
  return line;
}

export function seriesOf(chart) {
  const length = chart.days;
  const start = second(chart.first_day);
  const x = Array.from({ length }, (_, at) => start + at * DAY_S);
  const plans = chart.plans.map((plan) => numbers(plan.expected));
  return [
    x,
    chart.original ? numbers(chart.original) : new Array(length).fill(null),
    padded(numbers(chart.expected_then), length),
    plans.at(-1) ?? new Array(length).fill(null),
    padded(numbers(chart.remitted), length),
    projection(chart, length),
    ...plans.slice(0, -1),
  ];
}

export class YearChart {
  #plot = null;
  #chart;
  #episodes;
  #marked = null; // the number of the policy that is pointed at

  constructor(host, onPick) {
    this.host = host;
    this.onPick = onPick;
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(host);
  }

  close() {
    this.observer.disconnect();
    this.#plot?.destroy();
  }

  show(chart, episodes) {
    this.#chart = chart;
    this.#episodes = episodes;
    this.redraw();
  }

  /** Set apart what was expected before and after one day's policies; null for none. */
  mark(day) {
    this.#marked = day;
    this.redraw();
  }

  redraw() {
    if (!this.#chart || !this.host.clientWidth) return;
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(), seriesOf(this.#chart), this.host);
  }

  #resize() {
    if (!this.#plot) this.redraw();
    else if (this.#plot.width !== this.host.clientWidth) this.#plot.setSize({ width: this.host.clientWidth, height: this.#height() });
  }

  #height() { return (this.host.clientWidth < 560 ? 300 : 380) + this.#lanes().length * LANE_PX; }
  #lanes() { return [...new Set(this.#episodes.map((one) => (one.levy_id ? `${one.kind} ${one.levy_id}` : one.kind)))].sort(); }

  #options() {
    const narrow = this.host.clientWidth < 560;
    const chart = this.#chart;
    const ink = colour("ink"), quiet = colour("quiet"), line = colour("line");
    const value = (_, number) => (number === null || number === undefined ? "–" : `${amount(number.toFixed(2))}`);
    const before = this.#marked === null ? -1 : chart.plans.findIndex((plan) => plan.since === this.#marked) - 1;
    const old = chart.plans.slice(0, -1).map((plan, at) => ({
      label: `planned until ${dayShort(chart.plans[at + 1].since)}`, stroke: at === before ? colour("mark") : quiet,
      width: at === before ? 2.5 : 1, dash: [2, 3], points: { show: false }, value,
    }));
    const axis = { stroke: quiet, font: "12px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    return {
      width: this.host.clientWidth, height: this.#height(),
      padding: [FLAG_PX, narrow ? 8 : 16, 0, 0],
      tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC"),
      cursor: { points: { size: 7 }, drag: { x: false, y: false } },
      legend: { live: true },
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, (high || 1) * 1.06] } },
      axes: [
        { ...axis, space: narrow ? 44 : 56, values: (_, splits) => splits.map((at) => dayShort(new Date(at * 1e3).toISOString().slice(0, 10))), size: 30 + this.#lanes().length * LANE_PX },
        { ...axis, size: narrow ? 48 : 92, values: (_, splits) => splits.map((at) => compact(at)) },
      ],
      series: [
        { label: "day", value: (_, at) => (at === null ? "–" : dayText(new Date(at * 1e3).toISOString().slice(0, 10))) },
        { label: "plan as first set", stroke: quiet, width: 1.5, dash: [6, 4], points: { show: false }, value },
        { label: "expected, as decreed then", stroke: ink, width: 2, points: { show: false }, value },
        { label: "expected of the year now", stroke: before >= 0 ? colour("mark") : ink, width: before >= 0 ? 2.5 : 1, dash: [2, 3], points: { show: false }, value },
        { label: "remitted", stroke: colour("money"), width: 2.5, fill: colour("money-fill"), points: { show: false }, value },
        { label: "projected", stroke: colour("money"), width: 2, dash: [8, 5], spanGaps: true, points: { show: false }, value },
        ...old,
      ],
      hooks: { draw: [(plot) => this.#drawFlags(plot), (plot) => this.#drawLanes(plot)] },
    };
  }

  /** Flags where something was decreed, numbered as in the list below the chart; neighbours share one. */
  #drawFlags(plot) {
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    const flags = [];
    this.#chart.policies.forEach((flag, at) => {
      const time = Math.max(plot.scales.x.min, second(flag.issued_on));
      if (time > plot.scales.x.max) return;
      const x = plot.valToPos(time, "x", true);
      const last = flags.at(-1);
      const marked = this.#marked === flag.issued_on;
      if (last && x - last.x < FLAG_ROOM_PX * ratio) Object.assign(last, { to: at + 1, lines: [...last.lines, [x, marked]] });
      else flags.push({ x, from: at + 1, to: at + 1, lines: [[x, marked]] });
    });
    ctx.save();
    ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    for (const { x, from, to, lines } of flags) {
      for (const [at, marked] of lines) {
        ctx.strokeStyle = marked ? colour("mark") : colour("flag");
        ctx.lineWidth = (marked ? 2 : 1) * ratio;
        ctx.beginPath();
        ctx.moveTo(at, plot.bbox.top - 4 * ratio);
        ctx.lineTo(at, plot.bbox.top + plot.bbox.height);
        ctx.stroke();
      }
      const text = from === to ? `${from}` : `${from}–${to}`;
      const width = ctx.measureText(text).width + 8 * ratio;
      const left = Math.min(x, plot.bbox.left + plot.bbox.width - width);
      ctx.fillStyle = lines.some(([, marked]) => marked) ? colour("mark") : colour("flag");
      ctx.fillRect(left, plot.bbox.top - 20 * ratio, width, 16 * ratio);
      ctx.fillStyle = colour("on-flag");
      ctx.fillText(text, left + 4 * ratio, plot.bbox.top - 11.5 * ratio);
    }
    ctx.restore();
  }

  /** A lane for each kind of alert under the axis: a bar from opening to end, darker and crossed where critical. */
  #drawLanes(plot) {
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    const top = plot.bbox.top + plot.bbox.height + 30 * ratio;
    const lanes = this.#lanes();
    const until = second(this.#chart.as_of);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, top, plot.bbox.left + plot.bbox.width, lanes.length * LANE_PX * ratio);
    ctx.clip();
    ctx.font = `${10.5 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    lanes.forEach((lane, row) => {
      const y = top + row * LANE_PX * ratio;
      const height = (LANE_PX - 4) * ratio;
      for (const episode of this.#episodes.filter((one) => (one.levy_id ? `${one.kind} ${one.levy_id}` : one.kind) === lane)) {
        for (const [from, to, severity] of pieces(episode, until)) {
          const x = plot.valToPos(Math.max(from, plot.scales.x.min), "x", true);
          const width = Math.max(3 * ratio, plot.valToPos(Math.min(to, plot.scales.x.max), "x", true) - x);
          ctx.fillStyle = colour(`level-${severity}`);
          ctx.fillRect(x, severity === "critical" ? y : y + height / 4, width, severity === "critical" ? height : height / 2);
        }
      }
      ctx.fillStyle = colour("quiet");
      ctx.textAlign = "left";
      if (plot.width > 560) {
        ctx.textAlign = "right";
        ctx.fillText(laneLabel(lane), plot.bbox.left - 6 * ratio, y + height / 2);
      }
    });
    ctx.restore();
  }
}

/** A lane's name at the chart's side: the levy's where it is of one. */
function laneLabel(lane) {
  const [kind, levy] = lane.split(" ");
  const label = levy ?? kind.replace("_", " ");
  return label.length > 14 ? `${label.slice(0, 13)}…` : label;
}

/** The stretches of an episode in one severity: [from, to, severity], in seconds. */
function pieces(episode, until) {
  const steps = episode.history;
  return steps
    .map((step, at) => [second(step.on_day), at + 1 < steps.length ? second(steps[at + 1].on_day) : until, step.severity, step.transition])
    .filter(([, , , transition]) => transition !== "resolved" && transition !== "lapsed");
}
