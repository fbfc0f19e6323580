"""Reading configuration files: text, places, variables, and mistakes in plain words."""
