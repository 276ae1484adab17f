// @ts-check
/**
 * Makes the calls that the server wrote: vendors' own switches, before any of their tags. It knows no vendor and
 * decides nothing. A classic script, since a module would come after the page's tags.
 */
(() => {
  /** @typedef {["arguments" | "push" | "call" | "method", string, any[]]} Call  how, to whom, with what */

  const page = /** @type {Record<string, any>} */ (/** @type {unknown} */ (window));
  /**
   * What waits for a function that is not there yet.
   * @type {Map<string, any[][]>}
   */
  const waiting = new Map();

  /** @param {Call[]} calls */
  function tell(calls = []) {
    for (const [how, to, args] of calls) {
      try {
        if (how === "push") (page[to] ??= []).push(...args);
        else if (how === "arguments") (page[to] ??= []).push(asArguments(...args));
        else if (how === "call") call(to, args);
        else method(to, args);
      } catch (error) {
        // One that cannot be told does not keep the others from it.
        reportError(error);
      }
    }
  }

  /** @param {any[]} _args  they are in its arguments */
  function asArguments(..._args) {
    return arguments;
  }

  /**
   * @param {string} to
   * @param {any[]} args
   */
  function method(to, [name, ...args]) {
    if (typeof page[to]?.[name] === "function") page[to][name](...args);
  }

  /**
   * @param {string} to
   * @param {any[]} args
   */
  function call(to, args) {
    const queue = waiting.get(to);
    if (queue) queue.push(args);
    else if (typeof page[to] === "function") page[to](...args);
    else waitFor(to, args);
    // One that was put there and not looked at since.
    if (queue) void page[to];
  }

  /**
   * Snippets put a function in place only if there is none, and use it at once. So it is the first look at it that
   * lets ours in, before what the snippet itself has to say.
   * @param {string} to
   * @param {any[]} args
   */
  function waitFor(to, args) {
    const queue = [args];
    let value = page[to];
    let busy = false;
    waiting.set(to, queue);
    Object.defineProperty(page, to, {
      configurable: true,
      enumerable: true,
      get() {
        if (typeof value !== "function" || busy) return value;
        busy = true;
        try {
          for (; queue[0]; queue.shift()) value(...queue[0]);
        } catch {
          // Not ready yet: the next look will find it so.
        }
        busy = false;
        return value;
      },
      set(given) {
        value = given;
      },
    });
  }

  const TELL = Symbol.for("consent tell");
  // A body that is put in the place of another may bring this script again.
  if (TELL in document) return;
  const node = /** @type {HTMLScriptElement} */ (document.currentScript);
  Object.defineProperty(document, TELL, { value: tell });
  tell(JSON.parse(node.dataset.calls ?? "[]"));
})();
