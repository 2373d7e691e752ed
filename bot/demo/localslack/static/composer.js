// The box to type in: slash command suggestions, history, Enter to send.

import { post } from "./api.js";
import { announce, h, uid } from "./dom.js";
import { store } from "./store.js";

export function composer({ id, label, placeholder, channel, thread = () => "" }) {
  const listId = uid("suggestions");
  let historyAt = -1;
  // What was typed but not sent stays with its conversation.
  const drafts = new Map();
  let place = "";
  const text = h("textarea", {
    id, rows: "1", class: "composer-text", "aria-label": label, "aria-autocomplete": "list",
    "aria-controls": listId, autocomplete: "off", spellcheck: "false", placeholder,
  });
  const list = h("div", { class: "suggestions", id: listId, role: "listbox", "aria-label": "Slash commands", hidden: true });
  const send = h("button", { type: "button", class: "send", "aria-label": "Send", disabled: true }, "➤");
  const problem = h("p", { class: "composer-problem", role: "alert" });
  const box = h("div", { class: "composer" }, list, h("div", { class: "composer-box" }, text, send), problem);

  const grow = () => {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
    send.disabled = !text.value.trim();
  };
  const set = (value) => {
    text.value = value;
    grow();
    suggest();
    text.setSelectionRange(value.length, value.length);
  };
  const matching = () => {
    const typed = text.value;
    return /^\/\S*$/.test(typed) ? store.commands.filter((c) => c.command.startsWith(typed) && c.command !== typed) : [];
  };
  function suggest() {
    const found = matching();
    list.hidden = !found.length;
    list.replaceChildren(...found.map((c, i) => h("div", { role: "option", id: uid("command"), class: "suggestion", "aria-selected": String(i === 0), onmousedown: (e) => { e.preventDefault(); take(c); } },
      h("img", { src: "/static/bullhorn.svg", alt: "", width: "32", height: "32" }),
      h("div", null, h("div", null, h("strong", null, c.command), " ", h("span", { class: "suggestion-hint" }, c.hint)), h("div", { class: "suggestion-more" }, c.description)),
      h("span", { class: "suggestion-app" }, "Bullhorn"))));
    if (found.length) {
      text.setAttribute("aria-activedescendant", list.firstChild.id);
      announce(`${found[0].command}: ${found[0].description}. Tab completes it.`);
    }
    else text.removeAttribute("aria-activedescendant");
  }
  const take = (command) => { set(`${command.command} `); text.focus(); };

  async function submit() {
    const value = text.value.trim();
    if (!value) return;
    if (store.history.at(-1) !== value) store.history.push(value);
    historyAt = -1;
    set("");
    problem.textContent = "";
    box.classList.add("sending");
    const at = place;
    const answer = await post("/local/command", { user: store.me, channel: channel(), text: value, thread_ts: thread() });
    box.classList.remove("sending");
    if (answer.error === "unreachable") giveBack(value, at);
  }
  // What was not sent is there again, unless something else was begun meanwhile.
  function giveBack(value, at) {
    if (at !== place) drafts.set(at, drafts.get(at) || value);
    else if (!text.value) set(value);
    problem.textContent = "Not sent: this page's server does not answer. Try again.";
  }
  function recall(step) {
    const at = historyAt < 0 ? store.history.length + step : historyAt + step;
    if (at < 0) return;
    historyAt = at >= store.history.length ? -1 : at;
    set(historyAt < 0 ? "" : store.history[historyAt]);
  }
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const suggestions = list.hidden ? [] : matching();
    const recalling = !text.value || (historyAt >= 0 && text.value === store.history[historyAt]);
    if (suggestions.length && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
      event.preventDefault();
      take(suggestions[0]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      list.hidden = true;
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && recalling) {
      event.preventDefault();
      recall(event.key === "ArrowUp" ? -1 : 1);
    }
  });
  text.addEventListener("input", () => { historyAt = -1; problem.textContent = ""; grow(); suggest(); });
  text.addEventListener("blur", () => { list.hidden = true; });
  send.addEventListener("click", submit);
  const moveTo = (next) => {
    if (next === place) return;
    drafts.set(place, text.value);
    place = next;
    set(drafts.get(place) ?? "");
  };
  return { node: box, text, moveTo, placeholder: (words) => { text.placeholder = words; text.setAttribute("aria-label", words); } };
}
