// The tabs: click, arrow keys, Home and End. Each tab has a module, which is loaded when it is first shown.
import { byId, element } from "/page.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const modules = {};

async function source(panel) {
  const name = panel.dataset.source;
  const details = element("details", "", { open: matchMedia("(min-width: 60rem)").matches, className: "source" });
  const code = element("pre", "", { tabIndex: 0 });
  code.setAttribute("aria-label", `Source of this tab, ${name}`);
  details.append(element("summary", `Source: ${name}`), code);
  panel.append(details);
  code.textContent = await (await fetch(`/source/${name}`)).text();
}

async function show(tab) {
  const id = tab.getAttribute("aria-controls");
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  const isNew = !(id in modules);
  if (isNew) {
    source(byId(id));
    modules[id] = id === "requests" ? Promise.resolve({}) : import(`/${id}.js`);
  }
  const shown = await modules[id];
  shown.show?.();
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => show(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    next.focus();
    show(next);
  });
}
show(tabs[0]);
