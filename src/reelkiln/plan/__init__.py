"""Deciding, before anything is loaded, how a shot will be rendered. Pure: values in, values out."""
