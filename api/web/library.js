/** The articles: list, and adding one. */

import { currentArticle, openArticle } from "./article.js";
import { announce, byId, element } from "./dom.js";
import { dateInWords, directionOf, languageName, t } from "./language.js";
import { getJson, upload } from "./service.js";
import { show } from "./tabs.js";

const known = new Map();
let next = "";

/** The title of an article, or its id. */
export const titleOf = (id) => known.get(id)?.title || id;

/** The language of an article, as far as it is known. */
export const languageOf = (id) => known.get(id)?.language ?? (currentArticle()?.id === id ? currentArticle().language : "");

/** The ids of the articles, in the order in which they were added. */
export const articleIds = () => [...known.keys()];

/** Read the list from the beginning, or its next page. */
export async function loadArticles({ more = false } = {}) {
  if (!more) known.clear();
  const page = await getJson(`/v1/articles${more && next ? `?cursor=${encodeURIComponent(next)}` : ""}`);
  for (const article of page.articles) known.set(article.id, article);
  next = page.next ?? "";
  drawLibrary();
}

/** Draw the list, in the page's language. */
export function drawLibrary() {
  byId("more-articles").hidden = !next;
  const current = currentArticle()?.id;
  byId("articles").replaceChildren(
    ...[...known.values()].map(({ id, title, source, published, language }) =>
      element(
        "li",
        {},
        element(
          "button",
          { type: "button", onclick: () => choose(id), "aria-current": id === current ? "true" : null },
          element("span", { class: "title", lang: language, dir: directionOf(language) }, title || id),
          element("span", { class: "facts" }, element("bdi", {}, source ?? ""), [source ? " · " : "", published ? `${dateInWords(published)} · ` : "", languageName(language)].join("")),
        ),
      ),
    ),
  );
}

/** Make the list and the form work. */
export function startLibrary() {
  byId("open-library").addEventListener("click", () => {
    drawLibrary();
    byId("library").showModal();
  });
  byId("more-articles").addEventListener("click", () => loadArticles({ more: true }));
  byId("upload").addEventListener("submit", async (event) => {
    event.preventDefault();
    await send(event.target);
  });
}

async function choose(id) {
  byId("library").close();
  show("article");
  try {
    await openArticle(id);
  } catch (error) {
    announce(error.message);
  }
}

async function send(form) {
  const [status, progress, button] = [byId("upload-status"), byId("progress"), form.querySelector("[type=submit]")];
  const { file, text, title, source, published } = form.elements;
  if (!file.files.length && !text.value.trim()) {
    status.textContent = t("nothing_to_add");
    file.focus();
    return;
  }
  progress.hidden = false;
  button.disabled = true;
  try {
    const onProgress = (share) => {
      progress.value = share;
      status.textContent = share < 1 ? t("uploading", { percent: Math.round(share * 100) }) : t("indexing");
    };
    const about = Object.entries({ title, source, published }).map(([name, field]) => [name, field.value.trim()]).filter(([, value]) => value);
    const done = file.files.length
      ? await upload("/v1/articles/file", formData(file.files[0], about), "", onProgress)
      : await upload("/v1/articles", JSON.stringify({ text: text.value, ...Object.fromEntries(about) }), "application/json", onProgress);
    await loadArticles();
    await openArticle(done.id);
    drawLibrary();
    form.reset();
    status.textContent = t(`outcome_${done.outcome}`, { title: done.title || done.id });
  } catch (error) {
    status.textContent = error instanceof TypeError ? t("offline") : error.message;
  } finally {
    progress.hidden = true;
    button.disabled = false;
  }
}

function formData(file, about) {
  const data = new FormData();
  data.append("file", file);
  for (const [name, value] of about) data.append(name, value);
  return data;
}
