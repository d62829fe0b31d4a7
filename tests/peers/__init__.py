"""Other people's programs: where they are, how they are installed, how servers are started."""
