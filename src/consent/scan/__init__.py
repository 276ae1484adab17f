"""Drives a real browser over a site and says what it stored and called, and when. Needs the extra ``scan``."""
