// The tabs, and the chat over WebSocket.
"use strict";

const SHOWN = 100; // messages
const byId = (id) => document.getElementById(id);

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[role=tab]")) {
      other.setAttribute("aria-selected", String(other === tab));
      byId(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
  });
}

let socket = null;
let me = 0;

function add(message) {
  const line = document.createElement("li");
  const who = document.createElement("b");
  who.textContent = message.from === me ? "you" : `#${message.from}`;
  line.append(who, " ", message.text);
  const list = byId("chat-log");
  list.append(line);
  while (list.children.length > SHOWN) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

function open() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat`);
  socket.onopen = () => { byId("chat-send").disabled = false; };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
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
  };
  socket.onclose = () => {
    byId("chat-send").disabled = true;
    setTimeout(open, 1000);
  };
}

byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("chat-text").value.trim();
  if (text && socket.readyState === WebSocket.OPEN) {
    socket.send(text);
    byId("chat-text").value = "";
  }
});
open();
