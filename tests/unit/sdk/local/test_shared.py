"""Values that are kept once: equal ones are one object, and what clients send does not fill the memory."""

from sdk.local.core.shared import Shared, shared_task


def test_equal_values_are_one_object() -> None:
    """But only those that are written alike: 1 and 1.0 are not."""
    values = Shared()
    first = values.get({"a": 1})
    assert values.get({"a": 1}) is first
    assert values.get({"a": 1.0}) is not first


def test_a_huge_value_is_not_remembered() -> None:
    """Labels may be of any length, and their task may be gone long before they would be forgotten."""
    values = Shared()
    huge = {"labels": [{"key": "k", "value": "x" * 10_000_000}]}
    assert values.get(huge) is huge
    assert values.size == 0


def test_many_values_are_forgotten() -> None:
    """All together take no more than some megabytes."""
    values = Shared()
    sizes = []
    for number in range(1000):
        values.get(f"{number}{'x' * 50_000}")
        sizes.append(values.size)
    assert 10_000_000 < max(sizes) <= 20_000_000


def test_parts_of_tasks_are_shared() -> None:
    """Two tasks of an application have the same labels and resources, each its own id."""
    one, two = (
        shared_task({"task_id": {"value": name}, "labels": {"labels": []}, "resources": [{"name": "cpus"}]})
        for name in ("t1", "t2")
    )
    assert one["labels"] is two["labels"]
    assert one["resources"] is two["resources"]
    assert one["task_id"] != two["task_id"]


def test_the_labels_of_ports_are_shared_and_their_numbers_are_not() -> None:
    """Nothing of a discovery is lost on the way."""
    pair = {"labels": [{"key": "VIP_0", "value": "/web:80"}]}
    given = [
        {"visibility": "CLUSTER", "ports": {"ports": [{"number": number, "labels": dict(pair)}, {"number": 1}]}}
        for number in (8000, 8001)
    ]
    one, two = (shared_task({"discovery": item})["discovery"] for item in given)
    assert [one, two] == given
    assert one["ports"]["ports"][0]["labels"] is two["ports"]["ports"][0]["labels"]
