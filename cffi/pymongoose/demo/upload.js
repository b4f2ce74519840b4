// Upload: a file in pieces, one request for each, so that the page knows how far it is.
import { byId, say } from "/page.js";

const PIECE = 256 * 1024;

async function upload(file) {
  const name = encodeURIComponent(file.name);
  for (let offset = 0; offset === 0 || offset < file.size; offset += PIECE) {
    const body = file.slice(offset, offset + PIECE);
    const response = await fetch(`/api/upload?file=${name}&offset=${offset}`, { method: "POST", body });
    if (!response.ok) throw new Error(await response.text());
    byId("upload-progress").value = file.size ? Math.min(1, (offset + PIECE) / file.size) : 1;
  }
}

byId("upload-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = byId("upload-file").files[0];
  const start = performance.now();
  byId("upload-send").disabled = true;
  byId("upload-progress").value = 0;
  say("upload-state", `Uploading ${file.name} ...`);
  try {
    await upload(file);
    const seconds = (performance.now() - start) / 1000;
    say("upload-state", `${file.name}: ${file.size.toLocaleString("en")} bytes in ${seconds.toFixed(2)} s. See the tab Files.`, "good");
  } catch (error) {
    say("upload-state", `${file.name} was not stored: ${error.message}`, "bad");
  }
  byId("upload-send").disabled = false;
});
