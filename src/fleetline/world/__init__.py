"""The world: what its chips can serve, what is asked of them, and when one passes the other."""
