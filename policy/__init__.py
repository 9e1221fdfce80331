"""The policy pack of tenants' stacks."""
