"""The routes of the API, by what they are about, in the forms of both of its versions."""
