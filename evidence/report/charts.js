"use strict";
// Every chart on the page, from the data beside it, in the page's own colours.

const HEIGHT = 360;
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset" };

function colours(value, from) {
  if (typeof value === "string") {
    const name = /^var\((--[a-z-]+)\)$/.exec(value);
    return name ? from.getPropertyValue(name[1]).trim() : value;
  }
  if (Array.isArray(value)) return typeof value[0] === "object" ? value.map((one) => colours(one, from)) : value;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, colours(one, from)]));
}

function dressed(figure, onPaper, width) {
  const from = getComputedStyle(onPaper ? document.querySelector(".paper") : document.documentElement);
  const small = width < 600;
  const look = {
    font: { family: "inherit", size: small ? 11 : 13, color: "var(--ink)" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", dragmode: "zoom",
    margin: { l: 8, r: 12, t: 8, b: 8 }, height: HEIGHT,
    legend: { orientation: "h", y: -0.12, yanchor: "top", x: 0, xanchor: "left",
      ...(small && { entrywidth: 0.98, entrywidthmode: "fraction", font: { size: 10 } }) },
    hoverlabel: { bgcolor: "var(--panel)", bordercolor: "var(--muted)", font: { color: "var(--ink)" }, align: "left" },
  };
  const layout = { ...look, ...figure.layout };
  const names = figure.data.length + (figure.layout.shapes ?? []).filter((one) => one.showlegend).length;
  if (small) layout.height += 17 * names;
  if (small && layout.yaxis.ticktext) { // long names take two lines
    layout.yaxis = { ...layout.yaxis, tickfont: { size: 9 }, ticktext: layout.yaxis.ticktext.map((name) => name.replace(": ", ":<br>")) };
    layout.height *= 1.3;
  }
  return [colours(figure.data, from), colours(layout, from)];
}

const charts = [...document.querySelectorAll("script.figure")].map((source) => ({
  div: document.getElementById(source.dataset.plot), figure: JSON.parse(source.textContent), drawn: false,
}));

function draw(chart, onPaper = false) {
  const [data, layout] = dressed(chart.figure, onPaper, chart.div.clientWidth);
  const shown = chart.view && !onPaper ? { ...layout, xaxis: { ...layout.xaxis, range: chart.view } } : layout;
  Plotly.react(chart.div, data, shown, CONFIG);
  if (chart.drawn) return;
  chart.drawn = true;
  chart.div.on("plotly_click", (event) => follow(event.points[0]));
  chart.div.addEventListener("keydown", (event) => walk(chart, event));
}

function follow(point) {
  const href = point.customdata;
  if (href) location.hash = href;
}

// The arrow keys go through all points of a chart in time, Enter follows one.
function walk(chart, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
  chart.order ??= chart.div.data.flatMap((trace, curveNumber) => trace.x.map((x, pointNumber) => ({ x, curveNumber, pointNumber })))
    .sort((a, b) => (a.x < b.x ? -1 : a.x > b.x ? 1 : 0));
  const last = chart.order.length - 1;
  if (step !== undefined && last >= 0) {
    event.preventDefault();
    chart.at = Math.max(0, Math.min(last, (chart.at ?? (step > 0 ? -1 : last + 1)) + step));
    const { curveNumber, pointNumber } = chart.order[chart.at];
    const trace = chart.div.data[curveNumber];
    Plotly.Fx.hover(chart.div, [{ curveNumber, pointNumber }], trace.yaxis === "y2" ? "xy2" : "xy");
    const said = document.createElement("textarea"); // turns the escaped words back into plain ones
    said.innerHTML = trace.text[pointNumber].replace("<br>", ", ");
    document.getElementById("live").textContent = said.value;
  } else if (event.key === "Enter" && chart.at !== undefined) {
    const { curveNumber, pointNumber } = chart.order[chart.at];
    follow({ customdata: chart.div.data[curveNumber].customdata?.[pointNumber] });
  }
}

function drawAll(onPaper) {
  for (const chart of charts) draw(chart, onPaper);
}

for (const group of document.querySelectorAll(".views")) {
  group.hidden = false;
  const chart = charts.find((one) => one.div.id === group.querySelector("button").dataset.plot);
  const press = (button) => group.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  press(group.querySelector("button"));
  chart.view = Object.values(chart.figure.views)[0];
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    press(button);
    chart.view = [button.dataset.from, button.dataset.to];
    draw(chart);
  });
}

// What a person counted, where a review put it beside the page.
const review = document.getElementById("review-data");
for (const trace of review ? JSON.parse(review.textContent) : []) {
  const chart = charts.find((one) => one.div.id === trace.plot);
  if (chart) chart.figure.data.push(trace.data);
}

// Charts are drawn when they come near, so that a long page is there at once; all of them for paper.
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const chart = charts.find((one) => one.div === entry.target);
    if (entry.isIntersecting && !chart.drawn) draw(chart);
  }
}, { rootMargin: "800px" });
for (const chart of charts) {
  chart.div.style.minHeight = `${chart.figure.layout.height ?? HEIGHT}px`;
  near.observe(chart.div);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.filter((one) => one.drawn).forEach((one) => draw(one)));
addEventListener("beforeprint", () => drawAll(true));
addEventListener("afterprint", () => drawAll(false));
for (const div of charts.map((one) => one.div)) div.addEventListener("blur", () => { document.getElementById("live").textContent = ""; });
