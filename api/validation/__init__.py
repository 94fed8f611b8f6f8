"""What becomes of a pool before it is stored: whether HAProxy takes it, and what a change of it would do.

It is done in processes of their own, by what the template and the load balancers go by themselves.
"""
