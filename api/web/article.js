/** The article: its letters, and the marked span in them. */

import { byId, element, isCalm, slicer } from "./dom.js";
import { dateInWords, directionOf, languageName, t } from "./language.js";
import { getJson } from "./service.js";
import { showArticle } from "./tabs.js";

const kept = new Map();
let shown = null;
let wanted = 0;

/** The article on the page, or null. */
export const currentArticle = () => shown;

/** An article's text and paragraphs, in a version or (0) the current one. */
export async function fetchArticle(id, version = 0) {
  const key = JSON.stringify([id, version]);
  if (!kept.has(key)) {
    const query = version ? `?version=${version}` : "";
    const article = await getJson(`/v1/articles/${encodeURIComponent(id)}${query}`);
    article.slice = slicer(article.text);
    if (!version) return article;
    kept.set(key, article);
  }
  return kept.get(key);
}

/** Put an article on the page. */
export async function openArticle(id, version = 0) {
  const turn = ++wanted;
  const article = await fetchArticle(id, version);
  if (turn === wanted) {
    shown = article;
    draw();
    byId("view-article").scrollTop = 0;
    document.dispatchEvent(new CustomEvent("articlechange"));
  }
  return article;
}

/** Draw the article again, e.g. in another language of the page. */
export function draw() {
  const sheet = byId("view-article");
  if (!shown) {
    sheet.replaceChildren(element("p", { class: "empty" }, t("no_articles")));
    return;
  }
  const { title, source, published, language, version } = shown;
  const facts = [published ? dateInWords(published) : "", languageName(language), version > 1 ? t("version", { version }) : ""];
  const own = { lang: language, dir: directionOf(language) };
  sheet.replaceChildren(
    element(
      "header",
      { class: "headline", dir: own.dir },
      source ? element("p", { class: "outlet", ...own }, source) : null,
      title ? element("h2", own, title) : null,
      // In the page's language, at the article's side.
      element("p", { class: "facts" }, element("bdi", {}, facts.filter(Boolean).join(" · "))),
    ),
    element("div", { class: "letters", ...own }, shown.paragraphs.map(drawn)),
  );
}

function drawn(paragraph) {
  const { kind, number, start, end } = paragraph;
  const text = element("span", { class: "text" }, shown.slice(start, end));
  const properties = { class: kind, "data-start": start, "data-end": end };
  if (kind === "body") {
    return element("p", { ...properties, id: `p${number}`, tabindex: "-1" }, element("span", { class: "number", dir: "ltr" }, `§${number}`), text);
  }
  return element(kind === "heading" ? "h3" : "p", { ...properties, tabindex: "-1" }, text);
}

/** Show `text[start:end]` of an article's version, marked; the reader's place moves there. */
export async function showSpan(id, version, start, end) {
  const isThere = shown && shown.id === id && shown.version === version;
  if (!isThere) await openArticle(id, version);
  mark(start, end);
}

/** Show a body paragraph of an article's version, marked. */
export async function showParagraph(id, version, number) {
  const article = await fetchArticle(id, version);
  const { start, end } = article.paragraphs.find((one) => one.kind === "body" && one.number === number);
  await showSpan(id, version, start, end);
}

/** Mark `[start, end)` of the article on the page, and nothing else. */
function mark(start, end) {
  let first = null;
  for (const paragraph of byId("view-article").querySelectorAll("[data-start]")) {
    const [low, high] = [Number(paragraph.dataset.start), Number(paragraph.dataset.end)];
    const text = paragraph.querySelector(".text");
    const [from, to] = [Math.max(start, low), Math.min(end, high)];
    if (from >= to) {
      if (text.firstElementChild) text.replaceChildren(shown.slice(low, high));
      continue;
    }
    const marked = element("mark", {}, shown.slice(from, to));
    text.replaceChildren(shown.slice(low, from), marked, shown.slice(to, high));
    first ??= paragraph;
  }
  showArticle();
  if (!first) return;
  first.focus({ preventScroll: true });
  first.querySelector("mark").scrollIntoView({ block: "center", behavior: isCalm() ? "auto" : "smooth" });
}
