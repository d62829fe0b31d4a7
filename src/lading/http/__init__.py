"""The face that container clients talk to: requests in, one call to a repository, answers out."""
