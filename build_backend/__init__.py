"""Builds the package: the Studio's page by Vite, all else by scikit-build-core."""
