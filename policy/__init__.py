"""The policy pack for tenants' stacks."""
