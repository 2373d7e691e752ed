// Message rows, and lists of them that change only where something changed.

import { post } from "./api.js";
import { blocks } from "./blocks.js";
import { dayKey, dayName, tsFull, tsTime } from "./dates.js";
import { h, safeUrl } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { inChannel, person, store } from "./store.js";

const SAME_AUTHOR_SECONDS = 300;

export function avatar(user, size = 36) {
  const who = person(user);
  if (who.is_bot) return h("img", { class: "avatar", src: "/static/bullhorn.svg", alt: "", width: size, height: size });
  return h("span", { class: "avatar", "aria-hidden": "true", style: { background: who.color, width: `${size}px`, height: `${size}px` } }, who.real_name[0]);
}

const context = (message) => ({
  value: () => undefined,
  act: (block, item, value) => post("/local/action", {
    user: store.me, channel: message.channel, ts: message.ts,
    action_id: item.action_id, block_id: block.block_id, selected_option: value,
  }),
});

function attachment(item, message) {
  const color = /^[0-9a-f]{3,8}$/i.test(item.color ?? "") ? `#${item.color}` : "#ddd";
  const legacy = [
    item.pretext && h("div", { class: "text" }, mrkdwn(item.pretext)),
    item.title && h("div", { class: "text" }, h("strong", null, mrkdwn(item.title))),
    item.text && h("div", { class: "text" }, mrkdwn(item.text)),
    item.fields && h("div", { class: "fields" }, item.fields.map((f) => h("div", { class: "text" }, h("strong", null, f.title), h("br"), mrkdwn(f.value)))),
    item.footer && h("div", { class: "block context" }, mrkdwn(item.footer)),
  ];
  return h("div", { class: "attachment" },
    h("div", { class: "bar", style: { background: color } }),
    h("div", { class: "attachment-body" }, item.blocks ? blocks(item.blocks, context(message)) : legacy));
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function file(item) {
  const url = safeUrl(item.url_private_download);
  const about = `${String(item.filetype ?? "").toUpperCase()} · ${size(item.size)}`;
  return h("div", { class: "file" },
    h("span", { class: "file-icon", "aria-hidden": "true" }, "📄"),
    h("div", { class: "file-words" },
      h("strong", null, item.title || item.name),
      h("span", { class: "file-about" }, `${item.name} · ${about}`)),
    url && h("a", { class: "file-download", href: url, download: item.name, dataset: { key: `file ${item.id}` }, "aria-label": `Download ${item.name}` }, "Download"));
}

function body(message) {
  const edited = message.edited && h("span", { class: "edited", title: tsFull(message.edited.ts) }, " (edited)");
  const main = message.blocks?.length
    ? blocks(message.blocks, context(message))
    : message.text && [h("div", { class: "text" }, mrkdwn(message.text), edited)];
  return [main, (message.attachments ?? []).map((a) => attachment(a, message)), (message.files ?? []).map(file)];
}

function threadLink(message, openThread) {
  if (!message.reply_count) return null;
  const words = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return h("button", { type: "button", class: "thread-link", dataset: { key: "thread" }, onclick: () => openThread(message.ts) },
    message.reply_users.slice(0, 4).map((u) => avatar(u, 22)),
    h("span", { class: "thread-count" }, words),
    h("span", { class: "thread-last" }, `Last reply ${dayName(message.latest_reply).toLowerCase()} at ${tsTime(message.latest_reply)}`));
}

function threadHint(message, openThread) {
  if (message.subtype !== "thread_broadcast") return null;
  return h("div", { class: "thread-hint" }, "replied to a thread: ",
    h("button", { type: "button", class: "plain-link", dataset: { key: "hint" }, onclick: () => openThread(message.thread_ts) }, "see it"));
}

const onlyYou = () => h("div", { class: "only-you" }, h("span", { "aria-hidden": "true", class: "eye" }), "Only visible to you");

export function row(message, { compact, openThread, inThread }) {
  const who = person(message.user);
  const time = h("time", { class: "time", title: tsFull(message.ts) }, tsTime(message.ts));
  const dismiss = message.ephemeral && h("button", {
    type: "button", class: "dismiss", dataset: { key: "dismiss" },
    onclick: () => post("/local/dismiss", { user: store.me, channel: message.channel, ts: message.ts }),
  }, "Dismiss");
  const reply = !message.ephemeral && !inThread && h("button", {
    type: "button", class: "hover-reply", "aria-label": `Reply in thread to ${who.real_name}`, dataset: { key: "reply" }, onclick: () => openThread(message.ts),
  }, "💬 Reply");
  const head = h("div", { class: compact ? "unseen" : "head" },
    h("span", { class: "name" }, who.real_name),
    (who.is_bot || message.user === "USLACKBOT") && h("span", { class: "badge" }, "APP"), time);
  return h("div", { class: `row${compact ? " compact" : ""}${message.ephemeral ? " ephemeral" : ""}`, role: "listitem", dataset: { ts: message.ts } },
    message.ephemeral && onlyYou(),
    h("div", { class: "gutter" }, compact ? h("span", { class: "time", "aria-hidden": "true" }, tsTime(message.ts)) : avatar(message.user)),
    h("div", { class: "content" }, head, !inThread && threadHint(message, openThread), body(message),
      message.action_error && h("div", { class: "action-error", role: "alert" }, h("span", { "aria-hidden": "true" }, "⚠️ "), `Bullhorn did not respond in time (${message.action_error}).`),
      !inThread && threadLink(message, openThread), dismiss),
    reply);
}

// Rows are kept while their message stays the same, so that open menus and focus survive.
export class MessageList {
  constructor(root, scroller, openThread, inThread = false) {
    Object.assign(this, { root, scroller, openThread, inThread, rows: new Map() });
  }

  clear() {
    this.rows.clear();
    this.root.replaceChildren();
  }

  draw(messages) {
    const stuck = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 120;
    const focus = this.#focused();
    const wanted = [];
    let previous = null;
    for (const message of messages) {
      if (!this.inThread && (!previous || dayKey(previous.ts) !== dayKey(message.ts))) wanted.push(this.#day(message));
      wanted.push(this.#row(message, this.#compact(previous, message)));
      if (this.inThread && !previous && messages.length > 1) wanted.push(this.#replies(messages.length - 1));
      previous = message;
    }
    const keep = new Set(wanted);
    for (const [key, entry] of this.rows) if (!keep.has(entry.node)) this.rows.delete(key);
    [...this.root.children].forEach((node) => keep.has(node) || node.remove());
    wanted.forEach((node, i) => {
      if (this.root.children[i] !== node) this.root.insertBefore(node, this.root.children[i] ?? null);
    });
    this.#refocus(focus);
    if (stuck) this.toEnd();
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #compact(previous, message) {
    return Boolean(previous) && previous.user === message.user && !previous.ephemeral && !message.ephemeral
      && !previous.reply_count && !previous.attachments && !message.attachments && Number(message.ts) - Number(previous.ts) < SAME_AUTHOR_SECONDS && dayKey(previous.ts) === dayKey(message.ts);
  }

  #day(message) {
    const key = `day ${dayKey(message.ts)}`;
    const name = dayName(message.ts);
    return this.#cached(key, name, () => h("div", { class: "day", role: "listitem" }, h("span", null, name)));
  }

  #replies(count) {
    const words = count === 1 ? "1 reply" : `${count} replies`;
    return this.#cached("replies", words, () => h("div", { class: "reply-count", role: "listitem" }, words));
  }

  #row(message, compact) {
    const signature = [message.revision, compact, message.reply_count, message.latest_reply, message.action_error, store.me].join(" ");
    return this.#cached(message.ts, signature, () => row(message, { compact, openThread: this.openThread, inThread: this.inThread }));
  }

  #cached(key, signature, make) {
    const known = this.rows.get(key);
    if (known?.signature === signature) return known.node;
    const node = make();
    this.rows.set(key, { signature, node });
    return node;
  }

  #focused() {
    const control = this.root.contains(document.activeElement) ? document.activeElement : null;
    const holder = control?.closest(".row");
    return holder ? { control, ts: holder.dataset.ts, key: control.dataset.key } : null;
  }

  // A redrawn row loses its focus: give it to the same control, or else to the row.
  #refocus(focus) {
    if (!focus || focus.control.isConnected) return;
    const again = this.root.querySelector(`.row[data-ts="${CSS.escape(focus.ts)}"]`);
    const same = focus.key && again?.querySelector(`[data-key="${CSS.escape(focus.key)}"]`);
    if (same) same.focus({ preventScroll: true });
    else if (again) {
      again.tabIndex = -1;
      again.focus({ preventScroll: true });
    }
  }
}

export const topLevel = (channel) =>
  inChannel(channel).filter((m) => !m.thread_ts || m.thread_ts === m.ts || m.subtype === "thread_broadcast");

export const threadOf = (channel, ts) =>
  inChannel(channel).filter((m) => m.ts === ts || m.thread_ts === ts);
