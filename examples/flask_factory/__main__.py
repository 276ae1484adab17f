"""The bakery on http://127.0.0.1:8000; PORT=8080 for another port."""

import os

from bakery import create_app

create_app().run(port=int(os.environ.get("PORT", "8000")))
