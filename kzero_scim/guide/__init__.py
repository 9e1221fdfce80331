"""KZero's setup guide as data: its values and its seven-point checklist."""
