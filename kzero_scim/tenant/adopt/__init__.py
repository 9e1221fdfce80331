"""Imports a tenant that was set up by hand: finds it, describes it in settings, and adds it to a stack's state.

``candidates`` finds the enterprise application, ``described`` turns existing objects into settings (pure), ``survey``
reads both sides, ``importing`` lets the engine import everything, and ``adoption`` runs these steps in order.
"""
