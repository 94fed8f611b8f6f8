"""Who holds what labels ask for: claims of applications, where they meet, and what policy lets them have. Pure.

Knows nothing of pools' texts, clocks and ZooKeeper; what is held is made into a pool by `making`.
"""
