"""What is said of the measurements: one module a page. Facts, figures and claims; no torch."""
