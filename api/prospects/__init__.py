"""Whether services that are about to be stored get servers of the tasks that run now: for the people who write them.

question.py (which services are new, and the form in which they travel) -> client.py (asks, with little patience) ->
answerer.py (in the template process in charge, when it may take time) -> prospect.py (what is found).
"""
