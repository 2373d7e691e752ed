// What the page knows: people, channels, messages by channel, who is looking at what.

export const store = {
  team: null,
  people: new Map(),
  channels: new Map(),
  groups: new Map(),
  commands: [],
  me: "",
  place: { kind: "channel", id: "" },
  thread: null,
  home: null,
  messages: new Map(),
  read: new Map(),
  history: [],
};

export function fillStore(state) {
  store.team = state;
  store.people = new Map(state.people.map((p) => [p.id, p]));
  store.channels = new Map(state.channels.map((c) => [c.id, c]));
  store.groups = new Map(state.groups.map((g) => [g.id, g]));
  store.commands = state.commands;
}

export const me = () => store.people.get(store.me);
export const person = (id) => store.people.get(id) ?? { id, real_name: id, color: "#616061" };

// The conversation on screen; the app's Messages tab is the direct messages with it.
export function openChannel() {
  return store.place.kind === "channel" ? store.place.id : me()?.im;
}

export function inChannel(channel) {
  const found = [...(store.messages.get(channel)?.values() ?? [])];
  return found.sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

export function put(message) {
  if (!store.messages.has(message.channel)) store.messages.set(message.channel, new Map());
  const room = store.messages.get(message.channel);
  const isNew = !room.has(message.ts);
  room.set(message.ts, message);
  return isNew;
}

const key = (channel) => `${store.me} ${channel}`;

export function markRead(channel) {
  const newest = inChannel(channel).at(-1);
  store.read.set(key(channel), newest?.ts ?? "0");
}

// How much is new in a channel for whoever is looking, and whether any of it is for them.
export function unread(channel) {
  const since = store.read.get(key(channel)) ?? "0";
  const fresh = inChannel(channel).filter((m) => m.ts > since && m.user !== store.me);
  const forMe = fresh.filter((m) => m.ephemeral || mentionsMe(m));
  return { count: fresh.length, mentions: forMe.length };
}

function mentionsMe(message) {
  return JSON.stringify([message.text, message.blocks]).includes(`<@${store.me}>`);
}
