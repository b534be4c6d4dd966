// How figures look. Amounts stay the texts that came: grouped by characters, never through a float.

const MINUS = "\u2212";
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const whole = new Intl.NumberFormat("en-US");

/** "-1234567.50" as "−1,234,567.50"; "–" where there is none. */
export function amount(text) {
  if (text === null || text === undefined) return "–";
  const negative = text.startsWith("-");
  const [units, decimals] = (negative ? text.slice(1) : text).split(".");
  const grouped = units.replace(/\B(?=(\d{3})+$)/g, ",");
  return (negative ? MINUS : "") + grouped + (decimals === undefined ? "" : `.${decimals}`);
}

/** The same with its sign always, where it says in which direction. */
export function signed(text) {
  if (text === null || text === undefined) return "–";
  const shown = amount(text);
  return text.startsWith("-") || /^[0.]*$/.test(text) ? shown : `+${shown}`;
}

/** "0.9321" as "93.2 %", by characters. */
export function percent(ratio) {
  if (ratio === null || ratio === undefined) return "–";
  return `${(Math.round(Number(ratio) * 1000) / 10).toFixed(1)}\u00a0%`;
}

export const count = (number) => whole.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const dayText = (text) => (text ? day.format(new Date(`${text}T00:00:00Z`)) : "–");
export const dayShort = (text) => (text ? short.format(new Date(`${text}T00:00:00Z`)) : "–");
export const timeText = (instant) => (instant ? clock.format(new Date(instant)) : "–");

/** Seconds as a person says them. */
export function seconds(value) {
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 172800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86400)} days`;
}

/** An axis figure: 1.2M, 350k. */
export function compact(value) {
  const size = Math.abs(value);
  for (const [unit, sign] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return `${+(value / unit).toPrecision(3)}${sign}`;
  }
  return `${+value.toPrecision(3)}`;
}

export const words = (name) => name.replaceAll("_", " ");
