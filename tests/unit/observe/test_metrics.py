"""The text that Prometheus reads: valid whatever is counted, with buckets that add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from localshop.observe.counters import snapshot, took
from localshop.observe.metrics import BUCKETS, METRICS, bucket_of, exposition


def samples(text):
    """All samples, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.dictionaries(st.text(max_size=20), st.floats(0, 1e15), max_size=5))
def test_whatever_a_label_holds_the_text_can_be_read(amounts):
    """One odd byte in a label must not take all numbers away."""
    counts = {("refusals_total", (("slug", slug),)): amount for slug, amount in amounts.items()}
    found = samples(exposition(counts))
    for slug, amount in amounts.items():
        assert found["localshop_refusals_total", (("slug", slug),)] == amount


def test_every_metric_is_declared_with_its_kind():
    families = {family.name: family for family in text_string_to_metric_families(exposition({}))}
    assert set(families) == {f"localshop_{metric.name.removesuffix('_total')}" for metric in METRICS}
    assert all(family.documentation for family in families.values())
    assert families["localshop_upstream_seconds"].type == "histogram"


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=50))
def test_the_buckets_of_a_histogram_hold_what_is_below_them(durations):
    counts = {}
    for seconds in durations:
        key = ("job_seconds_bucket", (("name", "tidy"), ("outcome", "done"), ("le", bucket_of(seconds))))
        counts[key] = counts.get(key, 0) + 1
    found = samples(exposition(counts))
    for bound in BUCKETS:
        text = str(int(bound)) if bound == int(bound) else str(bound)
        labels = (("le", text), ("name", "tidy"), ("outcome", "done"))
        assert found["localshop_job_seconds_bucket", labels] == sum(one <= bound for one in durations)
    labels = (("le", "+Inf"), ("name", "tidy"), ("outcome", "done"))
    assert found["localshop_job_seconds_bucket", labels] == len(durations)


def test_a_duration_is_counted_once_and_summed():
    before = snapshot()
    took("upstream_seconds", 0.3, origin="https://here.example:443")
    took("upstream_seconds", 700.0, origin="https://here.example:443")
    found = samples(exposition(snapshot()))
    labels = (("origin", "https://here.example:443"),)
    assert ("upstream_seconds_sum", labels) not in before
    assert found["localshop_upstream_seconds_count", labels] == 2
    assert found["localshop_upstream_seconds_sum", labels] == 700.3


def test_no_metric_names_what_is_private():
    """Whoever watches the machine need not know what the company works on."""
    labels = {label for metric in METRICS for label in metric.labels}
    assert not labels & {"project", "repository", "user", "filename", "address", "credential", "package"}
