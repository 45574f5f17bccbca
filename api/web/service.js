/** The REST service: requests, its errors, and the key that it may ask for. */

import { byId } from "./dom.js";

const KEPT_AS = "maqal.key";
let asking = null;

/** What the service answered instead of what was wanted: problem details (RFC 9457). */
export class Problem extends Error {
  constructor(body) {
    super([body.detail, body.fix].filter(Boolean).join(" "));
    this.code = body.code;
    this.status = body.status;
  }
}

/** The headers with which a request carries the reader's key. */
export function keyHeader() {
  const key = sessionStorage.getItem(KEPT_AS);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** The response to a request; asks for a key where one is needed. Throws Problem, and TypeError without a network. */
export async function request(path, { json, headers = {}, ...options } = {}) {
  const body = json === undefined ? {} : { method: "POST", body: JSON.stringify(json) };
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  for (;;) {
    const response = await fetch(path, { ...body, ...options, headers: { ...type, ...headers, ...keyHeader() } });
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    await newKey();
  }
}

/** The JSON of a response. */
export async function getJson(path, options) {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json();
}

/** Send a form's article with its progress, a share from 0 to 1. */
export async function upload(path, body, type, onProgress) {
  for (;;) {
    const { status, text } = await send(path, body, type, onProgress);
    if (status < 300) return JSON.parse(text);
    if (status !== 401) throw new Problem(parsed(text, status));
    await newKey();
  }
}

function send(path, body, type, onProgress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    if (type) sending.setRequestHeader("Content-Type", type);
    for (const [name, value] of Object.entries(keyHeader())) sending.setRequestHeader(name, value);
    sending.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    sending.upload.addEventListener("load", () => onProgress(1));
    sending.addEventListener("load", () => resolve({ status: sending.status, text: sending.responseText }));
    sending.addEventListener("error", () => reject(new TypeError("network")));
    sending.send(body);
  });
}

async function problemOf(response) {
  return new Problem(parsed(await response.text(), response.status));
}

function parsed(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: `HTTP ${status}`, fix: "", code: "", status };
  }
}

/** Ask the reader for a key; requests that fail at the same time wait for the same one. */
function newKey() {
  asking ??= askForKey().finally(() => {
    asking = null;
  });
  return asking;
}

function askForKey() {
  const dialog = byId("key-dialog");
  byId("key-wrong").hidden = sessionStorage.getItem(KEPT_AS) === null;
  byId("key").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    // Nothing can be done without a key, so that Escape does not close it.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => {
      sessionStorage.setItem(KEPT_AS, byId("key").value.trim());
      byId("key").value = "";
      resolve();
    };
  });
}
