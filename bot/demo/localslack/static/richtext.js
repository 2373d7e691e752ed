// The rich_text block.

import { h, safeUrl } from "./dom.js";
import { slackDate } from "./dates.js";
import { emoji } from "./emoji.js";
import { channelLink, link, mention } from "./mrkdwn.js";
import { store } from "./store.js";

function styled(item, words) {
  const style = item.style ?? {};
  let node = words;
  if (style.code) node = h("code", null, node);
  if (style.strike) node = h("s", null, node);
  if (style.italic) node = h("em", null, node);
  if (style.bold) node = h("strong", null, node);
  return node;
}

const broken = (text) => text.split("\n").flatMap((line, i) => (i ? [h("br"), line] : [line]));

function leaf(item) {
  if (item.type === "text") return styled(item, broken(item.text));
  if (item.type === "link") {
    const words = item.text || item.url;
    return styled(item, safeUrl(item.url) ? link(item.url, words) : words);
  }
  if (item.type === "emoji") return emoji(item.name) ?? `:${item.name}:`;
  if (item.type === "user") return mention(item.user_id);
  if (item.type === "channel") return channelLink(item.channel_id, "");
  if (item.type === "usergroup") return h("span", { class: "mention" }, `@${store.groups.get(item.usergroup_id)?.handle ?? "group"}`);
  if (item.type === "broadcast") return h("span", { class: "mention me" }, `@${item.range}`);
  if (item.type === "date") return h("time", null, slackDate(item.timestamp, item.format) ?? item.fallback ?? "");
  return "";
}

const leaves = (part) => part.elements.map(leaf);

function part(item) {
  if (item.type === "rich_text_list") {
    const depth = Math.min(3, item.indent ?? 0);
    return h(item.style === "ordered" ? "ol" : "ul", { class: `rich-list depth-${depth}`, start: item.offset ? item.offset + 1 : null },
      item.elements.map((e) => h("li", null, leaves(e))));
  }
  if (item.type === "rich_text_quote") return h("blockquote", { class: "quote" }, leaves(item));
  if (item.type === "rich_text_preformatted") return h("pre", { class: "code-block", tabindex: "0" }, item.elements.map((e) => e.text ?? e.url ?? ""));
  return h("div", null, leaves(item));
}

export const richText = (block) => block.elements.map(part);
