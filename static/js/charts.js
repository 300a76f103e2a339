/* Draws the charts whose data the page carries as JSON; the table under each says the same. */

const FONT = "system-ui, sans-serif";
const charts = [];

function colour(name) {
  // A probe resolves light-dark() for the theme that is in force.
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.className = `probe-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function faded(value) {
  return value.replace(/^rgb\((.+)\)$/, "rgba($1, 0.12)");
}

function show(value, unit) {
  if (value === null) return "–";
  if (unit === "$") return `$${value.toLocaleString("en", { maximumFractionDigits: value < 1 ? 6 : 2 })}`;
  if (unit === "%") return `${Number((value * 100).toFixed(1))} %`;
  if (unit === "ms") return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
  return Intl.NumberFormat("en", { notation: "compact" }).format(value);
}

function dataset(data, series) {
  const tone = colour(series.tone);
  const bar = data.kind === "bar";
  return {
    label: series.label,
    data: series.values,
    backgroundColor: bar ? tone : faded(tone),
    borderColor: tone,
    borderWidth: bar ? 0 : 2,
    borderRadius: bar ? 3 : 0,
    maxBarThickness: 26,
    pointRadius: series.values.filter((value) => value !== null).length < 2 ? 3 : 0,
    pointHoverRadius: 4,
    tension: 0.3,
    spanGaps: true,
  };
}

function options(data) {
  const ink = colour("quiet");
  const line = colour("line");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: still ? false : { duration: 300 },
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: {
        display: data.series.length > 1,
        position: "bottom",
        align: "start",
        labels: { color: ink, boxWidth: 8, boxHeight: 8, usePointStyle: true, font: { family: FONT, size: 12 } },
      },
      tooltip: { callbacks: { label: (item) => ` ${item.dataset.label}: ${show(item.raw, data.unit)}` } },
    },
    scales: {
      x: { stacked: data.stacked, grid: { display: false }, border: { color: line }, ticks: { color: ink, maxRotation: 0, autoSkipPadding: 16, font: { family: FONT, size: 11 } } },
      y: {
        stacked: data.stacked,
        beginAtZero: true,
        grid: { color: line },
        border: { display: false },
        ticks: { color: ink, maxTicksLimit: 5, precision: data.unit ? undefined : 0, callback: (value) => show(value, data.unit), font: { family: FONT, size: 11 } },
      },
    },
  };
}

function draw() {
  while (charts.length) charts.pop().destroy();
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    charts.push(new window.Chart(canvas, {
      type: data.kind,
      data: { labels: data.labels, datasets: data.series.map((series) => dataset(data, series)) },
      options: options(data),
    }));
  }
}

draw();
document.addEventListener("themechange", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
