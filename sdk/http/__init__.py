"""The HTTP routes that every framework gets, and the server they run on."""
