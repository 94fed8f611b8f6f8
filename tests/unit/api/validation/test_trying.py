"""A pool template tried in the place of one that cannot be printed any more."""

import pytest

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.language.process import Direct
from api.auto_pools.templates.offline import Outcome
from api.auto_pools.templates.stored_template import StoredTemplate
from api.validation import judge
from api.validation.judgement import Judgement, TryTemplate
from sdk.errors import InvalidSpec


@pytest.mark.parametrize("failure", [InvalidSpec("pool template", "no"), MemoryError()])
def test_a_text_that_cannot_be_printed_can_be_replaced(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """Whatever it fails of: the new text is looked at by itself."""

    def outcome(_printer: Direct, template: StoredTemplate, *_: object) -> Outcome:
        if template.text == "before":
            raise failure
        return Outcome(pool=None, statuses={})

    monkeypatch.setattr(judge, "outcome", outcome)
    question = TryTemplate(
        name="web", text="after", before="before", tasks=(), dialects=Dialects(), raw_strings=True, seconds=1.0
    )
    assert judge.try_template(question) == Judgement()
