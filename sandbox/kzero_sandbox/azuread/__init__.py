"""An offline stand-in for the Pulumi plugin `azuread` 6.11.1, for machines that cannot download the official one.

It answers the engine as the official plugin was recorded to do and sends the same requests to Microsoft Graph in the
same order, but only to the Graph that a metadata host names (the Entra emulator): never to Microsoft's own.
It holds the resources and functions that this project uses and says so plainly when asked for another.
"""
