"""What the house is kept with: installing, and making reference pages from the code."""
