// The table and data_table blocks; a data table pages and sorts.

import { h } from "./dom.js";
import { richText } from "./richtext.js";

function cell(item, tag, props) {
  const isNumber = item?.type === "raw_number";
  const classes = [isNumber && "number", props?.align && `align-${props.align}`, props?.wrap && "wrap"].filter(Boolean).join(" ");
  const words = item?.type === "rich_text" ? richText(item) : item?.text ?? String(item?.value ?? "");
  return h(tag, { class: classes || null, scope: props?.scope }, words);
}

export function table(block) {
  const settings = block.column_settings ?? [];
  const row = (cells, tag) => h("tr", null, cells.map((c, i) =>
    cell(c, tag, { align: settings[i]?.align, wrap: settings[i]?.is_wrapped, scope: tag === "th" ? "col" : null })));
  const [head, ...rest] = block.rows;
  return h("div", { class: "block table-wrap", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", null, h("thead", null, row(head, "th")), h("tbody", null, rest.map((r) => row(r, "td")))));
}

const worth = (item) => (item.type === "raw_number" ? item.value : item.text ?? JSON.stringify(item.elements));

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

export function dataTable(block) {
  const [head, ...rest] = block.rows;
  const size = block.page_size ?? 5;
  const named = block.row_header_column_index ?? 0;
  const numeric = head.map((_, i) => rest.every((r) => r[i]?.type === "raw_number"));
  let page = 0;
  let sorted = { column: -1, down: false };
  const body = h("tbody");
  const headRow = h("tr");
  const where = h("span", { class: "pager-where", role: "status" });
  const step = (by) => () => { page += by; draw(); };
  const back = h("button", { type: "button", class: "btn small", onclick: step(-1) }, "Previous");
  const next = h("button", { type: "button", class: "btn small", onclick: step(1) }, "Next");

  function sortBy(column) {
    sorted = { column, down: sorted.column === column ? !sorted.down : numeric[column] };
    page = 0;
    draw();
  }
  const buttons = head.map((c, i) => h("button", { type: "button", class: "sort", onclick: () => sortBy(i) },
    c.text ?? String(c.value), h("span", { class: "sort-mark", "aria-hidden": "true" })));
  const heads = buttons.map((b, i) => h("th", { scope: "col", class: numeric[i] ? "number" : null }, b));
  headRow.append(...heads);

  function draw() {
    const { column, down } = sorted;
    const rows = column < 0 ? rest : rest.toSorted((a, b) => compare(worth(a[column]), worth(b[column])) * (down ? -1 : 1));
    const pages = Math.max(1, Math.ceil(rows.length / size));
    body.replaceChildren(...rows.slice(page * size, (page + 1) * size).map((r) =>
      h("tr", null, r.map((c, i) => cell(c, i === named ? "th" : "td", { scope: i === named ? "row" : null })))));
    heads.forEach((th, i) => {
      if (i === column) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    where.textContent = `${page * size + 1}–${Math.min((page + 1) * size, rows.length)} of ${rows.length}`;
    back.disabled = page === 0;
    next.disabled = page >= pages - 1;
  }
  draw();
  return h("div", { class: "block data-table" },
    h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": block.caption },
      h("table", null, h("caption", null, block.caption), h("thead", null, headRow), body)),
    rest.length > size && h("div", { class: "pager" }, where, back, next));
}
