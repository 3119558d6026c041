"""The questions, one a command: names are looked up, numbers checked, the layers below asked; no formula stands here."""
