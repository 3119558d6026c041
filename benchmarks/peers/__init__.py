"""Other public predictors on the rows that fleetline is measured on: `make peers`.

Nothing here is imported by fleetline, and the modules that run inside a peer's environment import neither.
"""
