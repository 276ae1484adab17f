"""Cookie consent in the server."""
