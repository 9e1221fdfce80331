"""The model of a resource: inputs, state, unknown values, property paths. Knows no service and no engine."""
