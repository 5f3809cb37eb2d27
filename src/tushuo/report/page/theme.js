// Dark or light: the system's setting until the reader chooses.

function theme([toDark, toLight, change] = ["Dark", "Light", (to) => `Switch to ${to.toLowerCase()}`]) {
  const root = document.documentElement;
  const dark = () => (root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => {
    const to = dark() ? toLight : toDark;
    $("theme").textContent = to;
    $("theme").setAttribute("aria-label", change(to));
  };
  $("theme").addEventListener("click", () => { root.style.colorScheme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}
