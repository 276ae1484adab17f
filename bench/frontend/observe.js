// Watches a load from its first moment, and disturbs nothing: layout shifts and long tasks.
(() => {
  const seen = (window.benchSeen = { shift: 0, tasks: [] });
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) seen.shift += value;
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tasks.push(duration);
  }).observe({ type: "longtask", buffered: true });
})();
