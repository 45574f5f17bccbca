/** The page: its parts put together. */

import { draw, openArticle } from "./article.js";
import { redraw, restore, showShared, startConversation, suggest } from "./conversation.js";
import { announce, byId, element } from "./dom.js";
import { language, preferred, setLanguage, t } from "./language.js";
import { articleIds, drawLibrary, loadArticles, startLibrary } from "./library.js";
import { drawCheck, startQuoteCheck } from "./quote_check.js";
import { showBefore, startTabs } from "./tabs.js";

async function start() {
  await setLanguage(preferred());
  startTabs();
  startConversation();
  startLibrary();
  startQuoteCheck();
  byId("language").value = language();
  byId("language").addEventListener("change", (event) => setLanguage(event.target.value, { keep: true }));
  byId("back").addEventListener("click", showBefore);
  document.addEventListener("languagechange", () => {
    draw();
    drawLibrary();
    redraw();
    drawCheck();
    suggest().catch(tell);
  });
  document.addEventListener("articlechange", () => suggest().catch(tell));
  await loadArticles();
  const shared = /^\/a\/([^/]+)$/.exec(location.pathname);
  const [first] = articleIds();
  const answer = shared ? await showShared(decodeURIComponent(shared[1])) : null;
  const cited = answer && (answer.quotes[0] ?? answer.closest[0] ?? answer.sources[0]);
  if (cited) await openUnless(cited);
  else if (first) await openArticle(first);
  else draw();
  if (!shared) await restore().catch(tell);
  document.body.dataset.ready = "true";
}

/** The article of a shared answer; the quote's own version, even where it was replaced meanwhile. */
async function openUnless({ article_id: id, version }) {
  if (!document.querySelector("mark")) await openArticle(id, version);
}

function tell(error) {
  announce(error.message);
}

start().catch((error) => {
  const text = error instanceof TypeError ? t("offline") : error.message;
  byId("view-article").replaceChildren(element("p", { class: "empty", dir: "auto" }, text));
  announce(text);
});
