/** The box that checks a quote against the articles. */

import { quoteCard, sourceCard } from "./answer.js";
import { announce, byId, element } from "./dom.js";
import { t } from "./language.js";
import { getJson } from "./service.js";

let last = null;

/** Make the form work. */
export function startQuoteCheck() {
  byId("check").addEventListener("submit", async (event) => {
    event.preventDefault();
    const result = byId("checked");
    result.replaceChildren(element("p", { class: "status" }, t("checking")));
    try {
      last = await getJson("/v1/quotes/check", { json: { text: byId("claim").value } });
      drawCheck();
      announce(t(`verdict_${last.verdict}`));
    } catch (error) {
      last = null;
      const text = error instanceof TypeError ? t("offline") : error.message;
      result.replaceChildren(element("p", { class: "wrong", dir: "auto" }, text));
      announce(text);
    }
  });
}

/** Draw the last result again, in the page's language. */
export function drawCheck() {
  if (last) byId("checked").replaceChildren(drawn(last, "h3"));
}

function drawn(check, heading) {
  return element(
    "section",
    { class: `verdict ${check.verdict}` },
    element(heading, {}, t(`verdict_${check.verdict}`)),
    element("p", { class: "note" }, t(`explained_${check.verdict}`)),
    check.diff.length
      ? [
          element("p", { class: "legend" }, element("del", {}, t("said_only")), " ", element("ins", {}, t("article_only"))),
          element("p", { class: "diff", dir: "auto" }, check.diff.flatMap(step)),
        ]
      : null,
    check.pieces.length
      ? check.pieces.map((piece) => element("div", { class: "piece" }, element("p", { class: "claimed", dir: "auto" }, piece.text), drawn(piece, "h4")))
      : check.places.map((place) => quoteCard(place.quote, { kind: place.kind, differsIn: place.differs_in })),
    check.closest.length ? [element("h4", {}, t("closest")), element("ul", { class: "sources" }, check.closest.map(sourceCard))] : null,
  );
}

function step({ op, said, article }) {
  if (op === "equal") return [article];
  return [...change("del", said), ...change("ins", article)];
}

/** The words of a change, and after them the white space that follows. */
function change(name, text) {
  if (!text) return [];
  const words = text.trimEnd();
  return [element(name, {}, words), text.slice(words.length) || " "];
}
