// @ts-check
/**
 * Shows, sends, and wakes what the server held. It decides nothing: every answer goes to the server, and what may run
 * is what the server's reply grants. Without this file the forms still work.
 *
 *     import { consent } from "/_consent/consent.js";
 *     if (consent.allows("analytics")) …
 *     consent.addEventListener("change", () => …);
 */

/**
 * @typedef {object} State
 * @property {string} policy
 * @property {string} model
 * @property {"undecided" | "accepted" | "refused" | "custom"} status
 * @property {string[]} granted  optional purposes that are allowed
 * @property {string[]} optional  all purposes that can be refused
 * @property {boolean} asked
 * @property {boolean} gpc
 * @property {string} url
 * @property {string} settings
 * @property {string} style
 * @property {Record<string, string[]>} storage
 * @property {{saved: string, failed: string, close: string}} words
 */

/** @typedef {{action: "accept" | "refuse" | "save" | "withdraw", purposes?: string[], surface: string}} Choice */

const HELD = "data-consent-";

/** @returns {Promise<State>} */
async function load() {
  const node = document.getElementById("yc-s");
  if (node) return JSON.parse(node.textContent ?? "");
  return fetchState();
}

/** @returns {Promise<State>} */
async function fetchState() {
  const response = await fetch(new URL("state", import.meta.url), { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`consent: no state (${response.status})`);
  return response.json();
}

let state = await load();

/** What a page may ask and set. `change` is fired when what is allowed has changed, with the state as `detail`. */
class Consent extends EventTarget {
  /** The optional purposes that are allowed. */
  get granted() {
    return [...state.granted];
  }

  /** `undecided`, `accepted`, `refused` or `custom`. */
  get status() {
    return state.status;
  }

  /**
   * Whether a purpose is allowed now.
   * @param {string} purpose
   * @throws {RangeError} for a purpose that the site does not have; a misspelling never reads as "no"
   */
  allows(purpose) {
    if (purpose === "necessary") return true;
    if (!state.optional.includes(purpose)) throw new RangeError(`consent: unknown purpose "${purpose}"`);
    return state.granted.includes(purpose);
  }

  /**
   * Agree to some purposes and refuse others; those not named stay as they are. False if it could not be saved.
   * @param {Record<string, boolean>} choices
   * @returns {Promise<boolean>}
   */
  set(choices) {
    for (const purpose of Object.keys(choices)) this.allows(purpose);
    const purposes = state.optional.filter((purpose) => choices[purpose] ?? state.granted.includes(purpose));
    return send({ action: "save", purposes, surface: "api" });
  }

  /** Show the settings. */
  open() {
    return openSettings(state.settings);
  }
}

export const consent = new Consent();

/**
 * Send a choice, and follow the server's answer.
 * @param {Choice} choice
 * @returns {Promise<boolean>}
 */
async function send(choice) {
  let reply;
  try {
    const response = await fetch(state.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(choice),
    });
    reply = response.ok ? await response.json() : null;
  } catch {
    reply = null;
  }
  if (!reply) {
    showFailure();
    return false;
  }
  const { withdrawn, ...next } = /** @type {State & {withdrawn: string[]}} */ (reply);
  const before = state;
  state = next;
  closeAll();
  if (withdrawn.length) {
    clearStorage(before, withdrawn);
    // What ran already can only be stopped by leaving the page.
    location.reload();
    return true;
  }
  consent.dispatchEvent(new CustomEvent("change", { detail: state }));
  await wake();
  return true;
}

/** Say that nothing was saved, where the visitor is looking. */
function showFailure() {
  const message = document.querySelector("dialog[open] #yc-e") ?? document.getElementById("yc-e");
  if (message instanceof HTMLElement) message.hidden = false;
  else confirmation(state.words.failed);
}

/** Take away what asked, and say that the answer is saved. */
function closeAll() {
  const card = document.getElementById("yc");
  const dialog = document.getElementById("yc-d");
  const focused = card?.contains(document.activeElement);
  if (dialog instanceof HTMLDialogElement) dialog.close();
  card?.remove();
  const said = confirmation(state.words.saved);
  // The focus goes with the card; without this it would fall to the start of the page.
  if (focused) said.focus();
  setTimeout(() => said.replaceChildren(), 6000);
}

/**
 * @param {string} text
 * @returns {HTMLElement}
 */
function confirmation(text) {
  addStyle();
  let said = document.getElementById("yc-ok");
  if (!said) {
    said = document.createElement("p");
    said.id = "yc-ok";
    said.setAttribute("role", "status");
    said.tabIndex = -1;
    document.body.append(said);
  }
  said.textContent = text;
  return said;
}

/** The style of dialog and confirmation, which a page that needs neither does not load. */
function addStyle() {
  if (document.querySelector(`link[href="${CSS.escape(state.style)}"], link[data-yc]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = state.style;
  link.dataset.yc = "";
  document.head.append(link);
}

/**
 * Delete what withdrawn services left in the browser's storage. Cookies are the server's to expire.
 * @param {State} before
 * @param {string[]} withdrawn
 */
function clearStorage(before, withdrawn) {
  const patterns = withdrawn.flatMap((purpose) => before.storage[purpose] ?? []);
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`),
  );
  for (const kind of /** @type {const} */ (["localStorage", "sessionStorage"])) {
    try {
      const storage = globalThis[kind];
      for (const key of Object.keys(storage)) {
        if (expressions.some((expression) => expression.test(key))) storage.removeItem(key);
      }
    } catch {
      // The browser keeps storage from this page; then nothing is in it.
    }
  }
}

/** @param {Element} element */
function mayWake(element) {
  const purposes = (element.getAttribute(`${HELD}for`) ?? "").split(/[\s,]+/).filter(Boolean);
  return purposes.length > 0 && purposes.every((purpose) => purpose === "necessary" || state.granted.includes(purpose));
}

/** Wake everything that is allowed now, in the order of the page. */
async function wake() {
  for (const element of document.querySelectorAll(`[${HELD}for]`)) {
    if (element.isConnected && mayWake(element)) await wakeElement(element);
  }
}

/**
 * Give an element its own attributes back. Scripts start when they are put in again; one that others may wait for is
 * waited for.
 * @param {Element} element
 */
async function wakeElement(element) {
  const script = element.localName === "script";
  // A copy has not run yet and keeps text and nonce; putting it in starts it as the page would have.
  const woken = script ? /** @type {Element} */ (element.cloneNode(true)) : element;
  if (script || element.localName === "style") woken.removeAttribute("type");
  if (woken.hasAttribute(`${HELD}src`)) woken.removeAttribute("srcdoc");
  for (const { name, value } of [...woken.attributes]) {
    if (!name.startsWith(HELD)) continue;
    woken.removeAttribute(name);
    const own = name.slice(HELD.length);
    if (own === "for" || own === "service") continue;
    if (own === "xlink:href") woken.setAttributeNS("http://www.w3.org/1999/xlink", own, value);
    else woken.setAttribute(own, own === "src" && script ? trusted(value) : value);
  }
  if (!script) return;
  const type = woken.getAttribute("type") ?? "";
  const waits = woken.hasAttribute("src") && !woken.hasAttribute("async") && type !== "module";
  if (!waits) {
    element.replaceWith(woken);
    return;
  }
  await new Promise((resolve) => {
    woken.addEventListener("load", resolve, { once: true });
    woken.addEventListener("error", resolve, { once: true });
    element.replaceWith(woken);
  });
}

/** @type {{createScriptURL(url: string): string} | undefined} */
let policy;

/**
 * An address as a script's source under Trusted Types: it is what the server wrote there.
 * @param {string} url
 * @returns {string}
 */
function trusted(url) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return url;
  policy ??= /** @type {{createScriptURL(url: string): string}} */ (
    types.createPolicy("consent", { createScriptURL: (/** @type {string} */ held) => held })
  );
  return policy.createScriptURL(url);
}

/**
 * Show the settings page's content as a dialog, or go there if it cannot be had.
 * @param {string} url
 */
async function openSettings(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(String(response.status));
    const content = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = content.querySelector("main");
    if (!main) throw new Error("no settings");
    addStyle();
    document.getElementById("yc-d")?.remove();
    const dialog = document.createElement("dialog");
    dialog.id = "yc-d";
    dialog.lang = content.documentElement.lang;
    dialog.dir = content.documentElement.dir;
    dialog.setAttribute("aria-labelledby", "yc-h");
    dialog.append(document.adoptNode(main));
    for (const field of dialog.querySelectorAll("[name=next]")) field.setAttribute("value", location.pathname + location.search);
    const back = dialog.querySelector(".yc-back");
    if (back) {
      back.textContent = state.words.close;
      back.addEventListener("click", (event) => {
        event.preventDefault();
        dialog.close();
      });
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  } catch {
    location.assign(url);
  }
}

/**
 * A form's choice.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} button
 * @returns {Choice}
 */
function choiceOf(form, button) {
  const fields = new FormData(form);
  const action = button?.getAttribute("value") ?? fields.get("action") ?? "";
  return {
    action: /** @type {Choice["action"]} */ (String(action)),
    purposes: fields.getAll("purpose").map(String),
    surface: String(fields.get("surface") ?? "api"),
  };
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.action !== state.url) return;
  event.preventDefault();
  send(choiceOf(form, event.submitter));
});

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a[data-consent-open]");
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openSettings(link.href);
});

/** @param {HTMLIFrameElement} frame */
function furnish(frame) {
  const inner = frame.contentDocument;
  const form = inner?.querySelector("form");
  const once = inner?.querySelector("button[value=once]");
  if (!form || !(once && "hidden" in once) || form.dataset.yc) return;
  form.dataset.yc = "";
  once.hidden = false;
  once.addEventListener("click", () => wakeElement(frame));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const purposes = (frame.getAttribute(`${HELD}for`) ?? "").split(",").filter(Boolean);
    const granted = state.optional.filter((purpose) => purposes.includes(purpose) || state.granted.includes(purpose));
    send({ action: "save", purposes: granted, surface: "placeholder" });
  });
}

for (const frame of document.querySelectorAll(`iframe[srcdoc][${HELD}service]`)) {
  if (!(frame instanceof HTMLIFrameElement)) continue;
  frame.addEventListener("load", () => furnish(frame));
  furnish(frame);
}

addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  // The page comes from the back/forward cache, from before what may have been decided since.
  const now = await fetchState();
  if (now.granted.join() !== state.granted.join() || now.asked !== state.asked) location.reload();
});
