import "@cookieyes/react/styles.css";
import { CookieBanner, CookiePreferences, GatedScript, RecallButton, initCookieYes } from "@cookieyes/react";
import { createRoot } from "react-dom/client";

initCookieYes({ mode: "cookie-only", regulation: "GDPR", colorScheme: "system" });

createRoot(document.getElementById("app")).render(
  <>
    <GatedScript id="stats" src="https://stats.example.org/stats.js" category="analytics" />
    <GatedScript id="ads" src="https://ads.example.org/ads.js" category="advertisement" />
    <CookieBanner />
    <CookiePreferences />
    <RecallButton />
  </>,
);
