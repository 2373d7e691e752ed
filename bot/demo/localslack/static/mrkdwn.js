// Slack's mrkdwn, as page elements.

import { h, safeUrl } from "./dom.js";
import { slackDate, tsFull } from "./dates.js";
import { emoji, withEmoji } from "./emoji.js";
import { person, store } from "./store.js";

const INNER = (stop) => `((?:\`[^\`\\n]*\`|<[^>\\n]*>|[^${stop}\\n])+?)`;
const span = (mark) =>
  `(?<![\\w\\\\${mark}])\\${mark}(?=\\S)${INNER(mark)}(?<=\\S)\\${mark}(?![\\w${mark}])`;
const TOKENS = new RegExp(
  ["`([^`\\n]+)`", "<([^<>\\n]+)>", span("*"), span("_"), span("~"), ":([a-z0-9_+-]+):"].join("|"),
  "g",
);

export const unescape = (text) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function mrkdwn(text) {
  const nodes = [];
  String(text ?? "").split(/```/).forEach((piece, index, all) => {
    if (index % 2 === 1 && index < all.length - 1) {
      nodes.push(h("pre", { class: "code-block", tabindex: "0" }, codeText(piece.replace(/^\n|\n$/g, ""))));
    } else {
      const before = index > 0 ? piece.replace(/^\n/, "") : piece;
      const after = index < all.length - 1 ? before.replace(/\n$/, "") : before;
      if (after) nodes.push(...lines(index % 2 === 1 ? `\`\`\`${after}` : after));
    }
  });
  return nodes;
}

// Links keep working inside code, everything else is literal.
const codeText = (text) => unescape(text.replace(/<(https?:[^|>]+)(?:\|([^>]+))?>/g, (_, u, l) => l ?? u));

function lines(text) {
  const out = [];
  let quote = null;
  const all = text.split("\n");
  all.forEach((line, index) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quoted) {
      quote ??= out[out.push(h("blockquote", { class: "quote" })) - 1];
      if (quote.childNodes.length) quote.append(h("br"));
      quote.append(...inline(quoted[1]));
      return;
    }
    quote = null;
    const bullet = /^(\s*)([•◦▪‣]|\d+\.) (.*)$/.exec(line);
    if (bullet) {
      const depth = Math.min(3, Math.floor(bullet[1].length / 2));
      out.push(h("div", { class: `bullet depth-${depth}` }, h("span", { class: "bullet-mark" }, bullet[2]), h("span", null, inline(bullet[3]))));
      return;
    }
    out.push(...inline(line));
    const next = all[index + 1];
    if (next !== undefined && !/^(?:&gt;|>|\s*(?:[•◦▪‣]|\d+\.) )/.test(next)) out.push(h("br"));
  });
  return out;
}

export function inline(text) {
  const out = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [whole, code, angle, bold, italic, strike, name] = match;
    let node = null;
    if (code !== undefined) node = h("code", null, codeText(code));
    else if (angle !== undefined) node = special(angle);
    else if (bold !== undefined) node = h("strong", null, inline(bold));
    else if (italic !== undefined) node = h("em", null, inline(italic));
    else if (strike !== undefined) node = h("s", null, inline(strike));
    else node = emoji(name);
    if (node === null) continue;
    if (match.index > at) out.push(unescape(text.slice(at, match.index)));
    out.push(node);
    at = match.index + whole.length;
  }
  if (at < text.length) out.push(unescape(text.slice(at)));
  return out;
}

function special(body) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : body.slice(bar + 1);
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith("!date^")) {
    const [, ts, format, link] = target.split("^");
    const shown = slackDate(ts, format ?? "") ?? label;
    const node = h("time", { title: tsFull(ts) }, shown);
    return safeUrl(link) ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, node) : node;
  }
  if (target.startsWith("!subteam^")) {
    const group = store.groups.get(target.slice(9));
    return h("span", { class: "mention" }, `@${group?.handle ?? label.replace(/^@/, "") ?? "group"}`);
  }
  if (target.startsWith("!")) return h("span", { class: "mention me" }, `@${target.slice(1)}`);
  if (safeUrl(target)) return link(unescape(target), label ? inline(label) : [unescape(target)]);
  return unescape(`<${body}>`);
}

export const link = (url, children) =>
  h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);

export function mention(id) {
  return h("span", { class: `mention${id === store.me ? " me" : ""}` }, `@${person(id).real_name}`);
}

export function channelLink(id, label) {
  const name = store.channels.get(id)?.name ?? (label || id);
  return h("a", { href: `#${id}`, class: "mention" }, `#${name}`);
}

// A text object: mrkdwn or plain_text.
export function textObject(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text);
  const words = object.emoji === false ? object.text : withEmoji(object.text);
  return words.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

export const plainText = (object) => (object ? withEmoji(object.text) : "");
