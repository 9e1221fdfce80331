"""An offline stand-in for the Pulumi plugin `azuread` 6.11.1, for machines that cannot download the official one.

It answers the engine as recordings of the official plugin do, and sends the same requests to Microsoft Graph in the
same order. It only talks to the Graph that a metadata host names (the Entra emulator), never to Microsoft's own.
It implements the resources and functions that this project uses, and refuses any other with a clear message.
"""
