// Confirmation dialogs and the modals that the app opens.

import { post } from "./api.js";
import { blocks } from "./blocks.js";
import { byId, h } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";
import { store } from "./store.js";

export function confirmFirst(confirm) {
  return new Promise((resolve) => {
    const answer = (yes) => { dialog.close(); dialog.remove(); resolve(yes); };
    const dialog = h("dialog", { class: "dialog small", "aria-labelledby": "confirm-title", oncancel: (event) => { event.preventDefault(); answer(false); } },
      h("h2", { id: "confirm-title", class: "dialog-title" }, plainText(confirm.title)),
      h("div", { class: "dialog-body text" }, textObject(confirm.text)),
      h("div", { class: "dialog-feet" },
        h("button", { type: "button", class: "btn", onclick: () => answer(false) }, plainText(confirm.deny)),
        h("button", { type: "button", class: `btn ${confirm.style === "danger" ? "danger solid" : "primary"}`, onclick: () => answer(true) }, plainText(confirm.confirm))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

let open = null;

// Shows a view, replaces the one that is shown, or closes it (view null).
export function showView(view) {
  if (!view) {
    open?.dialog.close();
    open?.dialog.remove();
    open = null;
    return;
  }
  if (open?.view.id === view.id && open.view.hash === view.hash) return;
  const kept = open?.view.id === view.id ? open.read() : {};
  showView(null);
  open = build(view, kept);
  document.body.append(open.dialog);
  open.dialog.showModal();
  (open.dialog.querySelector("[autofocus]") ?? open.dialog.querySelector(".dialog-body :is(input, textarea, select)"))?.focus();
}

export const viewContext = (view, readers, kept = {}) => ({
  value: (block, item) => kept[block.block_id] ?? stateValue(view.state?.values?.[block.block_id]?.[item.action_id]),
  register: (block, item, read) => readers?.set(block.block_id, { item, read }),
  act: (block, item, value) => {
    if (block.type === "input" && !block.dispatch_action) return Promise.resolve();
    return post("/local/view/action", { user: store.me, view_id: view.id, block_id: block.block_id, action_id: item.action_id, value });
  },
});

function stateValue(state) {
  if (!state) return undefined;
  if (state.selected_options) return state.selected_options.map((o) => o.value);
  return state.selected_option?.value ?? state.value ?? state.selected_date ?? state.selected_time ?? undefined;
}

function build(view, kept) {
  const readers = new Map();
  const read = () => Object.fromEntries([...readers].map(([id, { read: value }]) => [id, value()]));
  const errors = (found) => {
    for (const part of form.querySelectorAll("[data-block]")) {
      const message = found[part.dataset.block] ?? "";
      part.querySelector(".error").textContent = message;
      part.classList.toggle("wrong", Boolean(message));
      part.querySelector(".field")?.setAttribute("aria-invalid", String(Boolean(message)));
    }
    form.querySelector(".wrong :is(input, textarea, select)")?.focus();
  };
  const problem = h("div", { class: "dialog-problem", role: "alert" });
  const close = () => post("/local/view/close", { user: store.me, view_id: view.id });
  const submitButton = view.submit && h("button", { type: "submit", class: "btn primary" }, h("span", { class: "btn-words" }, plainText(view.submit)));
  const submit = async (event) => {
    event.preventDefault();
    if (!view.submit || submitButton.getAttribute("aria-busy") === "true") return;
    submitButton.setAttribute("aria-busy", "true");
    problem.textContent = "";
    const answer = await post("/local/view/submit", { user: store.me, view_id: view.id, values: read() });
    submitButton.removeAttribute("aria-busy");
    errors(answer.errors && !Array.isArray(answer.errors) ? answer.errors : {});
    if (answer.error) problem.textContent = `We had some trouble connecting. Try again? (${answer.error})`;
  };
  const form = h("form", { class: "dialog-form", onsubmit: submit, novalidate: true },
    h("header", { class: "dialog-head" },
      h("img", { src: "/static/bullhorn.svg", alt: "", width: "24", height: "24" }),
      h("h2", { class: "dialog-title", id: "dialog-title" }, plainText(view.title)),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: close }, "✕")),
    h("div", { class: "dialog-body", tabindex: "0", role: "group", "aria-labelledby": "dialog-title" }, blocks(view.blocks, viewContext(view, readers, kept))),
    problem,
    h("footer", { class: "dialog-feet" },
      h("button", { type: "button", class: "btn", onclick: close }, plainText(view.close) || "Cancel"), submitButton));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title", oncancel: (event) => { event.preventDefault(); close(); } }, form);
  return { view, dialog, read };
}

export function drawHome(view) {
  const place = byId("home");
  const words = view
    ? blocks(view.blocks, viewContext(view))
    : [h("div", { class: "empty" }, h("img", { src: "/static/bullhorn.svg", alt: "", width: "56", height: "56" }), h("p", null, "Nothing here yet. Bullhorn draws its Home when it is connected."))];
  place.replaceChildren(h("div", { class: "home-inner" }, words));
}
