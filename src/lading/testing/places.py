"""Names of the repositories in which the contract suites do their work."""

from lading.oci.names import RepositoryName

NAME = RepositoryName.parse("team/app")
"""Where most of it happens."""

OTHER = RepositoryName.parse("team/app-2/nested")
"""Where the same content may be."""

NOWHERE = RepositoryName.parse("never/pushed/to")
"""Where nothing is, unless a test puts it there."""
