// Settings of each run: its run.json, flattened; settings that differ come first.

function flat(tree, prefix = "") {
  if (tree === null || typeof tree !== "object" || Array.isArray(tree)) return { [prefix]: JSON.stringify(tree) };
  return Object.assign({}, ...Object.entries(tree).map(([name, value]) => flat(value, prefix ? `${prefix}.${name}` : name)));
}

function drawSettings() {
  const runs = report.runs.map((run, place) => ({ ...run, place })).filter((run) => run.settings);
  if (!runs.length) return;
  $("curves").hidden = false;
  const all = runs.map((run) => flat(run.settings));
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))];
  // a run that is older than a setting does not differ in it
  const comparable = (name) => name.startsWith("decoder_settings.") || all.every((one) => name in one);
  const differ = names.filter((name) => comparable(name) && new Set(all.map((one) => one[name])).size > 1);
  const table = (shown) => make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Table of settings" },
    labelled(make("table", { class: "setting" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "setting"), runs.map((run) =>
        make("th", { scope: "col" }, swatch(run.place), run.name)))),
      make("tbody", {}, shown.map((name) => make("tr", {}, make("th", { scope: "row" }, name),
        all.map((one) => make("td", {}, make("code", {}, one[name] ?? "–")))))))));
  if (differ.length) $("settings").prepend(make("h3", {}, "Settings that differ"), table(differ));
  $("settings").append(make("details", {}, make("summary", {}, "All settings"), table(names)));
}
