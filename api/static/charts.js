"use strict";
// Draws each chart from the table below it; without script the table says the same.
// A column with `data-series` is drawn: "bar" or "line". A cell's `data-value` is what it says as a number.
const COLOURS = ["#0f4c81", "#c77700", "#a51d1d", "#5f7183"];

function draw(figure) {
  const table = figure.querySelector("table");
  const columns = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const numbers = (column) => rows.map((row) => Number(row.cells[column].dataset.value || NaN));
  const stacked = figure.dataset.chart === "stacked";
  const datasets = columns.flatMap((head, index) =>
    head.dataset.series
      ? [{ type: head.dataset.series, label: head.textContent.trim(), data: numbers(index), yAxisID: head.dataset.series }]
      : [],
  );
  datasets.forEach((set, index) => {
    set.backgroundColor = set.borderColor = COLOURS[index % COLOURS.length];
    set.order = set.type === "line" ? 0 : 1;
  });
  const money = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });
  const line = datasets.some((set) => set.type === "line");
  new Chart(figure.querySelector("canvas"), {
    data: { labels: rows.map((row) => row.cells[0].dataset.label ?? row.cells[0].textContent.trim()), datasets },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: { stacked },
        bar: { stacked, position: "left", ticks: { callback: (value) => money.format(value) } },
        ...(line && {
          line: { position: "right", min: 0, max: 1, grid: { display: false }, ticks: { callback: (value) => percent.format(value) } },
        }),
      },
      plugins: { legend: { display: datasets.length > 1, position: "bottom" } },
    },
  });
}

function drawAll() {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    if (!Chart.getChart(figure.querySelector("canvas"))) draw(figure);
  }
}

document.addEventListener("DOMContentLoaded", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
