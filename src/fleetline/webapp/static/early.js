// Runs before the page is drawn, so that a reader who chose dark never sees light first.
try {
  const kept = localStorage.getItem("fleetline-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // a browser may refuse storage
}
