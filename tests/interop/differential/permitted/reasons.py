"""Reasons that many rows give."""

ERRORS_ARE_JSON = "Clients read errors as JSON."
CLIENT_IS_WRONG = "A fault there: the client is wrong, and not the server."
