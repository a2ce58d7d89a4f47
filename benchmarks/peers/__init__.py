"""The plain drift-band job on this bot and on its peers, side by side."""
