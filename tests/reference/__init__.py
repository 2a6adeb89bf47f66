"""Slow second writings of published algorithms, for tests to hold the fast ones against."""
