"""Renders the fleet's runs as one self-contained HTML page. Contacts no service and knows no clock."""

from kzero_scim.fleet.page.render import render_page

__all__ = ["render_page"]
