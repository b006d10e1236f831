"use strict";
// Two pictures of the same ground over each other; a divider shows more of one or of the other.

function side(anchor, name) {
  const figure = document.getElementById(anchor);
  const frame = figure.querySelector(".frame").cloneNode(true);
  frame.classList.add(name);
  frame.querySelector("img").loading = "eager";
  const label = document.createElement("span");
  label.className = "side";
  const stamp = figure.querySelector(".stamp") ? "SIMULATED " : "";
  label.textContent = stamp + figure.querySelector("figcaption b").textContent.slice(0, 10);
  frame.appendChild(label);
  return frame;
}

function swipe(section) {
  const stage = section.querySelector(".stage"), slider = section.querySelector("input");
  const selects = Object.fromEntries([...section.querySelectorAll("select")].map((one) => [one.dataset.side, one]));
  const line = document.createElement("div");
  line.className = "line";

  function divide() {
    const right = stage.querySelector(".right");
    right.style.clipPath = `inset(0 0 0 ${slider.value}%)`;
    line.style.left = `${slider.value}%`;
  }
  function fill() {
    stage.replaceChildren(side(selects.left.value, "left"), side(selects.right.value, "right"), line);
    const said = ["left", "right"].map((one) => {
      const text = document.getElementById(selects[one].value).querySelector("figcaption").innerText.split("\n");
      return `${one === "left" ? "Left" : "Right"}: ${text.slice(0, 2).join(" ")}`;
    });
    section.querySelector(".told").textContent = said.join(" — ");
    divide();
  }
  function drag(event) {
    const area = stage.getBoundingClientRect();
    slider.value = Math.max(0, Math.min(100, 100 * (event.clientX - area.left) / area.width));
    divide();
  }

  section.hidden = false;
  slider.addEventListener("input", divide);
  stage.addEventListener("pointerdown", (event) => { event.preventDefault(); stage.setPointerCapture(event.pointerId); drag(event); });
  stage.addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
  for (const select of Object.values(selects)) select.addEventListener("change", fill);
  section.querySelector(".zoom").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    stage.style.width = `${100 * Number(button.dataset.zoom)}%`;
    section.querySelectorAll(".zoom button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  });
  section.querySelector(".zoom button").setAttribute("aria-pressed", "true");
  fill();
  return (anchor) => {
    if (![...selects.right.options].some((option) => option.value === anchor)) return;
    selects.right.value = anchor;
    fill();
  };
}

const showIn = [...document.querySelectorAll(".swipe")].map(swipe);
