"""The front door for the browser: pages and reports."""
