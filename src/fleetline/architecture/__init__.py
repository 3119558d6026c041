"""What a transformer costs by its dimensions alone: attention kinds, weight parts, models. Arithmetic, no data."""
