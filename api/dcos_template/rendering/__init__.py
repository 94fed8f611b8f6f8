"""From a pool to the text of HAProxy's configuration, in processes of its own."""
