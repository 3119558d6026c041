"""`python -m fleetline` is the command line."""

from fleetline.cli import main

main()
