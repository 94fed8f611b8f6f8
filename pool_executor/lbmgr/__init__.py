"""lbmgr: makes the HAProxy of a pool instance follow the pool's structure and endpoints."""
