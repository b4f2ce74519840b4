// The page: three plots fed by server-sent events, and a form that sends requests. `samples` and `stream` are
// used by the modules of the tabs.
"use strict";

const PER_MINUTE = 120; // samples
const KEPT = 2 * PER_MINUTE;
const PARALLEL = 5; // a browser keeps six connections to a server, and one is the stream
const LEFT = 38; // pixels of a plot, for its scale
const samples = [];
const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const whole = (x) => Math.round(x).toLocaleString("en");
const milliseconds = (x) => (x === 0 ? "0" : x < 10 ? x.toFixed(2) : x.toFixed(0));
const span = () => Math.min(KEPT, Math.max(PER_MINUTE / 2, samples.length)); // samples across a plot
const axis = (x) => (x >= 1000 ? `${+(x / 1000).toFixed(1)}k` : `${+x.toFixed(x < 1 ? 2 : 1)}`);

const plots = [
  { id: "plot-rate", format: whole, lines: [{ key: "rate", colour: "--accent", fill: "--accent-soft" }] },
  { id: "plot-latency", format: (x) => `${milliseconds(x)} ms`, lines: [{ key: "p99", colour: "--p99", name: "p99" }, { key: "p50", colour: "--p50", name: "p50" }] },
  { id: "plot-open", format: whole, atLeast: 4, lines: [{ key: "open", colour: "--accent", fill: "--accent-soft", steps: true }] },
].map((plot) => ({ atLeast: 1, hover: null, canvas: $(plot.id), ...plot }));

// The next of 1, 2, 5, 10, 20, ... at or above x.
function niceTop(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= x);
}

function draw(plot) {
  const { canvas } = plot;
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "12px system-ui, sans-serif";

  const left = LEFT, right = width - 6, top = 8, bottom = height - 20;
  const highest = Math.max(plot.atLeast, ...samples.flatMap((s) => plot.lines.map((l) => s[l.key])));
  const limit = niceTop(highest * 1.05);
  const x = (i) => right - ((samples.length - 1 - i) / (span() - 1)) * (right - left);
  const y = (value) => bottom - (value / limit) * (bottom - top);

  g.strokeStyle = colour("--line");
  g.fillStyle = colour("--quiet");
  g.lineWidth = 1;
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (let i = 0; i <= 4; i += 2) {
    const value = (limit * i) / 4;
    g.beginPath();
    g.moveTo(left, Math.round(y(value)) + 0.5);
    g.lineTo(right, Math.round(y(value)) + 0.5);
    g.stroke();
    g.fillText(axis(value), left - 6, y(value));
  }
  g.textBaseline = "alphabetic";
  g.textAlign = "left";
  g.fillText(`${Math.round((span() * 60) / PER_MINUTE)} s ago`, left, height - 4);
  g.textAlign = "right";
  g.fillText("now", right, height - 4);

  for (const line of plot.lines) {
    if (samples.length === 0) continue;
    const path = new Path2D();
    samples.forEach((s, i) => {
      if (i === 0) path.moveTo(x(0), y(s[line.key]));
      else {
        if (line.steps) path.lineTo(x(i), y(samples[i - 1][line.key]));
        path.lineTo(x(i), y(s[line.key]));
      }
    });
    if (line.fill) {
      const area = new Path2D(path);
      area.lineTo(x(samples.length - 1), bottom);
      area.lineTo(x(0), bottom);
      g.fillStyle = colour(line.fill);
      g.fill(area);
    }
    g.strokeStyle = colour(line.colour);
    g.lineWidth = 2;
    g.lineJoin = "round";
    g.stroke(path);
  }
  if (plot.hover !== null) drawHover(plot, g, { left, right, top, bottom, x, y });
}

function drawHover(plot, g, area) {
  const i = Math.round(samples.length - 1 - ((area.right - plot.hover) / (area.right - area.left)) * (span() - 1));
  if (i < 0 || i >= samples.length) return;
  const at = area.x(i);
  g.strokeStyle = colour("--quiet");
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(at, area.top);
  g.lineTo(at, area.bottom);
  g.stroke();
  const text = values(plot, samples[i]);
  for (const line of plot.lines) {
    g.fillStyle = colour(line.colour);
    g.beginPath();
    g.arc(at, area.y(samples[i][line.key]), 3.5, 0, 2 * Math.PI);
    g.fill();
  }
  const width = g.measureText(text).width + 14;
  const start = Math.min(Math.max(at - width / 2, area.left), area.right - width);
  g.fillStyle = colour("--text");
  g.beginPath();
  g.roundRect(start, area.top, width, 22, 5);
  g.fill();
  g.fillStyle = colour("--card");
  g.textAlign = "left";
  g.fillText(text, start + 7, area.top + 15);
}

// The sample beside the one that is shown, or the last one, and where it is in the plot.
function sampleAt(plot, step) {
  const width = plot.canvas.clientWidth - 6 - LEFT, last = samples.length - 1;
  const across = width / (span() - 1), right = LEFT + width;
  const now = plot.hover === null ? last - step : Math.round(last - (right - plot.hover) / across);
  const i = Math.min(last, Math.max(0, now + step));
  return { i, x: right - (last - i) * across };
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    plots.forEach(draw);
  });
}

// The values of a sample, as text.
const values = (plot, sample) => plot.lines.map((l) => `${l.name ? `${l.name} ` : ""}${plot.format(sample[l.key])}`).join("   ");

function show(sample) {
  samples.push(sample);
  if (samples.length > KEPT) samples.shift();
  $("now-rate").textContent = whole(sample.rate);
  $("now-p50").textContent = milliseconds(sample.p50);
  $("now-p99").textContent = milliseconds(sample.p99);
  $("now-open").textContent = whole(sample.open);
  $("now-total").textContent = whole(sample.total);
}

function state(name, text) {
  $("status").dataset.state = name;
  $("status-text").textContent = text;
}

const stream = new EventSource("/events");
stream.addEventListener("history", (event) => {
  const { version, samples: past } = JSON.parse(event.data);
  $("version").textContent = version;
  samples.length = 0;
  past.forEach(show);
  state("live", "live");
  redraw();
});
stream.addEventListener("sample", (event) => {
  show(JSON.parse(event.data));
  redraw();
});
stream.onerror = () => state("lost", "connection lost, trying again");

function request() {
  const method = $("method").value;
  const options = { method, cache: "no-store" };
  if (!["GET", "HEAD"].includes(method)) options.body = $("body").value;
  return fetch($("path").value, options);
}

function busy(on) {
  $("send").disabled = $("burst").disabled = on;
}

function summary(text, mood = "") {
  $("summary").textContent = text;
  $("summary").dataset.state = mood;
}

async function send() {
  busy(true);
  const start = performance.now();
  try {
    const response = await request();
    const body = await response.text();
    const took = (performance.now() - start).toFixed(1);
    summary(`${response.status} ${response.statusText} in ${took} ms`, response.ok ? "good" : "bad");
    $("result").hidden = false;
    try {
      $("result").textContent = JSON.stringify(JSON.parse(body), null, 2);
    } catch {
      $("result").textContent = body;
    }
  } catch (error) {
    summary(`No answer: ${error.message}`, "bad");
  }
  busy(false);
}

async function burst() {
  const count = Number($("count").value);
  let started = 0, done = 0, failed = 0;
  busy(true);
  $("progress").hidden = false;
  $("result").hidden = true;
  const start = performance.now();
  const worker = async () => {
    while (started < count) {
      started++;
      try {
        const response = await request();
        await response.arrayBuffer();
        if (!response.ok) failed++;
      } catch {
        failed++;
      }
      done++;
      $("progress").firstElementChild.style.width = `${(100 * done) / count}%`;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const seconds = (performance.now() - start) / 1000;
  const good = count - failed;
  summary(
    `${whole(good)} of ${whole(count)} answered in ${seconds.toFixed(2)} s: ${whole(count / seconds)} requests per second`,
    failed ? "bad" : "good",
  );
  $("progress").hidden = true;
  busy(false);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("burst").addEventListener("click", burst);
$("command").textContent = `wrk -c 100 -d 10 ${location.origin}/api/hello`;
for (const plot of plots) {
  plot.canvas.addEventListener("pointermove", (event) => {
    plot.hover = event.offsetX;
    redraw();
  });
  for (const end of ["pointerleave", "blur"]) {
    plot.canvas.addEventListener(end, () => {
      plot.hover = null;
      redraw();
    });
  }
  // Arrow keys go from sample to sample; a screen reader says the values.
  const name = plot.canvas.getAttribute("aria-label");
  plot.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || samples.length === 0) return;
    event.preventDefault();
    const { i, x } = sampleAt(plot, step);
    plot.hover = x;
    plot.canvas.setAttribute("aria-label", `${name}: ${values(plot, samples[i])}`);
    redraw();
  });
}
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
redraw();
