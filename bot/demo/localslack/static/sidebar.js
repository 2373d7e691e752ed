// Channels, the app, and who you are.

import { byId, h } from "./dom.js";
import { avatar } from "./messages.js";
import { store, unread } from "./store.js";

function entry({ id, name, icon, current, news, go }) {
  const words = news.count ? `${name}, ${news.count} new` : name;
  return h("li", null, h("button", {
    type: "button", class: `room${news.count ? " unread" : ""}`, "aria-current": current ? "page" : null, "aria-label": words, dataset: { id }, onclick: go,
  }, icon, h("span", { class: "room-name" }, name), news.mentions > 0 && h("span", { class: "count", "aria-hidden": "true" }, String(news.mentions))));
}

export function drawRooms(go) {
  const focused = document.activeElement?.dataset?.id;
  const { place } = store;
  byId("channels").replaceChildren(...[...store.channels.values()].map((c) => entry({
    id: c.id, name: c.name, icon: h("span", { class: "hash", "aria-hidden": "true" }, c.private ? "🔒" : "#"),
    current: place.kind === "channel" && place.id === c.id, news: unread(c.id), go: () => go({ kind: "channel", id: c.id }),
  })));
  const im = store.people.get(store.me)?.im;
  byId("apps").replaceChildren(entry({
    id: "app", name: store.team.bot.name, icon: avatar(store.team.bot.id, 20), current: place.kind !== "channel",
    news: unread(im), go: () => go({ kind: "home", id: "" }),
  }));
  if (focused) document.querySelector(`.room[data-id="${CSS.escape(focused)}"]`)?.focus();
}

export function drawPeople(choose) {
  const legend = h("legend", null, "You are");
  byId("people").replaceChildren(legend, ...store.team.you_can_be.map((id) => {
    const who = store.people.get(id);
    const input = h("input", { type: "radio", name: "me", value: id, checked: id === store.me, class: "unseen", onchange: () => choose(id) });
    return h("label", { class: "person" }, input, avatar(id, 28),
      h("span", { class: "person-words" }, h("span", { class: "person-name" }, who.real_name), h("span", { class: "person-role" }, who.role)));
  }));
}

export function drawConnection(count) {
  const node = byId("connection");
  node.textContent = count ? "Bullhorn is connected" : "Bullhorn is not connected";
  node.classList.toggle("off", !count);
}
