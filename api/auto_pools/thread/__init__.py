"""The thread of auto pools within the template process: tasks and pool templates come in, stored pools go out.

`worker.py` is the door.
"""
