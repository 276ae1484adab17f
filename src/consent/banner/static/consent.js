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
 * @property {string} lang
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
 * @property {boolean} [shared]  whether the page is the same for everybody, and this state nobody's
 */

/** @typedef {State & {texts?: Record<string, string>, now?: unknown[], then?: unknown[]}} Late */

/** @typedef {{action: "accept" | "refuse" | "save" | "withdraw", purposes?: string[], surface: string}} Choice */

const HELD = "data-consent-";

/** @returns {Promise<State>} */
async function load() {
  if (!served) return fetchState();
  // Of whom nothing is known, nothing is asked.
  return served.shared ? fetchState().catch(() => ({ ...served, asked: false })) : served;
}

/**
 * A state whose addresses have this page's scheme, whatever its `<base>`.
 * @template {State} T
 * @param {T} told
 * @returns {T}
 */
function whole(told) {
  for (const name of /** @type {const} */ (["url", "settings", "style"])) told[name] = new URL(told[name], location.href).href;
  return told;
}

/** @returns {Promise<Late>} */
async function fetchState() {
  const address = new URL("state", import.meta.url);
  if (served) address.searchParams.set("lang", served.lang);
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`consent: no state (${response.status})`);
  return whole(await response.json());
}

// A script: text that visitors wrote may have ids, and no scripts.
const node = document.querySelector("script#yc-s");
/** @type {State | null} */
const served = node && whole(JSON.parse(node.textContent ?? ""));
let state = await load();
const ours = /** @type {HTMLScriptElement | null} */ (document.querySelector("#yc-s + script"));
/**
 * Where everything was allowed when the page was served, nothing in it is held, whatever it looks like. A page from a
 * cache that is older than the policy is left asleep.
 */
const sleeping = (served ?? state).optional.some((purpose) => !(served ?? state).granted.includes(purpose)) && (served ?? state).policy === state.policy;

/** What a page may ask and set. `change` is fired when a choice is saved, with the state as `detail`. */
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
    return openSettings();
  }
}

/** A page that imports this file under another address than the banner's has it twice; the first one acts for both. */
const PLACE = Symbol.for("consent");
const GUARD = Symbol.for("consent guard");
const place = /** @type {{[PLACE]?: Consent}} */ (/** @type {unknown} */ (document));
const first = !place[PLACE];

/** What keeps scripts from held services, where the site has it; it must be told what was granted and what is woken. */
const guard = /** @type {{[GUARD]?: {allow(purposes: string[]): void, free(element: Element): boolean, made(element: Element): boolean}}} */ (
  /** @type {unknown} */ (document)
)[GUARD];

/**
 * Tells vendors what the server wrote for them, where the site has declared any that listen.
 * @type {(calls: unknown[]) => void}
 */
const tell = /** @type {any} */ (document)[Symbol.for("consent tell")] ?? (() => {});

export const consent = (place[PLACE] ??= new Consent());

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
      body: JSON.stringify({ policy: state.policy, lang: state.lang, ...choice }),
    });
    const body = await response.json();
    reply = response.ok ? body : { ...body, error: response.status };
  } catch {
    reply = null;
  }
  if (!reply || reply.error) {
    // What could not be saved grants nothing; what it took back is taken back all the same.
    if (reply?.withdrawn?.length) {
      tell([...(reply.now ?? []), ...(reply.then ?? [])]);
      location.assign(settingsAddress({ failed: "1" }));
    } else if (reply?.error === 409) {
      // The site has changed since this page was shown: it asks anew.
      location.reload();
    } else showFailure();
    return false;
  }
  const { withdrawn, now = [], then = [], ...next } = /** @type {State & {withdrawn: string[], now?: unknown[], then?: unknown[]}} */ (reply);
  state = whole(next);
  closeAll();
  tell(now);
  if (withdrawn.length) {
    tell(then);
    clearStorage();
    // What ran already can only be stopped by leaving the page.
    location.reload();
    return true;
  }
  guard?.allow(state.granted);
  consent.dispatchEvent(new CustomEvent("change", { detail: state }));
  await wake();
  tell(then);
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
  // The dialog gives the focus back to what opened it, which may be the card.
  if (dialog instanceof HTMLDialogElement) dialog.close();
  const focused = card?.contains(document.activeElement);
  card?.remove();
  const said = confirmation(state.words.saved);
  // The focus goes with the card; without this it would fall to the start of the page.
  if (focused) said.focus();
  clearTimeout(fading);
  fading = setTimeout(() => said.replaceChildren(), 6000);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

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
async function addStyle() {
  if ([...document.styleSheets].some((sheet) => sheet.href === state.style)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = state.style;
  document.head.append(link);
  await settled(link);
}

/**
 * When an element has loaded, or cannot be.
 * @param {Element} element
 */
function settled(element) {
  return new Promise((resolve) => {
    for (const type of ["load", "error"]) element.addEventListener(type, resolve, { once: true });
  });
}

/** Delete what refused services left in the browser's storage. Cookies are the server's to expire. */
function clearStorage() {
  const refused = state.optional.filter((purpose) => !state.granted.includes(purpose));
  const expressions = refused
    .flatMap((purpose) => state.storage[purpose] ?? [])
    .map((key) => new RegExp(`^${key.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`));
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
  const purposes = purposesOf(element);
  // A tag that the gate did not read: what its attributes say, somebody else may have written.
  if (element.localName.startsWith("x-consent-held-")) return false;
  // Where scripts need a nonce, one without stays as the page's policy would have it: some policies let a script that
  // is allowed bring in others, which here would be whatever somebody managed to write into the page.
  // What the guard took from a script that ran was not written there.
  if (ours?.nonce && element instanceof HTMLScriptElement && element.nonce !== ours.nonce && !guard?.made(element)) {
    if (element.text || "strict" in ours.dataset) return false;
  }
  return sleeping && purposes.length > 0 && purposes.every((purpose) => purpose === "necessary" || state.granted.includes(purpose));
}

/** @param {Element} element */
function purposesOf(element) {
  return (element.getAttribute(`${HELD}for`) ?? "").split(",").filter(Boolean);
}

/**
 * What is held, templates' content and open shadow trees too.
 * @param {ParentNode} root
 * @returns {Element[]}
 */
function heldIn(root) {
  const templates = [...root.querySelectorAll("template")];
  /** @type {ParentNode[]} */
  const inner = [...root.querySelectorAll("*")].flatMap((element) => element.shadowRoot ?? []);
  inner.push(...templates.map((template) => template.content));
  return [...root.querySelectorAll(`[${HELD}for]`), ...inner.flatMap(heldIn)];
}

/** What the server held: it stands here when this script begins, which waits for the page's end. */
const stood = new WeakSet(heldIn(document));

let waking = Promise.resolve();

/** Wake everything that is allowed now. One at a time: a second choice waits until the first has woken what it may. */
function wake() {
  waking = waking.then(wakeAll);
  return waking;
}

/** In the order in which a parser would have run it: as it stands in the page, and what is deferred at the end. */
async function wakeAll() {
  // What writes into the page while it is parsed would now replace it. Such a page must be had anew, unless it would be
  // the same again.
  document.write = document.writeln = () => served?.shared || location.reload();
  const deferred = [];
  for (const element of heldIn(document)) {
    if (isDeferred(element)) deferred.push(element);
    else await wakeIfAllowed(element);
  }
  for (const element of deferred) await wakeIfAllowed(element);
  for (const name of ["write", "writeln"]) Reflect.deleteProperty(document, name);
}

/** @param {Element} element */
function isDeferred(element) {
  const module = element.getAttribute(`${HELD}type`) === "module";
  const external = element.hasAttribute("defer") && element.hasAttribute(`${HELD}src`);
  return element.localName === "script" && (module || external) && !element.hasAttribute("async");
}

/** @param {Element} element */
async function wakeIfAllowed(element) {
  try {
    if (mayWake(element)) await wakeElement(element);
  } catch (error) {
    // One that cannot be woken does not keep the others asleep.
    reportError(error);
  }
}

/**
 * Give an element its own attributes back. Scripts start when they are put in again; one that others may wait for is
 * waited for.
 * @param {Element} element
 */
async function wakeElement(element) {
  const kind = element.localName;
  // A copy has not run yet and keeps text and nonce; putting it in starts it as the page would have.
  // One that a script made stays itself, with its listeners.
  const fresh = (kind === "script" || kind === "style") && !guard?.made(element);
  const woken = fresh ? /** @type {Element} */ (element.cloneNode(true)) : element;
  guard?.free(woken);
  const focused = element === document.activeElement;
  const gap = document.createComment("");
  // A frame that is put in again begins afresh, with its sandbox, and adds nothing to the browser's history. The others
  // look at all of their attributes only then.
  if (woken !== element || ["iframe", "script", "link", "set", "animate"].includes(kind)) element.replaceWith(gap);
  if (kind === "script" || kind === "style") woken.removeAttribute("type");
  if (kind === "script" && woken.textContent) woken.textContent = trusted("createScript", woken.textContent);
  if (woken.hasAttribute(`${HELD}src`)) woken.removeAttribute("srcdoc");
  for (const { name, value } of [...woken.attributes]) {
    if (!name.startsWith(HELD) || name === `${HELD}open`) continue;
    woken.removeAttribute(name);
    const own = name.slice(HELD.length);
    if (own === "for" || own === "service") continue;
    // What was put in later, by whomever, may name an address and nothing that runs by itself.
    if (!stood.has(element) && (/^on|^srcdoc$/.test(own) || /^[\s\0-\x1f]*(?:javascript|data):/i.test(value))) continue;
    if (own === "xlink:href") woken.setAttributeNS("http://www.w3.org/1999/xlink", own, value);
    else woken.setAttribute(own, trustedAttribute(kind, own, value));
  }
  if (kind === "source" && woken.parentElement instanceof HTMLMediaElement) woken.parentElement.load();
  const loaded = waitedFor(woken) ? settled(woken) : null;
  if (gap.parentNode) gap.replaceWith(woken);
  if (focused && woken instanceof HTMLElement) woken.focus();
  if (woken.isConnected) await loaded;
}

/**
 * Whether a script is one that a parser waits for, and that says when it has run.
 * @param {Element} woken
 */
function waitedFor(woken) {
  if (!(woken instanceof HTMLScriptElement) || woken.hasAttribute("async")) return false;
  // Made by a script it would be async; a module without an address would then overtake others.
  woken.async = false;
  return woken.hasAttribute("src") && !woken.noModule && /^$|^module$|(java|ecma|live|j)script/i.test(woken.type);
}

/** @typedef {"createScript" | "createScriptURL" | "createHTML"} Make */
/** @type {Record<Make, (text: string) => string> | undefined} */
let trust;

/**
 * A text as Trusted Types want it: it is what the server wrote there.
 * @param {Make} make
 * @param {string} text
 * @returns {string}
 */
function trusted(make, text) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return text;
  const same = (/** @type {string} */ held) => held;
  trust ??= types.createPolicy("consent", { createScript: same, createScriptURL: same, createHTML: same });
  return /** @type {NonNullable<typeof trust>} */ (trust)[make](text);
}

/**
 * @param {string} kind  the element's name
 * @param {string} own  the attribute's
 * @param {string} value
 */
function trustedAttribute(kind, own, value) {
  if (own === "src" && kind === "script") return trusted("createScriptURL", value);
  if (own === "srcdoc") return trusted("createHTML", value);
  return own.startsWith("on") ? trusted("createScript", value) : value;
}

/**
 * The settings page, which leads back here.
 * @param {Record<string, string>} [more]
 */
function settingsAddress(more) {
  return `${state.settings}?${new URLSearchParams({ next: location.pathname + location.search, ...more })}`;
}

/** Show the settings page's content as a dialog, or go there if it cannot be had. */
async function openSettings() {
  const address = settingsAddress();
  try {
    const response = await fetch(address);
    if (!response.ok) throw new Error(String(response.status));
    const content = new DOMParser().parseFromString(await response.text(), "text/html");
    const form = content.querySelector("main form");
    if (!form) throw new Error("no settings");
    await addStyle();
    document.getElementById("yc-d")?.remove();
    const dialog = document.createElement("dialog");
    dialog.id = "yc-d";
    dialog.lang = content.documentElement.lang;
    dialog.dir = content.documentElement.dir;
    dialog.setAttribute("aria-labelledby", "yc-h");
    // Not the page's <main>: this page has its own.
    const panel = document.createElement("div");
    panel.id = "yc-m";
    panel.append(form);
    dialog.append(panel);
    const back = dialog.querySelector(".yc-back");
    if (back) {
      const close = document.createElement("button");
      close.type = "button";
      close.className = "yc-x";
      close.textContent = state.words.close;
      close.addEventListener("click", () => dialog.close());
      back.replaceWith(close);
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  } catch {
    location.assign(address);
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

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = event.target;
  // The settings page's own form goes to the server as it is, which leads back to where the visitor came from.
  if (!(form instanceof HTMLFormElement) || form.closest(".yc-page")) return;
  // Not form.action: that is the buttons, which have this name.
  if (new URL(form.getAttribute("action") ?? "", document.baseURI).href !== state.url) return;
  event.preventDefault();
  send(choiceOf(form, event.submitter));
}

/** @param {MouseEvent} event */
function onClick(event) {
  const link = event.target instanceof Element && event.target.closest("a[data-consent-open]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openSettings();
}

/** @param {Element} frame  one that may have a placeholder in it */
function furnish(frame) {
  if (!(frame instanceof HTMLIFrameElement) || !frame.matches(`[srcdoc][${HELD}service]`)) return;
  const inner = frame.contentDocument;
  const form = inner?.querySelector("form");
  const once = inner?.querySelector("button[value=once]");
  if (!form || !once || "yc" in form.dataset) return;
  form.dataset.yc = "";
  for (const button of form.querySelectorAll("button")) button.hidden = false;
  once.addEventListener("click", () => wakeElement(frame));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const purposes = purposesOf(frame);
    const granted = state.optional.filter((purpose) => purposes.includes(purpose) || state.granted.includes(purpose));
    send({ action: "save", purposes: granted, surface: "placeholder" });
  });
}

/**
 * Make a page that was served for everybody this visitor's.
 * @param {Late} late
 */
async function settle({ texts = {}, now = [], then = [] }) {
  for (const [place, text] of Object.entries(texts)) {
    const element = document.querySelector(place);
    if (element) element.textContent = text;
  }
  const card = document.getElementById("yc");
  const signal = document.getElementById("yc-g");
  // A frame's page leaves it to the page around it to ask.
  if (card && state.asked && self === top) card.hidden = false;
  else card?.remove();
  if (signal) signal.hidden = !state.gpc;
  tell(now);
  guard?.allow(state.granted);
  await wake();
  tell(then);
}

/** @param {PageTransitionEvent} event */
async function onPageShow(event) {
  if (!event.persisted) return;
  // The page comes from the back/forward cache, from before what may have been decided since.
  const now = await fetchState().catch(() => null);
  const same = now ? now.granted.join() === state.granted.join() && now.asked === state.asked : !state.granted.length;
  if (!same) location.reload();
}

if (first) {
  document.addEventListener("submit", onSubmit);
  document.addEventListener("click", onClick);
  addEventListener("pageshow", onPageShow);
  // Captured, it tells of frames that are put in later as well, by htmx for one.
  document.addEventListener("load", ({ target }) => target instanceof Element && furnish(target), true);
  for (const frame of document.querySelectorAll("iframe")) furnish(frame);
  // What a refused service wrote while its page was being left.
  if (state.status !== "undecided") clearStorage();
  if (served?.shared) settle(state);
}
