// One picture: its captions by several searches, where each word looked, which words were likely.

const explained = parse("explained");
const texts = TEXTS[explained.language];
const image = make("img", { src: `data:image/webp;base64,${explained.picture}`, alt: texts.picture });
const canvas = make("canvas", { "aria-hidden": "true" });
let mode = null, timer = null;

/** Keep one of several elements in the tab order, and walk through them by arrow keys. */
function walkable(elements, from = 0) {
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

/** Show one word of one caption: its gaze over the picture, and its rivals. */
function choose(caption, place) {
  const map = cut(caption.attention, place, explained.grid);
  if (map) shade(canvas, image, map, explained.grid);
  $("look").classList.toggle("shaded", Boolean(map));
  for (const button of $("captions").querySelectorAll("button.word")) {
    const own = button.caption === caption && button.place === place;
    button.classList.toggle("chosen", own);
    button.setAttribute("aria-pressed", String(own));
  }
  const [word, chance] = [caption.words[place] ?? "<end>", percent(caption.chances[place])];
  $("gaze").replaceChildren(said("b", word),
    map ? texts.looked(looksAt(map, explained.grid, texts.places), chance) : texts.ended(chance));
  showLikely(caption, place, word);
}

function showLikely(caption, place, word) {
  const found = [...caption.steps[place]];
  const outside = !found.some((one) => one.word === word);
  if (outside) found.push({ word, probability: caption.chances[place] });
  $("likely").replaceChildren(...found.map((one) => make("li", {
    class: one.word === word ? "own" : null, style: { "--sure": one.probability },
  }, said("span", one.word, { class: "name" }), make("span", { class: "bar-of" }),
  make("span", { class: "chance" }, percent(one.probability)),
  make("span", { class: "quiet" }, one.word === word && (outside ? texts.outside : texts.said)))));
}

/** A caption as buttons, a word each and one for its end. */
function captionRow(caption, place) {
  const words = [...caption.words, "·"].slice(0, caption.chances.length);
  const spoken = language(caption.text); // of all its words: a number is read as the rest is
  const buttons = words.map((word, place) => {
    const end = place === caption.words.length;
    const button = make("button", {
      type: "button", class: "word", "aria-pressed": "false", "aria-label": end ? texts.end : null,
      lang: spoken, style: { "--sure": caption.chances[place] },
      onpointerenter: (event) => event.pointerType === "mouse" && !timer && choose(caption, place),
      onfocus: () => choose(caption, place), onclick: () => { stop(); choose(caption, place); },
    }, word);
    return Object.assign(button, { caption, place });
  });
  const facts = [texts.logProb(number(caption.log_prob, 2)),
    caption.confidence != null && texts.fits(percent(caption.confidence)),
    caption.strange && texts.strange(caption)].filter(Boolean);
  return make("section", { class: "spoken" },
    make("div", { class: "words", lang: spoken, role: "group", "aria-label": `${texts.caption(place + 1)}: ${caption.text}`, onkeydown: walkable(buttons) }, buttons),
    make("p", { class: "quiet" }, facts.join(" · "), " ",
      make("button", { type: "button", class: "link play", onclick: () => play(buttons) }, texts.play)));
}

/** Walk through the words by itself. */
function play(buttons) {
  stop();
  let place = 0;
  const next = () => {
    if (place >= buttons.length) return stop();
    choose(buttons[place].caption, buttons[place].place);
    place += 1;
  };
  timer = setInterval(next, 900);
  next();
}
function stop() { clearInterval(timer); timer = null; }

function show(found) {
  stop();
  mode = found;
  for (const tab of $("modes").children) {
    tab.setAttribute("aria-selected", String(tab.mode === found));
    tab.tabIndex = tab.mode === found ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${found.name}`);
  $("told").textContent = found.told;
  $("captions").replaceChildren(...found.captions.map(captionRow));
  choose(found.captions[0], 0);
}

function start() {
  document.documentElement.lang = texts.lang;
  $("modes").setAttribute("aria-label", texts.searches);
  $("hint").textContent = texts.hint;
  $("likely-title").textContent = texts.likely;
  $("look").append(image, canvas);
  const tabs = explained.modes.map((found) => Object.assign(make("button", {
    type: "button", role: "tab", id: `tab-${found.name}`, "aria-controls": "panel",
    onclick: () => show(found), onfocus: () => mode !== found && show(found),
  }, found.title), { mode: found }));
  $("modes").append(...tabs);
  $("modes").addEventListener("keydown", walkable(tabs));
  $("footer").textContent = texts.footer(explained.version);
  theme(texts.theme);
  image.decode().then(() => show(explained.modes[0]), () => show(explained.modes[0]));
}
start();
