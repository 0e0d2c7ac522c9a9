"""What is measured: one module a page. Torch in, plain numbers out; nothing here draws."""
