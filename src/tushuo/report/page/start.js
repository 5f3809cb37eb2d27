// Start: draw the scores at once, and the pictures when the whole page has loaded.

function about() {
  const run = scored[0];
  if (!run) return `${count(report.runs.length, "run")} without scores`;
  const fields = Object.fromEntries(run.signature.split("|").map((part) => part.split(/:(.*)/s, 2)));
  return [run.split && `${run.split} split`, count(report.pictures, "picture"),
    fields.references && `${fields.references.replace("to", " to ")} references each`, fields.tokenizer && `tokenizer ${fields.tokenizer}`]
    .filter(Boolean).join(" · ");
}

function choices() {
  const option = (value, text) => make("option", { value }, text);
  $("metric").append(...report.metrics.map((name) => option(name, metricName(name))));
  state.metric = ["CIDEr", "CIDEr-D"].find((name) => scored[0].scores[name] != null) || report.metrics[0];
  $("metric").value = state.metric;
  $("whose").append(...scored.map((run, n) => option(String(n), run.name)));
  scored.forEach((a, n) => scored.forEach((b, m) => n !== m && $("whose").append(option(`${n}-${m}`, `${a.name} minus ${b.name}`))));
  $("whose-label").hidden = scored.length < 2;
  const flags = { ...FLAGS, ...(scored.length > 1 && { differ: ["differ between the runs"] }) };
  $("flags").append(...Object.entries(flags).map(([name, [label]]) => make("label", {}, make("input", { type: "checkbox", value: name }), label)));
  const scoring = () => {
    [state.metric, state.whose] = [$("metric").value, $("whose").value];
    drawWins(pictures, state.metric);
    showHistogram();
    showStrips();
    refresh();
  };
  $("metric").addEventListener("change", scoring);
  $("whose").addEventListener("change", scoring);
  $("filters").addEventListener("input", refresh);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(refresh));
  $("dialog").addEventListener("click", (event) => event.target === $("dialog") && $("dialog").close());
  scoring();
}

$("about").textContent = about();
$("footer").textContent = `Made by tushuo ${report.version}. This page is a single file that loads and sends nothing.`;
if (report.warning) $("warnings").append(make("p", { class: "warning" },
  make("b", {}, "These scores cannot be compared: "), report.warning));
theme();
drawScores();
drawDiagnostics();
drawCurves();
drawSettings();
drawDeletionTests();
document.addEventListener("DOMContentLoaded", () => {
  pictures = parse("data").map((picture, place) => ({ ...picture, place }));
  if (!pictures.length || !scored.length) return;
  $("pictures").hidden = false;
  const hasWords = pictures.some((picture) => picture.captions.some((one) => one.log_probs.length));
  [$("how-to").hidden, $("how-to-open").hidden] = [!hasWords, hasWords];
  choices();
});
