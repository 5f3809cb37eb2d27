// Which pictures are shown, in which order, a page at a time.

const PAGE = 24, STRIP = 6, BINS = 20;
const state = { metric: null, whose: "0", terms: [], page: 0, seed: 1, serial: 0 };
let pictures = [];

/** The chosen score of a picture: of one run, or the difference of two. */
function value(picture) {
  const place = report.metrics.indexOf(state.metric);
  const [first, second] = state.whose.split("-").map((run) => picture.captions[run].scores[place]);
  return second === undefined ? first : first == null || second == null ? null : first - second;
}
const chosenRun = () => Number(state.whose.split("-")[0]);

/** The calibrated confidence of a caption, or else the mean log-probability of its words and end token. */
function confidenceOf(picture) {
  const one = picture.captions[chosenRun()], logs = one.log_probs;
  if (one.confidence != null) return one.confidence;
  return logs.length ? logs.reduce((a, b) => a + b, 0) / logs.length : null;
}

function ordered(items, by, sign) {
  const keyed = items.map((picture) => [by(picture), picture]).filter(([key]) => key != null);
  keyed.sort((a, b) => sign * (a[0] - b[0]) || a[1].place - b[1].place);
  return keyed.map(([, picture]) => picture);
}

const ORDERS = {
  name: (items) => items,
  worst: (items) => ordered(items, value, 1),
  best: (items) => ordered(items, value, -1),
  sure: (items) => ordered(items, confidenceOf, -1),
  unsure: (items) => ordered(items, confidenceOf, 1),
  random: (items) => shuffled(items, state.seed),
};

/** The text that a search is matched against, built once. */
function searchText(picture, where) {
  const kept = (picture.hay ??= {});
  const parts = { captions: picture.captions.map((one) => one.caption || ""), references: picture.references,
    all: [picture.id, ...picture.captions.map((one) => one.caption || ""), ...picture.references] };
  return (kept[where] ??= parts[where].join("\n"));
}

function filtered() {
  const where = $("where").value, flags = [...$("flags").querySelectorAll("input:checked")].map((box) => box.value);
  const [low, high] = [$("low").value, $("high").value].map((text) => (text === "" ? null : Number(text)));
  const patterns = state.terms.map((term) => pattern([term]));
  return pictures.filter((picture) => {
    const own = value(picture), one = picture.captions[chosenRun()];
    if (low != null && !(own >= low)) return false;
    if (high != null && !(own <= high)) return false;
    if (!flags.every((flag) => (flag === "differ" ? differ(picture) : FLAGS[flag][1](one)))) return false;
    return patterns.every((one) => one.test(searchText(picture, where)));
  });
}
const differ = (picture) => new Set(picture.captions.map((one) => one.caption)).size > 1;

function showList() {
  state.terms = $("query").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = ORDERS[$("order").value](filtered());
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  state.page = Math.min(state.page, pages - 1);
  const narrow = shown.length < pictures.length;
  document.body.classList.toggle("narrowed", narrow || state.terms.length > 0);
  $("count").textContent = narrow ? `${count(shown.length, "picture")} of ${pictures.length.toLocaleString("en")}` : count(pictures.length, "picture");
  const from = state.page * PAGE;
  $("list").replaceChildren(...shown.slice(from, from + PAGE).map((picture) => card(picture, shown)));
  showPager(pages);
}

function showPager(pages) {
  const to = (page) => () => { state.page = page; showList(); $("all-title").scrollIntoView(); };
  $("pager").replaceChildren(...(pages < 2 ? [] : [
    make("button", { type: "button", disabled: state.page === 0, onclick: to(0) }, "« First"),
    make("button", { type: "button", disabled: state.page === 0, onclick: to(state.page - 1) }, "‹ Previous"),
    make("span", {}, `page ${state.page + 1} of ${pages}`),
    make("button", { type: "button", disabled: state.page === pages - 1, onclick: to(state.page + 1) }, "Next ›"),
    make("button", { type: "button", disabled: state.page === pages - 1, onclick: to(pages - 1) }, "Last »"),
  ]));
}

/** Best, worst and random pictures at a glance. */
function showStrips() {
  const strip = (title, items, extra) => make("section", { class: "strip" },
    make("h3", {}, title, extra),
    make("div", { class: "row", tabindex: 0, role: "region", "aria-label": title }, items.slice(0, STRIP).map((picture) => card(picture, items))));
  const named = state.whose.includes("-") ? ["Largest gain", "Largest loss"] : ["Best", "Worst"];
  const drawAgain = () => { state.seed++; showStrips(); $("strips").querySelector(".again").focus(); };
  const again = make("button", { type: "button", class: "link again", onclick: drawAgain }, "draw again");
  $("strips").replaceChildren(
    strip(`${named[0]} by ${metricName(state.metric)}`, ORDERS.best(pictures)),
    strip(`${named[1]} by ${metricName(state.metric)}`, ORDERS.worst(pictures)),
    strip("Random", shuffled(pictures, state.seed), again));
}

/** Histogram of the chosen score; clicking a bar filters the list to its range. */
function showHistogram() {
  const values = pictures.map(value).filter((own) => own != null);
  const [low, high] = [Math.min(...values, 0), Math.max(...values)];
  const step = (high - low) / BINS;
  $("histogram").replaceChildren();
  if (!(step > 0)) return;
  const counts = new Array(BINS).fill(0);
  for (const own of values) counts[Math.min(BINS - 1, Math.floor((own - low) / step))]++;
  const most = Math.max(...counts);
  $("histogram").append(...counts.map((n, bin) => {
    const [from, to] = [low + bin * step, low + (bin + 1) * step];
    const label = `${number(from, 2)} to ${number(to, 2)}: ${count(n, "picture")}`;
    return make("button", { type: "button", title: label, "aria-label": `Show ${label}`, style: { "--share": n / most },
      onclick: () => { $("low").value = number(from, 3); $("high").value = number(to, 3); refresh(); $("all-title").scrollIntoView(); } });
  }), make("p", { class: "quiet" }, make("span", {}, number(low, 2)),
    make("span", {}, `pictures by ${metricName(state.metric)}; click a bar to list them`), make("span", {}, number(high, 2))));
}

function refresh() { state.page = 0; showList(); }
