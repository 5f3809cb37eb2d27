// Scores beside their baselines, wins, habits.

const report = parse("summary");
const scored = report.runs.filter((run) => Object.keys(run.scores).length);
const NAMES = {
  Bleu_1: "BLEU-1", Bleu_2: "BLEU-2", Bleu_3: "BLEU-3", Bleu_4: "BLEU-4", ROUGE_L: "ROUGE-L",
};
const metricName = (name) =>
  name === "CIDEr" && !report.metrics.includes("CIDEr-D") ? "CIDEr (-D)" : NAMES[name] || name;

const MARKS = { frequent: "▽", neighbour: "◇", person: "○" };
const TOLD = {
  frequent: "the commonest training caption, for every picture",
  neighbour: "the caption of the training picture that looks the most alike",
  person: "a person's caption against the other references (one reference less)",
};
const HABITS = {
  words: ["words a caption", (value) => number(value, 1)],
  vocabulary: ["different words in all", (value) => value],
  distinct_1: ["different words of all words said (distinct-1)", percent],
  distinct_2: ["different pairs of words (distinct-2)", percent],
  different: ["different captions, to all there are", percent],
  identical: ["captions that another picture has too", percent],
  commonest: ["pictures with the commonest caption", percent],
  seen: ["captions that stand word for word in the training captions", percent],
  unfinished: ["captions that end in a function word", percent],
  unsupported: ["captions with a word of none of their references", percent],
  mbleu: ["BLEU-4 of a picture's captions against each other (mBLEU)", (value) => number(value)],
  div_1: ["different words of all captions of a picture (div-1)", percent],
  div_2: ["different pairs of words of all captions of a picture (div-2)", percent],
};

/** Baselines by mark: runs that were trained alike share theirs. */
function baselines() {
  const found = [];
  scored.forEach((run, place) => {
    for (const [name, scores] of Object.entries(run.baselines)) {
      const same = found.find((b) => b.name === name && same_numbers(b.scores, scores));
      if (same) Object.assign(same, { runs: [...same.runs, place], scores: { ...scores, ...same.scores } });
      else found.push({ name, scores, runs: [place] });
    }
  });
  for (const one of found) {
    const alone = found.filter((other) => other.name === one.name).length === 1;
    one.label = alone ? one.name : `${one.name} (${one.runs.map((r) => scored[r].name).join(", ")})`;
    one.mark = MARKS[one.name] || "□";
  }
  const kinds = [...new Set(found.map((one) => one.name))];
  return found.sort((a, b) => kinds.indexOf(a.name) - kinds.indexOf(b.name));
}
/** Equal in every metric that both have: one evaluation may have had a metric more. */
function same_numbers(a, b) {
  const both = Object.keys(a).filter((name) => name in b);
  return both.length > 0 && both.every((name) => a[name] === b[name]);
}

function drawScores() {
  if (!scored.length) return;
  $("scores").hidden = false;
  const others = baselines();
  $("marks-told").hidden = !others.length;
  $("legend").append(
    ...scored.map((run, place) => make("span", {}, swatch(place), run.name)),
    ...others.map((one) =>
      make("span", { title: TOLD[one.name] }, make("span", { class: "mark" }, one.mark), one.label)),
  );
  for (const metric of report.metrics) $("plot").append(...drawMetric(metric, others));
  $("score-table").append(scoreHead(others), make("tbody", {}, report.metrics.map((metric) =>
    make("tr", {}, make("th", { scope: "row" }, metricName(metric)),
      scored.map((run) => scoreCell(run.scores[metric], run.intervals[metric])),
      others.map((one) => make("td", {}, number(one.scores[metric])))))));
  $("signatures").append(
    make("ul", { class: "told" }, [...new Set(others.map((one) => one.name))].map((name) =>
      make("li", {}, make("b", {}, `${MARKS[name] || "□"} ${name}`), `: ${TOLD[name] || "a baseline"}`))),
    ...scored.map((run, place) => make("p", { class: "signature" }, swatch(place),
      make("b", {}, run.name), " ", make("code", {}, run.signature))),
    ...scored.flatMap((run) => run.notes.map((note) => make("p", { class: "quiet" }, `Note: ${note}.`))),
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

/** One metric's name and its line of marks, from 0 to the greatest value. */
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

function drawHabits() {
  const kept = scored.filter((run) => Object.keys(run.diagnostics).length);
  if (!kept.length) return;
  $("habits").hidden = false;
  const names = [...new Set(kept.flatMap((run) => Object.keys(run.diagnostics).filter((name) => run.diagnostics[name] != null)))];
  $("habit-table").append(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "habit"), kept.map((run) =>
      make("th", { scope: "col" }, swatch(scored.indexOf(run)), run.name)))),
    make("tbody", {}, names.map((name) => {
      const [told, shown] = HABITS[name] || [name, (value) => number(value)];
      return make("tr", {}, make("th", { scope: "row" }, told),
        kept.map((run) => make("td", {}, String(shown(run.diagnostics[name])))));
    })));
}

/** Wins of each run over each other one, by the chosen metric. */
function drawWins(pictures, metric) {
  if (scored.length < 2) return;
  $("wins").hidden = false;
  const place = report.metrics.indexOf(metric);
  const wins = (a, b) => pictures.filter((p) => p.said[a].scores[place] > p.said[b].scores[place]).length;
  $("win-table").replaceChildren(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, `${metricName(metric)}: higher than`),
      scored.map((run, a) => make("th", { scope: "col" }, swatch(a), run.name)))),
    make("tbody", {}, scored.map((run, a) => make("tr", {},
      make("th", { scope: "row" }, swatch(a), run.name),
      scored.map((_, b) => make("td", {}, a === b ? "" : `${wins(a, b).toLocaleString("en")} of ${pictures.length.toLocaleString("en")}`))))));
}
