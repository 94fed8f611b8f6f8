"""Whether an application is exposed, where, and if not, why: for people who ask.

search.py (which tasks are meant) -> facts.py (what the template process knows of each) -> reason.py (the first thing
in the way) -> answer.py (of all tasks together), with places.py (under which URLs) on the side of the API.
"""
