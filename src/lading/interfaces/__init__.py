"""What the rooms promise each other: Protocols and the values that pass between them."""
