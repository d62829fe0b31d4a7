"""Image layouts: directories and archives in the shape that every registry has."""
