// Builds page elements. Data only ever becomes text nodes or attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(node.style, value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export const byId = (id) => document.getElementById(id);

let counter = 0;
export const uid = (prefix) => `${prefix}-${(counter += 1)}`;

// Only addresses that a click may safely open.
export function safeUrl(url) {
  return /^(https?:|mailto:)/i.test(url ?? "") ? url : null;
}

export function announce(text) {
  byId("live").textContent = text;
}
