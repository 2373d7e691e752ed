// The data_visualization block: line, area, bar and pie, drawn as SVG with a table for those
// who do not see it.

import { h, svg, uid } from "./dom.js";

const COLORS = ["#1264a3", "#c2410c", "#007a5a", "#8a3ffc", "#ad1457", "#7a6200", "#00695c", "#5b5b9f", "#a1343c", "#386641", "#6d4c41", "#37474f"];
const W = 520;
const H = 200;
const LEFT = 44;
const BOTTOM = 26;
const TOP = 10;

export function chart(block) {
  const { chart: spec } = block;
  const id = uid("chart");
  const drawing = spec.type === "pie" ? pie(spec) : plot(spec);
  return h("figure", { class: "block chart", "aria-labelledby": id },
    h("figcaption", { id }, block.title), drawing.picture, legend(drawing.names), asTable(block, spec));
}

function niceTop(value) {
  if (value <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((t) => t >= value);
}

function plot(spec) {
  const labels = spec.axis_config.categories;
  const values = spec.series.flatMap((s) => s.data.map((d) => d.value));
  const top = niceTop(Math.max(...values, 1));
  const bars = spec.type === "bar";
  const slot = (W - LEFT - 8) / (bars ? labels.length : Math.max(1, labels.length - 1));
  const x = (i) => LEFT + slot * (bars ? i + 0.5 : i);
  const y = (v) => TOP + (H - TOP - BOTTOM) * (1 - Math.max(0, v) / top);
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "plot", "aria-hidden": "true" });
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    picture.append(
      svg("line", { x1: LEFT, x2: W, y1: y(top * part), y2: y(top * part), class: "grid" }),
      svg("text", { x: LEFT - 6, y: y(top * part) + 4, class: "tick end" }, (top * part).toLocaleString()));
  }
  const every = Math.ceil(labels.length / 8);
  labels.forEach((label, i) => {
    if (i % every === 0) picture.append(svg("text", { x: x(i), y: H - 8, class: "tick middle" }, label));
  });
  spec.series.forEach((series, n) => picture.append(...marks(spec, series, n, { x, y, slot })));
  return { picture, names: spec.series.map((s) => s.name) };
}

function marks(spec, series, n, { x, y, slot }) {
  const color = COLORS[n % COLORS.length];
  if (spec.type === "bar") {
    const width = (slot * 0.7) / spec.series.length;
    return series.data.map((d, i) => svg("rect", {
      x: x(i) - slot * 0.35 + n * width, y: y(d.value), width: Math.max(1, width - 1), height: y(0) - y(d.value), fill: color, rx: 1.5,
    }));
  }
  const points = series.data.map((d, i) => `${x(i)},${y(d.value)}`).join(" ");
  const line = svg("polyline", { points, fill: "none", stroke: color, "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round" });
  if (spec.type !== "area") return [line];
  const floor = `${x(series.data.length - 1)},${y(0)} ${x(0)},${y(0)}`;
  return [svg("polygon", { points: `${points} ${floor}`, fill: color, opacity: 0.18 }), line];
}

function pie(spec) {
  const total = spec.segments.reduce((sum, s) => sum + s.value, 0) || 1;
  const picture = svg("svg", { viewBox: "-100 -100 200 200", class: "pie", "aria-hidden": "true" });
  let angle = -Math.PI / 2;
  spec.segments.forEach((segment, n) => {
    const turn = (segment.value / total) * Math.PI * 2 * 0.9999;
    const at = (a) => `${90 * Math.cos(a)},${90 * Math.sin(a)}`;
    const large = turn > Math.PI ? 1 : 0;
    picture.append(svg("path", { d: `M0,0 L${at(angle)} A90,90 0 ${large} 1 ${at(angle + turn)} Z`, fill: COLORS[n % COLORS.length] }));
    angle += turn;
  });
  return { picture, names: spec.segments.map((s) => `${s.label} ${Math.round((s.value / total) * 100)} %`) };
}

function legend(names) {
  return h("ul", { class: "legend" }, names.map((name, n) =>
    h("li", null, h("span", { class: "swatch", style: { background: COLORS[n % COLORS.length] } }), name)));
}

function asTable(block, spec) {
  const rows = spec.type === "pie"
    ? spec.segments.map((s) => [s.label, s.value])
    : spec.axis_config.categories.map((c, i) => [c, ...spec.series.map((s) => s.data[i]?.value)]);
  const heads = spec.type === "pie" ? ["Part", "Value"] : ["Label", ...spec.series.map((s) => s.name)];
  return h("div", { class: "unseen" }, h("table", null, h("caption", null, block.title),
    h("thead", null, h("tr", null, heads.map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", null, rows.map((r) => h("tr", null, r.map((v) => h("td", null, String(v))))))));
}
