"use strict";
// A link lands on what it names, also inside something folded; a picture so reached is laid over an older one.

function land() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let above = target.parentElement; above; above = above.parentElement) {
    if (above.tagName === "DETAILS") above.open = true;
  }
  if (target.classList.contains("picture")) showIn.forEach((show) => show(target.id));
  target.scrollIntoView({ block: target.tagName === "TR" ? "center" : "start" });
  if (target.tabIndex >= -1 && target.hasAttribute("tabindex")) target.focus({ preventScroll: true });
}
addEventListener("hashchange", land);
land();

// On paper nothing stays folded that a reader could have opened, but for long tables.
addEventListener("beforeprint", () => document.querySelectorAll("details.claim-group").forEach((one) => { one.open = true; }));
