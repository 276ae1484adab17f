import "@c15t/react/styles.css";
import { ConsentBanner, ConsentDialog, ConsentManagerProvider } from "@c15t/react";
import { createRoot } from "react-dom/client";

const scripts = [
  { id: "stats", src: "https://stats.example.org/stats.js", category: "measurement" },
  { id: "ads", src: "https://ads.example.org/ads.js", category: "marketing" },
];

createRoot(document.getElementById("app")).render(
  <ConsentManagerProvider
    options={{
      mode: "offline",
      consentCategories: ["necessary", "measurement", "marketing"],
      overrides: { country: "DE" },
      scripts,
    }}
  >
    <ConsentBanner />
    <ConsentDialog />
  </ConsentManagerProvider>,
);
