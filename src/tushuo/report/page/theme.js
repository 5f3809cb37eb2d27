// Dark or light: as the machine has it, until the reader chooses.

function theme() {
  const root = document.documentElement;
  const dark = () => (root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { $("theme").textContent = dark() ? "Light" : "Dark"; $("theme").setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"}`); };
  $("theme").addEventListener("click", () => { root.style.colorScheme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}
