"""Takes over a tenant that was set up by clicking: finds and describes it, and brings it into a stack's state.

``candidates`` finds the enterprise application, ``described`` turns what exists into settings (pure), ``survey`` looks
at both sides, ``importing`` has the engine take everything in, ``adoption`` is the whole, in order.
"""
