"""A guide of two pages, for the tests of what builds a guide."""
