// One picture: its captions by several searches, attention maps, and the most probable words.

const explained = parse("explained");
const texts = TEXTS[explained.language];
const image = make("img", { src: `data:image/webp;base64,${explained.picture}`, alt: texts.picture });
const canvas = make("canvas", { "aria-hidden": "true" });
let mode = null, timer = null, kept = null; // the word that stays chosen when the pointer leaves: button

/** Keep one of several elements in the tab order, and move between them with the arrow keys. */
function arrowKeys(elements, from = 0) {
  elements.forEach((element, n) => { element.tabIndex = n === from ? 0 : -1; });
  return (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const place = { Home: 0, End: elements.length - 1 }[event.key] ?? elements.indexOf(event.target) + (step || NaN);
    if (!elements[place]) return;
    event.preventDefault();
    elements.forEach((element, n) => { element.tabIndex = n === place ? 0 : -1; });
    elements[place].focus();
  };
}

/** Show the picture as it is, with no word chosen. */
function plain() {
  kept = null;
  document.body.classList.remove("choosing");
  $("picture-view").classList.remove("shaded");
  for (const button of $("captions").querySelectorAll("button.word")) mark(button, false);
}

/** Choose a word until another one is chosen, or the plain picture. */
function keep(button) {
  kept = button;
  choose(button.caption, button.place);
}

/** The pointer has left a word: show the one that was chosen before, if any. */
function leave() {
  if (timer) return;
  if (kept) choose(kept.caption, kept.place);
  else plain();
}

function mark(button, chosen) {
  button.classList.toggle("chosen", chosen);
  button.setAttribute("aria-pressed", String(chosen));
}

/** Show one word of one caption: its attention over the picture, and the candidates at its step. */
function choose(caption, place) {
  document.body.classList.add("choosing");
  const map = attentionMap(caption.attention, place, explained.grid);
  if (map) shade(canvas, image, map, explained.grid);
  $("picture-view").classList.toggle("shaded", Boolean(map));
  for (const button of $("captions").querySelectorAll("button.word")) {
    mark(button, button.caption === caption && button.place === place);
  }
  const [word, chance] = [caption.words[place] ?? "<end>", percent(caption.chances[place])];
  const description = place === caption.words.length ? texts.ended(chance)
    : map ? texts.attended(attendedPlace(map, explained.grid, texts.places), chance) : texts.noMap(chance);
  const support = caption.evidence[place];
  $("word-info").replaceChildren(localized("b", word), description,
    support ? ` ${texts.support[support.kind](percent(support.probability ?? 0))}` : "");
  showCandidates(caption, place, word);
}

function showCandidates(caption, place, word) {
  const candidates = [...caption.steps[place]];
  const outside = !candidates.some((one) => one.word === word);
  if (outside) candidates.push({ word, probability: caption.chances[place] });
  $("candidates").replaceChildren(...candidates.map((one) => make("li", {
    class: one.word === word ? "own" : null, style: { "--sure": one.probability },
  }, localized("span", one.word, { class: "name" }), make("span", { class: "bar-of" }),
  make("span", { class: "chance" }, percent(one.probability)),
  make("span", { class: "quiet" }, one.word === word && (outside ? texts.outside : texts.chosen)))));
}

/** A caption as buttons, one for each word and one for the end token. */
function captionRow(caption, place) {
  const words = [...caption.words, "·"].slice(0, caption.chances.length);
  const lang = language(caption.text); // of the whole caption, so that a number is read like its context
  const buttons = words.map((word, place) => {
    const end = place === caption.words.length;
    const button = make("button", {
      type: "button", class: caption.evidence[place]?.kind === "text" ? "word unsupported" : "word", "aria-pressed": "false", "aria-label": end ? texts.end : null,
      lang, style: { "--sure": caption.chances[place] },
      onpointerenter: (event) => event.pointerType === "mouse" && !timer && choose(caption, place),
      onpointerleave: (event) => event.pointerType === "mouse" && leave(),
      onfocus: () => keep(button), onclick: () => { stop(); keep(button); },
    }, word);
    return Object.assign(button, { caption, place });
  });
  const facts = [texts.logProb(number(caption.log_prob, 2)),
    caption.confidence != null && texts.confidence(percent(caption.confidence)),
    caption.outOfDistribution && texts.outOfDistribution(caption)].filter(Boolean);
  return make("section", { class: "caption-block" },
    make("div", { class: "words", lang, role: "group", "aria-label": `${texts.caption(place + 1)}: ${caption.text}`, onkeydown: arrowKeys(buttons) }, buttons),
    caption.concepts.length ? make("p", { class: "quiet" }, texts.concepts,
      localized("span", caption.concepts.map(([word, chance]) => `${word} ${percent(chance)}`).join(texts.comma))) : null,
    make("p", { class: "quiet" }, facts.join(" · "), " ",
      make("button", { type: "button", class: "link play", onclick: () => play(buttons) }, texts.play)));
}

/** Step through the words automatically. */
function play(buttons) {
  stop();
  let place = 0;
  const next = () => {
    if (place >= buttons.length) { stop(); return leave(); }
    choose(buttons[place].caption, buttons[place].place);
    place += 1;
  };
  timer = setInterval(next, 900);
  next();
}
function stop() { clearInterval(timer); timer = null; }

function show(chosen) {
  stop();
  mode = chosen;
  for (const tab of $("modes").children) {
    tab.setAttribute("aria-selected", String(tab.mode === chosen));
    tab.tabIndex = tab.mode === chosen ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${chosen.name}`);
  $("description").textContent = chosen.description;
  $("captions").replaceChildren(...chosen.captions.map(captionRow));
  showCandidates(chosen.captions[0], 0, chosen.captions[0].words[0] ?? "<end>"); // unseen: keeps the place
  plain();
}

function start() {
  document.documentElement.lang = texts.lang;
  $("modes").setAttribute("aria-label", texts.searches);
  $("hint").textContent = explained.grid ? texts.hint : texts.noMaps;
  $("candidates-title").textContent = texts.candidates;
  $("picture-view").append(image, canvas);
  const tabs = explained.modes.map((one) => Object.assign(make("button", {
    type: "button", role: "tab", id: `tab-${one.name}`, "aria-controls": "panel",
    onclick: () => show(one), onfocus: () => mode !== one && show(one),
  }, one.title), { mode: one }));
  $("modes").append(...tabs);
  $("modes").addEventListener("keydown", arrowKeys(tabs));
  $("plain").textContent = texts.plain;
  const clear = () => { stop(); plain(); };
  $("plain").addEventListener("click", clear);
  $("picture-view").addEventListener("click", clear);
  document.addEventListener("keydown", (event) => event.key === "Escape" && clear());
  $("footer").textContent = texts.footer(explained.version);
  theme(texts.theme);
  image.decode().then(() => show(explained.modes[0]), () => show(explained.modes[0]));
}
start();
