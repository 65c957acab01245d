"""The reference engine: the definition of every layer, in NumPy."""
