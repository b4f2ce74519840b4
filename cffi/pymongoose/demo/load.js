// The load button, and CPU time per request beside that of other servers.
import { byId, element, say } from "/page.js";

const button = byId("load");
let running = false;

function showLoad(load) {
  running = load.running;
  button.textContent = running ? "Stop the load" : "Load the server";
  if (running) say("load-state", `${load.connections} connections, ${Math.ceil(load.left)} s left`, "good");
  else if (load.failed) say("load-state", "The load ended: the server did not serve it.", "bad");
  else say("load-state", `A process beside the server sends requests on ${load.connections} connections for 10 seconds.`);
}

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    showLoad(await (await fetch("/api/load", { method: running ? "DELETE" : "POST" })).json());
  } catch (error) {
    say("load-state", `No answer: ${error.message}`, "bad");
  }
  button.disabled = false;
});
stream.addEventListener("load", (event) => showLoad(JSON.parse(event.data)));

const file = await (await fetch("/peers.json")).json();
const most = Math.max(...file.rows.map((row) => row.cpu_us));
const body = byId("peers").tBodies[0];

function row(title) {
  const line = body.insertRow();
  const cells = { value: element("td", "–"), bar: element("span", "", { className: "bar" }) };
  const last = element("td", "");
  last.append(cells.bar);
  const head = element("th", title);
  head.scope = "row";
  line.append(head, cells.value, last);
  return { line, head, ...cells };
}

function set(cells, value) {
  cells.value.textContent = value < 100 ? value.toFixed(1) : value.toFixed(0);
  cells.bar.style.width = `${Math.min(100, (100 * value) / most)}%`;
}

const ours = row("this server, now");
ours.line.className = "ours";
ours.value.id = "now-cpu";
for (const peer of file.rows) set(row(peer.title), peer.cpu_us);
byId("peers-source").textContent =
  `The first line is live: it includes what this page measures for each request. The others are from the benchmark file: ${file.load}; ${file.machine}.`;

const showCpu = (sample) => {
  if (sample.cpu > 0) set(ours, sample.cpu);
};
samples.forEach(showCpu);
stream.addEventListener("sample", (event) => showCpu(JSON.parse(event.data)));
