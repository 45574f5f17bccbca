/** The conversation: questions, and answers as they come. */

import { drawAnswer, prose, quoteCard } from "./answer.js";
import { currentArticle, showSpan } from "./article.js";
import { announce, byId, element, isCalm, isPhone } from "./dom.js";
import { language, t } from "./language.js";
import { getJson } from "./service.js";
import { ask as askService, ConnectionLost } from "./stream.js";
import { show } from "./tabs.js";

const KEPT_AS = "maqal.conversation";
const answers = [];
let conversation = null;
let isBusy = false;

/** Make the form, suggestions and „new conversation“ work. */
export function startConversation() {
  const question = byId("question");
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (question.value.trim()) askQuestion(question.value);
  });
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("ask").requestSubmit();
  });
  question.addEventListener("input", fit);
  byId("new-conversation").addEventListener("click", () => {
    conversation = null;
    sessionStorage.removeItem(KEPT_AS);
    answers.length = 0;
    for (const turn of byId("turns").querySelectorAll(".turn")) turn.remove();
    byId("welcome").hidden = false;
    byId("new-conversation").hidden = true;
    leaveLink();
    question.focus();
  });
}

/** The field is as tall as its text. */
function fit() {
  const question = byId("question");
  const lines = question.value.split("\n").length + Math.floor(question.value.length / 60);
  question.rows = Math.min(Math.max(lines, 1), 6);
}

/** The page shows more than the answer of its address now. */
function leaveLink() {
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  document.title = "maqal";
}

/** Put the conversation of this tab back on the page, after it was loaded again. */
export async function restore() {
  conversation = sessionStorage.getItem(KEPT_AS);
  if (!conversation) return;
  const turns = await getJson(`/v1/conversations/${encodeURIComponent(conversation)}/messages?full=true`);
  for (const turn of turns) if (turn.whole) addAnswer(turn.whole);
}

/** An answer of a link, with its first quote marked. */
export async function showShared(id) {
  const turn = addTurn("");
  try {
    const answer = await getJson(`/v1/answers/${encodeURIComponent(id)}`);
    turn.remove();
    addAnswer(answer, { note: t("shared") });
    document.title = `${answer.question} · maqal`;
    const quote = answer.quotes[0];
    if (quote && !isPhone()) await showSpan(quote.article_id, quote.version, quote.start, quote.end);
    return answer;
  } catch (error) {
    failed(turn, error, null);
    return null;
  }
}

/** Draw all answers again, in the page's language. */
export function redraw() {
  for (const { answer, body } of answers) body.replaceChildren(...drawAnswer(answer));
}

/** What the article answers, to begin with. */
export async function suggest() {
  const list = byId("suggestions");
  const article = currentArticle();
  list.replaceChildren();
  if (!article) return;
  const wanted = language();
  const { questions } = await getJson(`/v1/articles/${encodeURIComponent(article.id)}/suggestions?language=${wanted}`);
  if (currentArticle() !== article || language() !== wanted) return;
  list.replaceChildren(
    ...questions.map((text) => element("li", {}, element("button", { type: "button", dir: "auto", onclick: () => askQuestion(text, wanted) }, text))),
  );
}

function addAnswer(answer, { note = "" } = {}) {
  const turn = addTurn(answer.question);
  if (note) turn.prepend(element("p", { class: "note" }, note));
  finish(turn, answer);
  return turn;
}

function addTurn(question) {
  byId("welcome").hidden = true;
  byId("new-conversation").hidden = false;
  const turn = element(
    "section",
    { class: "turn" },
    element("h2", { class: "asked", dir: "auto", tabindex: "-1" }, question),
    element("div", { class: "answer" }),
  );
  byId("turns").append(turn);
  return turn;
}

function finish(turn, answer) {
  const body = turn.querySelector(".answer");
  body.replaceChildren(...drawAnswer(answer));
  answers.push({ answer, body });
}

async function conversationId() {
  if (!conversation) {
    conversation = (await getJson("/v1/conversations", { method: "POST" })).id;
    sessionStorage.setItem(KEPT_AS, conversation);
  }
  return conversation;
}

async function askQuestion(text, answerLanguage = null) {
  if (isBusy) return;
  isBusy = true;
  show("ask");
  leaveLink();
  const field = byId("question");
  field.value = "";
  fit();
  const turn = addTurn(text.trim());
  byId("ask").querySelector("[type=submit]").disabled = true;
  turn.scrollIntoView({ block: "start", behavior: isCalm() ? "auto" : "smooth" });
  const body = { question: text };
  if (answerLanguage) body.language = answerLanguage;
  const article = currentArticle();
  if (article && !byId("all-articles").checked) body.article_ids = [article.id];
  try {
    await follow(turn, body);
  } catch (error) {
    failed(turn, error, () => {
      turn.remove();
      askQuestion(text, answerLanguage);
    });
  } finally {
    isBusy = false;
    byId("ask").querySelector("[type=submit]").disabled = false;
    if (document.activeElement === document.body) field.focus();
  }
}

/** Show the events of an answer: quotes at once, a model's text piece by piece, and the whole at the end. */
async function follow(turn, question) {
  const body = turn.querySelector(".answer");
  const status = element("p", { class: "status" }, t("reading"));
  const text = element("div", {});
  const quotes = element("div", {});
  body.replaceChildren(status, text, quotes);
  body.setAttribute("aria-busy", "true");
  announce(t("reading"));
  let said = "";
  let isWriting = false;
  let problem = null;
  let whole = null;
  await askService(await conversationId(), question, {
    status: ({ stage }) => {
      isWriting = stage === "writing";
      status.textContent = t(stage);
    },
    quote: (quote) => quotes.append(quoteCard(quote)),
    token: (piece) => {
      said += piece.text;
      // Without a language model the text repeats the quotes.
      if (isWriting) text.replaceChildren(...prose(said, ""));
    },
    restart: () => {
      said = "";
      isWriting = false;
      text.replaceChildren();
      quotes.replaceChildren();
    },
    answer: (answer) => {
      whole = answer;
    },
    error: (body) => {
      problem = body;
    },
    lost: () => {
      status.textContent = t("resuming");
      announce(t("resuming"));
    },
  });
  body.removeAttribute("aria-busy");
  if (!whole) throw new Error(problem ? [problem.detail, problem.fix].join(" ") : t("no_answer"));
  finish(turn, whole);
  const told = whole.verdict === "answered" ? t("answered", { count: whole.quotes.length }) : t("silent");
  announce(told);
}

function failed(turn, error, again) {
  const body = turn.querySelector(".answer");
  body.removeAttribute("aria-busy");
  const isLost = error instanceof ConnectionLost || error instanceof TypeError;
  const text = isLost ? t("offline") : error.message;
  body.replaceChildren(element("p", { class: "wrong", dir: "auto" }, text));
  if (again) body.append(element("button", { type: "button", onclick: again }, t("again")));
  announce(text);
}
