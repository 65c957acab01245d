"""Images with labels: data sets by name, and fitting them to a network."""
