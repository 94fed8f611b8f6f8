"""Requests made by the API's own description, right ones and wrong ones: no answer is an unexpected error."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.pools import minimal
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration

#: What is answered when others do not: ZooKeeper, the scheduler, the template, an instance.
_OF_OTHERS = {502, 503, 504}
_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.sampled_from(["\x00", "\n", "'\"", "${HOME}", "%[env(HOME)]", "a" * 300, "ünï", "../..", "-1", "é\u2028"]),
)
_NAMES = st.sampled_from(["web", "nope", "a..b", "UPPER", "%2e%2e", "x" * 300, "web%0a", "%00", "ü"])


class Described:
    """The values that a schema of the description allows, and now and then one that it does not."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
        """Deep ones are cut off."""
        return st.one_of(self._fitting(schema, depth), _ODD) if depth else self._fitting(schema, depth)

    def _fitting(self, schema: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        match kind:
            case "object" if depth < 6:
                properties = schema.get("properties", {})
                known = {name: self.value(inner, depth + 1) for name, inner in properties.items()}
                return st.fixed_dictionaries({}, optional=known)
            case "array" if depth < 6:
                return st.lists(self.value(schema.get("items", {}), depth + 1), max_size=2)
            case "integer":
                return st.integers(schema.get("minimum", -1), min(schema.get("maximum", 1 << 31), 1 << 31))
            case "number":
                return st.floats(schema.get("minimum", -1), schema.get("maximum", 1e6))
            case "boolean":
                return st.booleans()
            case "string":
                return st.sampled_from(["", "web", "app", "80", "a.test", "/x", "(", "/w"])
        return _ODD


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
        and "responses" in operation
        # It would take the pools of this test down; its own tests do so.
        and not (path == "/v2/uninstall" and method == "post")
    ]


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a request, when one is told
@given(data=st.data())
def test_no_request_meets_an_unexpected_error(client: FlaskClient, data: st.DataObject) -> None:
    """Neither one that is made by the description nor one that is made up."""
    document = client.get("/openapi.json").json
    method, path, operation = data.draw(st.sampled_from(operations(document)))
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    where = path
    for name in names:
        where = where.replace(f"{{{name}}}", data.draw(_NAMES))
    query = data.draw(st.sampled_from(["", "?dryRun=true", "?dryRun=x", "?task=a", "?task=", "?%00=%ff"]))
    headers = data.draw(
        st.dictionaries(
            st.sampled_from(["If-Match", "If-None-Match", "Accept", "Content-Type"]),
            st.sampled_from(["*", '"a-1"', 'W/"a-1"', "a", "application/problem+json", "application/json", '"', ","]),
            max_size=2,
        )
    )
    sent: dict[str, Any] = {}
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            usual = st.sampled_from([minimal(), minimal_v1(), {"pools": [minimal_v1()]}])
            sent = {"json": data.draw(st.one_of(usual, Described(document).value(content["schema"]), _ODD))}
        else:
            sent = {"data": data.draw(st.text(max_size=50)).encode(errors="replace"), "content_type": kind}
    answer = client.open(f"{where}{query}", method=method.upper(), headers=headers, **sent)
    assert answer.status_code < 500 or answer.status_code in _OF_OTHERS, (method, where, sent, answer.text)
    if answer.status_code >= 400 and "json" in answer.mimetype:
        assert answer.json.get("message") or answer.json.get("detail")
