"""Who we are at a registry, and where docker, podman and their helpers keep that."""
