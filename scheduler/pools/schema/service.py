"""The V2 form of services."""

from scheduler.pools.fields import Choice, Flag, Number, Strict, Text, Whole, nested
from scheduler.pools.model import Check, Endpoint, EndpointType, MarathonSelector, MesosSelector, ProxyProtocol, Service
from scheduler.pools.words import server_words, texts
from scheduler.pools.words.patterns import pattern_problem


class CheckSchema(Strict):
    MODEL = Check
    enabled = Flag()
    custom_str = Text(server_words.check_problem, data_key="customStr")


class EndpointSchema(Strict):
    MODEL = Endpoint
    type = Choice(EndpointType)
    address = Text(texts.server_address, normal=texts.without_root_dot)
    port = Whole(1, 65535, unset=-1)
    port_name = Text(texts.plain, data_key="portName")
    all_ports = Flag(data_key="allPorts")
    trust_announced = Flag(data_key="trustAnnounced")
    check = nested(CheckSchema)
    weight = Whole(0, 256)
    backup = Flag()
    max_connections = Whole(0, 1_000_000, data_key="maxConnections")
    slow_start = Number(0, 3600, data_key="slowStart")
    proxy_protocol = Choice(ProxyProtocol, data_key="proxyProtocol")
    misc_str = Text(server_words.misc_problem, data_key="miscStr")


class MarathonSchema(Strict):
    MODEL = MarathonSelector
    service_id = Text(texts.plain, data_key="serviceID")
    service_id_pattern = Text(pattern_problem, data_key="serviceIDPattern")
    container_name = Text(texts.plain, data_key="containerName")
    container_name_pattern = Text(pattern_problem, data_key="containerNamePattern")


class MesosSchema(Strict):
    MODEL = MesosSelector
    framework_name = Text(texts.plain, data_key="frameworkName")
    framework_name_pattern = Text(pattern_problem, data_key="frameworkNamePattern")
    framework_id = Text(texts.plain, data_key="frameworkID")
    framework_id_pattern = Text(pattern_problem, data_key="frameworkIDPattern")
    task_name = Text(texts.plain, data_key="taskName")
    task_name_pattern = Text(pattern_problem, data_key="taskNamePattern")
    task_id = Text(texts.plain, data_key="taskID")
    task_id_pattern = Text(pattern_problem, data_key="taskIDPattern")


class ServiceSchema(Strict):
    MODEL = Service
    # As version 1 of the API called it.
    MEANT = {"framework": "mesos.frameworkName"}  # noqa: RUF012 - declared as a class variable in Strict
    percent = Whole(-1, 100)
    marathon = nested(MarathonSchema)
    mesos = nested(MesosSchema)
    endpoint = nested(EndpointSchema)
