"use strict";
// The page of `yardwatch review`: every state comes from the server, every mark goes there at once.

const SVG = "http://www.w3.org/2000/svg";
const WAGON_M = [13.9, 3.2]; // length and width of a box that is added where none shows how long they are
const at = (id) => document.getElementById(id);
let image = null;   // as the server gives it
let chosen = null;  // id of a box
let shown = null;   // x, y, width, height of what the picture's window shows
let dragged = null;

async function ask(route, body) {
  const how = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(route, how);
    const value = await answer.json();
    at("said").textContent = value.error || "";
    return value.error ? null : value;
  } catch (error) {
    at("said").textContent = "The review has ended, or cannot be reached: start it again.";
    return null;
  }
}

const round = (value) => value === null ? "" : Number(value.toFixed(1)).toString();
const range = (one) => one.low === null && one.high === null ? "" : `${round(one.low)} to ${one.high === null ? "?" : round(one.high)}`;

function line(tag, texts) {
  const row = document.createElement("tr");
  for (const text of texts) row.appendChild(document.createElement(tag)).textContent = text;
  return row;
}

async function list() {
  const all = await ask("overview");
  if (!all) return;
  at("title").textContent = document.title = `Review: ${all.title}`;
  at("who").textContent = all.who;
  at("stamp").hidden = !all.simulated;
  at("images").replaceChildren(...all.images.map((one) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    const person = one.done ? `, person ${one.person} (${one.who}, ${one.when})` : one.who ? ", begun" : "";
    button.textContent = `${one.taken_at.slice(0, 10) || "no date"} ${one.site} ${one.scene_id}: machine ${round(one.machine)}${person}`;
    button.dataset.number = one.number;
    button.setAttribute("aria-current", String(image !== null && image.number === one.number));
    button.addEventListener("click", () => open(one.number));
    entry.appendChild(button);
    return entry;
  }));
  at("means").replaceChildren(...all.means.map((mean) => line("td", [
    mean.site, mean.dates, round(mean.machine), round(mean.person), range(mean), mean.draws, mean.checked])));
}

async function open(number) {
  const found = await ask(`image/${number}`);
  if (!found) return;
  image = found;
  chosen = null;
  location.hash = String(number);
  shown = [0, 0, image.width, image.height];
  const first = image.boxes[0];
  if (first) look(first.at[0], first.at[1], Math.min(1, 120 / image.gsd_m / image.width) || 1);
  const picture = document.createElementNS(SVG, "image");
  picture.setAttribute("href", `picture/${number}`);
  picture.setAttribute("width", image.width);
  picture.setAttribute("height", image.height);
  at("view").replaceChildren(picture);
  draw();
  list();
}

function look(x, y, share) {
  const box = at("view").getBoundingClientRect();
  const width = image.width * share, height = width * box.height / Math.max(1, box.width);
  shown = [x - width / 2, y - height / 2, width, height];
}

function draw() {
  const view = at("view");
  view.setAttribute("viewBox", shown.join(" "));
  at("name").textContent = `${image.scene_id} ${image.taken_at}`;
  const interval = range(image);
  at("counts").textContent = `Machine: ${round(image.machine)}${interval && ` (${interval})`}. ` +
    `Boxes that stand: ${image.person}. ${image.done ? `Done by ${image.who}, ${image.when}.` : "Not done yet."}`;
  document.querySelector("[data-do=done]").firstChild.textContent = image.done ? "Reopen " : "Image done ";
  const focused = document.activeElement && document.activeElement.dataset.box && chosen;
  view.querySelectorAll("rect, text").forEach((old) => old.remove());
  for (const box of image.boxes) view.appendChild(rectangle(box));
  if (image.simulated) {
    const stamp = document.createElementNS(SVG, "text");
    stamp.textContent = "SIMULATED";
    const scale = shown[2] / Math.max(1, view.getBoundingClientRect().width);
    stamp.setAttribute("transform", `translate(${shown[0] + 10 * scale} ${shown[1] + 26 * scale}) scale(${scale})`);
    view.appendChild(stamp);
  }
  if (focused) view.querySelector(`rect[data-box="${CSS.escape(focused)}"]`)?.focus();
}

function rectangle(box) {
  const [x, y, length, width, angle] = box.at;
  const shape = document.createElementNS(SVG, "rect");
  const set = (values) => Object.entries(values).forEach(([name, value]) => shape.setAttribute(name, value));
  set({ x: x - length / 2, y: y - width / 2, width: length, height: width, transform: `rotate(${angle} ${x} ${y})`,
    class: box.said, tabindex: 0, role: "button", "aria-pressed": String(box.id === chosen),
    "aria-label": `Box ${box.id}: ${box.said || "not looked at"}` });
  shape.dataset.box = box.id;
  shape.addEventListener("focus", () => { if (chosen !== box.id) choose(box.id); });
  return shape;
}

function choose(id) {
  chosen = id;
  at("view").querySelectorAll("rect").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.box === id)));
}

async function say(action, box = null, place = null) {
  const found = await ask(`image/${image.number}`, { action, box, at: place });
  if (!found) { draw(); return; }
  const known = new Set(image.boxes.map((one) => one.id));
  image = found;
  if (action === "add") chosen = image.boxes.find((one) => !known.has(one.id))?.id ?? chosen;
  draw();
  list();
}

const box = () => image && image.boxes.find((one) => one.id === chosen);

function next() {
  if (!image.boxes.length) return;
  const from = image.boxes.findIndex((one) => one.id === chosen);
  const order = image.boxes.map((_, k) => image.boxes[(from + 1 + k) % image.boxes.length]);
  const one = order.find((each) => !each.said) || order[0];
  look(one.at[0], one.at[1], shown[2] / image.width);
  choose(one.id);
  draw();
  at("view").querySelector(`rect[data-box="${CSS.escape(one.id)}"]`).focus();
}

function zoom(factor, x = shown[0] + shown[2] / 2, y = shown[1] + shown[3] / 2) {
  const by = Math.max(20, Math.min(image.width * 2, shown[2] * factor)) / shown[2];
  shown = [x - (x - shown[0]) * by, y - (y - shown[1]) * by, shown[2] * by, shown[3] * by];
  draw();
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

function add() {
  const model = box() || image.boxes[0];
  const length = image.boxes.length ? median(image.boxes.map((one) => one.at[2])) : WAGON_M[0] / image.gsd_m;
  const width = image.boxes.length ? median(image.boxes.map((one) => one.at[3])) : WAGON_M[1] / image.gsd_m;
  say("add", null, [shown[0] + shown[2] / 2, shown[1] + shown[3] / 2, length, width, model ? model.at[4] : 0]);
}

let settled = null;
function nudge(by) {
  const one = box();
  if (!one) return;
  one.at = one.at.map((value, k) => value + (by[k] || 0));
  draw();
  clearTimeout(settled); // one mark for a whole walk of the arrow keys
  settled = setTimeout(() => say("move", one.id, one.at), 400);
}

const DO = {
  accept: () => chosen && say("accept", chosen),
  reject: () => chosen && say("reject", chosen),
  add,
  next,
  in: () => zoom(0.7),
  out: () => zoom(1 / 0.7),
  done: () => say(image.done ? "reopen" : "done"),
};
const KEYS = { a: "accept", r: "reject", n: "add", j: "next", "+": "in", "-": "out", d: "done" };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  "[": [0, 0, 0, 0, -2], "]": [0, 0, 0, 0, 2] };

at("tools").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && image) DO[button.dataset.do]();
});
document.addEventListener("keydown", (event) => {
  if (!image || event.ctrlKey || event.metaKey || event.altKey) return;
  if (STEPS[event.key] && chosen) {
    event.preventDefault();
    nudge(STEPS[event.key].map((value) => value * (event.shiftKey ? 10 : 1)));
  } else if (KEYS[event.key]) {
    event.preventDefault();
    DO[KEYS[event.key]]();
  }
});

function ground(event) {
  const area = at("view").getBoundingClientRect();
  const scale = Math.max(shown[2] / area.width, shown[3] / area.height); // the viewBox is fitted and centred
  return [shown[0] + shown[2] / 2 + (event.clientX - area.left - area.width / 2) * scale,
    shown[1] + shown[3] / 2 + (event.clientY - area.top - area.height / 2) * scale];
}
at("view").addEventListener("pointerdown", (event) => {
  if (!image) return;
  const id = event.target.dataset && event.target.dataset.box;
  if (id) { choose(id); event.target.focus(); }
  const one = id && box();
  dragged = { from: ground(event), box: one, start: one ? [...one.at] : [...shown], moved: false };
  at("view").setPointerCapture(event.pointerId);
});
at("view").addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const [x, y] = ground(event), dx = x - dragged.from[0], dy = y - dragged.from[1];
  const scale = shown[2] / at("view").getBoundingClientRect().width;
  if (!dragged.moved && Math.hypot(dx, dy) < 3 * scale) return; // a click, not a drag
  dragged.moved = true;
  if (dragged.box) dragged.box.at = [dragged.start[0] + dx, dragged.start[1] + dy, ...dragged.start.slice(2)];
  else shown = [shown[0] - dx, shown[1] - dy, shown[2], shown[3]];
  draw();
});
at("view").addEventListener("pointerup", () => {
  const end = dragged;
  dragged = null;
  if (end && end.box && end.moved) say("move", end.box.id, end.box.at);
});
at("view").addEventListener("wheel", (event) => {
  if (!image) return;
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...ground(event));
}, { passive: false });

addEventListener("resize", () => image && draw());

list().then(() => {
  const number = location.hash.slice(1);
  if (/^\d+$/.test(number)) open(Number(number));
});
