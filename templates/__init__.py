"""Jinja2 templates as package data. They print models and decide nothing."""
