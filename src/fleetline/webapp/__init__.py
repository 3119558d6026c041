"""The page and its JSON: every question of the command line as an address, and what the page shows as one GET a view.

Nothing is computed here but what to show: each address asks the function of its command, so that both say the same.
"""
