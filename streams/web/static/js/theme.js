// Sets the theme before anything is drawn; a classic script, so that the page doesn't flash.
(() => {
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage may be refused: then the system's theme holds */ }
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
