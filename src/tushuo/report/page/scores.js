// Scores with their baselines, wins, caption diagnostics.

const report = parse("summary");
const scored = report.runs.filter((run) => Object.keys(run.scores).length);
const NAMES = {
  Bleu_1: "BLEU-1", Bleu_2: "BLEU-2", Bleu_3: "BLEU-3", Bleu_4: "BLEU-4", ROUGE_L: "ROUGE-L",
};
const metricName = (name) =>
  name === "CIDEr" && !report.metrics.includes("CIDEr-D") ? "CIDEr (-D)" : NAMES[name] || name;

const MARKS = { frequent: "▽", neighbour: "◇", person: "○" };
const BASELINES = {
  frequent: "the most frequent training caption, for every picture",
  neighbour: "the caption of the most similar training picture",
  person: "one reference caption against the others (one reference less)",
};
const DIAGNOSTICS = {
  words: ["words per caption", (value) => number(value, 1)],
  vocabulary: ["different words in total", (value) => value],
  distinct_1: ["different words among all words (distinct-1)", percent],
  distinct_2: ["different bigrams among all bigrams (distinct-2)", percent],
  different: ["different captions among all captions", percent],
  identical: ["captions identical to that of another picture", percent],
  commonest: ["pictures with the most frequent caption", percent],
  seen: ["captions that occur verbatim in training", percent],
  unfinished: ["captions that end in a function word", percent],
  unsupported: ["captions with a word that no reference has", percent],
  mbleu: ["BLEU-4 of a picture's captions against each other (mBLEU)", (value) => number(value)],
  div_1: ["different words among all captions of a picture (div-1)", percent],
  div_2: ["different bigrams among all captions of a picture (div-2)", percent],
};

/** Baselines with their marks; runs trained on the same captions share them. */
function baselines() {
  const merged = [];
  scored.forEach((run, place) => {
    for (const [name, scores] of Object.entries(run.baselines)) {
      const same = merged.find((b) => b.name === name && sameNumbers(b.scores, scores));
      if (same) Object.assign(same, { runs: [...same.runs, place], scores: { ...scores, ...same.scores } });
      else merged.push({ name, scores, runs: [place] });
    }
  });
  for (const one of merged) {
    const alone = merged.filter((other) => other.name === one.name).length === 1;
    one.label = alone ? one.name : `${one.name} (${one.runs.map((r) => scored[r].name).join(", ")})`;
    one.mark = MARKS[one.name] || "□";
  }
  const kinds = [...new Set(merged.map((one) => one.name))];
  return merged.sort((a, b) => kinds.indexOf(a.name) - kinds.indexOf(b.name));
}
/** Equal in every metric that both have: one evaluation may have more metrics. */
function sameNumbers(a, b) {
  const both = Object.keys(a).filter((name) => name in b);
  return both.length > 0 && both.every((name) => a[name] === b[name]);
}

const COSTS = [
  { key: "parameters", label: "parameters, millions", show: (value) => (value / 1e6).toFixed(1) },
  { key: "seconds", label: "seconds a picture", show: (value) => value.toPrecision(2) },
];

function drawScores() {
  if (!scored.length) return;
  $("scores").hidden = false;
  const others = baselines();
  $("baseline-note").hidden = !others.length;
  $("legend").append(
    ...scored.map((run, place) => make("span", {}, swatch(place), run.name)),
    ...others.map((one) =>
      make("span", { title: BASELINES[one.name] }, make("span", { class: "mark" }, one.mark), one.label)),
  );
  for (const metric of report.metrics) $("plot").append(...drawMetric(metric, others));
  $("score-table").append(scoreHead(others), make("tbody", {}, report.metrics.map((metric) =>
    make("tr", {}, make("th", { scope: "row" }, metricName(metric)),
      scored.map((run) => scoreCell(run.scores[metric], run.intervals[metric])),
      others.map((one) => make("td", {}, number(one.scores[metric]))))),
    COSTS.filter(({ key }) => scored.some((run) => run.cost[key] != null)).map(({ key, label, show }) =>
      make("tr", {}, make("th", { scope: "row" }, label),
        scored.map((run) => make("td", {}, run.cost[key] == null ? "" : show(run.cost[key]))),
        others.map(() => make("td", {}))))));
  labelled($("score-table"));
  $("signatures").append(
    make("ul", { class: "legend-list" }, [...new Set(others.map((one) => one.name))].map((name) =>
      make("li", {}, make("b", {}, `${MARKS[name] || "□"} ${name}`), `: ${BASELINES[name] || "a baseline"}`))),
    ...scored.map((run, place) => make("p", { class: "signature" }, swatch(place),
      make("b", {}, run.name), " ", make("code", {}, run.signature))),
    ...[...new Set(scored.flatMap((run) => run.notes))].map((note) => make("p", { class: "quiet" }, `Note: ${note}.`)),
  );
}

function scoreHead(others) {
  return make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "metric"),
    scored.map((run, place) => make("th", { scope: "col" }, swatch(place), run.name)),
    others.map((one) => make("th", { scope: "col" }, `${one.mark} ${one.label}`))));
}

function scoreCell(value, interval) {
  return make("td", {}, make("b", {}, number(value)), interval &&
    make("span", { class: "interval" }, `${number(interval[0])} to ${number(interval[1])}`));
}

/** One metric's name and its line of marks, from 0 to the largest value. */
function drawMetric(metric, others) {
  const values = [
    ...scored.flatMap((run) => [run.scores[metric], ...(run.intervals[metric] || [])]),
    ...others.map((one) => one.scores[metric]),
  ];
  const most = Math.max(...values.filter((value) => value != null), 1e-9) * 1.04;
  const left = (value) => `${(100 * value) / most}%`;
  const track = make("div", { class: "track", style: { "--runs": scored.length } });
  for (const one of others) {
    if (one.scores[metric] == null) continue;
    track.append(make("span", { class: "mark", style: { left: left(one.scores[metric]) },
      title: `${one.label}: ${number(one.scores[metric])}` }, one.mark));
  }
  scored.forEach((run, place) => {
    const [value, interval] = [run.scores[metric], run.intervals[metric]];
    if (value == null) return;
    const row = { "--row": place, "--own": colour(place) };
    if (interval) track.append(make("span", { class: "whisker", style: { ...row, left: left(interval[0]),
      width: left(interval[1] - interval[0]) } }));
    track.append(make("span", { class: "dot", style: { ...row, left: left(value) },
      title: `${run.name}: ${number(value)}` }));
  });
  return [make("div", { class: "metric" }, metricName(metric)), track];
}

function drawDiagnostics() {
  const kept = scored.filter((run) => Object.keys(run.diagnostics).length);
  if (!kept.length) return;
  $("diagnostics").hidden = false;
  const names = [...new Set(kept.flatMap((run) => Object.keys(run.diagnostics).filter((name) => run.diagnostics[name] != null)))];
  $("diagnostics-table").append(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "diagnostic"), kept.map((run) =>
      make("th", { scope: "col" }, swatch(scored.indexOf(run)), run.name)))),
    make("tbody", {}, names.map((name) => {
      const [label, format] = DIAGNOSTICS[name] || [name, (value) => number(value)];
      return make("tr", {}, make("th", { scope: "row" }, label),
        kept.map((run) => make("td", {}, String(format(run.diagnostics[name])))));
    })));
  labelled($("diagnostics-table"));
}

/** Wins of each run over each other one, by the chosen metric. */
function drawWins(pictures, metric) {
  if (scored.length < 2) return;
  $("wins").hidden = false;
  const place = report.metrics.indexOf(metric);
  const wins = (a, b) => pictures.filter((p) => p.captions[a].scores[place] > p.captions[b].scores[place]).length;
  $("win-table").replaceChildren(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, `${metricName(metric)}: higher than`),
      scored.map((run, a) => make("th", { scope: "col" }, swatch(a), run.name)))),
    make("tbody", {}, scored.map((run, a) => make("tr", {},
      make("th", { scope: "row" }, swatch(a), run.name),
      scored.map((_, b) => make("td", {}, a === b ? "" : `${wins(a, b).toLocaleString("en")} of ${pictures.length.toLocaleString("en")}`))))));
  labelled($("win-table"), `${metricName(metric)} higher than `);
}
