(() => {
  const id = localStorage.ff_visitor ??= crypto.randomUUID();
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=63072000; samesite=lax`; };
  keep("_ff_id", id);
  keep("_ga", `GA1.1.${Date.now()}`);
  keep("_ga_HARBOUR", `GS1.1.${Date.now()}`);
  const home = new URL("/hit", document.currentScript.src);
  for (const event of window.ffq ?? []) navigator.sendBeacon(home, JSON.stringify({ id, event }));
  window.ffq = { push: (event) => navigator.sendBeacon(home, JSON.stringify({ id, event })) };
  document.documentElement.dataset.footfall = "running";
})();
