"""The language of pool templates: what one says about the pool that is made of the labels of applications.

Everything here runs in a process of its own (process.py), for a template may be anybody's: it is printed in a sandbox,
with a limit on time and memory. Other processes know meaning.py, and ask through interpreter.py.
"""
