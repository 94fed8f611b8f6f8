"""How a framework presents itself to Mesos when frameworks.json has changed since it was registered."""

from dataclasses import replace

from scheduler.main import framework_info
from sdk.frameworks import parse_frameworks
from sdk.http.views import kept
from sdk.model.ids import FrameworkId
from sdk.model.records import FrameworkRecord


def test_the_framework_goes_on_as_it_was_told_and_says_what_is_not_followed() -> None:
    """An UPDATE_FRAMEWORK with another user would be refused, and its roles with it."""
    entry = {"name": "f", "plugin": "a:B", "roles": ["r"], "user": "www", "checkpoint": False}
    config = parse_frameworks({"frameworks": [entry]})[0]
    record = FrameworkRecord(name="f", framework_id=FrameworkId("f-1"), user="root", checkpoint=True)
    info = framework_info(config, record, "http://here")
    assert (info.user, info.checkpoint) == ("root", True)
    said = kept(record, config)
    assert said[0] == "user stays 'root': frameworks.json says 'www', which holds after an uninstall only"
    assert said[1].startswith("checkpoint stays True")
    fresh = replace(record, framework_id=None, user=None, checkpoint=None)
    info = framework_info(config, fresh, "http://here")
    assert (info.user, info.checkpoint, kept(fresh, config)) == ("www", False, [])
