"""Pools that come from the labels of applications.

The core is pure and knows neither a clock nor ZooKeeper: labels -> claims (claim.py) -> one pool per pool template. A
thin shell within the template process feeds it with tasks and stores what it makes.
"""
