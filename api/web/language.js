/** The page's language: its texts come from `locales/<language>.json`. */

export const LANGUAGES = ["en", "ar", "ru", "fr", "tr"];
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
const KEPT_AS = "maqal.language";
let current = "en";
let texts = {};

/** `rtl` or `ltr`, by a language's ISO 639-1 code. */
export const directionOf = (language) => (RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr");

/** The page's language. */
export const language = () => current;

/** A text of the page, with its `{fields}` filled in. */
export function t(key, fields = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]);
}

/** The name of a language in the page's language. */
export function languageName(code) {
  return new Intl.DisplayNames([current], { type: "language" }).of(code);
}

/** An ISO 8601 date in words. */
export function dateInWords(iso) {
  const [year, month, day] = iso.split("-").map(Number);
  const options = { dateStyle: "long", timeZone: "UTC", numberingSystem: "latn" };
  return new Intl.DateTimeFormat(current, options).format(new Date(Date.UTC(year, month - 1, day)));
}

/** What the reader chose before, or else the browser's languages name, or else English. */
export function preferred() {
  const wanted = [localStorage.getItem(KEPT_AS), ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wanted.find((code) => LANGUAGES.includes(code)) ?? "en";
}

/** Turn the page to a language. */
export async function setLanguage(code, { keep = false } = {}) {
  const response = await fetch(`/web/locales/${code}.json`);
  texts = await response.json();
  current = code;
  if (keep) localStorage.setItem(KEPT_AS, code);
  document.documentElement.lang = code;
  document.documentElement.dir = directionOf(code);
  translate(document);
  document.dispatchEvent(new CustomEvent("languagechange"));
}

/** Fill in the texts of a part of the page that names them in `data-text`, `data-label` and `data-placeholder`. */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text, node.dataset);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
}
