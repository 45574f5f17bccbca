/** An answer as it comes: server-sent events, gone on with where a connection drops. */

import { request, Problem } from "./service.js";

const PAUSES = [300, 1000, 2000, 4000, 8000, 15000];
// A service that works says so every 15 seconds.
const LONGEST_SILENCE = 45000;

/** The connection was lost for good. */
export class ConnectionLost extends Error {}

/**
 * Ask in a conversation. `on` has a function for each kind of event (status, quote, token, restart, answer, error)
 * and `lost`, which is told when a connection dropped. Resolves after `done`. Throws Problem, ConnectionLost.
 */
export async function ask(conversation, question, on) {
  const place = { last: "" };
  let path = `/v1/conversations/${conversation}/messages/stream`;
  let options = { json: question };
  for (let attempt = 0; ; ) {
    const before = place.last;
    try {
      if (await read(await request(path, options), place, on)) return;
    } catch (error) {
      if (error instanceof Problem) throw error;
    }
    if (place.last !== before) attempt = 0;
    // Without an event there is no answer to go on with.
    if (!place.last || attempt === PAUSES.length) throw new ConnectionLost();
    on.lost();
    await new Promise((resolve) => setTimeout(resolve, PAUSES[attempt]));
    attempt += 1;
    path = `/v1/answers/${place.last.split(":")[0]}/events`;
    options = { headers: { "Last-Event-ID": place.last } };
  }
}

/** Read events until `done`; whether that came. */
async function read(response, place, on) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await heard(reader);
    if (done) return false;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event.id) place.last = event.id;
      if (event.event === "done") return true;
      if (event.event) on[event.event]?.(JSON.parse(event.data));
    }
  }
}

/** The next piece; a connection that has been silent for too long is given up. */
async function heard(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TypeError("silence")), LONGEST_SILENCE);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The fields of an event; a line that begins with a colon is a heartbeat. */
function parse(block) {
  const fields = { event: "", data: "", id: "" };
  for (const line of block.split("\n")) {
    const match = /^(event|data|id): ?(.*)$/.exec(line);
    if (match) fields[match[1]] += (fields[match[1]] && "\n") + match[2];
  }
  return fields;
}
