// The chat over WebSocket.
import { addMessage, byId, socket } from "/page.js";

let me = 0;
const add = (message) => addMessage(byId("chat-log"), message.from === me ? "you" : `#${message.from}`, message.text);

function received(message) {
  if ("history" in message) {
    me = message.you;
    byId("chat-log").replaceChildren();
    message.history.forEach(add);
  } else if ("clients" in message) {
    byId("chat-clients").textContent = message.clients;
    byId("chat-rate").textContent = message.rate.toFixed(1);
  } else {
    add(message);
  }
}

const send = socket("/chat", received, (isOpen) => { byId("chat-send").disabled = !isOpen; });
byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("chat-text").value.trim();
  if (text && !byId("chat-send").disabled) {
    send(text);
    byId("chat-text").value = "";
  }
});
