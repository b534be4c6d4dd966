// A table of any length that keeps only the rows in sight in the document: native table, fixed row height.

import { el, fill, inFrame } from "./dom.js";
import { count } from "./format.js";

const ROW_PX = 40;
const NARROW_ROW_PX = 60;
const BEYOND = 8; // rows drawn above and below what is in sight

export class Grid {
  #items = [];
  #pool = [];
  #sort;
  #columns;
  #onSort;

  /** `columns`: {name, title, cell(item) -> content, number, sortable, class}. */
  constructor(host, { columns, label, sort, onSort, keyOf, linkOf }) {
    this.#columns = columns;
    this.#sort = sort;
    this.#onSort = onSort;
    this.keyOf = keyOf;
    this.linkOf = linkOf;
    this.head = el("tr", { "aria-rowindex": "1" });
    this.above = el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colSpan: columns.length }));
    this.below = el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colSpan: columns.length }));
    this.body = el("tbody", {}, this.above, this.below);
    this.table = el("table", { class: "rows", "aria-label": label }, el("thead", {}, this.head), this.body);
    this.box = el("div", { class: "box", tabIndex: 0, role: "group", "aria-label": `${label}, scrollable` }, this.table);
    this.empty = el("p", { class: "nothing", hidden: true }, "No group is like that.");
    fill(host, this.box, this.empty);
    this.draw = inFrame(() => this.#draw());
    this.box.addEventListener("scroll", this.draw, { passive: true });
    new ResizeObserver(this.draw).observe(this.box);
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.#drawHead();
  }

  get sort() { return this.#sort; }

  set items(items) {
    this.#items = items;
    this.table.setAttribute("aria-rowcount", String(items.length + 1));
    this.empty.hidden = items.length > 0;
    this.draw();
  }

  scrollToTop() { this.box.scrollTop = 0; }

  get #rowPx() { return matchMedia("(max-width: 720px)").matches ? NARROW_ROW_PX : ROW_PX; }

  #drawHead() {
    const cells = this.#columns.map((column) => {
      const sorted = this.#sort.name === column.name;
      const direction = sorted ? (this.#sort.down ? "descending" : "ascending") : null;
      const button = el("button", { type: "button", class: "sort", onclick: () => this.#sortBy(column) },
        column.title, el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (this.#sort.down ? "▼" : "▲") : ""));
      return el("th", { scope: "col", class: this.#classOf(column), "aria-sort": direction, "data-column": column.name }, button);
    });
    fill(this.head, cells);
  }

  #classOf(column) { return [column.number ? "number" : "", column.class ?? ""].join(" ").trim() || null; }

  #sortBy(column) {
    const same = this.#sort.name === column.name;
    this.#sort = { name: column.name, down: same ? !this.#sort.down : Boolean(column.downFirst) };
    this.#drawHead();
    this.head.querySelector(`[data-column="${column.name}"] button`).focus();
    this.scrollToTop();
    this.#onSort();
  }

  #draw() {
    const rowPx = this.#rowPx;
    const visible = Math.ceil(this.box.clientHeight / rowPx) || 20;
    const first = Math.max(0, Math.min(Math.floor(this.box.scrollTop / rowPx) - BEYOND, this.#items.length - visible));
    const last = Math.min(this.#items.length, first + visible + 2 * BEYOND);
    this.above.firstChild.style.height = `${first * rowPx}px`;
    this.below.firstChild.style.height = `${(this.#items.length - last) * rowPx}px`;
    while (this.#pool.length < last - first) {
      const row = this.#newRow();
      this.#pool.push(row);
      this.body.insertBefore(row.node, this.below);
    }
    while (this.#pool.length > last - first) this.#pool.pop().node.remove();
    this.#rotate(first, last);
    this.#pool.forEach((row, at) => this.#put(row, first + at));
  }

  /** Move rows that went out of sight at one end to the other: those that stay in sight keep what they show. */
  #rotate(first, last) {
    const pool = this.#pool;
    if (!pool.length || pool[0].at < 0 || pool.at(-1).at < first || pool[0].at >= last) return;
    while (pool[0].at < first && pool.at(-1).at < last - 1) {
      const row = pool.shift();
      this.#place(row, pool.at(-1).at + 1);
      pool.push(row);
      this.body.insertBefore(row.node, this.below);
    }
    while (pool[0].at > first && pool.at(-1).at >= last) {
      const row = pool.pop();
      this.#place(row, pool[0].at - 1);
      this.body.insertBefore(row.node, pool[0].node);
      pool.unshift(row);
    }
  }

  #place(row, at) {
    row.at = at;
    row.node.setAttribute("aria-rowindex", String(at + 2));
  }

  #newRow() {
    const cells = this.#columns.map((column, at) => el(at === 0 ? "th" : "td", { class: this.#classOf(column), scope: at === 0 ? "row" : null }));
    return { node: el("tr", {}, cells), cells, item: null, at: -1 };
  }

  #put(row, at) {
    const item = this.#items[at];
    if (row.at !== at) this.#place(row, at);
    if (row.item === item) return;
    const sameGroup = row.item && this.keyOf(row.item) === this.keyOf(item);
    const changed = sameGroup && row.item.level !== item.level;
    row.item = item;
    row.node.dataset.key = this.keyOf(item);
    this.#columns.forEach((column, index) => {
      const content = column.cell(item);
      const cell = row.cells[index];
      if (typeof content === "string" && cell.textContent === content && !cell.firstElementChild) return;
      const focused = cell.contains(document.activeElement);
      fill(cell, content);
      if (focused) cell.querySelector("a")?.focus({ preventScroll: true });
    });
    row.node.classList.toggle("moved", changed);
  }

  /** Arrow keys go from group to group, as in a list; the rest is the browser's. */
  #key(event) {
    const row = event.target.closest?.("tr[data-key]");
    const now = row ? this.#pool.find((one) => one.node === row)?.at ?? -1 : -1;
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.#rowPx) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (now < 0 && event.target !== this.box) return;
    event.preventDefault();
    this.focusRow(Math.max(0, Math.min(this.#items.length - 1, now < 0 ? Math.max(0, Math.min(steps[event.key], 0)) : now + steps[event.key])));
  }

  focusRow(at) {
    const rowPx = this.#rowPx;
    const headPx = this.head.offsetHeight;
    const top = at * rowPx;
    const room = this.box.clientHeight - headPx - rowPx;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top > this.box.scrollTop + room) this.box.scrollTop = top - room;
    this.#draw();
    this.#pool.find((row) => row.at === at)?.node.querySelector("a")?.focus({ preventScroll: true });
  }

  describe() { return count(this.#items.length); }
}
