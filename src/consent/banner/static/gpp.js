// @ts-check
/**
 * IAB's Global Privacy Platform, CMP API 1.1: `window.__gpp`, its commands, events and messages from frames. What it
 * answers the server wrote (`__gpp.told`); it knows no section and decides nothing. A classic script in the head, so
 * that it is there before any tag.
 */
(() => {
  const page = /** @type {{__gpp?: {told?: unknown}}} */ (/** @type {unknown} */ (window));
  // A library that puts another page in this one's place may bring this script again.
  if (page.__gpp?.told) return;

  /** @typedef {(data: unknown, success: boolean) => void} Callback */
  /**
   * What a ping returns, but for what only the page knows.
   * @typedef {object} Told
   * @property {string} [cmpStatus]
   * @property {string} [signalStatus]
   * @property {Record<string, Record<string, unknown>[]>} [parsedSections]
   */

  /** @type {Told & {cmpDisplayStatus: string}} */
  let state = { cmpDisplayStatus: "hidden" };
  /** @type {Map<number, Callback>} */
  const listeners = new Map();
  let lastId = 0;

  const ping = () => ({ ...structuredClone(state), cmpDisplayStatus: displayStatus() });

  /** Whether the banner or the settings are on the screen. */
  function displayStatus() {
    const seen = ["yc", "yc-d"].some((id) => document.getElementById(id)?.checkVisibility?.());
    return seen ? "visible" : "hidden";
  }

  /** @param {unknown} name */
  const sectionOf = (name) => structuredClone(state.parsedSections?.[String(name)]) ?? null;

  /**
   * @param {string} eventName
   * @param {unknown} data
   * @param {number} listenerId
   */
  const event = (eventName, data, listenerId) => ({ eventName, listenerId, data, pingData: ping() });

  /** @type {Record<string, (callback: Callback, parameter: any) => void>} */
  const commands = {
    ping: (callback) => callback(ping(), true),
    addEventListener(callback) {
      const id = (lastId += 1);
      listeners.set(id, callback);
      callback(event("listenerRegistered", true, id), true);
      // Many wait for this event alone, and would wait for ever.
      if (state.signalStatus === "ready" && listeners.has(id)) callback(event("signalStatus", "ready", id), true);
    },
    removeEventListener: (callback, id) => callback(listeners.delete(id), true),
    hasSection: (callback, name) => callback(sectionOf(name) !== null, true),
    getSection: (callback, name) => callback(sectionOf(name), true),
    getField(callback, path) {
      const [name, field = ""] = String(path).split(".");
      const part = sectionOf(name)?.find((each) => field in each);
      callback(part ? part[field] : null, true);
    },
  };

  /**
   * @param {string} command
   * @param {Callback} [callback]
   * @param {unknown} [parameter]
   */
  function gpp(command, callback, parameter) {
    if (typeof callback !== "function") return;
    if (Object.hasOwn(commands, command)) commands[command]?.(callback, parameter);
    else callback(null, false);
  }

  /**
   * @param {string} eventName
   * @param {unknown} data
   */
  function fire(eventName, data) {
    for (const [id, callback] of [...listeners]) {
      try {
        callback(event(eventName, data, id), true);
      } catch (error) {
        // One that fails does not keep the others from it.
        reportError(error);
      }
    }
  }

  /**
   * @param {"cmpStatus" | "cmpDisplayStatus" | "signalStatus"} name
   * @param {string} value
   */
  function become(name, value) {
    if (state[name] === value) return;
    state[name] = value;
    fire(name, value);
  }

  /**
   * What holds from now on. That it can be read is said last.
   * @param {Told & {cmpStatus: string, signalStatus: string}} next
   */
  gpp.told = ({ cmpStatus, signalStatus, ...next }) => {
    const before = state.parsedSections ?? {};
    become("signalStatus", "not ready");
    state = { ...state, ...next };
    const after = state.parsedSections ?? {};
    become("cmpStatus", cmpStatus);
    become("cmpDisplayStatus", displayStatus());
    for (const name of Object.keys({ ...before, ...after })) {
      if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) fire("sectionChange", name);
    }
    become("signalStatus", signalStatus);
  };

  /** @param {MessageEvent} message */
  function onMessage({ data, source }) {
    const text = typeof data === "string";
    let call;
    try {
      call = (text ? JSON.parse(data) : data)?.__gppCall;
    } catch {
      // Somebody else's message.
    }
    if (typeof call !== "object" || !call) return;
    gpp(
      call.command,
      (returnValue, success) => {
        const reply = { __gppReturn: { returnValue, success, callId: call.callId } };
        /** @type {Window | null} */ (source)?.postMessage(text ? JSON.stringify(reply) : reply, "*");
      },
      call.parameter,
    );
  }

  page.__gpp = gpp;
  addEventListener("message", onMessage);
  addEventListener("DOMContentLoaded", () => become("cmpDisplayStatus", displayStatus()));

  // By its name frames find the window that answers them. There is no body yet.
  const locator = document.createElement("iframe");
  locator.name = "__gppLocator";
  locator.style.display = "none";
  document.documentElement.append(locator);
})();
