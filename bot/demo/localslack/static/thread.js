// The thread panel.

import { byId, h } from "./dom.js";
import { composer } from "./composer.js";
import { MessageList, threadOf } from "./messages.js";
import { openChannel, store } from "./store.js";

let list = null;
let opener = null;

export function openThread(ts) {
  opener = document.activeElement;
  store.thread = ts;
  const panel = byId("thread");
  const scroller = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Replies" });
  const root = h("div", { class: "messages", role: "list" });
  scroller.append(root);
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close thread", onclick: closeThread }, "✕");
  const place = store.place.kind === "channel" ? `# ${store.channels.get(store.place.id)?.name}` : store.team.bot.name;
  const reply = composer({ id: "thread-text", label: "Reply", placeholder: "Reply…", channel: openChannel, thread: () => store.thread });
  panel.replaceChildren(
    h("header", { class: "panel-head" }, h("h2", null, "Thread"), h("span", { class: "topic" }, place), close), scroller, reply.node);
  panel.hidden = false;
  document.body.classList.add("has-thread");
  list = new MessageList(root, scroller, openThread, true);
  drawThread();
  list.toEnd();
  reply.text.focus();
}

export function closeThread() {
  if (!store.thread) return;
  store.thread = null;
  list = null;
  byId("thread").hidden = true;
  byId("thread").replaceChildren();
  document.body.classList.remove("has-thread");
  if (opener?.isConnected) opener.focus();
  else byId("composer-text")?.focus();
}

export function drawThread() {
  if (!store.thread || !list) return;
  const messages = threadOf(openChannel(), store.thread);
  if (messages.length) list.draw(messages);
  else closeThread();
}
