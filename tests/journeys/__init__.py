"""Journeys of a person with a browser: a real server, really trained networks, Chromium."""
