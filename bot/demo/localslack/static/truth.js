// What is really in the queues, and the switches that break things.

import { get, post } from "./api.js";
import { byId, h, svg } from "./dom.js";

const SAMPLES = 60;
const cards = new Map();
const controls = new Map();
let parts = null;
let closeOverlay = () => false;

// Where the panel lies over the page, Escape closes it; true when it did.
export const closeTruth = () => closeOverlay();

export function startTruth() {
  const panel = byId("truth");
  const button = byId("truth-button");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close the truth" }, "✕");
  parts = {
    queues: h("div", { class: "truth-queues" }),
    systems: h("ul", { class: "systems" }),
    bots: h("ul", { class: "systems" }),
    switches: h("div", { class: "switches" }),
  };
  panel.append(
    h("header", { class: "panel-head" }, h("h2", { id: "truth-title" }, "The truth"), h("span", { class: "topic" }, "straight from Redis"), close),
    h("div", { class: "truth-scroll", tabindex: "0", role: "region", "aria-labelledby": "truth-title" },
      h("h3", null, "Queues"), parts.queues, h("h3", null, "Systems they need"), parts.systems,
      h("h3", null, "Bullhorn"), parts.bots, h("h3", null, "Break something"), parts.switches));
  const narrow = window.matchMedia("(max-width: 1099px)");
  const show = (on) => {
    panel.hidden = !on;
    document.body.classList.toggle("has-truth", on);
    button.setAttribute("aria-expanded", String(on));
  };
  button.hidden = false;
  button.addEventListener("click", () => show(panel.hidden));
  const leave = () => { show(false); button.focus(); };
  close.addEventListener("click", leave);
  closeOverlay = () => {
    if (!narrow.matches || panel.hidden) return false;
    leave();
    return true;
  };
  narrow.addEventListener("change", () => show(!narrow.matches));
  show(!narrow.matches);
  tick();
  setInterval(() => document.hidden || tick(), 1000);
}

let asking = false;

async function tick() {
  if (asking) return;
  asking = true;
  try {
    draw(await get("/world"));
    byId("truth").classList.remove("stale");
  } catch {
    byId("truth").classList.add("stale");
  } finally {
    asking = false;
  }
}

function draw(world) {
  if (!world.queues) return;
  reconcile(parts.queues, cards, world.queues, (q) => q.name, queueCard);
  parts.systems.replaceChildren(...world.systems.map(system));
  parts.bots.replaceChildren(...(world.bots ?? []).map(system));
  reconcile(parts.switches, controls, world.switches, (s) => s.id, control);
}

const system = (s) => h("li", { class: s.up ? "up" : "down" },
  h("span", { class: "dot", "aria-hidden": "true" }), s.label, h("span", { class: "system-state" }, s.state ?? (s.up ? "up" : "down")));

function reconcile(root, known, items, keyOf, make) {
  const keys = new Set(items.map(keyOf));
  for (const [key, entry] of known) {
    if (!keys.has(key)) { entry.node.remove(); known.delete(key); }
  }
  for (const item of items) {
    let entry = known.get(keyOf(item));
    if (!entry) {
      entry = make(item);
      known.set(keyOf(item), entry);
      root.append(entry.node);
    }
    entry.update(item);
  }
}

function queueCard(queue) {
  const big = h("span", { class: "big" });
  const paused = h("span", { class: "paused" }, "paused");
  const facts = Object.fromEntries(["active", "delayed", "failed", "done/min"].map((k) => [k, h("dd")]));
  const line = svg("polyline", { class: "spark-line" });
  const area = svg("polygon", { class: "spark-area" });
  const samples = [];
  const node = h("section", { class: "queue", "aria-label": queue.name },
    h("div", { class: "queue-head" }, h("h4", null, queue.name), paused),
    h("div", { class: "queue-row" }, h("div", { class: "queue-waiting" }, big, h("span", null, "waiting")),
      svg("svg", { class: "spark", viewBox: "0 0 120 36", preserveAspectRatio: "none", "aria-hidden": "true" }, area, line)),
    h("dl", { class: "facts" }, Object.entries(facts).map(([k, dd]) => h("div", null, h("dt", null, k), dd))));
  return {
    node,
    update(q) {
      big.textContent = q.waiting.toLocaleString();
      paused.hidden = !q.paused;
      facts.active.textContent = q.active.toLocaleString();
      facts.delayed.textContent = q.delayed.toLocaleString();
      facts.failed.textContent = q.failed.toLocaleString();
      facts.failed.classList.toggle("bad", q.failed > 0);
      facts["done/min"].textContent = Math.round(q.processed_per_min).toLocaleString();
      samples.push(q.waiting);
      if (samples.length > SAMPLES) samples.shift();
      const top = Math.max(...samples, 10);
      const shown = samples.length === 1 ? [samples[0], samples[0]] : samples;
      const points = shown.map((v, i) => `${(i / (shown.length - 1)) * 120},${34 - (v / top) * 31}`).join(" ");
      line.setAttribute("points", points);
      area.setAttribute("points", `0,36 ${points} 120,36`);
    },
  };
}

function control(item) {
  const help = h("span", { class: "switch-help" }, item.help);
  if (item.kind === "button") {
    const button = h("button", { type: "button", class: "btn small", "aria-label": `Do it: ${item.label}` }, "Do it");
    button.addEventListener("click", () => flip(button, item.id, null));
    return { node: h("div", { class: "switch-row" }, h("div", null, h("span", { class: "switch-label" }, item.label), help), button), update() {} };
  }
  const knob = h("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-label": item.label }, h("span", { class: "knob" }));
  knob.addEventListener("click", () => flip(knob, item.id, knob.getAttribute("aria-checked") !== "true"));
  return {
    node: h("div", { class: "switch-row" }, h("div", null, h("span", { class: "switch-label" }, item.label), help), knob),
    update: (s) => knob.setAttribute("aria-checked", String(Boolean(s.on))),
  };
}

async function flip(button, id, on) {
  button.setAttribute("aria-busy", "true");
  if (on !== null) button.setAttribute("aria-checked", String(on));
  await post("/world/switch", { id, on });
  button.removeAttribute("aria-busy");
  await tick();
}
