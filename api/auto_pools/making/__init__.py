"""A generated pool, made from the claims that are held. Pure.

`auto_pool.py` is the door: tasks in, one pool out.
"""
