// @ts-check
// Runs first in every document, and says who writes cookies and storage, and who calls what tells browsers apart.
(() => {
  const told = /** @type {any} */ (globalThis).__seen;
  if (!told) return;
  delete (/** @type {any} */ (globalThis).__seen);
  /** @type {Map<string, number>} */
  const counts = new Map();

  /** The scripts on the stack, the nearest first. */
  function by() {
    const stack = new Error().stack ?? "";
    return [...new Set([...stack.matchAll(/(https?:\/\/[^\s()]+?)(?::\d+)?(?::\d+)?(?=[\s)]|$)/g)].map((found) => found[1]))].slice(0, 8);
  }

  /**
   * @param {"cookie" | "local" | "session" | "call"} kind
   * @param {string} name
   */
  function tell(kind, name) {
    const scripts = by();
    const key = `${kind} ${name} ${scripts[0]}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    // A script that reads a canvas a thousand times is told of now and then.
    if (count === 1 || (kind === "call" && (count & (count - 1)) === 0)) told({ kind, name, by: scripts, count, origin: location.origin });
  }

  /**
   * @param {any} owner
   * @param {string} name
   * @param {(self: any, values: any[]) => void} before
   */
  function around(owner, name, before) {
    const own = owner?.[name];
    if (typeof own !== "function") return;
    owner[name] = new Proxy(own, {
      apply(target, self, values) {
        try {
          before(self, values);
        } catch {
          // What the page does goes on, whatever we make of it.
        }
        return Reflect.apply(target, self, values);
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
      get() {
        read?.();
        return own.get?.call(this);
      },
      set:
        own.set &&
        function (value) {
          written?.(value);
          own.set?.call(this, value);
        },
    });
  }

  watch(Document.prototype, "cookie", (value) => tell("cookie", String(value).split("=")[0].trim()));
  around(/** @type {any} */ (globalThis).CookieStore?.prototype, "set", (_, [name]) => tell("cookie", typeof name === "object" ? name.name : String(name)));
  try {
    const { localStorage: local } = globalThis;
    around(Storage.prototype, "setItem", (self, [key]) => tell(self === local ? "local" : "session", String(key)));
  } catch {
    // A frame without storage.
  }

  const call = (/** @type {string} */ name) => () => tell("call", name);
  around(HTMLCanvasElement.prototype, "toDataURL", call("canvas.toDataURL"));
  around(HTMLCanvasElement.prototype, "toBlob", call("canvas.toBlob"));
  around(CanvasRenderingContext2D.prototype, "getImageData", call("canvas.getImageData"));
  for (const kind of ["WebGLRenderingContext", "WebGL2RenderingContext"]) {
    // UNMASKED_VENDOR_WEBGL and UNMASKED_RENDERER_WEBGL: the graphics card.
    around(/** @type {any} */ (globalThis)[kind]?.prototype, "getParameter", (_, [what]) => (what === 37445 || what === 37446) && tell("call", "webgl renderer"));
  }
  around(/** @type {any} */ (globalThis).OfflineAudioContext?.prototype, "startRendering", call("offline audio"));
  around(/** @type {any} */ (globalThis).RTCPeerConnection?.prototype, "createDataChannel", call("webrtc data channel"));
  around(/** @type {any} */ (navigator).__proto__, "getBattery", call("navigator.getBattery"));
  around(/** @type {any} */ (globalThis).MediaDevices?.prototype, "enumerateDevices", call("media devices"));
  around(/** @type {any} */ (globalThis).NavigatorUAData?.prototype, "getHighEntropyValues", call("userAgentData.getHighEntropyValues"));
  for (const name of ["plugins", "mimeTypes", "deviceMemory"]) watch(Navigator.prototype, name, undefined, call(`navigator.${name}`));
})();
