/** Making elements: text goes in as text, never as markup. */

/** An element with properties (`class`, `on…`, attributes; null leaves out) and children (elements or text). */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** Say something to readers who listen. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** `text[start:end]` in code points, as the service counts; JavaScript counts UTF-16 units. */
export function slicer(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (start, end) => text.slice(start, end);
  const points = Array.from(text);
  return (start, end) => points.slice(start, end).join("");
}

/** Whether the reader asks for less motion. */
export const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Whether article and conversation take turns on the screen. */
export const isPhone = () => window.matchMedia("(max-width: 60rem)").matches;
