// Loss curves, and the other columns of the training's log.

const PLOT = { width: Math.min(560, document.documentElement.clientWidth - 30), height: 260, left: 56, right: 12, top: 14, bottom: 34 };

/** One curve per training: results of the same run share it, and the longest one is drawn. */
function curved() {
  const byRun = new Map();
  report.runs.forEach((run, place) => {
    if (!run.curve.length) return;
    const key = JSON.stringify(run.settings);
    const one = byRun.get(key) || { names: [], curve: [], colour: scored.includes(run) ? scored.indexOf(run) : place };
    one.names.push(run.name);
    if (run.curve.length > one.curve.length) one.curve = run.curve;
    byRun.set(key, one);
  });
  return [...byRun.values()].map((one) => ({ ...one, name: one.names.join(", ") }));
}

function drawCurves() {
  const runs = curved();
  if (!runs.length) return;
  $("curves").hidden = false;
  const present = (name) => runs.some((run) => run.curve.some((row) => row[name] != null));
  const columns = [...new Set(runs.flatMap((run) => Object.keys(run.curve[0])))].filter(present);
  const losses = columns.filter((name) => name.endsWith("loss"));
  const rest = columns.filter((name) => name.startsWith("val_") && !losses.includes(name));
  $("charts").append(chart("Loss, nats per word", losses, runs, Math.min));
  for (const name of rest) $("charts").append(chart(name.replace("val_", "Validation ").replace("cider", "CIDEr"), [name], runs, Math.max));
  $("settings").append(curveTable(runs, columns));
}

function chart(title, columns, runs, best) {
  const series = runs.flatMap((run) => columns.map((name) => ({
    run, name, points: run.curve.filter((row) => row[name] != null).map((row) => [row.epoch, row[name]]),
  }))).filter((one) => one.points.length);
  const all = series.flatMap((one) => one.points);
  const [x, y] = [scale(all.map((p) => p[0]), PLOT.left, PLOT.width - PLOT.right),
    scale(all.map((p) => p[1]), PLOT.height - PLOT.bottom, PLOT.top)];
  const svg = make("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": title });
  for (const value of ticks(y.low, y.high, 5)) svg.append(
    make("line", { class: "grid", x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: y(value), y2: y(value) }),
    make("text", { x: PLOT.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  for (const value of ticks(x.low, x.high, 8).filter(Number.isInteger)) svg.append(
    make("text", { x: x(value), y: PLOT.height - PLOT.bottom + 17, "text-anchor": "middle" }, String(value)));
  svg.append(make("text", { x: PLOT.width - PLOT.right, y: PLOT.height - 3, "text-anchor": "end" }, "epoch"));
  for (const one of series) svg.append(...line(one, x, y, best));
  const legend = make("figcaption", { class: "legend" }, make("b", {}, title), series.map((one) =>
    make("span", {}, make("span", { class: one.name.startsWith("train") ? "key thin" : "key", style: { "--own": colour(one.run.colour) } }),
      runs.length > 1 ? `${one.run.name}, ${word(one.name)}` : word(one.name), bestText(one, best))));
  return make("figure", { class: "chart" }, legend, svg);
}
const word = (name) => ({ train_loss: "training", val_loss: "validation", val_cider: "CIDEr" })[name] || name.replace("_", " ");

/** The best epoch of a curve; not for the training loss, whose last epoch is always the best. */
function bestOf(one, best) {
  if (one.name.startsWith("train")) return null;
  const top = best(...one.points.map((point) => point[1]));
  return one.points.find((point) => point[1] === top);
}
function bestText(one, best) {
  const top = bestOf(one, best);
  return top && `, best in epoch ${top[0]}: ${number(top[1])}`;
}

/** A curve with its points; a ring marks the best. */
function line(one, x, y, best) {
  const own = { "--own": colour(one.run.colour) }, thin = one.name.startsWith("train");
  const path = one.points.map(([epoch, value], n) => `${n ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const top = bestOf(one, best);
  return [
    make("path", { class: thin ? "curve thin" : "curve", style: own, d: path }),
    ...one.points.map(([epoch, value]) => make("circle", { class: "point", cx: x(epoch), cy: y(value), r: thin ? 1.8 : 2.6, style: own },
      make("title", {}, `${one.run.name}, epoch ${epoch}: ${word(one.name)} ${number(value)}`))),
    ...(top ? [make("circle", { class: "best", cx: x(top[0]), cy: y(top[1]), r: 5, style: own })] : []),
  ];
}

/** A linear scale with a margin on both sides; a single value is centred. */
function scale(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const air = 0.04 * (high - low);
  const place = (value) => from + ((value - low + air) / (high - low + 2 * air)) * (to - from);
  return Object.assign(place, { low, high });
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((n) => n * power >= rough);
  const values = [];
  for (let n = Math.ceil(low / step); n * step <= high + 1e-9; n++) values.push(Number((n * step).toPrecision(12)));
  return values;
}

function curveTable(runs, columns) {
  return make("details", {}, make("summary", {}, "All epochs"), ...runs.map((run) =>
    make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Epochs of ${run.name}` }, labelled(make("table", {},
      make("caption", {}, run.name),
      make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, name.replaceAll("_", " "))))),
      make("tbody", {}, run.curve.map((row) => make("tr", {}, columns.map((name) =>
        make("td", {}, row[name] == null ? "–" : String(Number(row[name].toFixed(4)))))))))))));
}
