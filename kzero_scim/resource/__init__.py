"""What a resource is: inputs, state, unknown values, property paths. Knows no service and no engine."""
