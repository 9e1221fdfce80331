"""The values and the seven-point checklist of KZero's setup guide."""
