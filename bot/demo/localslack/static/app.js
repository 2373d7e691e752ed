// Starts the page and keeps its parts in step.

import { get, post, stream } from "./api.js";
import { composer } from "./composer.js";
import { drawHome, showView } from "./dialogs.js";
import { announce, byId, h } from "./dom.js";
import { MessageList, topLevel } from "./messages.js";
import { mrkdwn } from "./mrkdwn.js";
import { drawConnection, drawPeople, drawRooms } from "./sidebar.js";
import { fillStore, inChannel, markRead, openChannel, person, put, store } from "./store.js";
import { closeThread, drawThread, openThread } from "./thread.js";
import { closeTruth, startTruth } from "./truth.js";

let list = null;
let box = null;
let stopStream = () => {};
let pending = false;

function draw() {
  pending = false;
  const channel = openChannel();
  if (store.place.kind !== "home") {
    list.draw(topLevel(channel));
    drawThread();
    if (!document.hidden) markRead(channel);
  }
  drawRooms(go);
}

// Many changes at once are drawn once.
function redraw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(draw);
}

const conversation = () => `${store.me} ${openChannel()}`;

function go(place) {
  closeThread();
  store.place = place;
  box.moveTo(conversation());
  const app = place.kind !== "channel";
  const room = store.channels.get(place.id);
  byId("title").textContent = app ? store.team.bot.name : `# ${room.name}`;
  byId("topic").textContent = app ? "App" : room.topic;
  byId("tabs").hidden = !app;
  byId("tab-home").setAttribute("aria-selected", String(place.kind === "home"));
  byId("tab-messages").setAttribute("aria-selected", String(place.kind === "dm"));
  byId("home").hidden = place.kind !== "home";
  byId("scroll").hidden = place.kind === "home";
  byId("composer").hidden = place.kind === "home";
  box.placeholder(app ? `Message ${store.team.bot.name}` : `Message #${room.name}`);
  document.title = `${app ? store.team.bot.name : room.name} – ${store.team.team}`;
  closeMenu();
  list.clear();
  draw();
  list.toEnd();
  if (place.kind === "home") {
    drawHome(store.home);
    post("/local/home", { user: store.me });
  }
}

async function load() {
  const [state, found, view] = await Promise.all([
    get("/local/state"), get("/local/messages", { user: store.me }), get("/local/view", { user: store.me })]);
  drawConnection(state.connections);
  store.messages.clear();
  found.messages.forEach(put);
  store.home = view.home;
  showView(view.view);
}

const spoken = (message) => h("div", null, mrkdwn(message.text || message.attachments?.[0]?.fallback || "sent a message")).textContent;

function onChange(change) {
  if (change.type === "message") {
    const isNew = put(change.message);
    if (isNew && change.message.channel === openChannel() && change.message.user !== store.me) {
      announce(`${person(change.message.user).real_name}: ${spoken(change.message)}`);
    }
  } else if (change.type === "removed") {
    store.messages.get(change.channel)?.delete(change.ts);
  } else if (change.type === "view") {
    showView(change.view);
  } else if (change.type === "home") {
    store.home = change.view;
    if (store.place.kind === "home") drawHome(store.home);
  } else if (change.type === "reset") {
    store.messages.clear();
  }
  redraw();
}

async function become(id) {
  stopStream();
  store.me = id;
  store.home = null;
  localStorage.setItem("me", id);
  closeThread();
  box.moveTo(conversation()); // at once: what is typed while it loads is this person's
  showView(null);
  const known = store.known ??= new Set();
  const first = !known.has(id);
  known.add(id);
  await load();
  if (store.me !== id) return; // somebody else was chosen meanwhile
  if (first) [...store.channels.keys(), openChannel()].forEach(markRead);
  stopStream = stream(id, {
    onChange,
    onOpen: () => load().then(redraw, () => {}),
    onClose: () => { byId("connection").textContent = "Reconnecting…"; },
  });
  go(store.place);
}

function closeMenu() {
  document.body.classList.remove("menu-open");
  byId("menu-button").setAttribute("aria-expanded", "false");
}

// A permalink (/archives/CHANNEL/pTS) opens its channel and points at the message.
function startPlace() {
  const link = /^\/archives\/([^/]+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  const first = [...store.channels.keys()][0];
  if (!link || !store.channels.has(link[1])) return { place: { kind: "channel", id: first }, ts: "" };
  return { place: { kind: "channel", id: link[1] }, ts: `${link[2]}.${link[3]}` };
}

function pointAt(ts) {
  const message = inChannel(openChannel()).find((m) => m.ts === ts);
  if (message?.thread_ts && message.thread_ts !== ts) openThread(message.thread_ts);
  const row = document.querySelector(`.row[data-ts="${CSS.escape(ts)}"]`);
  row?.classList.add("pointed");
  row?.scrollIntoView({ block: "center" });
}

function listen() {
  byId("tab-home").addEventListener("click", () => go({ kind: "home", id: "" }));
  byId("tab-messages").addEventListener("click", () => go({ kind: "dm", id: "" }));
  byId("tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = byId(document.activeElement?.id === "tab-home" ? "tab-messages" : "tab-home");
    other.focus();
    other.click();
  });
  byId("menu-button").addEventListener("click", () => {
    const on = document.body.classList.toggle("menu-open");
    byId("menu-button").setAttribute("aria-expanded", String(on));
    if (on) document.querySelector(".room")?.focus();
  });
  byId("main").addEventListener("click", (event) => {
    if (!event.target.closest("#menu-button")) closeMenu();
    const target = event.target.closest("a[href^='#C']")?.getAttribute("href").slice(1);
    if (!target) return;
    event.preventDefault();
    if (store.channels.has(target)) go({ kind: "channel", id: target });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (document.body.classList.contains("menu-open")) closeMenu();
    else if (!closeTruth()) closeThread();
  });
  document.addEventListener("visibilitychange", () => document.hidden || redraw());
  setInterval(async () => {
    if (document.hidden) return;
    try {
      drawConnection((await get("/local/state")).connections);
    } catch {
      byId("connection").textContent = "Reconnecting…";
    }
  }, 2000);
}

async function start() {
  fillStore(await get("/local/state"));
  byId("team").textContent = store.team.team;
  const saved = localStorage.getItem("me");
  const first = store.team.you_can_be.includes(saved) ? saved : store.team.you_can_be[0];
  box = composer({ id: "composer-text", label: "Message", placeholder: "Message", channel: openChannel });
  byId("composer").append(box.node, h("p", { class: "composer-help" }, h("strong", null, "Enter"), " sends · ", h("strong", null, "↑"), " repeats · type ", h("strong", null, "/"), " for commands"));
  list = new MessageList(byId("messages"), byId("scroll"), openThread);
  listen();
  const { place, ts } = startPlace();
  store.place = place;
  store.me = first;
  drawPeople(become);
  await become(first);
  if (ts) pointAt(ts);
  if (store.team.has_world) startTruth();
}

start();
