"""The page, driven in a browser."""
