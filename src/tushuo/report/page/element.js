"use strict";
// Elements, numbers and texts. Text is always inserted as text nodes, so a caption is never markup.

const $ = (id) => document.getElementById(id);
const parse = (id) => JSON.parse($(id).textContent);

/** Make an element: attributes (on... are listeners, dashes as written), then children. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "circle", "line", "text", "g", "title"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const key in value) element.style.setProperty(key, value[key]);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

const colour = (run) => `var(--run-${run % 8})`;
const swatch = (run) => make("span", { class: "swatch", style: { "--own": colour(run) } });
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const number = (value, digits = 3) => (value == null ? "–" : value.toFixed(digits));
const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)}\u00a0%`);

/** The language of a text with Chinese characters, for fonts and screen readers. */
const language = (text) => (/\p{Script=Han}/u.test(text) ? "zh-Hans" : null);
const localized = (tag, text, attributes = {}) => make(tag, { lang: language(text), ...attributes }, text);

/** Label the cells of a table by their columns: on a narrow screen each row is a block (page.css). */
function labelled(table, before = "") {
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, n) => { if (n || cell.tagName === "TD") cell.dataset.label = before + heads[n]; });
  }
  table.classList.toggle("stacked", heads.length > 2);
  // blocks lose the roles of a table
  const roles = { table: [table], rowgroup: table.querySelectorAll("thead, tbody"), row: table.rows,
    columnheader: table.querySelectorAll("thead th"), rowheader: table.querySelectorAll("tbody th"), cell: table.querySelectorAll("td") };
  for (const [role, elements] of Object.entries(roles)) for (const one of elements) one.setAttribute("role", role);
  return table;
}

/** A repeatable order, the same for everyone who opens the page. */
function shuffled(items, seed) {
  const order = [...items];
  let state = seed * 2654435761 + 1;
  for (let last = order.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 4294967296) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}
