"""The native engine: a compiler in Python, an executor in C++."""
