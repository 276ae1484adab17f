// @ts-check
/**
 * Shows, sends, and wakes what the server held. It decides nothing: every answer goes to the server, and what may run
 * is what the server's reply grants. Without this file the forms still work.
 *
 *     import { consent } from "/_consent/consent.js";
 *     if (consent.allows("analytics")) …
 *     consent.addEventListener("change", () => …);
 *
 * The banner never stands in the page's way: what cannot be had or sent is said, or left, and nothing waits for it.
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

/**
 * What the server adds when it answers a script: the texts of this visitor, and what vendors are told before and after
 * all is awake.
 * @typedef {State & {texts?: Record<string, string>, now?: unknown[], then?: unknown[]}} Late
 */

/** @typedef {{action: "accept" | "refuse" | "save" | "withdraw", purposes?: string[], surface: string}} Choice */

const HELD = "data-consent-";
/** @type {Promise<any>} */
let waking = Promise.resolve();

// A script: text that visitors wrote may have ids, and no scripts.
const told = () => document.querySelector("script#yc-s");
const byId = (/** @type {string} */ id) => document.getElementById(id);
const read = (/** @type {Element} */ node) => whole(/** @type {State} */ (JSON.parse(/** @type {string} */ (node.textContent))));

/** What is there as long as the page is the one that the server sent. */
let anchor = told() ?? byId("yc-l");
const served = anchor?.localName === "script" ? read(anchor) : null;
const ours = /** @type {HTMLScriptElement | null} */ (told()?.nextElementSibling);

/**
 * Whether something in a page that was served in this state may be held.
 * @param {State} state
 */
const holds = ({ optional, granted }) => optional.some((purpose) => !granted.includes(purpose));

/**
 * What the server held: it stands here when this script begins, which waits for the page's end. A page that was served
 * without a state had nothing to hold.
 */
const stood = new WeakSet(served && holds(served) ? heldIn(document) : []);

let state = /** @type {Late} */ (served);
// Of whom nothing is known, nothing is asked.
if (!served) state = await fetchState();
else if (served.shared) state = await fetchState().catch(() => ({ ...served, asked: false }));
const start = served ?? state;

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
  if (state) address.searchParams.set("lang", state.lang);
  const response = await fetch(address);
  if (!response.ok) throw Error(`consent: no state (${response.status})`);
  return whole(await response.json());
}

/**
 * What a page may ask and set. `change` is fired when a choice is saved, here or in another tab, and `shown` when the
 * banner is, with the state as `detail`; on the document they are `consent:change` and `consent:shown`.
 */
class Consent extends EventTarget {
  /** When all is awake that was allowed so far. */
  get ready() {
    return waking.then(() => this);
  }

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
    if (purpose !== "necessary" && !state.optional.includes(purpose)) throw RangeError(`consent: unknown purpose "${purpose}"`);
    return allowed(purpose);
  }

  /**
   * When a purpose is allowed: now, or once the visitor agrees to it.
   * @param {string} purpose
   * @returns {Promise<void>}  rejected for a purpose that the site does not have
   */
  when(purpose) {
    return new Promise((resolve) => {
      const look = () => this.allows(purpose) && resolve();
      look();
      this.addEventListener("change", look);
    });
  }

  /**
   * Agree to some purposes and refuse others; those not named stay as they are. False if it could not be saved.
   * @param {Record<string, boolean>} choices
   * @returns {Promise<boolean>}
   */
  set(choices) {
    for (const purpose in choices) this.allows(purpose);
    const purposes = state.optional.filter((purpose) => choices[purpose] ?? allowed(purpose));
    return send({ action: "save", purposes, surface: "api" });
  }

  /** Agree to all; false if it could not be saved, as with the others. */
  accept() {
    return act("accept");
  }

  /** Refuse all. */
  refuse() {
    return act("refuse");
  }

  /** Take back what was agreed to. The page is loaded again, since only leaving it stops what runs. */
  withdraw() {
    return act("withdraw");
  }

  /** Show the settings. */
  open() {
    return openSettings();
  }
}

/**
 * Let the browser do what is waiting, or wait longer.
 * @param {number} [time]  in ms
 */
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** @param {"accept" | "refuse" | "withdraw"} action */
const act = (action) => send({ action, surface: "api" });

/** @param {string} purpose  one that the site has */
const allowed = (purpose) => purpose === "necessary" || state.granted.includes(purpose);

/** Where scripts of ours find each other, without a global. */
const page = /** @type {any} */ (document);

/**
 * A page that imports this file under another address than the banner's has it twice; the first one acts for both.
 * @type {Consent}
 */
export const consent = (page[Symbol.for("consent")] ??= new Consent());

/**
 * What keeps scripts from held services, where the site has it; it must be told what was granted and what is woken.
 * @type {{allow(purposes: string[]): void, free(element: Element): boolean, made(element: Element): boolean} | undefined}
 */
const guard = page[Symbol.for("consent guard")];

/**
 * Tells vendors what the server wrote for them, where the site has declared any that listen.
 * @type {(calls: unknown[] | undefined) => void}
 */
const tell = page[Symbol.for("consent tell")] ?? (() => {});

/** @param {"change" | "shown"} type */
function fire(type) {
  const detail = structuredClone(state);
  consent.dispatchEvent(new CustomEvent(type, { detail }));
  document.dispatchEvent(new CustomEvent(`consent:${type}`, { detail }));
}

/**
 * Send a choice, and follow the server's answer.
 * @param {Choice} choice
 * @returns {Promise<boolean>}
 */
async function send(choice) {
  const reply = await fetch(state.url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ policy: state.policy, lang: state.lang, ...choice }),
    // A choice is not lost to a visitor who goes on at once, and nobody is kept waiting for ever.
    keepalive: true,
    signal: AbortSignal.timeout?.(20_000),
  })
    .then(async (response) => ({ ...(await response.json()), error: response.ok ? 0 : response.status }))
    .catch(() => ({ error: 1 }));
  const { error, withdrawn, ...next } = /** @type {Late & {error: number, withdrawn?: string[]}} */ (reply);
  const stopped = withdrawn?.length;
  // What could not be saved grants nothing; what it took back is taken back all the same.
  if (!error || stopped) tabs?.postMessage(0);
  if (!error) {
    state = whole(next);
    closeAll();
  } else state.granted = state.granted.filter((purpose) => !withdrawn?.includes(purpose));
  if (stopped) {
    tell(next.now);
    tell(next.then);
    // What ran already can only be stopped by leaving the page, whatever keeps its storage busy. Until then it may write.
    addEventListener("pagehide", clearStorage);
    await Promise.race([clearStorage(), pause(1000)]);
    // Nothing goes back to a page in which it ran.
    if (error) location.replace(`${settingsAddress()}&failed=1`);
    else location.reload();
  } else if (!error) await follow("change");
  // The site has changed since this page was shown: it asks anew.
  else if (error === 409) location.reload();
  else showFailure();
  return !error;
}

/**
 * Do what the state is now, and tell vendors of it.
 * @param {"change"} [type]  what the page is told
 */
async function follow(type) {
  const due = state;
  tell(due.now);
  guard?.allow(state.granted);
  wake();
  if (type) fire(type);
  await waking;
  tell(due.then);
}

/**
 * Learn from the server what was decided elsewhere: in another tab, or since the browser put this page away.
 * @returns {Promise<void>}
 */
async function refresh() {
  const before = state;
  const next = await fetchState().catch(() => null);
  // What was chosen here meanwhile is later.
  if (state !== before) return refresh();
  const lost = state.granted.some((purpose) => !next?.granted.includes(purpose));
  // What ran can only be stopped by leaving the page, and a question is the server's to ask.
  if (lost || (next && (next.policy !== state.policy || (next.asked && !state.asked)))) return location.reload();
  if (!next) return;
  state = next;
  if (byId("yc") && !state.asked) closeAll();
  settle();
  await (signature(state) === signature(before) ? wake() : follow("change"));
}

/**
 * What differs when the page would be another.
 * @param {State} state
 */
const signature = (state) => [state.policy, state.lang, state.status, state.asked, state.granted].join();

/** @type {BroadcastChannel | undefined} */
let tabs;
let learning = Promise.resolve();
const learn = () => {
  learning = learning.then(refresh);
};

/** Hear from this site's other tabs, not those of another on this host, that there is news. What it is, the server says. */
function join() {
  try {
    tabs = new BroadcastChannel(state.url);
    tabs.onmessage = learn;
  } catch {
    // There is no such thing here; each tab learns of it when it loads.
  }
}

/** Show the banner, if it is there: as a dialog that waits for an answer if it is one. Escape is none. */
function show() {
  const card = /** @type {HTMLDialogElement | null} */ (byId("yc"));
  if (!card) return;
  card.close?.();
  card.showModal?.();
  fire("shown");
}

/** @type {Record<string, Element[]>} */
const pieces = {};

/** See to a body: the banner and the page's foot are put back into one that has not its own. */
function furnishBody() {
  settle();
  for (const id of ["yc", "yc-g", "yc-l"]) {
    const there = byId(id);
    const style = there?.previousElementSibling;
    if (id === "yc" && !state.asked) there?.remove();
    else if (there) pieces[id] = style?.matches("style,link") ? [style, there] : [there];
    else document.body[id === "yc" ? "prepend" : "append"](...(pieces[id] ?? []));
  }
  for (const frame of document.querySelectorAll("iframe")) furnish(frame);
  for (const root of [document.documentElement, document.body]) bodies.observe(root, { childList: true });
  show();
}

/** When Turbo, htmx or a router have put another body in the place of the one that the server sent. */
const bodies = new MutationObserver(() => {
  if (!anchor || anchor.isConnected) return;
  // Copies, of which nobody would hear.
  byId("yc-d")?.remove();
  byId("yc-ok")?.remove();
  furnishBody();
  const fresh = told();
  anchor = fresh ?? anchor;
  if (!anchor.isConnected) document.body.append(anchor);
  const next = fresh ? read(fresh) : state;
  // Which of two states is the later one, the server knows: the body may come from it, or from before a choice.
  if (signature(next) !== signature(state)) {
    state.lang = next.lang;
    learn();
  } else wake();
});

/** Say that nothing was saved, where the visitor is looking: in the settings, which stand last, or in the banner. */
function showFailure() {
  const places = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#yc-e"));
  const message = [...places].at(-1) ?? confirmation(state.words.failed);
  message.hidden = false;
}

/** Take away what asked, and say that the answer is saved. */
function closeAll() {
  const card = byId("yc");
  // The dialog gives the focus back to what opened it, which may be the card.
  /** @type {HTMLDialogElement | null} */ (byId("yc-d"))?.close();
  const focused = card?.contains(document.activeElement);
  card?.remove();
  const said = confirmation(state.words.saved);
  // The focus goes with the card; without this it would fall to the start of the page.
  if (focused) said.focus({ preventScroll: true });
  clearTimeout(fading);
  fading = setTimeout(() => (said.textContent = ""), 6000);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

/**
 * @param {string} text
 * @returns {HTMLElement}
 */
function confirmation(text) {
  addStyle();
  const said = byId("yc-ok") ?? make("p", { id: "yc-ok", role: "status", tabIndex: -1, lang: state.lang, dir: "auto" });
  if (!said.isConnected) document.body.append(said);
  said.textContent = text;
  return said;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} kind
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 */
const make = (kind, properties) => Object.assign(document.createElement(kind), properties);

/** The style of dialog and confirmation, which a page that needs neither does not load. */
async function addStyle() {
  if ([...document.styleSheets].some((sheet) => sheet.href === state.style)) return;
  // Where the page's policy asks for a nonce, its own styles have it, or else it is the scripts'.
  const { nonce } = /** @type {HTMLElement | null} */ (document.querySelector("style[nonce],link[nonce]")) ?? ours ?? {};
  const link = make("link", { rel: "stylesheet", href: state.style, nonce });
  document.head.append(link);
  await settled(link);
}

/**
 * When an element has loaded or a request has succeeded, or cannot.
 * @param {EventTarget} target
 */
function settled(target) {
  return new Promise((resolve) => {
    for (const type of ["load", "success", "blocked", "error"]) target.addEventListener(type, resolve);
  });
}

/** Delete what refused services left in the browser. Cookies are the server's to expire. */
async function clearStorage() {
  const keys = state.optional.filter((purpose) => !allowed(purpose)).flatMap((purpose) => state.storage[purpose] ?? []);
  if (!keys.length) return;
  const theirs = RegExp(`^(${keys.map((key) => key.replace(/\W/g, "\\$&").replace(/\\\*/g, ".*")).join("|")})$`, "s");
  /**
   * @param {() => string[] | Promise<string[]>} names  of all that is there
   * @param {(name: string) => unknown} remove
   */
  const clear = async (names, remove) => Promise.allSettled((await names()).filter((name) => theirs.test(name)).map(remove));
  // A browser that does not say which databases there are is asked to delete those of the very names.
  const databases = async () => (await indexedDB.databases?.())?.map(({ name }) => /** @type {string} */ (name)) ?? keys;
  // Where the browser keeps a storage from this page, nothing is in it.
  await Promise.allSettled([
    // A key may be called "length", or "key", of which Object.keys says nothing.
    ...[() => localStorage, () => sessionStorage].map((area) =>
      clear(
        () => Array.from(area(), (_, at) => /** @type {string} */ (area().key(at))),
        (key) => area().removeItem(key),
      ),
    ),
    clear(() => caches.keys(), (name) => caches.delete(name)),
    clear(databases, (name) => settled(indexedDB.deleteDatabase(name))),
  ]);
}

/** @param {Element} element */
function mayWake(element) {
  // A tag that the gate did not read: what its attributes say, somebody else may have written.
  if (element.localName.startsWith("x-consent-held-")) return false;
  // Where scripts need a nonce, one without stays as the page's policy would have it: some policies let a script that
  // is allowed bring in others, which here would be whatever somebody managed to write into the page.
  // What the guard took from a script that ran was not written there.
  if (ours?.nonce && element instanceof HTMLScriptElement && element.nonce !== ours.nonce && !guard?.made(element)) {
    if (element.text || "strict" in ours.dataset) return false;
  }
  return purposesOf(element).every(allowed);
}

/**
 * What an element waits for; where it does not say, a purpose without a name, which nobody is granted.
 * @param {Element} element
 */
const purposesOf = (element) => (element.getAttribute(`${HELD}for`) ?? "").split(",");

/**
 * What is held, templates' content and open shadow trees too.
 * @param {ParentNode} root
 * @returns {Element[]}
 */
function heldIn(root) {
  const found = [...root.querySelectorAll(`[${HELD}for]`)];
  for (const each of root.querySelectorAll("*")) if (each.shadowRoot) found.push(...heldIn(each.shadowRoot));
  for (const each of root.querySelectorAll("template")) found.push(...heldIn(each.content));
  return found;
}

/**
 * Wake everything that is allowed now, once the page shows that the choice is saved. One at a time: a second choice waits
 * until the first has woken what it may.
 */
function wake() {
  waking = waking.then(pause).then(wakeAll);
  return waking;
}

/** In the order in which a parser would have run it: as it stands in the page, and what is deferred at the end. */
async function wakeAll() {
  // Where everything was allowed when the page was served, nothing in it is held, whatever it looks like. A page from a
  // cache that is older than the policy is left asleep.
  if (!holds(start) || start.policy !== state.policy) return;
  // What writes into the page while it is parsed would now replace it. Such a page must be had anew, unless it would be
  // the same again.
  page.write = page.writeln = () => served?.shared || location.reload();
  const held = heldIn(document);
  for (const element of [...held.filter((each) => !isDeferred(each)), ...held.filter(isDeferred)]) {
    try {
      if (mayWake(element)) await wakeElement(element);
    } catch (error) {
      // One that cannot be woken does not keep the others asleep.
      reportError(error);
    }
  }
  delete page.write;
  delete page.writeln;
}

/** @param {Element} element */
const isDeferred = (element) => element.matches(`script:not([async]):is([${HELD}type=module i], [defer][${HELD}src])`);

/**
 * Give an element its own attributes back. Scripts start when they are put in again; one that others may wait for is
 * waited for.
 * @param {Element} element
 */
async function wakeElement(element) {
  const kind = element.localName;
  const runs = kind === "script" || kind === "style";
  // A copy has not run yet and keeps text and nonce; putting it in starts it as the page would have.
  // One that a script made stays itself, with its listeners.
  const woken = runs && !guard?.made(element) ? /** @type {Element} */ (element.cloneNode(true)) : element;
  guard?.free(woken);
  const focused = element === document.activeElement;
  const gap = document.createComment("");
  // A frame that is put in again begins afresh, with its sandbox, and adds nothing to the browser's history. The others
  // look at all of their attributes only then.
  if (woken !== element || element.matches("iframe,script,link,set,animate")) element.replaceWith(gap);
  if (runs) woken.removeAttribute("type");
  if (kind === "script") woken.textContent = trusted("TrustedScript", woken.textContent);
  // A placeholder.
  woken.removeAttribute("srcdoc");
  for (const { name, value } of [...woken.attributes]) {
    const own = name.slice(HELD.length);
    if (!name.startsWith(HELD) || own === "open") continue;
    woken.removeAttribute(name);
    if (own === "for" || own === "service") continue;
    // What was put in later, by whomever, may name an address and nothing that runs by itself.
    if (!stood.has(element) && (/^on|^srcdoc$/.test(own) || /^(javascript|data):/i.test(value.replace(/[\0- ]/g, "")))) continue;
    if (own === "xlink:href") woken.setAttributeNS("http://www.w3.org/1999/xlink", own, value);
    else woken.setAttribute(own, trusted(types?.getAttributeType?.(kind, own), value));
  }
  if (kind === "source") /** @type {any} */ (woken.parentElement)?.load?.();
  const loaded = waitedFor(woken) ? settled(woken) : null;
  gap.replaceWith(woken);
  if (focused) /** @type {HTMLElement} */ (woken).focus();
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

/** A site may have put in what it needs itself, where the browser has none. */
const types = /** @type {any} */ (globalThis).trustedTypes;
/** @type {any} */
let trust;

/**
 * A text as Trusted Types want it, where there are such: it is what the server wrote there.
 * @param {"TrustedScript" | "TrustedScriptURL" | "TrustedHTML" | null} type
 * @param {string} text
 */
function trusted(type, text) {
  if (!type || !types) return text;
  const same = (/** @type {string} */ held) => held;
  trust ??= types.createPolicy("consent", { createScript: same, createScriptURL: same, createHTML: same });
  return trust[type.replace("Trusted", "create")](text);
}

/** The settings page, which leads back here. */
const settingsAddress = () => `${state.settings}?${new URLSearchParams({ next: location.pathname + location.search, lang: state.lang })}`;

/** Show the settings page's content as a dialog, or go there if it cannot be had. */
async function openSettings() {
  const address = settingsAddress();
  try {
    const response = await fetch(address);
    const content = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok) throw response;
    // Where there is none, it cannot be read below.
    const form = /** @type {HTMLFormElement} */ (content.querySelector("main form"));
    await addStyle();
    // Closed, one that was opened meanwhile gives the focus back first.
    /** @type {HTMLDialogElement | null} */ (byId("yc-d"))?.close();
    const { lang, dir } = content.documentElement;
    const dialog = make("dialog", { id: "yc-d", lang, dir, onclose: () => dialog.remove() });
    dialog.setAttribute("aria-labelledby", "yc-h");
    // Not the page's <main>: this page has its own.
    const panel = make("div", { id: "yc-m" });
    panel.append(form);
    dialog.append(panel);
    const close = make("button", { type: "button", className: "yc-x", textContent: state.words.close, onclick: () => dialog.close() });
    form.querySelector(".yc-back")?.replaceWith(close);
    document.body.append(dialog);
    dialog.showModal();
  } catch {
    location.href = address;
  }
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = event.target;
  // The settings page's own form goes to the server as it is, which leads back to where the visitor came from.
  if (!(form instanceof HTMLFormElement) || form.closest(".yc-page")) return;
  // Not form.action: that is the buttons, which have this name.
  if (new URL(form.getAttribute("action") ?? "", document.baseURI).href !== state.url) return;
  const pressed = /** @type {any} */ (event.submitter);
  const fields = new FormData(form, pressed);
  const action = pressed?.name === "action" ? pressed.value : fields.get("action");
  const choice = { action, purposes: fields.getAll("purpose"), surface: fields.get("surface") ?? "" };
  submit(event, form, /** @type {Choice} */ (choice));
}

/**
 * Send a form's choice, once: until there is an answer, it says that it is busy.
 * @param {Event} event
 * @param {HTMLFormElement} form
 * @param {Choice} choice
 */
async function submit(event, form, choice) {
  event.preventDefault();
  if (form.ariaBusy) return;
  const mark = (/** @type {string | null} */ busy) => {
    form.ariaBusy = busy;
    for (const button of form.querySelectorAll("button")) button.ariaDisabled = busy;
  };
  mark("true");
  await send(choice);
  mark(null);
}

/** @param {MouseEvent} event */
function onClick(event) {
  const link = /** @type {any} */ (event.target).closest?.("a[data-consent-open]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openSettings();
}

/** @param {Element} element  a frame that may have a placeholder in it, or anything else */
function furnish(element) {
  if (!element.matches(`iframe[srcdoc][${HELD}service]`)) return;
  // It is hidden until this is done.
  /** @type {HTMLButtonElement | null | undefined} */
  const once = /** @type {HTMLIFrameElement} */ (element).contentDocument?.querySelector("button[value=once][hidden]");
  const form = once?.form;
  if (!form) return;
  for (const button of form.querySelectorAll("button")) button.hidden = false;
  once.addEventListener("click", () => wakeElement(element));
  form.addEventListener("submit", (event) => {
    const asked = purposesOf(element);
    const purposes = state.optional.filter((purpose) => asked.includes(purpose) || allowed(purpose));
    submit(event, form, { action: "save", purposes, surface: "placeholder" });
  });
}

/** Make a body that was served for everybody this visitor's. */
function settle() {
  if (!served?.shared) return;
  for (const place in state.texts) {
    const element = document.querySelector(place);
    if (element) element.textContent = /** @type {string} */ (state.texts[place]);
  }
  const card = byId("yc");
  const signal = byId("yc-g");
  // A frame's page leaves it to the page around it to ask.
  if (card && state.asked && self === top) card.hidden = false;
  else card?.remove();
  if (signal) signal.hidden = !state.gpc;
}

/** @param {PageTransitionEvent} event */
function onPageShow(event) {
  if (!event.persisted) return;
  // The page comes from the back/forward cache, from before what may have been decided since.
  join();
  learn();
}

if (consent instanceof Consent) {
  document.addEventListener("submit", onSubmit);
  document.addEventListener("click", onClick);
  addEventListener("pageshow", onPageShow);
  // With an open channel some browsers would not keep the page to go back to.
  addEventListener("pagehide", () => tabs?.close());
  // Captured, it tells of frames that are put in later as well, by htmx for one.
  document.addEventListener("load", ({ target }) => target instanceof Element && furnish(target), true);
  // What a refused service wrote while its page was being left.
  if (state.status !== "undecided") clearStorage();
  join();
  // The settings page's form was sent without this script.
  if (document.referrer.startsWith(state.settings)) tabs?.postMessage(0);
  furnishBody();
  if (served?.shared) follow();
}
