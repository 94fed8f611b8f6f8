"""What a person is told of an error of the API: one line for each field that is refused. Pure."""

import re

from api.cli.exits import Exit
from api.client.errors import ApiError, ApiUnreachable
from scheduler.pools.words import texts

_NOT_YET = re.compile(r"(?P<field>[^:]+: .*?)(?: is|:)? ?not supported yet(?P<rest>;.*)?")
_WORD = "lower case letters, digits and -, with a letter or digit at both ends"
_LIST = "docs/reference/pool.md lists them"


def complaint(error: ApiError) -> str:
    """The error's sentence, or a list where several fields are refused."""
    if len(error.errors) < 2:
        return explained(error.message)
    missing = [found for one in error.errors if (found := _NOT_YET.fullmatch(one))]
    lines = [f"  {explained(one)}" for one in error.errors if not _NOT_YET.fullmatch(one)]
    if missing:
        lines.append(f"  {len(missing)} field{' is' if len(missing) == 1 else 's are'} not supported yet ({_LIST}):")
        lines += [f"    {one['field'].rstrip(': ')}{one['rest'] or ''}" for one in missing]
    if error.more:
        lines.append(f"  and {error.more} more")
    return "\n".join([f"{len(error.errors) + error.more} fields of the pool are refused:", *lines])


def explained(sentence: str) -> str:
    """The sentence; where the documented one is a regular expression only, what that means stands behind it."""
    documented = f"did not match {texts.POOL_NAME}"
    return sentence.replace(documented, f"{documented} ({_WORD})")


def exit_code(error: ApiError | ApiUnreachable) -> Exit:
    """The code for an error of the client."""
    if isinstance(error, ApiUnreachable):
        return Exit.UNREACHABLE
    match error.status:
        case status if 400 <= status < 500 and not error.ours:
            # What another server does not know says nothing about pools.
            return Exit.FAILED
        case 404:
            return Exit.NOT_FOUND
        case 503:
            return Exit.UNREACHABLE
        case 501:
            return Exit.NOT_YET
        case status if 400 <= status < 500:
            return Exit.REFUSED
        case _:
            return Exit.FAILED
