"""The table of rules."""

from dataclasses import fields

from sdk.door.accept import RULES


def test_rules_read_fields_that_exist_and_say_what_they_want() -> None:
    """Each rule is about fields of its class, and has a sentence for the reference."""
    for kind, rules in RULES.items():
        names = {field.name for field in fields(kind)}
        assert rules
        for rule in rules:
            assert names.issuperset(rule.fields), rule
            assert rule.sentence.endswith("."), rule
