// @ts-check
/**
 * The head guard: keeps scripts from reaching the hosts of services that are held. It decides nothing: who is held, and
 * what is allowed, the server wrote into its element, and `consent.js` tells it what the server granted since.
 *
 * An element that would load from such a host is marked as the gate marks what it holds, so that `consent.js` wakes it;
 * a call fails as one that the browser blocked. It runs first, so that it finds the browser's own functions.
 */
(() => {
  /** @typedef {{service: string, needs: string, weight: number, host: RegExp, port: string, path: RegExp, own: boolean, others: boolean}} Row */
  /** @typedef {(args: any[], self: any, go: () => any) => any} Handler */

  const GUARD = Symbol.for("consent guard");
  // A body that is put in the place of another may bring this script again.
  if (GUARD in document) return;
  const HELD = "data-consent-";
  /** What loads, by the element's name. */
  const LOADS = /** @type {Record<string, string>} */ ({
    script: "src href xlink:href type", iframe: "src srcdoc", frame: "src", img: "src srcset", source: "src srcset",
    video: "src poster", audio: "src", track: "src", input: "src", embed: "src", object: "data",
    link: "href imagesrcset", image: "href xlink:href", use: "href xlink:href", feimage: "href xlink:href",
  });
  const RELATIONS = /stylesheet|pre|icon|manifest/i;
  const { apply, construct, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const { getAttribute, setAttribute, removeAttribute, querySelectorAll, before, after, prepend, append, replaceWith, replaceChildren } = Element.prototype;
  const { dispatchEvent } = EventTarget.prototype;
  const readHTML = /** @type {any} */ ({
    innerHTML: getOwnPropertyDescriptor(Element.prototype, "innerHTML")?.set,
    setHTMLUnsafe: /** @type {any} */ (Element.prototype).setHTMLUnsafe,
  });
  const inert = document.implementation.createHTMLDocument("");
  const { createElementNS } = inert;
  const selector = Object.keys(LOADS).join();

  const own = /** @type {HTMLScriptElement} */ (document.currentScript);
  let granted = (own.dataset.granted ?? "").split(" ");
  /** Elements held here, and those that `consent.js` woke. */
  const made = new WeakSet(), free = new WeakSet();
  /** @type {WeakMap<object, [any, boolean]>} */
  const opened = new WeakMap();

  const wild = (/** @type {string} */ text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
  /** @type {Row[]} */
  const rows = (own.dataset.held ?? "").split("\n").flatMap((line) => {
    const [service = "", needs = "", ...hosts] = line.split(" ");
    return hosts.map((text) => {
      const [, name = "", port = "", path = ""] = /^([^:/]*):?(\d*)(.*)$/.exec(text) ?? [];
      return {
        // A longer path, then a whole host, then a declared service is the more specific owner.
        service, needs, port, own: !name, others: text === "*", weight: path.length * 4 + (name[0] === "*" ? 0 : 2) + (needs ? 1 : 0),
        host: RegExp(name ? `^${wild(name)}$` : ""), path: RegExp((name === "*" ? "" : "^") + wild(path), "s"),
      };
    });
  });
  /** @type {Map<string, Row[]>} */
  const near = new Map();
  const waits = (/** @type {Row} */ row) => !row.needs || row.needs.split(",").some((purpose) => !granted.includes(purpose));

  /**
   * Who keeps an address from being reached.
   * @param {unknown} address
   * @returns {Row | undefined}
   */
  function holder(address) {
    let url;
    try {
      url = new URL(String(address), document.baseURI);
    } catch {
      return;
    }
    if (!/^(http|ws)s?:$/.test(url.protocol)) return;
    const host = url.hostname.replace(/\.$/, ""), port = /^(80|443)$/.test(url.port) ? "" : url.port;
    let path = url.pathname;
    try {
      path = decodeURIComponent(path);
    } catch {}
    let candidates = near.get(host);
    if (!candidates) near.set(host, candidates = rows.filter((row) => row.host.test(host)));
    let best = -1, found;
    for (const row of candidates) {
      if ((row.port && row.port !== port) || row.weight < best) continue;
      if ((row.own && url.host !== location.host) || (row.others && url.host === location.host)) continue;
      if (!row.path.test(path + url.search)) continue;
      if (row.weight > best) found = undefined;
      best = row.weight;
      if (waits(row)) found = row;
    }
    return found;
  }

  /** @type {(element: Element, name: string, value: unknown, rel?: string) => Row | undefined} */
  function holderOf(element, name, value, rel) {
    const kind = element.localName.toLowerCase();
    if (!` ${LOADS[kind]} `.includes(` ${name} `)) return;
    if (name === "type") {
      const rules = String(element.textContent);
      if (!/^speculationrules$/i.test(String(value))) return;
      // Pages to load ahead are named, or chosen among links: to paths of this site, else to anybody.
      return rules.split(/"where"|"source":"document"(?!.*"where")/s).slice(1).every((where) => /(?<!"not":{)"href_matches"[\s:[]*"\.{0,2}\/(?![/\\])/.test(where))
        ? rules.split('"').map(holder).find(Boolean) : rows.find(waits);
    }
    if (free.has(element)) return;
    if (kind === "link" && !RELATIONS.test(rel ?? apply(getAttribute, element, ["rel"]) ?? "")) return;
    if (name === "srcdoc") return rewritten(String(value))[1];
    if (!name.endsWith("srcset")) return holder(value);
    for (const part of String(value).split(/[\s,]+/)) {
      const found = /[/.]/.test(part) && holder(part);
      if (found) return found;
    }
  }

  /** @type {(element: Element, name: string, value: unknown, row: Row) => void} */
  function hold(element, name, value, row) {
    const get = (/** @type {string} */ key) => apply(getAttribute, element, [key]);
    const set = (/** @type {string} */ key, /** @type {string} */ text) => apply(setAttribute, element, [key, text]);
    apply(removeAttribute, element, [name]);
    if (element.localName === "script" && get("type") !== "text/plain") {
      const type = get("type");
      if (type !== null) set(HELD + "type", type);
      set("type", "text/plain");
    }
    set(HELD + name, String(value));
    const needs = get(HELD + "for");
    // Of two that hold it, both are needed; one that nobody can agree to is never let go.
    set(HELD + "for", row.needs && needs !== "" ? [...new Set([...(needs ?? "").split(","), ...row.needs.split(",")])].filter(Boolean).join() : "");
    set(HELD + "service", row.service);
    made.add(element);
  }

  /** @type {(element: Element, name: string, value: unknown, go: () => any) => any} */
  function assign(element, name, value, go) {
    if (name === "rel") sweep(element, String(value));
    const row = holderOf(element, name, value);
    if (row) return hold(element, name, value, row);
    if (made.has(element) && apply(getAttribute, element, [HELD + name]) !== null) {
      // The page thought better of it.
      apply(removeAttribute, element, [HELD + name]);
      if (element.localName === "script") {
        const type = apply(getAttribute, element, [HELD + "type"]);
        apply(removeAttribute, element, ["type"]);
        if (type !== null) apply(setAttribute, element, ["type", type]);
      }
    }
    return go();
  }

  /**
   * Hold what is in a tree that is about to be put in, or a link that is about to have another relation.
   * @param {any} node
   * @param {string} [rel]
   * @returns {boolean} whether anything was held
   */
  function sweep(node, rel) {
    let any = false;
    if (!(node instanceof Element || node instanceof DocumentFragment)) return any;
    const all = apply(node instanceof Element ? querySelectorAll : DocumentFragment.prototype.querySelectorAll, node, [selector]);
    for (const element of [node, ...all]) {
      for (const name of (LOADS[element.localName] ?? "").split(" ")) {
        const value = name && apply(getAttribute, element, [name]);
        const row = value && holderOf(element, name, value, rel);
        if (row) hold(element, name, value, row), any = true;
      }
    }
    return any;
  }

  /**
   * Markup with its tags held, and who holds the last of them.
   * @param {string} markup
   * @returns {[string, Row | undefined]}
   */
  function rewritten(markup) {
    /** @type {Row | undefined} */
    let last;
    const text = markup.replace(/<([a-z]+)\b(?:[^>"']|"[^"]*"|'[^']*')*>/gi, (tag, kind) => {
      const names = LOADS[kind.toLowerCase()];
      if (!names) return tag;
      // Not read as markup: where Trusted Types are asked for, that is for the page to say.
      const element = apply(createElementNS, inert, ["http://www.w3.org/1999/xhtml", kind.toLowerCase()]);
      const values = /** @type {Record<string, string>} */ ({});
      const attribute = /([^\s"'>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/g;
      for (const [, name = "", ...value] of tag.matchAll(attribute)) values[name.toLowerCase()] ??= unescaped(value.find((each) => each !== undefined) ?? "");
      if (values.rel) apply(setAttribute, element, ["rel", values.rel]);
      const row = names.split(" ").map((name) => values[name] && holderOf(element, name, values[name])).find(Boolean);
      if (!row) return tag;
      last = row;
      const marks = `${kind.toLowerCase() === "script" ? " type=text/plain" : ""} ${HELD}for=${row.needs || '""'} ${HELD}service=${row.service || '""'}`;
      const renamed = tag.replace(/([\s"'/])([a-z:]+)(?=\s*=)/gi, (all, gap, name) => ` ${names} type `.includes(` ${name.toLowerCase()} `) ? gap + HELD + name : all);
      return renamed.replace(/^<[a-z]+/i, (start) => start + marks);
    });
    return [text, last];
  }

  const unescaped = (/** @type {string} */ text) =>
    text.replace(/&(?:amp|#(x?)([0-9a-f]+));?/gi, (_, hex, code) => (code ? String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10) || 0) : "&"));

  /**
   * Put a handler in front of a function of the browser's.
   * @param {any} place
   * @param {string} name
   * @param {Handler} handler
   * @param {"value" | "set" | "get"} kind
   */
  function on(place, name, handler, kind = "value") {
    const described = place && getOwnPropertyDescriptor(place, name);
    const native = described?.[kind];
    if (!native) return;
    described[kind] = new Proxy(native, {
      apply: (target, self, args) => handler(args, self, () => apply(target, self, args)),
      construct: (target, args, as) => handler(args, null, () => construct(target, args, as)),
    });
    defineProperty(place, name, described);
  }

  const prototype = (/** @type {string} */ name) => /** @type {any} */ (globalThis)[name]?.prototype;
  const setter = (/** @type {string} */ name) => /** @type {Handler} */ (([value], self, go) => assign(self, name, value, go));
  const getter = (/** @type {string} */ name) => /** @type {Handler} */ ((_, self, go) => {
    const kept = made.has(self) && apply(getAttribute, self, [HELD + name]);
    return kept ? (/src$|href|data|poster/.test(name) ? new URL(kept, document.baseURI).href : kept) : go();
  });
  for (const [kind, names] of Object.entries({
    Script: "src", IFrame: "src srcdoc", Frame: "src", Image: "src srcset", Source: "src srcset", Media: "src",
    Video: "poster", Track: "src", Input: "src", Embed: "src", Object: "data", Link: "href imageSrcset",
  })) {
    for (const name of names.split(" ")) {
      on(prototype(`HTML${kind}Element`), name, setter(name.toLowerCase()), "set");
      on(prototype(`HTML${kind}Element`), name, getter(name.toLowerCase()), "get");
    }
  }
  for (const name of ["rel", "relList"]) on(prototype("HTMLLinkElement"), name, setter("rel"), "set");
  // Whoever asks for the list is about to add to it.
  on(prototype("HTMLLinkElement"), "relList", (_, self, go) => (sweep(self, "pre"), go()), "get");
  const named = (/** @type {unknown} */ name) => String(name).toLowerCase();
  on(Element.prototype, "setAttribute", ([name, value], self, go) => assign(self, named(name), value, go));
  on(Element.prototype, "setAttributeNS", ([, name, value], self, go) => assign(self, named(name), value, go));
  for (const name of ["setAttributeNode", "setAttributeNodeNS"]) {
    on(Element.prototype, name, ([node], self, go) => (node instanceof Attr ? assign(self, named(node.name), node.value, go) : go()));
  }

  /** @type {Handler} */
  const inserting = (args, _, go) => {
    for (const node of args) sweep(node);
    return go();
  };
  for (const kind of ["Node", "Element", "CharacterData", "Document", "DocumentFragment", "Range"]) {
    for (const name of "appendChild insertBefore replaceChild append prepend before after replaceWith replaceChildren insertAdjacentElement insertNode".split(" ")) {
      on(prototype(kind), name, inserting);
    }
  }
  on(Range.prototype, "createContextualFragment", (_, __, go) => {
    const fragment = go();
    sweep(fragment);
    return fragment;
  });

  /** @type {(context: any, key: string, markup: any, go: () => any, put: (nodes: Node[]) => any) => any} */
  function parsing(context, key, markup, go, put) {
    // Read where nothing loads, to see whether anything in it is held; if not, the browser does what it does.
    if (!(context instanceof Element) || context.localName === "template" || !/[<]/.test(markup)) return go();
    const place = apply(createElementNS, inert, [context.namespaceURI, context.localName]);
    apply(readHTML[key], place, [markup]);
    return sweep(place) ? put([...place.childNodes]) : go();
  }
  for (const kind of ["Element", "ShadowRoot"]) {
    for (const name of ["innerHTML", "setHTMLUnsafe"]) {
      on(prototype(kind), name, ([markup], self, go) =>
        parsing(self.host ?? self, name, markup, go, (nodes) => apply(self instanceof Element ? replaceChildren : DocumentFragment.prototype.replaceChildren, self, nodes)),
        name === "innerHTML" ? "set" : "value",
      );
    }
  }
  on(Element.prototype, "outerHTML", ([markup], self, go) => parsing(self.parentNode, "innerHTML", markup, go, (nodes) => apply(replaceWith, self, nodes)), "set");
  on(Element.prototype, "insertAdjacentHTML", ([where, markup], self, go) => {
    const put = /** @type {Record<string, Function>} */ ({ beforebegin: before, afterbegin: prepend, beforeend: append, afterend: after })[named(where)];
    const context = put === before || put === after ? self.parentNode : self;
    return put ? parsing(context, "innerHTML", markup, go, (nodes) => apply(put, self, nodes)) : go();
  });
  const { write } = Document.prototype;
  /** What is to be written of a tag that has no end yet. */
  let begun = "";
  for (const end of ["", "ln"]) {
    on(Document.prototype, `write${end}`, (args, self, go) => {
      const [text, row] = rewritten(begun + args.map(String).join("") + (end && "\n"));
      // A text that was trusted is not so any more; then nothing of it is written.
      if (args.some((arg) => arg instanceof Object)) return row ? undefined : go();
      const cut = text.search(/<(?![^a-z])[^<>]*$|$/i);
      begun = "";
      apply(write, self, [text.slice(0, cut)]);
      begun += text.slice(cut);
      if (begun) queueMicrotask(() => begun && apply(write, self, [begun, (begun = "")]));
    });
  }

  const refuse = (/** @type {unknown} */ address) => {
    if (holder(address)) throw new DOMException("consent: this service is held", "SecurityError");
  };
  for (const name of ["fetch", "fetchLater"]) {
    on(globalThis, name, ([what], _, go) => (holder(what) ?? holder(what?.url) ? Promise.reject(new TypeError("Failed to fetch")) : go()));
  }
  on(Navigator.prototype, "sendBeacon", ([what], _, go) => !holder(what) && go());
  on(XMLHttpRequest.prototype, "open", ([, address, later = true], self, go) => {
    opened.set(self, [address, Boolean(later)]);
    return go();
  });
  on(XMLHttpRequest.prototype, "send", (_, self, go) => {
    const [address, later] = opened.get(self) ?? [];
    if (!address || !holder(address)) return go();
    if (!later) throw new DOMException("Failed to send", "NetworkError");
    setTimeout(() => {
      for (const type of ["error", "loadend"]) apply(dispatchEvent, self, [new ProgressEvent(type)]);
    });
  });
  for (const name of ["WebSocket", "EventSource", "Worker", "SharedWorker", "WebTransport"]) {
    on(globalThis, name, ([address], _, go) => (refuse(address), go()));
  }
  on(globalThis, "Audio", (args, _, go) => {
    const [address] = args.splice(0, 1);
    const audio = go();
    if (address !== undefined) audio.src = address;
    return audio;
  });
  /** @type {(configuration: any, go: () => any) => any} */
  const calling = (configuration, go) => {
    for (const server of configuration?.iceServers ?? []) {
      for (const url of [server.urls ?? server.url].flat()) refuse(String(url).replace(/^(stun|turn)s?:/i, "https://"));
    }
    return go();
  };
  on(globalThis, "RTCPeerConnection", ([configuration], _, go) => calling(configuration, go));
  on(prototype("RTCPeerConnection"), "setConfiguration", ([configuration], _, go) => calling(configuration, go));

  /** For `consent.js` alone: what is granted now, and which element it wakes. */
  defineProperty(document, GUARD, {
    value: {
      allow: (/** @type {string[]} */ purposes) => void (granted = ["necessary", ...purposes]),
      /** Lets an element load what it wants; says whether it was held here. */
      free: (/** @type {Element} */ element) => (free.add(element), made.has(element)),
      made: (/** @type {Element} */ element) => made.has(element),
    },
  });
})();
