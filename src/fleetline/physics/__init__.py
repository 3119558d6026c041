"""What follows from the catalog: pure functions over floats or arrays. Nothing here reads a file, draws or prints."""
