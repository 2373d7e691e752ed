// Block Kit blocks, as page elements.

import { chart } from "./charts.js";
import { element } from "./elements.js";
import { h, safeUrl, uid } from "./dom.js";
import { markdown } from "./markdown.js";
import { plainText, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";

export function blocks(list, context) {
  return (list ?? []).map((block) => {
    const render = RENDER[block.type];
    return render ? render(block, context) : h("div", { class: "unsupported" }, `(${block.type})`);
  });
}

function section(block, context) {
  const words = h("div", { class: "section-words" },
    block.text && h("div", { class: "text" }, textObject(block.text)),
    block.fields && h("div", { class: "fields" }, block.fields.map((f) => h("div", { class: "text" }, textObject(f)))));
  const accessory = block.accessory && h("div", { class: "accessory" },
    block.accessory.type === "image" ? picture(block.accessory, "thumb") : element(block, block.accessory, context));
  return h("div", { class: "block section" }, words, accessory);
}

const header = (block) => h("h2", { class: "block header" }, textObject(block.text));

const divider = () => h("hr", { class: "block divider" });

const context_ = (block) => h("div", { class: "block context" },
  block.elements.map((e) => (e.type === "image" ? picture(e, "tiny") : h("span", { class: "text" }, textObject(e)))));

const actions = (block, context) =>
  h("div", { class: "block actions" }, block.elements.map((e) => element(block, e, context)));

function picture(item, className) {
  const url = safeUrl(item.image_url);
  if (!url) return h("span", { class: "unsupported" }, item.alt_text);
  return h("img", { src: url, alt: item.alt_text, class: className, loading: "lazy", referrerpolicy: "no-referrer" });
}

const image = (block) => h("figure", { class: "block image" },
  block.title && h("figcaption", null, textObject(block.title)), picture(block, "wide"));

function input(block, context) {
  const ids = { input: uid("input"), label: uid("label"), hint: uid("hint"), error: uid("error") };
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const inner = {
    ...context, inputId: grouped ? undefined : ids.input, labelledBy: ids.label,
    describedBy: `${ids.hint} ${ids.error}`, required: false,
  };
  return h("div", { class: "block input", dataset: { block: block.block_id } },
    h(grouped ? "div" : "label", { class: "input-label", id: ids.label, for: grouped ? null : ids.input },
      plainText(block.label), block.optional && h("span", { class: "optional" }, " (optional)")),
    element(block, block.element, inner),
    h("div", { class: "hint", id: ids.hint }, plainText(block.hint)),
    h("div", { class: "error", id: ids.error, "aria-live": "polite" }));
}

const RENDER = {
  section,
  header,
  divider,
  context: context_,
  actions,
  image,
  input,
  rich_text: (block) => h("div", { class: "block text" }, richText(block)),
  table: (block) => table(block),
  data_table: (block) => dataTable(block),
  data_visualization: (block) => chart(block),
  markdown: (block) => h("div", { class: "block text markdown" }, markdown(block.text)),
};
