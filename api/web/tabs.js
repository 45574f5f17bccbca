/** The views of the page, as tabs: ask, check a quote, and on a phone the article. */

import { byId, isPhone } from "./dom.js";

const NAMES = ["ask", "check", "article"];
let before = "ask";

const tabOf = (name) => byId(`tab-${name}`);
const shown = () => NAMES.filter((name) => tabOf(name).offsetParent !== null);
const selected = () => NAMES.find((name) => tabOf(name).getAttribute("aria-selected") === "true");

/** Show a view; on a wide screen the article is always there. */
export function show(name) {
  if (name === "article" && !isPhone()) return;
  const current = selected();
  if (current !== "article") before = current;
  for (const other of NAMES) {
    tabOf(other).setAttribute("aria-selected", String(other === name));
    tabOf(other).tabIndex = other === name ? 0 : -1;
  }
  document.body.dataset.view = name;
  const panel = name === "article" ? before : name;
  for (const other of ["ask", "check"]) byId(`view-${other}`).hidden = other !== panel;
  byId("view-article").setAttribute("role", isPhone() ? "tabpanel" : "article");
  byId("back").hidden = true;
}

/** Bring the article to the front, with a way back to where the reader was. */
export function showArticle() {
  show("article");
  byId("back").hidden = !isPhone();
}

/** Show the view that was there before the article. */
export const showBefore = () => show(before);

/** Make the tabs work, by pointer and by arrow keys. */
export function startTabs() {
  for (const name of NAMES) {
    tabOf(name).addEventListener("click", () => show(name));
    tabOf(name).addEventListener("keydown", (event) => {
      const names = shown();
      const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      const steps = { ArrowLeft: -1, ArrowRight: -1, Home: -names.length, End: names.length, [forward]: 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const place = names.indexOf(name) + steps[event.key];
      const to = names[event.key === "Home" || event.key === "End" ? Math.min(Math.max(place, 0), names.length - 1) : (place + names.length) % names.length];
      show(to);
      tabOf(to).focus();
    });
  }
  window.matchMedia("(max-width: 60rem)").addEventListener("change", () => show(selected() === "article" ? before : selected()));
  show("ask");
}
