// JSON-RPC over HTTP.
import { byId, say } from "/page.js";

let id = 0;
byId("rpc-method").addEventListener("change", () => { byId("rpc-params").value = byId("rpc-method").value; });
byId("rpc-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const method = byId("rpc-method").selectedOptions[0].text;
  const params = byId("rpc-params").value.trim();
  try {
    const request = { jsonrpc: "2.0", id: ++id, method, ...(params && { params: JSON.parse(params) }) };
    const response = await (await fetch("/api/rpc", { method: "POST", body: JSON.stringify(request) })).json();
    byId("rpc-result").textContent = `→ ${JSON.stringify(request)}\n← ${JSON.stringify(response, null, 2)}`;
    byId("rpc-result").hidden = false;
    if ("error" in response) say("rpc-state", `Error ${response.error.code}: ${response.error.message}`, "bad");
    else say("rpc-state", `${method} returned ${JSON.stringify(response.result)}`, "good");
  } catch (error) {
    say("rpc-state", error.message, "bad");
  }
});
