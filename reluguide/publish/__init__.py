"""From evidence to site: store, runner, pages, figure style, notebooks, MkDocs plugin, theme."""
