"""The Studio: a local server, and the page that it serves, for looking into any network."""
