"""What holds unless the environment says otherwise."""

SECRET_KEY = "only-for-trying-it-on:-yours-is-random"
CONSENT = {
    "services": {
        "google-analytics": {},
        "youtube": {},
        "last-loaf": {  # the bakery's own
            "title": "Your last loaf",
            "provider": "The Rye Corner",
            "purposes": ["preferences"],
            "cookies": [{"name": "last_loaf", "days": 30}],
        },
    },
    "privacy_url": "/privacy",
}
