// A picture with its captions; its pixels are read from the page only when it is shown.

const FLAGS = {
  notInReferences: ["contain a word that no reference has", (one) => one.notInReferences && one.notInReferences.length],
  shared: ["are identical to that of another picture", (one) => one.shared],
  unfinished: ["end in a function word", (one) => one.unfinished],
};
const chip = (value) => make("span", { class: "chip", title: `${metricName(state.metric)} of this picture` }, number(value, 2));

function altText(picture) {
  const reference = picture.references[0];
  return reference ? `${picture.id}, reference caption: ${reference}` : `Picture ${picture.id}`;
}

const grid = (run) => scored[run].grid;
const wordMap = (detail, run, place) => attentionMap(detail.attention[run], place, grid(run));

/** The picture with a canvas over it. */
function pictureView(picture, detail) {
  if (!detail.picture) return { figure: make("div", { class: "picture-view none" }, "picture not available"), image: null, canvas: null };
  const image = make("img", { src: `data:image/webp;base64,${detail.picture}`, alt: altText(picture), decoding: "async", loading: "lazy" });
  const canvas = make("canvas", { "aria-hidden": "true" });
  return { figure: make("div", { class: "picture-view" }, image, canvas), image, canvas };
}

/** The caption's words; pointing at one shows its attention. */
function captionOf(picture, run, view, detail) {
  const one = picture.captions[run], score = chip(one.scores[report.metrics.indexOf(state.metric)]);
  if (one.caption == null) return make("p", { class: "quiet" }, "no caption");
  if (!one.log_probs.length) return make("p", { lang: language(one.caption) }, marked(one.caption), score);
  const spaced = !language(one.caption);
  const words = one.words.map((text, place) => make("span", {
    class: one.notInReferences.includes(place) ? "word not-in-references" : "word", "data-place": place,
    onpointerenter: () => point(view, detail, run, place), onpointerleave: () => rest(view),
    onclick: () => point(view, detail, run, place),
  }, marked(text)));
  const shown = spaced ? words.flatMap((word, n) => (n ? [" ", word] : [word])) : words;
  return make("p", { lang: language(one.caption) }, shown, score);
}

function point(view, detail, run, place) {
  const map = view.canvas && wordMap(detail, run, place);
  if (!map) return;
  shade(view.canvas, view.image, map, grid(run));
  view.figure.classList.add("shaded");
}
const rest = (view) => view.figure.classList.remove("shaded");

/** A pattern for search terms: Latin words match at their beginning, Chinese ones anywhere. */
function pattern(terms) {
  const safe = (term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const one = (term) => (/^[\p{Script=Latin}\p{N}]/u.test(term) ? `(?<![\\p{L}\\p{N}])${safe(term)}` : safe(term));
  return new RegExp(`(${terms.map(one).join("|")})`, "iu");
}

/** Text with the search terms marked. */
function marked(text) {
  if (!state.terms.length) return text;
  const parts = text.split(pattern(state.terms));
  return make("span", {}, parts.map((part, n) => (n % 2 ? make("mark", {}, part) : part)));
}

function card(picture, among) {
  const detail = parse(`p${picture.place}`);
  const view = pictureView(picture, detail);
  const references = make("ul", { class: "references", id: `r${state.serial++}` },
    picture.references.map((text) => make("li", { lang: language(text) }, marked(text))));
  const toggle = picture.references.length > 0 && make("button", {
    type: "button", class: "link", "aria-expanded": "false", "aria-controls": references.id,
    onclick: () => toggle.setAttribute("aria-expanded", String(references.classList.toggle("shown"))),
  }, count(picture.references.length, "reference"));
  return make("article", { class: "card", "data-id": picture.id },
    make("button", { type: "button", class: "open", "aria-label": `Open ${altText(picture)}`, onclick: () => openPicture(picture, among) }, view.figure),
    make("div", { class: "body" },
      picture.captions.map((_, run) => make("div", { class: "caption-line" }, scored.length > 1 && swatch(run),
        captionOf(picture, run, view, detail))),
      make("p", { class: "quiet foot" }, toggle, localized("span", picture.id, { class: "id", title: picture.id })),
      references));
}
