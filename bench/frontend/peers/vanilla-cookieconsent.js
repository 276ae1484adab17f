import "vanilla-cookieconsent/dist/cookieconsent.css";
import * as CookieConsent from "vanilla-cookieconsent";

CookieConsent.run({
  guiOptions: { consentModal: { layout: "box", position: "bottom left", equalWeightButtons: true } },
  categories: { necessary: { enabled: true, readOnly: true }, analytics: {}, marketing: {} },
  language: {
    default: "en",
    translations: {
      en: {
        consentModal: {
          title: "This website uses cookies",
          description:
            "We would like to use cookies and similar storage for analytics and marketing. You can change your mind at any time.",
          acceptAllBtn: "Accept",
          acceptNecessaryBtn: "Refuse",
          showPreferencesBtn: "Settings",
          footer: '<a href="/privacy">Privacy policy</a>',
        },
        preferencesModal: {
          title: "Cookie settings",
          acceptAllBtn: "Accept all",
          acceptNecessaryBtn: "Refuse all",
          savePreferencesBtn: "Save my choice",
          closeIconLabel: "Close",
          sections: [
            { title: "Necessary", description: "Keeps the website working.", linkedCategory: "necessary" },
            { title: "Analytics", description: "Counts visits.", linkedCategory: "analytics" },
            { title: "Marketing", description: "Shows advertisements.", linkedCategory: "marketing" },
          ],
        },
      },
    },
  },
});
