"""lbmgr: one thread that makes the HAProxy of a pool instance follow the pool's bundle."""
