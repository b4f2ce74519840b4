// Metrics: read anew with each measurement, as long as they are shown.
import { byId } from "/page.js";

async function read() {
  if (!byId("metrics").hidden) byId("metrics-text").textContent = await (await fetch("/metrics")).text();
}

export const show = read;
stream.addEventListener("sample", () => read().catch(() => {})); // The next one comes when the server is back.
