"""The composition root: settings, wiring, processes. It alone knows concrete classes."""
