"""What a question says: numbers, money, dates, places, identifiers and text, each with its place in the text."""
