// MQTT: the server has a client of its broker for this page, and passes on what that receives.
import { addMessage, byId, say, socket } from "/page.js";

const buttons = document.querySelectorAll("#mqtt button");
const enable = (on) => buttons.forEach((button) => { button.disabled = !on; });

function received(message) {
  if ("open" in message) {
    enable(message.open === 0);
    say("mqtt-state", `Connected to the broker on port ${message.port}.`);
    byId("mqtt-command").textContent = `mosquitto_pub -h ${location.hostname} -p ${message.port} -t demo/hello -m hi`;
  } else if ("error" in message) {
    say("mqtt-state", message.error, "bad");
  } else {
    addMessage(byId("mqtt-log"), message.topic, message.text);
  }
}

const send = socket("/mqtt", received, (isOpen) => {
  if (!isOpen) {
    enable(false);
    say("mqtt-state", "Not connected.", "bad");
  }
});
byId("mqtt-subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  const filter = byId("mqtt-filter").value;
  send(JSON.stringify({ subscribe: filter }));
  say("mqtt-state", `Subscribed to ${filter}.`, "good");
});
byId("mqtt-publish").addEventListener("submit", (event) => {
  event.preventDefault();
  send(JSON.stringify({ topic: byId("mqtt-topic").value, text: byId("mqtt-text").value }));
});
