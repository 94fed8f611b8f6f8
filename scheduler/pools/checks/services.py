"""Services: fields that exclude each other or are missing."""

from collections.abc import Iterator

from scheduler.pools.model import EndpointType, Service
from scheduler.pools.problems import Problem
from scheduler.pools.words.server_fields import said_twice


def service_problems(path: str, service: Service) -> Iterator[Problem]:
    endpoint = service.endpoint
    for option, field in said_twice(endpoint):
        rule = f"holds {option}, of which {field} says something, too; give one of them"
        yield Problem(path=f"{path}.endpoint.miscStr", value=endpoint.misc_str, rule=rule)
    selects = not (service.marathon.is_empty and service.mesos.is_empty)
    if endpoint.type is EndpointType.ADDRESS:
        if not endpoint.address:
            yield Problem(path=f"{path}.endpoint.address", rule="is required when endpoint.type is ADDRESS")
        if endpoint.port is None:
            yield Problem(path=f"{path}.endpoint.port", rule="is required when endpoint.type is ADDRESS")
        if endpoint.port_name or endpoint.all_ports:
            yield Problem(
                path=f"{path}.endpoint", rule="portName and allPorts name ports of tasks; ADDRESS takes only port"
            )
        if selects:
            rule = "a task selector has no effect when endpoint.type is ADDRESS; remove one of the two"
            yield Problem(path=path, rule=rule)
        return
    if endpoint.address:
        rule = f"is only allowed when endpoint.type is ADDRESS, not {endpoint.type}"
        yield Problem(path=f"{path}.endpoint.address", value=endpoint.address, rule=rule)
    if not selects:
        rule = "selects nothing: give a field of marathon or mesos, or endpoint.type ADDRESS with an address"
        yield Problem(path=path, rule=rule)
    given = [
        name
        for name, value in (("port", endpoint.port), ("portName", endpoint.port_name), ("allPorts", endpoint.all_ports))
        if value
    ]
    if len(given) > 1:
        yield Problem(path=f"{path}.endpoint", rule=f"{' and '.join(given)} exclude each other; give one of them")
