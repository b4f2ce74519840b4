// TLS: what a client of the second port has agreed on with the server.
import { byId, element, say } from "/page.js";

const FACTS = {
  version: "Version", cipher: "Cipher suite", group: "Key exchange", subject: "Certificate of",
  names: "Names", fingerprint: "SHA-256", resumed: "Resumed",
};

async function shake() {
  byId("tls-shake").disabled = true;
  try {
    const response = await fetch("/api/tls", { cache: "no-store" });
    if (response.status === 503) throw new Error(await response.text());
    const facts = await response.json();
    if (!response.ok) throw new Error(facts.error);
    const took = "milliseconds" in facts ? ` in ${facts.milliseconds.toFixed(1)} ms; the certificate was verified` : ", by this page";
    say("tls-state", `${facts.version} on port ${facts.port}${took}.`, "good");
    byId("tls-facts").replaceChildren(
      ...Object.entries(FACTS).filter(([key]) => key in facts)
        .flatMap(([key, name]) => [element("dt", name), element("dd", [facts[key]].flat().join(", "))]),
    );
    byId("tls-pem").textContent = facts.pem;
    byId("tls-pem").hidden = false;
    byId("tls-open").hidden = location.protocol === "https:";
    byId("tls-open").firstElementChild.href = `https://${location.hostname}:${facts.port}/`;
  } catch (error) {
    say("tls-state", error.message, "bad");
  }
  byId("tls-shake").disabled = false;
}

byId("tls-shake").addEventListener("click", shake);
