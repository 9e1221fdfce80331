"""One self-contained HTML page of the fleet, for people. Made of fleet runs alone; asks nobody and knows no clock."""

from kzero_scim.fleet.page.render import render_page

__all__ = ["render_page"]
