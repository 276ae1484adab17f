var klaroConfig = {
  version: 1,
  lang: "en",
  acceptAll: true,
  translations: {
    zz: { privacyPolicyUrl: "/privacy" },
    en: { purposes: { analytics: "Analytics", marketing: "Marketing" } },
  },
  services: [
    { name: "stats", title: "Stats", purposes: ["analytics"] },
    { name: "ads", title: "Ads", purposes: ["marketing"] },
  ],
};
