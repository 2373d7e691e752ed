// Interactive elements: buttons, menus, checkboxes, dates, text fields.

import { confirmFirst } from "./dialogs.js";
import { h, safeUrl, uid } from "./dom.js";
import { menu } from "./menu.js";
import { plainText, textObject } from "./mrkdwn.js";
import { store } from "./store.js";

const optionsOf = (element) => [
  ...(element.options ?? []),
  ...(element.option_groups ?? []).flatMap((group) => group.options),
];

// Block ids change with every edit when the app leaves them out; action ids do not.
const keyOf = (item) => item.action_id;

// context.act(block, element, value) sends the action; context.state reads what was chosen.
export function element(block, item, context) {
  const render = RENDER[item.type];
  if (!render) return h("span", { class: "unsupported" }, `(${item.type})`);
  return render(block, item, context);
}

async function act(block, item, value, context, control) {
  if (item.confirm && !(await confirmFirst(item.confirm))) return false;
  control?.setAttribute("aria-busy", "true");
  try {
    await context.act(block, item, value);
  } finally {
    control?.removeAttribute("aria-busy");
  }
  return true;
}

function button(block, item, context) {
  const url = safeUrl(item.url);
  const classes = `btn ${item.style ?? ""}`;
  const common = { class: classes, "aria-label": item.accessibility_label, dataset: { key: keyOf(item) } };
  if (url) {
    return h("a", { ...common, href: url, target: "_blank", rel: "noopener noreferrer", onclick: () => context.act(block, item, null) },
      textObject(item.text), h("span", { class: "unseen" }, " (opens in a new tab)"));
  }
  const node = h("button", { ...common, type: "button" }, h("span", { class: "btn-words" }, textObject(item.text)));
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-busy") !== "true") act(block, item, null, context, node);
  });
  return node;
}

function select(block, item, context) {
  const chosen = context.value(block, item) ?? item.initial_option?.value;
  const options = optionsOf(item).map((o) => ({ label: plainText(o.text), value: o.value, selected: o.value === chosen }));
  const shown = options.find((o) => o.selected)?.label ?? (plainText(item.placeholder) || "Choose an option");
  const node = menu({
    key: keyOf(item),
    label: options.some((o) => o.selected) ? `${plainText(item.placeholder)} ${shown}` : shown,
    face: [h("span", { class: "btn-words" }, shown), h("span", { class: "chevron", "aria-hidden": "true" })],
    className: "btn select",
    options,
    choose: (value) => act(block, item, value, context, node.querySelector("button")).then((sent) => {
      if (sent) node.querySelector(".btn-words").textContent = options.find((o) => o.value === value).label;
    }),
  });
  return node;
}

function overflow(block, item, context) {
  const options = item.options.map((o) => ({ label: plainText(o.text), value: o.value }));
  return menu({
    key: keyOf(item), label: "More actions", face: "⋯", className: "btn overflow", options,
    choose: (value) => act(block, item, value, context),
  });
}

function boxes(kind) {
  return (block, item, context) => {
    const stored = context.value(block, item);
    const start = kind === "checkbox"
      ? stored ?? (item.initial_options ?? []).map((o) => o.value)
      : [stored ?? item.initial_option?.value];
    const name = uid("choice");
    const group = h("div", { class: "choices", role: kind === "checkbox" ? "group" : "radiogroup", "aria-labelledby": context.labelledBy });
    const read = () => [...group.querySelectorAll("input:checked")].map((input) => input.value);
    for (const option of item.options) {
      const input = h("input", { type: kind, name, value: option.value, checked: start.includes(option.value) });
      input.addEventListener("change", () => act(block, item, kind === "checkbox" ? read() : read()[0], context));
      group.append(h("label", { class: "choice" }, input,
        h("span", null, textObject(option.text),
          option.description && h("span", { class: "choice-more" }, textObject(option.description)))));
    }
    context.register?.(block, item, () => (kind === "checkbox" ? read() : read()[0] ?? null));
    return group;
  };
}

function picker(type) {
  return (block, item, context) => {
    const node = h("input", {
      type, class: "field short", value: context.value(block, item) ?? item.initial_date ?? item.initial_time ?? "",
      id: context.inputId, "aria-label": context.inputId ? null : plainText(item.placeholder) || "Date",
      "aria-describedby": context.describedBy, dataset: { key: keyOf(item) },
    });
    node.addEventListener("change", () => act(block, item, node.value, context));
    context.register?.(block, item, () => node.value || null);
    return node;
  };
}

function textField(block, item, context) {
  const props = {
    class: "field", id: context.inputId, "aria-describedby": context.describedBy,
    placeholder: plainText(item.placeholder), maxlength: item.max_length,
    required: context.required, autofocus: item.focus_on_load, dataset: { key: keyOf(item) },
  };
  const start = context.value(block, item) ?? item.initial_value ?? "";
  const node = item.multiline
    ? h("textarea", { ...props, rows: "4" }, start)
    : h("input", { ...props, type: item.type === "number_input" ? "number" : "text", step: item.is_decimal_allowed ? "any" : null, value: start });
  context.register?.(block, item, () => node.value);
  return node;
}

// In a form a native select is easiest for everyone; it sends nothing until submit.
function formSelect(block, item, context) {
  const chosen = context.value(block, item) ?? item.initial_option?.value ?? "";
  const entries = item.type.includes("users")
    ? [...store.people.values()].map((p) => ({ value: p.id, label: p.real_name }))
    : optionsOf(item).map((o) => ({ value: o.value, label: plainText(o.text) }));
  const several = item.type.startsWith("multi_");
  const node = h("select", { class: "field", id: context.inputId, "aria-describedby": context.describedBy, multiple: several, dataset: { key: keyOf(item) } },
    !several && h("option", { value: "" }, plainText(item.placeholder) || "Choose an option"),
    entries.map((o) => h("option", { value: o.value, selected: o.value === chosen }, o.label)));
  if (!context.register || block.dispatch_action) node.addEventListener("change", () => act(block, item, node.value, context));
  context.register?.(block, item, () => (several ? [...node.selectedOptions].map((o) => o.value) : node.value || null));
  return node;
}

function staticSelect(block, item, context) {
  return block.type === "input" ? formSelect(block, item, context) : select(block, item, context);
}

const RENDER = {
  button,
  overflow,
  static_select: staticSelect,
  multi_static_select: formSelect,
  users_select: formSelect,
  checkboxes: boxes("checkbox"),
  radio_buttons: boxes("radio"),
  datepicker: picker("date"),
  timepicker: picker("time"),
  plain_text_input: textField,
  number_input: textField,
  email_text_input: textField,
  url_text_input: textField,
};
