// One picture in, its caption out: nothing is kept outside this tab, and nothing loads from elsewhere.
import { TEXTS } from "/page/texts.js";

const MAX_HISTORY = 24;
const TYPING = 60; // milliseconds a word
const $ = (id) => document.getElementById(id);
const state = { language: "en", model: null, current: null, history: [], request: null, word: null };
const t = () => TEXTS[state.language];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Texts, theme

function setLanguage(language) {
  state.language = language;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t()[element.dataset.text];
  $("language").textContent = t().other;
  $("language").lang = language === "zh" ? "en" : "zh-Hans";
  $("theme").textContent = isDark() ? t().light : t().dark;
  if (state.model) $("model").textContent = t().model(state.model);
  if (state.current) show(state.current, false);
}

const isDark = () => (document.documentElement.dataset.theme ||
  (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

// The service

function headers() {
  const key = $("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function loadModel() {
  try {
    const response = await fetch("/v1/model", { headers: headers() });
    if (response.status === 401) return askForKey();
    if (!response.ok) return setTimeout(loadModel, 1000); // it is still starting
    state.model = await response.json();
    $("model").textContent = t().model(state.model);
    $("with-unsure").closest("label").hidden = $("threshold-label").hidden = !state.model.has_confidence;
    hideProblem();
  } catch {
    showProblem(t().unreachable);
  }
}

function askForKey() {
  $("key-label").hidden = false;
  $("options").open = true;
  $("key").focus();
  showProblem(t().needsKey);
}

function query() {
  const options = new URLSearchParams({ attention: "true", concepts: String($("with-concepts").checked) });
  const search = $("search").value, count = Math.max(1, Math.min(5, Number($("n-best").value) || 1));
  if (search) options.set("search", search);
  if (count > 1) {
    if (!search || search === "greedy") options.set("search", "beam");
    options.set("n_best", String(count));
  }
  if (state.model?.has_confidence && !search && count === 1) {
    options.set("confidence", "true");
    if ($("with-unsure").checked) options.set("min_confidence", $("threshold").value);
  }
  return options;
}

async function caption(blob) {
  if (!blob.type.startsWith("image/") && blob.type) return showProblem(t().notPicture);
  state.request?.abort();
  const request = (state.request = new AbortController());
  const entry = { blob, url: URL.createObjectURL(blob), answer: null };
  present(entry);
  try {
    const response = await fetch(`/v1/captions?${query()}`, {
      method: "POST", body: blob, signal: request.signal,
      headers: { ...headers(), "Content-Type": blob.type || "application/octet-stream" },
    });
    const content = await response.json();
    if (response.status === 401) return askForKey();
    if (!response.ok) throw new Error(content.detail);
    entry.answer = content.captions[0];
    remember(entry);
    show(entry, true);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("caption").classList.remove("waiting");
    $("caption").textContent = "";
    showProblem(error instanceof TypeError ? t().unreachable : error.message);
  }
}

function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

function hideProblem() {
  $("problem").hidden = true;
}

// The result

function present(entry) {
  state.current = entry;
  hideProblem();
  document.body.classList.add("has-result");
  $("result").hidden = $("again").hidden = false;
  $("picture").src = entry.url;
  $("caption").textContent = "";
  $("caption").classList.add("waiting");
  $("announced").textContent = t().waiting;
  for (const id of ["region", "facts", "copied"]) $(id).textContent = "";
  $("alternatives").hidden = $("concepts").hidden = true;
  select(null);
}

/** Show an answer; ``typed``: word by word, as if it were being written. */
function show(entry, typed) {
  state.current = entry;
  const answer = entry.answer;
  if (!answer) return;
  $("picture").src = entry.url;
  $("picture").alt = answer.caption || "";
  $("caption").classList.remove("waiting");
  $("caption").replaceChildren();
  $("caption").lang = state.model?.language === "zh" ? "zh-Hans" : "en";
  select(null);
  if (answer.caption === null) {
    const perhaps = answer.perhaps?.length ? ` ${t().perhaps(answer.perhaps)}` : "";
    $("caption").append(make("span", { class: "unsure" }, t().notSure + perhaps));
    $("announced").textContent = t().notSure + perhaps;
  } else {
    $("announced").textContent = t().announced(answer.caption);
    write(answer, typed && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }
  const facts = [];
  if (answer.confidence != null) facts.push(t().confidence(answer.confidence));
  if (answer.familiarity != null && answer.familiarity < 0.01) facts.push(t().unusual);
  $("facts").textContent = facts.join(" · ");
  $("copy-text").hidden = $("copy-alt").hidden = answer.caption === null;
  listAlternatives(answer.alternatives || []);
  listConcepts(answer.concepts || []);
  const hasMaps = answer.words?.some((word) => word.attention);
  $("region").textContent = answer.caption !== null && !hasMaps ? t().noAttention : "";
}

function write(answer, typed) {
  const entry = state.current, chinese = state.model?.language === "zh";
  const pieces = answer.words.map((word) => wordButton(word));
  const add = (place) => {
    if (state.current !== entry || place >= pieces.length) return;
    if (place && !chinese) $("caption").append(" ");
    $("caption").append(pieces[place]);
    if (typed) setTimeout(add, TYPING, place + 1);
    else add(place + 1);
  };
  add(0);
}

function wordButton(word) {
  const unsupported = word.evidence?.kind === "text";
  const button = make("button", { type: "button", "aria-pressed": "false", class: unsupported ? "text" : "" }, word.word);
  button.addEventListener("pointerenter", () => select(button, word));
  button.addEventListener("focus", () => select(button, word));
  button.addEventListener("click", () => select(button, word));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
    if (step) button[step]?.focus();
    if (event.key === "Escape") { button.blur(); select(null); }
  });
  return button;
}

/** Light up the part of the picture that a word is based on, and say which part it is. */
function select(button, word) {
  state.word?.setAttribute("aria-pressed", "false");
  state.word = button;
  const canvas = $("shade"), context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!button) return void ($("region").textContent = "");
  button.setAttribute("aria-pressed", "true");
  const evidence = word.evidence;
  let support = evidence?.kind === "text" ? t().text : "";
  if (evidence?.kind === "seen" && evidence.probability != null) support = t().seen(evidence.probability.toFixed(2));
  if (!word.attention) return void ($("region").textContent = t().noRegion(word.word, support));
  shade(context, canvas, word.attention, state.current.answer.field_of_view?.crop);
  $("region").textContent = t().region(word.word, place(word.attention), support);
}

function place(map) {
  const sums = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  map.forEach((row, y) => row.forEach((value, x) => {
    sums[Math.floor((3 * y) / map.length)][Math.floor((3 * x) / row.length)] += value;
  }));
  const best = Math.max(...sums.flat());
  const y = sums.findIndex((row) => row.includes(best));
  return t().places[y][sums[y].indexOf(best)];
}

/** Darken the picture where a word's attention is low; outside the field of view it is darkest. */
function shade(context, canvas, map, crop) {
  const picture = $("picture");
  const scale = Math.min(1, 640 / Math.max(picture.naturalWidth, picture.naturalHeight));
  const width = (canvas.width = Math.max(1, Math.round(picture.naturalWidth * scale)));
  const height = (canvas.height = Math.max(1, Math.round(picture.naturalHeight * scale)));
  const small = new OffscreenCanvas(map[0].length, map.length), cells = small.getContext("2d");
  const pixels = cells.createImageData(map[0].length, map.length), most = Math.max(...map.flat());
  map.flat().forEach((value, place) => (pixels.data[4 * place + 3] = 165 * (1 - value / most)));
  cells.putImageData(pixels, 0, 0);
  const side = crop == null ? null : Math.min(width, height) * crop;
  const box = side == null ? [0, 0, width, height] : [(width - side) / 2, (height - side) / 2, side, side];
  context.fillStyle = "rgb(0 0 0 / 65%)";
  if (side != null) context.fillRect(0, 0, width, height);
  context.clearRect(...box);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, ...box);
}

function listAlternatives(alternatives) {
  $("alternatives").hidden = !alternatives.length;
  $("alternatives").querySelector("ol").replaceChildren(...alternatives.map((one) => make("li", {}, one.caption)));
}

function listConcepts(concepts) {
  $("concepts").hidden = !concepts.length;
  $("concepts").querySelector("ul").replaceChildren(...concepts.slice(0, 12).map((one) => {
    const chip = make("li", {}, `${one.word} ${Math.round(100 * one.probability)} %`);
    chip.style.setProperty("--share", `${Math.round(100 * one.probability)}%`);
    return chip;
  }));
}

// History of this tab

function remember(entry) {
  if (!state.history.includes(entry)) state.history.unshift(entry);
  for (const old of state.history.splice(MAX_HISTORY)) URL.revokeObjectURL(old.url);
  $("history").hidden = state.history.length < 2;
  $("history").querySelector("ol").replaceChildren(...state.history.map((one) => {
    const text = one.answer.caption ?? t().notSure;
    const button = make("button", { type: "button" }, make("img", { src: one.url, alt: "" }), text);
    button.addEventListener("click", () => { hideProblem(); show(one, false); $("result").focus(); });
    return make("li", {}, button);
  }));
}

// Copy

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");

async function copy(text) {
  await navigator.clipboard.writeText(text);
  $("copied").textContent = t().copied;
  setTimeout(() => ($("copied").textContent = ""), 2000);
}

// Camera

async function openCamera() {
  try {
    $("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    $("viewfinder").hidden = false;
    await $("video").play();
    $("shoot").focus();
  } catch {
    showProblem(t().noCamera);
  }
}

function closeCamera() {
  $("video").srcObject?.getTracks().forEach((track) => track.stop());
  $("video").srcObject = null;
  $("viewfinder").hidden = true;
}

async function shoot() {
  const video = $("video"), canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  closeCamera();
  caption(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 }));
}

// Events

function firstPicture(transfer) {
  return [...(transfer?.files || [])].find((file) => file.type.startsWith("image/") || !file.type) || transfer?.files?.[0];
}

function start() {
  setLanguage(navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
  $("language").addEventListener("click", () => setLanguage(state.language === "en" ? "zh" : "en"));
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    $("theme").textContent = isDark() ? t().light : t().dark;
  });
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { if ($("file").files[0]) caption($("file").files[0]); $("file").value = ""; });
  $("picture").addEventListener("load", () =>
    $("frame").style.setProperty("--ratio", $("picture").naturalWidth / $("picture").naturalHeight));
  $("camera").addEventListener("click", openCamera);
  $("stop-camera").addEventListener("click", closeCamera);
  $("shoot").addEventListener("click", shoot);
  $("again").addEventListener("click", () => caption(state.current.blob));
  $("threshold").addEventListener("input", () => ($("threshold-value").textContent = $("threshold").value));
  $("key").addEventListener("change", loadModel);
  $("copy-text").addEventListener("click", () => copy(state.current.answer.caption));
  $("copy-alt").addEventListener("click", () => copy(`alt="${escaped(state.current.answer.caption)}"`));
  $("frame").addEventListener("pointerleave", () => select(null));
  $("options").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragging"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const picture = firstPicture(event.dataTransfer);
    if (picture) caption(picture);
  });
  addEventListener("paste", (event) => {
    const picture = firstPicture(event.clipboardData);
    if (picture) caption(picture);
  });
  loadModel();
}

start();
