"""One registry, asked: authorised, tried again, followed; and what its answers mean."""
