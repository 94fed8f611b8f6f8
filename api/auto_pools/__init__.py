"""Pools that come from the labels of applications.

Labels (`labels`, `marathon_lb`) become claims (claim.py), of which some are held (`claims`); what is held is made into
one pool for each pool template (`making`). All this is pure: it knows neither a clock nor ZooKeeper. The thread within
the template process (`thread`) feeds it with tasks, follows pool templates (`templates`), and stores what is made.
"""
