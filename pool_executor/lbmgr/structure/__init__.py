"""Everything but the servers: followed, put together as files, checked, and loaded or edited."""
