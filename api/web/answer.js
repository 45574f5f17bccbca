/** An answer on the page: its quotes first, then where they stand, who says them, and what can be done with them. */

import { showParagraph, showSpan } from "./article.js";
import { announce, element } from "./dom.js";
import { directionOf, t } from "./language.js";
import { articleIds, languageOf, titleOf } from "./library.js";
import { getJson } from "./service.js";

// From which calibrated probability the page says so; below, it says that the answer is in doubt.
const LIKELY = 0.8;
const POSSIBLE = 0.45;

/** A quote as a card: a click shows its letters in the article. */
export function quoteCard(quote, { kind = "body", differsIn = [], language = null } = {}) {
  const own = languageOf(quote.article_id);
  const show = () => showSpan(quote.article_id, quote.version, quote.start, quote.end);
  const place = kind === "body" ? `§${quote.paragraph}` : t(kind);
  return element(
    "figure",
    { class: "quote" },
    element("blockquote", { ...(own ? { lang: own, dir: directionOf(own) } : { dir: "auto" }), onclick: show }, quote.text),
    quote.translation ? element("p", { class: "translation" }, t("translation"), " ", element("bdi", { lang: language }, quote.translation)) : null,
    element(
      "figcaption",
      {},
      element(
        "p",
        { class: "said" },
        element("span", { class: "speaker" }, quote.speaker ? element("bdi", own ? { lang: own } : {}, quote.speaker) : t("the_article")),
        quote.is_hedged ? element("span", { class: "hedge" }, t("hedged")) : null,
        differsIn.length ? element("span", { class: "hedge" }, t("differs", { kinds: differsIn.map((one) => t(`differs_${one}`)).join(", ") })) : null,
        titleLine(quote),
      ),
      element(
        "p",
        { class: "tools" },
        chip(place, show),
        element("button", { type: "button", class: "quiet", onclick: (event) => copyCitation(event, quote) }, t("copy_citation")),
      ),
    ),
  );
}

/** A paragraph that is near what was asked, without being an answer. */
export function sourceCard(source) {
  const own = languageOf(source.article_id);
  const show = () => showParagraph(source.article_id, source.version, source.paragraph);
  const place = `§${source.paragraph}`;
  return element(
    "li",
    { class: "source" },
    chip(place, show),
    element("p", { ...(own ? { lang: own, dir: directionOf(own) } : { dir: "auto" }) }, source.text),
    titleLine(source),
  );
}

/** The place of a quote or paragraph, to show it in the article. */
function chip(place, show) {
  return element("button", { type: "button", class: "chip", dir: "ltr", onclick: show, "aria-label": t("show_in_article", { place }) }, place);
}

/** What the answer is, in words that promise no more than is known. */
export function drawAnswer(answer) {
  if (answer.verdict === "not_in_article") {
    return [
      element("p", { class: "silent" }, t("silent")),
      ...(answer.closest.length ? [element("h4", {}, t("closest")), element("ul", { class: "sources" }, answer.closest.map(sourceCard))] : []),
      ...notes(answer),
      tools(answer),
    ];
  }
  const isProse = answer.model !== "extractive";
  return [
    ...(isProse ? prose(answer.text, answer.language) : []),
    ...answer.quotes.map((quote) => quoteCard(quote, { language: answer.language })),
    ...(isProse && answer.quotes.length === 0 ? [element("ul", { class: "sources" }, answer.sources.map(sourceCard))] : []),
    ...notes(answer),
    tools(answer),
  ];
}

/** A text of a language model, in paragraphs. */
export function prose(text, own) {
  const lines = text.split(/\n{2,}/).filter((part) => part.trim());
  return lines.map((part) => element("p", { class: "prose", lang: own, dir: "auto" }, part));
}

function notes(answer) {
  const told = [certainty(answer), ...answer.notes.map((note) => element("bdi", { lang: answer.language }, note))];
  if (answer.understood_as !== answer.question) told.push([`${t("understood_as")} `, element("bdi", {}, answer.understood_as)]);
  if (answer.model !== "extractive") told.push([`${t("written_by")} `, element("bdi", {}, answer.model)]);
  return told.filter(Boolean).map((note) => element("p", { class: "note" }, note));
}

function certainty({ verdict, confidence }) {
  if (verdict !== "answered") return "";
  if (confidence >= LIKELY) return t("likely");
  return confidence >= POSSIBLE ? t("possible") : t("doubtful");
}

function titleLine(cited) {
  // Where there is one article only, the page shows it; on paper its title is missed.
  const isAlone = articleIds().length < 2;
  return element("cite", { dir: "auto", class: isAlone ? "on-paper" : null }, titleOf(cited.article_id));
}

/** Rating and link. */
function tools(answer) {
  const box = element("div", { class: "after" });
  const rate = (rating) =>
    element("button", { type: "button", class: "quiet", "aria-pressed": String(answer.rated === rating), onclick: (event) => rated(event.currentTarget, box, answer, rating) }, t(rating));
  const link = element("a", { class: "permalink", href: new URL(`/a/${answer.id}`, location.href).href, target: "_blank", rel: "noopener", "aria-label": t("permalink_label") }, t("permalink"));
  const copy = element("button", { type: "button", class: "quiet", onclick: (event) => copied(event.currentTarget, link.href) }, t("copy_link"));
  box.append(element("p", { class: "tools", role: "group", "aria-label": t("rate") }, rate("up"), rate("down"), link, copy));
  return box;
}

async function rated(button, box, answer, rating) {
  const send = (reason) => getJson(`/v1/answers/${answer.id}/feedback`, { json: { rating, reason, surface: "web" } });
  try {
    await send("");
  } catch (error) {
    announce(error.message);
    return;
  }
  answer.rated = rating;
  for (const other of box.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
  box.querySelector("form")?.remove();
  box.querySelector(".thanks")?.remove();
  const id = `reason-${answer.id}`;
  const thank = () => {
    box.querySelector("form")?.remove();
    box.append(element("p", { class: "note thanks", role: "status" }, t("thanks")));
    button.focus();
  };
  const form = element(
    "form",
    {
      class: "reason",
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await send(form.elements.reason.value);
          thank();
        } catch (error) {
          announce(error.message);
        }
      },
    },
    element("label", { for: id }, t(rating === "up" ? "why_up" : "why_down")),
    element("input", { id, name: "reason", maxlength: "2000", dir: "auto" }),
    element("button", {}, t("send")),
  );
  box.append(form);
  form.scrollIntoView({ block: "nearest" });
  form.elements.reason.focus();
}

async function copyCitation(event, quote) {
  const button = event.currentTarget;
  const query = new URLSearchParams({ start: quote.start, end: quote.end, version: quote.version });
  try {
    const citation = await getJson(`/v1/articles/${encodeURIComponent(quote.article_id)}/citation?${query}`);
    await copied(button, citation.text);
  } catch (error) {
    tell(button, error.message);
  }
}

async function copied(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    tell(button, t("copied"));
  } catch {
    // Without a secure connection a browser copies nothing: the reader can.
    tell(button, text);
  }
}

function tell(button, text) {
  const line = button.closest(".tools").parentElement;
  line.querySelector(".told")?.remove();
  line.append(element("p", { class: "note told", dir: "auto" }, text));
  announce(text);
}
