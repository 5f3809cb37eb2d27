// One picture, large: each word's probability and gaze, all scores, all references.

/** Open a picture; the next ones are those that stand after it, in the order that it was opened from. */
function openPicture(picture, among) {
  const dialog = $("dialog");
  const detail = parse(`p${picture.place}`);
  const view = look(picture, detail);
  const gaze = make("p", { class: "quiet", "aria-live": "polite" }, "Point at a word, or walk through them with the arrow keys.");
  const beside = (step) => among[among.indexOf(picture) + step];
  const go = (step, text) => make("button", { type: "button", disabled: !beside(step), onclick: () => openPicture(beside(step), among) }, text);
  dialog.replaceChildren(
    make("div", { class: "bar" }, said("h2", picture.id, { id: "dialog-title" }), go(-1, "‹ Previous"), go(1, "Next ›"),
      make("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    make("div", { class: "opened" },
      make("div", {}, view.figure, gaze),
      make("div", {},
        picture.said.map((one, run) => make("section", { class: "spoken" },
          make("h3", {}, swatch(run), scored[run].name), wordRow(picture, run, view, detail, gaze), confidenceLine(one), strangeLine(one), othersOf(one))),
        make("h3", {}, "References"),
        picture.references.length === 0 && make("p", {}, "none"),
        make("ul", {}, picture.references.map((text) => make("li", { lang: language(text) }, marked(text)))),
        make("h3", {}, "Scores of this picture"), pictureScores(picture))));
  if (!dialog.open) dialog.showModal();
}

/** Words as buttons, one of which is in the tab order; arrows walk through them. */
function wordRow(picture, run, view, detail, gaze) {
  const one = picture.said[run];
  if (one.caption == null) return make("p", { class: "quiet" }, "no caption");
  if (!one.log_probs.length) return said("p", one.caption, { class: "plain" });
  const choose = (place) => {
    point(view, detail, run, place);
    const map = wordMap(detail, run, place), sure = percent(Math.exp(one.log_probs[place]));
    gaze.replaceChildren(said("b", one.words[place]), map ? ` looked most at ${looksAt(map, grid(run))}` : "", `; its probability was ${sure}.`);
    buttons.forEach((button, n) => { button.tabIndex = n === place ? 0 : -1; button.classList.toggle("chosen", n === place); });
  };
  const buttons = one.words.map((text, place) => make("button", {
    type: "button", class: one.strange.includes(place) ? "word strange" : "word", tabindex: place ? -1 : 0,
    style: { "--sure": Math.exp(one.log_probs[place]), "--own": colour(run) },
    onpointerenter: () => choose(place), onfocus: () => choose(place), onclick: () => choose(place),
  }, text));
  const walk = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && buttons[buttons.indexOf(event.target) + step];
    if (next) { event.preventDefault(); next.focus(); }
  };
  return make("div", { class: "words", lang: language(one.caption), role: "group", "aria-label": one.caption, onkeydown: walk }, buttons);
}

function confidenceLine(one) {
  return one.confidence != null && make("p", { class: "quiet" }, `Fits the picture with probability ${percent(one.confidence)}.`);
}

/** The next best captions, or the other samples. */
function othersOf(one) {
  return one.alternatives && one.alternatives.length > 0 && make("details", { open: true },
    make("summary", {}, `${count(one.alternatives.length, "other caption")}`),
    make("ol", { start: 2 }, one.alternatives.map((text) => said("li", text))));
}

function strangeLine(one) {
  const words = one.strange.map((place) => one.words[place]);
  return words.length > 0 && make("p", { class: "quiet" }, "In no reference: ", said("span", words.join(", "), { class: "strange" }));
}

function pictureScores(picture) {
  return make("div", { class: "wide" }, make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "metric"), scored.map((run, n) => make("th", { scope: "col" }, swatch(n), run.name)))),
    make("tbody", {}, report.metrics.map((metric, n) => make("tr", {}, make("th", { scope: "row" }, metricName(metric)),
      picture.said.map((one) => make("td", {}, number(one.scores[n]))))))));
}
