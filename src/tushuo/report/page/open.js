// One picture, large: each word's probability and attention, all scores, all references.

/** Open a picture; "next" follows the order of the list that it was opened from. */
function openPicture(picture, among) {
  const dialog = $("dialog");
  const detail = parse(`p${picture.place}`);
  const view = pictureView(picture, detail);
  const wordInfo = make("p", { class: "quiet", "aria-live": "polite" }, "Point at a word, or move between words with the arrow keys.");
  const beside = (step) => among[among.indexOf(picture) + step];
  const go = (step, text) => make("button", { type: "button", disabled: !beside(step), onclick: () => openPicture(beside(step), among) }, text);
  dialog.replaceChildren(
    make("div", { class: "bar" }, localized("h2", picture.id, { id: "dialog-title" }), go(-1, "‹ Previous"), go(1, "Next ›"),
      make("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    make("div", { class: "opened" },
      make("div", {}, view.figure, wordInfo),
      make("div", {},
        picture.captions.map((one, run) => make("section", { class: "caption-block" },
          make("h3", {}, swatch(run), scored[run].name), wordRow(picture, run, view, detail, wordInfo), confidenceLine(one), notInReferencesLine(one), othersOf(one))),
        make("h3", {}, "References"),
        picture.references.length === 0 && make("p", {}, "none"),
        make("ul", {}, picture.references.map((text) => make("li", { lang: language(text) }, marked(text)))),
        make("h3", {}, "Scores of this picture"), pictureScores(picture))));
  if (!dialog.open) dialog.showModal();
}

/** Words as buttons, one of them in the tab order; arrow keys move between them. */
function wordRow(picture, run, view, detail, wordInfo) {
  const one = picture.captions[run];
  if (one.caption == null) return make("p", { class: "quiet" }, "no caption");
  if (!one.log_probs.length) return localized("p", one.caption, { class: "plain" });
  const choose = (place) => {
    point(view, detail, run, place);
    const map = wordMap(detail, run, place), probability = percent(Math.exp(one.log_probs[place]));
    wordInfo.replaceChildren(localized("b", one.words[place]), map ? ` attended most to ${attendedPlace(map, grid(run))}` : "", `; probability ${probability}.`);
    buttons.forEach((button, n) => { button.tabIndex = n === place ? 0 : -1; button.classList.toggle("chosen", n === place); });
  };
  const buttons = one.words.map((text, place) => make("button", {
    type: "button", class: one.notInReferences.includes(place) ? "word not-in-references" : "word", tabindex: place ? -1 : 0,
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
  return one.confidence != null && make("p", { class: "quiet" }, `Confidence that it fits the picture: ${percent(one.confidence)}.`);
}

/** The next best captions, or the other samples. */
function othersOf(one) {
  return one.alternatives && one.alternatives.length > 0 && make("details", { open: true },
    make("summary", {}, `${count(one.alternatives.length, "other caption")}`),
    make("ol", { start: 2 }, one.alternatives.map((text) => localized("li", text))));
}

function notInReferencesLine(one) {
  const words = one.notInReferences.map((place) => one.words[place]);
  return words.length > 0 && make("p", { class: "quiet" }, "Not in any reference: ", localized("span", words.join(", "), { class: "not-in-references" }));
}

function pictureScores(picture) {
  return make("div", { class: "wide" }, labelled(make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "metric"), scored.map((run, n) => make("th", { scope: "col" }, swatch(n), run.name)))),
    make("tbody", {}, report.metrics.map((metric, n) => make("tr", {}, make("th", { scope: "row" }, metricName(metric)),
      picture.captions.map((one) => make("td", {}, number(one.scores[n])))))))));
}
