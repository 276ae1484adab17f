// @ts-check
// Runs first in every document, and says who writes cookies and storage, and who calls what tells browsers apart.
(() => {
  const all = /** @type {any} */ (globalThis);
  const told = all.__seen;
  if (!told) return;
  delete all.__seen;
  // As the browser has them, whatever the page makes of them later.
  const { Proxy, Reflect, Set } = globalThis;
  /** @type {Map<string, number>} */
  const counts = new Map();

  /** The scripts on the stack, the nearest first. Firefox takes our own frames for the page's: they end with a "probed". */
  function by() {
    // A page may have short stacks, or its own kind of them.
    const kind = /** @type {any} */ (Error);
    const { stackTraceLimit, prepareStackTrace } = kind;
    kind.stackTraceLimit = 50;
    kind.prepareStackTrace = undefined;
    const stack = (new Error().stack ?? "").replace(/^[^]*__probed.*/, "");
    // Not all at once, which fails where the page has frozen it.
    kind.stackTraceLimit = stackTraceLimit;
    kind.prepareStackTrace = prepareStackTrace;
    return [...new Set([...stack.matchAll(/(https?:\/\/[^\s()]+?)(?::\d+)?(?::\d+)?(?=[\s)]|$)/g)].map((found) => found[1]))].slice(0, 8);
  }

  /**
   * @param {"cookie" | "local" | "session" | "indexeddb" | "cache" | "file" | "call" | "worker"} kind
   * @param {string} name
   */
  function tell(kind, name) {
    const scripts = by();
    const key = `${kind} ${name} ${scripts[0]}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    // A script that reads a canvas a thousand times is told of now and then.
    if (count === 1 || (kind === "call" && (count & (count - 1)) === 0)) told({ kind, name, by: scripts, count, origin: self.origin });
  }

  /** What the page does goes on, whatever we make of it. @param {() => void} tells */
  function quietly(tells) {
    try {
      tells();
    } catch {
      // It is not told.
    }
  }

  /**
   * @param {any} owner
   * @param {string} name
   * @param {(self: any, values: any[]) => void} before
   * @param {(self: any) => any} [real] what a method is called on, of what the page has in hand
   */
  function around(owner, name, before, real = (self) => self) {
    const own = owner?.[name];
    if (typeof own !== "function") return;
    owner[name] = new Proxy(own, {
      apply: function __probed(target, self, values) {
        quietly(() => before(real(self), values));
        return Reflect.apply(target, real(self), values);
      },
      construct: function __probed(target, values, self) {
        quietly(() => before(self, values));
        return Reflect.construct(target, values, self);
      },
    });
  }

  /**
   * @param {any} owner
   * @param {string} name
   * @param {(value: any) => void} [written]
   * @param {() => void} [read]
   */
  function watch(owner, name, written, read) {
    const own = owner && Object.getOwnPropertyDescriptor(owner, name);
    if (!own?.get || !own.configurable) return;
    Object.defineProperty(owner, name, {
      ...own,
      get: /** @type {(this: any) => any} */ function __probed() {
        quietly(() => read?.());
        return own.get?.call(this);
      },
      set:
        own.set &&
        /** @type {(this: any, value: any) => void} */
        function __probed(value) {
          quietly(() => written?.(value));
          own.set?.call(this, value);
        },
    });
  }

  watch(Document.prototype, "cookie", (value) => tell("cookie", String(value).split("=")[0]?.trim() ?? ""));
  around(all.CookieStore?.prototype, "set", (_, [name]) => tell("cookie", String(typeof name === "object" ? name.name : name)));
  around(all.IDBFactory?.prototype, "open", (_, [name]) => tell("indexeddb", String(name)));
  around(all.CacheStorage?.prototype, "open", (_, [name]) => tell("cache", String(name)));
  for (const name of ["getFileHandle", "getDirectoryHandle"]) {
    around(all.FileSystemDirectoryHandle?.prototype, name, (_, [file, options]) => options?.create && tell("file", String(file)));
  }
  // What asks for consent may hide in it, where nobody could press a button.
  around(Element.prototype, "attachShadow", (_, values) => {
    if (values[0]?.mode === "closed") values[0] = { ...values[0], mode: "open" };
  });
  // Their scripts are to be held for a moment: see workers.py.
  for (const kind of ["Worker", "SharedWorker"]) {
    around(all, kind, (_, [url]) => tell("worker", new URL(String(url), document.baseURI).href));
  }

  // A key may be set like any property, "localStorage.key = 1", of which only a proxy hears. What is called on the proxy
  // is called on what it stands for.
  /** @type {WeakMap<object, Storage>} */
  const stores = new WeakMap();
  const real = (/** @type {any} */ self) => stores.get(self) ?? self;
  /** @type {WeakMap<object, "local" | "session">} */
  const areas = new WeakMap();
  for (const name of ["getItem", "setItem", "removeItem", "clear", "key"]) {
    around(Storage.prototype, name, (self, [key]) => name === "setItem" && tell(areas.get(self) ?? "local", String(key)), real);
  }
  const size = Object.getOwnPropertyDescriptor(Storage.prototype, "length");
  Object.defineProperty(Storage.prototype, "length", {
    ...size,
    /** @this {any} */
    get() {
      return size?.get?.call(real(this));
    },
  });
  for (const area of /** @type {const} */ (["local", "session"])) {
    const own = Object.getOwnPropertyDescriptor(globalThis, `${area}Storage`);
    if (!own?.get || !own.configurable) continue;
    /** @type {any} */
    let proxy;
    Object.defineProperty(globalThis, `${area}Storage`, {
      ...own,
      get() {
        const store = own.get?.call(globalThis); // refuses where a frame has no storage
        if (!proxy && store) {
          const tells = (/** @type {string | symbol} */ key) => quietly(() => typeof key === "string" && tell(area, key));
          proxy = new Proxy(store, {
            get: (target, key) => Reflect.get(target, key, target),
            set: function __probed(target, key, value) {
              tells(key);
              return Reflect.set(target, key, value, target);
            },
            defineProperty: function __probed(target, key, descriptor) {
              tells(key);
              return Reflect.defineProperty(target, key, descriptor);
            },
          });
          stores.set(proxy, store);
          areas.set(store, area);
        }
        return proxy ?? store;
      },
    });
  }

  const call = (/** @type {string} */ name) => () => tell("call", name);
  around(HTMLCanvasElement.prototype, "toDataURL", call("canvas.toDataURL"));
  around(HTMLCanvasElement.prototype, "toBlob", call("canvas.toBlob"));
  around(all.OffscreenCanvas?.prototype, "convertToBlob", call("canvas.convertToBlob"));
  for (const kind of ["CanvasRenderingContext2D", "OffscreenCanvasRenderingContext2D"]) {
    around(all[kind]?.prototype, "getImageData", call("canvas.getImageData"));
  }
  for (const kind of ["WebGLRenderingContext", "WebGL2RenderingContext"]) {
    // UNMASKED_VENDOR_WEBGL and UNMASKED_RENDERER_WEBGL: the graphics card.
    around(all[kind]?.prototype, "getParameter", (_, [what]) => (what === 37445 || what === 37446) && tell("call", "webgl renderer"));
    around(all[kind]?.prototype, "readPixels", call("webgl pixels"));
  }
  around(all.OfflineAudioContext?.prototype, "startRendering", call("offline audio"));
  around(all.RTCPeerConnection?.prototype, "createDataChannel", call("webrtc data channel"));
  around(Object.getPrototypeOf(navigator), "getBattery", call("navigator.getBattery"));
  around(all.GPU?.prototype, "requestAdapter", call("webgpu adapter"));
  around(all.SpeechSynthesis?.prototype, "getVoices", call("speech voices"));
  around(all.Keyboard?.prototype, "getLayoutMap", call("keyboard layout"));
  around(all, "queryLocalFonts", call("local fonts"));
  around(all.MediaDevices?.prototype, "enumerateDevices", call("media devices"));
  around(all.NavigatorUAData?.prototype, "getHighEntropyValues", call("userAgentData.getHighEntropyValues"));
  for (const name of ["plugins", "mimeTypes", "deviceMemory"]) watch(Navigator.prototype, name, undefined, call(`navigator.${name}`));
})();
