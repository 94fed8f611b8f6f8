"""docs/reference/metrics.md against what the processes export."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from api.dcos_template.metrics import TemplateMetrics
from api.mesos_listener.metrics import ListenerMetrics
from api.observed.instance_metrics import families
from api.web.http import RequestMetrics
from pool_executor.lbmgr.status import own_metrics
from pool_executor.lbmgr.status.observed import Observed
from sdk.metrics import Metrics
from tests.unit.pool_executor.contract.test_status import STATUS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
HOW_TO = (ROOT / "docs" / "how-to" / "monitor.md").read_text()


def exported(registry: CollectorRegistry) -> set[str]:
    """The names as they are scraped: counters have a suffix, histograms are named by their stem."""
    return {family.name + "_total" * (family.type == "counter") for family in registry.collect()}


def listed(section: str) -> set[str]:
    """The names in the first column of the table below a heading that begins so."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (found,) = (part for part in text if part.startswith(section))
    return set(re.findall(r"^\| `([a-z_]+)`", found, re.MULTILINE))


def named_in(*modules: str) -> set[str]:
    """Names of metrics that stand in the source of these modules."""
    return {
        name
        for module in modules
        for name in re.findall(r'"(edgelb_(?:api|listener|template)_[a-z_]+)"', (ROOT / module).read_text())
    }


def test_the_metrics_of_the_api_are_on_the_page() -> None:
    """Those of its registry, and the gauge that the application adds."""
    registry = CollectorRegistry()
    RequestMetrics(registry)
    of_instances = {family.name + "_total" * (family.type == "counter") for family in families()}
    assert listed("API server") == exported(registry) | named_in("api/web/app.py") | of_instances


def test_the_metrics_of_the_scheduler_are_on_the_page() -> None:
    """Every framework has them."""
    assert listed("Scheduler") == exported(Metrics().registry)


def test_the_metrics_of_listener_and_template_are_on_the_page() -> None:
    """Gauges are named where they are read, counters and histograms are in a registry."""
    assert listed("mesos-listener") == named_in("api/mesos_listener/main.py") | exported(ListenerMetrics().registry)
    assert listed("Template process") == named_in("api/dcos_template/main.py") | exported(TemplateMetrics().registry)


def test_the_metrics_of_lbmgr_are_on_the_page() -> None:
    """Those that are not as for all instances at the API."""
    observed = Observed(pool="web", status=STATUS, behind=0, connected=True, turn_age=0.0)
    told = set(re.findall(r"^# TYPE ([a-z_]+) ", own_metrics.text(observed).decode(), re.MULTILINE))
    of_instances = {name.replace("edgelb_instance", "edgelb_lbmgr") for name in listed("API") if "_instance_" in name}
    assert of_instances < told
    assert listed("Load balancers") == told - of_instances


def test_the_how_to_names_only_metrics_that_there_are() -> None:
    """In queries of alerts and in sentences."""
    prefixes = re.findall(r"^### `(haproxy_[a-z]+_)`\n\n((?:.+\n)+)", PAGE, re.MULTILINE)
    known = {prefix + name for prefix, text in prefixes for name in re.findall(r"`([a-z_]+)`", text)}
    known |= {name for section in ("API", "Scheduler", "mesos", "Template", "Load") for name in listed(section)}
    known |= {name + end for name in known for end in ("_bucket", "_sum", "_count")}
    used = set(
        re.findall(
            r"\b(?:edgelb_(?:api|listener|template|instance|lbmgr|tasks)|sdk|haproxy_(?:frontend|backend|server|process))_[a-z_]+",
            HOW_TO,
        )
    )
    assert used - known == set()
    assert len(used) > 10
