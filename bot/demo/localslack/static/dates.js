// Times as Slack words them, in the reader's own zone.

const two = (n) => String(n).padStart(2, "0");
const seconds = (ts) => new Date(Number(ts) * 1000);

export const time = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;
export const tsTime = (ts) => time(seconds(ts));
export const tsFull = (ts) => seconds(ts).toLocaleString();

function daysAgo(date) {
  const day = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  return Math.round((day(new Date()) - day(date)) / 86_400_000);
}

function pretty(date, options) {
  const words = { 0: "today", 1: "yesterday", [-1]: "tomorrow" };
  return words[daysAgo(date)] ?? date.toLocaleDateString(undefined, options);
}

export function dayName(ts) {
  const text = pretty(seconds(ts), { weekday: "long", month: "long", day: "numeric" });
  return text[0].toUpperCase() + text.slice(1);
}

export const dayKey = (ts) => seconds(ts).toDateString();

export function ago(date) {
  const s = Math.max(0, Math.round((Date.now() - date.getTime()) / 1000));
  if (s < 60) return `${s} seconds ago`;
  if (s < 3600) return `${Math.round(s / 60)} minutes ago`;
  if (s < 86_400) return `${Math.round(s / 3600)} hours ago`;
  return `${Math.round(s / 86_400)} days ago`;
}

const LONG = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
const PLAIN = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };

// <!date^TS^FORMAT|fallback>
export function slackDate(ts, format) {
  const date = seconds(ts);
  if (Number.isNaN(date.getTime())) return null;
  const tokens = {
    date_num: () => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    date: () => date.toLocaleDateString(undefined, PLAIN),
    date_short: () => date.toLocaleDateString(undefined, SHORT),
    date_long: () => date.toLocaleDateString(undefined, LONG),
    date_pretty: () => pretty(date, PLAIN),
    date_short_pretty: () => pretty(date, SHORT),
    date_long_pretty: () => pretty(date, LONG),
    time: () => time(date),
    time_secs: () => `${time(date)}:${two(date.getSeconds())}`,
    ago: () => ago(date),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => tokens[name]?.() ?? whole);
}
