// Deletion test: log-probability drop by mask, over the share of regions that are hidden.

const SHAPES = { // of each mask: its colour, and its mark around 0 0
  own: ["var(--run-1)", "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z"],
  other: ["var(--run-3)", "M-3.5-3.5H3.5V3.5H-3.5Z"],
  moved: ["var(--run-0)", "M0-4.5L4.5 3.5H-4.5Z"],
  random: ["var(--run-7)", "M0-5L4 0L0 5L-4 0Z"],
};
const ASIDE = 4; // pixels between the marks of one share, lest their intervals hide each other

function drawDeletionTests() {
  const runs = report.runs.filter((run) => run.deletionTest);
  if (!runs.length) return;
  $("deletion-test").hidden = false;
  const drops = runs.flatMap((run) => run.deletionTest.hidden).flatMap((part) => part.drops);
  const range = [0, ...drops.flatMap((one) => one.interval)]; // one scale for all charts
  const masks = [...new Set(drops.map((one) => one.mask))];
  $("masks").append(...masks.map((mask) => make("span", {}, sign(mask), report.masks[mask])));
  $("tests").append(...runs.flatMap((run) => [
    report.runs.length > 1 && make("h3", {}, scored.includes(run) && swatch(scored.indexOf(run)), run.name),
    make("p", { class: "quiet" }, describeTest(run.deletionTest)),
    make("div", { class: "charts" }, Object.keys(report.kinds).map((kind) => dropChart(run, kind, range))),
    dropTable(run),
  ]).filter(Boolean));
}

/** Describe the test, and whether the masks differ by more than chance. */
function describeTest({ pictures, fill, hidden }) {
  const others = hidden[0].drops.slice(1).map((one) => one.mask);
  const chance = hidden.flatMap((part) => part.drops.slice(1).filter((one) => one.margin_interval[0] <= 0)
    .map((one) => `${report.masks[one.mask]} (${report.kinds[part.words]}, ${share(part)})`));
  const significance = chance.length ? `not significant for: ${chance.join("; ")}` : "significant for each of them, at every share";
  return `${count(pictures, "picture")}; hidden regions are replaced by ${fill === "mean" ? "the mean region" : "zeros"}. ` +
    `The larger drop under the word's own mask, compared with the ${others.length} other masks, is ${significance} (95 % intervals).`;
}
const share = (part) => `${Number((100 * part.share).toFixed(2))} %`;

function dropChart(run, kind, range) {
  const parts = run.deletionTest.hidden.filter((part) => part.words === kind).sort((a, b) => a.share - b.share);
  if (!parts.length) return null;
  const [left, right] = [PLOT.left, PLOT.width - PLOT.right];
  const across = scale(parts.map((part) => Math.log(part.share)), left + 4 * ASIDE, right - 4 * ASIDE);
  const y = scale(range, PLOT.height - PLOT.bottom - 6, PLOT.top);
  const x = (part, place = 1.5) => across(Math.log(part.share)) + ASIDE * (place - 1.5);
  const title = `Log-probability drop, nats: ${report.kinds[kind]}`;
  const svg = make("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": title });
  for (const value of ticks(y.low, y.high, 5)) svg.append(
    make("line", { class: value ? "grid" : "grid zero", x1: left, x2: right, y1: y(value), y2: y(value) }),
    make("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  for (const part of parts) svg.append(
    make("text", { x: x(part), y: PLOT.height - PLOT.bottom + 17, "text-anchor": "middle" }, share(part)));
  svg.append(make("text", { x: right, y: PLOT.height - 3, "text-anchor": "end" }, "regions hidden"));
  for (const [place, mask] of parts[0].drops.map((one) => one.mask).entries()) svg.append(...dropLine(parts, mask, place, x, y));
  const legend = make("figcaption", { class: "legend" }, make("b", {}, title), make("span", {}, count(parts[0].count, "word")));
  return make("figure", { class: "chart" }, legend, svg);
}

/** The mark of a mask in the legend. */
function sign(mask) {
  return make("svg", { class: "sign", viewBox: "-6 -6 12 12", "aria-hidden": "true" },
    make("path", { class: "drop full", style: { "--own": SHAPES[mask][0] }, d: SHAPES[mask][1] }));
}

function dropLine(parts, mask, place, x, y) {
  const [own, d] = [{ "--own": SHAPES[mask][0] }, SHAPES[mask][1]];
  const points = parts.map((part) => [x(part, place), part.drops.find((one) => one.mask === mask), part]);
  const path = points.map(([at, one], n) => `${n ? "L" : "M"}${at.toFixed(1)} ${y(one.drop).toFixed(1)}`).join("");
  return [make("path", { class: "drop", style: own, d: path }), ...points.map(([at, one, part]) =>
    make("g", { transform: `translate(${at.toFixed(1)} ${y(one.drop).toFixed(1)})` },
      make("title", {}, `${report.masks[mask]}, ${share(part)} hidden: ${dropText(one)}`),
      make("path", { class: "drop", style: own, d: `M0 ${(y(one.interval[0]) - y(one.drop)).toFixed(1)}V${(y(one.interval[1]) - y(one.drop)).toFixed(1)}` }),
      make("path", { class: "drop full", style: own, d })))];
}
const dropText = (one) => `${number(one.drop)} (${one.interval.map((value) => number(value)).join(" to ")})`;

function dropTable({ name, deletionTest }) {
  const heads = ["words", "regions hidden", "attention hidden", ...deletionTest.hidden[0].drops.map(({ mask }) => report.masks[mask]), "own mask drops more than random"];
  return make("details", {}, make("summary", {}, "All drops"),
    make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Drops of ${name}` }, labelled(make("table", {},
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, deletionTest.hidden.map((part) => make("tr", {},
        make("th", { scope: "row" }, `${report.kinds[part.words]}, n = ${part.count.toLocaleString("en")}`),
        make("td", {}, share(part)), make("td", {}, percent(part.attention)),
        part.drops.map((one) => make("td", {}, number(one.drop),
          make("span", { class: "interval" }, one.interval.map((value) => number(value)).join(" to ")))),
        make("td", {}, percent(part.drops.find((one) => one.mask === "random")?.won)))))))),
    make("p", { class: "signature" }, make("code", {}, deletionTest.signature)));
}
