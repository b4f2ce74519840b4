// What the modules of the page share.
export const byId = (id) => document.getElementById(id);

export function element(name, text, options = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...options });
}

// Says how something went: "good", "bad" or neither.
export function say(id, text, mood = "") {
  byId(id).textContent = text;
  byId(id).dataset.state = mood;
}

// A WebSocket that connects anew when it is closed. The caller gets each one, and the JSON it receives.
export function socket(path, onMessage, onState) {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  let current = null;
  const open = () => {
    current = new WebSocket(url);
    current.onopen = () => onState(true);
    current.onmessage = (event) => onMessage(JSON.parse(event.data));
    current.onclose = () => {
      onState(false);
      setTimeout(open, 1000);
    };
  };
  open();
  return (value) => {
    if (current.readyState === WebSocket.OPEN) current.send(value);
  };
}

// Adds a line to a list of messages, and keeps its end in view.
export function addMessage(list, who, text, shown = 100) {
  const line = document.createElement("li");
  line.append(element("b", who), " ", text);
  list.append(line);
  while (list.children.length > shown) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}
