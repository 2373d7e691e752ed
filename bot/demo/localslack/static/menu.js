// A button that opens a list of options: Slack's static select and overflow menu.

import { h, uid } from "./dom.js";

let closeOpen = null;

// options: [{label, value, selected}]; choose(value) when one is picked.
export function menu({ label, face, options, choose, className, key }) {
  const listId = uid("menu");
  const button = h("button", {
    type: "button", class: className, "aria-haspopup": "listbox", "aria-expanded": "false",
    "aria-controls": listId, "aria-label": label, dataset: { key },
  }, face);
  const wrap = h("span", { class: "menu" }, button);
  let list = null;
  let active = 0;
  let typed = "";
  let typedAt = 0;

  const close = (refocus) => {
    list?.remove();
    list = null;
    closeOpen = null;
    button.setAttribute("aria-expanded", "false");
    button.removeAttribute("aria-activedescendant");
    document.removeEventListener("pointerdown", outside, true);
    if (refocus) button.focus();
  };
  const outside = (event) => {
    if (!wrap.contains(event.target)) close(false);
  };
  const mark = (index) => {
    active = (index + options.length) % options.length;
    [...list.children].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === active));
      if (i === active) {
        list.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const pick = (index) => {
    close(true);
    choose(options[index].value);
  };
  const jump = (character) => {
    typed = Date.now() - typedAt < 600 ? typed + character : character;
    typedAt = Date.now();
    const found = options.findIndex((o) => o.label.toLowerCase().startsWith(typed.toLowerCase()));
    if (found >= 0) mark(found);
  };
  const onKey = (event) => {
    const moves = { ArrowDown: active + 1, ArrowUp: active - 1, Home: 0, End: options.length - 1 };
    if (event.key in moves) mark(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") pick(active);
    else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") return close(true);
    else if (event.key.length === 1) jump(event.key);
    else return undefined;
    event.preventDefault();
    event.stopPropagation();
    return undefined;
  };
  const open = () => {
    closeOpen?.(false);
    closeOpen = close;
    list = h("ul", { class: "menu-list", role: "listbox", id: listId, tabindex: "-1", "aria-label": label, onkeydown: onKey },
      options.map((option, index) =>
        h("li", { role: "option", id: uid("option"), onclick: () => pick(index), onpointermove: () => mark(index) }, option.label)));
    wrap.append(list);
    button.setAttribute("aria-expanded", "true");
    place(button, list);
    document.addEventListener("pointerdown", outside, true);
    mark(Math.max(0, options.findIndex((o) => o.selected)));
    list.focus({ preventScroll: true });
  };
  button.addEventListener("click", () => (list ? close(true) : open()));
  button.addEventListener("keydown", (event) => {
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list) {
      event.preventDefault();
      open();
    }
  });
  return wrap;
}

// Fixed to the window, so that no scrolling parent cuts it off.
function place(button, list) {
  const box = button.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  const above = box.bottom + size.height + 8 > window.innerHeight && box.top > size.height;
  list.style.top = `${above ? box.top - size.height - 4 : box.bottom + 4}px`;
  list.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - size.width - 8))}px`;
  list.style.minWidth = `${Math.max(box.width, 140)}px`;
}
