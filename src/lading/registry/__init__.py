"""The domain: what a registry is and does, without HTTP and without a place to keep things."""
