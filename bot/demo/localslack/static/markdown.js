// The markdown block: the part of standard Markdown that bots use.

import { h, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link } from "./mrkdwn.js";

const TOKENS = /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*(.+?)\*|(?<!\w)_(.+?)_(?!\w)|~~(.+?)~~|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inline(text) {
  const out = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > at) out.push(withEmoji(text.slice(at, match.index)));
    const [whole, code, bold, bold2, italic, italic2, strike, label, url] = match;
    if (code !== undefined) out.push(h("code", null, code));
    else if (bold ?? bold2) out.push(h("strong", null, inline(bold ?? bold2)));
    else if (italic ?? italic2) out.push(h("em", null, inline(italic ?? italic2)));
    else if (strike) out.push(h("s", null, inline(strike)));
    else out.push(safeUrl(url) ? link(url, inline(label)) : label);
    at = match.index + whole.length;
  }
  if (at < text.length) out.push(withEmoji(text.slice(at)));
  return out;
}

const RULES = [
  [/^(#{1,6})\s+(.*)$/, (m) => h("div", { class: "md-heading", role: "heading", "aria-level": "2" }, inline(m[2]))],
  [/^\s*([-*+]|\d+\.)\s+(.*)$/, (m) => h("div", { class: "bullet depth-0" }, h("span", { class: "bullet-mark" }, /\d/.test(m[1]) ? m[1] : "•"), h("span", null, inline(m[2])))],
  [/^>\s?(.*)$/, (m) => h("blockquote", { class: "quote" }, inline(m[1]))],
  [/^(-{3,}|\*{3,})$/, () => h("hr", { class: "divider" })],
  [/^(.+)$/, (m) => h("div", null, inline(m[1]))],
];

export function markdown(text) {
  const out = [];
  text.split(/^```.*$/m).forEach((piece, index) => {
    if (index % 2) {
      out.push(h("pre", { class: "code-block", tabindex: "0" }, piece.trim()));
      return;
    }
    for (const line of piece.split("\n")) {
      const rule = RULES.find(([pattern]) => pattern.test(line));
      if (rule) out.push(rule[1](rule[0].exec(line)));
    }
  });
  return out;
}
